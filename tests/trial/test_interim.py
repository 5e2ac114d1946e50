"""The interim look: against every outcome listed by hand, and on a run folder."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from lymphokin.io.problems import BadInput
from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.interim import ArmSoFar, predictive


def arm(events: int, known: int, risk, evaluable=None) -> ArmSoFar:
    risk = np.atleast_2d(np.asarray(risk, dtype=float))
    share = np.ones(risk.shape[1]) if evaluable is None else np.asarray(evaluable, dtype=float)
    return ArmSoFar(events, known, risk, share)


def by_listing(control: ArmSoFar, treated: ArmSoFar, alpha: float, missing: str) -> float:
    """Every outcome of every patient, tested with SciPy; averaged over the draws."""
    total = 0.0
    arms = (treated, control)
    for draw in range(len(control.risk)):
        patients = [(a, i) for a in (0, 1) for i in range(len(arms[a].evaluable))]
        for outcome in product(("event", "no event", "missing"), repeat=len(patients)):
            chance, table = 1.0, [[a.events, a.known - a.events] for a in arms]
            for (a, i), what in zip(patients, outcome, strict=True):
                seen, risk = arms[a].evaluable[i], arms[a].risk[draw, i]
                chance *= {"event": seen * risk, "no event": seen * (1 - risk)}.get(what, 1 - seen)
                read = missing if what == "missing" else what
                if read != "excluded":
                    table[a][0 if read == "event" else 1] += 1
            if chance and min(sum(row) for row in table):
                p = fisher_exact(table, alternative="less").pvalue
                total += chance * (p <= alpha * (1 + 1e-10))
    return total / len(control.risk)


@pytest.mark.parametrize("missing", ["excluded", "event", "no event"])
def test_it_agrees_with_listing_every_outcome(missing):
    rng = np.random.default_rng(1)
    control = arm(3, 4, rng.uniform(0.2, 0.9, (2, 3)), [0.9, 0.6, 0.0])
    treated = arm(1, 4, rng.uniform(0, 0.5, (2, 3)), [1.0, 0.7, 0.8])
    found = predictive(control, treated, "fisher", 0.15, missing)
    assert found.probability == pytest.approx(by_listing(control, treated, 0.15, missing))
    for table in found.final:
        assert table.sum() == pytest.approx(1)


def test_before_anybody_is_enrolled_it_is_the_exact_power():
    control, treated = arm(0, 0, np.full((1, 26), 0.5)), arm(0, 0, np.full((1, 26), 0.15))
    found = predictive(control, treated, "fisher", 0.07)
    assert found.probability == pytest.approx(0.849384, abs=1e-6)
    uneven = predictive(arm(0, 0, np.full((1, 20), 0.5)), treated, "boschloo", 0.07)
    exact = Design(TESTS["boschloo"], 26, 20, 0.07).power(0.5, 0.15)
    assert uneven.probability == pytest.approx(float(exact))


def test_when_all_is_known_it_is_the_result():
    nobody = np.zeros((3, 0))
    for events, significant in ((6, 1.0), (7, 0.0)):
        found = predictive(arm(13, 26, nobody), arm(events, 26, nobody), "fisher", 0.07)
        assert found.probability == significant
        rate, chance = found.final_rates(1)
        assert rate == pytest.approx([events / 26])
        assert chance == pytest.approx([1.0])


def test_draws_keep_the_correlation_between_patients():
    """Risks that rise and fall together spread the final rate; their mean alone would not."""
    draws = np.repeat([[0.1], [0.9]], 10, axis=1)
    apart = predictive(arm(0, 0, draws), arm(0, 0, draws), "fisher", 0.07)
    even = np.full((1, 10), 0.5)
    mean = predictive(arm(0, 0, even), arm(0, 0, even), "fisher", 0.07)
    assert apart.final_events[0][5] < 0.01 < mean.final_events[0][5]
    assert apart.success == pytest.approx(
        [float(Design(TESTS["fisher"], 10, 10, 0.07).power(p, p)) for p in (0.1, 0.9)]
    )


def test_weights_choose_among_draws():
    risk = np.array([[0.1] * 8, [0.6] * 8])
    both = predictive(arm(4, 6, risk), arm(1, 6, risk), "fisher", 0.1, weight=np.array([0, 5.0]))
    one = predictive(arm(4, 6, risk[1:]), arm(1, 6, risk[1:]), "fisher", 0.1)
    assert both.probability == pytest.approx(one.probability)
    assert both.final[0] == pytest.approx(one.final[0])


@settings(max_examples=25)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 6))
def test_more_risk_among_the_treated_never_helps(low, high, events):
    low, high = min(low, high), max(low, high)
    control = arm(5, 7, [[0.4] * 4], [0.9] * 4)
    better, worse = (arm(events, 6, [[p] * 4], [0.8] * 4) for p in (low, high))
    first, second = (predictive(control, a, "fisher", 0.07).probability for a in (better, worse))
    assert second <= first + 1e-12


def test_numbers_without_meaning_are_refused():
    with pytest.raises(BadInput, match="events"):
        arm(5, 4, [[0.1]])
    with pytest.raises(BadInput, match="probability"):
        arm(0, 4, [[1.2]])
    with pytest.raises(BadInput, match="draws"):
        predictive(arm(0, 0, [[0.1]]), arm(0, 0, [[0.1], [0.2]]), "fisher", 0.07)
