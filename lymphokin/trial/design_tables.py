"""The tables of a design file: which keys there are, and what each may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from lymphokin.schedule import LONGEST_INFUSION_HOURS
from lymphokin.trial.inputs import LARGEST_ARM


def _number(expected: str, **limits: Any) -> Any:
    return Field(description=expected, allow_inf_nan=False, **limits)


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values or any(a >= b for a, b in pairwise(values)):
        raise ValueError("not rising")
    return values


def _shares[K](values: dict[K, float]) -> dict[K, float]:
    if min(values.values(), default=-1.0) < 0 or abs(sum(values.values()) - 1) > 1e-9:
        raise ValueError("no shares")
    return values


Number = Annotated[float, _number("a number")]
Probability = Annotated[float, _number("a rate from 0 to 1", ge=0, le=1)]
Level = Annotated[float, _number("a level above 0 and below 1", gt=0, lt=1)]
Positive = Annotated[float, _number("a finite number above 0", gt=0)]
NotNegative = Annotated[float, _number("a number, 0 or more", ge=0)]
Hours = Annotated[
    float,
    _number(f"hours, 0 to {LONGEST_INFUSION_HOURS:g}", ge=0, le=LONGEST_INFUSION_HOURS),
]
Count = Annotated[int, _number("a whole number, 0 or more", ge=0)]
Many = Annotated[int, _number("a whole number of at least 1", ge=1)]
Patients = Annotated[
    int, _number(f"a whole number of patients from 1 to {LARGEST_ARM}", ge=1, le=LARGEST_ARM)
]
SharesOfCounts = Annotated[
    dict[Count, float],
    AfterValidator(_shares),
    Field(description="shares that sum to 1, by number of lesions"),
]
Shares = Annotated[
    dict[str, float], AfterValidator(_shares), Field(description="shares that sum to 1")
]
Days = Annotated[tuple[float, ...], Field(description="a list of days")]
Rates = Annotated[
    tuple[Probability, ...], AfterValidator(_rising), Field(description="rising rates from 0 to 1")
]
Sizes = Annotated[
    tuple[Patients, ...],
    AfterValidator(_rising),
    Field(description="rising whole numbers of patients"),
]
Numbers = Annotated[dict[str, float], Field(description="a table of numbers")]
Sds = Annotated[dict[str, NotNegative], Field(description="a table of numbers, 0 or more")]
Beta = Annotated[
    tuple[Positive, Positive], Field(description="the two parameters of a Beta distribution")
]

STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=STRICT)
class Plan:
    """Who is enrolled, how they are treated, when they are seen."""

    endpoint_days_after_last_fraction: Positive
    alc_days: Days
    """scheduled counts, in days from the first fraction"""
    visit_jitter_days: Count
    """a visit is up to this much early or late"""
    missing_visit_probability: Probability
    drop_out_probability: Probability
    lesion_counts: Annotated[
        dict[Many, float],
        AfterValidator(_shares),
        Field(description="shares that sum to 1, by number of lesions"),
    ]
    lesion_diameter_cm: Annotated[
        tuple[Positive, Positive], Field(description="smallest and largest diameter in cm")
    ]
    margin_cm: NotNegative
    sites: Shares
    schedules: Annotated[
        tuple[tuple[Many, Positive], ...],
        Field(description="a list of [fractions, Gy per fraction]", min_length=1),
    ]
    days_per_pulse: Many
    interval_days: Positive
    cycles: Many
    doses_per_day: Many
    bsa_mean: Positive
    """m2"""
    bsa_sd: Positive
    age_mean: Positive
    """years"""
    age_sd: Positive
    mg_per_m2_per_day: Positive | None = None
    """dose of the treated arm, of a drug whose unit is a mass"""
    amount_per_day: Positive | None = None
    """instead of it, in the drug's unit and whatever the body surface"""
    infusion_hours: (
        Annotated[
            float,
            _number(f"hours from 0 to {LONGEST_INFUSION_HOURS:g}", ge=0, le=LONGEST_INFUSION_HOURS),
        ]
        | None
    ) = None
    """how long each dose lasts of a drug that the model knows infusions of; 0: at once"""
    drug: Annotated[str, Field(description="a drug of the model")] | None = None
    """what the treated arm gets; may be left out where the model takes one drug"""
    covariates: Numbers = field(default_factory=dict)
    """values at which covariates of the model that change within a patient are held"""
    outside_lesions: SharesOfCounts | None = None
    """shares of patients by the number of their lesions that are not irradiated"""
    events_that_end: Annotated[
        tuple[str, ...], Field(description="a list of events that the model has a hazard of")
    ] = ()
    """events after which nothing of a patient is recorded any more, such as drop-out"""
    per_arm: Patients | None = None
    """patients of each arm; other ratios: ``n_treated`` and ``n_control`` of ``[analysis]``"""


