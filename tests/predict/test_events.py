"""Forecasts of an event, survival curves and their check, against closed forms and SciPy."""

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lymphokin as lk
from lymphokin.criticism.data.event_times import check_events, event_sections
from lymphokin.endpoints import Endpoint
from lymphokin.infer.density import density_of
from lymphokin.infer.predictive import new_patients
from lymphokin.model import Block, Flow, Hazard, ModelError, Output, state
from lymphokin.predict.endpoint_draws import visits_of
from lymphokin.predict.forecast import days_of_interest, forecast
from lymphokin.predict.range import seen_ranges
from lymphokin.predict.survival import intervals_of, survival, survival_on
from lymphokin.predict.turnbull import turnbull
from tests import examples

matplotlib.use("Agg")
RATE, SD = 0.006, 0.6


class Counts(Block):
    """A count that stays, and a progression at a rate that is the same for all and not known."""

    count = state("1e9/L", lambda p: p.baseline)
    shows = {"alc": Output("1e9/L", "lymphocytes")}
    hazards = {"progression": Hazard("progression of the disease", "progression")}

    def flows(self, y, p, u):
        return {"count": Flow(p.turnover * p.baseline, p.turnover)}

    def hazard_rates(self, y, p, u):
        return {"progression": p.rate}

    def outputs(self, y, p, u):
        return {"alc": y.count}


@pytest.fixture(scope="module")
def model():
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    words |= {"transform": "log"}
    parameters = {
        "baseline": {**words, "unit": "1e9/L", "median": 1.3, "between_subject_sd": 0.2},
        "turnover": {**words, "unit": "1/d", "median": 0.1},
        "rate": {**words, "unit": "1/d", "median": RATE, "population_sd": SD},
    }
    error = {"distribution": "normal", "sd": 0.1, "source": "none", "certainty": "fixed"}
    return lk.make_model(
        "constant", [Counts()], {"parameters": parameters, "residuals": {"alc": error}}
    )


BY_120 = Endpoint.model_validate(
    {"name": "by120", "meaning": "Progression by day 120", "quantity": "progression",
     "what": "event", "from": "first_fraction", "until": 120}
)  # fmt: skip
HEAD = "ID,TIME,EVID,CMT,AMT,DVID,DV"
TABLE = f"""{HEAD}
P1,0,0,,,alc,1.3
P2,0,0,,,alc,1.2
P2,60,0,,,progression,0
P3,0,0,,,alc,1.1
P3,100,0,,,progression,0
P3,150,0,,,progression,1
P4,0,0,,,alc,1.1
P4,30,0,,,progression,0
P4,90,0,,,progression,1
"""


def read(model, path, text):
    path.write_text(text)
    return lk.read_events(path, model=model)


def expected(likelihood, event):
    """Probability of what happens given records, the rate integrated over its prior."""
    z = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    rate = RATE * np.exp(SD * z)
    weight = likelihood(rate)
    return float((weight * event(rate)).sum() / weight.sum())


def test_an_event_is_forecast_from_what_is_known_of_the_patient(model, tmp_path):
    cohort = read(model, tmp_path / "t.csv", TABLE)
    density = density_of(model, cohort, days=days_of_interest(cohort, BY_120))
    z = stats.norm.ppf((np.arange(400) + 0.5) / 400)[:, None]
    common = {
        "in_fit": False,
        "seen": seen_ranges(cohort, visits_of(cohort)),
        "synthetic": True,
        "seed": 1,
    }
    asked = {"endpoint": BY_120, "populations": 400, **common}
    early = forecast(density, z, counts_until=0, **asked)
    alone = expected(np.ones_like, lambda r: 1 - np.exp(-120 * r))
    np.testing.assert_allclose(early.patients["p_by120"], alone, atol=3e-3)
    late = forecast(density, z, counts_until=400, **asked).patients["p_by120"]
    spared = expected(lambda r: np.exp(-60 * r), lambda r: 1 - np.exp(-60 * r))
    between = expected(
        lambda r: np.exp(-100 * r) - np.exp(-150 * r),
        lambda r: (np.exp(-100 * r) - np.exp(-120 * r)) / (np.exp(-100 * r) - np.exp(-150 * r)),
    )
    np.testing.assert_allclose(late, [alone, spared, between, 1.0], atol=3e-3)
    np.testing.assert_array_equal(early.patients["observed_by120"], [np.nan, np.nan, np.nan, 1.0])
    low, high = (early.patients[f"p_by120_{q}"] for q in ("q05", "q95"))
    rates = RATE * np.exp(SD * stats.norm.ppf([0.05, 0.95]))
    np.testing.assert_allclose([low.iloc[0], high.iloc[0]], 1 - np.exp(-120 * rates), atol=0.02)
    shown = early.shown("")
    assert shown.columns[3] == "probability"
    assert shown.rows[3][-1] == "yes"
    other = BY_120.model_copy(update={"quantity": "death"})
    with pytest.raises(ModelError, match="no hazard of 'death'"):
        forecast(density, z, endpoint=other, **common)


