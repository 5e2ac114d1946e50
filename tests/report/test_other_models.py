"""Reports of models with other drugs and observables: what they declare is what is shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lymphokin.endpoints import read_endpoint
from lymphokin.model import load_model
from lymphokin.model.roles import contrast_of
from lymphokin.predict import Forecast
from lymphokin.predict.composites import COLUMNS
from lymphokin.report.curves import quantity_curve
from lymphokin.report.of_fit import levels_of
from lymphokin.report.page import render_report
from lymphokin.report.risk_forest import risk_forest
from tests.report.made_up import QUANTILES, SPREAD, Page, made_up
from tests.report.test_numbers import plain, rows_of

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.usefixtures("unwritten_pictures")
def test_two_drugs_are_marked_apart_and_each_level_is_asked_for():
    contents = made_up(["a", "b"], ["SBRT", "SBRT+ATRA"])
    doses = contents.cohort.doses
    doses = pd.concat([doses, doses.iloc[:1].assign(id="a", day=6.0, drug="il7", amount_mg=84.0)])
    model = load_model(EXAMPLES / "il7_atra.py")
    words = Page(
        render_report(
            replace(
                contents,
                cohort=replace(contents.cohort, doses=doses, vocabulary=model.vocabulary),
                observables=model.observables,
                drugs=model.vocabulary.drugs,
                levels_of=levels_of(model),
                disputed=contrast_of(model),
            )
        )
    ).text
    for text in ("ATRA pulse", "rhIL-7-hyFc pulse", "ATRA levels",
                 "No interleukin-7 that was given level"):  # fmt: skip
        assert text in words, text
    assert "All patients with ATRA minus without, γ as fitted" in words


def test_of_lesions_each_has_its_curve_and_a_model_without_drugs_speaks_of_none():
    contents = made_up(["a", "b"], [None, None], mdsc=False)
    model = load_model(EXAMPLES / "lesions_cd8.py")
    observations = contents.cohort.observations.assign(lesion=0)
    seen = observations.iloc[:2].assign(quantity="diameter", value=[24.0, 11.0], lesion=[1, 2])
    curves = dict(contents.curves.data_vars)
    for lesion, size in ((1, 20.0), (2, 10.0)):
        for q, s in zip(QUANTILES, SPREAD, strict=True):
            values = np.full(contents.curves["alc_q50"].shape, size * s)
            curves[f"diameter_{lesion}_{q}"] = (("patient", "day"), values)
    observations = pd.concat([observations, seen])
    page = Page(
        render_report(
            replace(
                contents,
                cohort=replace(
                    contents.cohort, observations=observations, vocabulary=model.vocabulary
                ),
                curves=xr.Dataset(curves, coords=contents.curves.coords),
                parameters=contents.parameters.iloc[:1],
                contrast=contents.contrast.iloc[:0],
                observables=model.observables,
                drugs=model.vocabulary.drugs,
                levels_of=levels_of(model),
                disputed=contrast_of(model),
            )
        )
    )
    picture = next(label for label in page.labels() if "samples" in label)
    for text in ("2 longest diameter of a lesion samples from 11.0 to 24.0 mm", "lesion 1; fitted",
                 "lesion 2; fitted median 10"):  # fmt: skip
        assert text in picture, picture
    assert "Longest diameter of a lesion in mm" in page.text
    assert "of each lesion, with the number of the lesion at its end" in page.text
    for word in ("ATRA", "MDSC", "γ", "pulse"):
        assert word not in page.text, word
    bands = {1: contents.bands("alc")["a"], 2: contents.bands("alc")["b"]}
    axes = quantity_curve(bands, seen, [], ((-16, 60), (1, 100))).axes[0]
    medians = {text.get_text().strip(): text.get_color() for text in axes.texts}
    points = {line.get_ydata()[0]: line.get_color() for line in axes.lines if
              line.get_marker() == "o"}  # fmt: skip
    assert points == {24.0: medians["1"], 11.0: medians["2"]}
    assert medians["1"] != medians["2"]


@pytest.mark.long
@pytest.mark.usefixtures("unwritten_pictures")
def test_another_endpoint_stands_besides_with_visits_and_the_true_curve_apart():
    contents = made_up([f"P{i:02d}" for i in range(35)], ["SBRT"] * 35)
    endpoint = read_endpoint("days_below_0.8")
    numbers = {
        f"{endpoint.name}_{kind}_q{q}": level + 0.1 * int(q)
        for kind, level in (("true", 20.0), ("measured", 40.0))
        for q in ("05", "25", "50", "75", "95")
    }
    table = pd.DataFrame(numbers, index=pd.Index(contents.patients["id"], name="id")).assign(
        arm="SBRT", n_counts_used=3, extrapolation="", **{f"observed_{endpoint.name}": np.nan}
    )
    asked = Forecast(table, 14.0, ("weights fail",), endpoint, True)
    page = render_report(replace(contents, asked=asked))
    rows = rows_of(page, "days_below_0.8 of every patient")
    assert len(rows) == 35  # all, not the highest
    assert rows["P34"] == [
        "SBRT", "3", "25.0", "20.5 to 29.5", "45.0", "40.5 to 49.5", "not known",
    ]  # fmt: skip
    text = plain(page)
    assert "visits miss the nadir" in text
    assert "weights fail." in text
    assert 'id="endpoint"' not in render_report(contents)


@pytest.mark.usefixtures("unwritten_pictures")
def test_an_unreliable_forecast_is_marked_where_its_number_stands():
    contents = made_up(["P01", "P02", "P03"], ["SBRT"] * 3)
    patients = contents.patients.assign(pareto_k=[0.1, 0.9, 0.2])
    text = render_report(replace(contents, patients=patients))
    page = Page(text)
    risk = f"{100 * patients['p_grade2_measured'][1]:.0f} %"
    assert f"risk\xa0{risk} ‡" in " ".join(page.words) or f"risk {risk} ‡" in page.text
    assert text.count(f'<td class="n">{risk} ‡</td>') == 1
    labels = [t.get_text() for t in risk_forest(patients).axes[0].texts]
    assert [label.rstrip("*†‡") for label in labels if label.endswith("‡")] == ["P02"]
    table = Forecast(patients.set_index("id"), 14.0, (), read_endpoint("grade2_week6"), False)
    shown = table.shown("")
    assert [row[0] for row in shown.rows if "‡" in row[3]] == ["P02"]
    assert any("‡ unreliable" in note for note in shown.notes)


@pytest.mark.usefixtures("unwritten_pictures")
def test_composites_stand_before_and_after_the_data_and_without_each_link():
    shares = {"composite": "response", "what": "share", "meaning": "Lesions that shrink"}
    folds = {"composite": "rise", "what": "fold", "meaning": "Rise of cells", "unit": "fold"}
    rows = [
        {**own, "arm": arm, "version": version, "mean": 0.03 + k / 10, "learnt": learnt}
        | {"q05": 0.01 + k / 10, "q50": 0.02 + k / 10, "q95": 0.07 + k / 10, "contraction": 0.5}
        for own, learnt, versions in (
            (
                shares | {"unit": "1", "expected": "Next to none."},
                "prior only",
                ("prior", "fitted"),
            ),
            (folds | {"expected": ""}, "well", ("prior", "fitted", "suppression")),
        )
        for k, version in enumerate(versions)
        for arm in ("SBRT", "SBRT+ATRA")
    ]
    growth = {"composite": "growth", "what": "rate", "meaning": "Growth of lesions", "unit": "1/d"}
    growth |= {"version": "fitted", "mean": 0.002, "learnt": "partly", "expected": ""}
    rates = {"q05": -0.00009, "q50": 0.00086, "q95": 0.00304, "contraction": 0.5}
    rows += [growth | rates | {"arm": arm} for arm in ("SBRT", "SBRT+ATRA")]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    contents = made_up(["a", "b"], ["SBRT", "SBRT+ATRA"])
    text = Page(render_report(replace(contents, composites=table))).text
    assert "Growth of lesions learnt partly" in text
    assert "every link in it 0.0009 per day −0.0001 to 0.0030" in text
    assert "Next to none. Medians, of shares means, with 90 % equal-tailed intervals." in text
    assert "Lesions that shrink prior only before the data 3 % 1 to 7 % 3 % 1 to 7 %" in text
    assert "fitted, every link in it 13 % 11 to 17 %" in text
    assert "Rise of cells learnt well before the data 0.020 0.010 to 0.070" in text
    assert "fitted, γ = 0 0.22 0.21 to 0.27 0.22 0.21 to 0.27" in text
