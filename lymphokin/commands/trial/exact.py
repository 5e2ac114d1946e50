"""Exact design: power, sample size, the tests side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from lymphokin.commands.trial.options import (
    TEST_NAMES,
    Json,
    app,
    known_test,
    output,
    show_warnings,
    swapped,
)
from lymphokin.pages.wording import plain
from lymphokin.strict_json import json_text
from lymphokin.trial.digits import probability

if TYPE_CHECKING:
    from lymphokin.trial.exact import Compared, Design, Size
    from lymphokin.trial.inputs import Demands

PER_ARM = 26
"""Patients per arm of NCT06439888."""

Control = Annotated[float, typer.Option(help="True event rate of the control arm.")]
Treated = Annotated[float, typer.Option(help="True event rate of the treated arm.")]
PerArm = Annotated[
    int | None,
    typer.Option("--n", help=f"Patients per arm.  [default: {PER_ARM}]", show_default=False),
]
NTreated = Annotated[
    int | None, typer.Option(help="Patients of the treated arm, with --n-control; instead of --n.")
]
NControl = Annotated[
    int | None, typer.Option(help="Patients of the control arm, with --n-treated; instead of --n.")
]
Alpha = Annotated[float, typer.Option(help="Nominal one-sided level.")]
TestName = Annotated[str, typer.Option("--test", help=f"One of {', '.join(TEST_NAMES)}.")]
Dropouts = Annotated[int, typer.Option(help="Patients per arm that have no endpoint.")]
DropoutRate = Annotated[
    float, typer.Option(help="Chance of each patient to have no endpoint; power is averaged.")
]


def _staying(
    n: int | None, n_treated: int | None, n_control: int | None, dropouts: int, demands: Demands
) -> tuple[int, int]:
    """Patients of the treated and the control arm, without those known to drop out."""
    each = {"--n-treated": n_treated, "--n-control": n_control}
    demands.want("patients", **{"--n": n}, **each).want("count", **{"--dropouts": dropouts})
    given = [name for name, size in each.items() if size is not None]
    if given and n is not None:
        demands.that(False, "--n", n, f"left out beside {given[0]}")
    for name in each if len(given) == 1 else ():
        expected = f"a number beside {given[0]}, which alone leaves the other arm open"
        demands.that(name in given, name, "nothing", expected)
    if n_treated is None or n_control is None:
        n_treated = n_control = PER_ARM if n is None else n
    smaller = min(n_treated, n_control)
    if smaller > 0 and dropouts > 0:
        expected = f"fewer dropouts than patients of the smaller arm ({smaller})"
        demands.that(dropouts < smaller, "--dropouts", dropouts, expected)
    return n_treated - dropouts, n_control - dropouts


def boundary_lines(boundary: Sequence[int | None]) -> str:
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
    n: PerArm = None,
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
    demands.want("level", **{"--alpha": alpha}).want("drop-out", **{"--dropout-rate": dropout_rate})
    known_test(test, demands)
    arms = _staying(n, n_treated, n_control, dropouts, demands)
    demands.enforce()
    design = Design(TESTS[test], *arms, alpha)
    result = _result(design, control, treated, float(design.power(control, treated)), design.size)
    if dropout_rate > 0:
        attrition = Attrition(design, dropout_rate)
        result |= {
            "dropout_rate": dropout_rate,
            "power_without_dropout": result["power"],
            "power": attrition.power(control, treated),
            **_size(attrition.size),
        }
    if json_:
        print(json_text(result))
        return
    _show_power(design, result)


def _size(size: Size) -> dict[str, float | None]:
    """A true size; the rate at which it is reached means nothing where nothing ever rejects."""
    return {"size": size.value, "size_at": size.rate if size.value > 0 else None}


def _result(
    design: Design, control: float, treated: float, reached: float, size: Size
) -> dict[str, Any]:
    return {
        "test": design.test.name,
        "alpha": design.alpha,
        "control": control,
        "treated": treated,
        "n_treated": design.n_treated,
        "n_control": design.n_control,
        "power": reached,
        **_size(size),
        "boundary": list(design.boundary),
        "warnings": swapped(control, treated),
    }


def _show_power(design: Design, result: dict[str, Any]) -> None:
    console, dropout = output(), result.get("dropout_rate", 0.0)
    who = "patients randomised" if dropout else "patients with an endpoint"
    console.print(
        f"{design.test.label}, one-sided {design.alpha:g}, {design.n_treated} treated and "
        f"{design.n_control} control {who}"
    )
    show_warnings(result["warnings"])
    console.print(
        f"power {probability(result['power'])} at rates {plain(result['control'])} (control) and "
        f"{plain(result['treated'])} (treated)"
    )
    if dropout:
        line = f"averaged over a drop-out of {plain(dropout)} per patient"
        if "power_without_dropout" in result:
            line += f"; {probability(result['power_without_dropout'])} if nobody drops out"
        console.print(line)
    if result["size_at"] is None:
        console.print("no result of this trial rejects at this level", style="yellow")
        return
    console.print(
        f"true size {probability(result['size'])}, reached where both rates are "
        f"{plain(result['size_at'])}"
    )
    everybody = " (if nobody drops out)" if dropout else ""
    console.print(f"control events: most treated events that still reject{everybody}")
    console.print("  " + boundary_lines(design.boundary), soft_wrap=True)


@app.command("sample-size")
def sample_size_command(
    control: Control,
    treated: Treated,
    power: Annotated[float, typer.Option(help="Wanted power.")] = 0.85,
    alpha: Alpha = 0.07,
    test: TestName = "fisher",
    ratio: Annotated[float, typer.Option(help="Treated patients per control patient.")] = 1.0,
    dropout_rate: DropoutRate = 0.0,
    largest_n: Annotated[int, typer.Option(help="Control patients to search up to.")] = 300,
    json_: Json = False,
) -> None:
    """Smallest trial that reaches a power.

    Example: lymphokin trial sample-size --control 0.5 --treated 0.15 --dropout-rate 0.08
    """
    from lymphokin.trial.exact import TESTS, Attrition, sample_size
    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin trial sample-size")
    known_test(test, demands)
    demands.want("rate", **{"--control": control, "--treated": treated})
    demands.want("level", **{"--alpha": alpha, "--power": power})
    demands.want("positive", **{"--ratio": ratio}).want("patients", **{"--largest-n": largest_n})
    demands.want("drop-out", **{"--dropout-rate": dropout_rate})
    _treated_below(control, treated, demands)
    demands.enforce()
    found = sample_size(TESTS[test], control, treated, alpha, power, ratio, largest_n, dropout_rate)
    design = found.design
    size = Attrition(design, dropout_rate).size if dropout_rate > 0 else design.size
    result = _result(design, control, treated, found.power, size)
    result["lower_again_at"] = list(found.dips)
    if dropout_rate > 0:
        result["dropout_rate"] = dropout_rate
    if json_:
        print(json_text(result))
        return
    _show_power(design, result)
    if found.dips:
        dips = ", ".join(map(str, found.dips))
        output().print(f"power falls below {power:g} again at {dips} control patients")


def _treated_below(control: float, treated: float, demands: Demands) -> None:
    expected = f"a rate below --control ({control}); are the arms swapped?"
    demands.that(not treated >= control, "--treated", treated, expected)


@app.command("compare")
def compare_command(
    control: Control,
    treated: Treated,
    n: PerArm = None,
    n_treated: NTreated = None,
    n_control: NControl = None,
    alpha: Alpha = 0.07,
    power: Annotated[float, typer.Option(help="Power for the smallest trial.")] = 0.85,
    dropouts: Dropouts = 0,
    dropout_rate: DropoutRate = 0.0,
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
    demands.want("drop-out", **{"--dropout-rate": dropout_rate})
    _treated_below(control, treated, demands)
    arms = _staying(n, n_treated, n_control, dropouts, demands)
    demands.enforce()
    rows = compare(TESTS.values(), *arms, alpha, (control, treated), power, dropout_rate)
    if json_:
        print(json_text([_compared(row) for row in rows]))
        return
    lost = f", drop-out {plain(dropout_rate)} per patient" if dropout_rate else ""
    shown = Table(
        title=f"{arms[0]} treated, {arms[1]} control{lost}, one-sided {alpha:g}, rates "
        f"{plain(control)} (control) and {plain(treated)} (treated)"
    )
    smallest = f"smallest trial for {power:g}, treated + control"
    for name in ("test", "power", "true size", "at rate", smallest):
        shown.add_column(name, justify="left" if name == "test" else "right")
    for row in rows:
        first, size = row.smallest and row.smallest.design, _size(row.size)
        least = "none" if first is None else f"{first.n_treated} + {first.n_control}"
        at = "-" if size["size_at"] is None else f"{size['size_at']:.2g}"
        values = (probability(row.power), probability(row.size.value), at, least)
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
        **_size(row.size),
        "boundary": list(row.design.boundary),
        "n_control": smallest and smallest.design.n_control,
        "n_treated": smallest and smallest.design.n_treated,
        "power_there": smallest and smallest.power,
    }
