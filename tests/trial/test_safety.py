"""Safety rules of the run-in, against published boundaries, quadrature and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from lymphokin.io.problems import BadInput
from lymphokin.trial.safety import (
    BetaBinomial,
    Boin,
    SafetyData,
    characteristics,
    decision_table,
    probability_above,
)
from lymphokin.trial.safety.accrual import with_pending
from lymphokin.trial.safety.exposure import linked_toxicity

LOOKS = (3, 6, 9, 12, 18, 24, 32)


def test_boundaries_of_the_run_in():
    rule = BetaBinomial(target=0.30, certainty=0.95, prior=(1.0, 1.0))
    assert [rule.limit(n) for n in LOOKS] == [3, 4, 5, 7, 9, 11, 14]


def test_boin_boundaries_at_a_target_of_30_percent():
    rule = Boin(0.30)
    assert rule.lower == pytest.approx(0.2365, abs=5e-5)
    assert rule.upper == pytest.approx(0.3585, abs=5e-5)


PUBLISHED = [  # enrolled, events, pending, verdict, summed follow-up from which to enrol
    (3, 0, 1, "enrol", None),
    (3, 0, 2, "hold", None),
    (3, 2, 1, "stop", None),
    (6, 0, 3, "enrol", None),
    (6, 0, 4, "hold", None),
    (6, 1, 4, "hold", None),
    (6, 2, 4, "hold", None),
    (6, 3, 3, "stop", None),
    (9, 0, 4, "enrol", None),
    (9, 0, 5, "hold", None),
    (9, 1, 4, "enrol", None),
    (9, 2, 0, "enrol", None),
    (9, 2, 1, "hold", 0.52),
    (9, 2, 2, "hold", 1.59),
    (9, 2, 3, "hold", 2.66),
    (9, 2, 4, "hold", 3.73),
    (9, 2, 5, "hold", None),
    (9, 3, 6, "hold", None),
    (9, 4, 5, "stop", None),
]
"""TITE-BOIN at a target of 20 %: Table 1 of PMC9260438, de-escalation read as hold."""


@pytest.mark.parametrize(("enrolled", "events", "pending", "verdict", "followed"), PUBLISHED)
def test_tite_boin_against_a_published_table(enrolled, events, pending, verdict, followed):
    states = {(s.events, s.pending): s for s in decision_table(Boin(0.20), [enrolled])}
    state = states[events, pending]
    assert state.verdict == verdict
    if followed is None:
        assert state.followed is None
    else:
        assert state.verdict_followed == "enrol"
        assert state.followed == pytest.approx(followed, abs=0.006)


@given(
    events=st.integers(0, 4),
    free=st.integers(0, 6),
    pending=st.lists(st.floats(0, 1), max_size=6),
    target=st.floats(0.05, 0.6),
)
@settings(max_examples=60)
def test_weighted_posterior_against_quadrature(events, free, pending, target):
    def density(p: float) -> float:
        weighted = np.prod([1 - w * p for w in pending])
        return p**events * (1 - p) ** free * float(weighted)

    whole = quad(density, 0, target)[0] + quad(density, target, 1)[0]
    data = SafetyData(max(1, events + free + len(pending)), events, pending)
    if data.enrolled != events + free + len(pending):
        return
    found = probability_above(target, data, (1.0, 1.0))
    assert found == pytest.approx(quad(density, target, 1)[0] / whole, abs=1e-7)


def test_complete_follow_up_is_no_event_and_none_is_nothing():
    prior = (1.0, 1.0)
    complete = probability_above(0.3, SafetyData(9, 2), prior)
    assert probability_above(0.3, SafetyData(9, 2, [1.0] * 4), prior) == pytest.approx(complete)
    unknown = probability_above(0.3, SafetyData(9, 2, [0.0] * 4), prior)
    assert unknown == pytest.approx(probability_above(0.3, SafetyData(5, 2), prior))


@pytest.mark.parametrize("rule", [BetaBinomial(), Boin()])
def test_characteristics_against_simulated_run_ins(rule):
    looks, rates, trials = (3, 6, 9, 12), (0.2, 0.35, 0.6), 20_000
    exact = characteristics(rule, looks, rates)
    rng = np.random.default_rng(4)
    for i, rate in enumerate(rates):
        outcome = rng.random((trials, looks[-1])) < rate
        running = np.ones(trials, bool)
        held = np.zeros(trials, bool)
        patients = np.full(trials, looks[-1], float)
        for look, stop, hold in zip(looks, exact.stop_limits, exact.hold_limits, strict=True):
            events = outcome[:, :look].sum(axis=1)
            held |= running & (events >= (99 if hold is None else hold))
            over = running & (events >= (99 if stop is None else stop))
            patients[over] = look
            running &= ~over
        stopped = float(exact.stopped[:, i].sum())
        error = 4 * np.sqrt(0.25 / trials)
        assert (~running).mean() == pytest.approx(stopped, abs=error)
        assert held.mean() == pytest.approx(exact.held[i], abs=error)
        assert patients.mean() == pytest.approx(exact.patients[i], abs=4 * 5 / np.sqrt(trials))


@given(
    rule=st.sampled_from([BetaBinomial(), BetaBinomial(0.2, 0.8), BetaBinomial(0.4), Boin()]),
    n=st.integers(3, 20),
    data=st.data(),
)
@settings(max_examples=80)
def test_the_events_that_stop_are_those_of_the_table_whatever_is_pending(rule, n, data):
    events = data.draw(st.integers(0, n))
    pending = data.draw(st.lists(st.floats(0, 1), max_size=n - events))
    limit = rule.limit(n)
    stops = rule.decide(SafetyData(n, events, pending)).verdict == "stop"
    assert stops == (limit is not None and events >= limit)


@given(events=st.integers(0, 8), free=st.integers(0, 8), later=st.lists(st.booleans(), max_size=6))
@settings(max_examples=60)
def test_a_stop_is_never_undone_by_what_was_pending(events, free, later):
    n = max(1, events + free + len(later))
    early = BetaBinomial().decide(SafetyData(n, events, [0.3] * len(later)))
    final = BetaBinomial().decide(SafetyData(n, events + sum(later)))
    if early.verdict == "stop":
        assert final.verdict == "stop"


def test_outcomes_pending_do_not_make_a_run_in_stop_more_often_than_all_known():
    """Under staggered entry; each look stops on fewer known events, never on undecided ones."""
    looks = [3, 6, 9]
    exact = characteristics(BetaBinomial(), looks, [0.3])
    found = with_pending(BetaBinomial(), looks, 0.3, 6.0, 28.0, runs=400, seed=7)
    assert found.pending.value > 0.1
    assert found.waited.value > 1
    assert found.stopped.value <= float(exact.stopped[:, 0].sum()) + 4 * found.stopped.error


def test_expected_events_follow_from_expected_patients():
    found = characteristics(BetaBinomial(), LOOKS, (0.1, 0.3, 0.5))
    assert found.events == pytest.approx(found.rates * found.patients)  # Wald's identity


def test_more_events_are_never_a_better_verdict():
    order = {"enrol": 0, "hold": 1, "stop": 2}
    for rule in (BetaBinomial(), Boin()):
        for n in (1, 4, 10):
            verdicts = [order[rule.decide(SafetyData(n, e)).verdict] for e in range(n + 1)]
            assert verdicts == sorted(verdicts)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SafetyData(0, 0),
        lambda: SafetyData(5, 6),
        lambda: SafetyData(5, 3, [0.1, 0.2, 0.3]),
        lambda: SafetyData(5, 1, [1.2]),
        lambda: BetaBinomial(target=0.0),
        lambda: BetaBinomial(certainty=1.0),
        lambda: BetaBinomial(prior=(0.0, 1.0)),
        lambda: Boin(target=0.8),
        lambda: characteristics(BetaBinomial(), (3, 3), (0.1,)),
        lambda: characteristics(BetaBinomial(), (3, 6), (1.1,)),
    ],
)
def test_what_has_no_meaning_is_refused(make):
    with pytest.raises(BadInput):
        make()


@pytest.mark.parametrize("rule", [BetaBinomial(), Boin()])
def test_slow_accrual_behaves_as_with_every_outcome_known(rule):
    looks = [3, 6, 9, 12]
    exact = characteristics(rule, looks, [0.4])
    found = with_pending(rule, looks, 0.4, accrual_per_month=0.05, window=1.0, runs=600, seed=1)
    assert found.pending.value == pytest.approx(0, abs=0.01)
    assert found.waited.value < 1
    pairs = (
        (found.stopped, float(exact.stopped[:, 0].sum())),
        (found.held, float(exact.held[0])),
        (found.patients, float(exact.patients[0])),
        (found.events, float(exact.events[0])),
    )
    for estimate, expected in pairs:
        assert estimate.value == pytest.approx(expected, abs=4 * estimate.error + 1e-9)


def test_fast_accrual_waits_and_enrols_more_before_it_stops():
    looks = [3, 6, 9, 12]
    slow, fast = (
        with_pending(BetaBinomial(), looks, 0.5, accrual, 28.0, runs=300, seed=2)
        for accrual in (0.2, 20.0)
    )
    assert fast.waited.value > 5
    assert fast.days.value < slow.days.value
    assert fast.pending.value > slow.pending.value


def test_a_rate_without_events_never_stops():
    found = with_pending(BetaBinomial(), [3, 6], 0.0, 3.0, 28.0, runs=50)
    assert found.stopped.value == 0
    assert found.events.value == 0
    assert found.patients.value == 6


def test_toxicity_is_the_mixture_above_and_below_the_marker():
    levels = np.array([[100.0, 600.0, 500.0, 499.0], [100.0, 100.0, 100.0, 100.0]])
    found = linked_toxicity(BetaBinomial(), [3, 6], levels, below=0.1, above=0.5, marker=500.0)
    assert found.share.tolist() == [0.5, 0.0]
    assert found.rate == pytest.approx([0.3, 0.1])
    exact = characteristics(BetaBinomial(), [3, 6], [0.3, 0.1])
    assert found.stopped == pytest.approx(exact.stopped.sum(axis=0))
