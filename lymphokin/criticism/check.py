"""Check a fit: against its own data, by forecasts of left-out patients, by simulated trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lymphokin.criticism.criticise import Criticism, criticise
from lymphokin.criticism.data.data_sections import data_sections
from lymphokin.criticism.data.event_times import event_sections
from lymphokin.criticism.forecasts.event_sections import sections_of_event
from lymphokin.criticism.forecasts.predict_left_out import (
    FoldFits,
    predict_by_folds,
    predict_left_out,
    to_judge,
)
from lymphokin.criticism.forecasts.prediction_quality import PredictionQuality
from lymphokin.criticism.forecasts.prediction_sections import (
    prediction_sections,
    who_is_judged,
)
from lymphokin.criticism.forecasts.prediction_verdicts import (
    of_day,
    prediction_verdicts,
    read_first,
)
from lymphokin.criticism.many_fits import ManyFits
from lymphokin.criticism.patients.patient_sections import patient_sections
from lymphokin.criticism.result import CheckResult, about_fit
from lymphokin.criticism.sections import Section
from lymphokin.criticism.simulation.simulation_calibration import (
    SimulatedFits,
    SimulationCalibration,
    calibrate_by_simulation,
)
from lymphokin.criticism.simulation.simulation_sections import simulation_sections
from lymphokin.criticism.simulation.simulation_verdicts import judge_simulations
from lymphokin.criticism.teaching.teaching_sections import teaching_sections
from lymphokin.endpoints import DEFAULT, Endpoint, shipped_endpoints
from lymphokin.files import AnyPath
from lymphokin.jobs import Executor
from lymphokin.model import ModelError
from lymphokin.progress import Reporter, shown
from lymphokin.run import Fit
from lymphokin.verdict import Verdict

FEWEST_DRAWS = 500
"""Simulated trials below which a probability of 0.005 cannot be shown (judgement)."""
FEWEST_SIMULATIONS = 20
"""Ranks in fewer trials than this show nothing (judgement)."""


@dataclass(frozen=True, eq=False)
class PosteriorCheck(CheckResult):
    """Checks of a fit against its own data and its prior; see :func:`check`.

    Attributes:
        criticism: the checks themselves.
    """

    criticism: Criticism
    template = "check.html.j2"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return self.criticism.verdicts

    def sections(self) -> list[Section]:
        return [
            *(data_sections(list(self.criticism.data.values())) if self.criticism.data else ()),
            *event_sections(self.criticism.events),
            *patient_sections(self.criticism.patients),
            *teaching_sections(self.criticism.teaching),
        ]


@dataclass(frozen=True, eq=False)
class ForecastCheck(CheckResult):
    """Forecasts of left-out patients beside benchmarks; see :func:`check_forecasts`.

    Attributes:
        quality: forecasts and scores of every patient.
    """

    quality: PredictionQuality
    template = "predictive.html.j2"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return prediction_verdicts(self.quality)

    @property
    def read_first(self) -> Sequence[str]:
        return read_first(self.quality)

    @property
    def details(self) -> dict[str, pd.DataFrame]:
        counts = self.quality.later
        later = {} if counts is None or counts.empty else {"later_counts": counts}
        return {"scores": self.quality.scores, "forecasts": self.quality.forecasts, **later}

    def sections(self) -> list[Section]:
        if self.quality.endpoint is not None and self.quality.endpoint.of_event:
            found = sections_of_event(self.quality, self.verdicts, of_day)
            return [*found, who_is_judged(self.verdicts)]
        return prediction_sections(self.quality)

    def as_dict(self) -> dict[str, Any]:
        scores = self.quality.scores.to_dict("records")
        return {**super().as_dict(), "read_first": list(self.read_first), "scores": scores}


@dataclass(frozen=True, eq=False)
class SamplerCheck(CheckResult):
    """Ranks of the truth in simulated trials; see :func:`check_sampler`.

    Attributes:
        calibration: ranks and how well the chains of each trial agree.
    """

    calibration: SimulationCalibration
    template = "simulations.html.j2"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return judge_simulations(self.calibration)

    @property
    def details(self) -> dict[str, pd.DataFrame]:
        return {"ranks": self.calibration.ranks.join(self.calibration.fits)}

    def sections(self) -> list[Section]:
        return simulation_sections(self.calibration)


def check(
    fit: Fit, *, draws: int = 1000, seed: int = 0, progress: bool | Reporter | None = None
) -> PosteriorCheck:
    """Check a fit against its own data and its prior.

    Residuals, visual predictive checks, prediction distribution errors, the endpoint again,
    differences between patients, what the data taught, and sensitivity to the prior.

    Args:
        fit: the fit.
        draws: posterior draws, each a simulated trial.
        seed: of all random numbers.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Raises:
        ValueError: when the draws are too few, or the fit is a single point.

    Example:
        >>> result = lk.check(lk.open_run(run_folder))
        >>> result.level in ("fine", "look", "wrong")
        True
        >>> result.table
          level...
    """
    if draws < FEWEST_DRAWS:
        raise ValueError(f"draws {draws}: expected at least {FEWEST_DRAWS}")
    fit.require_draws("a check")
    with shown(progress) as reporter:
        reporter.stage("simulating the trial again, from each posterior draw")
        criticism = criticise(fit, draws, seed)
    return PosteriorCheck(about_fit(fit, seed) | {"draws": criticism.draws}, criticism)


def check_forecasts(
    fit: Fit,
    *,
    folds: int = 0,
    seed: int = 0,
    endpoint: AnyPath | Endpoint | None = None,
    unfinished: AnyPath | None = None,
    executor: Executor | None = None,
    progress: bool | Reporter | None = None,
) -> ForecastCheck:
    """Judge forecasts of each patient by a fit that has not seen that patient.

    Brier score, log score, CRPS, AUC and calibration stand beside those of three benchmarks that
    knew as much; of an event in time beside those of the share of the other patients of the arm.

    Args:
        fit: the fit.
        folds: 0 leaves patients out one by one, by importance weights; from 2 on, the
            number of fits, each without one part of the patients.
        seed: of all random numbers.
        endpoint: what is judged, by name, a file that declares one, or as it is; it needs an event.
            None: the default one. Besides, every count after each day is judged.
        unfinished: folder in which finished fits of the folds are kept. The same call continues
            after a stop. None: a stopped check is lost.
        executor: where other processes make the fits, of a saved fit; None: this process does.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Raises:
        BadInput: when an event in time cannot be judged by these patients: too few are there or
            followed to its last day, or all or none of them had it.
        ValueError: when there are too few patients to judge a forecast by, or for the folds; with
            an executor also of a fit that is not saved, and without ``unfinished``.
        ChildProcessError: when another process failed; what is finished is kept.

    Example:
        >>> result = lk.check_forecasts(fit)
        >>> result.quality.scores
             day...
    """
    fit.require_draws("a check")
    about = about_fit(fit, seed)
    with shown(progress) as reporter:
        if not folds:
            quality = predict_left_out(fit, seed, reporter, endpoint=endpoint)
            return ForecastCheck(about | _judged_by(quality), quality)
        # What is judged is the model on this cohort, fitted anew: not the draws of the run.
        about = {k: v for k, v in about.items() if k != "convergence"} | {"folds": folds}
        asked = ManyFits(seed, folds, endpoint)
        density, cases = to_judge(fit, endpoint=endpoint)
        fits = FoldFits(fit.density, cases.patients, folds, seed)
        reporter.stage("fitting without each part of the patients")
        if executor is not None:
            asked.elsewhere(fit, folds, unfinished, executor, reporter)
        with asked.checkpoint(fit, unfinished) as checkpoint:
            quality = predict_by_folds(fits, density, cases, checkpoint, reporter)
    return ForecastCheck(about | _judged_by(quality), quality)


def _judged_by(quality: PredictionQuality) -> dict[str, Any]:
    """What the page says of the endpoint; nothing of the default one."""
    asked = quality.endpoint
    if asked is None or asked == shipped_endpoints()[DEFAULT]:
        return {}
    return {"endpoint": asked.name, "meaning": asked.meaning, "of_event": asked.of_event}


def check_sampler(
    fit: Fit,
    *,
    trials: int = 200,
    seed: int = 0,
    unfinished: AnyPath | None = None,
    executor: Executor | None = None,
    progress: bool | Reporter | None = None,
) -> SamplerCheck:
    """Fit trials that are simulated from the prior: does the truth lie where the fit says?

    Only the design of the fitted trial is used, so that it does not matter whether the fit's own
    chains agreed.

    Args:
        fit: the fit, whose patients, courses, visits and limits every simulated trial has.
        trials: how many trials are simulated and fitted.
        seed: of all random numbers.
        unfinished: folder in which finished trials are kept. The same call continues after a stop,
            and more trials may be asked for then. None: a stopped check is lost.
        executor: where other processes make the fits, of a saved fit; None: this process does.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Raises:
        ValueError: when the trials are too few.
        ModelError: when the model knows the exact times of events, which are not simulated.

    Example:
        >>> result = lk.check_sampler(fit, trials=20, unfinished="sbc")
    """
    if trials < FEWEST_SIMULATIONS:
        raise ValueError(
            f"trials {trials}: expected at least {FEWEST_SIMULATIONS} simulated trials"
        )
    fit.model.require_counts("a check of the sampler")
    if exact := [name for name, hazard in fit.model.hazards.items() if hazard.exact]:
        raise ModelError(
            f"a check of the sampler does not simulate when events happen, and model "
            f"{fit.model.name} knows the time of {', '.join(exact)}"
        )
    asked = ManyFits(seed)
    fits = SimulatedFits(fit.density, seed, rule=fit.steps)
    with shown(progress) as reporter:
        reporter.stage("fitting simulated trials")
        if executor is not None:
            asked.elsewhere(fit, trials, unfinished, executor, reporter)
        with asked.checkpoint(fit, unfinished) as checkpoint:
            calibration = calibrate_by_simulation(fits, trials, checkpoint, reporter)
    about = {k: v for k, v in about_fit(fit, seed).items() if k != "convergence"}
    return SamplerCheck(about | {"trials": trials}, calibration)
