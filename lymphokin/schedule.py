"""Treatment calendars: radiotherapy fractions on weekdays, pulses of a drug, repeated doses.

Times are days from the first fraction (day 0). Nothing here is a recommendation: these functions
only expand a stated regimen into the times and amounts of its doses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd  # a second to import; only tables need it

SATURDAY = 5
LONGEST_INFUSION_HOURS = 28 * 24.0
"""Of one dose: infusions of four weeks are given; beyond, it is a slip of the unit (judgement)."""


def _next_weekday(day: int, first_weekday: int) -> int:
    """`day`, or the Monday after it when it falls on a weekend (day 0 is `first_weekday`)."""
    past_friday = (first_weekday + day) % 7 - SATURDAY
    return day if past_friday < 0 else day + 2 - past_friday


def treatment_days(
    n_fractions: int, first_weekday: int, gap: int = 1, earliest: int = 0
) -> NDArray[np.int64]:
    """Days of `n_fractions` fractions, none on a weekend; shape `[fraction]`.

    `first_weekday`: weekday of day 0, Monday = 0 (`date.weekday()`); a weekend is refused.
    `gap`: calendar days from one fraction to the next (1 daily, 2 every other day); a fraction
    that would fall on a weekend waits for Monday. `earliest`: first day allowed for the first
    fraction (0 = day 0). Raises ValueError on values without a meaning.
    """
    if n_fractions < 1 or gap < 1 or earliest < 0:
        raise ValueError(
            "a course needs n_fractions >= 1, gap >= 1 and earliest >= 0; got "
            f"n_fractions={n_fractions}, gap={gap}, earliest={earliest}"
        )
    if not 0 <= first_weekday < SATURDAY:
        raise ValueError(
            f"radiotherapy starts on a weekday, Monday (0) to Friday (4); got {first_weekday}"
        )
    days = [_next_weekday(earliest, first_weekday)]
    while len(days) < n_fractions:
        days.append(_next_weekday(days[-1] + gap, first_weekday))
    return np.array(days, dtype=np.int64)


@dataclass(frozen=True)
class Course:
    """The SBRT of one lesion, or the common SBRT of all lesions of a patient.

    `prescribed_gy`: prescribed dose of one fraction. `gap`: calendar days between fractions.
    `lesion`: 1..N, or 0 for every lesion at each fraction. `earliest`: first day allowed for its
    first fraction, so that lesions can be treated one after the other.
    """

    prescribed_gy: float
    n_fractions: int
    gap: int = 1
    lesion: int = 0
    earliest: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.prescribed_gy < np.inf:
            raise ValueError(f"a fraction needs a dose above 0 Gy; got {self.prescribed_gy}")


def fractions(courses: Iterable[Course], start: date) -> pd.DataFrame:
    """All fractions of a patient whose first fraction is on `start`.

    Columns: day (float, days from the first fraction), prescribed_gy, lesion; sorted by day and
    lesion. At least one course must begin on day 0. Raises ValueError otherwise, and when
    `start` is on a weekend.
    """
    import pandas as pd

    courses = list(courses)
    if all(course.earliest > 0 for course in courses):
        raise ValueError("day 0 is the first fraction: give a course with earliest=0")
    parts = [
        pd.DataFrame(
            {
                "day": treatment_days(c.n_fractions, start.weekday(), c.gap, c.earliest).astype(
                    np.float64
                ),
                "prescribed_gy": float(c.prescribed_gy),
                "lesion": c.lesion,
            }
        )
        for c in courses
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["day", "lesion"], kind="stable", ignore_index=True)


@dataclass(frozen=True)
class PulseCalendar:
    """Short pulses of a drug, repeated every `interval_days`.

    `doses_per_day` doses are spread evenly over 24 h. `first_dose_day`: time of the first intake
    in days from the first fraction, e.g. 2/24 for two hours after it. The absorption lag is not
    part of the regimen. Usual regimens: :func:`lymphokin.regimens.usual_pulses`. The dose of a day
    is `mg_per_m2_per_day`, or `amount_per_day` in the drug's unit, whatever the body surface;
    `per_mg`: how many of the drug's unit a milligram is. `infusion_hours`: how long each dose
    lasts, 0 where it is given at once.
    """

    drug: str
    mg_per_m2_per_day: float | None
    days_per_pulse: int
    interval_days: float
    cycles: int
    doses_per_day: int = 1
    first_dose_day: float = 0.0
    amount_per_day: float | None = None
    per_mg: float = 1.0
    infusion_hours: float = 0.0

    def __post_init__(self) -> None:
        stated = [d for d in (self.mg_per_m2_per_day, self.amount_per_day) if d is not None]
        if len(stated) != 1 or not 0 < stated[0] < np.inf:
            raise ValueError(
                "a pulse needs either mg_per_m2_per_day or amount_per_day, above 0; got "
                f"{self.mg_per_m2_per_day} and {self.amount_per_day}"
            )
        if min(self.days_per_pulse, self.cycles, self.doses_per_day) < 1:
            raise ValueError("days_per_pulse, cycles and doses_per_day must be at least 1")
        if not np.isfinite(self.first_dose_day):
            raise ValueError(f"first_dose_day must be finite; got {self.first_dose_day}")
        if self.cycles > 1 and not self.days_per_pulse <= self.interval_days < np.inf:
            raise ValueError(
                f"pulses of {self.days_per_pulse} days every {self.interval_days} days overlap"
            )

    @property
    def infusion_days(self) -> float:
        """Days that each dose lasts."""
        return self.infusion_hours / 24

    def amount(self, bsa: Any) -> Any:
        """Amount of one intake in the drug's unit, for body surface areas (m2; number or array)."""
        if self.amount_per_day is not None:
            return self.amount_per_day / self.doses_per_day + 0.0 * bsa
        assert self.mg_per_m2_per_day is not None
        return self.mg_per_m2_per_day * bsa / self.doses_per_day * self.per_mg

    def doses(self, bsa: float) -> pd.DataFrame:
        """Every intake of a patient with body surface area `bsa` (m2).

        Columns: day, drug, amount_mg (in the drug's unit), duration (days); sorted by day.
        """
        import pandas as pd

        if not 0 < bsa < np.inf:
            raise ValueError(f"body surface area must be above 0 m2; got {bsa}")
        cycle, day, intake = np.meshgrid(
            np.arange(self.cycles),
            np.arange(self.days_per_pulse),
            np.arange(self.doses_per_day),
            indexing="ij",
        )
        times = cycle * self.interval_days + day + intake / self.doses_per_day
        return pd.DataFrame(
            {
                "day": self.first_dose_day + times.ravel(),
                "drug": np.full(times.size, self.drug, dtype=object),
                "amount_mg": self.amount(bsa),
                "duration": self.infusion_days,
            }
        )


def expand_repeats(
    day: NDArray[np.float64], interval: NDArray[np.float64], additional: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Unfold records with II and ADDL into single doses.

    `day`, `interval` (II, days) and `additional` (ADDL, 0 = a single dose) have shape `[record]`;
    `interval` is read only where `additional > 0`. Returns, in record order, the record each
    dose comes from and its day; shapes `[dose]`.
    """
    copies = additional + 1
    record = np.repeat(np.arange(len(day)), copies)
    nth = np.arange(len(record)) - np.repeat(np.cumsum(copies) - copies, copies)
    repeat = np.where(nth > 0, nth * np.where(nth > 0, interval[record], 0.0), 0.0)
    return record, day[record] + repeat
