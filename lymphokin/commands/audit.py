"""`lymphokin audit verify`: whether a log of what-if questions is as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lymphokin.strict_json import json_text

app: typer.Typer = typer.Typer(no_args_is_help=True, help="The audit log of what-if questions.")


@app.callback()
def audit() -> None:
    """The audit log of what-if questions."""


@app.command()
def verify(
    log: Annotated[Path, typer.Argument(help="Log written by --audit-log.")],
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find out whether a byte of the log was changed, or a line moved or taken out.

    Lines cut off at the end cannot be missed by the log itself: keep the digest that is printed.

    Example: lymphokin audit verify what-if.jsonl
    """
    from lymphokin.whatif.audit import verify as check

    found = check(log)
    good = found.broken_line is None
    if json_:
        print(json_text({"intact": good, **vars(found)}))
    elif good:
        print(f"{log}: {found.lines} line(s), as written. Digest of the last: {found.last_digest}")
    else:
        Console(stderr=True, style="red").print(
            f"{log}: line {found.broken_line} {found.reason}", markup=False, soft_wrap=True
        )
    if not good:
        raise typer.Exit(1)
