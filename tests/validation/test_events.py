"""Validation of an event in time: closed forms of constant hazards, and patients who are not
followed to the end.
"""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

import lymphokin as lk
from lymphokin.criticism.forecasts.benchmarks import Forecasts
from lymphokin.criticism.forecasts.event_cases import event_cases, refuse_unjudged
from lymphokin.criticism.forecasts.event_quality import (
    event_quality,
    in_groups,
    observed_over_expected,
)
from lymphokin.criticism.forecasts.held_out import HeldOut
from lymphokin.criticism.forecasts.looks import Look
from lymphokin.criticism.forecasts.prediction_quality import MODEL
from lymphokin.criticism.forecasts.pseudo_values import (
    auc,
    brier,
    calibration_slope,
    log_score,
    pseudo_values,
    share_by,
)
from lymphokin.endpoints import read_endpoint
from lymphokin.io import Cohort
from lymphokin.model import Block, Flow, Hazard, ModelError, Output, state
from lymphokin.population import Hierarchy
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import provenance_of
from lymphokin.validation.events import by_group_of_event

RATE, FASTER, SEVERAL = 0.004, 4.0, 60
BY_120 = read_endpoint("progression_by_day120")
WORDS = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
SPREAD = {"transform": "log", "certainty": "proposed prior"}


class Progression(Block):
    """A progression at a constant rate, and nothing else."""

    hazards = {"progression": Hazard("progression of the disease", "progression")}

    def hazard_rates(self, y, p, u):
        return {"progression": p.rate}


class Counts(Block):
    """A count that stays where it is."""

    count = state("1e9/L", lambda p: p.level)
    shows = {"alc": Output("1e9/L", "lymphocytes")}

    def flows(self, y, p, u):
        return {"count": Flow(0.1 * p.level, 0.1)}

    def outputs(self, y, p, u):
        return {"alc": y.count}


def population(*blocks: Block, rate: float = RATE) -> PopulationDraws:
    """A model whose arm B has the event sooner; nothing of its population is unknown."""
    effects = {"B": {"median": float(np.log(FASTER)), "sd": 1e-9}}
    by_arm = {"form": "category", "reference": "A", "effects": effects, "source": "none"}
    rates = {**WORDS, "unit": "1/d", "median": rate, "population_sd": 1e-9, **SPREAD}
    parameters = {"rate": {**rates, "covariates": {"ARM": by_arm}}}
    table = {"parameters": parameters}
    if len(blocks) > 1:
        own = {"unit": "1e9/L", "median": 1.2, "between_subject_sd": 0.3, "transform": "log"}
        parameters["level"] = {**WORDS, **own}
        error = {"distribution": "normal", "sd": 0.15, "source": "none", "certainty": "fixed"}
        table["residuals"] = {"alc": error}
    model = lk.make_model("constant", blocks, table)
    z = np.zeros((40, len(Hierarchy(model).quantities)))
    return PopulationDraws(model, z, provenance_of(model, "prior", "a test"))


@pytest.fixture(scope="module")
def known():
    return population(Progression())


def hospital(known, seed, factor=1.0, count=SEVERAL, counted=False, censored=(40.0, 400.0)):
    """Patients looked at every month or so until the event is seen or they are lost."""
    rng, rows, seen = np.random.default_rng(seed), [], []
    for i in range(count):
        arm = "B" if i % 2 else "A"
        happens = rng.exponential(1 / (RATE * factor * (FASTER if arm == "B" else 1.0)))
        lost = rng.uniform(*censored)
        rows.append((f"H{i:03d}", arm))
        level = 1.2 * np.exp(0.3 * rng.standard_normal())
        for day in np.arange(30.0, 240.0, 30.0) + rng.integers(-5, 6, 7):
            if day > lost:
                break
            seen.append((f"H{i:03d}", day, "progression", float(happens <= day)))
            if happens <= day:
                break
        for day in (-7.0, 14.0, 28.0) if counted else ():
            value = level * np.exp(0.15 * rng.standard_normal())
            seen.append((f"H{i:03d}", day, "alc", round(float(value), 2)))
    table = pd.DataFrame(rows, columns=["id", "arm"]).set_index("id")
    given = [(i, 0.0, 8.0) for i in table.index]
    columns = ["id", "day", "quantity", "value"]
    observed = pd.DataFrame(seen, columns=columns).sort_values(["id", "day"], kind="stable")
    return Cohort(
        table,
        pd.DataFrame(given, columns=["id", "day", "prescribed_gy"]),
        pd.DataFrame([], columns=["id", "day", "drug", "amount_mg"]),
        observed.reset_index(drop=True),
        vocabulary=known.model.vocabulary,
    )


