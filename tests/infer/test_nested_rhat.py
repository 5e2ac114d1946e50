"""Nested R-hat distinguishes short chains that agree from chains that still know their start."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from lymphokin.infer.nested_rhat import nested_rhat, starts_of

CHAINS, DRAWS, STARTS = 64, 100, 8


def autoregressive(rng, start, correlation, chains=CHAINS, draws=DRAWS):
    """[chain, draw] chains of a standard normal, the first draws of which are near ``start``."""
    x = np.empty((chains, draws))
    now = start
    for i in range(draws):
        noise = rng.standard_normal(chains)
        now = correlation * now + np.sqrt(1 - correlation**2) * noise
        x[:, i] = now
    return x


def test_few_chains_keep_a_start_each_and_many_share_some():
    assert [starts_of(n) for n in (1, 2, 4, 8, 15)] == [1, 2, 4, 8, 15]
    assert [starts_of(n) for n in (16, 20, 24, 64, 100, 256)] == [8, 5, 8, 8, 5, 8]
    assert starts_of(17) == 17


def test_short_chains_that_mix_are_good_though_each_is_too_short_for_a_mean_of_its_own():
    rng = np.random.default_rng(1)
    found = [autoregressive(rng, rng.standard_normal(CHAINS), 0.8) for _ in range(50)]
    nested = np.array([nested_rhat(x, STARTS) for x in found])
    ordinary = np.array([array_stats.rhat(x) for x in found])
    assert (ordinary > 1.05).all()
    assert (nested < 1.02).all()
    # One in the number of effective draws from each start is what chance alone leaves between them.
    effective = CHAINS / STARTS * DRAWS * (1 - 0.8) / (1 + 0.8)
    assert np.mean(nested**2 - 1) == pytest.approx(1 / effective, rel=0.6)


@pytest.mark.parametrize(("correlation", "found_out"), [(0.995, True), (0.5, False)])
def test_chains_that_still_know_their_start_are_found_out(correlation, found_out):
    rng = np.random.default_rng(2)
    start = np.repeat(rng.standard_normal(STARTS), CHAINS // STARTS)
    x = autoregressive(rng, start, correlation)
    assert (nested_rhat(x, STARTS) > 1.05) == found_out


def test_groups_that_differ_in_width_alone_are_found_out():
    rng = np.random.default_rng(3)
    width = np.repeat(np.linspace(0.5, 2, STARTS), CHAINS // STARTS)
    x = width[:, None] * rng.standard_normal((CHAINS, DRAWS))
    assert nested_rhat(x, STARTS) > 1.05


def test_neither_scale_nor_heavy_tails_matter():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((CHAINS, DRAWS))
    assert nested_rhat(np.exp(3 * x), STARTS) == pytest.approx(nested_rhat(x, STARTS), abs=5e-3)
    assert nested_rhat(7 - 1e6 * x, STARTS) == pytest.approx(nested_rhat(x, STARTS), rel=1e-12)


def test_a_chain_per_start_is_the_r_hat_of_gelman_and_rubin():
    x = np.random.default_rng(5).standard_normal((4, 500))
    x[0] += 1.0
    # ArviZ takes each half of a chain for one, and (n - 1) / n where the nested one has 1.
    classic = array_stats.rhat(x, method="z_scale")
    assert nested_rhat(x.reshape(8, 250), 8) == pytest.approx(classic, abs=3e-3)
