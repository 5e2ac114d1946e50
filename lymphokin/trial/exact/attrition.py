"""Drop-out by chance: every patient is lost to the endpoint with the same probability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from lymphokin.trial.exact.design import Design, Size
from lymphokin.trial.inputs import Demands

NEGLIGIBLE = 1e-12
"""Numbers of evaluable patients less likely than this are left out."""
GRID = np.linspace(0.0, 1.0, 401)


@dataclass(frozen=True)
class Attrition:
    """A design by randomised patients, of whom a random number stays evaluable.

    ``drop_out``: probability that a patient has no endpoint, independent of the endpoint. The test
    is the exact one for the numbers that remain; a trial with an empty arm cannot reject.
    """

    planned: Design
    drop_out: float

    def __post_init__(self) -> None:
        expected = "a probability from 0 to below 1"
        Demands().that(0 <= self.drop_out < 1, "drop-out rate", self.drop_out, expected).enforce()

    @cached_property
    def _designs(self) -> list[tuple[float, Design]]:
        """Every likely pair of evaluable numbers: its probability and design."""
        test, alpha = self.planned.test, self.planned.alpha
        remaining = [
            binom.pmf(np.arange(n + 1), n, 1 - self.drop_out)
            for n in (self.planned.n_treated, self.planned.n_control)
        ]
        joint = np.outer(*remaining)
        joint[0, :] = joint[:, 0] = 0.0
        return [
            (float(joint[t, c]), Design(test, int(t), int(c), alpha))
            for t, c in np.argwhere(joint > NEGLIGIBLE)
        ]

    def power(self, control: float, treated: float) -> float:
        """Power averaged over who drops out."""
        Demands().want("rate", control=control, treated=treated).enforce()
        return float(sum(w * design.power(control, treated) for w, design in self._designs))

    @cached_property
    def size(self) -> Size:
        """Largest probability of rejecting at a common rate, averaged over who drops out."""

        def error(rate: float | np.ndarray) -> np.ndarray:
            return sum(
                (w * design.power(rate, rate) for w, design in self._designs), start=np.zeros(())
            )

        curve = error(GRID)
        best = int(curve.argmax())
        bounds = (GRID[max(best - 1, 0)], GRID[min(best + 1, len(GRID) - 1)])
        found = minimize_scalar(lambda p: -float(error(p)), bounds=bounds, method="bounded")
        inside = -float(found.fun), float(found.x)
        return Size(*max(inside, (float(curve[best]), float(GRID[best]))))
