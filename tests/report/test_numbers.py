"""Every number of a report stands beside the patient, arm or parameter that it belongs to."""

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lymphokin.pages.drawing import BLUE
from lymphokin.report import ReportContents, render_report
from lymphokin.report.arm_contrast import arm_contrast
from lymphokin.report.cohort_reproduction import draw_reproduction
from lymphokin.report.curves import lymphocyte_curve, quantity_curve
from lymphokin.report.level_fit import level_fit
from lymphokin.report.prior_posterior import prior_posterior
from lymphokin.report.risk_forest import risk_forest
from tests.report.made_up import Page, made_up

IDS = ["P01", "P02", "P03"]


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return made_up(IDS, ["SBRT", "SBRT+ATRA", "SBRT+ATRA"])


@pytest.fixture(scope="module")
def text(contents: ReportContents) -> str:
    return render_report(contents)


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def rows_of(text: str, label: str) -> dict[str, list[str]]:
    """Cells of each row of a table, by the row's heading."""
    table = text[text.index(f'aria-label="{label}"') :]
    table = table[: table.index("</table>")]
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", table, re.S)
    return {
        plain(h): [plain(c) for c in re.findall(r"<td.*?>(.*?)</td>", r, re.S)] for h, r in rows
    }


def whole(share: float) -> str:
    return f"{100 * share:.0f}"


def test_the_table_of_patients_has_each_number_in_its_column(contents, text):
    rows = rows_of(text, "Table of all patients")
    for p in contents.patients.to_dict("records"):
        marks = "*" * bool(p["extrapolation"]) + "†" * (p["baseline_grade"] >= 2)
        count = {q: f"{p[f'alc_{q}']:.2f}" for q in ("q05", "q25", "q50", "q75", "q95")}
        assert rows[p["id"]] == [
            p["arm"],
            f"{p['endpoint_day']:.0f}",
            f"{whole(p['p_grade2_measured'])} % {marks}".rstrip(),
            f"{whole(p['p_grade2_q05'])} to {whole(p['p_grade2_q95'])} %",
            f"{whole(p['p_grade2_true'])} %",
            f"{whole(p['p_grade3_measured'])} %",
            f"{whole(p['p_grade4_measured'])} %",
            count["q50"],
            f"{count['q25']} to {count['q75']}",
            f"{count['q05']} to {count['q95']}",
            f"{p['n_counts_used']}",
            f"{p['baseline_grade']}",
            f"{p['observed_alc']:.2f}",
            f"{p['pareto_k']:.2f}",
            p["extrapolation"],
        ]
    shares = [c for name in ("measured", "true") for c in contents.patients[f"p_grade2_{name}"]]
    assert len({whole(s) for s in shares}) == len(shares)


def test_each_panel_says_the_measured_risk_and_what_happened_to_its_patient(contents, text):
    section = text[text.index('<h2 id="patients">') : text.index('<h2 id="measurements">')]
    panels = [
        plain(c) for c in re.findall(r"<figure><figcaption>(.*?)</figcaption>", section, re.S)
    ]
    expected = [
        f"{p['id']} {p['arm']} risk {whole(p['p_grade2_measured'])} % measured "
        f"{p['observed_alc']:.2f}, grade {'≥' if p['observed_grade2'] else '<'} 2"
        for p in contents.patients.to_dict("records")
    ]
    assert panels == expected


def test_each_picture_is_described_by_the_numbers_of_its_patient(contents, text):
    labels = Page(text).labels()
    for k, p in enumerate(contents.patients.to_dict("records")):
        alc, mdsc = ([x for x in labels if x.startswith(f"Patient {p['id']}{c}")] for c in ",:")
        own = contents.observed("alc")[p["id"]]["value"]
        curve = contents.bands("alc")[p["id"]]["q50"]
        assert alc == [
            f"Patient {p['id']}, {p['arm']}: 4 lymphocyte counts from {own.min():.2f} to "
            f"{own.max():.2f}; fitted median {curve.iloc[0]:.1f} at the start, lowest "
            f"{curve.iloc[0]:.1f} on day −14, {curve.iloc[-1]:.1f} at the end, in 1e9/L; forecast "
            f"{p['alc_q50']:.2f} ({p['alc_q05']:.2f} to {p['alc_q95']:.2f}) on day "
            f"{p['endpoint_day']:.0f}."
        ]
        assert f"1 MDSC samples from {18 + 2 * k:.1f} to {18 + 2 * k:.1f} cells/uL" in mdsc[0]