WRONG = {"until": None, "below": 0.5, "day": 7.0, "quantity": "alc", "begin": 3}


@pytest.mark.parametrize("key", WRONG)
def test_an_endpoint_of_an_event_says_by_when_and_nothing_else(key):
    keys = BY_120.model_dump(by_alias=True) | {key: WRONG[key]}
    with pytest.raises(ValueError, match="as `what` is event"):
        Endpoint.model_validate(keys)


@pytest.mark.parametrize("visits", [(7.0, 3.0), (-1.0,), (7.0, 121.0)])
def test_visits_that_see_an_event_stand_in_order_and_not_after_its_day(visits):
    keys = BY_120.model_dump(by_alias=True)
    assert Endpoint.model_validate(keys | {"visits": (7.0, 120.0)}).visits == (7.0, 120.0)
    with pytest.raises(ValueError, match="visits in increasing order from 0 to until"):
        Endpoint.model_validate(keys | {"visits": visits})


def test_without_intervals_turnbull_is_kaplan_and_meier():
    rng = np.random.default_rng(2)
    days = np.round(rng.exponential(50, 60)) + 1  # with ties
    censored = rng.random(60) < 0.4
    found = turnbull(days, np.where(censored, np.inf, days))
    data = stats.CensoredData.right_censored(days, censored)
    exact = stats.ecdf(data).sf
    falls = np.isfinite(found.end)
    np.testing.assert_allclose(found.survival[falls], exact.evaluate(found.end[falls]), atol=1e-6)


def test_turnbull_has_the_greatest_likelihood_of_intervals():
    """Four intervals whose estimate is found by hand: mass on (1, 2], (3, 4] and (5, inf)."""
    found = turnbull(np.array([0.0, 1.0, 3.0, 5.0]), np.array([2.0, 4.0, 4.0, np.inf]))
    np.testing.assert_array_equal(found.begin, [1, 3, 5])
    np.testing.assert_array_equal(found.end, [2, 4, np.inf])
    # m1 + m2 + m3 = 1 and ln m1 + ln(m1 + m2) + ln m2 + ln m3 is greatest at 3/8, 3/8, 1/4.
    np.testing.assert_allclose(found.survival, [5 / 8, 1 / 4, 0], atol=1e-6)


@pytest.fixture(scope="module")
def visits(model, tmp_path_factory):
    """150 patients with visits every 40 days, by the true rate and by one three times as high."""
    rng = np.random.default_rng(5)
    cohorts = {}
    for name, rate in {"right": RATE, "wrong": 3 * RATE}.items():
        lines = [HEAD]
        for i in range(150):
            happens, leaves = rng.exponential(1 / rate), rng.uniform(50, 300)
            lines.append(f"P{i},0,0,,,alc,1.3")
            for day in np.arange(40.0, 321.0, 40.0):
                if day > leaves:
                    break
                lines.append(f"P{i},{day:g},0,,,progression,{int(happens <= day)}")
                if happens <= day:
                    break
        path = tmp_path_factory.mktemp("events") / f"{name}.csv"
        cohorts[name] = read(model, path, "\n".join(lines) + "\n")
    return cohorts


@pytest.mark.long
def test_the_check_of_event_times_is_fine_where_the_model_is_right_and_only_there(model, visits):
    levels = {}
    for name, cohort in visits.items():
        density = density_of(model, cohort)
        x = new_patients(density, np.zeros((50, 1)), 1)
        found = check_events(density, x, 1)
        levels[name] = found["progression"].verdict.level
        (section,) = event_sections(found)
        assert "svg" in section.drawings[0].svg
    assert levels == {"right": "fine", "wrong": "wrong"}


def test_survival_curves_are_those_of_the_hazard_and_of_the_records(model, visits):
    cohort = visits["right"]
    days = {str(patient): [320.0] for patient in cohort.patients.index}
    density = density_of(model, cohort, days=days)
    z = np.zeros((25, 1))
    on = np.array([0.0, 55.5, 320.0])
    kept = survival_on(density, new_patients(density, z, 1), "progression", on)
    np.testing.assert_allclose(kept, np.broadcast_to(np.exp(-RATE * on), kept.shape), rtol=1e-6)
    found = survival(density, z, "progression", 320.0, 1)
    curve = found.curves.set_index("day")["q50"]
    np.testing.assert_allclose(curve, np.exp(-RATE * curve.index.to_numpy()), rtol=1e-6)
    steps = found.observed[""]
    known = steps.end < 250
    exact = np.exp(-RATE * steps.end[known])
    np.testing.assert_allclose(steps.survival[known], exact, atol=0.12)  # of 150 patients
    after, until = intervals_of(density, "progression", cohort.patients.index)
    assert (after < until).all()


