"""What is given to one patient."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from lymphokin.quantities import DRUG

SAME_DAY = 1e-9
"""Days closer than this are the same instant (0.1 ms)."""


class Changes(NamedTuple):
    """A covariate of one patient over time: each value holds until the next one is stated."""

    days: np.ndarray
    """[change] on which a value is stated, sorted"""
    values: np.ndarray
    """[change]"""
    missing: float
    """what counts before the first"""

    def at(self, days: np.ndarray) -> np.ndarray:
        """Values right after some days."""
        values = np.concatenate([[self.missing], self.values])
        return values[np.searchsorted(self.days, days + SAME_DAY, "right")]

    @property
    def leaves(self) -> np.ndarray:
        """Days from which the value is another than before."""
        return self.days[np.diff(np.concatenate([[self.missing], self.values])) != 0]


@dataclass(frozen=True, eq=False)
class Treatment:
    """Fractions and drug doses of one patient; days count from the first fraction.

    Attributes:
        fraction_days: [fraction].
        immune_dose: [fraction] dose to the immune system, Gy.
        share: [fraction] part of the prescribed dose of all fractions; sums to 1.
        dose_days: [dose] days on which a drug is given.
        amount: [dose] in the drug's unit.
        days: days, besides those, on which the solution is wanted.
        drug: [dose] name of the drug; None where all doses are of the usual one.
        duration: [dose] days that an infusion lasts, 0 where all is given at once; None where no
            dose is an infusion.
        lesion_gy: [fraction, lesion] Gy to each lesion of the patient; None where lesions are not
            distinguished.
        lesion_cm3: [lesion] volume of each lesion, NaN where not stated; None where lesions are not
            distinguished.
        resets: days on which the patient is set back to the untreated state, before what is given.
        varying: values of covariates that change, by name.
        at_risk_from: day from which events can happen; None: from the day on which the solution
            begins.
    """

    fraction_days: np.ndarray
    immune_dose: np.ndarray
    share: np.ndarray
    dose_days: np.ndarray
    amount: np.ndarray
    days: np.ndarray = field(default_factory=lambda: np.zeros(0))
    drug: np.ndarray | None = None
    duration: np.ndarray | None = None
    lesion_gy: np.ndarray | None = None
    lesion_cm3: np.ndarray | None = None
    resets: np.ndarray = field(default_factory=lambda: np.zeros(0))
    varying: Mapping[str, Changes] = field(default_factory=dict)
    at_risk_from: float | None = None

    def is_of(self, drugs: Collection[str]) -> np.ndarray:
        """[dose] whether it is a dose of one of these drugs."""
        if self.drug is None:
            return np.full(len(self.dose_days), DRUG in drugs)
        return np.isin(self.drug, list(drugs))

    @property
    def change_days(self) -> np.ndarray:
        """Days on which a covariate changes, sorted."""
        return np.sort(np.concatenate([np.zeros(0), *(c.leaves for c in self.varying.values())]))

    @property
    def dose_ends(self) -> np.ndarray:
        """[dose] day on which it has been given."""
        return self.dose_days if self.duration is None else self.dose_days + self.duration

    @property
    def at_once(self) -> np.ndarray:
        """[dose] whether it is given at once."""
        if self.duration is None:
            return np.ones(len(self.dose_days), bool)
        return self.duration <= SAME_DAY

    def of_doses(self, kept: np.ndarray) -> Treatment:
        """The treatment with some of its doses.

        Args:
            kept: [dose] which.
        """
        return replace(
            self,
            dose_days=self.dose_days[kept],
            amount=self.amount[kept],
            drug=None if self.drug is None else self.drug[kept],
            duration=None if self.duration is None else self.duration[kept],
        )

    def before(self, day: float) -> Treatment:
        """What had been given before a count of that day.

        A count is taken before what is given on its own day.
        """
        over, taken = self.fraction_days < day, self.dose_days < day
        return replace(
            self,
            fraction_days=self.fraction_days[over],
            immune_dose=self.immune_dose[over],
            share=self.share[over],
            lesion_gy=None if self.lesion_gy is None else self.lesion_gy[over],
        ).of_doses(taken)
