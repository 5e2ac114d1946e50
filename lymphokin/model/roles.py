"""Parameters with a role of their own in every result."""

SUPPRESSION = "suppression"
"""How strongly myeloid cells suppress lymphocytes (gamma). Nobody has measured this link in people,
so every result is shown without it too."""
