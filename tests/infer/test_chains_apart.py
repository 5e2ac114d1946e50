"""Chains in different modes are named, and chains that agree are not accused."""

import numpy as np
import pytest

from lymphokin.infer.chains_apart import chains_apart

NAMES = ("baseline", "half_life", "link")


def two_places(distance: float, in_second: list[int], chains: int = 4) -> tuple:
    """Standard normal draws, and their log density; some chains sit elsewhere in the second
    quantity, 11 nats lower."""
    z = np.random.default_rng(1).standard_normal((chains, 200, 3))
    log_density = np.full((chains, 200), -100.0)
    z[in_second, :, 1] += distance
    log_density[in_second] -= 11
    return z, log_density


def test_chains_in_two_modes_are_named_with_what_separates_them():
    sentence = chains_apart(*two_places(6.0, [0, 2]), NAMES, (-50.0, -52.0))
    assert "1 and 3 (mean log density −111.0)" in sentence
    assert "2 and 4 (mean log density −100.0)" in sentence
    assert "furthest apart in half_life." in sentence
    assert "weights of roughly 0.88 and 0.12" in sentence  # 1 / (1 + e^-2)


def test_the_larger_group_comes_first():
    sentence = chains_apart(*two_places(6.0, [3]), NAMES)
    assert sentence.startswith("Chains 1, 2 and 3 (mean log density −100.0) and 4 (mean")
    assert "weights" not in sentence


@pytest.mark.parametrize("distance", [0.0, 1.0])
def test_chains_that_overlap_are_not_accused(distance):
    assert chains_apart(*two_places(distance, [1]), NAMES) == ""


def test_one_chain_is_not_apart_from_itself():
    assert chains_apart(*two_places(0.0, [], chains=1), NAMES) == ""
