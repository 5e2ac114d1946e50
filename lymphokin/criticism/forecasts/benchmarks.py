"""Three forecasts that need no mechanism, for a model to beat.

Each learns from other patients than those it forecasts, the same ones that the model's forecast
learns from, and gives a risk of grade >= 2 at the endpoint and draws of the count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t

from lymphokin.criticism.forecasts.scores import Floats
from lymphokin.endpoint import measured_threshold
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.predict.endpoint_draws import records_used
from lymphokin.rivals import load_regression

DRAWS = 2000
BASELINE, CARRIED_FORWARD, ARM_RATE = (
    "baseline only",
    "last count carried forward",
    "rate of the arm",
)


class Forecasts(NamedTuple):
    """A predictor's forecasts of some patients."""

    risk: Floats
    """[patient] probability of a reported count of grade >= 2"""
    counts: Floats
    """[patient, draw] the count that would be measured, 1e9/L"""
    weights: Floats
    """[patient, draw] of the draws, adding up to 1"""

    @classmethod
    def of_draws(cls, risk: Floats, counts: Floats) -> Forecasts:
        """Forecasts whose draws all count alike."""
        return cls(risk, counts, np.full(counts.shape, 1 / counts.shape[1]))


def judged_patients(cohort: Cohort) -> pd.DataFrame:
    """Patients whose forecasts can be judged: with a count at baseline and at the endpoint.

    Returns:
        index id; ``arm`` (text, empty where not stated), ``mean_baseline_alc`` (geometric mean of
        the counts up to the first fraction, 1e9/L), ``endpoint_alc`` and ``happened`` (grade >= 2).
    """
    visits = endpoint_visits(cohort)
    table = pd.DataFrame(
        {
            "arm": cohort.patients["arm"].fillna("").astype(str),
            "mean_baseline_alc": cohort.mean_baseline("alc"),
            "endpoint_alc": visits["observed_alc"],
        }
    )
    table = table[table.notna().all(axis=1)]
    return table.assign(happened=visits["observed_grade2"].reindex(table.index).astype(bool))


def last_counts(cohort: Cohort, until: float) -> pd.Series:
    """Each patient's last count up to day ``until`` and before the endpoint visit, 1e9/L."""
    counts = cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    used = counts[records_used(counts, endpoint_visits(cohort)["endpoint_day"], until)]
    return used.groupby("id")["value"].last().astype(float)


def benchmark_forecasts(
    cohort: Cohort, patients: pd.DataFrame, fold: np.ndarray, days: Sequence[float], seed: int
) -> dict[tuple[float, str], Forecasts]:
    """Forecasts of all three by day and name; every patient from the patients of other folds.

    Args:
        cohort: whom the patients belong to.
        patients: rows of :func:`judged_patients`.
        fold: [patient] number of the fold.
        days: counts up to each of these days are known.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    line = _by_fold(patients, fold, lambda seen, new: _baseline_counts(seen, new, rng))
    rate = _by_fold(patients, fold, lambda seen, new: _rate_of_arm(seen, new, rng))
    baseline = Forecasts.of_draws(_baseline_risk(cohort, patients.index, fold), line.counts)
    forecasts = {}
    for day in days:
        last = last_counts(cohort, day).reindex(patients.index)
        carried = _by_fold(
            patients.assign(last_alc=last), fold, lambda seen, new: _carried_forward(seen, new, rng)
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
    seen: pd.DataFrame, new: pd.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The regression of the log count itself: a logistic regression gives no count."""

    def inputs(patients: pd.DataFrame) -> Floats:
        return np.column_stack([np.ones(len(patients)), np.log(patients["mean_baseline_alc"])])

    return _log_normal(inputs(seen), np.log(seen["endpoint_alc"].to_numpy()), inputs(new), 0.0, rng)


def _carried_forward(
    seen: pd.DataFrame, new: pd.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The last count times a log-normal change, whose mean and spread others had since theirs."""
    change = np.log((seen["endpoint_alc"] / seen["last_alc"]).to_numpy(float))
    at = np.log(new["last_alc"].to_numpy())
    return _log_normal(np.ones((len(seen), 1)), change, np.ones((len(new), 1)), at, rng)


def _log_normal(
    inputs: Floats, log_value: Floats, new: Floats, added: Floats | float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Risk and draws of counts whose logarithm follows a line; not knowing the line is included.

    Args:
        inputs: [patient seen, coefficient].
        log_value: [patient seen].
        new: [patient, coefficient].
        added: [patient] added to the logarithm.
    """
    inverse = np.linalg.inv(inputs.T @ inputs)
    line = inverse @ inputs.T @ log_value
    df = len(inputs) - inputs.shape[1]
    residual = log_value - inputs @ line
    leverage = np.einsum("pi,ij,pj->p", new, inverse, new)
    scale = np.sqrt((residual @ residual) / df * (1 + leverage))
    middle = added + new @ line
    risk = t.cdf((np.log(measured_threshold(2)) - middle) / scale, df)
    noise = rng.standard_t(df, (len(new), DRAWS))
    return risk, np.exp(middle[:, None] + scale[:, None] * noise)


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
