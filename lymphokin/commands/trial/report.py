"""The design report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lymphokin.commands.options import writable
from lymphokin.commands.trial.design_file import (
    DesignFile,
    EndpointName,
    PopulationName,
    Seed,
    read_design,
    seed_of,
)
from lymphokin.commands.trial.options import Json, app, numbers, output
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.trial.report import ModelPart
    from lymphokin.trial.virtual import VirtualDesign


@app.command()
def report(
    out: Annotated[Path, typer.Option(callback=writable, help="HTML file to write.")] = Path(
        "design.html"
    ),
    design: DesignFile = None,
    endpoint: EndpointName = None,
    population: PopulationName = "literature",
    gamma: Annotated[
        str, typer.Option(help="Strengths of the mechanism to condition on.")
    ] = "0,0.5,1,1.5",
    model: Annotated[
        bool, typer.Option(help="With what the mechanistic model says (minutes).")
    ] = True,
    draws: Annotated[int, typer.Option(help="Draws of the population.")] = 400,
    patients: Annotated[int, typer.Option(help="Virtual patients per arm and draw.")] = 200,
    trials: Annotated[int, typer.Option(help="Virtual trials behind the timing.")] = 200,
    seed: Seed = None,
    json_: Json = False,
) -> None:
    """A report of a trial's design: one HTML file that needs no network.

    Rates, priors, run-in and axes are those of the design file, whatever the endpoint.

    Example: lymphokin trial report --design my.design.toml --out design.html
    """
    from datetime import UTC, datetime
    from importlib.metadata import version

    from lymphokin.files import write_text
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.report import assumptions_of, design_contents, render_design_report

    demands = Demands("lymphokin trial report")
    demands.want("many", **{"--draws": draws, "--trials": trials})
    demands.want("patients", **{"--patients": patients}).want("count", **{"--seed": seed})
    strengths = numbers(gamma, "--gamma", float, demands)
    for value in strengths:
        demands.that(value >= 0, "--gamma", value, "strengths of 0 or more")
    demands.enforce()
    plan = read_design(design, endpoint)
    assumptions_of(plan)  # before minutes of virtual patients
    seed = seed_of(seed, plan)
    contents = design_contents(
        plan,
        created=datetime.now(UTC).date().isoformat(),
        version=version("lymphokin"),
        seed=seed,
        model=_model(plan, population, strengths, draws, patients, trials, seed) if model else None,
    )
    write_text(out, render_design_report(contents))
    if json_:
        print(json_text({"report": str(out), "power": contents.power}))
    else:
        output().print(f"Report: {out}", soft_wrap=True)


def _model(
    plan: VirtualDesign,
    population: str,
    gammas: list[float],
    draws: int,
    patients: int,
    trials: int,
    seed: int,
) -> ModelPart:
    from lymphokin.trial.report import model_part
    from lymphokin.trial.virtual import TruePopulation
    from lymphokin.trial.virtual.sweep import population_named

    source = population_named(population, plan.truth)
    truth = TruePopulation(plan.truth)
    return model_part(plan, source, truth, gammas, draws, patients, trials, seed)
