"""A trial as a file: who is enrolled, how they are treated and seen, how the result is read.

The file is that of a synthetic trial (model, population, ``[design]``) with two more tables:
``[conduct]``, how a real trial departs from its plan, and ``[analysis]``, the test at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from lymphokin.dose.immune import immune_dose_per_gy
from lymphokin.io.problems import Findings
from lymphokin.model import TableError
from lymphokin.schedule import SATURDAY, AtraPulses, treatment_days
from lymphokin.solve import StepRule
from lymphokin.trial.exact import TESTS
from lymphokin.trial.inputs import RULES
from lymphokin.trial.synthetic import Truth, read_toml

MISSING_ENDPOINT = ("excluded", "event", "no event")


@dataclass(frozen=True)
class Conduct:
    """How the trial is run in real life. Probabilities are per patient unless said otherwise."""

    eligible_lesions: tuple[int, int] = (2, 5)
    """fewest and most lesions"""
    minimum_baseline_alc: float = 0.0
    """1e9/L; lowest screening count that may enter"""
    longest_course_days: int = 14
    """days from the first to the last planned fraction, with both"""
    fraction_delay_probability: float = 0.0
    """of each fraction after the first, to come one working day late"""
    first_atra_day: float = 0.0
    """first intake, in days from the first fraction"""
    atra_delay_probability: float = 0.0
    """of each pulse after the first, to come late; later pulses move with it"""
    atra_delay_days: int = 7
    """longest delay of a pulse; delays are uniform from 1 day"""
    atra_stop_probability: float = 0.0
    """of each pulse after the first, to be left out with all later ones"""
    drop_out_days: tuple[float, float] = (28.0, 105.0)
    """when patients who drop out do so, uniform"""
    accrual_per_month: float = 3.0
    """patients who enter per month, both arms together"""


@dataclass(frozen=True)
class Analysis:
    """How the primary endpoint is read and tested."""

    n_treated: int = 0
    """randomised to treatment; ``per_arm`` of the design where it is 0"""
    n_control: int = 0
    window_days: float = 7.0
    """a count this near to the planned endpoint day is the endpoint"""
    missing_endpoint: str = "excluded"
    """a patient without one is excluded, or counts as event or as no event"""
    test: str = "fisher"
    alpha: float = 0.07
    """nominal one-sided level"""


@dataclass(frozen=True)
class VirtualDesign:
    """Everything a virtual trial is made from."""

    truth: Truth
    conduct: Conduct
    analysis: Analysis
    source: str = "design"
    raw: Mapping[str, Any] = field(default_factory=dict)
    """the tables of the file"""

    @property
    def plan(self) -> Mapping[str, Any]:
        """The ``[design]`` table."""
        return self.truth.design

    @property
    def n_treated(self) -> int:
        return self.analysis.n_treated or int(self.plan["per_arm"])

    @property
    def n_control(self) -> int:
        return self.analysis.n_control or int(self.plan["per_arm"])

    @property
    def last_fraction_days(self) -> tuple[int, int]:
        """Earliest and latest day of a last fraction, delays included."""
        delayed = 2 if self.conduct.fraction_delay_probability > 0 else 1
        counts = [int(n) for n, _ in self.plan["schedules"]]
        starts = range(SATURDAY)
        return (
            min(int(treatment_days(n, w)[-1]) for n in counts for w in starts),
            max(int(treatment_days(n, w, delayed)[-1]) for n in counts for w in starts),
        )

    @property
    def neighbour_days(self) -> tuple[float, ...]:
        """Scheduled counts that may lie within the window of somebody's endpoint day."""
        low, high = self.last_fraction_days
        after, jitter = self.plan["endpoint_days_after_last_fraction"], self._jitter
        reach = self.analysis.window_days + jitter
        return tuple(
            float(day)
            for day in self.plan["alc_days"]
            if low + after - reach <= day <= high + after + reach
        )

    @property
    def last_day(self) -> float:
        """Last day on which a count may be wanted."""
        endpoint = self.last_fraction_days[1] + self.plan["endpoint_days_after_last_fraction"]
        return max(endpoint, *self.neighbour_days, endpoint) + self._jitter

    @property
    def _jitter(self) -> int:
        return int(self.plan["visit_jitter_days"])

    @classmethod
    def read(cls, path: Path) -> VirtualDesign:
        """Read a design file.

        Raises:
            BadInput: listing everything that is wrong with it.
            ValueError: when it is no TOML, or lacks a table.
        """
        return cls.of(read_toml(path), path)

    @classmethod
    def of(cls, raw: Mapping[str, Any], path: Path) -> VirtualDesign:
        """A design from the tables of its file; raises as :meth:`read` does."""
        own = {"conduct", "analysis"}
        truth = Truth.of({k: v for k, v in raw.items() if k not in own}, path)
        findings = Findings(str(path))
        conduct = _table(Conduct, raw.get("conduct", {}), "conduct", findings)
        analysis = _table(Analysis, raw.get("analysis", {}), "analysis", findings)
        _check_plan(truth.design, findings)
        findings.raise_if_any()
        design = cls(truth, conduct, analysis, path.name, raw)
        _check_whole(design, findings)
        findings.raise_if_any()
        return design


