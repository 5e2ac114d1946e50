"""What a command shows of a run that it has made out of what others had learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.run import Fit


def show_learnt(
    result: Fit,
    out: Path,
    facts: Mapping[str, Any],
    table: Callable[[Mapping[str, Any], bool], Table],
    json_: bool,
) -> None:
    """Print how far a saved run can be believed and what it has learnt.

    Args:
        result: the run.
        out: its folder.
        facts: what its provenance says of how it was made, with a ``sentence``.
        table: of those facts; also given whether the data are synthetic.
        json_: print the facts as JSON instead.
    """
    if json_:
        print(json_text({"run": str(out), "convergence": result.convergence, **facts}))
        return
    console = Console()
    console.print(result.verdict)
    console.print(table(facts, result.cohort.synthetic))
    console.print(facts["sentence"])
    Console(stderr=True).print(f"Run: {out}", soft_wrap=True)