def test_the_forest_has_each_number_in_the_row_of_its_patient(contents):
    rows = contents.patients.sort_values("p_grade2_measured", ascending=False)
    axes = risk_forest(rows).axes[0]
    points = [line for line in axes.lines if line.get_marker() in ("o", "x")]
    bars = [tuple(part.get_segments()[0][:, 0]) for part in axes.collections]
    for row, p in enumerate(rows.to_dict("records")):
        label, *cells = [t.get_text() for t in axes.texts if t.get_position()[1] == row]
        mark = ("*" if p["extrapolation"] else "") + ("†" if p["baseline_grade"] >= 2 else "")
        assert label == p["id"] + mark
        assert cells == [
            f"{whole(p['p_grade2_measured'])} %",
            f"{p['n_counts_used']}",
            f"{p['observed_alc']:.2f}",
        ]
        assert points[row].get_xydata().tolist() == [[p["p_grade2_measured"], row]]
        assert (points[row].get_markerfacecolor() == "white") == (not p["observed_grade2"])
        assert bars[row] == (p["p_grade2_q05"], p["p_grade2_q95"])


def test_forests_are_described_by_the_measured_risks_of_their_arm(contents, text):
    labels = [x for x in Page(text).labels() if x.startswith("Risk of grade 2 or worse")]
    risk = {p["id"]: whole(p["p_grade2_measured"]) for p in contents.patients.to_dict("records")}
    assert labels == [
        f"Risk of grade 2 or worse in arm SBRT: P01 {risk['P01']} %",
        f"Risk of grade 2 or worse in arm SBRT+ATRA: P03 {risk['P03']} %; P02 {risk['P02']} %",
    ]


def test_arms_count_what_happened_and_what_was_forecast(contents, text):
    tiles = plain(text[text.index('<dl class="tiles">') : text.index("</dl>")])
    for name in ("SBRT", "SBRT+ATRA"):
        rows = contents.patients[contents.patients["arm"] == name]
        n, happened = len(rows), int(rows["observed_grade2"].sum())
        expected = f"{rows['p_grade2_measured'].sum():.1f}"
        assert (
            f"Grade ≥ 2 in {name} {happened} of {n} happened; forecast {expected} of {n}" in tiles
        )
    risk = contents.patients["p_grade2_measured"].to_numpy()
    happened = contents.patients["observed_grade2"].to_numpy(float)
    assert (
        f"Brier score {np.mean((risk - happened) ** 2):.3f}; giving every patient the observed "
        f"share would score {np.mean((happened.mean() - happened) ** 2):.3f}" in plain(text)
    )


def test_numbers_of_provenance_have_three_digits(text):
    assert "error alc 9.48e−05" in plain(text)


def test_the_difference_of_the_arms_keeps_its_sign_everywhere(text):
    assert (
        "All patients with ATRA minus without, γ as fitted −13 points 90 % equal-tailed interval "
        "(−41 to 9)" in plain(text)
    )
    assert (
        "All patients with ATRA minus without, γ = 0 1 point 90 % equal-tailed interval (−7 to 12)"
        in plain(text)
    )
    table = text[text.index('aria-label="Predicted share by arm"') :]
    fitted, zero = re.findall(r"<tbody>(.*?)</tbody>", table, re.S)[:2]
    assert plain(fitted) == (
        "γ as fitted SBRT, its own patients 4 35 % 25 to 45 % SBRT+ATRA, its own patients 4 35 % "
        "25 to 45 % SBRT, everybody 5 40 % 20 to 60 % SBRT+ATRA, everybody 6 42 % 22 to 62 % "
        "difference −13 points −41 to 9 points"
    )
    assert plain(zero) == (
        "γ = 0 SBRT, its own patients 4 40 % 30 to 50 % SBRT+ATRA, its own patients 4 40 % "
        "30 to 50 % SBRT, everybody 5 45 % 25 to 65 % SBRT+ATRA, everybody 6 47 % 27 to 67 % "
        "difference 1 point −7 to 12 points"
    )
    labels = [x for x in Page(text).labels() if x.startswith("Predicted share")]
    assert labels[0].endswith("difference −13 points (−41 to 9 points)")
    assert labels[1].endswith("difference 1 point (−7 to 12 points)")


