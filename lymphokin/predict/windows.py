"""When each patient's endpoint is judged, on which days it is measured, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.endpoints import Endpoint
from lymphokin.io import Cohort
from lymphokin.io.known import has_number, settles
from lymphokin.population.lesions import lesion_doses

NEXT_TO_A_LIMIT = 1e-5
"""How much further than its limit a value is taken to lie, as a share of it."""


@dataclass(frozen=True)
class Window:
    """When one patient's curve is judged, in days from the first fraction."""

    begin: float
    end: float
    visits: np.ndarray
    """[visit] days: the patient's own inside the window, then the planned ones that are to come"""
    values: np.ndarray
    """[visit] what was measured there; NaN on days to come, and where only limits are known that
    leave open on which side of the endpoint's level it lies"""
    limits: np.ndarray
    """[visit, 2] between which the measurement lies: 0 and infinity on days to come"""

    @property
    def days(self) -> list[float]:
        """Days at which the solution is wanted."""
        return [self.begin, *map(float, self.visits), self.end]

    @property
    def observed(self) -> np.ndarray | None:
        """[1, visit] the measured values, when they reach the window's end."""
        reached = len(self.values) > 0 and not np.isnan(self.values).any()
        return self.values[None] if reached else None

    @property
    def used_before(self) -> float:
        """Records before this day are used where no last day is named: a record on the first day
        of the window is known when the window begins.
        """
        return float(np.nextafter(self.begin, np.inf))

    @property
    def known_on(self) -> float:
        """Day on which the outcome is known."""
        return self.end

    def outputs(self, quantity: str) -> list[str]:
        """Names of the curves whose sum is judged; none where the patient has nothing to judge."""
        return [quantity]

    def measured_outputs(self, quantity: str) -> list[str]:
        """[visit] name of the curve that is measured there."""
        return [quantity] * len(self.visits)


@dataclass(frozen=True)
class TwoLooks(Window):
    """One patient's fold: before treatment, and on a day.

    It begins when treatment does and ends on the endpoint's day. Visits are one before treatment of
    each lesion that is counted, then one of each on the day: a record where there is one, else
    planned. ``values`` are those of records that are not censored.
    """

    lesions: tuple[int, ...]
    """numbers of the lesions that are counted; 0 alone of what the patient has once"""
    told: np.ndarray | None
    """[1, visit] the records, where there is one of every visit and their limits settle the fold"""

    @property
    def observed(self) -> np.ndarray | None:
        return self.told

    @property
    def used_before(self) -> float:
        after = self.visits[len(self.lesions) :]
        return float(after.min()) if len(after) else self.end

    @property
    def known_on(self) -> float:
        return float(self.visits.max()) if len(self.visits) else self.end

    def outputs(self, quantity: str) -> list[str]:
        return [f"{quantity}_{lesion}" if lesion else quantity for lesion in self.lesions]

    def measured_outputs(self, quantity: str) -> list[str]:
        return 2 * self.outputs(quantity)


def windows_of(cohort: Cohort, endpoint: Endpoint) -> dict[str, Window]:
    """The window of every patient. A planned visit counts as to come when it lies more than the
    endpoint's ``window`` after the last record of the quantity.
    """
    if endpoint.of_fold:
        return _two_looks(cohort, endpoint)
    assert endpoint.until is not None
    begin, end, planned = endpoint.begin, endpoint.until, np.array(endpoint.visits)
    rows = _measurements(cohort, endpoint)
    result = {}
    for patient, start in endpoint.reference_day(cohort).items():
        of_patient = rows[rows["id"] == patient].drop_duplicates("day", keep="last")
        inside = of_patient[of_patient["day"].between(start + begin, start + end)]
        last = float(of_patient["day"].max()) if len(of_patient) else -np.inf
        coming = start + planned[start + planned > last + endpoint.window]
        values, limits = _measured(inside, endpoint.below)
        result[str(patient)] = Window(
            float(start + begin),
            float(start + end),
            np.concatenate([inside["day"].to_numpy(float), coming]),
            np.concatenate([values, np.full(len(coming), np.nan)]),
            np.concatenate([limits, np.tile([0.0, np.inf], (len(coming), 1))]),
        )
    return result


def _measurements(cohort: Cohort, endpoint: Endpoint) -> pd.DataFrame:
    """Records of the endpoint's quantity that have a value."""
    rows = cohort.observations
    return rows[(rows["quantity"] == endpoint.quantity) & rows["value"].notna()]


def _measured(rows: pd.DataFrame, level: float | None) -> tuple[np.ndarray, np.ndarray]:
    """``values`` and ``limits`` of a window, of the rows inside it."""
    value, censored = rows["value"].to_numpy(float), rows["censored"].to_numpy(bool)
    limits = _limits(rows)
    # Of a value below the level itself its limit does not lie below it.
    value = np.where(censored & (limits[:, 1] == level), value * (1 - 1e-9), value)
    return np.where(settles(rows, level), value, np.nan), limits


def _limits(rows: pd.DataFrame) -> np.ndarray:
    """[row, 2] between which the value lies; twice the value where it is known."""
    value, censored = rows["value"].to_numpy(float), rows["censored"].to_numpy(bool)
    return np.where(censored[:, None], rows[["lower", "upper"]].to_numpy(float), value[:, None])


