"""Exact design: power, sample size, the tests side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from lymphokin.commands.trial.options import TEST_NAMES, Json, app, known_test, output

if TYPE_CHECKING:
    from lymphokin.trial.exact import Compared, Design
    from lymphokin.trial.inputs import Demands

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
    known_test(test, demands)
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
    known_test(test, demands)
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
    rows = compare(TESTS.values(), *evaluable, alpha, (control, treated), power)
    if json_:
        print(json.dumps([_compared(row) for row in rows], indent=2))
        return
    shown = Table(
        title=f"{evaluable[0]} treated, {evaluable[1]} control, one-sided {alpha:g}, rates "
        f"{control:g} (control) and {treated:g} (treated)"
    )
    smallest = f"smallest n for {power:g}"
    for name in ("test", "power", "true size", "at rate", smallest):
        shown.add_column(name, justify="left" if name == "test" else "right")
    for row in rows:
        first = row.smallest and row.smallest.design
        least = "none" if first is None else f"{first.n_treated} + {first.n_control}"
        values = (f"{row.power:.6f}", f"{row.size.value:.6f}", f"{row.size.rate:.4f}", least)
        shown.add_row(row.design.test.label, *values)
    console = output()
    console.print(shown)
    console.print("Control events: most treated events that still reject", style="bold")
    for row in rows:
        line = f"{row.design.test.label}: {boundary_lines(row.design.boundary)}"
        console.print(line, soft_wrap=True, markup=False)


def _compared(row: Compared) -> dict[str, Any]:
    smallest = row.smallest
    return {
        "test": row.design.test.name,
        "label": row.design.test.label,
        "power": row.power,
        "size": row.size.value,
        "size_at": row.size.rate,
        "boundary": list(row.design.boundary),
        "n_control": smallest and smallest.design.n_control,
        "n_treated": smallest and smallest.design.n_treated,
        "power_there": smallest and smallest.power,
    }
