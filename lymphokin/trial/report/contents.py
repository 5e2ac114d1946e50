"""What the design report says: exact numbers, and what the model adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.predict.contrast import SUPPRESSION
from lymphokin.schedule import SATURDAY, treatment_days
from lymphokin.trial.assurance import assurance, population_rates
from lymphokin.trial.exact import TESTS, Attrition, Compared, Design, compare
from lymphokin.trial.inputs import Demands
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.safety import BetaBinomial, characteristics
from lymphokin.trial.space import RiskByDay, power_map, risk_by_day, timing_map
from lymphokin.trial.virtual import VirtualDesign, VirtualPopulation

TARGET = 0.85
CONTROL_RATES = (0.35, 0.40, 0.45, 0.50, 0.55, 0.60)
TREATED_RATES = (0.10, 0.15, 0.20, 0.25, 0.30)
LOST = (0, 1, 2, 3, 4, 6)
SIZES = (16, 18, 20, 22, 24, 26, 27, 28, 30, 32, 36, 40)
SAFETY_LOOKS = (3, 6, 9, 12, 18, 24, 32)
SAFETY_TARGET = 0.30
STARTS = (-7.0, -3.0, 0.0, 3.0, 7.0)
ENDPOINT_DAYS = (28.0, 32.0, 36.0, 40.0, 42.0, 44.0, 48.0, 52.0, 56.0)


@dataclass(frozen=True)
class ModelPart:
    """What the mechanistic model says about the design."""

    population: str
    draws: int
    patients: int
    assurance: list[dict[str, Any]]
    """per mechanism: label, assurance and its Monte-Carlo error, quantiles of both rates"""
    timing: RiskByDay
    timing_power: pd.DataFrame
    """index first day of ATRA, columns endpoint day"""
    truth: dict[str, float]
    """typical values stated in the design file, from which the timing is computed"""


@dataclass(frozen=True)
class DesignContents:
    """Everything the page shows."""

    source: str
    created: str
    version: str
    seed: int
    control: float
    treated: float
    design: VirtualDesign
    exact: Design
    power: float
    first_n: dict[str, int | None]
    """control patients with which each test first reaches the target"""
    tests: list[Compared]
    rates: pd.DataFrame
    """power; index control rate, columns treated rate"""
    sizes: pd.DataFrame
    """power of the design's test; index patients per arm, columns treated rate"""
    lost: list[dict[str, float]]
    """power by patients lost per arm"""
    attrition: dict[str, float]
    """power when each patient is lost with the design's probability"""
    beta: dict[str, Any]
    """assurance over Beta priors of both rates"""
    pulse_gap: pd.DataFrame
    """per course: days from the first day of the pulse before the endpoint visit to that visit"""
    safety: dict[str, Any]
    model: ModelPart | None


def design_contents(
    design: VirtualDesign,
    *,
    control: float,
    treated: float,
    betas: tuple[tuple[float, float], tuple[float, float]],
    created: str,
    version: str,
    seed: int = 0,
    model: ModelPart | None = None,
) -> DesignContents:
    """Everything exact about a design.

    Args:
        design: the design.
        control: assumed event rate of the control arm.
        treated: assumed rate of the treated arm, below it.
        betas: parameters of the Beta priors of control and treated rate.
        created: date, as shown.
        version: of lymphokin.
        seed: of the model part, as shown.
        model: what the model says; left out where None.
    """
    demands = Demands("design report").want("rate", control=control, treated=treated)
    demands.that(treated < control, "treated", treated, f"a rate below control ({control})")
    demands.enforce()
    analysis = design.analysis
    n_treated, n_control = design.n_treated, design.n_control
    exact = Design(TESTS[analysis.test], n_treated, n_control, analysis.alpha)
    tests = compare(
        TESTS.values(), n_treated, n_control, analysis.alpha, (control, treated), TARGET
    )
    rates = pd.DataFrame(
        [[float(exact.power(c, t)) for t in TREATED_RATES] for c in CONTROL_RATES],
        index=list(CONTROL_RATES),
        columns=list(TREATED_RATES),
    )
    smallest = {row.design.test.name: row.smallest for row in tests}
    first = {name: found and found.design.n_control for name, found in smallest.items()}
    return DesignContents(
        design.source,
        created,
        version,
        seed,
        control,
        treated,
        design,
        exact,
        float(exact.power(control, treated)),
        first,
        tests,
        rates,
        power_map(SIZES, TREATED_RATES, control, analysis.test, analysis.alpha),
        _by_lost(design, control, treated),
        _attrition(design, exact, control, treated),
        {
            "control": betas[0],
            "treated": betas[1],
            "assurance": exact.average_power(*betas),
        },
        pulse_gaps(design),
        _safety(),
        model,
    )