@dataclass(frozen=True, config=STRICT)
class Conduct:
    """How the trial is run in real life. Probabilities are per patient unless said otherwise."""

    eligible_lesions: Annotated[
        tuple[int, int], Field(description="fewest and most lesions, 2 numbers")
    ] = (2, 5)
    """fewest and most lesions"""
    minimum_baseline_alc: Annotated[float, _number("a count, 0 or more", ge=0)] = 0.0
    """1e9/L; lowest screening count that may enter"""
    longest_course_days: Many = 14
    """days from the first to the last planned fraction, with both"""
    fraction_delay_probability: Probability = 0.0
    """of each fraction after the first, to come one working day late"""
    first_atra_day: Number = 0.0
    """first intake, in days from the first fraction"""
    atra_delay_probability: Probability = 0.0
    """of each pulse after the first, to come late; later pulses move with it"""
    atra_delay_days: Many = 7
    """longest delay of a pulse; delays are uniform from 1 day"""
    atra_stop_probability: Probability = 0.0
    """of each pulse after the first, to be left out with all later ones"""
    drop_out_days: Annotated[
        tuple[float, float], Field(description="an earlier and a later day, 2 numbers")
    ] = (28.0, 105.0)
    """when patients who drop out do so, uniform"""
    accrual_per_month: Annotated[float, _number("patients per month, above 0", gt=0)] = 3.0
    """patients who enter per month, both arms together"""


@dataclass(frozen=True, config=STRICT)
class Analysis:
    """How the primary endpoint is read and tested."""

    n_treated: Patients | None = None
    """randomised to treatment, given together with ``n_control``"""
    n_control: Patients | None = None
    window_days: NotNegative = 7.0
    """a count this near to the planned endpoint day is the endpoint"""
    missing_endpoint: Annotated[
        Literal["excluded", "event", "no event"],
        Field(description="one of excluded, event, no event"),
    ] = "excluded"
    """a patient without one is excluded, or counts as event or as no event"""
    test: Annotated[
        Literal["fisher", "mid-p", "boschloo", "barnard", "bayes"],
        Field(description="one of fisher, mid-p, boschloo, barnard, bayes"),
    ] = "fisher"
    alpha: Level = 0.07
    """nominal one-sided level"""


@dataclass(frozen=True, config=STRICT)
class Assumptions:
    """What the design assumes about the two rates. Assumptions are never data."""

    control_rate: Probability
    treated_rate: Probability
    power: Level
    """power wanted at those rates"""
    control_beta: Beta | None = None
    """prior of the control rate, for the assurance"""
    treated_beta: Beta | None = None


@dataclass(frozen=True, config=STRICT)
class RunIn:
    """The safety run-in: its rule and when the data are looked at."""

    rule: Annotated[Literal["beta-binomial", "boin"], Field(description="beta-binomial or boin")]
    target: Level
    """event rate that is too high when exceeded"""
    certainty: Level
    """stop when P(rate > target) exceeds this"""
    looks: Sizes
    """numbers of patients; the last is the size of the run-in"""
    window_days: Positive | None = None
    """days over which events are counted"""
    accrual_per_month: Positive | None = None
    """patients who enter the run-in per month; for its behaviour while outcomes are pending"""


@dataclass(frozen=True, config=STRICT)
class Axes:
    """The axes of the report's tables and figures; what is not given follows from the design."""

    control_rates: Rates | None = None
    treated_rates: Rates | None = None
    control_patients: Sizes | None = None
    """sizes of the control arm; the treated arm keeps its proportion"""
    lost_per_arm: (
        Annotated[tuple[Count, ...], Field(description="whole numbers, 0 or more", min_length=1)]
        | None
    ) = None
    run_in_rates: Rates | None = None
    """true event rates of the run-in"""
    atra_start_days: (
        Annotated[tuple[int, ...], Field(description="whole days", min_length=1)] | None
    ) = None
    """first days of the drug, from the first fraction"""
    endpoint_days: (
        Annotated[tuple[float, ...], Field(description="a list of days", min_length=1)] | None
    ) = None
    """after the last fraction"""


@dataclass(frozen=True, config=STRICT)
class DesignFile:
    """A whole design file."""

    model: Annotated[str, Field(description="name or path of a model")]
    seed: Count
    """of all random numbers, unless another is asked for"""
    design: Plan
    typical: Numbers = field(default_factory=dict)
    """typical values in the units of the parameter table"""
    between_subject_sd: Sds = field(default_factory=dict)
    residual_sd: Sds = field(default_factory=dict)
    """of the log count: the scale of Student's t where the residual is that"""
    correlation: Annotated[
        dict[str, tuple[float, ...]], Field(description="a table of lists of numbers")
    ] = field(default_factory=dict)
    conduct: Conduct = field(default_factory=Conduct)
    analysis: Analysis = field(default_factory=Analysis)
    assumptions: Assumptions | None = None
    run_in: RunIn | None = None
    axes: Axes = field(default_factory=Axes)


TABLES: Mapping[str, Any] = {
    "design": Plan,
    "conduct": Conduct,
    "analysis": Analysis,
    "assumptions": Assumptions,
    "run_in": RunIn,
    "axes": Axes,
}
"""The tables with keys of their own, by name."""
