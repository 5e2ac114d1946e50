"""Questions and answers of the what-if, the same for the web page, the command line and Python.

Days count from a day 0 that both schedules share, usually the first fraction. Probabilities are
rounded here, once: whoever shows them shows what stands here. No field takes free text, and none
asks who the patient is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lymphokin.io.vocabulary import IMMUNE_DOSE_SOURCES, SITES
from lymphokin.plausible import LARGEST_ALC, LARGEST_FRACTION_GY

LATEST_DAY = 126
"""Last day of the curves: 18 weeks."""
LATEST_FRACTION_DAY = 77
"""So that the visit 6 weeks later still lies on the curves."""
EARLIEST_DAY = -28
MOST_FRACTIONS = 40
MOST_PULSES = 8
MOST_COUNTS = 40
MOST_LESIONS = 10
MOST_CELLS = 144
"""Cells of a scan, and options of a search."""


class Strict(BaseModel):
    """Refuses what it does not know, and numbers that are none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Count(Strict):
    """One measurement so far."""

    day: Annotated[float, Field(ge=-365, le=LATEST_DAY)]
    """days from day 0; a count on the day of a fraction is taken before it"""
    value: Annotated[float, Field(gt=0, le=5000)]
    """1e9/L for lymphocytes (alc), cells/uL for MDSC (mdsc)"""
    quantity: Literal["alc", "mdsc"] = "alc"

    @model_validator(mode="after")
    def _plausible(self) -> Count:
        if self.quantity == "alc" and self.value > LARGEST_ALC:
            raise ValueError(f"a lymphocyte count of {self.value:g} is not in 1e9/L")
        return self


class Patient(Strict):
    """Everything about a patient that the model may use."""

    site: str = "other"
    """site class of all lesions, or one per lesion joined by +"""
    n_lesions: Annotated[int, Field(ge=1, le=MOST_LESIONS)] | None = None
    ptv_cm3: Annotated[float, Field(gt=0, le=5000)] | None = None
    """planning target volume of all lesions"""
    immune_dose_gy: Annotated[float, Field(ge=0, le=30)] | None = None
    """mean dose to the blood of the whole planned course under schedule A; estimated if absent"""
    immune_dose_source: Literal["blood", "edic", "organs", "dvh", "dicom"] | None = None
    bsa: Annotated[float, Field(ge=0.5, le=3.5)] = 1.8
    """body surface area, m2: turns ATRA per m2 into mg"""
    age: Annotated[float, Field(ge=18, le=110)] | None = None
    sex: Literal["F", "M"] | None = None
    counts: Annotated[tuple[Count, ...], Field(max_length=MOST_COUNTS)] = ()
    """measurements so far; those up to the first fraction are the baseline"""

    @field_validator("site")
    @classmethod
    def _known_sites(cls, site: str) -> str:
        named = site.split("+")
        if len(site) > 200 or not set(named) <= set(SITES):
            raise ValueError(f"expected one of {', '.join(SITES)}, or one per lesion joined by +")
        return site

    @model_validator(mode="after")
    def _consistent(self) -> Patient:
        named = self.site.count("+") + 1
        if named > MOST_LESIONS:
            raise ValueError(f"site names {named} lesions; the most are {MOST_LESIONS}")
        if named > 1 and self.n_lesions not in (None, named):
            raise ValueError(f"site names {named} lesions, n_lesions says {self.n_lesions}")
        if self.immune_dose_source and self.immune_dose_gy is None:
            raise ValueError("immune_dose_source is given without immune_dose_gy")
        return self


class PlannedFraction(Strict):
    """One radiotherapy fraction to every lesion, or to one."""

    day: Annotated[int, Field(ge=0, le=LATEST_FRACTION_DAY)]
    gy: Annotated[float, Field(gt=0, le=LARGEST_FRACTION_GY)]
    lesion: Annotated[int, Field(ge=0, le=MOST_LESIONS)] = 0
    """0 = every lesion"""


class Pulse(Strict):
    """One pulse of ATRA: the same daily dose on consecutive days."""

    day: Annotated[float, Field(ge=EARLIEST_DAY, le=LATEST_DAY)]
    days: Annotated[int, Field(ge=1, le=14)] = 3
    mg_per_m2_per_day: Annotated[float, Field(gt=0, le=500)] = 150.0
    doses_per_day: Annotated[int, Field(ge=1, le=3)] = 1


