"""The forest of risks: every patient of one arm, the highest risk first."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.pages import wording
from lymphokin.pages.drawing import BLACK, BLUE, GREY, PALE, styled

_ROW, _TOP, _BOTTOM = 0.175, 0.36, 0.36
_AXIS = 1.75
_COLUMNS = {"risk": 0.5, "counts\nused": 0.95, "measured": 1.55}
_LETTER = 0.075
"""inches: a row, the headings, the foot, the axis; right ends of the columns beyond the axis; the
width of a letter of a label"""


@styled
def risk_forest(patients: pd.DataFrame) -> Figure:
    """Probability of grade >= 2 (measured) with its 90 % interval, and what happened.

    `patients`: rows of `ReportContents.patients` in the order to draw, at most about 50.
    """
    size, place = forest_layout(patients)
    figure = Figure(figsize=size)
    draw_risks(figure.add_axes(place), patients)
    return figure


def forest_layout(
    patients: pd.DataFrame,
) -> tuple[tuple[float, float], tuple[float, float, float, float]]:
    """Size of a figure in inches, and where its axes leave room for names and numbers."""
    deep, left = _ROW * len(patients), _label_width(patients)
    width, height = left + _AXIS + max(_COLUMNS.values()) + 0.05, deep + _TOP + _BOTTOM
    return (width, height), (left / width, _BOTTOM / height, _AXIS / width, deep / height)


def draw_risks(axes: Axes, patients: pd.DataFrame) -> None:
    """Draw a row per patient: risk with its interval, and columns of numbers beside the axes.

    A filled marker had a reported count below 0.8 at the endpoint visit, an open one had not, a
    cross none that shows which. `*` is a patient outside what the model has seen, `†` one who was
    grade 2 or worse before treatment, `‡` one whose weights are unreliable.
    """
    axes.set(xlim=(0, 1), ylim=(len(patients) - 0.5, -0.5), yticks=[])
    axes.set_xlabel("risk of grade ≥ 2 (%)")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100"])
    axes.tick_params(labeltop=True, top=True)
    axes.spines["left"].set_visible(False)
    for share in (0, 0.25, 0.5, 0.75, 1):
        axes.axvline(share, color=PALE, lw=0.5, zorder=0)
    across = axes.get_yaxis_transform()
    for heading, right in _COLUMNS.items():
        place = (1 + right / _AXIS, -0.75)
        axes.text(*place, heading, transform=across, ha="right", va="bottom", color=GREY, size=7.5)
    rows = zip(patients.to_dict("records"), _labels(patients), strict=True)
    for row, (patient, label) in enumerate(rows):
        if row % 2:
            axes.axhspan(row - 0.5, row + 0.5, color="#f3f3f3", zorder=-1, lw=0)
        axes.text(-0.05, row, label, transform=across, ha="right", va="center", size=8)
        known = wording.stated(patient["observed_grade2"])
        happened = known and bool(patient["observed_grade2"])
        axes.hlines(row, patient["p_grade2_q05"], patient["p_grade2_q95"], color=BLUE, lw=1.6)
        axes.plot(
            patient["p_grade2_measured"],
            row,
            marker="o" if known else "x",
            ms=5.2,
            mew=1.1,
            color=BLACK,
            mfc=BLACK if happened else "white",
            clip_on=False,
            zorder=3,
        )
        cells = (
            wording.percent(patient["p_grade2_measured"]),
            f"{patient['n_counts_used']:.0f}",
            wording.count(patient["observed_alc"]),
        )
        for right, cell in zip(_COLUMNS.values(), cells, strict=True):
            weight = "bold" if happened and right == _COLUMNS["measured"] else "normal"
            place = (1 + right / _AXIS, row)
            axes.text(
                *place, cell, transform=across, ha="right", va="center", weight=weight, size=8
            )


def _labels(patients: pd.DataFrame) -> list[str]:
    """Each patient's name, short but distinct, with its marks."""
    names = wording.distinct([str(name) for name in patients["id"]])
    return [
        name + marks(patient)
        for name, patient in zip(names, patients.to_dict("records"), strict=True)
    ]


def _label_width(patients: pd.DataFrame) -> float:
    return 0.2 + _LETTER * max(6, *(len(label) for label in _labels(patients)))


def marks(patient: Mapping[Hashable, Any]) -> str:
    """What must be known where a patient's risk stands: see :func:`draw_risks`."""
    outside = "*" if wording.stated(patient["extrapolation"]) else ""
    before = "†" if patient["baseline_grade"] >= 2 else ""
    return outside + before + ("‡" if patient["pareto_k"] > UNRELIABLE_PARETO_K else "")
