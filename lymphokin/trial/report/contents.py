"""What the design report says: exact numbers, all from the design file, and what the model adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.io.problems import Findings
from lymphokin.schedule import SATURDAY, treatment_days
from lymphokin.trial.design_tables import Assumptions
from lymphokin.trial.exact import TESTS, Attrition, Compared, Design, compare
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.report import axes
from lymphokin.trial.report.model_part import ModelPart
from lymphokin.trial.report.run_in import RunInPart, run_in_part
from lymphokin.trial.space import power_map
from lymphokin.trial.virtual import VirtualDesign


@dataclass(frozen=True)
class Lost:
    """Power when some patients of each arm have no endpoint."""

    lost: int
    """per arm"""
    design: Design
    """of those analysed"""
    power: float
    boschloo: float
    """power of Boschloo's test on the same patients"""


@dataclass(frozen=True)
class DesignContents:
    """Everything the page shows."""

    source: str
    created: str
    version: str
    seed: int
    design: VirtualDesign
    assumed: Assumptions
    exact: Design
    power: float
    smallest: dict[str, Design | None]
    """by test, the smallest trial that reaches the wanted power"""
    tests: list[Compared]
    rates: pd.DataFrame
    """power; index control rate, columns treated rate"""
    sizes: pd.DataFrame
    """power of the design's test; index "treated + control" patients, columns treated rate"""
    lost: list[Lost]
    missing: float
    """probability of a patient to have no endpoint, from drop-out and missed visits"""
    power_with_missing: float
    """averaged over who these patients are"""
    assurance: float | None
    """over the Beta priors; None where the design file has none"""
    pulse_gap: pd.DataFrame
    run_in: RunInPart | None
    """None where the design file has no run-in"""
    model: ModelPart | None


def design_contents(
    design: VirtualDesign,
    *,
    created: str,
    version: str,
    seed: int | None = None,
    model: ModelPart | None = None,
) -> DesignContents:
    """Everything exact about a design.

    Args:
        design: the design, with its assumptions.
        created: date, as shown.
        version: of lymphokin.
        seed: of what is simulated; that of the design file by default.
        model: what the model says; left out where None.

    Raises:
        BadInput: when the design file has no assumptions.
    """
    assumed = assumptions_of(design)
    analysis, seed = design.analysis, design.truth.seed if seed is None else seed
    arms, rates = (design.n_treated, design.n_control), (assumed.control_rate, assumed.treated_rate)
    exact = Design(TESTS[analysis.test], *arms, analysis.alpha)
    tests = compare(TESTS.values(), *arms, analysis.alpha, rates, assumed.power)
    across = axes.treated_rates(design, assumed)
    down = axes.control_rates(design, assumed)
    low, high = design.last_fraction_days
    due = design.judged.due_day(np.arange(low, high + 1))
    missing = 1 - float(evaluable(design, due, 0.0).mean())
    run_in, of_control, of_treated = design.run_in, assumed.control_beta, assumed.treated_beta
    return DesignContents(
        source=design.source,
        created=created,
        version=version,
        seed=seed,
        design=design,
        assumed=assumed,
        exact=exact,
        power=float(exact.power(*rates)),
        smallest={row.design.test.name: row.smallest and row.smallest.design for row in tests},
        tests=tests,
        rates=pd.DataFrame(
            [exact.power([c] * len(across), across) for c in down], list(down), list(across)
        ),
        sizes=power_map(
            axes.control_patients(design),
            across,
            assumed.control_rate,
            analysis.test,
            analysis.alpha,
            design.n_treated / design.n_control,
        ),
        lost=_by_lost(design, rates),
        missing=missing,
        power_with_missing=Attrition(exact, missing).power(*rates),
        assurance=(
            exact.average_power(of_control, of_treated) if of_control and of_treated else None
        ),
        pulse_gap=pulse_gaps(design),
        run_in=run_in and run_in_part(run_in, axes.run_in_rates(design, run_in.target), seed),
        model=model,
    )


def assumptions_of(design: VirtualDesign) -> Assumptions:
    """What a design assumes about the rates; raises BadInput where its file does not say."""
    if design.assumptions is None:
        findings = Findings(design.source)
        findings.add(
            None, "assumptions", None, "a table with control_rate, treated_rate and wanted power"
        )
        findings.raise_if_any()
    assert design.assumptions is not None
    return design.assumptions


def _by_lost(design: VirtualDesign, rates: tuple[float, float]) -> list[Lost]:
    analysis, rows = design.analysis, []
    for lost in axes.lost_per_arm(design):
        n = design.n_treated - lost, design.n_control - lost
        if min(n) < 1:
            continue
        own, boschloo = (
            Design(TESTS[name], *n, analysis.alpha) for name in (analysis.test, "boschloo")
        )
        rows.append(Lost(lost, own, float(own.power(*rates)), float(boschloo.power(*rates))))
    return rows


def pulse_gaps(design: VirtualDesign) -> pd.DataFrame:
    """Days from the beginning of the last pulse before the (last) endpoint visit to that visit.

    On the planned days, without delays; the weekday of the first fraction makes the range.

    Returns:
        one row per course: ``fractions``, ``gray`` (per fraction), ``visit_first`` and
        ``visit_last`` (day of the visit), ``pulse`` (its number), ``gap_first``, ``gap_last`` (NaN
        before the first pulse).
    """
    plan, rows = design.plan, []
    starts = design.conduct.first_atra_day + plan["interval_days"] * np.arange(plan["cycles"])
    for count, gray in plan["schedules"]:
        ends = [int(treatment_days(int(count), weekday)[-1]) for weekday in range(SATURDAY)]
        visits = design.judged.due_day([min(ends), max(ends)])
        before = [starts[starts < visit] for visit in visits]
        rows.append(
            {
                "fractions": int(count),
                "gray": float(gray),
                "visit_first": float(visits[0]),
                "visit_last": float(visits[1]),
                "pulse": len(before[0]),
                "gap_first": float(visits[0] - max(before[0], default=np.nan)),
                "gap_last": float(visits[1] - max(before[1], default=np.nan)),
            }
        )
    return pd.DataFrame(rows)
