"""`lymphokin simulate`: a synthetic trial from a stated truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lymphokin.commands.options import Json, writable
from lymphokin.strict_json import json_text


def simulate(
    truth: Annotated[
        Path | None, typer.Option(help="Truth file (TOML); default: that of the demo's trial.")
    ] = None,
    out: Annotated[Path, typer.Option(callback=writable, help="Event table to write.")] = Path(
        "synthetic_trial.csv"
    ),
    seed: Annotated[int | None, typer.Option(help="Overrides the truth's own seed.")] = None,
    json_: Json = False,
) -> None:
    """Simulate a synthetic trial from a stated truth; the truth per patient goes beside it.

    Example: lymphokin simulate --out synthetic_trial.csv
    """
    from lymphokin.shipped import data_path
    from lymphokin.trial.synthetic import DEMO_TRUTH, simulate_trial, write_trial

    source = truth or data_path(DEMO_TRUTH)
    trial = simulate_trial(source, seed)
    written = write_trial(trial, out, source.name)
    if json_:
        print(json_text({"files": [str(p) for p in written], "patients": len(trial.cohort)}))
    else:
        Console(stderr=True).print(
            f"SYNTHETIC: {len(trial.cohort)} patients in {out}, the truth in {written[1]}"
        )
