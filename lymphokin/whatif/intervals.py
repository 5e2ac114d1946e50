"""Risks with the interval that comes from not knowing the population well.

A risk is a mean over patients like this one. Another draw of the population gives another risk, but
the one patient drawn from each population does not show it. So ln count is regressed on the
latents of the population and of the patient, and every population is then met by all patients.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np

from lymphokin.endpoint import GRADE_BELOW, measured_threshold
from lymphokin.model import Residual
from lymphokin.pages.messages import Message
from lymphokin.population import log_measured
from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.answers import Difference, Estimate, GradeRisk, Risk
from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.judging import CHANCE, Scale
from lymphokin.whatif.risk import COUNT_DECIMALS, below, grade_draws, noise_of, quantiles

RIDGE = 1e-2
OTHERS = 40
"""Patients that each population is met by."""
INTERVAL = (0.05, 0.95)
TINY = 1e-9
"""A difference of risks, or of ln counts, that is none: what rounding leaves."""
BENDS = 2
"""Degree of the curve of a difference along the populations: often largest in the middle."""
MOST_KEPT = 32
"""Risks kept for the next question about the same draws."""


class Intervals:
    """Turns ln counts of one patient's draws into risks, intervals and differences."""

    def __init__(self, population: PopulationDraws, conditioned: Conditioned) -> None:
        self.residual: Residual = population.model.table.residuals["alc"]
        self.sd: np.ndarray = population.residual_sd["alc"][conditioned.draws.atom]
        self._noise = noise_of(self.residual, conditioned.draws.noise)
        self._z = conditioned.draws.lanes.z
        self._deviation = conditioned.deviation
        self._risks: dict[bytes, Risk] = {}

    def imagined(self, log_count: np.ndarray) -> np.ndarray:
        """[draw] ln of what would be measured of ln true counts, one measurement per draw."""
        return log_measured(self.residual, log_count, self.sd, self._noise, np)

    @cached_property
    def _regression(self) -> tuple[np.ndarray, np.ndarray]:
        """Latents of the population, standardised, [draw, column], and [column, draw] slopes."""
        z, deviation = (_standard(v) for v in (self._z, self._deviation))
        x = np.vstack([np.ones(z.shape[1]), z, deviation])
        penalty = RIDGE * x.shape[1] * np.eye(len(x))
        penalty[0, 0] = 0.0
        slopes = np.linalg.solve(x @ x.T + penalty, x)[1 : 1 + len(z)]
        return z.T, slopes

    def _populations(self, log_count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shift of ln count by each population [population], and patients around it, sorted."""
        z, slopes = self._regression
        shift = z @ (slopes @ log_count)
        return shift, np.sort(log_count - shift)

    def _by_population(self, log_count: np.ndarray, grade: int) -> np.ndarray:
        """[population] risk of a measured grade or worse."""
        shift, patients = self._populations(log_count)
        place = (np.arange(OTHERS) + 0.5) / OTHERS * len(patients)
        some = patients[place.astype(int)]
        sd = self.sd[:, None]
        limit = float(np.log(measured_threshold(grade)))
        return below(self.residual, limit, shift[:, None] + some, sd).mean(axis=1)

    def measured(self, log_count: np.ndarray, grade: int = 2) -> Estimate:
        """Risk that the count is reported as a grade or worse."""
        draws = grade_draws(self.residual, log_count, self.sd, grade)
        return _estimate(float(draws.mean()), self._by_population(log_count, grade))

    def true(self, log_count: np.ndarray, grade: int) -> Estimate:
        """Risk that the true count is below the limit of a grade."""
        limit = np.log(GRADE_BELOW[grade])
        shift, patients = self._populations(log_count)
        shares = np.searchsorted(patients, limit - shift) / len(patients)
        return _estimate(float((log_count < limit).mean()), shares)

    def risk(self, log_count: np.ndarray) -> Risk:
        """All risks from ln true counts at the endpoint, [draw]."""
        key = log_count.tobytes()  # versions of a schedule are often the same
        if key not in self._risks:
            self._risks = dict(list(self._risks.items())[-MOST_KEPT:]) | {
                key: self._risk(log_count)
            }
        return self._risks[key]

    def _risk(self, log_count: np.ndarray) -> Risk:
        grades = {
            f"grade{grade}": GradeRisk(
                measured=self.measured(log_count, grade), true=self.true(log_count, grade)
            )
            for grade in GRADE_BELOW
        }
        counts = np.exp(self.imagined(log_count))
        return Risk(alc=quantiles(counts, COUNT_DECIMALS), **grades)

    def difference(
        self, a: np.ndarray, b: np.ndarray, assumption: Message | None = None
    ) -> Difference:
        """A minus B in the risk of grade >= 2 as measured, on paired draws of ln count.

        Args:
            a: [draw] ln true count at the visit under A.
            b: the same under B.
            assumption: what the difference rests on; no probability is then given.
        """
        risk_a, risk_b = (grade_draws(self.residual, v, self.sd) for v in (a, b))
        same = np.allclose(a, b, rtol=0.0, atol=TINY)
        return self.between(risk_a, risk_b, CHANCE, same=same, assumption=assumption)

    def between(
        self,
        a: np.ndarray,
        b: np.ndarray,
        scale: Scale,
        *,
        same: bool,
        assumption: Message | None = None,
    ) -> Difference:
        """A minus B in the mean of what is judged, on paired draws.

        Args:
            a: [draw] a risk, or a number, under A.
            b: the same under B.
            scale: how it is shown.
            same: whether A and B are equal in every draw.
            assumption: what the difference rests on; no probability is then given.
        """
        steps = scale.steps(float(a.mean())) - scale.steps(float(b.mean()))
        between = np.sort([scale.steps(v) for v in self._by_its_population(a - b)])
        outside = int(INTERVAL[0] * len(between))
        low, high = min(between[outside], steps), max(between[-1 - outside], steps)
        a_better, b_better = (
            round(float((sign * between >= scale.better_by).mean()), 2) for sign in (-1, 1)
        )
        if assumption:
            better = None, None
        else:
            better = (
                _beside(a_better, -high, scale.better_by),
                _beside(b_better, low, scale.better_by),
            )
        return Difference(
            p=scale.shown(steps),
            low=scale.shown(low),
            high=scale.shown(high),
            of_100=steps if scale.is_chance else None,
            verdict=_verdict(low, high, same),
            probability_a_better=better[0],
            probability_b_better=better[1],
            better_by=scale.shown(scale.better_by),
            assumption=assumption,
        )

    def mean(self, values: np.ndarray, scale: Scale) -> Estimate:
        """The mean of something that each draw has, with its interval over populations.

        Args:
            values: [draw].
            scale: how it is shown.
        """
        return _estimate(float(values.mean()), self._by_its_population(values), scale)

    def _by_its_population(self, difference: np.ndarray) -> np.ndarray:
        """[population] mean over patients of something of each draw, such as a difference.

        A difference has one regression of itself: two regressions, one of each risk, would leave
        their errors between them. Few may gain much, and those in between most, so the line may
        bend; nobody gains more than the patient who gains most.
        """
        z, slopes = self._regression
        line = z @ (slopes @ difference)
        if np.ptp(line) < TINY:
            return np.full(len(line), difference.mean())
        bent = np.polynomial.Polynomial.fit(line, difference, BENDS)(line)
        return np.clip(bent, difference.min(), difference.max())


def _standard(values: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and SD 1; those that do not vary stay 0."""
    sd = values.std(axis=1, keepdims=True)
    return (values - values.mean(axis=1, keepdims=True)) / np.where(sd > 1e-12, sd, 1.0)


def _verdict(low: int, high: int, same: bool) -> Literal["same", "a", "b", "unclear"]:
    """What an interval of A minus B says."""
    if same:
        return "same"
    if low > 0:
        return "b"
    return "a" if high < 0 else "unclear"


def _beside(probability: float, least: int, enough: int) -> float:
    """A probability of being better, no surer than the interval that stands beside it."""
    return probability if least >= enough else min(probability, INTERVAL[1])


def _around(middle: float, between: np.ndarray) -> tuple[float, float]:
    """Interval over populations, around the mean over draws."""
    low, high = np.quantile(between, INTERVAL) - between.mean()
    return middle + float(low), middle + float(high)


def _estimate(p: float, between: np.ndarray, scale: Scale = CHANCE) -> Estimate:
    steps = scale.steps(p)
    low, high = (scale.steps(min(max(v, 0.0), scale.largest)) for v in _around(p, between))
    return Estimate(
        p=scale.shown(steps),
        low=scale.shown(min(low, steps)),
        high=scale.shown(max(high, steps)),
        of_100=steps if scale.is_chance else None,
    )
