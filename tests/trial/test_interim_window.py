"""Looks at an endpoint of a window of days: what was seen counts, what is to come is forecast."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from lymphokin.endpoints import Endpoint
from lymphokin.io import Cohort
from lymphokin.model import load_model
from lymphokin.population import Hierarchy
from lymphokin.predict.windows import Window, of_values
from lymphokin.trial.interim import Rehearsal, evaluable, future_patients, look_at, standing
from lymphokin.trial.interim.bank import Bank, BankArm, posterior_at
from lymphokin.trial.interim.future import FutureArm
from lymphokin.trial.interim.observed import Observed
from lymphokin.trial.interim.reading import WindowVisits, at_end, at_look
from lymphokin.trial.interim.window import shown_to_come, windows_at
from lymphokin.trial.synthetic import SyntheticTrial
from lymphokin.trial.virtual.window import log_reported, reaches, shown
from tests.trial.test_interim_calibration import RESIDUAL
from tests.trial.test_interim_run import DESIGN, RUN_IN, SHIFTS, TypicalDraws, cohort

__all__ = ["cohort"]  # the fixture


def endpoint(what: str = "lowest", **keys: Any) -> Endpoint:
    made = {"name": what, "meaning": what, "what": what, "from": "first_fraction", "until": 30,
            "below": 0.5, "visits": (7, 14, 28)}  # fmt: skip
    return Endpoint.model_validate(made | keys)


KINDS = [
    endpoint(),
    endpoint("highest"),
    endpoint("back_above", begin=2),
    endpoint("time_below", at_least=9),
    endpoint("area_below", at_least=1.5),
]


def by_hand(judged: Endpoint, day: np.ndarray, log_value: np.ndarray, taken: np.ndarray) -> bool:
    """The event as forecasts read it off the visits that took place."""
    assert judged.until is not None
    values = np.exp(log_value[taken])
    limits = np.stack([values, values], axis=1)
    window = Window(judged.begin, judged.until, day[taken], values, limits)
    return bool(of_values(judged, log_value[taken][None], window)[1][0])


@pytest.mark.parametrize("judged", KINDS, ids=lambda e: e.what)
def test_an_event_is_read_off_the_visits_that_took_place(judged: Endpoint):
    rng = np.random.default_rng(0)
    day = np.sort(rng.integers(2, 30, (3, 60)), axis=0).astype(float)
    log_value = log_reported(rng.normal(np.log(0.5), 0.6, (3, 60)))
    taken = rng.random((3, 60)) < 0.7
    some = taken.any(axis=0)
    expected = [by_hand(judged, *(x[:, i] for x in (day, log_value, taken)))
                for i in np.flatnonzero(some)]  # fmt: skip
    assert 5 < sum(expected) < len(expected) - 3
    assert shown(judged, day, log_value, taken)[some].tolist() == expected
    late = [(d[k] >= 21).any() for d, k in zip(day.T, taken.T, strict=True)]
    assert reaches(judged, day, taken).tolist() == late


def test_a_reported_count_that_equals_the_level_is_not_below_it():
    for value, below in ((0.5, False), (0.4951, False), (0.4949, True)):
        reported = log_reported(np.log(np.full((3, 1), value, dtype=np.float32)))
        all_taken = np.ones((3, 1), bool)
        assert shown(endpoint(), np.array([[7.0], [14], [28]]), reported, all_taken)[0] == below


def with_counts(cohort: Cohort, counts: dict[str, dict[float, float]]) -> Cohort:
    rows = cohort.observations
    pattern = rows[rows["quantity"] == "alc"].iloc[[0]]
    made = [pattern.assign(id=i, day=float(day), value=value)
            for i, own in counts.items() for day, value in own.items()]  # fmt: skip
    return replace(cohort, observations=pd.concat(made, ignore_index=True))


def test_patients_stand_where_their_counts_in_the_window_say(small_trial: SyntheticTrial):
    ids = list(small_trial.cohort.patients.index.drop(RUN_IN))
    counts = [
        {7: 0.9, 14: 0.45, 28: 0.8},  # the second visit shows the event
        {7: 0.9, 14: 0.6, 27: 0.7},  # a visit a day early is the last one
        {7: 0.9, 14: 0.45},
        {7: 0.9, 22: 0.6},  # known if nothing more came, but day 28 is to come
        {7: 0.9, 14: 0.8, 33: 0.4},  # late, and within the tolerance
        {7: 0.9, 40: 0.4},  # too late
    ]
    seen = with_counts(small_trial.cohort, dict(zip(ids, counts, strict=True)))
    design = DESIGN.judging(endpoint())
    table = standing(seen, design, left_out=RUN_IN)
    waits = "in follow-up"
    expected = ["event", "no event", waits, waits, "event", "missing"]
    assert table["status"].tolist() == expected
    chance = float(evaluable(design, 28.0, 14.0))
    assert 0.9 < chance < 1
    assert table["evaluable"].tolist() == pytest.approx([1, 1, chance, 1, 1, 0])
    assert (table["planned_day"] == 28).all()
    lost = standing(seen, design, lost=ids[2:4], left_out=RUN_IN)["status"]
    assert lost.tolist()[2:4] == ["missing", "no event"]
    windows = windows_at(seen, design)
    assert windows[ids[2]].visits.tolist() == [7, 14, 28]
    assert windows[ids[3]].visits.tolist() == [7, 22, 28]
    assert windows[ids[4]].visits.tolist() == [7, 14, 30]


def test_any_visit_late_enough_makes_the_endpoint_known():
    plan = {**DESIGN.plan, "drop_out_probability": 0.0, "missing_visit_probability": 0.3}
    design = replace(DESIGN, truth=replace(DESIGN.truth, design=plan))
    alone = design.judging(endpoint(visits=(7, 28)))
    assert evaluable(alone, 28.0, 0.0) == pytest.approx(0.7)
    # Day 20 +- 3 is 21 or later with a chance of 3 in 7.
    two = design.judging(endpoint(visits=(7, 20, 28)))
    assert evaluable(two, 28.0, 0.0) == pytest.approx(1 - 0.3 * (1 - 0.7 * 3 / 7))


def test_what_visits_to_come_may_show_is_what_scipy_says():
    """Lowest of two counts to come, of which the first may be missed; and one already seen."""
    plan = {**DESIGN.plan, "missing_visit_probability": 0.3}
    design = replace(DESIGN, truth=replace(DESIGN.truth, design=plan)).judging(endpoint())
    true, sd = np.log([0.9, 0.55, 0.6]), 0.2
    first, last = student.cdf((np.log(0.495) - true[1:]) / sd, RESIDUAL.degrees_of_freedom)
    rng = np.random.default_rng(0)
    for value, expected in ((0.8, 1 - (1 - 0.7 * first) * (1 - last)), (0.49, 1.0)):
        limits = np.array([[value, value], [0, np.inf], [0, np.inf]])
        window = Window(0, 30, np.array([7.0, 14, 28]), np.array([value, np.nan, np.nan]), limits)
        many = np.tile(true, (2000, 1))
        found = shown_to_come(design, window, many, RESIDUAL, np.full((2000, 1), sd), rng)
        assert found.mean() == pytest.approx(expected, abs=0.01)


def test_the_bank_joins_what_was_seen_with_what_is_to_come():
    """Every virtual patient by hand, with SciPy's density, for a patient with a visit past."""
    rng, judged = np.random.default_rng(2), endpoint("time_below", at_least=9)

    def arm() -> BankArm:
        value = log_reported(rng.normal(np.log(0.5), 0.5, (3, 4, 5))).astype(np.float32)
        day = np.array([7, 14, 28])[:, None, None] + rng.integers(-3, 3, (3, 4, 5))
        visits = WindowVisits(jnp.asarray(day, jnp.float32), jnp.asarray(value),
                              jnp.asarray(rng.random((3, 4, 5)) < 0.8))  # fmt: skip
        sd = jnp.asarray([[0.1], [0.15], [0.2], [0.3]], jnp.float32)
        return BankArm(jnp.asarray(rng.normal(-0.7, 0.4, (4, 4, 5)), jnp.float32), visits, sd)

    bank = Bank(arm(), arm(), RESIDUAL, judged)
    counts = np.array([[0.1, -0.2], [-0.9, -0.5], [0.0, 0.0], [0.0, 0.0]], np.float32)
    past = np.array([[True, True], [False, True], [False, False]])
    own = WindowVisits(np.array([[6, 8], [13, 15], [27, 28]], np.float32),
                       log_reported(counts[1:]), past & [[True, False]])  # fmt: skip
    known = np.concatenate([[[True, True]], own.taken])
    found = posterior_at(bank, counts, known, 1, 4000, np.random.default_rng(1), (own, past))
    log_weight, risk = np.zeros(4), np.zeros((4, 2))
    for i, members in enumerate((bank.control, bank.treated)):
        true, sd = np.asarray(members.log_true, float), np.asarray(members.residual_sd, float)
        of_bank = WindowVisits(*map(np.asarray, members.risk))
        for k in range(4):
            each = student.pdf(counts[:, i, None], RESIDUAL.degrees_of_freedom, true[:, k], sd[k])
            weight = np.where(known[:, i, None], each, 1.0).prod(axis=0)
            log_weight[k] += np.log(weight.mean())
            event, there = np.zeros(5), np.zeros(5)
            for j in range(5):
                day, value, taken = (
                    np.where(past[:, i], mine[:, i], other[:, k, j])
                    for mine, other in zip(own, of_bank, strict=True)
                )
                there[j] = (taken & (day >= 21)).any()
                event[j] = there[j] and by_hand(judged, day, value, taken)
            risk[k, i] = (weight * event).sum() / max((weight * there).sum(), 1e-30)
    weight = np.exp(log_weight) / np.exp(log_weight).sum()
    assert (weight @ risk).min() > 0.05
    for i, drawn in enumerate(found.risk):
        assert drawn.mean() == pytest.approx(weight @ risk[:, i], abs=2e-3)


