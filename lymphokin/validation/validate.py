"""Validate a model on patients that it has never seen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import benchmark_forecasts
from lymphokin.criticism.forecasts.cases import Cases, cases_of
from lymphokin.criticism.forecasts.later_counts import COVERAGE
from lymphokin.criticism.forecasts.looks import Look, forecasts_at_looks
from lymphokin.criticism.forecasts.prediction_quality import (
    MODEL,
    PredictionQuality,
    outcomes,
    prediction_quality,
)
from lymphokin.criticism.result import CheckResult, name_of
from lymphokin.criticism.sections import Section
from lymphokin.endpoints import DEFAULT, Endpoint, read_endpoint, require_quantity
from lymphokin.files import AnyPath
from lymphokin.infer import density_of
from lymphokin.io import Cohort, read_events
from lymphokin.io.sites import with_sites_of
from lymphokin.literature.posterior import calibrated_models, literature_draws
from lymphokin.pages.wording import number
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.seen import NAMES
from lymphokin.predict.endpoint_draws import visits_of
from lymphokin.predict.forecast import days_of_interest
from lymphokin.predict.range import features, outside
from lymphokin.progress import Reporter, shown
from lymphokin.run import Fit
from lymphokin.solve import StepRule
from lymphokin.validation.cases import in_words, refuse_few, refuse_fitted
from lymphokin.validation.events import (
    EventValidation,
    by_group_of_event,
    event_forecasts_judged,
)
from lymphokin.validation.judgement import conclusion, read_first, verdicts_of, worst_of
from lymphokin.validation.measures import EXPECTED, by_group, further_scores
from lymphokin.validation.precision import Precision, precision
from lymphokin.validation.sections import validation_sections
from lymphokin.verdict import Verdict

LOOKS = (0.0, 14.0, 28.0)
"""Days up to which records are known: before treatment, and two looks before the endpoint visit."""


@dataclass(frozen=True, eq=False)
class Validation(CheckResult):
    """Forecasts of patients never seen, judged; see :func:`validate`.

    Attributes:
        quality: forecasts and scores of the endpoint, as of :func:`lymphokin.check_forecasts`,
            with further measures: ``observed_over_expected``, ``scaled_brier``,
            ``mean_calibration_error``, ``endpoint_coverage_90``, and of later counts
            ``count_ratio``, ``count_place``, ``count_crps``, ``count_coverage_50`` and
            ``count_coverage_90``.
        looks: by day, forecasts of every later count.
        cases: who is judged, and why others are not.
        groups: scores by centre, site and arm.
        precisions: how precise all that can be.
        outside: share of the patients outside what the model has seen.
        differences: of the patients from what the model has seen: feature, here, seen.
        between: scores of every calibrated model, if they were asked for.
    """

    quality: PredictionQuality
    looks: Mapping[float, Look]
    cases: Cases
    groups: pd.DataFrame
    precisions: Sequence[Precision]
    outside: float
    differences: tuple[tuple[str, str, str], ...]
    between: pd.DataFrame | None = None
    _seed: int = field(default=0, repr=False)
    template = "validation.html.j2"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return verdicts_of(self.quality)

    @property
    def conclusion(self) -> str:
        """Over all looks: holds, update first, or do not use here."""
        return str(self.about["conclusion"])

    @property
    def read_first(self) -> Sequence[str]:
        """That the patients are few, or unlike those behind the model."""
        events = outcomes(self.cases.patients)
        return read_first(min(int(events.sum()), int((~events).sum())), self.outside)

    @property
    def details(self) -> dict[str, pd.DataFrame]:
        counts = [look.counts.assign(look=day) for day, look in self.looks.items()]
        tables = {
            "scores": self.quality.scores,
            "forecasts": self.quality.forecasts,
            "counts": pd.concat(counts, ignore_index=True),
            "groups": self.groups,
        }
        return {name: t for name, t in tables.items() if len(t)} | (
            {} if self.between is None else {"models": self.between}
        )

    def sections(self) -> list[Section]:
        return validation_sections(
            self.quality,
            self.looks,
            self.cases,
            self.verdicts,
            self.groups,
            list(self.precisions),
            self.differences,
            self.between,
            self._seed,
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            **super().as_dict(),
            "patients": in_words(self.cases),
            "not_judged": self.cases.left_out,
            "outside_what_was_seen": self.outside,
            "precision": [p._asdict() for p in self.precisions],
            "scores": self.quality.scores.to_dict("records"),
            "groups": self.groups.to_dict("records"),
            **({} if self.between is None else {"models": self.between.to_dict("records")}),
        }


def validate(
    source: Fit | PopulationDraws | None,
    events: Cohort | AnyPath,
    *,
    looks: Sequence[float] = LOOKS,
    endpoint: str | os.PathLike[str] | Endpoint | None = None,
    all_models: bool = False,
    seed: int = 0,
    progress: bool | Reporter | None = None,
) -> Validation | EventValidation:
    """Judge forecasts of patients that the model has never seen.

    Every patient is forecast from the records up to each look: the endpoint, and every later
    lymphocyte count. Beside the model stand rules made of these very patients, each without the
    patient that it forecasts.

    Args:
        source: a fit, draws of a population, or None for the published cohorts.
        events: the new patients, or the path of their event table.
        looks: days up to which records are known.
        endpoint: what is judged: a name, a TOML file, or an endpoint with an event, such as
            ``progression_by_day168`` of a model with that hazard; None: grade >= 2 at the visit 6
            weeks after radiotherapy.
        all_models: whether every model that is calibrated to published cohorts is judged, too.
        seed: of all random numbers.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Returns:
        verdicts as a table, ``.conclusion``, scores, and ``.save("page.html")``.

    Raises:
        BadInput: when the table cannot be used, holds patients of the fit, or too few to judge; of
            an event in time also when too few are followed to its last day.
        NoForecastError: when the model has no solution for some patients.
        ModelError: when the model has no lymphocyte count or no hazard of the event, or one that is
            judged does not show what the endpoint is about.
        ValueError: when the fit is a single point, or a look is not a day.

    Example:
        >>> result = lk.validate(fit, "our_patients.csv", looks=[0])
        >>> result.conclusion
        'holds'
    """
    population, steps, run = population_of(source)
    asked = read_endpoint(endpoint or DEFAULT)
    if asked.of_event:
        population.model.require_hazard(asked.quantity, asked.name)
    else:
        population.model.require_counts("a validation")
        others = map(literature_draws, calibrated_models() if all_models else ())
        for each in (population, *others):
            require_quantity(each.model, asked)
    days = sorted({float(day) for day in looks})
    if not days or not np.isfinite(days).all():
        raise ValueError(f"looks {list(looks)}: expected at least one day")
    cohort = read_for(source, events)
    if isinstance(source, Fit):
        refuse_fitted(source.cohort, cohort, tables_behind(source))
    about = {
        "run": run,
        "model": population.model.name,
        "data_file": cohort.source or "the cohort",
        "synthetic": cohort.synthetic or population.provenance.synthetic,
        "created": population.provenance.created,
        "seed": seed,
        "source": population.provenance.title,
        "fitted_patients": population.provenance.patients,
        "posterior_sha256": population.provenance.posterior_sha256,
        "data_sha256": cohort.sha256,
        "endpoint": asked.name,
        "meaning": asked.meaning,
        "looks": days,
    }
    if asked.of_event:
        if all_models:
            raise ValueError(
                "all_models goes with endpoints of counts: models calibrated to published cohorts "
                f"have no hazard of {asked.quantity}"
            )
        with shown(progress) as reporter:
            reporter.stage("forecasting every patient from each look")
            judged = event_forecasts_judged(population, cohort, asked, days, seed, steps)
        of_event, quality = judged
        word = worst_of({day: conclusion(quality, day) for day in days})
        return EventValidation(
            about | {"conclusion": word},
            quality,
            of_event,
            by_group_of_event(quality, of_event),
            _share_outside(population, cohort),
            _differences(population, cohort),
        )
    cases = cases_of(cohort, asked, days[-1])
    refuse_few(cohort, cases)
    with shown(progress) as reporter:
        reporter.stage("forecasting every patient from each look")
        forecasts = _forecasts(population, cohort, cases, days, seed, steps)
        reporter.stage("forecasting with rules made of the same patients")
        rules = benchmark_forecasts(
            cohort,
            cases.patients,
            np.arange(len(cases.patients)),
            days,
            seed,
            cases.event,
            cases.known_on,
            asked,
        )
        reporter.stage("judging")
        quality = _judged(cases, forecasts, rules, seed)
        between = None
        if all_models:
            between = _between(cohort, cases, days, rules, seed, reporter)
    share = _share_outside(population, cohort)
    words = {day: conclusion(quality, day) for day in days}
    first = quality.judged(days[0], MODEL)
    auc = quality.score(days[0], "auc").value
    return Validation(
        about | {"conclusion": worst_of(words)},
        quality,
        forecasts,
        cases,
        by_group(quality, forecasts, cases.patients),
        precision(first["risk"].to_numpy(float), float(outcomes(first).mean()), auc),
        share,
        _differences(population, cohort),
        between,
        seed,
    )


def population_of(source: Any) -> tuple[PopulationDraws, StepRule | None, str]:
    """Draws, steps of the solver, and what the page calls them."""
    if source is None:
        return literature_draws(), None, "published cohorts"
    if isinstance(source, PopulationDraws):
        return source, None, source.provenance.title
    if isinstance(source, Fit):
        return source.population, source.steps, name_of(source)
    raise TypeError(
        f"expected a fit, draws of a population or None, found {source!r}: open a run folder with "
        "lymphokin.open_run"
    )


def read_for(source: Fit | PopulationDraws | None, events: Cohort | AnyPath) -> Cohort:
    """New patients: a cohort as it is, or an event table, read as the source's patients were.

    Raises:
        BadInput: as :meth:`lymphokin.Fit.read`.
    """
    if isinstance(source, Fit):
        return source.read(events)
    population = population_of(source)[0]
    if isinstance(events, Cohort):
        # Published cohorts and pooled factors rest on no patients with sites.
        of_patients = population.provenance.source == "fit" and population.seen_sites is not None
        return with_sites_of(events, population.sites) if of_patients else events
    return read_events(events, model=population.model, sites=population.sites)


def tables_behind(fit: Fit) -> list[str]:
    """Hashes of all tables that a fit has learnt from, the latest first."""
    earlier = fit.provenance.get("update", fit.provenance.get("pool", {}))
    return [fit.provenance["data_sha256"], *earlier.get("of_tables_sha256", [])]


def _forecasts(
    population: PopulationDraws,
    cohort: Cohort,
    cases: Cases,
    looks: Sequence[float],
    seed: int,
    steps: StepRule | None,
) -> dict[float, Look]:
    days = days_of_interest(cohort, cases.endpoint)
    density = density_of(population.model, cohort, steps, days)
    return forecasts_at_looks(density, population.z, cases, looks, seed)


def _judged(
    cases: Cases, forecasts: Mapping[float, Look], rules: Mapping[Any, Any], seed: int
) -> PredictionQuality:
    model = {day: look.endpoint for day, look in forecasts.items()}
    quality = prediction_quality(cases.patients, model, rules, seed)
    further = further_scores(quality, forecasts, seed)
    return replace(quality, scores=pd.concat([quality.scores, further], ignore_index=True))


def _share_outside(population: PopulationDraws, cohort: Cohort) -> float:
    if population.seen is None:
        return 0.0
    reasons = outside(cohort, visits_of(cohort), population.seen, population.seen_sites)
    return float((reasons != "").mean())


def _differences(population: PopulationDraws, cohort: Cohort) -> tuple[tuple[str, str, str], ...]:
    """Per feature, the patients here beside the range that the model has seen."""
    table, seen = features(cohort, visits_of(cohort)), population.seen or {}
    rows = []
    for name, words in NAMES.items():
        low, middle, high = (number(float(table[name].quantile(q))) for q in (0.05, 0.5, 0.95))
        range_ = " to ".join(number(v) for v in seen[name]) if name in seen else "–"
        rows.append((words, f"{middle} ({low} to {high})", range_))
    return tuple(rows)


def _between(
    cohort: Cohort,
    cases: Cases,
    looks: Sequence[float],
    rules: Mapping[Any, Any],
    seed: int,
    reporter: Reporter,
) -> pd.DataFrame:
    """Scores of every model that is calibrated to published cohorts, the same patients and looks.

    Returns:
        one row per model and look: ``model``, ``day``, the scores and ``verdict``.
    """
    rows, names = [], calibrated_models()
    for done, name in enumerate(names):
        reporter.stage(f"forecasting with {name} ({done + 1} of {len(names)})")
        population = literature_draws(name)
        forecasts = _forecasts(population, cohort, cases, looks, seed, None)
        quality = _judged(cases, forecasts, rules, seed)
        for day in looks:
            measures = (EXPECTED, "brier", "log_score", "crps", "auc", COVERAGE[0.90])
            scores = {m: quality.score(day, m).value for m in measures}
            word = conclusion(quality, day)[0]
            rows.append({"model": name, "day": day, **scores, "verdict": word})
    return pd.DataFrame(rows)
