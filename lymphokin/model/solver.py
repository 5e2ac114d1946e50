"""Which solver a model asks for, where the built-in one does not suit it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lymphokin.model.block import ModelError

if TYPE_CHECKING:
    import diffrax


@cache
def solvers() -> dict[str, type[diffrax.AbstractAdaptiveSolver[Any]]]:
    """Runge-Kutta methods of diffrax that choose their own steps, by lower-case name."""
    import diffrax  # only models that ask for it pay for the import

    found = {}
    for name in dir(diffrax):
        kind = getattr(diffrax, name)
        if (
            isinstance(kind, type)
            and issubclass(kind, diffrax.AbstractAdaptiveSolver)
            and issubclass(kind, diffrax.AbstractRungeKutta)
            and not name.startswith("Abstract")
            and kind.term_structure is diffrax.AbstractTerm  # not those of two-part equations
        ):
            found[name.lower()] = kind
    return found


@dataclass(frozen=True)
class AdaptiveSolver:
    """A solver of diffrax that chooses its steps, for models whose states drive each other hard.

    ``name``: of a Runge-Kutta method of diffrax in lower case, explicit (``tsit5``, ``dopri8``) or
    implicit (``kvaerno5``, for stiff equations). ``rtol``, ``atol``: error allowed per step,
    relative and in the states' own units. ``max_steps``: between two nodes of the timeline; where
    they do not suffice the solution is not a number, and a fit is refused.

    Raises:
        ModelError: when a value cannot be used.
    """

    name: str
    rtol: float = 1e-6
    atol: float = 1e-9
    max_steps: int = 1024

    def __post_init__(self) -> None:
        if self.name not in solvers():
            raise ModelError(f"no solver {self.name!r}: expected one of {', '.join(solvers())}")
        for tolerance in ("rtol", "atol"):
            value = getattr(self, tolerance)
            if not 0 < value < 1:
                raise ModelError(f"solver {self.name}: {tolerance} must lie in (0, 1), not {value}")
        if self.max_steps < 1:
            raise ModelError(
                f"solver {self.name}: max_steps must be at least 1, not {self.max_steps}"
            )

    def method(self) -> diffrax.AbstractAdaptiveSolver[Any]:
        """The solver of diffrax."""
        return solvers()[self.name]()
