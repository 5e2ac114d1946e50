"""All checks of one measured quantity, from its replicated records."""

from __future__ import annotations

from dataclasses import dataclass

from lymphokin.criticism.data.goodness_of_fit import (
    GoodnessOfFit,
    goodness_of_fit,
    judge_goodness_of_fit,
)
from lymphokin.criticism.data.npde import judge_prediction_errors, normal_scores, prediction_errors
from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.data.residuals import (
    Trend,
    individual_residuals,
    individual_trend,
    judge_trends,
    population_trends,
)
from lymphokin.criticism.data.scatter import judge_scatter, scatter_of
from lymphokin.criticism.data.uniformity import Uniformity, uniformity
from lymphokin.criticism.data.visual_check import (
    Kind,
    VisualCheck,
    judge_visual_checks,
    visual_checks,
)
from lymphokin.quantities import Observable
from lymphokin.verdict import Verdict

VISUAL_CHECKS: tuple[Kind, ...] = ("as measured", "relative to baseline", "prediction-corrected")


@dataclass(frozen=True)
class DataChecks:
    """What replicated records say of one quantity."""

    observable: Observable
    goodness_of_fit: GoodnessOfFit
    trends: list[Trend]
    visual: list[list[VisualCheck]]
    """of each kind, those of every arm"""
    errors: Uniformity
    verdicts: tuple[Verdict, ...]
    within_limits: int = 0
    """records above a limit or between two, which stand as random replicates of their patient"""

    @property
    def by_arm(self) -> bool:
        """Whether checks were done in each arm."""
        return any(check.group for checks in self.visual for check in checks)


def check_data(r: Replicates, observable: Observable, seed: int) -> DataChecks:
    """Goodness of fit, residuals, predictive checks and prediction errors of one quantity."""
    fit = goodness_of_fit(r)
    scores = normal_scores(errors := prediction_errors(r, seed))
    residuals = individual_residuals(r, seed)
    uniform = uniformity(errors)
    individual, population = [], []
    for against in ("time", "prediction"):
        trend = individual_trend(r, residuals, against, seed)
        individual += [] if trend is None else [trend]
        population += population_trends(r, scores, against, seed)
    visual = [checks for kind in VISUAL_CHECKS if (checks := visual_checks(r, kind))]
    verdicts = [
        judge_goodness_of_fit(fit),
        judge_scatter(scatter_of(r.quantity, residuals)),
        *(judge_trends(trends) for trends in (individual, population) if trends),
        *(judge_visual_checks(checks, r.population) for checks in visual),
        judge_prediction_errors(r.quantity, scores, uniform),
    ]
    trends = individual + population
    within_limits = int(r.records["lower"].notna().sum())
    return DataChecks(observable, fit, trends, visual, uniform, tuple(verdicts), within_limits)