def test_the_picture_of_the_arms_has_each_bar_beside_its_name(contents):
    rows = contents.contrast[contents.contrast["link"] == "fitted"]
    arms, difference = arm_contrast(rows, {"SBRT": 0.33, "SBRT+ATRA": 0.66}, 0.5, "ATRA").axes
    for axes, table in ((arms, rows.iloc[:2]), (difference, rows.iloc[2:])):
        for place, row in enumerate(table.to_dict("records")):
            assert axes.texts[place].get_text() == row["arm"]
            bar = axes.collections[place].get_segments()[0]
            assert bar.tolist() == [[row["rate_q05"], place], [row["rate_q95"], place]]
    diamonds = [tuple(line.get_xydata()[0]) for line in arms.lines if line.get_marker() == "D"]
    assert diamonds == [(0.33, 0), (0.66, 1)]
    assert difference.get_xlabel().startswith("with ATRA minus without")


def test_the_curve_of_a_patient_shows_what_was_measured_fitted_and_forecast(contents):
    p = contents.patients.iloc[1]
    bands, counts = contents.bands("alc")["P02"], contents.observed("alc")["P02"]
    nothing = np.array([])
    days = np.array([0.0, 1.0, 2.0])
    figure = lymphocyte_curve(bands, counts, 21.0, p, days, [nothing], ((-16, 60), (0.1, 4)))
    axes = figure.axes[0]
    median = next(line for line in axes.lines if line.get_color() == BLUE)
    # A drawn curve leaves out corners that change it by less than a hundredth.
    assert np.interp(14.0, *median.get_data()) == pytest.approx(bands["q50"].loc[14.0], rel=0.01)
    points = {
        (line.get_marker(), line.get_markerfacecolor()): line.get_xydata().tolist()
        for line in axes.lines
        if line.get_marker() in ("o", "v")
    }
    used, later = counts["day"] <= 21.0, counts["day"] > 21.0
    measured = ~counts["censored"]
    assert points["v", "#1a1a1a"] == [[21.0, 0.2]]
    assert (
        points["o", "#1a1a1a"] == counts.loc[used & measured, ["day", "value"]].to_numpy().tolist()
    )
    assert (
        points["o", "white"] == counts.loc[later & measured, ["day", "value"]].to_numpy().tolist()
    )
    end = [s for part in axes.collections[2:] for s in part.get_segments()]
    bars = [(s[0][0], s[0][1], s[1][1]) for s in end if s[0][0] == p["endpoint_day"]]
    assert bars == [
        (p["endpoint_day"], p["alc_q05"], p["alc_q95"]),
        (p["endpoint_day"], p["alc_q05"], p["alc_q95"]),
        (p["endpoint_day"], p["alc_q25"], p["alc_q75"]),
    ]


def test_edta_samples_are_open_squares(contents):
    samples = contents.observed("mdsc")["P03"]
    axes = quantity_curve({}, samples, [], ((-16, 60), (1, 100)), "edta").axes[0]
    squares = [line for line in axes.lines if line.get_marker() == "s"]
    assert [line.get_xydata().tolist() for line in squares] == [[[4.0, 22.0]]]
    assert squares[0].get_markerfacecolor() == "white"


def test_levels_of_the_drug_stand_beside_their_patient(contents, text):
    rows = rows_of(text, "Table of ATRA samples")
    assert list(rows) == ["P02", "P03"]
    for s in contents.levels.to_dict("records"):
        assert rows[s["id"]] == [
            "0.125",
            f"{s['observed']:.0f}",
            f"{s['q50']:.0f}",
            f"{s['q25']:.0f} to {s['q75']:.0f}",
            f"{s['q05']:.0f} to {s['q95']:.0f}",
        ]
    assert "1 of 2 measured levels lie inside the 90 % interval" in plain(text)
    axes = level_fit(contents.levels, "ng/mL").axes[0]
    points = next(line for line in axes.lines if line.get_marker() == "o")
    assert points.get_xydata().tolist() == contents.levels[["observed", "q50"]].to_numpy().tolist()