def test_the_information_of_visits_is_that_of_bernoulli_variables(model, visits):
    few = visits["right"].select(visits["right"].patients.index[:25])
    density = density_of(model, few)
    found = density.information(density.centre, density.arrays).population[0, 0]
    passed, visited = 40 * RATE, (few.observations["quantity"] == "progression").sum()
    happens = -np.expm1(-passed)  # its slope by ln of the rate, squared, over its variance
    of_visit = (passed * np.exp(-passed)) ** 2 / (happens * (1 - happens))
    assert found == pytest.approx(1 + SD**2 * visited * of_visit, rel=1e-4)  # 1 of the prior


@pytest.mark.long
def test_a_fit_forecasts_draws_reports_and_shows_an_event(model, visits, tmp_path):
    few = visits["right"].select(visits["right"].patients.index[:25])
    fit = lk.fit(few, model, method="quick", seed=1, progress=False)
    row = fit.summary.set_index("name").loc["rate"]
    rows = few.observations.query("quantity == 'progression'")
    log_rate = np.linspace(np.log(RATE) - 4, np.log(RATE) + 4, 2001)
    passed = 40.0 * np.exp(log_rate)[:, None]  # between two visits
    terms = np.where(rows["value"] == 1, np.log(-np.expm1(-passed)), -passed).sum(axis=1)
    density = np.exp(terms + stats.norm.logpdf(log_rate, np.log(RATE), SD))
    cumulated = np.cumsum(density) / density.sum()
    exact = np.exp(np.interp([0.05, 0.5, 0.95], cumulated, log_rate))
    np.testing.assert_allclose(row[["q05", "q50", "q95"]].astype(float), exact, rtol=0.1)
    assert fit.draws["log_likelihood"]["progression"].shape[-1] > 25
    fit.save(tmp_path / "run", progress=False)
    assert "Share without progression" in (tmp_path / "run" / "report.html").read_text()
    risks = fit.forecast(endpoint=BY_120, counts_until=0).patients
    assert risks["p_by120"].between(0, 1).all()
    assert examples.runs("Fit.survival", fit=fit)
    assert examples.runs("plot.survival", fit=fit)
    with pytest.raises(ModelError, match="no hazard of 'death': expected one of progression"):
        fit.survival("death")


class Alone(Block):
    """The same progression, and nothing that is measured."""

    hazards = Counts.hazards

    def hazard_rates(self, y, p, u):
        return {"progression": p.rate}


@pytest.mark.long
def test_a_model_of_an_event_alone_is_fitted_and_forecasts_it(model, visits, tmp_path):
    """Patients without a count; what the fit has learnt from a patient is taken out again."""
    rate = model.table["rate"]
    keys = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    keys |= {"transform": "log", "unit": "1/d", "median": rate.median, "population_sd": SD}
    bare = lk.make_model("alone", [Alone()], {"parameters": {"rate": keys}})
    few = visits["right"].select(visits["right"].patients.index[:25])
    seen = few.observations.query("quantity == 'progression'").reset_index(drop=True)
    first = pd.DataFrame({"id": few.patients.index, "day": 0.0, "prescribed_gy": 8.0})
    cohort = replace(few, observations=seen, fractions=first, vocabulary=bare.vocabulary)
    fit = lk.fit(cohort, bare, method="quick", seed=1, progress=False)
    assert fit.save(tmp_path / "run", progress=False) is None
    risks = lk.open_run(tmp_path / "run", bare).forecast(endpoint=BY_120, counts_until=0).patients
    # Every patient by the records of the others.
    log_rate = np.linspace(np.log(RATE) - 4, np.log(RATE) + 4, 2001)
    passed = 40.0 * np.exp(log_rate)[:, None]
    terms = np.where(seen["value"] == 1, np.log(-np.expm1(-passed)), -passed)
    prior = stats.norm.logpdf(log_rate, np.log(RATE), SD)
    for patient, risk in risks["p_by120"].items():
        weight = np.exp(terms[:, seen["id"] != patient].sum(axis=1) + prior)
        mean = (weight * -np.expm1(-120 * np.exp(log_rate))).sum() / weight.sum()
        assert risk == pytest.approx(mean, abs=0.03)
    assert risks["baseline_grade"].isna().all()
    with pytest.raises(ModelError, match="a forecast of the endpoint needs a lymphocyte count"):
        fit.forecast()
