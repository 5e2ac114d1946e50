"""Held-out forecasts of a fit's own patients, judged: one at a time by weights, or by refits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import benchmark_forecasts, judged_patients
from lymphokin.criticism.forecasts.cases import Cases, cases_of
from lymphokin.criticism.forecasts.held_out import HeldOut
from lymphokin.criticism.forecasts.later_counts import count_measures
from lymphokin.criticism.forecasts.looks import Look, forecasts_at_looks
from lymphokin.criticism.forecasts.prediction_quality import (
    DAYS,
    MODEL,
    PredictionQuality,
    prediction_quality,
)
from lymphokin.criticism.forecasts.refit import SETTINGS, Refit, Refitted, folds_of
from lymphokin.endpoints import DEFAULT, Endpoint, read_endpoint, shipped_endpoints
from lymphokin.files import AnyPath
from lymphokin.infer import Checkpoint, CohortDensity, NutsSettings
from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.predict.forecast import days_of_interest
from lymphokin.progress import Reporter
from lymphokin.run import Fit

SIX_WEEKS: Endpoint = shipped_endpoints()[DEFAULT]
FEWEST = 5
"""Patients below which the benchmarks' regressions have nothing to learn from (judgement)."""


def to_judge(
    fit: Fit,
    days: Sequence[float] = DAYS,
    endpoint: AnyPath | Endpoint | None = None,
) -> tuple[CohortDensity, Cases]:
    """The cohort with the days of an endpoint among its nodes, and whose forecasts can be judged.

    Args:
        fit: the fit.
        days: records up to each of these days are used; an outcome that is known by the last of
            them is no forecast.
        endpoint: by name, a file that declares one, or as it is; None: the default one.

    Raises:
        BadInput: when there is no such endpoint, or it has no event.
        ValueError: when too few patients are left to judge a forecast by.
    """
    asked = read_endpoint(endpoint or DEFAULT)
    usual = asked == shipped_endpoints()[DEFAULT]
    nodes = None if usual else days_of_interest(fit.cohort, asked)
    density = fit.density if usual else density_of(fit.model, fit.cohort, fit.steps, nodes)
    cases = cases_of(fit.cohort, asked, max(days))
    if len(cases.patients) < FEWEST:
        visit = (
            "one within a week of the endpoint visit" if usual else f"an outcome of {asked.name}"
        )
        raise ValueError(
            f"forecasts cannot be judged: {len(cases.patients)} patient(s) have a count before "
            f"treatment and {visit}, expected at least {FEWEST}"
        )
    return density, cases


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
    fit: Fit,
    seed: int,
    reporter: Reporter,
    days: Sequence[float] = DAYS,
    endpoint: AnyPath | Endpoint | None = None,
) -> PredictionQuality:
    """Judge forecasts of every patient by the fit without that patient, by importance weights.

    Args:
        fit: the fit.
        seed: of the random numbers.
        reporter: receives what begins.
        days: records up to each of these days are used.
        endpoint: as of :func:`to_judge`.

    Raises:
        ValueError: when there are too few patients to judge a forecast by.
    """
    density, cases = to_judge(fit, days, endpoint)
    reporter.stage("forecasting each patient without its own records")
    looks = forecasts_at_looks(density, fit.population_z(), cases, days, seed, in_fit=True)
    reporter.stage("forecasting with the benchmarks")
    fold = np.arange(len(cases.patients))
    return _judged(fit.cohort, cases, looks, fold, days, seed)


def _judged(
    cohort: Cohort,
    cases: Cases,
    looks: Mapping[float, Look],
    fold: np.ndarray,
    days: Sequence[float],
    seed: int,
    refits: pd.DataFrame | None = None,
) -> PredictionQuality:
    """Scores of the forecasts at some looks beside those of the benchmarks, and of later counts."""
    about = (cohort, cases.patients, fold, days, seed, cases.event)
    benchmarks = benchmark_forecasts(*about, before=cases.known_on)
    model = {day: look.endpoint for day, look in looks.items()}
    quality = prediction_quality(cases.patients, model, benchmarks, seed, refits)
    rows = [
        {"day": day, "predictor": MODEL, "against": "", "measure": measure, **estimate._asdict()}
        | {"patients": look.counts["id"].nunique(), "events": int(cases.patients["happened"].sum())}
        for day, look in looks.items()
        for measure, estimate in count_measures(look.counts, seed).items()
    ]
    later = pd.concat([look.counts.assign(look=day) for day, look in looks.items()])
    scores = pd.concat([quality.scores, pd.DataFrame(rows)], ignore_index=True)
    return replace(quality, scores=scores, later=later, endpoint=cases.endpoint)


def patients_in_folds(
    density: CohortDensity, folds: int, seed: int, cases: Cases | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Patients whose forecasts can be judged, and [patient] the fold of each.

    Raises:
        ValueError: when there are too few patients to judge a forecast by, or for the folds.
    """
    patients = patients_to_judge(density) if cases is None else cases.patients
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
    judging: tuple[CohortDensity, Cases] | None = None,
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
        judging: of :func:`to_judge`, whose patients are ``patients``; None: the default endpoint.
    """
    refit = Refit(density, settings)
    folds = int(fold.max()) + 1
    at, cases = judging or (density, cases_of(density.packed.cohort, SIX_WEEKS, max(days)))
    parts: list[dict[float, Look]] = []
    fits = []
    for number in range(folds):
        ids = patients.index[fold == number]

        def fit_one(number: int = number, ids: pd.Index = ids) -> dict[str, np.ndarray]:
            refitted = refit.without([str(i) for i in ids], seed + number)
            return {name: np.asarray(value) for name, value in refitted._asdict().items()}

        refitted = checkpoint.recall(f"fold_{number:03d}", fit_one)
        fits.append({name: refitted[name].item() for name in Refitted._fields[1:]})
        own = replace(cases, patients=cases.patients.loc[ids])
        looks = forecasts_at_looks(at, refitted["z"], own, days, seed + number)
        parts.append(
            {day: look._replace(counts=look.counts[look.counts["id"].isin(ids)])
             for day, look in looks.items()}
        )  # fmt: skip
        reporter.counting(number + 1, folds)
    back = np.argsort(np.argsort(fold, kind="stable"))
    joined = {
        day: Look(
            HeldOut.joined([part[day].endpoint for part in parts], back),
            pd.concat([part[day].counts for part in parts], ignore_index=True),
        )
        for day in parts[0]
    }
    refits = pd.DataFrame(fits).assign(patients=np.bincount(fold))
    return _judged(density.packed.cohort, cases, joined, fold, days, seed, refits)
