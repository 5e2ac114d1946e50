"""What is given to one patient."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Treatment:
    """Fractions and drug doses of one patient; days count from the first fraction.

    Attributes:
        fraction_days: [fraction].
        immune_dose: [fraction] dose to the immune system, Gy.
        share: [fraction] part of the prescribed dose of all fractions; sums to 1.
        dose_days: [dose] days of the drug's intakes.
        amount: [dose] mg.
        days: days, besides those, on which the solution is wanted.
    """

    fraction_days: np.ndarray
    immune_dose: np.ndarray
    share: np.ndarray
    dose_days: np.ndarray
    amount: np.ndarray
    days: np.ndarray = field(default_factory=lambda: np.zeros(0))

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
            dose_days=self.dose_days[taken],
            amount=self.amount[taken],
        )
