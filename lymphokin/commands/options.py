"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers; recorded.")]
CountsUntil = Annotated[
    float | None,
    typer.Option(
        help="Use each patient's records up to this day only (0 = baseline); "
        "default: all before the endpoint visit."
    ),
]
ModelFile = Annotated[
    list[Path],
    typer.Option(
        "--model-file",
        help="File of the run's model where it is not one of lymphokin's own: its code is run.",
    ),
]
