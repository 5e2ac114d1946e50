"""The section on what was measured beside lymphocytes: curves by days, and levels of drugs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

from lymphokin.pages import wording
from lymphokin.pages.drawing import inline_svg
from lymphokin.pages.within_limits import there_are
from lymphokin.report.contents import ReportContents
from lymphokin.report.level_fit import level_fit
from lymphokin.report.panels import quantity_panels
from lymphokin.report.scatter import scatter, tube_effect

COUNTED = ("1e9/L", "cells/uL")
"""Units of what is counted."""
_LEVEL_KEYS = {
    "below": "triangles to the left: below a limit, drawn at it",
    "above": "triangles to the right: above a limit, drawn at it",
    "between": "horizontal bars: between two limits",
}


def quantity_sections(contents: ReportContents) -> list[dict[str, Any]]:
    """What is followed by days beside lymphocytes, with its panels where it was measured."""
    sections = []
    for name, observable in contents.by_days.items():
        sampled = len(contents.observed(name)) > 0
        if not sampled and not contents.given:
            continue
        residual = contents.residuals.get(name)
        tube = tube_effect(residual)
        sections.append(
            {
                "observable": observable,
                "value": "count" if observable.unit in COUNTED else "value",
                "tube": tube,
                "panels": quantity_panels(contents, observable, tube.category if tube else "")
                if sampled
                else None,
                "limits": there_are(contents.results(name)),
                "scatter": scatter(residual, observable.shown_unit) if residual else "",
            }
        )
    return sections


def level_sections(contents: ReportContents) -> list[dict[str, Any]]:
    """The levels of drugs, with their samples where there are some."""
    sections = []
    for name, drugs in contents.levels_of.items():
        samples = contents.levels
        if samples is not None:
            samples = samples[samples["quantity"] == name]
        sampled = samples is not None and len(samples) > 0
        if not sampled and not set(drugs) & set(contents.given):
            continue
        observable = contents.observables[name]
        section: dict[str, Any] = {"observable": observable, "rows": []}
        if samples is not None and sampled:
            inside = samples[~samples["censored"].astype(bool)]
            within = (inside["observed"] >= inside["q05"]) & (inside["observed"] <= inside["q95"])
            text = f"Fitted against measured {observable.label} level of {len(samples)} samples."
            key = "; ".join(_LEVEL_KEYS[kind] for kind in there_are(samples))
            section |= {
                "svg": inline_svg(level_fit(samples, observable.unit), f"level-{name}", text),
                "rows": [row | {"shown": _level(row)} for row in samples.to_dict("records")],
                "key": f"{key}. ".capitalize() if key else "",
                "covered": int(within.sum()),
                "measured": len(inside),
            }
        sections.append(section)
    return sections


def _level(row: Mapping[Hashable, Any]) -> str:
    """A measured level, or the limits that it lies within."""
    if not row["censored"]:
        return wording.number(row["observed"])
    if math.isinf(row["upper"]):
        return f"> {wording.number(row['lower'])}"
    if row["lower"] > 0:
        return f"{wording.number(row['lower'])} to {wording.number(row['upper'])}"
    return f"< {wording.number(row['upper'])}"
