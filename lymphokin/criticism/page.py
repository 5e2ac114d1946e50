"""The page of checks as one HTML text: no script, nothing fetched; and its files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lymphokin.criticism.sections import Section
from lymphokin.files import write_text
from lymphokin.pages.environment import page_environment
from lymphokin.quantities import records_of
from lymphokin.verdict import Verdict, worst

TAGS = {"fine": "good", "look": "caution", "wrong": "bad"}
"""The style sheet's names of the three levels."""


def result(verdicts: tuple[Verdict, ...], about: Mapping[str, Any]) -> dict[str, Any]:
    """What ``check.json`` holds: what was checked, the worst level, and every verdict."""
    return {**about, "level": worst(verdicts), "verdicts": [v.as_dict() for v in verdicts]}


def render_check(
    sections: list[Section],
    about: Mapping[str, Any],
    cautions: Sequence[str] = (),
    template: str = "check.html.j2",
) -> str:
    """The page; the same contents give the same text.

    Args:
        sections: in order.
        about: run, model, data_file, synthetic, created, draws and seed; and convergence of the
            fit, where the checks rest on its draws.
        cautions: what must be read first; a fit that has not converged is told before them.
        template: of this package.
    """
    convergence = about.get("convergence")
    if convergence and convergence["level"] != "good":
        told = "No check below is worth more than the draws that it rests on."
        cautions = [f"{convergence['verdict']} {told}", *cautions]
    environment = page_environment("lymphokin.criticism", tag=TAGS.__getitem__, subject=records_of)
    verdicts = [v for section in sections for v in section.verdicts]
    counts = {level: sum(v.level == level for v in verdicts) for level in TAGS}
    return environment.get_template(template).render(
        sections=sections, about=about, counts=counts, level=worst(verdicts), cautions=cautions
    )


def write_check(
    path: Path,
    page: str,
    found: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> list[Path]:
    """Write the page and, beside it, the same verdicts as JSON; each appears complete or not.

    Args:
        path: of the page, ending with .html.
        page: its text.
        found: for the JSON file.
        tables: CSV files beside it, by what is added to the page's name.
    """
    contents = {path: page, path.with_suffix(".json"): json.dumps(found, indent=2) + "\n"}
    for name, table in (tables or {}).items():
        contents[path.with_name(f"{path.stem}_{name}.csv")] = table.to_csv(index=False)
    return [write_text(target, content) for target, content in contents.items()]
