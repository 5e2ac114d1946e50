"""What the terminal shows of a fit: the table of patients, the arms, the verdict."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lymphokin.infer.learnt import NOT_MEASURED
from lymphokin.model import Model
from lymphokin.model.roles import contrast_of
from lymphokin.pages.wording import in_points, percent, percent_range, points_range, some
from lymphokin.predict import Forecast
from lymphokin.predict.contrast import DIFFERENCE
from lymphokin.report.overview import measured
from lymphokin.report.untouched import untouched_quantities
from lymphokin.research_use import RESEARCH_USE
from lymphokin.run import Fit
from lymphokin.strict_json import json_text


def patients_table(result: Forecast) -> Table:
    """Patient, arm, counts used, risk with interval, and what happened; of many, highest risks."""
    found = result.shown("All of them: patients.csv, or the output as JSON.")
    table = Table(title=found.title)
    for name in found.columns:
        left = name in ("patient", "arm", "happened")
        table.add_column(name, justify="left" if left else "right")
    for row in found.rows:
        table.add_row(*(Text(cell) for cell in row))
    table.caption = Text("\n".join(found.notes)) if found.notes else None
    return table


def show_patients(result: Forecast, as_json: bool) -> None:
    """Print forecasts as a table or as JSON."""
    if as_json:
        print(json_text(result.patients.reset_index().to_dict("records")))
        return
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(patients_table(result))
    for warning in result.warnings:
        console.print(f"Warning: {warning}", style="yellow", markup=False)
    console.print(RESEARCH_USE)


def contrast_table(contrast: pd.DataFrame, model: Model) -> Table:
    """Predicted shares of the arms with the model's disputed link as fitted and without it."""
    disputed = contrast_of(model)
    assert disputed is not None
    table = Table(
        title="The same patients under each regimen: predicted share with grade >= 2 "
        "(90 % equal-tailed interval)"
    )
    arms = [arm for arm in dict.fromkeys(contrast["arm"]) if arm != DIFFERENCE]
    for name in (disputed.link, *arms, DIFFERENCE):
        table.add_column(name)
    symbol = model.table[disputed.parameter].symbol
    labels = {"fitted": f"{symbol} as fitted", "zero": f"{symbol} = 0"}
    for link, rows in contrast.groupby("link", sort=False):
        by_arm = {row["arm"]: row for row in rows.to_dict("records")}
        cells = []
        for arm in arms:
            low, middle, high = (by_arm[arm][f"rate_{q}"] for q in ("q05", "q50", "q95"))
            cells.append(f"{percent(middle)} ({percent_range(low, high)})")
        low, middle, high = (by_arm[DIFFERENCE][f"rate_{q}"] for q in ("q05", "q50", "q95"))
        cells.append(f"{in_points(middle)} ({points_range(low, high)})")
        table.add_row(labels[str(link)], *cells)
    table.caption = disputed.evidence or None
    return table


def _unmeasured(fit: Fit) -> str:
    """Which quantities were not measured, and what is done with them; empty where all were."""
    names = fit.summary.loc[fit.summary["learnt"] == NOT_MEASURED, "name"]
    untouched = untouched_quantities(fit.model, fit.cohort) if len(names) else []
    names = [name for name in names if name not in untouched]
    if not names:
        return ""
    return (
        f"Not measured here, seen only through {measured(fit.cohort, fit.model.observables)}: "
        f"{some(names)}. They are sampled from their priors, as far as the records let them, and "
        "are never called learnt."
    )


def show_fit(fit: Fit, predicted: Forecast | None, folder: Path, as_json: bool) -> None:
    """Print what a finished fit says, and where it was saved; without forecasts there is no
    report.
    """
    convergence = fit.convergence
    approximation = fit.provenance.get("approximation")
    if as_json:
        result = {
            "run": str(folder),
            **({"report": str(folder / "report.html")} if predicted else {}),
            "method": fit.method,
            "convergence": convergence,
            **({"approximation": approximation} if approximation else {}),
            "contrast": fit.contrast.to_dict("records"),
            "patients": predicted.patients.reset_index().to_dict("records") if predicted else [],
        }
        print(json_text(result))
        return
    if predicted:
        show_patients(predicted, as_json=False)
    console = Console(width=None if sys.stdout.isatty() else 110)
    if len(fit.contrast):
        console.print(contrast_table(fit.contrast, fit.model))
    style = {"good": "green", "caution": "yellow", "bad": "bold red"}[convergence["level"]]
    if approximation:
        name = f"AN APPROXIMATION, NOT MARKOV CHAINS (method {fit.method})"
        console.rule(name, style=style)
    console.print(fit.verdict, style=style, markup=False)
    if conflict := fit.provenance.get("prior_conflict"):
        console.print(conflict, style="yellow", markup=False)
    if sentence := _unmeasured(fit):
        console.print(sentence, markup=False)
    if predicted:
        console.print(f"Report: {folder / 'report.html'}", markup=False, soft_wrap=True)
    else:
        why = f"model {fit.model.name} has no lymphocyte count, so no forecasts and no report"
        console.print(f"Run folder: {folder} ({why})", markup=False, soft_wrap=True)
