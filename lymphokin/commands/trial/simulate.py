"""Virtual trials."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.options import Cluster, Partition, fixed_values, writable
from lymphokin.commands.trial.design_file import (
    DesignFile,
    EndpointName,
    Fixed,
    PopulationName,
    Seed,
    no_evidence,
    read_design,
    seed_of,
)
from lymphokin.commands.trial.options import Json, app, output
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.trial.virtual import VirtualDesign


def _percent(estimate: Mapping[str, float]) -> str:
    return f"{100 * estimate['value']:.1f} ± {100 * estimate['error']:.1f} %"


@app.command()
def simulate(
    design: DesignFile = None,
    endpoint: EndpointName = None,
    trials: Annotated[int, typer.Option(help="Virtual trials.")] = 2000,
    out: Annotated[
        Path, typer.Option(callback=writable, help="Folder; one of the same sweep is continued.")
    ] = Path("virtual-trials"),
    population: PopulationName = "truth",
    fix: Fixed = [],  # noqa: B006
    seed: Seed = None,
    shard_size: Annotated[int, typer.Option(help="Trials per task.")] = 5000,
    workers: Annotated[
        int | None, typer.Option(help="Tasks at a time; default: all cores.")
    ] = None,
    cluster: Cluster = "local",
    partition: Partition = "",
    json_: Json = False,
) -> None:
    """Virtual trials with mechanistic patients, with gamma as stated and with gamma = 0.

    Run the same command again to continue an interrupted sweep, or with more trials to extend it.

    Example: lymphokin trial simulate --trials 2000 --out sweeps/nct06439888
    """
    from lymphokin.files import write_text
    from lymphokin.jobs import CLUSTERS, Executor
    from lymphokin.model.roles import contrast_of
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.virtual.sweep import Sweep, run_sweeps

    demands = Demands("lymphokin trial simulate")
    demands.want("many", **{"--trials": trials, "--shard-size": shard_size, "--workers": workers})
    demands.want("count", **{"--seed": seed})
    demands.that(cluster in CLUSTERS, "--cluster", cluster, " or ".join(CLUSTERS))
    fixed = fixed_values(fix, demands)
    demands.enforce()
    plan = read_design(design, endpoint)

    def sweep(values: dict[str, float]) -> Sweep:
        values = fixed | values
        return Sweep(plan, trials, seed_of(seed, plan), shard_size, population, values).checked()

    stated = sweep({})
    sweeps = {out / "as_stated": stated}
    disputed = contrast_of(stated.source().model)
    if disputed is not None and fixed.get(disputed.parameter) != 0:
        sweeps[out / "gamma_zero"] = sweep({disputed.parameter: 0.0})
    executor = Executor(cluster, workers or len(os.sched_getaffinity(0)), partition=partition)
    with progress_bar("virtual trials") as progress:
        outcomes = run_sweeps(sweeps, executor, progress)
    result = {
        folder.name: _characteristics(plan, outcome) | {"made_from": sweeps[folder].fingerprint()}
        for folder, outcome in outcomes.items()
    }
    text = json_text(result)
    write_text(out / "characteristics.json", text + "\n")
    if json_:
        print(text)
    else:
        _show_characteristics(plan, result)


def progress_bar(name: str) -> Any:
    """A bar on standard error; it is called with the numbers of finished and of all tasks."""
    from contextlib import contextmanager

    from rich.progress import Progress

    @contextmanager
    def bar() -> Any:
        console = Console(stderr=True)
        with Progress(console=console, transient=not console.is_terminal) as shown:
            task = shown.add_task(name, total=None)
            yield lambda done, total: shown.update(task, completed=done, total=total)

    return bar()


def _characteristics(design: VirtualDesign, outcome: Any) -> dict[str, Any]:
    """Operating characteristics, and the exact probability of rejecting at the rates found."""
    from dataclasses import asdict, is_dataclass

    from lymphokin.trial.exact import TESTS, Design
    from lymphokin.trial.virtual.operating import operating_characteristics

    analysis = design.analysis
    found = operating_characteristics(outcome, analysis.test, analysis.alpha)
    exact = Design(TESTS[analysis.test], design.n_treated, design.n_control, analysis.alpha)
    rates = found["rate_control"].value, found["rate_treated"].value
    plain = {k: asdict(v) if is_dataclass(v) else v for k, v in found.items()}  # type: ignore[arg-type]
    return plain | {
        "exact_power_at_these_rates_without_missing": float(exact.power(*rates)),
        "exact_size": exact.size.value,
    }


def _show_characteristics(design: VirtualDesign, result: dict[str, Any]) -> None:
    from lymphokin.model.roles import contrast_of

    analysis = design.analysis
    first = next(iter(result.values()))
    table = Table(
        title=f"{first['trials']} virtual trials of {design.n_treated} treated and "
        f"{design.n_control} control patients ({design.source}), {analysis.test}, one-sided "
        f"{analysis.alpha:g}; ± Monte-Carlo standard error"
        + ("" if design.endpoint is None else f". {design.endpoint.meaning}")
    )
    linked = contrast_of(design.truth.true_model()) is not None
    names = {"as_stated": "gamma as stated" if linked else "as stated", "gamma_zero": "gamma = 0"}
    table.add_column("")
    for key in result:
        table.add_column(names[key], justify="right")
    judged = design.judged
    ending = ", ".join(sorted(set(design.plan.get("events_that_end", ())) - {judged.quantity}))
    seen = "events" if judged.on_a_day else "events that the visits show"
    true = "true count below 0.80" if judged.on_a_day else "happens on the true curve"
    if judged.of_event:
        true = f"happens within {judged.until:g} days"
    rows = {
        "trials that reject": "power",
        f"{seen}, control": "rate_control",
        f"{seen}, treated": "rate_treated",
        f"{true}, control": "p_true_control",
        f"{true}, treated": "p_true_treated",
    }
    for label, key in rows.items():
        table.add_row(label, *(_percent(r[key]) for r in result.values()))
    for arm in ("control", "treated"):
        cells = (f"{r[f'missing_{arm}']['value']:.2f}" for r in result.values())
        table.add_row(f"patients without endpoint, {arm}", *cells)
    for arm in ("control", "treated") if ending else ():
        cells = (f"{r[f'ended_{arm}']['value']:.2f}" for r in result.values())
        table.add_row(f"patients not recorded to the planned visit ({ending}), {arm}", *cells)
    exact = "exact_power_at_these_rates_without_missing"
    table.add_row("exact power at these rates, nobody missing",
                  *(f"{100 * r[exact]:.1f} %" for r in result.values()))  # fmt: skip
    table.add_row(
        "exact size of the test", *(f"{100 * r['exact_size']:.1f} %" for r in result.values())
    )
    console = output()
    console.print(table)
    console.print(f"{no_evidence(design)}Research use only.")
