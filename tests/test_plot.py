"""Pictures for notebooks say what they show, and results show themselves."""

import doctest
import re

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes

import lymphokin as lk
from lymphokin import plot
from lymphokin.endpoints import DEFAULT, shipped_endpoints
from lymphokin.pages.notebook import notebook_html
from lymphokin.pages.risk_table import risk_table
from lymphokin.predict import Forecast
from tests.report.made_up import made_up_patients

matplotlib.use("Agg")
USUAL = shipped_endpoints()[DEFAULT]


@pytest.fixture
def new_axes():
    from matplotlib import pyplot

    yield lambda: pyplot.subplots()[1]
    pyplot.close("all")


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    ids = [f"P{i:02d}" for i in range(60)]
    table = made_up_patients(ids, ["SBRT"] * 60).set_index("id")
    return Forecast(table, 21.0, ("importance weights are unreliable for P07",), USUAL, True)


def test_a_curve_is_drawn_with_units_limit_and_measurements(hedos_run, new_axes):
    fit = hedos_run.fit
    name = fit.cohort.patients.index[1]
    mine = new_axes()
    assert lk.plot.curves(fit, name, ax=mine, forecast=hedos_run.forecast) is mine
    assert mine.get_xlabel() == "days from the first fraction"
    assert mine.get_ylabel() == "lymphocytes (10⁹/L)"
    assert name in mine.get_title(loc="left")
    assert "SYNTHETIC DATA" in mine.get_title(loc="left")
    assert any(set(line.get_ydata()) == {0.8} for line in mine.lines)
    rows = fit.cohort.observations.query("quantity == 'alc' and id == @name").dropna(subset="value")
    shown = [tuple(xy) for line in mine.lines if line.get_marker() in ("o", "v")
             for xy in line.get_xydata()]  # fmt: skip
    assert sorted(shown) == sorted(zip(rows["day"], rows["value"], strict=True))
    filled = [line for line in mine.lines if line.get_marker() == "o"
              and line.get_markerfacecolor() != "white"]  # fmt: skip
    assert max(filled[0].get_xdata()) <= 14.0
    row = hedos_run.forecast.patients.loc[name]
    segments = [s for c in mine.collections if hasattr(c, "get_segments") for s in c.get_segments()]
    bars = [s[:, 1].tolist() for s in segments if len(s) == 2 and s[0][0] == row["endpoint_day"]]
    assert bars[-1] == [row["alc_q25"], row["alc_q75"]]


def test_a_patient_whom_the_fit_does_not_know_is_refused(hedos_run):
    with pytest.raises(ValueError, match="the fit has no patient 'nobody'; it has S"):
        lk.plot.curves(hedos_run.fit, "nobody")


def test_risks_are_drawn_highest_first_and_say_when_some_are_left_out(forecast, new_axes):
    axes = lk.plot.risks(forecast)
    assert isinstance(axes, Axes)
    names = [t.get_text().rstrip("*†") for t in axes.texts if t.get_position()[0] == -0.05]
    expected = forecast.patients["p_grade2_measured"].nlargest(plot.MOST_ROWS).index
    assert names == list(expected)
    assert any(t.get_text() == "the 50 highest of 60" for t in axes.texts)
    assert any(t.get_text() == "SYNTHETIC DATA" for t in axes.texts)
    few = Forecast(forecast.patients.iloc[:3], None, (), USUAL, False)
    mine = new_axes()
    assert lk.plot.risks(few, ax=mine) is mine
    assert not any("SYNTHETIC" in t.get_text() for t in mine.texts)


def test_each_prior_is_drawn_against_its_posterior_in_its_unit(hedos_run, new_axes):
    fit, mine = hedos_run.fit, new_axes()
    assert lk.plot.prior_posterior(fit, ax=mine) is mine
    order = fit.summary.sort_values("contraction", ascending=False, kind="stable")
    assert len(mine.child_axes) == len(fit.summary)
    for small, row in zip(mine.child_axes, order.to_dict("records"), strict=True):
        middle = [line.get_xdata()[0] for line in small.lines if line.get_marker() == "|"][1]
        assert middle == pytest.approx(row["q50"], rel=1e-5)
        if row["unit"] in ("Gy", "d"):
            assert f"({row['unit']})" in small.get_title(loc="left")


@pytest.mark.parametrize("function", [plot.curves, plot.risks, plot.prior_posterior])
def test_the_examples_of_the_pictures_run(hedos_run, function):
    names = {"lk": lk, "run_folder": hedos_run.folder}
    runner = doctest.DocTestRunner()
    tests = doctest.DocTestFinder(recurse=False).find(function, globs=names)
    assert sum(len(test.examples) for test in tests) >= 3
    for test in tests:
        runner.run(test)
    assert runner.failures == 0


def test_a_forecast_shows_its_highest_risks_in_a_notebook(forecast):
    html = forecast._repr_html_()
    rows = [re.findall(r"<td.*?>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    table = forecast.patients.nlargest(30, "p_grade2_measured")
    assert [row[0] for row in rows[1:]] == list(table.index)
    first = table.iloc[0]
    risk, low, high = (f"{100 * first[c]:.0f}" for c in
                       ("p_grade2_measured", "p_grade2_q05", "p_grade2_q95"))  # fmt: skip
    assert rows[1][3].split(" %")[0] == risk
    assert rows[1][4] == f"{low} to {high} %"
    assert "The 30 highest risks of 60 patients." in html
    assert "importance weights are unreliable for P07" in html
    assert "Research use only" in html


def test_a_small_forecast_keeps_the_order_of_its_table():
    table = made_up_patients(["b", "a"], ["x", None]).set_index("id")
    table["observed_alc"] = [np.nan, 0.7]
    found = risk_table(table, None, "", False)
    assert [row[:2] for row in found.rows] == [("b", "x"), ("a", "")]
    assert [row[-1] for row in found.rows] == ["not known", "no (0.70)"]
    assert found.notes[-1].startswith("90 %, population: how far the risk may be off")
    assert found.notes[:-1] == [
        "* outside what the model has seen (1 patient); why: column extrapolation"
    ]


def test_a_fit_shows_its_verdict_and_what_was_learnt_in_a_notebook(hedos_run):
    html = hedos_run.fit._repr_html_()
    assert hedos_run.fit.verdict.split(":")[0] in html
    assert "SYNTHETIC DATA. Fit of hedos_hcc to 7 patients" in html
    assert "Research use only" in html
    order = hedos_run.fit.summary.sort_values("contraction", ascending=False, kind="stable")
    assert html.index(f">{order['name'].iloc[0]}<") < html.index(f">{order['name'].iloc[1]}<")


def test_notebook_tables_escape_what_they_show():
    html = notebook_html("<b>", ["<i>"], [["<script>"]], ["<u>"])
    assert not re.findall(r"<(b|i|script|u)>", html)
