"""Drop-out by chance: every patient is lost to the endpoint with the same probability."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lymphokin.trial.exact.base import tables
from lymphokin.trial.exact.design import Design, Size
from lymphokin.trial.exact.hypergeometric import given_total
from lymphokin.trial.exact.nuisance import binomial
from lymphokin.trial.inputs import Demands

NEGLIGIBLE = 1e-12
"""Numbers of evaluable patients less likely than this are left out."""


@dataclass(frozen=True)
class Attrition:
    """A design by randomised patients, of whom a random number stays evaluable.

    ``drop_out``: probability that a patient has no endpoint, independent of the endpoint. The test
    is the exact one for the numbers that remain; a trial with an empty arm cannot reject.
    """

    planned: Design
    drop_out: float

    def __post_init__(self) -> None:
        Demands().want("drop-out", drop_out_rate=self.drop_out).enforce()

    @cached_property
    def _designs(self) -> list[tuple[float, Design]]:
        """Every likely pair of evaluable numbers: its probability and design."""
        test, alpha = self.planned.test, self.planned.alpha
        remaining = evaluable_numbers(self.planned.n_treated, self.planned.n_control, self.drop_out)
        return [(weight, Design(test, *arms, alpha)) for weight, arms in remaining]

    def power(self, control: float, treated: float) -> float:
        """Power averaged over who drops out."""
        Demands().want("rate", control=control, treated=treated).enforce()
        return float(sum(w * design.power(control, treated) for w, design in self._designs))

    @cached_property
    def size(self) -> Size:
        """Largest probability of rejecting at a common rate, averaged over who drops out.

        Given how many of all planned patients would have the event, the events among those who
        stay do not depend on the common rate, as those of a whole trial do not.
        """
        planned = self.planned.n_treated + self.planned.n_control
        by_number = np.zeros((planned + 1, planned + 1))  # [patients who stay, their events]
        for weight, design in self._designs:
            error = design.error_given_total
            by_number[len(error) - 1, : len(error)] += weight * error
        whole = np.zeros(planned + 1)
        for stay in np.flatnonzero(by_number.any(axis=1)):
            of_those, of_lost = tables(int(stay), planned - int(stay))
            given = given_total(int(stay), planned - int(stay))
            weight = given * by_number[stay, : stay + 1, None]
            whole += np.bincount((of_those + of_lost).ravel(), weight.ravel())
        return Size.of(whole)


def evaluable_numbers(
    n_treated: int, n_control: int, drop_out: float
) -> Iterator[tuple[float, tuple[int, int]]]:
    """Likely numbers of treated and control patients who stay, each with its probability."""
    stays = np.asarray(1.0 - drop_out)
    joint = np.outer(binomial(n_treated, stays), binomial(n_control, stays))
    joint[0, :] = joint[:, 0] = 0.0
    for treated, control in np.argwhere(joint > NEGLIGIBLE):
        yield float(joint[treated, control]), (int(treated), int(control))