def test_a_rehearsed_look_reads_the_visits_that_are_past():
    """Four patients alike whose look comes at different days; the event is seen on the second
    visit, and the third visit alone makes the endpoint known.
    """
    day = np.tile(np.array([0.0, 8, 13, 28])[:, None], 4).astype(np.float32)
    values = np.tile(np.log([1.5, 0.9, 0.45, 0.8])[:, None], 4).astype(np.float32)
    seen, leaves = np.ones((4, 4), bool), np.full(4, np.inf, np.float32)
    leaves[3], seen[3, 3] = 20.0, False
    due = np.full(4, 28.0, np.float32)
    trial = Observed(values, values, seen, day, due, leaves, np.ones(1))
    early = replace(DESIGN.conduct, drop_out_days=(0.0, 100.0))
    design = replace(DESIGN, conduct=early).judging(endpoint())
    found = at_look(design, trial, np.array([10.0, 27, 28, 27]))
    assert found.settled.tolist() == [False, False, True, False]
    assert found.gone.tolist() == [False, False, False, True]
    assert found.event[2]
    assert 0.9 < found.chance[0] < found.chance[1] < 1
    assert found.so_far is not None
    assert found.so_far[1].sum(axis=0).tolist() == [1, 2, 3, 2]
    event, known = at_end(design, jax.tree.map(lambda part: np.asarray(part)[None], trial))
    assert known.tolist() == [[True, True, True, False]]
    assert event[known].all()