def test_parameters_have_each_number_in_its_column(contents, text):
    rows = rows_of(text, "Population parameters")
    alpha, gamma = contents.parameters.to_dict("records")
    for symbol, p, learnt in (("α", alpha, "learnt well"), ("γ", gamma, "prior only")):
        assert rows[symbol] == [
            p["meaning"],
            "" if p["unit"] == "1" else p["unit"],
            f"{p['prior_q50']:.3f}",
            f"{p['prior_q05']:.3f} to {p['prior_q95']:.2f}",
            f"{p['q50']:.2f}",
            f"{p['q25']:{'.3f' if p['q25'] < 1 else '.2f'}} to {p['q75']:.2f}",
            f"{p['q05']:{'.3f' if p['q05'] < 1 else '.2f'}} to {p['q95']:.2f}",
            f"{p['contraction']:.2f}".replace("-0.00", "0.00"),
            learnt,
        ]
    assert (
        "γ: prior 0.56 (0.24 to 1.3), posterior 2.5 (2.2 to 2.9), medians with 90 % equal-tailed "
        "intervals; contraction 0.00." in plain(text)
    )
    sampling = rows_of(text, "Sources and sampling")
    assert sampling["α"][-3:] == ["1.003", "913", "811"]
    assert sampling["γ"][-3:] == ["1.006", "947", "853"]


def test_prior_is_grey_and_posterior_blue():
    prior, posterior = np.random.default_rng(3).normal([[2.0], [5.0]], 0.4, (2, 400))
    axes = prior_posterior(prior, posterior).axes[0]
    middles = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if
               line.get_marker() == "|"}  # fmt: skip
    assert middles == {-0.25: np.median(prior), -0.11: np.median(posterior)}
    bars = {part.get_segments()[0][0, 1]: part for part in axes.collections if
            hasattr(part, "get_segments")}  # fmt: skip
    assert bars[-0.25].get_color()[0][:3].tolist() != bars[-0.11].get_color()[0][:3].tolist()


def test_published_numbers_stand_beside_what_reproduces_them():
    names = ["study", "of", "days", "statistic", "unit", "observed", "q05", "q25", "q50", "q75",
             "q95"]  # fmt: skip
    fitted = pd.DataFrame(
        [
            ("first_trial", "baseline", "", "median", "1e9/L", 1.6, 1.3, 1.4, 1.5, 1.6, 1.7),
            ("second", "one visit", "7-21", "median", "1e9/L", 0.8, 0.7, 0.75, 0.85, 0.9, 1.0),
            ("second", "one visit", "7-21", "share", "1", 0.35, 0.30, 0.36, 0.39, 0.43, 0.48),
        ],
        columns=names,
    )
    left_out = fitted.assign(**{q: fitted[q] + 0.01 for q in names[6:]})
    counts, shares = draw_reproduction(fitted, left_out).axes
    labels = {
        t.get_text(): y for t, y in zip(counts.get_yticklabels(), counts.get_yticks(), strict=True)
    }
    assert labels == {
        "first trial, baseline: median": 1,
        "second, one visit day 7-21: median": 0,
    }
    assert counts.collections[0].get_offsets().tolist() == [[1.6, 1.0], [0.8, 0.0]]
    assert shares.collections[0].get_offsets().tolist() == [[0.35, 0.0]]
    lines = [(line.get_color(), *line.get_xdata(), line.get_ydata()[0]) for line in counts.lines]
    assert ("#1a1a1a", 1.3, 1.7, 1) in lines
    assert ("#1a1a1a", 1.4, 1.6, 1) in lines
    assert any(line[1:] == pytest.approx((0.71, 1.01, -0.28)) for line in lines)
    alone = draw_reproduction(fitted).axes[1]
    assert [tuple(line.get_xdata()) for line in alone.lines] == [(0.30, 0.48), (0.36, 0.43)]


def test_each_panel_is_drawn_from_the_records_of_its_patient(contents, monkeypatch):
    drawn = {"lymphocyte_curve": [], "quantity_curve": []}
    for name, calls in drawn.items():

        def record(*given, calls=calls):
            calls.append(given)
            return Figure()

        monkeypatch.setattr(f"lymphokin.report.panels.{name}", record)
    render_report(contents)
    for k, p in enumerate(contents.patients.to_dict("records")):
        doses = 4 if p["arm"] == "SBRT+ATRA" else 0
        bands, counts, until, forecast, fractions, pulses, _ = drawn["lymphocyte_curve"][k]
        pd.testing.assert_frame_equal(bands, contents.bands("alc")[p["id"]])
        assert set(counts["id"]) == {p["id"]} == {forecast["id"]}
        assert (until, len(fractions), len(pulses[0])) == (21.0, 3, doses)
        bands, samples, pulses, *_ = drawn["quantity_curve"][k]
        pd.testing.assert_frame_equal(bands[0], contents.bands("mdsc")[p["id"]])
        assert set(samples["id"]) == {p["id"]}
        assert len(pulses[0]) == doses
