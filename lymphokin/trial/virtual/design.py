"""A trial as a file: who is enrolled, how they are treated and seen, how the result is read.

Model, population and ``[design]`` are those of a synthetic trial; ``[conduct]`` says how a real
trial departs from its plan, ``[analysis]`` how it is tested, and for the design report
``[assumptions]`` what it assumes, ``[run_in]`` how its run-in is watched, ``[axes]`` what its
figures span.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from lymphokin.endpoints import Endpoint, followed_by_days, read_endpoint
from lymphokin.io.problems import Findings
from lymphokin.model import Model, TableError, load_model
from lymphokin.schedule import SATURDAY, PulseCalendar, treatment_days
from lymphokin.sites import shipped_sites
from lymphokin.solve import StepRule
from lymphokin.trial.declared import (
    covariate_problems,
    dose_problems,
    drug_problems,
    event_problems,
    infusion_problems,
    lesion_problems,
    planned_drug,
    planned_pulses,
)
from lymphokin.trial.design_file import read_tables
from lymphokin.trial.design_tables import Analysis, Assumptions, Axes, Conduct, DesignFile, RunIn
from lymphokin.trial.synthetic import Truth, read_toml

MEASURED = "alc"
"""The quantity that virtual trials measure."""


@dataclass(frozen=True)
class VirtualDesign:
    """Everything a virtual trial is made from."""

    truth: Truth
    conduct: Conduct
    analysis: Analysis
    source: str = "design"
    raw: Mapping[str, Any] = field(default_factory=dict)
    """the tables of the file"""
    assumptions: Assumptions | None = None
    run_in: RunIn | None = None
    axes: Axes = field(default_factory=Axes)
    endpoint: Endpoint | None = None
    """what is judged instead of the count on the file's endpoint day"""

    @cached_property
    def judged(self) -> Endpoint:
        """What is judged of a patient: by default the count on the file's endpoint day."""
        if self.endpoint is not None:
            return self.endpoint
        return Endpoint.model_validate(
            {
                "name": "endpoint",
                "meaning": "Count reported below 0.8 at the endpoint visit",
                "what": "at",
                "from": "last_fraction",
                "day": self.plan["endpoint_days_after_last_fraction"],
                "window": self.analysis.window_days,
            }
        )

    def judging(self, endpoint: str | PathLike[str] | Endpoint | None) -> VirtualDesign:
        """The same design with another endpoint.

        Args:
            endpoint: by name, a file that declares one, or as it is; None: the design as it is.

        Raises:
            BadInput: when there is no such endpoint.
            ValueError: when a virtual trial cannot judge it.
        """
        if endpoint is None:
            return self
        asked = read_endpoint(endpoint)
        if not asked.of_event and not asked.of_fold and asked.quantity != MEASURED:
            raise ValueError(
                f"endpoint {asked.name} is about {asked.quantity}; virtual trials measure curves "
                f"of {MEASURED}, folds of what a model shows, and events in time"
            )
        if not asked.on_a_day and not asked.has_event:
            raise ValueError(
                f"endpoint {asked.name} is a number and no event: a trial compares shares of "
                "patients, so the endpoint needs " + _what_makes_an_event(asked)
            )
        days = [asked.begin, asked.until, asked.day, *asked.visits]
        if any(day is not None and not float(day).is_integer() for day in days):
            raise ValueError(f"endpoint {asked.name}: virtual trials need whole days")
        return replace(self, endpoint=asked)

    def require_day(self, purpose: str) -> None:
        """Refuse an endpoint of a window where only a count on a day can be judged.

        Raises:
            ValueError: naming the purpose.
        """
        if not self.judged.on_a_day:
            raise ValueError(
                f"{purpose} judges a count on a day, and endpoint {self.judged.name} is about a "
                "window of days"
            )

    def require_no_fold(self, purpose: str) -> None:
        """Refuse an endpoint that compares with the time before treatment.

        Raises:
            ValueError: naming the purpose.
        """
        if self.judged.of_fold:
            raise ValueError(
                f"{purpose} judges no folds, and endpoint {self.judged.name} is one: simulated "
                "trials, assurance and forecasts of patients judge it"
            )

    def require_own_drop_out(self, purpose: str) -> None:
        """Refuse records that an event of the model ends.

        Raises:
            ValueError: naming the purpose.
        """
        if ending := self.plan.get("events_that_end"):
            raise ValueError(
                f"{purpose} knows drop-out by design.drop_out_probability alone, and "
                f"design.events_that_end names {', '.join(ending)}"
            )

    @property
    def plan(self) -> Mapping[str, Any]:
        """The ``[design]`` table."""
        return self.truth.design

    @cached_property
    def drug(self) -> str:
        """The drug of the treated arm; empty where the model takes none."""
        return planned_drug(self.truth.true_model(), self.plan)

    @cached_property
    def calendar(self) -> PulseCalendar:
        """The planned drug of a treated patient, in its unit."""
        first = self.conduct.first_atra_day
        return planned_pulses(self.truth.true_model(), self.plan, self.drug, first)

    @cached_property
    def judged_exactly(self) -> bool:
        """Whether what is judged is an event whose time is known, without visits."""
        judged = self.judged
        return judged.of_event and self.truth.true_model().hazards[judged.quantity].exact

    @cached_property
    def drug_label(self) -> str:
        """What people call the drug."""
        model = self.truth.true_model()
        return model.vocabulary.drug(self.drug).label if self.drug else "drug"

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
        (low, _), (_, high) = self.endpoint_days
        reach = self.judged.window + self._jitter
        inside = (float(d) for d in self.plan["alc_days"] if low - reach <= d <= high + reach)
        return tuple(inside) if self.judged.on_a_day else ()

    @property
    def endpoint_days(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """First and last judged day of whose radiotherapy ends earliest, and of who ends latest."""
        early, late = self.last_fraction_days
        return self.judged.window_of(0, early), self.judged.window_of(0, late)

    @property
    def last_day(self) -> float:
        """Last day on which a count may be wanted."""
        endpoint = self.endpoint_days[1][1]
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
        findings = Findings(str(path))
        tables = read_tables(raw, findings)
        findings.raise_if_any()
        assert tables is not None
        truth = Truth(
            tables.model,
            tables.seed,
            tables.typical,
            tables.between_subject_sd,
            tables.residual_sd,
            {},
            raw["design"],
            tables.correlation,
        )
        own = (tables.assumptions, tables.run_in, tables.axes)
        design = cls(truth, tables.conduct, tables.analysis, path.name, raw, *own)
        _check_sizes(tables, findings)
        _check_assumptions(tables, findings)
        _check_whole(design, findings)
        findings.raise_if_any()
        return design


def _what_makes_an_event(endpoint: Endpoint) -> str:
    """The key that is missing."""
    if endpoint.of_fold:
        return "below or above"
    return "below" if endpoint.what in ("lowest", "highest") else "at_least"


def _check_sizes(tables: DesignFile, findings: Findings) -> None:
    """The arms' sizes are given once: for both arms together, or for each."""
    per_arm = tables.design.per_arm
    sizes = {"n_treated": tables.analysis.n_treated, "n_control": tables.analysis.n_control}
    given = {name: n for name, n in sizes.items() if n is not None}
    if per_arm is None and not given:
        expected = "patients per arm (or analysis.n_treated and analysis.n_control)"
        findings.add(None, "design.per_arm", None, expected)
    for name in sizes if len(given) == 1 else ():
        if name not in given:
            expected = f"a number beside analysis.{next(iter(given))}, for arms of two sizes"
            findings.add(None, f"analysis.{name}", None, expected)
    if per_arm is not None and given:
        expected = "left out where analysis.n_treated and analysis.n_control say the sizes"
        findings.add(None, "design.per_arm", str(per_arm), expected, "contradiction")


def _check_assumptions(tables: DesignFile, findings: Findings) -> None:
    """The treated rate is below the control rate, and so are the means of their priors."""
    assumed, run_in = tables.assumptions, tables.run_in
    if assumed is not None:
        if not assumed.treated_rate < assumed.control_rate:
            expected = f"a rate below assumptions.control_rate ({assumed.control_rate:g})"
            found = f"{assumed.treated_rate:g}"
            findings.add(None, "assumptions.treated_rate", found, expected, "are the arms swapped?")
        priors = {"control_beta": assumed.control_beta, "treated_beta": assumed.treated_beta}
        means = {name: beta[0] / sum(beta) for name, beta in priors.items() if beta}
        for name in priors if len(means) == 1 else ():
            if name not in means:
                findings.add(None, f"assumptions.{name}", None, "the prior of the other arm, too")
        if len(means) == 2 and not means["treated_beta"] < means["control_beta"]:
            expected = f"a prior whose mean is below that of control ({means['control_beta']:.3g})"
            found = f"a mean of {means['treated_beta']:.3g}"
            findings.add(None, "assumptions.treated_beta", found, expected, "are the arms swapped?")
    if run_in is not None and (run_in.window_days is None) != (run_in.accrual_per_month is None):
        missing = "window_days" if run_in.window_days is None else "accrual_per_month"
        expected = "a number: the run-in in time takes window_days and accrual_per_month"
        findings.add(None, f"run_in.{missing}", None, expected)


def _check_whole(design: VirtualDesign, findings: Findings) -> None:
    """What tables say against each other, and values without a meaning."""
    conduct, plan = design.conduct, design.plan

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
    first, last = conduct.drop_out_days
    require(first < last, "conduct.drop_out_days", [first, last], "an earlier and a later day")
    infusion_days = (plan.get("infusion_hours") or 0.0) / 24
    span = plan["interval_days"] - (plan["days_per_pulse"] - 1) - infusion_days
    apart = StepRule().separate_days
    require(span > apart or plan["cycles"] == 1, "design.interval_days", plan["interval_days"],
            f"more than {apart:g} days between the last dose of a pulse and the next")  # fmt: skip
    known_sites = shipped_sites().by_name
    for site in set(plan["sites"]) - set(known_sites):
        require(False, "design.sites", site, "one of " + ", ".join(known_sites))
    require(plan["lesion_diameter_cm"][0] <= plan["lesion_diameter_cm"][1],
            "design.lesion_diameter_cm", plan["lesion_diameter_cm"],
            "the smallest diameter first")  # fmt: skip
    try:
        model = load_model(design.truth.model)
    except (TableError, ValueError) as error:
        findings.add(None, "model", design.truth.model, f"a model that can be: {error}")
        return
    problems = [*drug_problems(model, plan)]
    if not problems:
        drug = planned_drug(model, plan)
        problems += [*dose_problems(model, plan, drug), *infusion_problems(model, plan, drug)]
        if not problems:
            try:
                planned_pulses(model, plan, drug, conduct.first_atra_day)
            except ValueError as error:
                findings.add(None, "design", None, f"pulses that can be: {error}")
    stated = [*_unknown_names(design.truth, model)]
    problems += stated
    problems += covariate_problems(model, plan)
    problems += lesion_problems(model, plan)
    problems += event_problems(model, plan)
    for problem in problems:
        findings.add(None, *problem)
    for quantity in set(design.truth.residual_sd) - set(followed_by_days(model)):
        expected = (
            f"one of {', '.join(followed_by_days(model))}: virtual trials measure nothing else"
        )
        found = design.truth.residual_sd[quantity]
        require(False, f"residual_sd.{quantity}", found, expected)
    try:
        _ = stated or design.truth.true_model()
    except (TableError, ValueError) as error:
        if not set(design.truth.residual_sd) - set(followed_by_days(model)):
            findings.add(
                None,
                "model",
                design.truth.model,
                f"a model to which the stated truth fits: {error}",
            )


def _unknown_names(truth: Truth, model: Model) -> Iterator[tuple[str, str, str]]:
    """What a truth states of parameters that its model does not have."""
    table = model.table
    groups = f"a group of correlated parameters of model {model.name}"
    for key, stated, known, expected in (
        ("typical", truth.typical, table.parameters, f"a parameter of model {model.name}"),
        ("between_subject_sd", truth.between_subject_sd, table.parameters,
         f"a parameter of model {model.name}"),
        ("correlation", truth.correlation, table.correlations, groups),
    ):  # fmt: skip
        for name in sorted(set(stated) - set(known)):
            yield f"{key}.{name}", str(stated[name]), expected
    for name, value in truth.typical.items():
        if name in table.parameters and not table[name].can_be(value):
            yield f"typical.{name}", str(value), table[name].possible
