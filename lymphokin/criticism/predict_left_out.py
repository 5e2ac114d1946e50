"""Held-out forecasts of a fit's own patients, judged: one patient at a time, by weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from lymphokin.criticism.benchmarks import benchmark_forecasts, judged_patients
from lymphokin.criticism.held_out import held_out_forecasts
from lymphokin.criticism.prediction_quality import DAYS, PredictionQuality, prediction_quality
from lymphokin.infer import Fit, Posterior

FEWEST = 5
"""Patients below which the benchmarks' regressions have nothing to learn from (judgement)."""


def patients_to_judge(posterior: Posterior) -> pd.DataFrame:
    """See :func:`lymphokin.criticism.benchmarks.judged_patients`.

    Raises:
        ValueError: when they are too few to judge a forecast by.
    """
    patients = judged_patients(posterior.packed.cohort)
    if len(patients) < FEWEST:
        raise ValueError(
            f"forecasts cannot be judged: {len(patients)} patient(s) have a count before treatment "
            f"and one within a week of the endpoint visit, expected at least {FEWEST}"
        )
    return patients


def predict_left_out(
    fit: Fit,
    posterior: Posterior,
    seed: int,
    stage: Callable[[str], None],
    days: Sequence[float] = DAYS,
) -> PredictionQuality:
    """Judge forecasts of every patient by the fit without that patient.

    Args:
        fit: the fit.
        posterior: its cohort.
        seed: of the random numbers.
        stage: told what begins.
        days: records up to each of these days are known.

    Raises:
        ValueError: when there are too few patients to judge a forecast by.
    """
    cohort = posterior.packed.cohort
    patients = patients_to_judge(posterior)
    stage("forecasting each patient without its own records")
    model = held_out_forecasts(
        posterior, fit.population_z(), patients.index, days, in_fit=True, seed=seed
    )
    stage("forecasting with the benchmarks")
    fold = np.arange(len(patients))
    benchmarks = benchmark_forecasts(cohort, patients, fold, days, seed)
    return prediction_quality(patients, model, benchmarks, seed)