class Schedule(Strict):
    """Fractions and ATRA pulses of one plan."""

    fractions: Annotated[tuple[PlannedFraction, ...], Field(max_length=MOST_FRACTIONS)] = ()
    atra: Annotated[tuple[Pulse, ...], Field(max_length=MOST_PULSES)] = ()
    start_weekday: Annotated[int, Field(ge=0, le=6)] = 0
    """weekday of day 0, Monday = 0"""

    @model_validator(mode="after")
    def _distinct(self) -> Schedule:
        places = [(f.day, f.lesion) for f in self.fractions]
        if len(set(places)) < len(places):
            raise ValueError("two fractions to the same lesion on one day: join them")
        pulses = sorted(self.atra, key=lambda p: p.day)
        for pulse, following in pairwise(pulses):
            if pulse.day + pulse.days > following.day:
                raise ValueError(f"the ATRA pulse on day {following.day:g} begins in another one")
        return self


class WhatIfRequest(Strict):
    """Two schedules for one patient, compared on the same draws of everything unknown."""

    patient: Patient
    a: Schedule
    """the plan that the patient is on: counts so far were measured under it"""
    b: Schedule
    draws: Literal[400, 2000] = 400


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


class Risk(BaseModel):
    """Risks at the endpoint visit, and the count to be expected there."""

    grade2: GradeRisk
    grade3: GradeRisk
    grade4: GradeRisk
    alc: Quantiles
    """measured count at the endpoint visit, 1e9/L"""


class Quantiles(BaseModel):
    """Equal-tailed quantiles: 5 to 95 % holds 90 %, 25 to 75 % holds 50 %."""

    q05: float
    q25: float
    q50: float
    q75: float
    q95: float


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
    """Courses over time under one schedule."""

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


class Difference(BaseModel):
    """A minus B in the risk of grade >= 2 as measured, on paired draws."""

    p: float
    low: float
    high: float
    of_100: int
    """difference of the two numbers of 100"""
    probability_a_lower: float
    """share of paired draws in which the risk is lower under A"""
    probability_b_lower: float


class Conditioning(BaseModel):
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


class CalibrationGroup(BaseModel):
    """Patients with similar predicted risks, and how many of them had grade >= 2."""

    patients: int
    risk: float
    """mean predicted risk"""
    happened: float
    low: float
    """of a 90 % interval (Wilson)"""
    high: float


class Calibration(BaseModel):
    """How well risks came true, as far as is known."""

    text: str
    groups: list[CalibrationGroup]
    """none where no single patient's outcome is known"""


class Provenance(BaseModel):
    """Where the numbers come from."""

    source: Literal["fit", "literature", "prior"]
    title: str
    """in words, e.g. "prior, no data" """
    synthetic: bool
    model: str
    model_sha256: str
    gamma_known_from_people: bool
    patients: int | None
    """behind the posterior"""
    draws: int | None
    created: str | None
    version: str
    commit: str | None
    data_sha256: str | None
    posterior_sha256: str | None
    rhat_max: float | None
    ess_bulk_min: float | None
    divergences: int | None
    verdict: str | None
    calibration: Calibration | None
    limits: list[str]
    """what the model cannot say"""
    research_use: str


class WhatIfAnswer(BaseModel):
    """Everything the page shows."""

    days: list[int]
    a: ScheduleAnswer
    b: ScheduleAnswer
    difference: Difference
    difference_gamma_zero: Difference | None
    conditioning: Conditioning
    warnings: list[Notice]
    provenance: Provenance
    draws: int
    seconds: float
    """time on the server"""


class ScanRequest(Strict):
    """Risk over a grid of schedules like ``schedule``."""

    patient: Patient
    schedule: Schedule
    kind: Literal["fractions", "atra"]
    """fractions: number of fractions x Gy per fraction; atra: first day x number of pulses"""
    x: Annotated[tuple[int, ...], Field(min_length=1, max_length=24)] | None = None
    """numbers of fractions, or first days of ATRA; chosen around the schedule if absent"""
    y: Annotated[tuple[float, ...], Field(min_length=1, max_length=24)] | None = None
    """Gy per fraction, or numbers of pulses"""
    draws: Literal[400, 2000] = 400

    @model_validator(mode="after")
    def _bounded(self) -> ScanRequest:
        if len(self.x or ()) * len(self.y or ()) > MOST_CELLS:
            raise ValueError(f"a scan has at most {MOST_CELLS} cells")
        return self


class Cell(BaseModel):
    """One schedule of a scan."""

    x: float
    y: float
    schedule: Schedule
    risk: Estimate
    """of grade >= 2 as measured"""
    bed10_gy: float


class ScanAnswer(BaseModel):
    """A heat map, row by row (y), with the schedules to load."""

    kind: Literal["fractions", "atra"]
    x_label: str
    y_label: str
    x: list[float]
    y: list[float]
    cells: list[list[Cell]]
    """[y][x]"""
    same_bed: list[float] | None
    """per x, the Gy per fraction with the BED (alpha/beta 10 Gy) of the schedule asked about"""
    bed10_gy: float
    warnings: list[Notice]
    provenance: Provenance


