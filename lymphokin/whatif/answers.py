"""The question of a what-if and its answer: the same for the page, the command line and Python.

Probabilities are rounded here and nowhere later: page, print and command show these numbers.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from lymphokin.population.provenance import Provenance
from lymphokin.whatif.limits import SETTLED_DRAWS, DrawCount, Strict
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule


class WhatIfRequest(Strict):
    """Two schedules for one patient, compared on the same draws of everything unknown."""

    patient: Patient
    a: Schedule
    """the plan that the patient is on: counts so far were measured under it"""
    b: Schedule
    draws: DrawCount = SETTLED_DRAWS


class Estimate(BaseModel):
    """A probability with its 90 % equal-tailed interval over what is unknown of the population."""

    p: float
    """rounded to 2 decimals: 0.00 is fewer than 1 of 100, never impossible"""
    low: float
    high: float
    of_100: int
    """100 p: about this many of 100 patients like this one"""


class GradeRisk(BaseModel):
    """Probability of a grade or worse at the endpoint visit."""

    measured: Estimate
    """of the count as the laboratory reports it: what the endpoint counts"""
    true: Estimate
    """of the patient's underlying count, without measurement noise"""


class Quantiles(BaseModel):
    """Equal-tailed quantiles: 5 to 95 % holds 90 %, 25 to 75 % holds 50 %."""

    q05: float
    q25: float
    q50: float
    q75: float
    q95: float


class Risk(BaseModel):
    """Risks at the endpoint visit, and the count to be expected there."""

    grade2: GradeRisk
    grade3: GradeRisk
    grade4: GradeRisk
    alc: Quantiles
    """measured count at the endpoint visit, 1e9/L"""


class Comparators(BaseModel):
    """The same patient under the schedule and without parts of it."""

    planned: Risk
    no_atra: Risk
    no_treatment: Risk


class Fan(BaseModel):
    """Quantiles over time; each list has one value per day of the answer's ``days``."""

    q05: list[float]
    q25: list[float]
    q50: list[float]
    q75: list[float]
    q95: list[float]


class Curves(BaseModel):
    """Quantities over time under one schedule."""

    alc: Fan
    """true count, 1e9/L"""
    alc_measured: Fan
    """count as measured: what a further count should lie in"""
    mdsc: Fan | None
    """cells/uL; None where the model has no MDSC"""
    alc_no_atra_q50: list[float]
    alc_no_treatment_q50: list[float]


class Driver(BaseModel):
    """How much one unknown moves the count at the endpoint."""

    name: str
    meaning: str
    share: float
    """of the variance of ln count among the draws, 0 to 1"""
    raises_risk: bool
    """whether a larger value raises the risk"""


class ScheduleAnswer(BaseModel):
    """What the model says about one schedule."""

    endpoint_day: int
    """6 weeks after the last fraction"""
    total_gy: float
    bed10_gy: float
    """biologically effective dose, alpha/beta 10 Gy"""
    eqd2_10_gy: float
    bed3_gy: float
    eqd2_3_gy: float
    immune_dose_gy: float
    """reference immune dose of the course, before the patient's own scale"""
    atra_mg: float
    """of the whole course"""
    fitted: Comparators
    """with gamma (myeloid suppression) as it is known"""
    gamma_zero: Comparators | None
    """with gamma = 0: ATRA without any effect on lymphocytes; None if the model has no gamma"""
    curves: Curves
    drivers: list[Driver]
    """largest first; together at most 1"""


BETTER_BY = 0.05
"""How much lower a risk must be to be called better: 5 of 100 patients."""


class Difference(BaseModel):
    """A minus B in the risk of grade >= 2 as measured, for patients like this one.

    Interval, verdict and probabilities come from the same draws of the population: they cannot
    contradict each other.
    """

    p: float
    low: float
    high: float
    of_100: int
    """difference of the two numbers of 100"""
    verdict: Literal["same", "a", "b", "unclear"]
    """same: equal in every draw; a, b: lower under that schedule; unclear: the interval holds 0"""
    probability_a_better: float | None
    """that the risk is lower under A by 5 of 100 or more; None where there is an assumption"""
    probability_b_better: float | None
    assumption: str | None
    """what the difference rests on that has never been seen in people"""


class ConditioningAnswer(BaseModel):
    """How the counts so far were taken into account."""

    method: Literal["none", "importance", "mcmc"]
    counts_used: int
    baseline_counts: int
    pareto_k: float | None
    """above 0.7 importance weights are unreliable"""
    effective_draws: float | None
    reliable: bool
    note: str


class Notice(BaseModel):
    """Something to know before the number is believed."""

    field: str
    """path of the input, e.g. patient.bsa or a.fractions; empty where it concerns the whole"""
    joint: bool
    """whether only the combination is unusual"""
    severity: Literal["note", "caution", "strong"]
    text: str


class WhatIfAnswer(BaseModel):
    """Everything the page shows."""

    days: list[int]
    a: ScheduleAnswer
    b: ScheduleAnswer
    difference: Difference
    difference_gamma_zero: Difference | None
    conditioning: ConditioningAnswer
    warnings: list[Notice]
    provenance: Provenance
    draws: int
    seconds: float
    """time on the server"""