def _table[T](kind: type[T], values: Mapping[str, Any], name: str, findings: Findings) -> T:
    """A table of the file as an object; wrong keys and kinds are noted."""
    known = {f.name: f.default for f in fields(kind)}  # type: ignore[arg-type]
    good = {}
    for key, value in values.items():
        where = f"{name}.{key}"
        if key not in known:
            findings.add(None, where, str(value), "one of " + ", ".join(known), "unknown key")
            continue
        default = known[key]
        if isinstance(default, tuple):
            fits = isinstance(value, list) and len(value) == len(default)
            fits = fits and all(_is_number(v) for v in value)
            value, expected = tuple(value) if fits else value, f"{len(default)} numbers"
        elif isinstance(default, str):
            fits, expected = isinstance(value, str), "a text"
        else:
            whole = isinstance(default, int)
            fits = _is_number(value) and (not whole or float(value).is_integer())
            expected = "a whole number" if whole else "a number"
        if fits:
            good[key] = value
        else:
            findings.add(None, where, str(value), expected)
    return kind(**good)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
    )


PLAN_RULES = {
    "per_arm": "patients",
    "endpoint_days_after_last_fraction": "positive",
    "visit_jitter_days": "count",
    "missing_visit_probability": "rate",
    "drop_out_probability": "rate",
    "mg_per_m2_per_day": "positive",
    "days_per_pulse": "many",
    "interval_days": "positive",
    "cycles": "many",
    "doses_per_day": "many",
    "bsa_mean": "positive",
    "bsa_sd": "positive",
    "age_mean": "positive",
    "age_sd": "positive",
}
"""Numbers of the ``[design]`` table that virtual trials read, and what they must be."""


def _check_plan(plan: Mapping[str, Any], findings: Findings) -> None:
    def add(key: str, expected: str) -> None:
        found = plan.get(key)
        findings.add(None, f"design.{key}", None if found is None else str(found), expected)

    for key, rule in PLAN_RULES.items():
        expected, holds = RULES[rule]
        if not (_is_number(plan.get(key)) and holds(plan[key])):
            add(key, expected)
    for key in ("lesion_counts", "sites"):
        table = plan.get(key)
        shares = list(table.values()) if isinstance(table, dict) else []
        good = shares and all(_is_number(v) and v >= 0 for v in shares)
        if not (good and abs(sum(shares) - 1) < 1e-9):
            add(key, "shares that sum to 1")
    if isinstance(plan.get("sites"), dict):
        for site in set(plan["sites"]) - set(immune_dose_per_gy()):
            findings.add(None, "design.sites", site, "one of " + ", ".join(immune_dose_per_gy()))
    diameter = plan.get("lesion_diameter_cm")
    if not (_numbers(diameter, 2) and 0 < diameter[0] <= diameter[1]):  # type: ignore[index]
        add("lesion_diameter_cm", "smallest and largest diameter in cm")
    if not (_is_number(plan.get("margin_cm")) and plan["margin_cm"] >= 0):
        add("margin_cm", "a margin in cm, 0 or more")
    schedules = plan.get("schedules")
    pairs = isinstance(schedules, list) and schedules
    if not (pairs and all(_numbers(s, 2) and s[0] >= 1 and s[1] > 0 for s in schedules)):  # type: ignore[union-attr]
        add("schedules", "a list of [fractions, Gy per fraction]")
    if not _numbers(plan.get("alc_days")):
        add("alc_days", "a list of days")


