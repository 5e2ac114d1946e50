"""What an interim look would be worth, rehearsed before the trial begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from lymphokin.commands.options import fixed_values, writable
from lymphokin.commands.trial.design_file import (
    DesignFile,
    EndpointName,
    PopulationName,
    Seed,
    read_design,
    seed_of,
)
from lymphokin.commands.trial.options import Json, app, numbers, output
from lymphokin.commands.trial.simulate import progress_bar
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    import pandas as pd


@app.command("interim-worth")
def interim_worth(
    design: DesignFile = None,
    endpoint: EndpointName = None,
    after: Annotated[
        int,
        typer.Option(help="Look when this number have passed their endpoint visit, or window."),
    ] = 26,
    trials: Annotated[int, typer.Option(help="Virtual trials.")] = 500,
    population: PopulationName = "prior",
    fix: Annotated[list[str], typer.Option(help="Typical value to set: NAME=VALUE.")] = [],  # noqa: B006
    limits: Annotated[
        str, typer.Option(help="Predictive probabilities below which to stop for futility.")
    ] = "0.01,0.05,0.1,0.2",
    populations: Annotated[int, typer.Option(help="Populations of the prior in the bank.")] = 800,
    repeats: Annotated[int, typer.Option(help="Trials of patients per population.")] = 8,
    out: Annotated[
        Path | None,
        typer.Option(callback=writable, help="Folder for the looks, the tables and the figure."),
    ] = None,
    seed: Seed = None,
    json_: Json = False,
) -> None:
    """An interim look rehearsed in virtual trials: is it calibrated, what does stopping cost?

    With the population of the prior the predictive probabilities should come true; with the truth
    of the design file, or gamma fixed at 0, the table of stopping is the one to read.

    Example: lymphokin trial interim-worth --after 26 --trials 500 --out looks
    """
    from dataclasses import asdict

    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.interim import (
        CalibrationTest,
        Rehearsal,
        calibration_table,
        stopping_table,
    )
    from lymphokin.trial.virtual.sweep import population_named

    demands = Demands("lymphokin trial interim-worth")
    demands.want("many", **{"--after": after, "--trials": trials, "--populations": populations})
    demands.want("many", **{"--repeats": repeats}).want("count", **{"--seed": seed})
    at = numbers(limits, "--limits", float, demands)
    for limit in at:
        demands.want("rate", **{"--limits": limit})
    fixed = fixed_values(fix, demands)
    demands.enforce()
    if out is not None and out.exists():
        raise FileExistsError(f"{out} exists; choose another --out or move it away")
    plan = read_design(design, endpoint)
    seed = seed_of(seed, plan)
    source = None if population == "prior" else population_named(population, plan.truth)
    rehearsal = Rehearsal(plan, after, populations, repeats, fixed)
    with progress_bar("interim looks") as progress:
        looks = rehearsal.run(trials, seed, source, progress)
    said, ended = (looks[c].to_numpy() for c in ("predictive_probability", "significant"))
    table = calibration_table(said, ended)
    stops = stopping_table(looks, plan.n_control + plan.n_treated, at)
    result = {
        **({} if plan.endpoint is None else {"endpoint": plan.endpoint.name}),
        "after": after,
        "accrual_per_month": plan.conduct.accrual_per_month,
        "population": population,
        "fixed": fixed,
        "trials": trials,
        "seed": seed,
        "mean_at_the_look": looks[["enrolled", "known", "in_follow_up", "days"]].mean().to_dict(),
        "effective_populations_q05_q50": looks["effective"].quantile([0.05, 0.5]).tolist(),
        "calibration_test": asdict(CalibrationTest.of(said, ended)),
        "calibration": table.to_dict("records"),
        "stopping": stops.to_dict("records"),
    }
    if out is not None:
        _write(out, looks, table, stops, result)
    if json_:
        print(json_text(result))
    else:
        _show(result, "" if plan.endpoint is None else f" {plan.endpoint.meaning}.")


def _write(
    out: Path, looks: pd.DataFrame, table: pd.DataFrame, stops: pd.DataFrame, result: dict[str, Any]
) -> None:
    from lymphokin.csv_text import neutral_frame
    from lymphokin.files import write_folder
    from lymphokin.pages.drawing import save_figure
    from lymphokin.trial.interim.figure import calibration_figure

    def fill(folder: Path) -> None:
        for name, rows in {"looks": looks, "calibration": table, "stopping": stops}.items():
            neutral_frame(rows).to_csv(folder / f"{name}.csv", index=False)
        (folder / "result.json").write_text(json_text(result) + "\n", encoding="utf-8")
        save_figure(calibration_figure(table), folder / "calibration.png")

    write_folder(out, fill)


def _show(result: dict[str, Any], judged: str) -> None:
    console, mean = output(), result["mean_at_the_look"]
    test = result["calibration_test"]
    console.print(
        f"{result['trials']} virtual trials, population: {result['population']}.{judged} At the "
        f"look, on average: {mean['enrolled']:.0f} enrolled, {mean['known']:.0f} endpoints known, "
        f"{mean['in_follow_up']:.0f} in follow-up, day {mean['days']:.0f}."
    )
    table = Table(title="Predictive probability at the look, and how trials ended")
    for name in ("predicted between", "trials", "mean predicted", "significant (90 %)"):
        table.add_column(name, justify="right")
    for row in result["calibration"]:
        seen = (row["observed"], row["observed_q05"], row["observed_q95"])
        table.add_row(
            f"{row['low']:g} and {row['high']:g}",
            str(row["trials"]),
            f"{row['predicted']:.3f}",
            "{:.3f} ({:.3f}-{:.3f})".format(*seen),
        )
    console.print(table)
    console.print(
        f"Brier score {test['brier']:.4f}, expected {test['expected_brier']:.4f} if calibrated "
        f"(p = {test['p']:.2f}); number significant against predicted: p = {test['mean_p']:.2f}"
    )
    stops = Table(title="Stop for futility when the predictive probability is below ...")
    for name in ("limit", "stopped", "power", "with the look", "lost", "patients saved"):
        stops.add_column(name, justify="right")
    for row in result["stopping"]:
        keys = ("stopped", "power", "power_with_look", "power_lost")
        shares = [f"{100 * row[key]:.1f} %" for key in keys]
        stops.add_row(f"{row['limit']:g}", *shares, f"{row['patients_saved']:.1f}")
    console.print(stops)
    console.print("Exact 90 % intervals (Clopper-Pearson). Research use only.")