class OptionsRequest(Strict):
    """Schedules within limits; what comes back is a list of options, never a recommendation."""

    patient: Patient
    schedule: Schedule
    """the plan to compare with; its ATRA and weekday are kept unless varied"""
    bed10_gy: tuple[Annotated[float, Field(ge=0, le=1000)], Annotated[float, Field(ge=0, le=1000)]]
    """lowest and highest BED (alpha/beta 10 Gy)"""
    fractions: tuple[Annotated[int, Field(ge=1, le=40)], Annotated[int, Field(ge=1, le=40)]] = (
        1,
        10,
    )
    gy: tuple[Annotated[float, Field(gt=0, le=34)], Annotated[float, Field(gt=0, le=34)]] = (2, 24)
    gy_step: Annotated[float, Field(ge=0.5, le=10)] = 1.0
    longest_course_days: Annotated[int, Field(ge=1, le=77)] = 14
    first_atra_days: Annotated[tuple[int, ...], Field(max_length=8)] = ()
    """first days of ATRA to try; empty keeps that of the schedule"""
    draws: Literal[400, 2000] = 400


class Option(BaseModel):
    """One schedule within the limits."""

    label: str
    schedule: Schedule
    risk: Estimate
    bed10_gy: float
    course_days: int
    difference_of_100: int
    """its number of 100 minus that of the schedule asked about"""


class OptionsAnswer(BaseModel):
    """Options in order of fractions and dose, not of risk."""

    options: list[Option]
    reference: Estimate
    considered: int
    note: str
    provenance: Provenance


class NarrowingRequest(Strict):
    """What would a further count teach?"""

    patient: Patient
    schedule: Schedule
    days: Annotated[tuple[int, ...], Field(min_length=1, max_length=12)] = (7, 14, 21, 28)
    draws: Literal[400, 2000] = 400


class Narrowing(BaseModel):
    """Expected effect of one count on a day, before it is measured."""

    day: int
    sd_of_risk_now: float
    """uncertainty of the outcome: sqrt(p (1 - p))"""
    sd_of_risk_expected: float
    """root mean square of the same after the count"""
    risk_if_low: float
    """risk after a count at its 10 % quantile"""
    risk_if_high: float
    """risk after a count at its 90 % quantile"""
    variance_explained: float
    """expected share of the outcome's variance that the count removes, 0 to 1"""


class NarrowingAnswer(BaseModel):
    """One row per day."""

    risk: Estimate
    rows: list[Narrowing]
    conditioning: Conditioning


class Choice(BaseModel):
    """One value of a choice field."""

    value: str
    label: str


class FormField(BaseModel):
    """One input of the patient form."""

    name: str
    """key of the patient object"""
    label: str
    kind: Literal["number", "integer", "choice", "choice_per_lesion"]
    unit: str
    help: str
    required: bool
    used: bool
    """whether the model reads it; what it does not read need not be asked"""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    default: float | str | None = None
    choices: list[Choice] = []
    seen: tuple[float, float] | None = None
    """range in the data behind the posterior"""


class CountField(BaseModel):
    """A quantity of which counts so far may be entered."""

    quantity: str
    label: str
    unit: str
    minimum: float
    maximum: float
    step: float


class Preset(BaseModel):
    """A schedule to start from."""

    name: str
    label: str
    schedule: Schedule


class GradeBand(BaseModel):
    """CTCAE grade of the count: below ``below`` and not below the next."""

    grade: int
    below: float


class Limits(BaseModel):
    """Largest inputs."""

    earliest_day: int = EARLIEST_DAY
    latest_day: int = LATEST_DAY
    latest_fraction_day: int = LATEST_FRACTION_DAY
    fractions: int = MOST_FRACTIONS
    pulses: int = MOST_PULSES
    counts: int = MOST_COUNTS
    lesions: int = MOST_LESIONS
    gy_per_fraction: float = LARGEST_FRACTION_GY
    cells: int = MOST_CELLS


class Form(BaseModel):
    """Everything the page needs to build itself."""

    fields: list[FormField]
    counts: list[CountField]
    presets: list[Preset]
    grades: list[GradeBand]
    limits: Limits
    provenance: Provenance
    default: WhatIfRequest
    """a complete question to start from"""


class Health(BaseModel):
    """Whether the service can answer."""

    status: Literal["warming up", "ready", "failed"]
    detail: str
    version: str
    source: str


Risk.model_rebuild()
assert set(IMMUNE_DOSE_SOURCES) == {"blood", "edic", "organs", "dvh", "dicom"}
