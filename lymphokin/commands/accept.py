"""The option that accepts improbable numbers, shared by the commands that read data."""

from __future__ import annotations

from typing import Annotated

import typer

Accept = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=REASON",
        help="Accept improbable numbers of a check of plausibility, with the reason; repeat it "
        "for several checks.",
    ),
]


def accepted(pairs: list[str]) -> dict[str, str]:
    """Reasons by name of check from `NAME=REASON` options.

    Raises:
        ValueError: when an option is not of that form.
    """
    reasons = {}
    for pair in pairs:
        name, mark, reason = pair.partition("=")
        if not mark or not reason.strip():
            raise ValueError(f'--accept {pair}: expected NAME=REASON, e.g. fraction_dose="..."')
        reasons[name.strip()] = reason.strip()
    return reasons
