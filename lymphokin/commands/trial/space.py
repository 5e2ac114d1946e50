"""The space of designs: heat maps a team can look at together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lymphokin.commands.options import writable
from lymphokin.commands.trial.design_file import (
    DesignFile,
    PopulationName,
    Seed,
    no_evidence,
    read_design,
    seed_of,
)
from lymphokin.commands.trial.options import Json, app, numbers, output
from lymphokin.pages.wording import plain
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    import pandas as pd

    from lymphokin.trial.virtual import VirtualDesign

PARTS = ("power", "timing", "sampling")


@app.command()
def space(
    out: Annotated[
        Path, typer.Option(callback=writable, help="Folder for tables and figures.")
    ] = Path("design-space"),
    parts: Annotated[
        str,
        typer.Option(
            help="power (size x effect), timing (start of the drug x endpoint day) and "
            "sampling (days of samples of other cells), with commas."
        ),
    ] = "power,timing,sampling",
    design: DesignFile = None,
    population: PopulationName = "truth",
    control: Annotated[
        float | None,
        typer.Option(help="Control rate of the power map; default: that of the design file."),
    ] = None,
    treated: Annotated[
        str,
        typer.Option(help="Treated rates of the power map; default: around the design file's."),
    ] = "",
    sizes: Annotated[
        str,
        typer.Option(
            help="Control patients of the power map; treated ones are in the design file's "
            "proportion. Default: around the design file's."
        ),
    ] = "",
    starts: Annotated[
        str,
        typer.Option(
            help="First days of the drug, from the first fraction; default: around the design "
            "file's."
        ),
    ] = "",
    days: Annotated[
        str,
        typer.Option(
            help="Days of the endpoint, after the last fraction; default: around the design file's."
        ),
    ] = "",
    trials: Annotated[int, typer.Option(help="Virtual trials behind the timing map.")] = 200,
    seed: Seed = None,
    json_: Json = False,
) -> None:
    """Heat maps over designs: size and effect, timing of the drug, sampling days.

    Example: lymphokin trial space --parts power,timing --out design-space
    """
    from lymphokin.csv_text import neutral_frame
    from lymphokin.files import write_folder
    from lymphokin.pages.drawing import save_figure
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.report import assumptions_of
    from lymphokin.trial.report.axes import (
        control_patients,
        drug_start_days,
        endpoint_days,
        treated_rates,
    )

    demands = Demands("lymphokin trial space")
    wanted = [part.strip() for part in parts.split(",") if part.strip()]
    demands.that(set(wanted) <= set(PARTS) and bool(wanted), "--parts", parts,
                 "some of " + ", ".join(PARTS))  # fmt: skip
    demands.want("many", **{"--trials": trials}).want("count", **{"--seed": seed})
    ns = numbers(sizes, "--sizes", int, demands)
    rates = numbers(treated, "--treated", float, demands)
    first, at = (numbers(t, n, float, demands) for t, n in ((starts, "--starts"), (days, "--days")))
    demands.want("rate", **{"--control": control})
    demands.enforce()
    if out.exists():
        raise FileExistsError(f"{out} exists; choose another --out or move it away")
    plan = read_design(design)
    tables: dict[str, pd.DataFrame] = {}
    figures: dict[str, Any] = {}
    if "power" in wanted:
        assumed = assumptions_of(plan)
        ns, rates = ns or control_patients(plan), rates or treated_rates(plan, assumed)
        control = assumed.control_rate if control is None else control
        _power(plan, ns, rates, control, assumed.power, tables, figures)
    if "timing" in wanted:
        first, at = first or drug_start_days(plan), at or endpoint_days(plan)
        _timing(plan, population, first, at, trials, seed_of(seed, plan), tables, figures)
    if "sampling" in wanted:
        _sampling(plan, tables, figures)

    def fill(folder: Path) -> None:
        for name, table in tables.items():
            neutral_frame(table).to_csv(folder / f"{name}.csv")
        for name, figure in figures.items():
            save_figure(figure, folder / f"{name}.png")

    write_folder(out, fill)
    _tell(plan, out, tables, json_)


def _power(
    plan: VirtualDesign,
    sizes: Sequence[int],
    rates: Sequence[float],
    control: float,
    wanted: float,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, Any],
) -> None:
    from lymphokin.trial.exact import TESTS
    from lymphokin.trial.space import power_map
    from lymphokin.trial.space.figures import heat_map

    analysis, ratio = plan.analysis, plan.n_treated / plan.n_control
    of_sizes = "patients per arm" if ratio == 1 else "patients, treated + control"
    for test in dict.fromkeys((analysis.test, "boschloo")):
        table = power_map(sizes, rates, control, test, analysis.alpha, ratio)
        tables[f"power_{test}"] = table
        meaning = (
            f"Power in %, {TESTS[test].label}, control rate {plain(control)} "
            f"(framed: {100 * wanted:g} or more)"
        )
        figures[f"power_{test}"] = heat_map(table, "treated rate", of_sizes, meaning, wanted)


def _timing(
    plan: VirtualDesign,
    population: str,
    starts: Sequence[float],
    days: Sequence[float],
    trials: int,
    seed: int,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, Any],
) -> None:
    import pandas as pd

    from lymphokin.trial.space import risk_by_day, timing_map, with_twins
    from lymphokin.trial.space.figures import heat_map, risk_curves
    from lymphokin.trial.virtual.sweep import population_named

    source = population_named(population, plan.truth)
    found = risk_by_day(with_twins(plan), source, starts, days, trials, seed)
    tables["timing_power"] = timing_map(found, plan)
    drug = plan.drug_label
    risks = {f"no {drug}": found.control} | {
        f"{drug} from day {s:g}": r for s, r in zip(found.starts, found.treated, strict=True)
    }
    tables["timing_risk"] = pd.DataFrame.from_dict(risks, orient="index", columns=list(found.days))
    figures["timing_power"] = heat_map(
        tables["timing_power"],
        "endpoint, days after the last fraction",
        f"first day of {drug}",
        f"Power in % at the expected rates, {plan.analysis.test}",
    )
    figures["timing_risk"] = risk_curves(
        found, plan.plan["endpoint_days_after_last_fraction"], drug
    )


def _sampling(
    plan: VirtualDesign, tables: dict[str, pd.DataFrame], figures: dict[str, Any]
) -> None:
    from lymphokin.model import load_model
    from lymphokin.trial.space import sampling_information
    from lymphokin.trial.space.figures import heat_map
    from lymphokin.trial.space.sampling import sampled_quantity

    model = load_model(plan.truth.model)
    table = sampling_information(plan, model)
    tables["sampling"] = table
    shown = table.drop(columns=["samples", "nats"]).rename(columns=lambda c: c.replace("_", "\n"))
    figures["sampling"] = heat_map(
        shown,
        "what is learnt",
        f"{model.observables[sampled_quantity(model)].label} samples",
        "Expected contraction, prior to posterior SD, in %",
    )


def _tell(plan: VirtualDesign, out: Path, tables: dict[str, pd.DataFrame], json_: bool) -> None:

    if json_:
        print(json_text({name: table.to_dict("split") for name, table in tables.items()}))
        return
    console = output()
    for name, table in tables.items():
        console.print(name, style="bold")
        console.print(table.round(3).to_string(), markup=False, soft_wrap=True)
    console.print(f"Tables and figures: {out}", soft_wrap=True)
    console.print(f"{no_evidence(plan)}Research use only.")
