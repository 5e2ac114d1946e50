"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lymphokin.files import refuse_unwritable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lymphokin.run import Fit
    from lymphokin.sites import SiteTable
    from lymphokin.trial.inputs import Demands

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers; recorded.")]
CountsUntil = Annotated[
    float | None,
    typer.Option(
        help="Use each patient's records up to this day only (0 = baseline); "
        "default: all before the endpoint visit."
    ),
]
ENDPOINT_HELP = (
    "What is judged: grade2_week6 (default), grade3_lowest, days_below_0.8, days_below_0.5, "
    "recovery, week15, day30 (the count on a day), or a TOML file that declares an endpoint."
)
ModelFile = Annotated[
    list[Path],
    typer.Option(
        "--model-file",
        help="File of the run's model where it is not one of lymphokin's own: its code is run.",
    ),
]
Sites = Annotated[
    Path | None,
    typer.Option(
        help="Table of sites of your own (CSV), beside those that come with lymphokin; a run keeps "
        "those that it was made with."
    ),
]
WithoutRun = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Model of one patient without a run: after published cohorts, if calibrated; "
        "default: myeloid_lymphoid.",
    ),
]

Cluster = Annotated[str, typer.Option(help="Where other processes run: local, or slurm.")]
Partition = Annotated[str, typer.Option(help="SLURM partition.")]


def writable(path: Path | None) -> Path | None:
    """What an option names to be written, refused at once where nothing can be."""
    if path is not None:
        refuse_unwritable(path)
    return path


def table_of_sites(
    path: Path | None, accept: Mapping[str, str], fit: Fit | None = None
) -> SiteTable | None:
    """What SITE means in an event table: as the run has it, with the rows of the user's file."""
    from lymphokin.io.sites import read_sites

    of_run = None if fit is None or fit.of_sites else fit.cohort.sites
    return of_run if path is None else read_sites(path, of_run, accept)


def fixed_values(pairs: list[str], demands: Demands) -> dict[str, float]:
    """Typical values to set, from NAME=VALUE."""
    values = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            demands.that(False, "--fix", pair, "NAME=NUMBER, e.g. radiosensitivity=0.1")
    return values
