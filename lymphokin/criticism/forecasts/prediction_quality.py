"""How good forecasts of left-out patients are, beside benchmarks that knew as much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import ARM_RATE, BASELINE, CARRIED_FORWARD, Forecasts
from lymphokin.criticism.forecasts.calibration import UNKNOWN, calibration
from lymphokin.criticism.forecasts.held_out import HeldOut
from lymphokin.criticism.forecasts.intervals import Estimate, auc_difference, auc_of, mean_of
from lymphokin.criticism.forecasts.scores import Flags, brier, crps, log_score
from lymphokin.endpoints import Endpoint
from lymphokin.infer.weights import UNRELIABLE_PARETO_K, weighted_quantile

MODEL = "model"
BENCHMARKS = (BASELINE, CARRIED_FORWARD, ARM_RATE)
DAYS = (0.0, 7.0, 14.0, 21.0, 28.0)
"""Days up to which records are known: the trial's visits in the first four weeks."""
SCORES = ("brier", "log_score", "crps")
"""Proper scores, lower is better."""


@dataclass(frozen=True)
class PredictionQuality:
    """Forecasts of left-out patients and their scores.

    ``forecasts``: one row per day, predictor and patient: ``risk`` of a reported count of
    grade >= 2, quantiles of the count (1e9/L), what happened, the three scores, ``pareto_k`` of the
    model's weights and whether the patient is ``judged`` on that day. ``scores``: one row per day,
    predictor, ``against`` (empty, or the benchmark that is subtracted) and measure: ``value`` with
    its 90 % interval ``q05`` to ``q95``, and the number of patients and events. ``refits``: where
    patients were left out in folds, one row per fold: ``rhat_max``, ``ess_bulk_min`` and
    ``divergences`` of the fit without them, and how many ``patients``; None where by weights.
    ``later``: every count after each ``look`` beside its forecast; ``endpoint``: what was judged,
    None for the default one.
    """

    forecasts: pd.DataFrame
    scores: pd.DataFrame
    refits: pd.DataFrame | None = None
    later: pd.DataFrame | None = None
    endpoint: Endpoint | None = None

    def days(self) -> list[float]:
        """Days up to which records were known."""
        return list(dict.fromkeys(self.scores["day"]))

    def judged(self, day: float, predictor: str) -> pd.DataFrame:
        """One predictor's forecasts of the judged patients of a day."""
        rows = self.forecasts.query("judged and day == @day and predictor == @predictor")
        return rows.set_index("id")

    def left_out(self, day: float) -> list[str]:
        """Patients that are not judged on a day, because the model's weights fail there."""
        rows = self.forecasts.query("day == @day and predictor == @MODEL and not judged")
        return list(rows["id"])

    def score(
        self, day: float, measure: str, predictor: str = MODEL, against: str = ""
    ) -> Estimate:
        """One number of ``scores``."""
        of = self.scores
        one = (of["day"] == day) & (of["measure"] == measure)
        one &= (of["predictor"] == predictor) & (of["against"] == against)
        return Estimate(*of.loc[one, ["value", "q05", "q95"]].to_numpy(float)[0].tolist())


def prediction_quality(
    patients: pd.DataFrame,
    model: Mapping[float, HeldOut],
    benchmarks: Mapping[tuple[float, str], Forecasts],
    seed: int,
    refits: pd.DataFrame | None = None,
) -> PredictionQuality:
    """Score the model and the benchmarks on the same patients.

    A patient whose weights fail on a day (Pareto k above 0.7) is left out on that day.

    Args:
        patients: rows of :func:`lymphokin.criticism.forecasts.benchmarks.judged_patients`.
        model: forecasts by day.
        benchmarks: forecasts by day and name.
        seed: of the bootstrap.
        refits: see :class:`PredictionQuality`.
    """
    tables, scores = [], []
    for day, held_out in model.items():
        judged = held_out.pareto_k <= UNRELIABLE_PARETO_K
        predictors = {MODEL: held_out.forecasts} | {
            name: benchmarks[day, name] for name in BENCHMARKS
        }
        of_day = {name: _table(patients, forecasts) for name, forecasts in predictors.items()}
        for name, table in of_day.items():
            shown = table.assign(pareto_k=held_out.pareto_k, judged=judged)
            tables.append(shown.assign(day=day, predictor=name).reset_index(names="id"))
        scores += _scores_of_day(day, {n: t[judged] for n, t in of_day.items()}, seed)
    forecasts = pd.concat(tables, ignore_index=True)
    first = ["day", "predictor", "id"]
    rest = [c for c in forecasts.columns if c not in first]
    return PredictionQuality(forecasts[first + rest], pd.DataFrame(scores), refits)


def _table(patients: pd.DataFrame, predicted: Forecasts) -> pd.DataFrame:
    """Forecasts and their scores, one row per patient."""
    happened, observed = outcomes(patients), patients["endpoint_alc"].to_numpy(float)
    quantiles = {
        f"alc_q{round(100 * q):02d}": [
            weighted_quantile(c, w, q)
            for c, w in zip(predicted.counts, predicted.weights, strict=True)
        ]
        for q in (0.05, 0.50, 0.95)
    }
    scored = {
        "risk": predicted.risk,
        **quantiles,
        "brier": brier(predicted.risk, happened),
        "log_score": log_score(predicted.risk, happened),
        "crps": crps(predicted.counts, observed, predicted.weights),
    }
    return patients[["arm", "endpoint_alc", "happened"]].assign(**scored)


def outcomes(table: pd.DataFrame) -> Flags:
    """[patient] whether the reported count was of grade >= 2."""
    return table["happened"].to_numpy(bool)


def _scores_of_day(day: float, tables: Mapping[str, pd.DataFrame], seed: int) -> list[dict]:
    rows = []
    happened = outcomes(tables[MODEL])

    def add(predictor: str, against: str, measure: str, estimate: Estimate) -> None:
        about = {"day": day, "predictor": predictor, "against": against, "measure": measure}
        counted = {"patients": len(happened), "events": int(happened.sum())}
        rows.append(about | estimate._asdict() | counted)

    for name, table in tables.items():
        for measure in SCORES:
            add(name, "", measure, mean_of(table[measure].to_numpy()))
        for measure, estimate in _discrimination(name, table, seed).items():
            add(name, "", measure, estimate)
    for other in BENCHMARKS:
        for measure in SCORES:
            difference = tables[MODEL][measure].to_numpy() - tables[other][measure].to_numpy()
            add(MODEL, other, measure, mean_of(difference))
        ours, theirs = (tables[name]["risk"].to_numpy() for name in (MODEL, other))
        estimate = UNKNOWN if other == ARM_RATE else auc_difference(ours, theirs, happened, seed)
        add(MODEL, other, "auc", estimate)
    return rows


def _discrimination(name: str, table: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """AUC, intercept and slope of calibration.

    A rate that is learnt from the others falls when the patient left out had the event: it ranks
    patients of one arm the wrong way round by construction, so it has neither AUC nor slope.
    """
    risk, happened = table["risk"].to_numpy(), outcomes(table)
    calibrated = calibration(risk, happened) if len(table) else (UNKNOWN, UNKNOWN)
    ranks = name != ARM_RATE
    return {
        "auc": auc_of(risk, happened, seed) if ranks else UNKNOWN,
        "calibration_intercept": calibrated[0],
        "calibration_slope": calibrated[1] if ranks else UNKNOWN,
    }
