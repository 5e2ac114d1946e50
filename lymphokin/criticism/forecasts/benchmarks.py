"""Three forecasts that need no mechanism, for a model to beat.

Each learns from other patients than those it forecasts, and gives a risk of the event and draws of
the number that decides it: by default of grade >= 2 at the endpoint, and of the count there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t

from lymphokin.criticism.forecasts.scores import Floats
from lymphokin.endpoint import measured_threshold
from lymphokin.endpoints import Endpoint
from lymphokin.io import Cohort
from lymphokin.io.known import has_number
from lymphokin.io.visits import endpoint_visits
from lymphokin.predict.endpoint_draws import records_used
from lymphokin.predict.windows import last_sums, start_of_treatment
from lymphokin.rivals import load_regression

DRAWS = 2000
BASELINE, CARRIED_FORWARD, ARM_RATE = (
    "baseline only",
    "last count carried forward",
    "rate of the arm",
)


class Event(NamedTuple):
    """How a number becomes an event, and on which scale a line through it is straight."""

    limit: float
    below: bool
    """whether the event is a number below the limit; else one at or above it"""
    logarithmic: bool
    """whether the number is a count or a fold, whose logarithm follows a line"""

    def scaled(self, number: Floats | float) -> Floats:
        """Numbers on the scale of the line."""
        return np.log(number) if self.logarithmic else np.asarray(number, np.float64)

    def number(self, scaled: Floats) -> Floats:
        """Numbers of the line as numbers: a count, or days and areas, which are not negative."""
        return np.exp(scaled) if self.logarithmic else np.maximum(scaled, 0.0)


GRADE_2 = Event(measured_threshold(2), below=True, logarithmic=True)


class Forecasts(NamedTuple):
    """A predictor's forecasts of some patients."""

    risk: Floats
    """[patient] probability of the event: by default a reported count of grade >= 2"""
    counts: Floats
    """[patient, draw] the number that would be measured: by default a count, 1e9/L"""
    weights: Floats
    """[patient, draw] of the draws, adding up to 1"""

    @classmethod
    def of_draws(cls, risk: Floats, counts: Floats) -> Forecasts:
        """Forecasts whose draws all count alike."""
        return cls(risk, counts, np.full(counts.shape, 1 / counts.shape[1]))


def judged_patients(cohort: Cohort) -> pd.DataFrame:
    """Patients whose forecasts can be judged: with a count at baseline and at the endpoint.

    Returns:
        index id; ``arm`` (text, empty where not stated), ``baseline`` (geometric mean of
        the counts up to the first fraction, 1e9/L), ``endpoint_alc`` and ``happened`` (grade >= 2).
    """
    visits = endpoint_visits(cohort)
    table = pd.DataFrame(
        {
            "arm": cohort.patients["arm"].fillna("").astype(str),
            "baseline": cohort.mean_baseline("alc"),
            "endpoint_alc": visits["observed_alc"],
        }
    )
    table = table[table.notna().all(axis=1)]
    return table.assign(happened=visits["observed_grade2"].reindex(table.index).astype(bool))


def last_counts(cohort: Cohort, until: float, before: pd.Series | None = None) -> pd.Series:
    """Each patient's last count up to day ``until`` and before a day, index id; by default that of
    the endpoint visit. 1e9/L.
    """
    counts = cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    counts = counts[has_number(counts)]
    visit = endpoint_visits(cohort)["endpoint_day"] if before is None else before
    used = counts[records_used(counts, visit, until)]
    return used.groupby("id")["value"].last().astype(float)


def last_folds(cohort: Cohort, endpoint: Endpoint, until: float) -> pd.Series:
    """What a fold was when it was last measured up to a day, index id: 1 before treatment."""
    before = last_sums(cohort, endpoint, start_of_treatment(cohort))
    return last_sums(cohort, endpoint, until) / before


def benchmark_forecasts(
    cohort: Cohort,
    patients: pd.DataFrame,
    fold: np.ndarray,
    days: Sequence[float],
    seed: int,
    event: Event = GRADE_2,
    before: pd.Series | None = None,
    endpoint: Endpoint | None = None,
) -> dict[tuple[float, str], Forecasts]:
    """Forecasts of all three by day and name; every patient from the patients of other folds.

    Args:
        cohort: whom the patients belong to.
        patients: rows of :func:`judged_patients`, or such rows of another endpoint, whose number
            stands in ``endpoint_alc``.
        fold: [patient] number of the fold.
        days: counts up to each of these days are known.
        seed: of the random numbers.
        event: what the number is judged by. Only of the default one the baseline's risk is that of
            the shipped logistic regression; else it follows from the line of the number.
        before: day before which counts are known, index id; None: the endpoint visit.
        endpoint: what is judged; of a fold the last fold is carried forward. None: the default one.
    """
    rng = np.random.default_rng(seed)
    baseline = _by_fold(patients, fold, lambda seen, new: _baseline_counts(seen, new, event, rng))
    rate = _by_fold(patients, fold, lambda seen, new: _rate_of_arm(seen, new, rng))
    if event == GRADE_2:
        risk = _baseline_risk(cohort, patients.index, fold)
        baseline = Forecasts.of_draws(risk, baseline.counts)
    forecasts = {}
    for day in days:
        if endpoint is not None and endpoint.of_fold:
            last = last_folds(cohort, endpoint, day)
        else:
            last = last_counts(cohort, day, before)
        carried = _by_fold(
            patients.assign(last=last.reindex(patients.index)),
            fold,
            lambda seen, new: _carried_forward(seen, new, event, rng),
        )
        forecasts |= {
            (day, BASELINE): baseline,
            (day, CARRIED_FORWARD): carried,
            (day, ARM_RATE): rate,
        }
    return forecasts