def _numbers(value: object, length: int | None = None) -> bool:
    """Whether a value is a list of numbers (of that length)."""
    right = isinstance(value, list) and all(_is_number(v) for v in value)
    return right and (length is None or len(value) == length)  # type: ignore[arg-type]


def _check_whole(design: VirtualDesign, findings: Findings) -> None:
    """What tables say against each other, and values without a meaning."""
    conduct, analysis, plan = design.conduct, design.analysis, design.plan

    def require(holds: object, key: str, found: object, expected: str) -> None:
        if not holds:
            findings.add(None, key, str(found), expected)

    low, high = conduct.eligible_lesions
    outside = [n for n, p in plan["lesion_counts"].items() if p > 0 and not low <= int(n) <= high]
    expected = f"numbers within conduct.eligible_lesions ({low} to {high})"
    require(not outside, "design.lesion_counts", ", ".join(outside), expected)
    for count, _ in plan["schedules"]:
        length = max(int(treatment_days(int(count), w)[-1]) + 1 for w in range(SATURDAY))
        expected = f"courses within conduct.longest_course_days ({conduct.longest_course_days})"
        what = f"{count} fractions take up to {length} days"
        require(length <= conduct.longest_course_days, "design.schedules", what, expected)
    for f in fields(conduct):
        if f.name.endswith("_probability"):
            value = getattr(conduct, f.name)
            require(0 <= value <= 1, f"conduct.{f.name}", value, RULES["rate"][0])
    require(
        conduct.atra_delay_days >= 1,
        "conduct.atra_delay_days",
        conduct.atra_delay_days,
        "1 or more",
    )
    require(conduct.minimum_baseline_alc >= 0, "conduct.minimum_baseline_alc",
            conduct.minimum_baseline_alc, "a count, 0 or more")  # fmt: skip
    require(conduct.accrual_per_month > 0, "conduct.accrual_per_month", conduct.accrual_per_month,
            "patients per month, above 0")  # fmt: skip
    first, last = conduct.drop_out_days
    require(first < last, "conduct.drop_out_days", [first, last], "an earlier and a later day")
    span = plan["interval_days"] - (plan["days_per_pulse"] - 1)
    apart = StepRule().separate_days
    require(span > apart or plan["cycles"] == 1, "design.interval_days", plan["interval_days"],
            f"more than {apart:g} days between the last dose of a pulse and the next")  # fmt: skip
    for key in ("n_treated", "n_control"):
        value = getattr(analysis, key)
        require(value >= 0, f"analysis.{key}", value, "a number of patients")
    require(0 < analysis.alpha < 1, "analysis.alpha", analysis.alpha, RULES["level"][0])
    require(analysis.test in TESTS, "analysis.test", analysis.test, "one of " + ", ".join(TESTS))
    require(analysis.missing_endpoint in MISSING_ENDPOINT, "analysis.missing_endpoint",
            analysis.missing_endpoint, "one of " + ", ".join(MISSING_ENDPOINT))  # fmt: skip
    require(analysis.window_days >= 0, "analysis.window_days", analysis.window_days, "0 or more")
    try:
        design.truth.true_model()
        pulses(plan, conduct)
    except (TableError, ValueError) as error:
        findings.add(None, None, str(error), "a model and a regimen that exist")


def pulses(plan: Mapping[str, Any], conduct: Conduct) -> AtraPulses:
    """The planned ATRA of a treated patient."""
    return AtraPulses(
        plan["mg_per_m2_per_day"],
        plan["days_per_pulse"],
        plan["interval_days"],
        plan["cycles"],
        plan["doses_per_day"],
        conduct.first_atra_day,
    )
