"""`lymphokin predict`: forecasts of fitted patients, of new ones, or of a single one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lymphokin.commands.accept import Accept, accepted
from lymphokin.commands.options import (
    ENDPOINT_HELP,
    CountsUntil,
    Json,
    ModelFile,
    Seed,
    Sites,
    WithoutRun,
    table_of_sites,
    writable,
)
from lymphokin.commands.what_if import person_of, population_named, predict_one, sites_known
from lymphokin.whatif.limits import SETTLED_DRAWS


def predict(
    run: Annotated[
        Path | None,
        typer.Argument(help="Run folder of a fit; one patient can do with published cohorts."),
    ] = None,
    table: Annotated[
        Path | None, typer.Argument(help="Event table of new patients; default: the fitted ones.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(callback=writable, help="Write the table to this CSV file.")
    ] = None,
    counts_until: CountsUntil = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help=ENDPOINT_HELP),
    ] = None,
    at: Annotated[
        float | None, typer.Option(help="Forecast the count on this day from the first fraction.")
    ] = None,
    seed: Seed = 0,
    patient: Annotated[Path | None, typer.Option(help="One patient (TOML or JSON).")] = None,
    schedule: Annotated[Path | None, typer.Option(help="Schedule of that patient.")] = None,
    baseline: Annotated[
        list[float],
        typer.Option(help="Count before radiotherapy, 1e9/L; repeat it if there are more."),
    ] = [],  # noqa: B006
    site: Annotated[
        str | None, typer.Option(help="Site of the lesions, e.g. lung_peripheral.")
    ] = None,
    lesions: Annotated[int | None, typer.Option(help="Number of lesions.")] = None,
    bsa: Annotated[float | None, typer.Option(help="Body surface area, m2.")] = None,
    fractions: Annotated[
        str | None, typer.Option(help="E.g. 5x10, or 3x18/2 every other day.")
    ] = None,
    pulses: Annotated[
        str | None,
        typer.Option(
            "--pulses",
            "--atra",
            help="Pulses x days of a drug, e.g. 4x3; in full 4x3@0/21:150. Another drug than the "
            "usual one is named before: 'il7 2x1@6:84'.",
        ),
    ] = None,
    next_count: Annotated[
        list[int], typer.Option(help="Day of a further count: what would it teach?")
    ] = [],  # noqa: B006
    draws: Annotated[
        int, typer.Option(help="One patient: 3600 draws, as the page, or 400, as its preview.")
    ] = SETTLED_DRAWS,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="One patient: also ask every calibrated model.")
    ] = False,
    model: WithoutRun = None,
    sites: Sites = None,
    accept: Accept = [],  # noqa: B006
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Forecast patients from a fit: those of the trial, new ones, or a single one.

    Example: lymphokin predict runs/trial new_patients.csv --counts-until 14 --json

    Example: lymphokin predict runs/trial --endpoint grade3_lowest --counts-until 0

    Example: lymphokin predict --baseline 1.2 --site lung_peripheral --fractions 5x10 --pulses 4x3
    """
    from lymphokin.endpoints import at_day

    if endpoint is not None and at is not None:
        raise ValueError("--endpoint or --at, not both")
    asked = at_day(at) if at is not None else endpoint
    if patient is not None or baseline or fractions or schedule is not None:
        of_cohorts = (table, out, counts_until, sites)
        if any(option is not None for option in of_cohorts):
            raise ValueError(
                "one patient goes without an event table, --out, --counts-until and --sites"
            )
        population = population_named(run, model_file, model)
        known = sites_known(population)
        one = person_of(patient, baseline, site, fractions, pulses, bsa, lesions, schedule, known)
        predict_one(population, model, *one, next_count, draws, all_models, json_, asked)
        return
    if model is not None:
        raise ValueError("--model is for one patient without a run (--patient or --baseline)")
    if run is None:
        raise ValueError("give the run folder of a fit, or one patient (--patient or --baseline)")
    from lymphokin.csv_text import neutral_frame
    from lymphokin.files import refuse_existing, write_with
    from lymphokin.io import read_events
    from lymphokin.run import open_run
    from lymphokin.terminal import show_patients

    if out is not None:
        refuse_existing(out)
    fit = open_run(run, model_file)
    cohort = None
    if table is not None:
        reasons = accepted(accept)
        known = table_of_sites(sites, reasons, fit)
        cohort = read_events(table, accept=reasons, model=fit.model, sites=known)
    result = fit.forecast(cohort, counts_until=counts_until, seed=seed, endpoint=asked)
    if out is not None:
        write_with(out, neutral_frame(result.patients).to_csv)
    show_patients(result, json_)
