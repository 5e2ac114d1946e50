"""`lymphokin site`: what a site's patients say, without the patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lymphokin.commands.options import Json, ModelFile, writable
from lymphokin.strict_json import json_text

app: typer.Typer = typer.Typer(
    no_args_is_help=True, help="Share what your patients say, without the patients."
)


@app.callback()
def site() -> None:
    """Share what your patients say, without the patients."""


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Run folder of your patients, as update makes it.")],
    out: Annotated[Path, typer.Option(callback=writable, help="JSON file; must not exist.")],
    name: Annotated[str, typer.Option(help="What to call your site.")],
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Write what the patients of a run say about the population, for others to pool.

    The file holds no patient; docs/sharing.md says what it can reveal. Read it before you send it.

    Example: lymphokin site export runs/here --name Lyon --out lyon.json
    """
    from lymphokin.pooling.site import export_site
    from lymphokin.run import open_run

    factor = export_site(open_run(run, model_file), out, site=name)
    if json_:
        print(json_text(factor.model_dump()))
        return
    Console().print(
        f"{factor.site}: what {factor.patients} patients say of {factor.model}, without them. Read "
        "it before you send it."
    )
    Console(stderr=True).print(f"Factor: {out}", soft_wrap=True)
