"""Options of the commands that read a design file and a population."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lymphokin.trial.virtual import VirtualDesign

SHIPPED_DESIGN = "nct06439888.design.toml"

DesignFile = Annotated[
    Path | None,
    typer.Option("--design", help="Design file (TOML); default: NCT06439888 as shipped."),
]
PopulationName = Annotated[
    str,
    typer.Option(
        "--population",
        help="Where the patients come from: literature (the model calibrated to published "
        "cohorts), prior (before any cohort), truth (of the design file), or the run folder of a "
        "fit.",
    ),
]
Fixed = Annotated[list[str], typer.Option("--fix", help="Typical value to set: NAME=VALUE.")]
Seed = Annotated[
    int | None, typer.Option(help="Seed of all random numbers; default: that of the design file.")
]


EndpointName = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        help="What is judged: grade2_week6 as in the design file (default), grade3_lowest, "
        "recovery, week15, or a TOML file that declares an endpoint with an event.",
    ),
]


def read_design(path: Path | None, endpoint: str | None = None) -> VirtualDesign:
    """A design file, or the one that is shipped; with another endpoint if one is named."""
    from lymphokin.shipped import data_path
    from lymphokin.trial.virtual import VirtualDesign

    return VirtualDesign.read(path or data_path(SHIPPED_DESIGN)).judging(endpoint)


def no_evidence(design: VirtualDesign) -> str:
    """What nobody has shown of the disputed link of the design's model, and a space; or nothing."""
    from lymphokin.model.roles import contrast_of

    disputed = contrast_of(design.truth.true_model())
    return f"{disputed.evidence} " if disputed and disputed.evidence else ""


def seed_of(seed: int | None, design: VirtualDesign) -> int:
    """The seed that was asked for, or that of the design file."""
    return design.truth.seed if seed is None else seed