@pytest.fixture(scope="module")
def judged(known):
    return lk.validate(known, hospital(known, 1), looks=[0, 45], endpoint=BY_120, progress=False)


def test_risks_are_those_of_the_constant_hazard(known, judged):
    """Also of a model without counts, and from the last look that did not find it."""
    cohort = hospital(known, 1)
    rows = cohort.observations
    for day in (0.0, 45.0):
        table = judged.quality.judged(day, MODEL)
        last = rows[(rows["day"] <= day) & (rows["value"] == 0)].groupby("id")["day"].max()
        since = last.reindex(table.index).fillna(0.0).to_numpy()
        rate = RATE * np.where(table["arm"] == "B", FASTER, 1.0)
        np.testing.assert_allclose(table["risk"], -np.expm1(-rate * (120 - since)), rtol=1e-5)
    found = judged.quality.judged(45.0, MODEL).index
    assert set(rows[(rows["day"] <= 45) & (rows["value"] == 1)]["id"]).isdisjoint(found)


def test_a_right_model_holds_and_a_wrong_one_does_not(known, judged):
    assert judged.conclusion == "holds"
    wrong = hospital(known, 2, factor=3.0)
    found = lk.validate(known, wrong, looks=[0], endpoint=BY_120, progress=False)
    assert found.conclusion == "update first"
    assert "more patients had the event than forecast" in found.table["sentence"][0]


def test_pseudo_values_are_the_jackknife_of_kaplan_and_meier():
    rng = np.random.default_rng(3)
    time, lost = rng.exponential(100, 30), rng.uniform(20, 200, 30)
    after, until = np.minimum(time, lost), np.where(time <= lost, time, np.inf)

    def share(some):
        curve = SurvfuncRight(after[some], np.isfinite(until[some]).astype(int))
        before = curve.surv_prob[curve.surv_times <= 120]
        return 1 - (before[-1] if len(before) else 1.0)

    every = np.arange(30)
    assert share_by(after, until, 120.0) == pytest.approx(share(every), abs=1e-6)
    by_hand = np.array([30 * share(every) - 29 * share(every[every != i]) for i in every])
    found = pseudo_values(after, until, 120.0, np.full(30, "A"))
    moved = by_hand + share(every) - by_hand.mean()
    np.testing.assert_allclose(found.value, moved, atol=1e-4)


def test_where_all_is_known_they_are_what_happened():
    rng = np.random.default_rng(4)
    after = np.where(rng.random(20) < 0.5, 130.0, 40.0)
    until = np.where(after > 100, np.inf, 70.0)
    happened = np.isfinite(until)
    value = pseudo_values(after, until, 120.0, np.full(20, "A")).value
    np.testing.assert_allclose(value, happened, atol=1e-9)
    risk = rng.uniform(0.1, 0.9, 20)
    np.testing.assert_allclose(brier(risk, value), (risk - happened) ** 2, atol=1e-9)
    expected = -np.log(np.where(happened, risk, 1 - risk))
    np.testing.assert_allclose(log_score(risk, value), expected, atol=1e-8)
    pairs = np.sign(risk[happened][:, None] - risk[~happened])
    assert auc(risk, value, 0).value == pytest.approx((pairs > 0).mean())


def test_the_slope_is_that_of_a_logistic_regression_with_robust_errors():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    risk = rng.uniform(0.05, 0.95, 300)
    happened = (rng.random(300) < risk).astype(float)
    fitted = sm.Logit(happened, sm.add_constant(np.log(risk / (1 - risk)))).fit(
        disp=0, cov_type="HC0"
    )
    low, high = fitted.conf_int(0.1)[1]
    found = calibration_slope(risk, happened)
    np.testing.assert_allclose(found, [fitted.params[1], low, high], rtol=1e-5)


def test_who_is_lost_early_does_not_flatter_or_blame(known):
    """Half of the patients are lost before day 120: of the others too many have had the event."""
    ratios, complete = [], []
    for seed in range(20):
        cohort = hospital(known, 100 + seed, count=80, censored=(20.0, 240.0))
        cases = event_cases(cohort, BY_120, [0.0], exact=False)
        rate = RATE * np.where(cases.patients["arm"] == "B", FASTER, 1.0)
        risk = -np.expm1(-rate * 120)
        after, until = (cases.patients[c].to_numpy(float) for c in ("after", "until"))
        state = cases.patients["state"]
        ratios.append(share_by(after, until, 120.0) / risk.mean())
        complete.append(state.mean() / risk[state.notna()].mean())
    error = np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    assert np.mean(ratios) == pytest.approx(1.0, abs=2.5 * error)
    assert np.mean(complete) > 1.0 + 2.5 * error


