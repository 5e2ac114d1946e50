"""Held-out forecasts of a fit's own patients, judged: one at a time by weights, or by refits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import benchmark_forecasts
from lymphokin.criticism.forecasts.cases import Cases, cases_of
from lymphokin.criticism.forecasts.event_cases import EventCases, event_cases, refuse_unjudged
from lymphokin.criticism.forecasts.event_quality import event_quality
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
from lymphokin.endpoints import (
    DEFAULT,
    Endpoint,
    read_endpoint,
    require_quantity,
    shipped_endpoints,
)
from lymphokin.files import AnyPath
from lymphokin.infer import Checkpoint, CohortDensity, HmcSettings
from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.predict.forecast import days_of_interest
from lymphokin.progress import Reporter
from lymphokin.run import Fit

FEWEST = 5
"""Patients below which the benchmarks' regressions have nothing to learn from (judgement)."""


def to_judge(
    fit: Fit,
    days: Sequence[float] = DAYS,
    endpoint: AnyPath | Endpoint | None = None,
) -> tuple[CohortDensity, Cases | EventCases]:
    """The cohort with the days of an endpoint among its nodes, and whose forecasts can be judged.

    Args:
        fit: the fit.
        days: records up to each of these days are used; an outcome that is known by the last of
            them is no forecast.
        endpoint: by name, a file that declares one, or as it is; None: the default one.

    Raises:
        BadInput: when there is no such endpoint, or it has no event; of an event in time, when its
            forecasts cannot be judged by these patients.
        ModelError: when the model has no hazard of the event, no lymphocyte count, or nothing of
            what the endpoint is about.
        ValueError: when too few patients are left to judge a forecast by.
    """
    asked = read_endpoint(endpoint or DEFAULT)
    if asked.of_event:
        return _events_to_judge(fit, days, asked)
    fit.model.require_counts("a check")
    require_quantity(fit.model, asked)
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


def _events_to_judge(
    fit: Fit, days: Sequence[float], endpoint: Endpoint
) -> tuple[CohortDensity, EventCases]:
    """As :func:`to_judge`, of an event in time."""
    fit.model.require_hazard(endpoint.quantity, endpoint.name)
    density = density_of(fit.model, fit.cohort, fit.steps, days_of_interest(fit.cohort, endpoint))
    exact = fit.model.hazards[endpoint.quantity].exact
    cases = event_cases(fit.cohort, endpoint, days, exact)
    refuse_unjudged(fit.cohort, cases, FEWEST)
    return density, cases


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
    cases: Cases | EventCases,
    looks: Mapping[float, Look],
    fold: np.ndarray,
    days: Sequence[float],
    seed: int,
    refits: pd.DataFrame | None = None,
) -> PredictionQuality:
    """Scores of the forecasts at some looks beside those of the benchmarks, and of later counts."""
    if isinstance(cases, EventCases):
        return event_quality(cases, looks, seed, refits)
    about = (cohort, cases.patients, fold, days, seed, cases.event)
    benchmarks = benchmark_forecasts(*about, before=cases.known_on, endpoint=cases.endpoint)
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


class FoldFits:
    """Fits to the patients of all folds but one; each depends on its own number alone.

    Args:
        density: the cohort.
        patients: those whose forecasts are judged, from :func:`to_judge`.
        folds: how many.
        seed: of all random numbers.
        settings: of the fits.

    Raises:
        ValueError: when there are too few patients for the folds.
    """

    def __init__(
        self,
        density: CohortDensity,
        patients: pd.DataFrame,
        folds: int,
        seed: int,
        settings: HmcSettings = SETTINGS,
    ) -> None:
        if not 2 <= folds <= len(patients):
            raise ValueError(
                f"folds {folds}: expected 2 to {len(patients)}, the number of patients to be judged"
            )
        self.seed: int = seed
        self.patients: pd.DataFrame = patients
        self.fold: np.ndarray = folds_of(patients, folds, seed)
        """[patient] number of the fold"""
        self._refit = Refit(density, settings)

    def ids(self, number: int) -> pd.Index:
        """The patients of a fold."""
        return self.patients.index[self.fold == number]

    def name(self, number: int) -> str:
        """Under which a fit is kept."""
        return f"fold_{number:03d}"

    def fit(self, number: int) -> dict[str, np.ndarray]:
        """The population as the patients of the other folds show it, see :class:`Refitted`."""
        refitted = self._refit.without([str(i) for i in self.ids(number)], self.seed + number)
        return {name: np.asarray(value) for name, value in refitted._asdict().items()}


def predict_by_folds(
    fits: FoldFits,
    density: CohortDensity,
    cases: Cases | EventCases,
    checkpoint: Checkpoint,
    reporter: Reporter,
    days: Sequence[float] = DAYS,
) -> PredictionQuality:
    """Judge forecasts of every patient by a fit to the patients of the other folds.

    Args:
        fits: of the folds.
        density: of :func:`to_judge`, as the next.
        cases: the patients of ``fits``.
        checkpoint: where finished fits are kept.
        reporter: receives how many folds are done.
        days: records up to each of these days are used.
    """
    folds, seed = int(fits.fold.max()) + 1, fits.seed
    parts: list[dict[float, Look]] = []
    agreement = []
    for number in range(folds):
        found = checkpoint.recall(fits.name(number), partial(fits.fit, number))
        agreement.append({name: found[name].item() for name in Refitted._fields[1:]})
        ids = fits.ids(number)
        own = cases.among(ids)
        looks = forecasts_at_looks(density, found["z"], own, days, seed + number)
        parts.append(
            {day: look._replace(counts=look.counts[look.counts["id"].isin(ids)])
             for day, look in looks.items()}
        )  # fmt: skip
        reporter.counting(number + 1, folds)
    back = np.argsort(np.argsort(fits.fold, kind="stable"))
    joined = {
        day: Look(
            HeldOut.joined([part[day].endpoint for part in parts], back),
            pd.concat([part[day].counts for part in parts], ignore_index=True),
        )
        for day in parts[0]
    }
    refits = pd.DataFrame(agreement).assign(patients=np.bincount(fits.fold))
    return _judged(density.packed.cohort, cases, joined, fits.fold, days, seed, refits)
