"""Risks with the interval that comes from not knowing the population well.

A risk is a mean over patients like this one. Another draw of the population gives another risk, but
the one patient drawn from each population does not show it. So ln count is regressed on the
latents of the population and of the patient, and every population is then met by all patients.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from lymphokin.endpoint import GRADE_BELOW, measured_threshold
from lymphokin.model import Residual
from lymphokin.pages.wording import hundredths
from lymphokin.population import log_measured
from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.answers import Difference, Estimate, GradeRisk, Quantiles, Risk
from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.risk import LEVELS, below, grade_draws, noise_of

RIDGE = 1e-2
OTHERS = 40
"""Patients that each population is met by."""
INTERVAL = (0.05, 0.95)
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
        counts = np.quantile(np.exp(self.imagined(log_count)), LEVELS)
        names = [f"q{round(100 * level):02d}" for level in LEVELS]
        rounded = (round(float(v), 2) for v in counts)
        return Risk(alc=Quantiles(**dict(zip(names, rounded, strict=True))), **grades)

    def difference(self, a: np.ndarray, b: np.ndarray) -> Difference:
        """A minus B in the risk of grade >= 2 as measured, on paired draws of ln count."""
        risk_a, risk_b = (grade_draws(self.residual, v, self.sd) for v in (a, b))
        of_100 = hundredths(float(risk_a.mean())) - hundredths(float(risk_b.mean()))
        between = self._by_population(a, 2) - self._by_population(b, 2)
        middle = float((risk_a - risk_b).mean())
        low, high = _around(middle, between)
        margin = 1e-9
        return Difference(
            p=of_100 / 100,
            low=min(hundredths(low), of_100) / 100,
            high=max(hundredths(high), of_100) / 100,
            of_100=of_100,
            probability_a_lower=round(float((risk_a < risk_b - margin).mean()), 2),
            probability_b_lower=round(float((risk_b < risk_a - margin).mean()), 2),
        )


def _standard(values: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and SD 1; those that do not vary stay 0."""
    sd = values.std(axis=1, keepdims=True)
    return (values - values.mean(axis=1, keepdims=True)) / np.where(sd > 1e-12, sd, 1.0)


def _around(middle: float, between: np.ndarray) -> tuple[float, float]:
    """Interval over populations, around the mean over draws."""
    low, high = np.quantile(between, INTERVAL) - between.mean()
    return middle + float(low), middle + float(high)


def _estimate(p: float, between: np.ndarray) -> Estimate:
    of_100 = hundredths(p)
    low, high = (hundredths(min(max(v, 0.0), 1.0)) for v in _around(p, between))
    return Estimate(
        p=of_100 / 100, low=min(low, of_100) / 100, high=max(high, of_100) / 100, of_100=of_100
    )