def _by_lost(design: VirtualDesign, control: float, treated: float) -> list[dict[str, float]]:
    analysis, rows = design.analysis, []
    for lost in LOST:
        n = design.n_treated - lost, design.n_control - lost
        if min(n) < 1:
            continue
        row: dict[str, float] = {"lost": lost, "treated": n[0], "control": n[1]}
        for name in dict.fromkeys((analysis.test, "boschloo")):
            row[name] = float(Design(TESTS[name], *n, analysis.alpha).power(control, treated))
        rows.append(row)
    return rows


def _attrition(
    design: VirtualDesign, exact: Design, control: float, treated: float
) -> dict[str, float]:
    """Power when patients are lost by chance, with the design's drop-out and missed visits."""
    low, high = design.last_fraction_days
    due = design.plan["endpoint_days_after_last_fraction"] + np.arange(low, high + 1)
    lost = 1 - float(evaluable(design, due, 0.0).mean())
    return {"probability": lost, "power": Attrition(exact, lost).power(control, treated)}


def pulse_gaps(design: VirtualDesign) -> pd.DataFrame:
    """Days from the beginning of the last pulse before the endpoint visit to that visit.

    On the planned days, without delays; the weekday of the first fraction makes the range.

    Returns:
        one row per course: ``fractions``, ``gray`` (per fraction), ``visit_first`` and
        ``visit_last`` (day of the visit), ``pulse`` (its number), ``gap_first``, ``gap_last``.
    """
    plan, rows = design.plan, []
    starts = design.conduct.first_atra_day + plan["interval_days"] * np.arange(plan["cycles"])
    for count, gray in plan["schedules"]:
        ends = [int(treatment_days(int(count), weekday)[-1]) for weekday in range(SATURDAY)]
        visits = np.asarray([min(ends), max(ends)]) + plan["endpoint_days_after_last_fraction"]
        before = [starts[starts < visit] for visit in visits]
        rows.append(
            {
                "fractions": int(count),
                "gray": float(gray),
                "visit_first": float(visits[0]),
                "visit_last": float(visits[1]),
                "pulse": len(before[0]),
                "gap_first": float(visits[0] - before[0][-1]),
                "gap_last": float(visits[1] - before[1][-1]),
            }
        )
    return pd.DataFrame(rows)


def _safety() -> dict[str, Any]:
    rule = BetaBinomial(SAFETY_TARGET)
    found = characteristics(rule, SAFETY_LOOKS, (0.1, 0.2, 0.3, 0.4, 0.5))
    return {
        "target": SAFETY_TARGET,
        "limits": list(zip(found.looks, found.stop_limits, strict=True)),
        "characteristics": [
            {"rate": float(p), "stop": float(found.stopped[:, i].sum()),
             "patients": float(found.patients[i])}
            for i, p in enumerate(found.rates)
        ],
    }  # fmt: skip


def model_part(
    design: VirtualDesign,
    population: VirtualPopulation,
    truth: VirtualPopulation,
    gammas: Sequence[float],
    draws: int,
    patients: int,
    trials: int,
    seed: int,
) -> ModelPart:
    """Assurance with and without gamma, and the risk by day.

    Args:
        design: the design.
        population: prior or fit, for the assurance.
        truth: the stated truth of the design file, for the timing.
        gammas: strengths of the mechanism to condition on.
        draws: draws of the population.
        patients: virtual patients per arm and draw.
        trials: virtual trials behind the timing.
        seed: of the random numbers.
    """
    cases: list[tuple[str, dict[str, float]]] = [("as in the population", {})]
    if SUPPRESSION in {p.name for p in population.model.table}:
        cases += [(f"γ = {value:g}", {SUPPRESSION: value}) for value in gammas]
    rows = []
    for label, fixed in cases:
        rates = population_rates(design, population, fixed, draws, patients, seed)
        found = assurance(design, rates)
        low, middle, high = np.quantile(rates, (0.05, 0.5, 0.95), axis=0)
        rows.append(
            {
                "label": label,
                "assurance": found.power.value,
                "error": found.power.error,
                "control": (low[0], middle[0], high[0]),
                "treated": (low[1], middle[1], high[1]),
            }
        )
    even = replace(design, analysis=replace(design.analysis, n_treated=design.n_control))
    timing = risk_by_day(even, truth, STARTS, ENDPOINT_DAYS, trials, seed)
    return ModelPart(
        population.name,
        draws,
        patients,
        rows,
        timing,
        timing_map(timing, design),
        dict(design.truth.typical),
    )
