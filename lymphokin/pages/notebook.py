"""What a notebook shows of a result: a small table, and what must be read with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from markupsafe import Markup

from lymphokin.pages import wording

MOST_PARAMETERS = 15
"""Of more population quantities those are shown that were learnt best."""
_CELL = Markup("<{0} style='text-align: {1}'>{2}</{0}>")


def notebook_html(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str]
) -> str:
    """Write a result as HTML for a notebook; every text is escaped.

    Args:
        title: what the table shows.
        columns: headings.
        rows: cells as a reader sees them, one per column; the first is a name.
        notes: sentences that must be read with the table.
    """
    body = Markup("").join(Markup("<tr>{}</tr>").format(_cells("td", row)) for row in rows)
    below = Markup("").join(Markup("<p>{}</p>").format(note) for note in notes)
    return str(
        Markup(
            "<div><table><caption style='text-align: left'>{}</caption><thead><tr>{}</tr></thead>"
            "<tbody>{}</tbody></table>{}</div>"
        ).format(title, _cells("th", columns), body, below)
    )


def _cells(tag: str, texts: Sequence[str]) -> Markup:
    sides = ["left", *["right"] * (len(texts) - 1)]
    return Markup("").join(
        _CELL.format(tag, side, text) for side, text in zip(sides, texts, strict=True)
    )


def parameters_html(title: str, summary: pd.DataFrame, notes: Iterable[str]) -> str:
    """Write population quantities of a fit as HTML for a notebook, what was learnt best first.

    Args:
        title: what was fitted.
        summary: one row per population quantity.
        notes: sentences that must be read with the table.
    """
    shown = summary.nlargest(MOST_PARAMETERS, "contraction", keep="first")
    shown = summary.head(MOST_PARAMETERS) if shown.empty else shown
    rows = [
        (
            str(row["name"]),
            wording.number(row["prior_q50"]),
            f"{wording.number(row['prior_q05'])} to {wording.number(row['prior_q95'])}",
            wording.number(row["q50"]),
            f"{wording.number(row['q05'])} to {wording.number(row['q95'])}",
            "" if row["unit"] == "1" or not wording.stated(row["unit"]) else str(row["unit"]),
            str(row["learnt"]),
        )
        for row in shown.to_dict("records")
    ]
    columns = ("quantity", "prior", "90 %", "posterior", "90 %", "unit", "learnt")
    rest = len(summary) - len(shown)
    more = [f"{rest} more quantities are in .summary."] if rest else []
    intervals = "Medians with 90 % equal-tailed intervals, what was learnt best first."
    return notebook_html(title, columns, rows, [*notes, *more, intervals])
