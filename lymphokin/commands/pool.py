"""`lymphokin pool`: what many sites say together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lymphokin.commands.learnt import show_learnt
from lymphokin.commands.options import Json, ModelFile, Seed, writable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table


def pool(
    sites: Annotated[
        list[Path], typer.Argument(metavar="SITE.json ...", help="Factors of at least two sites.")
    ],
    out: Annotated[
        Path, typer.Option(callback=writable, help="Run folder of the result; must not exist.")
    ],
    seed: Seed = 0,
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Put together what the patients of many sites say, of which only factors were shared.

    The result is a run like any other, of a site that is not among them: predict, whatif, serve,
    validate and update take it. Its report says what each site has shown and which disagree.

    Example: lymphokin pool lyon.json turin.json oslo.json --out runs/pooled
    """
    from lymphokin.files import refuse_existing
    from lymphokin.pooling.pool import pool as multiply
    from lymphokin.progress import shown

    refuse_existing(out)
    if len(model_file) > 1:
        raise ValueError(f"expected one model file, got {len(model_file)}")
    with shown(True) as reporter:
        model = model_file[0] if model_file else None
        result = multiply(sites, model, seed=seed, progress=reporter)
        result.save(out, progress=reporter)
    show_learnt(result, out, result.provenance["pool"], _table, json_)


def _table(facts: Mapping[str, Any], synthetic: bool) -> Table:
    """Every site beside what the others predict."""
    from rich.table import Table

    from lymphokin.pages.wording import fixed

    title = "SYNTHETIC DATA. " if synthetic else ""
    shown = Table(title=f"{title}Sites, each forecast from the others")
    for name in ("site", "patients", "p", "gain (nats)", "moves most, by SDs", "verdict"):
        shown.add_column(name, justify="left" if name in ("site", "verdict") else "right")
    for row in facts["sites"]:
        pull = f"{row['pull']['quantity']} {fixed(row['pull']['sds'], 1)}"
        numbers = (f"{row['patients']}", fixed(row["p"], 3), fixed(row["gain_nats"], 1), pull)
        shown.add_row(row["site"], *numbers, f"{row['level']}: {row['sentence']}")
    return shown
