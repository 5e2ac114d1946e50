"""Forecasts of what a curve does over a window, on a quick fit of a small model."""

import pytest

from lymphokin.endpoints import Endpoint, at_day
from lymphokin.io.problems import BadInput
from lymphokin.model import ModelError


def lowest_between(begin: float, until: float, visits: tuple[float, ...]) -> Endpoint:
    return Endpoint.model_validate({
        "name": "low", "meaning": "Lowest count", "what": "lowest", "from": "last_fraction",
        "begin": begin, "until": until, "below": 0.8, "visits": visits,
    })  # fmt: skip


@pytest.fixture(scope="module")
def early(hedos_run):
    """The patients with what was known on day 14: their visits lie ahead."""
    return hedos_run.fit.cohort.until(14.0)


def test_the_lowest_of_a_single_visit_is_the_count_at_that_visit(hedos_run, early):
    """A window around the default visit asks the same question by other code."""
    usual = hedos_run.fit.forecast(early, counts_until=14.0)
    window = hedos_run.fit.forecast(
        early, counts_until=14.0, endpoint=lowest_between(41.99, 42.01, (42.0,))
    )
    a, b = usual.patients, window.patients
    # 12,000 random measurements of 3,000 weighted draws: a standard error of 0.004 at most.
    assert b["p_low_measured"].to_numpy() == pytest.approx(a["p_grade2_measured"], abs=0.02)
    assert b["p_low_true"].to_numpy() == pytest.approx(a["p_grade2_true"], abs=0.02)
    assert b["low_measured_q50"].to_numpy() == pytest.approx(a["alc_q50"], rel=0.05)


def test_days_below_a_lower_level_are_fewer_and_the_table_says_what_it_shows(hedos_run, early):
    fit = hedos_run.fit
    both = [
        fit.forecast(early, counts_until=14.0, endpoint=name)
        for name in ("days_below_0.8", "days_below_0.5")
    ]
    higher, lower = (r.patients[f"{r.endpoint.name}_true_q50"] for r in both)
    assert (lower <= higher + 1e-9).all()
    assert (higher <= 105.0).all()
    assert (higher > lower).any()
    shown = both[0]._repr_html_()
    assert "SYNTHETIC DATA. Days with a count below 0.8" in shown
    assert "nan" not in shown


def test_what_was_measured_already_is_no_longer_drawn(hedos_run):
    """Up to the end of the window everything is known, and the measured number is the observed."""
    fit = hedos_run.fit
    endpoint = lowest_between(0.0, 30.0, (7.0, 14.0, 21.0, 28.0))
    rows = fit.forecast(counts_until=105.0, endpoint=endpoint).patients
    counts = fit.cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    known = rows[rows["observed_low"].notna()]
    assert len(known) >= 3
    last = fit.cohort.fractions.groupby("id")["day"].max()
    for patient, row in known.iterrows():
        day = counts["day"] - last[patient]
        inside = counts[(counts["id"] == patient) & day.between(0, 30)]["value"]
        assert row["observed_low"] == inside.min()
        assert row["low_measured_q05"] == row["low_measured_q95"] == pytest.approx(inside.min())
        assert row["low_true_q05"] < row["low_true_q95"]


def test_the_true_lowest_is_below_the_count_on_any_day_of_the_window(hedos_run, early):
    low = hedos_run.fit.forecast(
        early, counts_until=0.0, endpoint=lowest_between(0.0, 30.0, (28.0,))
    ).patients
    on_day = hedos_run.fit.forecast(early, counts_until=0.0, endpoint=at_day(30.0)).patients
    assert (low["p_low_true"] >= on_day["p_grade2_true"] - 0.03).all()


def test_any_day_has_the_columns_of_the_default_endpoint(hedos_run, early):
    result = hedos_run.fit.forecast(early, counts_until=0.0, endpoint=at_day(30))
    assert set(result.patients["endpoint_day"]) == {30.0}
    assert list(result.patients.columns) == list(hedos_run.forecast.patients.columns)
    assert "Count on day 30" in result._repr_html_()


def test_a_quantity_that_the_model_does_not_show_is_refused(hedos_run, early):
    asked = lowest_between(0.0, 30.0, (28.0,)).model_copy(update={"quantity": "mdsc"})
    with pytest.raises(ModelError, match="found quantity mdsc, expected what model hedos_hcc"):
        hedos_run.fit.forecast(early, endpoint=asked)


def test_a_report_of_an_endpoint_that_it_cannot_have_is_refused_before_the_work(
    hedos_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(type(hedos_run.fit), "forecast", lambda *_, **__: pytest.fail("late"))
    with pytest.raises(BadInput, match="found grade4_ever"):
        hedos_run.fit.report(tmp_path / "page.html", endpoint="grade4_ever", progress=False)
