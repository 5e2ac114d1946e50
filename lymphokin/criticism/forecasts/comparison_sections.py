"""The page of a comparison of runs."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lymphokin.criticism.forecasts.comparison import (
    Comparison,
    comparison_verdicts,
    with_error,
)
from lymphokin.criticism.sections import Drawing, Section, Table
from lymphokin.pages.drawing import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    VERMILLION,
    styled,
)

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_COLOURS = (BLACK, BLUE, VERMILLION, GREEN, ORANGE, GREY)
_ROW = 0.13
_ONE_MODEL = ", or, of fits of one model, a fit that is not to be believed"
_DOUBT = " ‡ unreliable: under some run the patient’s counts disagree too much with the fit."


@styled
def risk_figure(risks: pd.DataFrame, doubtful: Collection[str] = ()) -> Figure:
    """Each patient's risk under every run, the lowest first; ``doubtful`` ones are marked ‡."""
    table = risks.loc[risks.mean(axis=1).sort_values().index]
    figure = Figure(figsize=(6.2, 0.9 + _ROW * len(table)), layout="constrained")
    axes = figure.add_subplot()
    place = np.arange(len(table))
    axes.hlines(place, 100 * table.min(axis=1), 100 * table.max(axis=1), color=PALE, lw=3)
    for i, run in enumerate(table.columns):
        marker, colour = _MARKERS[i % len(_MARKERS)], _COLOURS[i % len(_COLOURS)]
        face = colour if i == 0 else "none"
        axes.plot(100 * table[run], place, marker, color=colour, mfc=face, ms=4, label=run)
    axes.set_yticks(
        place, labels=[f"{i}{' ‡' if i in doubtful else ''}" for i in table.index], size=5.5
    )
    axes.set(ylim=(-0.8, len(table) - 0.2), xlim=(-2, 102))
    axes.set_xlabel("risk of grade ≥ 2 at the endpoint (%)")
    figure.legend(loc="outside upper left", ncols=3, frameon=False)
    return figure


def comparison_sections(compared: Comparison, day: float) -> list[Section]:
    """All sections of the page, in order."""
    verdicts = comparison_verdicts(compared)
    left_out = Section(
        "left-out",
        "Which run predicts what it has not seen?",
        "ln density that each run gives to lymphocyte counts that are left out by importance "
        "weights, summed. A patient is left out with all records and its own parameters, which "
        "tells how a run predicts new patients; a count is left out alone, which tells how it "
        "follows a patient whose other records it has seen. Only counts are scored, so that runs "
        "of different drugs and cells can stand side by side.",
        verdicts,
        (),
        terms=(
            ("difference", "from the best run, with its standard error over patients or counts"),
            (
                "weight",
                "of each run in the mixture that predicts left-out patients best (stacking)",
            ),
            (
                "unreliable",
                "parts with Pareto k above 0.7 under the run; they are left out for every run",
            ),
        ),
        tables=(_table(compared),),
    )
    between_models = compared.risks.max(axis=1) - compared.risks.min(axis=1)
    risks = Section(
        "risks",
        "What hangs on how the model was fitted?"
        if compared.one_model
        else "What hangs on the choice of the model?",
        f"Each patient’s risk from the patient’s records up to day {day:g}, by each run without "
        f"the patient. The runs differ by {100 * between_models.median():.0f} percentage points in "
        f"the median patient and by {100 * between_models.max():.0f} in {between_models.idxmax()}.",
        (),
        (
            Drawing.of(
                "Risk by run",
                risk_figure(compared.risks, compared.doubtful),
                "r",
                "Risk of every patient under every run",
                "Grey bars join the lowest and the highest risk of a patient. A good one: short "
                "bars. A long bar is a risk that hangs on the choice of the model"
                f"{_ONE_MODEL if compared.alike else ''}.{_DOUBT if compared.doubtful else ''}",
            ),
        ),
    )
    return [left_out, risks]


def _table(compared: Comparison) -> Table:
    def row(name: str, r: pd.Series) -> tuple[str, ...]:
        cells = [f"{r['weight']:.2f}"]
        for part in ("patients", "counts"):
            cells += [
                f"{r[f'{part}_log_score']:.1f}",
                with_error(r[f"{part}_difference"], r[f"{part}_error"]),
                f"{r[f'{part}_unreliable']:.0f}",
            ]
        return (name, *cells)

    columns = ("run", "weight", "patients", "difference", "unreliable",
               "counts", "difference", "unreliable")  # fmt: skip
    first = compared.runs.iloc[0]
    caption = (
        f"ln density of {first['patients_judged']:.0f} left-out patients and "
        f"{first['counts_judged']:.0f} left-out counts (higher is better)"
    )
    rows = tuple(row(str(name), r) for name, r in compared.runs.iterrows())
    return Table(caption, columns, rows)
