"""The question of a what-if and its answer: the same for the page, the command line and Python.

Probabilities are rounded here and nowhere later: page, print and command show these numbers.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, computed_field

from lymphokin.pages.messages import Message
from lymphokin.population.provenance import Provenance
from lymphokin.whatif.judging import SIX_WEEKS, Asked, JudgedBy
from lymphokin.whatif.limits import SETTLED_DRAWS, DrawCount, Strict
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule


class WhatIfRequest(Strict):
    """Two schedules for one patient, compared on the same draws of everything unknown."""

    patient: Patient
    a: Schedule
    """the plan that the patient is on: counts so far were measured under it"""
    b: Schedule
    endpoint: Asked = SIX_WEEKS
    """what is judged: its name, ``day30`` for the count on a day, or its declaration"""
    draws: DrawCount = SETTLED_DRAWS


class Estimate(BaseModel):
    """A probability, or the mean of a number over patients like this one, with its 90 %
    equal-tailed interval over what is unknown of the population.
    """

    p: float
    """rounded once; a probability to 2 decimals: 0.00 is fewer than 1 of 100, never impossible"""
    low: float
    high: float
    of_100: int | None
    """100 p: about this many of 100 patients like this one; None where it is no probability"""

    @property
    def shown(self) -> float:
        """Patients of 100, or the number."""
        return self.p if self.of_100 is None else self.of_100


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
    no_drug: Risk
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
    others: dict[str, Fan]
    """what the model measures besides, by quantity, in its unit"""
    alc_no_drug_q50: list[float]
    alc_no_treatment_q50: list[float]


class Driver(BaseModel):
    """How much one unknown moves the count at the endpoint."""

    name: str
    meaning: str
    share: float
    """of the variance of ln count among the draws, 0 to 1"""
    raises_risk: bool
    """whether a larger value raises the risk"""


class Judged(BaseModel):
    """What the endpoint asks, of the same patient under the schedule and without parts of it."""

    planned: Estimate
    no_drug: Estimate
    no_treatment: Estimate
    without_link: Estimate | None
    """as planned, without the disputed link; None if the model has none"""
    window: tuple[float, float]
    """first and last day that are judged; the same day for a count on a day"""
    spread: Quantiles | None
    """of the endpoint's number over patients like this one; None for a count on a day"""


class Given(BaseModel):
    """How much of a drug a schedule gives."""

    drug: str
    label: str
    unit: str
    amount: float
    """of the whole schedule"""


class ScheduleAnswer(BaseModel):
    """What the model says about one schedule."""

    judged: Judged
    """what the endpoint asks; for a count on a day the risk of grade >= 2 as measured"""
    assumption: Message | None
    """what the numbers rest on that has never been seen in people, and what they are without it"""
    endpoint_day: int | float
    """of the visit that ``fitted`` is about: the endpoint's, or 6 weeks after the last fraction
    where the endpoint is no visit"""
    total_gy: float
    bed10_gy: float
    """biologically effective dose, alpha/beta 10 Gy"""
    eqd2_10_gy: float
    bed3_gy: float
    eqd2_3_gy: float
    immune_dose_gy: float
    """reference immune dose of the course, before the patient's own scale"""
    given: list[Given]
    """each drug that the model takes"""
    fitted: Comparators
    """with the disputed link as it is known"""
    gamma_zero: Comparators | None
    """without the disputed link (gamma = 0); None if the model has none"""
    curves: Curves
    drivers: list[Driver]
    """largest first; together at most 1"""


class Difference(BaseModel):
    """A minus B in what the endpoint asks, for patients like this one.

    Interval, verdict and probabilities come from the same draws of the population: they cannot
    contradict each other.
    """

    p: float
    low: float
    high: float
    of_100: int | None
    """difference of the two numbers of 100; None where they are no probabilities"""
    verdict: Literal["same", "a", "b", "unclear"]
    """same: equal in every draw; a, b: lower under that schedule; unclear: the interval holds 0"""
    probability_a_better: float | None
    """that it is lower under A by ``better_by`` or more; None where there is an assumption"""
    probability_b_better: float | None
    better_by: float
    """5 of 100 patients, or 5 % of the most that the number can be"""
    assumption: Message | None
    """what the difference rests on that has never been seen in people"""

    @property
    def shown(self) -> float:
        """Patients of 100, or the number."""
        return self.p if self.of_100 is None else self.of_100


class ConditioningAnswer(BaseModel):
    """How the counts so far were taken into account."""

    method: Literal["none", "importance", "mcmc"]
    counts_used: int
    baseline_counts: int
    pareto_k: float | None
    """above 0.7 importance weights are unreliable"""
    effective_draws: float | None
    reliable: bool
    note: Message


class Notice(BaseModel):
    """Something to know before the number is believed."""

    field: str
    """path of the input, e.g. patient.bsa or a.fractions; empty where it concerns the whole"""
    joint: bool
    """whether only the combination is unusual"""
    severity: Literal["note", "caution", "strong"]
    message: Message
    outside: bool = False
    """whether it says that something lies outside what was seen"""
    beyond: bool = False
    """whether so far outside that no number is given"""

    @computed_field
    @property
    def text(self) -> str:
        """In English."""
        return self.message.text


class WhatIfAnswer(BaseModel):
    """Everything the page shows."""

    endpoint: JudgedBy
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
