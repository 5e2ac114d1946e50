"""The space of designs: heat maps a team can look at together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lymphokin.commands.trial.design_file import (
    NO_EVIDENCE,
    DesignFile,
    PopulationName,
    read_design,
)
from lymphokin.commands.trial.options import Json, app, numbers, output

if TYPE_CHECKING:
    import pandas as pd

    from lymphokin.trial.virtual import VirtualDesign

PARTS = ("power", "timing", "sampling")


@app.command()
def space(
    out: Annotated[Path, typer.Option(help="Folder for tables and figures.")] = Path(
        "design-space"
    ),
    parts: Annotated[
        str,
        typer.Option(
            help="power (size x effect), timing (start of ATRA x endpoint day) and "
            "sampling (days of MDSC samples), with commas."
        ),
    ] = "power,timing,sampling",
    design: DesignFile = None,
    population: PopulationName = "truth",
    control: Annotated[float, typer.Option(help="Control rate of the power map.")] = 0.5,
    treated: Annotated[
        str, typer.Option(help="Treated rates of the power map.")
    ] = "0.05,0.1,0.15,0.2,0.25,0.3,0.35,0.4",
    sizes: Annotated[
        str, typer.Option(help="Patients per arm of the power map.")
    ] = "16,18,20,22,24,26,28,30,32,36,40,44,50",
    starts: Annotated[
        str, typer.Option(help="First days of ATRA, from the first fraction.")
    ] = "-14,-7,-3,0,3,7,14",
    days: Annotated[
        str, typer.Option(help="Days of the endpoint, after the last fraction.")
    ] = "28,31,34,37,40,42,44,46,49,52,56,60",
    trials: Annotated[int, typer.Option(help="Virtual trials behind the timing map.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    json_: Json = False,
) -> None:
    """Heat maps over designs: size and effect, timing of ATRA, sampling days.

    Example: lymphokin trial space --parts power,timing --out design-space
    """
    from lymphokin.files import write_folder
    from lymphokin.pages.drawing import save_figure
    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin trial space")
    wanted = [part.strip() for part in parts.split(",") if part.strip()]
    demands.that(set(wanted) <= set(PARTS) and bool(wanted), "--parts", parts,
                 "some of " + ", ".join(PARTS))  # fmt: skip
    demands.want("many", **{"--trials": trials}).want("count", **{"--seed": seed})
    ns = numbers(sizes, "--sizes", int, demands)
    rates = numbers(treated, "--treated", float, demands)
    first, at = (numbers(t, n, float, demands) for t, n in ((starts, "--starts"), (days, "--days")))
    for name, values in (
        ("--sizes", ns),
        ("--treated", rates),
        ("--starts", first),
        ("--days", at),
    ):
        demands.that(bool(values), name, "", "at least one number")
    demands.enforce()
    if out.exists():
        raise FileExistsError(f"{out} exists; choose another --out or move it away")
    plan = read_design(design)
    tables: dict[str, pd.DataFrame] = {}
    figures: dict[str, Any] = {}
    if "power" in wanted:
        _power(plan, ns, rates, control, tables, figures)
    if "timing" in wanted:
        _timing(plan, population, first, at, trials, seed, tables, figures)
    if "sampling" in wanted:
        _sampling(plan, tables, figures)

    def fill(folder: Path) -> None:
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv")
        for name, figure in figures.items():
            save_figure(figure, folder / f"{name}.png")

    write_folder(out, fill)
    _tell(out, tables, json_)


def _power(
    plan: VirtualDesign,
    sizes: list[int],
    rates: list[float],
    control: float,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, Any],
) -> None:
    from lymphokin.trial.exact import TESTS
    from lymphokin.trial.space import power_map
    from lymphokin.trial.space.figures import heat_map

    analysis = plan.analysis
    for test in dict.fromkeys((analysis.test, "boschloo")):
        table = power_map(sizes, rates, control, test, analysis.alpha)
        tables[f"power_{test}"] = table
        meaning = f"Power in %, {TESTS[test].label}, control rate {control:g} (framed: 85 or more)"
        figures[f"power_{test}"] = heat_map(
            table, "treated rate", "patients per arm", meaning, 0.85
        )


def _timing(
    plan: VirtualDesign,
    population: str,
    starts: list[float],
    days: list[float],
    trials: int,
    seed: int,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, Any],
) -> None:
    import pandas as pd

    from lymphokin.trial.space import risk_by_day, timing_map
    from lymphokin.trial.space.figures import heat_map, risk_curves
    from lymphokin.trial.virtual.sweep import population_named

    found = risk_by_day(plan, population_named(population, plan.truth), starts, days, trials, seed)
    tables["timing_power"] = timing_map(found, plan)
    risks = {"no ATRA": found.control} | {
        f"ATRA from day {s:g}": r for s, r in zip(found.starts, found.treated, strict=True)
    }
    tables["timing_risk"] = pd.DataFrame.from_dict(risks, orient="index", columns=list(found.days))
    figures["timing_power"] = heat_map(
        tables["timing_power"],
        "endpoint, days after the last fraction",
        "first day of ATRA",
        f"Power in % at the expected rates, {plan.analysis.test}",
    )
    figures["timing_risk"] = risk_curves(found, plan.plan["endpoint_days_after_last_fraction"])


def _sampling(
    plan: VirtualDesign, tables: dict[str, pd.DataFrame], figures: dict[str, Any]
) -> None:
    from lymphokin.model import load_model
    from lymphokin.trial.space import sampling_information
    from lymphokin.trial.space.figures import heat_map

    model = load_model(plan.truth.model)
    table = sampling_information(plan, model)
    tables["sampling"] = table
    shown = table.drop(columns=["samples", "nats"]).rename(columns=lambda c: c.replace("_", "\n"))
    figures["sampling"] = heat_map(
        shown, "what is learnt", "MDSC samples", "Expected contraction, prior to posterior SD, in %"
    )


def _tell(out: Path, tables: dict[str, pd.DataFrame], json_: bool) -> None:
    import json

    if json_:
        print(json.dumps({k: json.loads(t.to_json(orient="split")) for k, t in tables.items()},
                         indent=2))  # fmt: skip
        return
    console = output()
    for name, table in tables.items():
        console.print(name, style="bold")
        console.print(table.round(3).to_string(), markup=False, soft_wrap=True)
    console.print(f"Tables and figures: {out}", soft_wrap=True)
    console.print(f"{NO_EVIDENCE} Research use only.")