@pytest.mark.long
def test_observed_over_expected_is_right_where_patients_are_lost(known):
    """Its centre is the share of each arm, and its intervals hold the right number, 1."""
    found = []
    for seed in range(16):
        cohort = hospital(known, 300 + seed, count=40, censored=(60.0, 240.0))
        patients = of_event(cohort, 120).patients
        risk = -np.expm1(-120 * RATE * np.where(patients["arm"] == "B", FASTER, 1.0))
        after, until = (patients[c].to_numpy(float) for c in ("after", "until"))
        value = pseudo_values(after, until, 120.0, patients["arm"].to_numpy(str)).value
        found.append(observed_over_expected(risk, value, patients["state"].to_numpy(float)))
        arms = [np.flatnonzero(patients["arm"] == arm) for arm in "AB"]
        events = sum(len(own) * share_by(after[own], until[own], 120.0) for own in arms)
        assert found[-1].value == pytest.approx(events / risk.sum())
    ratio, low, high = np.array(found).T
    assert ratio.mean() == pytest.approx(1.0, abs=2.5 * ratio.std(ddof=1) / 4)
    assert ((low < 1) & (high > 1)).sum() >= 12  # fewer in one of 50 such tests at 90 %


def test_no_event_in_few_patients_is_no_certainty(judged):
    """0.6 events were expected of 12 patients. Pseudo-values may differ where others are lost."""
    found = observed_over_expected(np.full(12, 0.05), np.zeros(12), np.zeros(12))
    assert found.value == 0.0
    assert np.isnan(found[1:]).all()
    spared = judged.cases.patients["state"] == 0
    of_centre = judged.cases.patients.assign(centre=np.where(spared, "none", "some"))
    groups = by_group_of_event(judged.quality, replace(judged.cases, patients=of_centre))
    rows = groups[groups["by"] == "centre"].set_index(["group", "day"])
    assert (rows.loc["none", "observed_over_expected"] >= 0).all()
    columns = ["observed_over_expected_q05", "observed_over_expected_q95"]
    assert rows.loc["none", columns].isna().all(axis=None)


def test_a_group_of_whom_too_few_are_followed_is_not_drawn(judged):
    table = judged.quality.forecasts
    early = (table["until"] > 60) & (table["arm"] == "A")
    cut = np.where(early, 60.0, table["after"])
    left = table.assign(
        after=np.minimum(cut, table["after"]), until=table["until"].mask(early, np.inf)
    )
    groups = in_groups(replace(judged.quality, forecasts=left), 0.0)
    assert groups["observed"].isna().any()
    assert groups["observed"].notna().any()


def test_who_cannot_be_forecast_still_tells_how_many_had_the_event(known):
    """Without them the few who are followed to the end might be left out."""
    cases = of_event(hospital(known, 1, count=30), 120)
    risk = np.linspace(0.1, 0.9, len(cases.patients))

    def values(k):
        own = HeldOut(Forecasts(risk, risk[:, None], risk[:, None]), k)
        look = Look(own, pd.DataFrame({"pareto_k": []}))
        return event_quality(cases, {0.0: look}, 0).judged(0.0, MODEL)["pseudo_value"]

    some = values(np.where(np.arange(len(risk)) % 5 == 0, 1.0, 0.0))
    everybody = values(np.zeros(len(risk)))
    assert len(some) == 0.8 * len(everybody)
    np.testing.assert_allclose(some, everybody[some.index])


def test_a_small_arm_leaves_the_others_their_own_shares():
    """Such as one patient of no known arm: a drug may matter."""
    after = np.r_[np.full(17, 130.0), np.full(16, 40.0), np.full(9, 130.0)]
    until = np.r_[np.full(17, np.inf), np.full(16, 70.0), np.full(9, np.inf)]
    apart = np.array(["A"] * 17 + ["B"] * 16)
    two = pseudo_values(after[:33], until[:33], 120.0, apart).others
    with_one = pseudo_values(after[:34], until[:34], 120.0, np.append(apart, "")).others
    np.testing.assert_allclose(with_one[17:33], two[17:])  # B; the one is taken with A
    np.testing.assert_allclose(with_one[[0, 33]], 1 / 19)
    small = np.concatenate([apart, ["C"] * 4, ["D"] * 4, [""]])
    with_many = pseudo_values(after, until, 120.0, small).others
    np.testing.assert_allclose(with_many[:33], two)
    np.testing.assert_allclose(with_many[33:], 1 / 10)


