"""`lymphokin fit` and `lymphokin demo`: from an event table to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lymphokin.commands.accept import Accept, accepted
from lymphokin.commands.options import (
    CountsUntil,
    Json,
    Seed,
    Sites,
    fixed_values,
    table_of_sites,
    writable,
)
from lymphokin.jax_setup import choose_precision

DEMO_TABLE = "synthetic_sbrt_atra_trial.csv"

Out = Annotated[
    Path, typer.Option(callback=writable, help="Folder of the run; must not exist yet.")
]
Chains = Annotated[
    int,
    typer.Option(help="hmc: independent chains; in parallel on the cores, all together on a GPU."),
]
Warmup = Annotated[int, typer.Option(help="hmc: warm-up iterations per chain.")]
Draws = Annotated[int, typer.Option(help="hmc: draws kept per chain.")]
Ess = Annotated[
    float,
    typer.Option(
        help="hmc: effective draws wanted of every population quantity and every patient's risk; "
        "chains that lack them go on, up to 8 times as long, if there are two or more and enough "
        "draws are kept; 0: they do not."
    ),
]


def fit(
    table: Annotated[Path, typer.Argument(help="Event table (CSV).")],
    out: Out = Path("runs/fit"),
    model: Annotated[str, typer.Option(help="Shipped model or path of a model file.")] = (
        "myeloid_lymphoid"
    ),
    fix: Annotated[list[str], typer.Option(help="Fix a parameter: NAME=VALUE.")] = [],  # noqa: B006
    counts_until: CountsUntil = None,
    chains: Chains = 4,
    warmup: Warmup = 50,
    draws: Draws = 1000,
    ess: Ess = 400.0,
    seed: Seed = 0,
    json_: Json = False,
    prior: Annotated[
        str, typer.Option(help="table: priors of the model; literature: after published cohorts.")
    ] = "table",
    method: Annotated[
        str,
        typer.Option(
            help="hmc: Markov chains, for reporting. For a look: quick (a normal approximation, "
            "reweighted), svi (variational), laplace (normal at the mode), map (the mode alone)."
        ),
    ] = "hmc",
    precision: Annotated[
        str, typer.Option(help="float64, or float32: faster, above all on a GPU.")
    ] = "float64",
    rtol: Annotated[
        float | None,
        typer.Option(help="Relative error of counts allowed to the solver; default about 1e-4."),
    ] = None,
    sites: Sites = None,
    accept: Accept = [],  # noqa: B006
) -> None:
    """Fit a trial and forecast every patient.

    Run the same command again to continue an interrupted fit. The methods beside hmc are for a
    look: they take seconds, and say how far they can be believed.

    Example: lymphokin fit trial.csv --out runs/trial

    Example: lymphokin fit trial.csv --method quick --out runs/look

    Example: lymphokin fit trial.csv --sites our_sites.csv --out runs/trial
    """
    choose_precision(precision)
    from lymphokin.files import parents_of, refuse_existing
    from lymphokin.infer.fitting import FitSettings
    from lymphokin.io import read_events
    from lymphokin.literature.prior import model_with_prior
    from lymphokin.model import load_model
    from lymphokin.progress import shown
    from lymphokin.run import fit as run_fit
    from lymphokin.terminal import show_fit
    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin fit")
    fixed = fixed_values(fix, demands)
    demands.enforce()
    FitSettings(method, rtol=rtol)  # refuses what cannot be asked for before the table is read
    refuse_existing(out)
    chosen = load_model(model_with_prior(model, prior))
    reasons = accepted(accept)
    known = table_of_sites(sites, reasons)
    cohort = read_events(table, accept=reasons, model=chosen, sites=known)
    with parents_of(out), shown(True) as reporter:
        fitted = run_fit(
            cohort,
            chosen,
            fixed=fixed,
            method=method,
            seed=seed,
            chains=chains,
            warmup=warmup,
            draws=draws,
            ess=ess,
            rtol=rtol,
            unfinished=out.with_name(f"{out.name}.unfinished"),
            progress=reporter,
        )
        predicted = fitted.save(out, counts_until=counts_until, progress=reporter)
    show_fit(fitted, predicted, out, json_)


def demo(
    out: Out = Path("lymphokin-demo"),
    counts_until: CountsUntil = 21.0,
    chains: Chains = 4,
    warmup: Warmup = 50,
    draws: Draws = 1000,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """The whole job on the synthetic trial that comes with lymphokin.

    Example: lymphokin demo
    """
    from lymphokin.shipped import data_path

    if not json_:
        Console(stderr=True).print(
            "[bold]SYNTHETIC DATA[/]: a simulated trial shaped like NCT06439888, no real patients."
        )
    fit(
        data_path(DEMO_TABLE),
        out,
        counts_until=counts_until,
        chains=chains,
        warmup=warmup,
        draws=draws,
        seed=seed,
        json_=json_,
    )
