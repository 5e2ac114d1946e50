"""What may be asked of a trial design; all problems are listed at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral

from lymphokin.io.problems import Findings

LARGEST_ARM = 2000
"""Patients per arm; beyond it the tables are too many to list."""

RULES: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "rate": ("a rate from 0 to 1", lambda v: 0 <= v <= 1),
    "drop-out": ("a probability from 0 to below 1", lambda v: 0 <= v < 1),
    "level": ("a level above 0 and below 1", lambda v: 0 < v < 1),
    "patients": (
        f"a whole number of patients from 1 to {LARGEST_ARM}",
        lambda v: isinstance(v, Integral) and 1 <= v <= LARGEST_ARM,
    ),
    "count": ("a whole number, 0 or more", lambda v: isinstance(v, Integral) and v >= 0),
    "many": ("a whole number of at least 1", lambda v: isinstance(v, Integral) and v >= 1),
    "beta": (
        "a parameter of a Beta distribution, above 0 and at most 1e6",
        lambda v: 0 < v <= 1e6,
    ),
    "positive": ("a finite number above 0", lambda v: 0 < v < float("inf")),
}
"""Kinds of numbers: what is expected, and whether a value is that."""


class Demands:
    """Collects what is wrong with the numbers of one request."""

    def __init__(self, where: str = "trial design") -> None:
        self._findings = Findings(where)

    def want(self, kind: str, **values: float | None) -> Demands:
        """Each value (by its name as the user knows it) must be of a kind; None is left out."""
        expected, holds = RULES[kind]
        for name, value in values.items():
            if value is not None and not holds(value):
                self._findings.add(None, name.replace("_", " "), str(value), expected)
        return self

    def that(self, holds: bool, name: str, found: object, expected: str) -> Demands:
        """A condition of its own."""
        if not holds:
            self._findings.add(None, name, str(found), expected)
        return self

    def enforce(self) -> None:
        """Raise BadInput with everything that is wrong."""
        self._findings.raise_if_any()
