"""Safety run-in: boundaries, operating characteristics, today's decision."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from lymphokin.commands.trial.options import Json, app, numbers, output

Rule = Annotated[str, typer.Option(help="beta-binomial or boin.")]
Target = Annotated[float, typer.Option(help="Event rate that is too high when exceeded.")]
Certainty = Annotated[float, typer.Option(help="Stop when P(rate > target) exceeds this.")]


def _safety_rule(name: str, target: float, certainty: float) -> Any:
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.safety import BetaBinomial, Boin

    rules = {rule.name: rule for rule in (BetaBinomial, Boin)}
    Demands("lymphokin trial").that(name in rules, "--rule", name, " or ".join(rules)).enforce()
    return rules[name](target, certainty)


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
    json_: Json = False,
) -> None:
    """Stopping boundaries of a single-arm run-in, and how they behave, exactly.

    Example: lymphokin trial safety --rule boin --target 0.3 --looks 3,6,9,12 --table
    """
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.safety import characteristics, decision_table

    demands = Demands("lymphokin trial safety")
    at = numbers(looks, "--looks", int, demands)
    true_rates = numbers(rates, "--rates", float, demands)
    demands.enforce()
    chosen = _safety_rule(rule, target, certainty)
    found = characteristics(chosen, at, true_rates)
    decisions = decision_table(chosen, at) if table else None
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
        if rule == "boin":
            result |= {"lower": chosen.lower, "upper": chosen.upper}
        if decisions is not None:
            result["decisions"] = json.loads(decisions.to_json(orient="records"))
        print(json.dumps(result, indent=2))
        return
    _show_safety(chosen, found, decisions)


def _show_safety(rule: Any, found: Any, decisions: Any) -> None:
    console = output()
    limits = Table(title=f"{rule.label}, target {rule.target:g}, certainty {rule.certainty:g}")
    for name in ("patients", "hold from events", "stop from events"):
        limits.add_column(name, justify="right")
    for n, hold, stop in zip(found.looks, found.hold_limits, found.stop_limits, strict=True):
        limits.add_row(str(n), *("-" if x is None else str(x) for x in (hold, stop)))
    console.print(limits)
    shown = Table(title="Operating characteristics, exact; every outcome known at each look")
    for name in ("true rate", "P(stop)", "P(hold or stop)", "patients", "events"):
        shown.add_column(name, justify="right")
    for i, p in enumerate(found.rates):
        values = (found.stopped[:, i].sum(), found.held[i])
        means = (found.patients[i], found.events[i])
        shown.add_row(f"{p:g}", *(f"{v:.4f}" for v in values), *(f"{v:.2f}" for v in means))
    console.print(shown)
    if decisions is None:
        return
    states = Table(title="Enrol, hold or stop")
    for name in ("enrolled", "events", "pending", "verdict"):
        states.add_column(name, justify="left" if name == "verdict" else "right")
    for row in decisions.itertuples():
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
        print(json.dumps(result, indent=2))
        return
    output().print(f"{decision.verdict}: {decision.reason}", markup=False)
