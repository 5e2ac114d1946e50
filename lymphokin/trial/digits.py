"""How exact probabilities are written."""

from __future__ import annotations


def probability(value: float) -> str:
    """A probability with the digits that assumed rates bear; a small one never looks like zero."""
    if value == 0:
        return "0"
    if value < 0.001:
        return f"{value:.2g}"
    return f"{value:.4f}" if value == 1 or value < 0.99995 else "above 0.9999"
