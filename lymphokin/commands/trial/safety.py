"""Safety run-in: boundaries, operating characteristics, today's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from lymphokin.commands.trial.design_file import (
    DesignFile,
    PopulationName,
    Seed,
    read_design,
    seed_of,
)
from lymphokin.commands.trial.options import Json, app, numbers, output, show_warnings
from lymphokin.pages.wording import plain
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.trial.virtual import VirtualDesign

Rule = Annotated[str, typer.Option(help="beta-binomial or boin.")]
Target = Annotated[float, typer.Option(help="Event rate that is too high when exceeded.")]
Certainty = Annotated[float, typer.Option(help="Stop when P(rate > target) exceeds this.")]


def _safety_rule(name: str, target: float, certainty: float) -> Any:
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.safety import RULES

    Demands("lymphokin trial").that(name in RULES, "--rule", name, " or ".join(RULES)).enforce()
    return RULES[name](target, certainty)


@app.command()
def safety(
    rule: Rule = "beta-binomial",
    target: Target = 0.30,
    certainty: Certainty = 0.95,
    looks: Annotated[
        str, typer.Option(help="Numbers of patients at which the data are looked at.")
    ] = "3,6,9,12,18,24,32",
    rates: Annotated[
        str, typer.Option(help="True event rates for the operating characteristics.")
    ] = "0.1,0.2,0.3,0.4,0.5",
    table: Annotated[
        bool, typer.Option("--table", help="Print enrol, hold or stop for every state.")
    ] = False,
    accrual: Annotated[
        float | None,
        typer.Option(help="Patients per month: simulate the run-in in time, outcomes pending."),
    ] = None,
    window: Annotated[float, typer.Option(help="Days over which events are counted.")] = 28.0,
    runs: Annotated[int, typer.Option(help="Run-ins simulated per rate.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the simulated run-ins.")] = 0,
    json_: Json = False,
) -> None:
    """Stopping boundaries of a single-arm run-in, and how they behave, exactly.

    Example: lymphokin trial safety --rule boin --target 0.3 --looks 3,6,9,12 --table
    """
    from dataclasses import asdict

    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.safety import characteristics, decision_table

    demands = Demands("lymphokin trial safety")
    at = numbers(looks, "--looks", int, demands)
    true_rates = numbers(rates, "--rates", float, demands)
    demands.want("positive", **{"--accrual": accrual, "--window": window})
    demands.want("many", **{"--runs": runs}).want("count", **{"--seed": seed}).enforce()
    chosen = _safety_rule(rule, target, certainty)
    found = characteristics(chosen, at, true_rates)
    decisions = decision_table(chosen, at) if table else None
    in_time = (
        [] if accrual is None else _in_time(chosen, at, true_rates, accrual, window, runs, seed)
    )
    if json_:
        result = {
            "rule": rule,
            "target": target,
            "certainty": certainty,
            "looks": at,
            "stop_at_events": list(found.stop_limits),
            "hold_at_events": list(found.hold_limits),
            "characteristics": [
                {
                    "rate": float(p),
                    "p_stop": float(found.stopped[:, i].sum()),
                    "p_stop_by_look": found.stopped[:, i].tolist(),
                    "p_hold_or_stop": float(found.held[i]),
                    "expected_patients": float(found.patients[i]),
                    "expected_events": float(found.events[i]),
                }
                for i, p in enumerate(found.rates)
            ],
        }
        if in_time:
            result["in_time"] = [asdict(row) for row in in_time]
        if rule == "boin":
            result |= {"lower": chosen.lower, "upper": chosen.upper}
        if decisions is not None:
            result["decisions"] = [asdict(row) for row in decisions]
        print(json_text(result))
        return
    _show_safety(chosen, found, decisions)
    if in_time:
        _show_in_time(in_time, accrual, window)


def _in_time(
    rule: Any, looks: list[int], rates: list[float], accrual: float | None, window: float,
    runs: int, seed: int,
) -> list[Any]:  # fmt: skip
    from lymphokin.trial.safety.accrual import with_pending

    if accrual is None:
        return []
    return [with_pending(rule, looks, p, accrual, window, runs, seed) for p in rates]


def _show_in_time(rows: list[Any], accrual: float | None, window: float) -> None:
    shown = Table(
        title=f"Outcomes pending: {accrual:g} patients per month, window of {window:g} days; "
        "± Monte-Carlo standard error"
    )
    names = (
        "true rate",
        "P(stop)",
        "P(hold or stop)",
        "patients",
        "days",
        "days waited",
        "pending",
    )
    for name in names:
        shown.add_column(name, justify="right")
    for row in rows:
        chances = [f"{e.value:.3f} ± {e.error:.3f}" for e in (row.stopped, row.held)]
        means = [f"{e.value:.1f}" for e in (row.patients, row.days, row.waited)]
        shown.add_row(plain(row.rate), *chances, *means, f"{100 * row.pending.value:.0f} %")
    output().print(shown)


def _show_safety(rule: Any, found: Any, decisions: Any) -> None:
    console = output()
    limits = Table(title=f"{rule.label}, target {plain(rule.target)}, certainty {rule.certainty:g}")
    for name in ("patients", "hold from events", "stop from events"):
        limits.add_column(name, justify="right")
    for n, hold, stop in zip(found.looks, found.hold_limits, found.stop_limits, strict=True):
        limits.add_row(str(n), *("-" if x is None else str(x) for x in (hold, stop)))
    console.print(limits)
    console.print(
        "The stop limits hold while outcomes are pending, too: these count as free of events then."
    )
    shown = Table(title="Operating characteristics, exact; every outcome known at each look")
    for name in ("true rate", "P(stop)", "P(hold or stop)", "patients", "events"):
        shown.add_column(name, justify="right")
    for i, p in enumerate(found.rates):
        values = (found.stopped[:, i].sum(), found.held[i])
        means = (found.patients[i], found.events[i])
        shown.add_row(plain(p), *(f"{v:.4f}" for v in values), *(f"{v:.2f}" for v in means))
    console.print(shown)
    if decisions is None:
        return
    states = Table(title="Enrol, hold or stop")
    for name in ("enrolled", "events", "pending", "verdict"):
        states.add_column(name, justify="left" if name == "verdict" else "right")
    for row in decisions:
        words = row.verdict
        if row.verdict_followed != row.verdict:
            words += f"; {row.verdict_followed} from {row.followed:.2f} windows of follow-up in sum"
        states.add_row(str(row.enrolled), str(row.events), str(row.pending), words)
    console.print(states)


@app.command("safety-decision")
def safety_decision(
    enrolled: Annotated[int, typer.Option(help="Patients enrolled so far.")],
    events: Annotated[int, typer.Option(help="Of these, with an event.")],
    pending: Annotated[
        str, typer.Option(help="Days followed so far, per patient still in follow-up: 5,12,20.")
    ] = "",
    window: Annotated[float, typer.Option(help="Days over which events are counted.")] = 28.0,
    rule: Rule = "beta-binomial",
    target: Target = 0.30,
    certainty: Certainty = 0.95,
    json_: Json = False,
) -> None:
    """Enrol, hold or stop, from what is known today; pending patients count in part.

    Example: lymphokin trial safety-decision --enrolled 9 --events 2 --pending 3,10,21 --window 28
    """
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.safety import SafetyData

    demands = Demands("lymphokin trial safety-decision")
    days = numbers(pending, "--pending", float, demands)
    demands.want("positive", **{"--window": window})
    for day in days:
        demands.that(day >= 0, "--pending", day, "days of follow-up, 0 or more")
    demands.enforce()
    data = SafetyData(enrolled, events, [min(day / window, 1.0) for day in days])
    decision = _safety_rule(rule, target, certainty).decide(data)
    if json_:
        result = {
            "verdict": decision.verdict,
            "estimate": decision.estimate,
            "reason": decision.reason,
        }
        print(json_text(result))
        return
    output().print(f"{decision.verdict}: {decision.reason}", markup=False)


@app.command("safety-exposure")
def safety_exposure(
    below: Annotated[float, typer.Option(help="Toxicity rate assumed below the marker.")],
    above: Annotated[float, typer.Option(help="Toxicity rate assumed at or above it.")],
    design: DesignFile = None,
    population: PopulationName = "literature",
    doses_per_day: Annotated[
        str, typer.Option(help="Splits of the daily dose to compare; the real one is not public.")
    ] = "1,2,3",
    marker: Annotated[
        float | None,
        typer.Option(
            help="Peak level of day 1 in ng/mL that goes with severe toxicity; default: that known "
            "of the drug."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of the population.")] = 400,
    patients: Annotated[int, typer.Option(help="Virtual patients per draw.")] = 100,
    seed: Seed = None,
    json_: Json = False,
) -> None:
    """The run-in when toxicity goes with the peak level of the drug on day 1.

    How many patients exceed the marker follows from the kinetics and the split of the daily dose;
    the two toxicity rates are yours to assume. The run-in is that of the design file.

    Example: lymphokin trial safety-exposure --below 0.1 --above 0.4
    """
    from lymphokin.regimens import regimens
    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin trial safety-exposure")
    demands.want("rate", **{"--below": below, "--above": above})
    demands.want("positive", **{"--marker": marker}).want("count", **{"--seed": seed})
    demands.want("many", **{"--draws": draws}).want("patients", **{"--patients": patients})
    splits = numbers(doses_per_day, "--doses-per-day", int, demands)
    demands.that(bool(splits) and min(splits, default=0) >= 1, "--doses-per-day", doses_per_day,
                 "whole numbers of at least 1")  # fmt: skip
    demands.enforce()
    warnings = (
        [
            f"toxicity above the marker ({plain(above)}) is assumed below that under it "
            f"({plain(below)}): are the two swapped?"
        ]
        if above < below
        else []
    )
    plan, rows = read_design(design), []
    run_in = plan.run_in
    if run_in is None:
        raise ValueError(f"{plan.source}: a run-in with toxicity needs the table [run_in]")
    if marker is None:
        usual = regimens().get(plan.drug)
        marker = usual.toxic_level if usual else None
    if marker is None:
        raise ValueError(f"no toxic level of {plan.drug_label} is known: give --marker")
    chosen, at = _safety_rule(run_in.rule, run_in.target, run_in.certainty), list(run_in.looks)
    for split in splits:
        levels = _peaks(plan, population, split, draws, patients, seed_of(seed, plan))
        rows.append(_linked(chosen, at, levels, below, above, marker) | {"doses_per_day": split})
    if json_:
        about = {"rule": run_in.rule, "target": run_in.target, "marker_ng_ml": marker, "looks": at}
        found = {"below": below, "above": above, "by_split": rows, "warnings": warnings}
        print(json_text(about | found))
        return
    show_warnings(warnings)
    _show_exposure(rows, marker, below, above)


def _peaks(
    plan: VirtualDesign, population: str, split: int, draws: int, patients: int, seed: int
) -> Any:
    from dataclasses import replace

    from lymphokin.trial.safety.exposure import peak_levels
    from lymphokin.trial.virtual.sweep import population_named

    truth = replace(plan.truth, design={**plan.plan, "doses_per_day": split, "cycles": 1})
    arms = replace(plan.analysis, n_control=1, n_treated=patients)
    source = population_named(population, plan.truth)
    return peak_levels(replace(plan, truth=truth, analysis=arms), source, draws, seed)


def _linked(
    rule: Any, looks: list[int], levels: Any, below: float, above: float, marker: float
) -> dict[str, Any]:
    import numpy as np

    from lymphokin.trial.safety.exposure import linked_toxicity

    found = linked_toxicity(rule, looks, levels, below, above, marker)

    def spread(values: Any) -> list[float]:
        return np.quantile(values, (0.05, 0.5, 0.95)).tolist()

    return {
        "peak_q05_q50_q95_ng_ml": spread(levels),
        "share_above_mean": float(found.share.mean()),
        "share_above_q05_q50_q95": spread(found.share),
        "toxicity_rate_mean": float(found.rate.mean()),
        "toxicity_rate_q05_q50_q95": spread(found.rate),
        "p_stop": float(found.stopped.mean()),
        "expected_patients": float(found.patients.mean()),
    }


def _show_exposure(rows: list[dict[str, Any]], marker: float, below: float, above: float) -> None:
    table = Table(
        title=f"Toxicity {plain(100 * below)} % below a day-1 peak of {marker:g} ng/mL and "
        f"{plain(100 * above)} % from there on (assumed); mean (90 %)"
    )
    names = ("doses per day", "peak, ng/mL", "patients at or above", "toxicity rate", "P(stop)",
             "patients")  # fmt: skip
    for name in names:
        table.add_column(name, justify="right")
    for row in rows:
        low, middle, high = row["peak_q05_q50_q95_ng_ml"]
        cells = [f"{middle:.0f} ({low:.0f}-{high:.0f})"]
        for key in ("share_above", "toxicity_rate"):
            a, _, b = row[f"{key}_q05_q50_q95"]
            cells.append(f"{100 * row[f'{key}_mean']:.0f} % ({100 * a:.0f}-{100 * b:.0f})")
        cells += [f"{row['p_stop']:.3f}", f"{row['expected_patients']:.1f}"]
        table.add_row(str(row["doses_per_day"]), *cells)
    console = output()
    console.print(table)
    console.print(
        "Equal-tailed intervals; peak: median over patients and draws. Research use only."
    )