def _two_looks(cohort: Cohort, endpoint: Endpoint) -> dict[str, Window]:
    assert endpoint.day is not None
    rows, begins = _measurements(cohort, endpoint), start_of_treatment(cohort)
    days, counted = endpoint.reference_day(cohort) + endpoint.day, counted_lesions(cohort, endpoint)
    by_patient = dict(list(rows.groupby("id", sort=False)))
    result: dict[str, Window] = {}
    for patient, lesions in counted.items():
        own, begin, day = by_patient.get(patient, rows[:0]), begins[patient], days[patient]
        before = own[own["day"] <= begin]
        # Of two records as near to the day the earlier one counts, as at the endpoint visit.
        away = (own["day"] - day).abs()
        after = own.assign(away=away)[(own["day"] > begin) & (away <= endpoint.window)]
        after = after.sort_values("away", kind="stable")
        looks = [before.drop_duplicates("lesion", keep="last"), after.drop_duplicates("lesion")]
        found = [look.set_index("lesion", drop=False).reindex(list(lesions)) for look in looks]
        seen = pd.concat(found)
        absent = seen["value"].isna().to_numpy()
        seen = seen.assign(censored=seen["censored"].eq(True))
        limits = np.where(absent[:, None], [0.0, np.inf], _limits(seen))
        planned = np.repeat([begin, day], len(lesions))
        result[str(patient)] = TwoLooks(
            float(begin),
            float(day),
            np.where(absent, planned, seen["day"].to_numpy(float)),
            seen["value"].mask(seen["censored"]).to_numpy(float),
            limits,
            lesions,
            None if absent.any() or not lesions else _told(endpoint, seen, limits),
        )
    return result


def _told(endpoint: Endpoint, seen: pd.DataFrame, limits: np.ndarray) -> np.ndarray | None:
    """[1, visit] values of two looks, those of which only limits are known next to a limit; None
    where the limits leave open whether the endpoint happens, or how large a fold without event is.
    """
    if not endpoint.has_event:
        known = seen["value"].to_numpy(float)
        return known[None] if has_number(seen).all() else None
    exact = ~seen["censored"].to_numpy(bool)
    inside = limits * (1 + np.array([NEXT_TO_A_LIMIT, -NEXT_TO_A_LIMIT]))
    lower, upper = np.where(exact[:, None], limits, inside).T
    half = len(lower) // 2
    with np.errstate(divide="ignore"):
        least = np.log(lower[half:].sum()) - np.log(upper[:half].sum())
        most = np.log(upper[half:].sum()) - np.log(lower[:half].sum())
    if endpoint.of_folds(least) != endpoint.of_folds(most):
        return None
    return np.where(np.isfinite(upper), upper, lower)[None]


def start_of_treatment(cohort: Cohort) -> pd.Series:
    """Day of each patient's first fraction or dose, index id."""
    doses = cohort.doses.groupby("id")["day"].min().reindex(cohort.patients.index)
    return doses.clip(upper=0.0).fillna(0.0)


def counted_lesions(cohort: Cohort, endpoint: Endpoint) -> dict[str, tuple[int, ...]]:
    """Numbers of the lesions that a fold counts, by patient; 0 alone of what a patient has once.

    Outside the field is a lesion that no fraction reaches, of a patient of whom others are
    irradiated.
    """
    if endpoint.lesions is None:
        return {str(patient): (0,) for patient in cohort.patients.index}
    result = {}
    for patient, gy in zip(cohort.patients.index, lesion_doses(cohort), strict=True):
        reached = (gy > 0).any(axis=0)
        outside = reached.any() & ~reached
        counts = reached if endpoint.lesions == "irradiated" else outside
        result[str(patient)] = tuple(int(n) + 1 for n in np.flatnonzero(counts))
    return result


def last_sums(cohort: Cohort, endpoint: Endpoint, until: pd.Series | float) -> pd.Series:
    """What a fold compares as it was last measured up to a day, the sum over the lesions counted;
    index id, NaN where one of them was not measured.
    """
    rows = _measurements(cohort, endpoint)
    rows = rows[has_number(rows)]
    day = rows["id"].map(until) if isinstance(until, pd.Series) else until
    last = rows[rows["day"] <= day].groupby(["id", "lesion"])["value"].last()
    sums = {
        patient: last.reindex([(patient, n) for n in lesions]).sum(min_count=1, skipna=False)
        for patient, lesions in counted_lesions(cohort, endpoint).items()
    }
    return pd.Series(sums, cohort.patients.index, dtype=float)


def of_values(endpoint: Endpoint, log_value: np.ndarray, window: Window) -> tuple[Any, Any]:
    """The endpoint of measured values, held before the first visit and after the last one; of a
    fold that of their sums.
    """
    if endpoint.of_fold:
        looks = np.split(np.exp(log_value), 2, axis=1)
        sums = np.log(np.stack([look.sum(axis=1) for look in looks], axis=1))
        return endpoint.summarise(sums, np.array([window.begin, window.end]))
    ends = [log_value[:, :1], log_value, log_value[:, -1:]]
    days = np.concatenate([[window.begin], window.visits, [window.end]])
    kept = np.concatenate([[days[1] > days[0]], np.full(len(window.visits), True),
                           [days[-1] > days[-2]]])  # fmt: skip
    return endpoint.summarise(np.concatenate(ends, axis=1)[:, kept], days[kept])
