"""`lymphokin trial`: exact design, assurance, safety run-in and virtual trials."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:  # commands import what they need: --help must not wait for SciPy
    from lymphokin.trial.exact import Design
    from lymphokin.trial.inputs import Demands

app = typer.Typer(
    no_args_is_help=True,
    help="Design and monitor a two-arm trial: exact tests, assurance, safety, virtual trials.",
)
TEST_NAMES = ("fisher", "mid-p", "boschloo", "barnard", "bayes")

Control = Annotated[float, typer.Option(help="True event rate of the control arm.")]
Treated = Annotated[float, typer.Option(help="True event rate of the treated arm.")]
PerArm = Annotated[int, typer.Option("--n", help="Patients per arm.")]
NTreated = Annotated[int | None, typer.Option(help="Patients of the treated arm, if not --n.")]
NControl = Annotated[int | None, typer.Option(help="Patients of the control arm, if not --n.")]
Alpha = Annotated[float, typer.Option(help="Nominal one-sided level.")]
TestName = Annotated[str, typer.Option("--test", help=f"One of {', '.join(TEST_NAMES)}.")]
Dropouts = Annotated[int, typer.Option(help="Patients per arm that have no endpoint.")]
DropoutRate = Annotated[
    float, typer.Option(help="Chance of each patient to have no endpoint; power is averaged.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def output() -> Console:
    """Where results are printed."""
    return Console(width=None if sys.stdout.isatty() else 110)


def _evaluable(
    n: int, n_treated: int | None, n_control: int | None, dropouts: int, demands: Demands
) -> tuple[int, int]:
    """Patients of the treated and the control arm that have an endpoint."""
    planned = (n if n_treated is None else n_treated, n if n_control is None else n_control)
    given = {"--n": n, "--n-treated": n_treated, "--n-control": n_control}
    demands.want("patients", **given).want("count", **{"--dropouts": dropouts})
    if min(planned) > 0 and dropouts > 0:
        expected = f"fewer dropouts than patients of the smaller arm ({min(planned)})"
        demands.that(dropouts < min(planned), "--dropouts", dropouts, expected)
    return planned[0] - dropouts, planned[1] - dropouts


def _known_test(name: str, demands: Demands) -> None:
    demands.that(name in TEST_NAMES, "--test", name, "one of " + ", ".join(TEST_NAMES))


def boundary_lines(boundary: tuple[int | None, ...] | list[int | None]) -> str:
    """The boundary in words, runs of control events with the same limit together."""
    parts, start = [], 0
    for events in range(1, len(boundary) + 1):
        if events < len(boundary) and boundary[events] == boundary[start]:
            continue
        span = f"{start}" if events - 1 == start else f"{start}-{events - 1}"
        most = boundary[start]
        parts.append(f"{span}: never" if most is None else f"{span}: {most}")
        start = events
    return ", ".join(parts)


@app.command()
def power(
    control: Control,
    treated: Treated,
    n: PerArm = 26,
    n_treated: NTreated = None,
    n_control: NControl = None,
    alpha: Alpha = 0.07,
    test: TestName = "fisher",
    dropouts: Dropouts = 0,
    dropout_rate: DropoutRate = 0.0,
    json_: Json = False,
) -> None:
    """Exact power, true size and rejection boundary of a two-arm trial.

    Example: lymphokin trial power --control 0.5 --treated 0.15 --n 26 --alpha 0.07 --test fisher
    """
    from lymphokin.trial.exact import TESTS, Attrition, Design
    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin trial power")
    demands.want("rate", **{"--control": control, "--treated": treated})
    demands.want("level", **{"--alpha": alpha}).want("rate", **{"--dropout-rate": dropout_rate})
    _known_test(test, demands)
    evaluable = _evaluable(n, n_treated, n_control, dropouts, demands)
    demands.enforce()
    design = Design(TESTS[test], *evaluable, alpha)
    result: dict[str, Any] = {
        "test": test,
        "alpha": alpha,
        "control": control,
        "treated": treated,
        "n_treated": design.n_treated,
        "n_control": design.n_control,
        "power": float(design.power(control, treated)),
        "size": design.size.value,
        "size_at": design.size.rate,
        "boundary": list(design.boundary),
    }
    if dropout_rate > 0:
        attrition = Attrition(design, dropout_rate)
        result |= {
            "dropout_rate": dropout_rate,
            "power_without_dropout": result["power"],
            "power": attrition.power(control, treated),
            "size": attrition.size.value,
            "size_at": attrition.size.rate,
        }
    if json_:
        print(json.dumps(result, indent=2))
        return
    _show_power(design, result)


def _show_power(design: Design, result: dict[str, Any]) -> None:
    console = output()
    console.print(
        f"{design.test.label}, one-sided {design.alpha:g}, {design.n_treated} treated and "
        f"{design.n_control} control patients with an endpoint"
    )
    console.print(
        f"power {result['power']:.6f} at rates {result['control']:g} (control) and "
        f"{result['treated']:g} (treated)"
    )
    if "dropout_rate" in result:
        console.print(
            f"averaged over a drop-out of {result['dropout_rate']:g} per patient; "
            f"{result['power_without_dropout']:.6f} if nobody drops out"
        )
    console.print(
        f"true size {result['size']:.6f}, reached where both rates are {result['size_at']:.4f}"
    )
    console.print("control events: most treated events that still reject")
    console.print("  " + boundary_lines(design.boundary), soft_wrap=True)


@app.command("sample-size")
def sample_size_command(
    control: Control,
    treated: Treated,
    power: Annotated[float, typer.Option(help="Wanted power.")] = 0.85,
    alpha: Alpha = 0.07,
    test: TestName = "fisher",
    ratio: Annotated[float, typer.Option(help="Treated patients per control patient.")] = 1.0,
    largest_n: Annotated[int, typer.Option(help="Control patients to search up to.")] = 300,
    json_: Json = False,
) -> None:
    """Smallest trial that reaches a power.

    Example: lymphokin trial sample-size --control 0.5 --treated 0.15 --test boschloo
    """
    from lymphokin.trial.exact import TESTS, sample_size
    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin trial sample-size")
    _known_test(test, demands)
    demands.want("rate", **{"--control": control, "--treated": treated})
    demands.want("level", **{"--alpha": alpha, "--power": power})
    demands.want("positive", **{"--ratio": ratio}).want("patients", **{"--largest-n": largest_n})
    expected = f"a rate below --control ({control})"
    demands.that(not treated >= control, "--treated", treated, expected)
    demands.enforce()
    found = sample_size(TESTS[test], control, treated, alpha, power, ratio, largest_n)
    design = found.design
    result = {
        "test": test,
        "alpha": alpha,
        "control": control,
        "treated": treated,
        "n_treated": design.n_treated,
        "n_control": design.n_control,
        "power": found.power,
        "size": design.size.value,
        "size_at": design.size.rate,
        "boundary": list(design.boundary),
        "lower_again_at": list(found.dips),
    }
    if json_:
        print(json.dumps(result, indent=2))
        return
    _show_power(design, result)
    if found.dips:
        dips = ", ".join(map(str, found.dips))
        output().print(f"power falls below {power:g} again at {dips} control patients")


@app.command("compare")
def compare_command(
    control: Control,
    treated: Treated,
    n: PerArm = 26,
    n_treated: NTreated = None,
    n_control: NControl = None,
    alpha: Alpha = 0.07,
    power: Annotated[float, typer.Option(help="Power for the smallest trial.")] = 0.85,
    dropouts: Dropouts = 0,
    json_: Json = False,
) -> None:
    """All exact tests side by side: power, true size, boundary, smallest trial.

    Example: lymphokin trial compare --control 0.5 --treated 0.15 --n 26
    """
    from lymphokin.trial.exact import TESTS, compare
    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin trial compare")
    demands.want("rate", **{"--control": control, "--treated": treated})
    demands.want("level", **{"--alpha": alpha, "--power": power})
    demands.that(
        not treated >= control, "--treated", treated, f"a rate below --control ({control})"
    )
    evaluable = _evaluable(n, n_treated, n_control, dropouts, demands)
    demands.enforce()
    table = compare(list(TESTS.values()), *evaluable, alpha, (control, treated), power)
    if json_:
        print(json.dumps(json.loads(table.to_json(orient="records")), indent=2))
        return
    shown = Table(
        title=f"{evaluable[0]} treated, {evaluable[1]} control, one-sided {alpha:g}, rates "
        f"{control:g} (control) and {treated:g} (treated)"
    )
    smallest = f"smallest n for {power:g}"
    for name in ("test", "power", "true size", "at rate", smallest):
        shown.add_column(name, justify="left" if name == "test" else "right")
    for row in table.itertuples():
        first = "none" if row.n_control is None else f"{row.n_treated:g} + {row.n_control:g}"
        values = (f"{row.power:.6f}", f"{row.size:.6f}", f"{row.size_at:.4f}", first)
        shown.add_row(str(row.label), *values)
    console = output()
    console.print(shown)
    console.print("Control events: most treated events that still reject", style="bold")
    for row in table.itertuples():
        line = f"{row.label}: {boundary_lines(list(row.boundary))}"  # type: ignore[arg-type]
        console.print(line, soft_wrap=True, markup=False)


Rule = Annotated[str, typer.Option(help="beta-binomial or boin.")]
Target = Annotated[float, typer.Option(help="Event rate that is too high when exceeded.")]
Certainty = Annotated[float, typer.Option(help="Stop when P(rate > target) exceeds this.")]


def _numbers(text: str, name: str, kind: type[int] | type[float], demands: Demands) -> list[Any]:
    """A comma-separated list."""
    try:
        return [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        demands.that(False, name, text, f"{what} separated by commas")
        return []


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
    at = _numbers(looks, "--looks", int, demands)
    true_rates = _numbers(rates, "--rates", float, demands)
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
    days = _numbers(pending, "--pending", float, demands)
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
