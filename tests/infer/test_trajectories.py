"""Planned trajectories: as long as a standard normal wants them, spread evenly, steps bounded."""

import jax
import numpy as np
import pytest

from lymphokin.infer.trajectories import (
    EVERY,
    LONGEST,
    MOST_STEPS,
    SHORTER,
    SHORTEST,
    Trajectories,
    planned,
)
from lymphokin.infer.transition import Chain, transition

pytestmark = pytest.mark.core


def test_lengths_are_spread_evenly_between_a_quarter_and_half_of_a_period():
    """Any 100 in a row: no gap is much larger than the hundredth part."""
    step = 1e-2
    for first in (0, 7, 1000):
        step_of, count = planned(first, 100, step)
        length = np.sort(step * count)
        assert length[0] >= SHORTEST == np.pi / 2
        assert length[-1] <= LONGEST + step == np.pi + step
        assert np.diff(length).max() < 3 * (LONGEST - SHORTEST) / 100
        assert sorted(set(step_of)) == [SHORTER * step, step]


def test_one_transition_of_ten_takes_as_many_shorter_steps():
    step, count = planned(0, 50, 0.3)
    usual = planned(0, 50, 0.3 / SHORTER)
    assert (step < 0.3).sum() == 50 // EVERY
    np.testing.assert_array_equal(step[step < 0.3], 0.3 * SHORTER)
    assert (count[step < 0.3] > usual.count[step < 0.3]).all()
    assert count[step < 0.3].mean() == pytest.approx(count.mean(), rel=0.2)


def test_a_plan_goes_on_where_the_one_before_ended():
    whole, parts = planned(5, 60, 0.2), (planned(5, 25, 0.2), planned(30, 35, 0.2))
    for value, of_parts in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(value, np.concatenate(of_parts))


def test_steps_are_bounded_however_short():
    assert planned(0, 30, 1e-9).count.tolist() == [MOST_STEPS] * 30
    assert planned(0, 30, 10.0).count.tolist() == [1] * 30


@pytest.mark.long
def test_draws_of_a_normal_go_with_the_next_as_the_lengths_say():
    """After a length t, a coordinate with an SD of s goes with itself by cos(t / s).

    So of a standard normal, draws go against their successors (-2 / pi), and where the map is wrong
    by a factor of 1.5 they are independent.
    """
    widths = np.array([0.5, 0.75, 1.0, 1.5, 2.0])
    chains, transitions, step = 200, 100, 0.05
    plan = planned(0, transitions, step)

    def log_density(y):
        return -0.5 * ((y / widths) ** 2).sum()

    def run(key, y):
        chain = Chain.at(key, y)
        chain, _ = transition(log_density, log_density, chain, 0.0, 1)

        def once(chain, plan: Trajectories):
            chain, _ = transition(log_density, log_density, chain, *plan)
            return chain, chain.y

        return jax.lax.scan(once, chain, plan)[1]

    start = widths * np.random.default_rng(3).standard_normal((chains, len(widths)))
    keys = jax.random.split(jax.random.PRNGKey(3), chains)
    z = np.asarray(jax.jit(jax.vmap(run))(keys, start)) / widths
    of_chains = (z[:, 1:] * z[:, :-1]).mean(axis=1)  # exactly stationary: independent chains
    expected = np.cos((plan.step * plan.count)[1:, None] / widths).mean(axis=0)
    error = of_chains.std(axis=0) / np.sqrt(chains)
    np.testing.assert_array_less(np.abs(of_chains.mean(axis=0) - expected), 4 * error + 0.005)
    full = plan.step == step  # of these alone, the mean of cos over the planned range
    ideal = np.cos((plan.step * plan.count)[full, None] / widths).mean(axis=0)
    assert ideal[2] == pytest.approx(-2 / np.pi, abs=0.05)
    assert ideal[3] == pytest.approx(0.0, abs=0.05)
