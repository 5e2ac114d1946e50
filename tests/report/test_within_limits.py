"""Results that are known only within limits are drawn as what they are, and the keys say so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lymphokin.pages.within_limits import KEYS, kinds, there_are
from lymphokin.report.contents import ReportContents
from lymphokin.report.curves import axis_limits, lymphocyte_curve
from lymphokin.report.level_fit import level_fit
from lymphokin.report.page import render_report
from lymphokin.report.spaghetti import spaghetti
from tests.report.made_up import made_up
from tests.report.test_numbers import plain, rows_of

COUNTS = pd.DataFrame(
    {
        "day": [-7.0, 7.0, 14.0, 21.0],
        "value": [1.4, 0.2, 3.0, 0.5],
        "censored": [False, True, True, True],
        "lower": [np.nan, 0.0, 3.0, 0.3],
        "upper": [np.nan, 0.2, np.inf, 0.5],
    }
)
NONE = np.array([])


def made_within_limits() -> ReportContents:
    """Counts of `COUNTS`' kinds for the first patient, and a level of each kind."""
    contents = made_up(["P01", "P02", "P03", "P04"], ["SBRT", *["SBRT+ATRA"] * 3])
    seen = contents.cohort.observations
    rows = ((seen["id"] == "P01") & (seen["quantity"] == "alc")).to_numpy()
    own = COUNTS.assign(day=seen.loc[rows, "day"].to_numpy())
    for name in ("value", "censored", "lower", "upper"):
        seen.loc[rows, name] = own[name].to_numpy()
    assert contents.levels is not None
    limits = {"censored": True, "lower": [0.0, 240.0, 100.0], "upper": [227.0, np.inf, 261.0]}
    return replace(contents, cohort=replace(contents.cohort, observations=seen),
                   levels=contents.levels.assign(**limits))  # fmt: skip


def markers(axes) -> dict[str, list]:
    return {str(line.get_marker()): line.get_xydata().tolist() for line in axes.lines}


def bars(axes, across: bool = False) -> list[tuple[float, float, float]]:
    """Place and ends of every bar."""
    place, along = (1, 0) if across else (0, 1)
    segments = [s for part in axes.collections if hasattr(part, "get_segments")
                for s in part.get_segments()]  # fmt: skip
    return [(s[0][place], s[0][along], s[1][along]) for s in segments if s[0][place] == s[1][place]]


def test_kinds_of_results():
    assert [list(which) for which in kinds(COUNTS).values()] == np.eye(4, dtype=bool).tolist()
    assert there_are(COUNTS) == ["below", "above", "between"]
    assert there_are(COUNTS.iloc[:1]) == []


@pytest.mark.parametrize("used", [30.0, -10.0])
def test_a_triangle_points_to_where_a_count_lies_and_a_bar_joins_its_limits(used):
    limits = axis_limits({}, {"P": COUNTS}, (0.3, 2.5))
    assert limits[1][0] < 0.2
    assert limits[1][1] > 3
    axes = lymphocyte_curve(None, COUNTS, used, {"endpoint_day": np.nan}, NONE, [], limits).axes[0]
    drawn = markers(axes)
    assert drawn["o"] == [[-7.0, 1.4]]
    assert drawn["v"] == [[7.0, 0.2]]
    assert drawn["^"] == [[14.0, 3.0]]
    assert set(bars(axes)) == {(21.0, 0.3, 0.5)}
    faces = {str(line.get_marker()): line.get_markerfacecolor() for line in axes.lines}
    assert (faces["^"] == "white") == (used < -7)
    colours = {tuple(part.get_color()[0][:3]) for part in axes.collections if len(part.get_paths())}
    assert ((1.0, 1.0, 1.0) in colours) == (used < -7)


def test_the_counts_of_a_cohort_are_drawn_with_their_kinds():
    cohort = made_within_limits().cohort
    axes = spaghetti(cohort).axes[0]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words[:3] == list(KEYS.values())
    assert markers(axes)["^"] == [[21.0, 3.0]]
    assert (46.0, 0.3, 0.5) in bars(axes)
    only_below = made_up(["P01", "P02"], ["SBRT", "SBRT"]).cohort
    words = [text.get_text() for text in spaghetti(only_below).axes[0].get_legend().get_texts()]
    assert words[0] == KEYS["below"]
    assert KEYS["above"] not in words


def test_levels_of_the_drug_are_drawn_and_written_as_what_they_are():
    contents = made_within_limits()
    assert contents.levels is not None
    axes = level_fit(contents.levels, "ng/mL").axes[0]
    observed, middle = contents.levels["observed"].tolist(), contents.levels["q50"].tolist()
    assert markers(axes)["<"] == [[observed[0], middle[0]]]
    assert markers(axes)[">"] == [[observed[1], middle[1]]]
    low, high = axes.get_xlim()
    assert (middle[2], max(100.0, low), min(261.0, high)) in bars(axes, across=True)
    page = render_report(contents)
    cells = rows_of(page, "Table of ATRA samples")
    assert [cells[name][1] for name in ("P02", "P03", "P04")] == ["< 227", "> 240", "100 to 261"]
    text = plain(page)
    assert (
        "Triangles to the left: below a limit, drawn at it; triangles to the right: above a limit, "
        "drawn at it; horizontal bars: between two limits." in text
    )
    for key in ("below a limit, drawn at it", "above a limit, drawn at it", "between two limits"):
        assert text.count(key) == 2  # of the counts, and of the levels


def test_a_key_names_no_kind_that_is_not_there():
    text = plain(render_report(made_up(["P01", "P02"], ["SBRT", "SBRT"])))
    assert text.count("below a limit, drawn at it") == 1
    assert "above a limit" not in text
    assert "between two limits" not in text