@pytest.mark.filterwarnings("error")
def test_the_auc_of_few_events_stays_between_0_and_1():
    """Also of resamples in which pseudo-values sum to 0 or less."""
    value = np.array([1.17, *[-0.015] * 11, *[0.083] * 2])
    risk = np.random.default_rng(0).uniform(0.01, 0.3, 14)
    found = auc(risk, value, 0)
    assert 0 <= found.q05 <= found.value <= found.q95 <= 1
    assert np.isnan(auc(risk, np.full(14, 0.004), 0)).all()


def test_who_is_judged_at_a_look():
    rows = {
        "seen early": [(20, 1)],
        "waited for": [(20, 0), (60, 1)],
        "lost early": [(20, 0)],
        "known": [(20, 0), (130, 0)],
        "late": [(20, 0), (60, 0), (140, 1)],
        "nobody": [],
    }
    table = pd.DataFrame(index=pd.Index(list(rows), name="id"))
    seen = [(i, float(d), "progression", float(v)) for i, own in rows.items() for d, v in own]
    cohort = Cohort(
        table,
        pd.DataFrame([(i, 0.0, 8.0) for i in rows], columns=["id", "day", "prescribed_gy"]),
        pd.DataFrame([], columns=["id", "day", "drug", "amount_mg"]),
        pd.DataFrame(seen, columns=["id", "day", "quantity", "value"]),
        vocabulary=population(Progression()).model.vocabulary,
    )
    cases = event_cases(cohort, BY_120, [0.0, 30.0], exact=False)
    assert cases.at_risk[0.0].sum() == 5
    assert list(cases.at_risk.index[cases.at_risk[30.0]]) == ["waited for", "known", "late"]
    assert cases.left_out == {"no record of progression": 1}
    own = cases.patients.loc[["waited for", "known", "late"]]
    assert own["state"].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(own["state"].iloc[2])  # seen after the window, last without it before its end
    assert own["after"].tolist() == [20, 130, 60]
    exact = event_cases(cohort, BY_120, [0.0], exact=True).patients.loc["late"]
    assert (exact["after"], exact["until"], exact["state"]) == (140, 140, 0)


@pytest.mark.parametrize(
    ("cohort", "message"),
    [
        (lambda known: hospital(known, 7, count=6), r"at least 10 patients in whom progression"),
        (lambda known: hospital(known, 7, factor=1e-9), r"with and without .*none of"),
        (lambda known: hospital(known, 7).until(20.0), r"found 0 patients \(no record"),
    ],
)
def test_few_patients_or_one_outcome_are_refused(known, cohort, message):
    with pytest.raises(lk.BadInput, match=f"(?s){message}"):
        lk.validate(known, cohort(known), looks=[0], endpoint=BY_120, progress=False)


@pytest.mark.parametrize("end", [240, 365])
def test_an_event_later_than_anybody_is_followed_is_refused(known, end):
    """Everybody is looked at until about day 210: who has the event later is not in the records."""
    cohort = hospital(known, 1, count=80, censored=(400, 401))
    with pytest.raises(lk.BadInput, match=f"(?s)to day {end},.*day 20. at the latest"):
        lk.validate(known, cohort, looks=[0], endpoint=f"progression_by_day{end}", progress=False)


def test_the_day_that_a_refusal_names_is_judged(known):
    """And so is an arm in which all had the event, or are seen as long as those who were lost."""
    cohort = hospital(known, 1, count=80, censored=(400, 401))
    with pytest.raises(lk.BadInput) as refused:
        refuse_unjudged(cohort, of_event(cohort, 240), 10)
    day = float(re.findall(r"by day ([\d.]+)", str(refused.value))[0])
    cases = of_event(cohort, day)
    refuse_unjudged(cohort, cases, 10)
    assert (cases.patients["state"] == 0).groupby(cases.patients["arm"]).sum().min() >= 2
    fast = hospital(known, 2, factor=3.0)
    cases = of_event(fast, 120)
    assert not (cases.patients[cases.patients["arm"] == "B"]["state"] == 0).any()
    refuse_unjudged(fast, cases, 10)


def of_event(cohort, end):
    return event_cases(cohort, read_endpoint(f"progression_by_day{end:g}"), [0.0], exact=False)