@pytest.mark.long
def test_a_look_at_a_run_agrees_with_the_count_on_the_day_where_both_ask_the_same(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
):
    """One visit in the window, on its last day: the count stays below 0.8 if it is there."""

    def nobody(_design: Any, _model: Any, z: np.ndarray, *_: Any) -> tuple[FutureArm, FutureArm]:
        none = FutureArm(np.zeros((len(z), 0)), np.zeros((len(z), 0)))
        return none, none

    monkeypatch.setattr("lymphokin.trial.interim.run.future_patients", nobody)
    monkeypatch.setattr("lymphokin.trial.interim.window.REPEATS", 2000)
    once = {"from": "last_fraction", "until": 42, "visits": (42,), "below": 0.8}
    plan = {**DESIGN.plan, "missing_visit_probability": 0.0}
    whole = replace(DESIGN, truth=replace(DESIGN.truth, design=plan))
    design = whole.judging(endpoint("back_above", **once))
    fit = TypicalDraws(cohort)
    look = look_at(fit, cohort, design, left_out=RUN_IN, draws=6)  # type: ignore[arg-type]
    table = standing(cohort, DESIGN, left_out=RUN_IN)
    assert look.patients["status"].equals(table["status"])
    waiting = look.patients[look.patients["status"] == "in follow-up"]
    assert len(waiting) == 3
    for patient, row in waiting.iterrows():
        hand = [fit.risk_by_hand(cohort, str(patient), row["planned_day"], s) for s in SHIFTS]
        assert row["risk"] == pytest.approx(np.mean(hand), abs=0.01)
        # The median of a measured count is the true one.
        assert row["p_true"] == np.mean(np.array(hand) > 0.5)


@pytest.mark.slow
def test_a_rehearsal_takes_an_endpoint_of_a_window():
    size = replace(DESIGN.analysis, n_control=6, n_treated=6)
    design = replace(DESIGN, analysis=size).judging("grade3_lowest")
    looks = Rehearsal(design, 4, populations=30, repeats=4).run(10, 5)
    assert looks["predictive_probability"].between(0, 1).all()
    assert (looks["known"] + looks["in_follow_up"] <= looks["enrolled"]).all()
    assert looks["known"].min() > 0


@pytest.mark.slow
def test_patients_to_come_have_the_risk_of_the_count_on_the_day_where_both_ask_the_same():
    plan = {**DESIGN.plan, "visit_jitter_days": 0}
    on_time = replace(DESIGN, truth=replace(DESIGN.truth, design=plan))
    once = {"from": "last_fraction", "until": 42, "visits": (7, 42), "below": 0.8}
    model = load_model(DESIGN.truth.model)
    z = 0.5 * np.random.default_rng(1).normal(size=(40, len(Hierarchy(model).quantities)))
    by_day, by_window = (
        future_patients(design, model, z, 12, 12, 7)
        for design in (on_time, on_time.judging(endpoint("back_above", **once)))
    )
    for day, window in zip(by_day, by_window, strict=True):
        assert np.array_equal(day.planned_day, window.planned_day)
        # Of each patient the window has the share of 8 random courses.
        error = np.sqrt((day.risk * (1 - day.risk) / 8).sum()) / day.risk.size
        assert window.risk.mean() == pytest.approx(day.risk.mean(), abs=3 * error)
