"""Held-out forecasts of a fit's own patients, judged: one at a time by weights, or by refits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import benchmark_forecasts, judged_patients
from lymphokin.criticism.forecasts.held_out import HeldOut, held_out_forecasts
from lymphokin.criticism.forecasts.prediction_quality import (
    DAYS,
    PredictionQuality,
    prediction_quality,
)
from lymphokin.criticism.forecasts.refit import SETTINGS, Refit, Refitted, folds_of
from lymphokin.infer import Checkpoint, CohortDensity, NutsSettings
from lymphokin.progress import Reporter
from lymphokin.run import Fit

FEWEST = 5
"""Patients below which the benchmarks' regressions have nothing to learn from (judgement)."""


def patients_to_judge(density: CohortDensity) -> pd.DataFrame:
    """See :func:`lymphokin.criticism.forecasts.benchmarks.judged_patients`.

    Raises:
        ValueError: when they are too few to judge a forecast by.
    """
    patients = judged_patients(density.packed.cohort)
    if len(patients) < FEWEST:
        raise ValueError(
            f"forecasts cannot be judged: {len(patients)} patient(s) have a count before treatment "
            f"and one within a week of the endpoint visit, expected at least {FEWEST}"
        )
    return patients


def predict_left_out(
    fit: Fit, seed: int, reporter: Reporter, days: Sequence[float] = DAYS
) -> PredictionQuality:
    """Judge forecasts of every patient by the fit without that patient, by importance weights.

    Args:
        fit: the fit.
        seed: of the random numbers.
        reporter: receives what begins.
        days: records up to each of these days are used.

    Raises:
        ValueError: when there are too few patients to judge a forecast by.
    """
    patients = patients_to_judge(fit.density)
    reporter.stage("forecasting each patient without its own records")
    model = held_out_forecasts(
        fit.density, fit.population_z(), patients.index, days, in_fit=True, seed=seed
    )
    reporter.stage("forecasting with the benchmarks")
    fold = np.arange(len(patients))
    benchmarks = benchmark_forecasts(fit.cohort, patients, fold, days, seed)
    return prediction_quality(patients, model, benchmarks, seed)


def patients_in_folds(
    density: CohortDensity, folds: int, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Patients whose forecasts can be judged, and [patient] the fold of each.

    Raises:
        ValueError: when there are too few patients to judge a forecast by, or for the folds.
    """
    patients = patients_to_judge(density)
    if not 2 <= folds <= len(patients):
        raise ValueError(
            f"folds {folds}: expected 2 to {len(patients)}, the number of patients to be judged"
        )
    return patients, folds_of(patients, folds, seed)


def predict_by_folds(
    density: CohortDensity,
    patients: pd.DataFrame,
    fold: np.ndarray,
    seed: int,
    checkpoint: Checkpoint,
    reporter: Reporter,
    settings: NutsSettings = SETTINGS,
    days: Sequence[float] = DAYS,
) -> PredictionQuality:
    """Judge forecasts of every patient by a fit to the patients of the other folds.

    Args:
        density: the cohort.
        patients: from :func:`patients_in_folds`, as the next.
        fold: [patient] number of the fold.
        seed: of the random numbers.
        checkpoint: where finished fits are kept.
        reporter: receives how many folds are done.
        settings: of each fit.
        days: records up to each of these days are used.
    """
    refit = Refit(density, settings)
    folds = int(fold.max()) + 1
    parts: list[dict[float, HeldOut]] = []
    fits = []
    for number in range(folds):
        ids = patients.index[fold == number]

        def fit_one(number: int = number, ids: pd.Index = ids) -> dict[str, np.ndarray]:
            refitted = refit.without([str(i) for i in ids], seed + number)
            return {name: np.asarray(value) for name, value in refitted._asdict().items()}

        refitted = checkpoint.recall(f"fold_{number:03d}", fit_one)
        fits.append({name: refitted[name].item() for name in Refitted._fields[1:]})
        parts.append(
            held_out_forecasts(density, refitted["z"], ids, days, in_fit=False, seed=seed + number)
        )
        reporter.counting(number + 1, folds)
    back = np.argsort(np.argsort(fold, kind="stable"))
    model = {day: HeldOut.joined([part[day] for part in parts], back) for day in parts[0]}
    benchmarks = benchmark_forecasts(density.packed.cohort, patients, fold, days, seed)
    refits = pd.DataFrame(fits).assign(patients=np.bincount(fold))
    return prediction_quality(patients, model, benchmarks, seed, refits)