def test_an_event_of_no_hazard_and_other_models_are_refused(known):
    death = read_endpoint("death_by_day120")
    with pytest.raises(ModelError, match=r"no hazard of 'death'.*it has: progression"):
        lk.validate(known, hospital(known, 7), endpoint=death, progress=False)
    with pytest.raises(ValueError, match=r"all_models goes with .* no hazard of progression"):
        lk.validate(known, hospital(known, 7), endpoint=BY_120, all_models=True, progress=False)


def test_it_is_saved_as_page_json_and_tables(judged, tmp_path):
    files = {f.name: f for f in judged.save(tmp_path / "ours.html")}
    assert set(files) == {"ours.html", "ours.json", "ours_scores.csv", "ours_forecasts.csv",
                          "ours_groups.csv"}  # fmt: skip
    written = json.loads(files["ours.json"].read_text())
    assert written["conclusion"] == "holds"
    assert written["endpoint"] == "progression_by_day120"
    words = " ".join(re.sub(r"<[^>]+>", " ", files["ours.html"].read_text()).split())
    assert "nan" not in words.lower().replace("discriminan", "")
    row = judged.groups.iloc[0]
    ratio = "{:.2f} ({:.2f}, {:.2f})".format(
        *(row[f"observed_over_expected{end}"] for end in ("", "_q05", "_q95"))
    )
    assert f"{row['patients']} {row['events']} {ratio}" in words
    assert "share of the arm" in words


@pytest.mark.long
def test_later_counts_are_judged_beside_the_event():
    both = population(Counts(), Progression())
    cohort = hospital(both, 8, counted=True)
    found = lk.validate(both, cohort, looks=[0], endpoint=BY_120, progress=False)
    assert len(found.details["counts"]) == 2 * SEVERAL
    assert found.quality.score(0.0, "count_coverage_90").value == pytest.approx(0.9, abs=0.1)
    assert found.conclusion == "holds"


@pytest.mark.long
def test_a_check_forecasts_events_of_the_fitted_patients_without_their_own_records(tmp_path):
    """Of a model without counts, by weights and by fits without a part of the patients."""
    rate = {**WORDS, "unit": "1/d", "median": RATE, "population_sd": 0.7, **SPREAD}
    model = lk.make_model("alone", [Progression()], {"parameters": {"rate": rate}})
    cohort = hospital(population(Progression()), 11)
    cohort = replace(cohort, vocabulary=model.vocabulary)
    fit = lk.fit(cohort, model, method="quick", seed=1, progress=False)
    found = lk.check_forecasts(fit, endpoint=BY_120, progress=False)
    table = found.quality.judged(0.0, MODEL)
    # Given a rate patients are independent: the others say what they say in any order.
    log_rate = np.linspace(np.log(RATE) - 3, np.log(RATE) + 3, 1501)
    terms = np.stack(
        [
            np.log(np.exp(-np.exp(log_rate) * a) - np.exp(-np.exp(log_rate) * u) * np.isfinite(u))
            for a, u in table[["after", "until"]].to_numpy(float)
        ]
    )
    prior = -0.5 * ((log_rate - np.log(RATE)) / 0.7) ** 2
    everybody = terms.sum(axis=0) + prior
    for i, risk in enumerate(table["risk"]):
        weight = np.exp(everybody - terms[i] - (everybody - terms[i]).max())
        mean = (weight * -np.expm1(-120 * np.exp(log_rate))).sum() / weight.sum()
        assert risk == pytest.approx(mean, abs=0.02)
    checks = set(found.table["check"])
    assert "held-out forecasts against rate of the arm" in checks
    files = {f.name for f in found.save(tmp_path / "check.html")}
    assert files == {"check.html", "check.json", "check_scores.csv", "check_forecasts.csv"}
    page = (tmp_path / "check.html").read_text()
    assert "whether it happens is forecast of each patient" in page
    of_fit = lk.check(fit, draws=500, progress=False)
    assert of_fit.table["check"].tolist() == [
        "times of an event", "prior-to-posterior contraction", "prior against data",
        "sensitivity to the prior", "local identifiability",
    ]  # fmt: skip
    assert of_fit.table.set_index("check").loc["times of an event", "level"] == "fine"
    assert "declares no composites" in of_fit.page()
    with pytest.raises(lk.BadInput, match="followed without it to day"):
        lk.check_forecasts(fit, endpoint="progression_by_day365", progress=False)
    with pytest.raises(ModelError, match="a check needs a lymphocyte count"):
        lk.check_forecasts(fit, progress=False)
    with pytest.raises(ModelError, match="no hazard of 'death'"):
        lk.check_forecasts(fit, endpoint="death_by_day120", progress=False)