def _by_fold(
    patients: pd.DataFrame,
    fold: np.ndarray,
    forecast: Callable[[pd.DataFrame, pd.DataFrame], tuple[Floats, Floats]],
) -> Forecasts:
    risk, counts = np.empty(len(patients)), np.empty((len(patients), DRAWS))
    for number in np.unique(fold):
        new = fold == number
        risk[new], counts[new] = forecast(patients[~new], patients[new])
    return Forecasts.of_draws(risk, counts)


def _baseline_risk(cohort: Cohort, ids: pd.Index, fold: np.ndarray) -> Floats:
    """[patient] risk by the logistic regression on the counts before treatment."""
    model = load_regression("baseline_logistic")
    groups = [list(ids[fold == number]) for number in np.unique(fold)]
    risk = pd.Series(np.nan, ids)
    for group, fitted in zip(groups, model.fit_without(cohort, groups), strict=True):
        risk[group] = fitted.predict(cohort)["p_grade2_measured"].reindex(group)
    return np.asarray(risk, dtype=np.float64)


def _baseline_counts(
    seen: pd.DataFrame, new: pd.DataFrame, event: Event, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The regression of the number itself: a logistic regression gives no count."""
    value = event.scaled(seen["endpoint_alc"].to_numpy(float))
    seen_inputs, inputs = (_inputs(of, "baseline") for of in (seen, new))
    return _line(seen_inputs, value, inputs, 0.0, event, rng)


def _carried_forward(
    seen: pd.DataFrame, new: pd.DataFrame, event: Event, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The last count or fold times a log-normal change, with mean and spread of others' changes.

    What is neither follows a line in the logarithm of the last one.
    """
    value = event.scaled(seen["endpoint_alc"].to_numpy(float))
    if not event.logarithmic:
        seen_inputs, inputs = (_inputs(of, "last") for of in (seen, new))
        return _line(seen_inputs, value, inputs, 0.0, event, rng)
    change = value - np.log(seen["last"].to_numpy(float))
    at = np.log(new["last"].to_numpy())
    return _line(np.ones((len(seen), 1)), change, np.ones((len(new), 1)), at, event, rng)


def _inputs(patients: pd.DataFrame, count: str) -> Floats:
    """[patient, coefficient] of a line in the logarithm of a count."""
    return np.column_stack([np.ones(len(patients)), np.log(patients[count].to_numpy(float))])


def _line(
    inputs: Floats,
    value: Floats,
    new: Floats,
    added: Floats | float,
    event: Event,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Risk and draws of numbers that follow a line; not knowing the line is included.

    Args:
        inputs: [patient seen, coefficient].
        value: [patient seen] on the scale of the line.
        new: [patient, coefficient].
        added: [patient] added to the line.
        event: what the number is judged by.
        rng: of the draws.
    """
    inverse = np.linalg.inv(inputs.T @ inputs)
    line = inverse @ inputs.T @ value
    df = len(inputs) - inputs.shape[1]
    residual = value - inputs @ line
    leverage = np.einsum("pi,ij,pj->p", new, inverse, new)
    scale = np.sqrt((residual @ residual) / df * (1 + leverage))
    middle = added + new @ line
    below = t.cdf((event.scaled(event.limit) - middle) / scale, df)
    noise = rng.standard_t(df, (len(new), DRAWS))
    number = event.number(middle[:, None] + scale[:, None] * noise)
    return below if event.below else 1 - below, number


def _rate_of_arm(
    seen: pd.DataFrame, new: pd.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Share of the arm with the event (rule of succession), and the arm's own counts."""
    risk, counts = np.empty(len(new)), np.empty((len(new), DRAWS))
    for i, arm in enumerate(new["arm"]):
        others = seen[seen["arm"] == arm]
        risk[i] = (others["happened"].sum() + 1) / (len(others) + 2)
        alike = others if len(others) else seen
        counts[i] = rng.choice(alike["endpoint_alc"].to_numpy(), DRAWS)
    return risk, counts
