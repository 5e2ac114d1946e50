"""A rehearsed look at an event in time: every virtual patient by hand, and that what it says comes
true.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import t as student

from lymphokin.trial.interim import CalibrationTest, Rehearsal
from lymphokin.trial.interim.bank import Bank, BankArm, Passed, posterior_at
from lymphokin.trial.interim.observed import Observed, counts_before
from lymphokin.trial.interim.reading import at_look
from lymphokin.trial.interim.rehearsed_events import (
    EventLooks,
    EventSoFar,
    event_looks,
    found_at_end,
    found_so_far,
    under_bank,
)
from lymphokin.trial.virtual import VirtualDesign
from lymphokin.trial.virtual.window import event_seen
from tests.trial.test_interim_calibration import RESIDUAL
from tests.trial.test_interim_events import LEAVING, MISSING, design_judging
from tests.trial.test_interim_events import MODEL as EXAMPLE
from tests.trial.test_virtual_events import made_up

LOOKS = np.array([30.0, 60.0, 80.0])


def exactly(design: VirtualDesign) -> VirtualDesign:
    """As if the time of the event were known."""
    design = replace(design)
    vars(design)["judged_exactly"] = True
    return design


def looks_at(happens: list[float], taken: list[list[bool]]) -> EventLooks:
    """Made-up looks at patients on days 31, 58 and 80."""
    day = np.tile(np.array([31.0, 58.0, 80.0])[:, None], len(happens))
    return EventLooks(day, np.array(taken).T, 0.01 * day, np.array(happens))


YES, NO = True, False


def test_what_looks_have_found_so_far():
    """Seven patients, of whom one has left and one is not enrolled yet."""
    happens = [40.0, 40.0, np.inf, np.inf, 10.0, np.inf, 50.0]
    taken = [[YES] * 3, [YES, NO, YES], [YES] * 3, [YES, NO, YES], [NO] * 3, [YES] * 3, [YES] * 3]
    followed = np.array([60.0, 60.0, 80.0, 59.0, 82.0, 40.0, -5.0])
    leaves = np.array([np.inf] * 5 + [35.0, np.inf])
    design, start = design_judging(), np.zeros(7)
    event, reached, so_far = found_so_far(design, looks_at(happens, taken), start, leaves, followed)
    assert event.tolist() == [YES, NO, NO, NO, NO, NO, NO]
    assert reached.tolist() == [NO, NO, YES, NO, NO, NO, NO]
    assert so_far.last.tolist() == [1, 1, 3, 1, 0, 1, 0]
    assert so_far.found[0] == 2
    assert np.isinf(so_far.found[1:]).all()
    # The second has only the look of day 80 to come, the fourth as well, the last all three.
    stays = (1 - LEAVING * 0.8) / (1 - LEAVING * 0.6)
    assert so_far.chance[:, 1] == pytest.approx(
        [1 - stays * (1 - MISSING), 0, 0, stays * (1 - MISSING)]
    )
    assert (so_far.chance[:, 6] > 0).all()
    np.testing.assert_allclose(so_far.chance.sum(axis=0), 1.0)
    # Of the last look alone any day that it may be moved to is late enough.
    assert so_far.tells[:, 1].tolist() == [0, 0, 0, 1]
    observed = Observed(*(np.zeros((0, 7)),) * 4, start + 80, leaves, 1, looks_at(happens, taken))
    stands = at_look(design, observed, followed)
    assert stands.settled.tolist() == [YES, NO, YES, NO, NO, NO, NO]
    assert stands.gone.tolist() == [NO, NO, NO, NO, YES, YES, NO]


def test_a_look_that_may_be_late_enough_counts_for_its_share():
    """Day 71 within 3 days either way: 73 or later, the last visit but for 7, in 2 of 7 cases."""
    design = design_judging(visits=(30.0, 71.0, 80.0), window=7)
    _, _, so_far = found_so_far(
        design, looks_at([np.inf], [[YES] * 3]), np.zeros(1), np.full(1, np.inf), np.zeros(1)
    )
    assert so_far.tells[:, 0] == pytest.approx([0, 0, 2 / 7, 1])


def test_a_known_time_is_known_to_the_day_and_its_absence_too():
    design = exactly(design_judging())
    day = np.append(0.0, np.append(np.arange(7.0, 80.0, 7.0), 80.0))
    many = np.tile(day[:, None], 4)
    happens, followed = np.array([17.0, np.inf, np.inf, 30.0]), np.array([40.0, 40.0, 90.0, 40.0])
    leaves = np.array([np.inf, 24.5, np.inf, 20.0])
    looks = EventLooks(many, many < leaves, 0.01 * many, happens)
    event, reached, so_far = found_so_far(design, looks, np.zeros(4), leaves, followed)
    assert event.tolist() == [YES, NO, NO, NO]
    assert reached.tolist() == [NO, NO, YES, NO]
    # Looks are numbered from 1, on days 0, 7, 14, 21, ...
    assert so_far.last == pytest.approx([3, 1 + 24.5 / 7, len(day), 1 + 20 / 7])
    assert so_far.found.tolist() == [4, np.inf, np.inf, np.inf]
    passed = jnp.asarray(0.01 * day[:, None, None])
    own = EventSoFar(*(part[..., 1] for part in so_far))
    likelihood, _, _ = under_bank(passed, own)
    assert float(likelihood[0, 0]) == pytest.approx(-0.245)


def test_the_bank_joins_counts_with_what_looks_found():
    """Every virtual patient by hand: who was found to have it, who not, and one to come."""
    rng = np.random.default_rng(4)

    def arm() -> BankArm:
        passed = np.cumsum(rng.gamma(2.0, 0.15, (3, 4, 5)), axis=0)
        return BankArm(
            jnp.asarray(rng.normal(0, 0.4, (2, 4, 5)), jnp.float32),
            Passed(jnp.asarray(passed, jnp.float32)),
            jnp.asarray([[0.1], [0.15], [0.2], [0.3]], jnp.float32),
        )

    bank = Bank(arm(), arm(), RESIDUAL)
    counts = np.array([[0.1, -0.2, 0.0], [-0.3, 0.3, 0.0]])
    known = np.array([[True, True, False], [True, False, False]])
    chance = np.array([[1, 0, 0, 0], [0.1, 0, 0.5, 0.4], [0.2, 0.1, 0.3, 0.4]]).T
    tells = np.array([[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0.25, 1]]).T
    so_far = EventSoFar(np.array([1.0, 1, 0]), np.array([3, np.inf, np.inf]), chance, tells)
    found = posterior_at(bank, counts, known, 1, 4000, np.random.default_rng(1), so_far)
    log_weight, risk, whole = np.zeros(4), np.zeros((4, 3)), np.zeros((4, 3))
    for i in range(3):
        members = bank.treated if i else bank.control
        true, sd = np.asarray(members.log_true, float), np.asarray(members.residual_sd, float)
        passed = np.asarray(members.risk.by_look, float)  # type: ignore[union-attr]
        for k in range(4):
            each = student.pdf(counts[:, i, None], RESIDUAL.degrees_of_freedom, true[:, k], sd[k])
            weight = np.where(known[:, i, None], each, 1.0).prod(axis=0)
            spared = np.exp(-np.concatenate([np.zeros((1, 5)), passed[:, k]]))
            first = int(so_far.last[i])
            weight *= spared[1] - spared[3] if i == 0 else spared[first]
            log_weight[k] += np.log(weight.mean())
            later = spared / spared[first]
            seen = sum(chance[n, i] * (1 - later[n]) for n in range(first + 1, 4))
            none = chance[0, i] * tells[0, i] + sum(
                chance[n, i] * tells[n, i] * later[n] for n in range(first + 1, 4)
            )
            risk[k, i] = (weight * seen).sum() / max((weight * (seen + none)).sum(), 1e-30)
            whole[k, i] = (weight * (seen + none)).sum() / weight.sum()
    weight = np.exp(log_weight) / np.exp(log_weight).sum()
    assert found.effective == pytest.approx(1 / (weight**2).sum(), rel=1e-4)
    for drawn, expected in ((found.risk, risk), (found.known, whole)):
        mean = np.concatenate([x.mean(axis=0) for x in drawn])
        assert mean[1:] == pytest.approx((weight @ expected)[1:], abs=2e-3)


@pytest.mark.parametrize("exact", [False, True])
def test_a_rehearsed_trial_ends_as_a_virtual_one(exact):
    """The same key gives the same looks, so that both find the same."""
    n, design = 60, design_judging()
    design = replace(design, analysis=replace(design.analysis, n_control=30, n_treated=30))
    design = exactly(design) if exact else design
    when = np.random.default_rng(0).uniform(0, 160, n).tolist()
    found, grid = made_up(design, when, [0.0] if exact else [np.inf] * n)
    key = jax.random.key(3)
    event, known = event_seen(key, found, grid)
    looks, leaves = event_looks(key, found, grid)
    many, start = jax.tree.map(lambda x: np.asarray(x)[None], looks), np.zeros((1, n))
    ours = found_at_end(design, many, start, np.asarray(leaves)[None])
    np.testing.assert_array_equal(ours[0][0], event)
    np.testing.assert_array_equal(ours[1][0], known)
    assert 0 < np.asarray(event).sum() < np.asarray(known).sum() < n


def test_all_counts_stand_beside_an_event():
    assert counts_before(design_judging()) == (0, 14, 21, 28, 63)
    assert counts_before(design_judging(until=120.0, visits=(90.0, 120.0)))[-2:] == (84, 105)


@pytest.mark.slow
def test_predictive_probabilities_of_an_event_come_true(tmp_path):
    """Trials of the prior: drop-out of the example beside the lymphocytes of the default model,
    whose drug raises the count that the hazard follows.
    """
    for example in (EXAMPLE, EXAMPLE.with_suffix(".toml")):
        text = example.read_text().replace("hedos_hcc", "myeloid_lymphoid")
        text = text.replace("median = 0.005", "median = 0.002")
        text = text.replace("median = 0.0\npopulation_sd = 1.5", "median = 1.5\npopulation_sd = 1")
        (tmp_path / example.name).write_text(text)
    plan = {"missing_visit_probability": 0.15, "drop_out_probability": 0.2, "per_arm": 15}
    design = design_judging(until=120.0, visits=(40.0, 80.0, 120.0))
    truth = replace(
        design.truth,
        model=str(tmp_path / EXAMPLE.name),
        typical={},
        design={**design.plan, **plan},
    )
    analysis = replace(design.analysis, alpha=0.15)
    design = replace(design, truth=truth, analysis=analysis)
    looks = Rehearsal(design, 15, populations=300, repeats=4).run(200, 5)
    said, ended = (looks[c].to_numpy() for c in ("predictive_probability", "significant"))
    test = CalibrationTest.of(said, ended)
    assert 0.05 < said.mean() < 0.5
    assert min(test.p, test.mean_p) > 0.01
