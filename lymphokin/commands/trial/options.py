"""What the commands of `lymphokin trial` share: the app, options, and how results are printed.

Commands import what they need when they run: `--help` must not wait for SciPy and JAX.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from lymphokin.trial.inputs import Demands

app: typer.Typer = typer.Typer(
    no_args_is_help=True,
    help="Design and monitor a two-arm trial: exact tests, assurance, safety, virtual trials.",
)
TEST_NAMES = ("fisher", "mid-p", "boschloo", "barnard", "bayes")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def output() -> Console:
    """Where results are printed."""
    return Console(width=None if sys.stdout.isatty() else 110)


def known_test(name: str, demands: Demands) -> None:
    """The name of a test must be one of those there are."""
    demands.that(name in TEST_NAMES, "--test", name, "one of " + ", ".join(TEST_NAMES))


def numbers(text: str, name: str, kind: type[int] | type[float], demands: Demands) -> list[Any]:
    """A comma-separated list."""
    try:
        return [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        demands.that(False, name, text, f"{what} separated by commas")
        return []


def swapped(control: float, treated: float) -> list[str]:
    """A warning where the treated rate lies above the control rate, as when arms are swapped."""
    if not treated > control:
        return []
    return [
        f"the treated rate ({treated:.3g}) is above the control rate ({control:.3g}), but the "
        "tests ask whether it is lower: are the arms swapped?"
    ]


def show_warnings(warnings: list[str]) -> None:
    """Print warnings where results are printed, so that both are read."""
    for warning in warnings:
        output().print(f"Warning: {warning}", style="yellow", markup=False)
