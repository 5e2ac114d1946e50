"""Several modes of a posterior are found from several starts, and chains begin in each."""

import numpy as np
import pytest

from lymphokin.infer.density import density_of
from lymphokin.infer.mode import climbed
from lymphokin.infer.modes import Modes, find_modes
from lymphokin.infer.noncentred_density import gradients_of
from lymphokin.model import load_model

CENTRES = (np.array([0.0, 0.0]), np.array([8.0, 0.0]), np.array([0.0, 9.0]))


def hills(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Minus the log of three normal hills far apart, the first the highest."""
    logs = np.array([1.0, 0.5, 0.0]) + [-0.5 * ((x - c) ** 2).sum() for c in CENTRES]
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    slope = sum(w * (x - c) for w, c in zip(weights, CENTRES, strict=True))
    return -float(np.logaddexp.reduce(logs)), slope


def test_starts_that_lie_apart_go_on_to_modes_of_their_own():
    others = [np.array(start) for start in ([0.5, 1.0], [7.0, 0.5], [6.5, -1.0], [1.0, 8.0])]
    ends = climbed(hills, np.array([0.3, 0.1]), others, 3, leading=2)
    for centre in CENTRES:
        assert min(np.linalg.norm(end - centre) for end in ends) < 1e-2
    np.testing.assert_allclose(ends[0], CENTRES[0], atol=1e-2)


@pytest.fixture(scope="module")
def modes(small_trial) -> tuple:
    density = density_of(load_model("hedos_hcc"), small_trial.cohort)
    return density, find_modes(density, gradients_of(density.with_long_steps()), 1, 4)


def test_a_posterior_with_one_mode_leaves_the_chains_where_the_map_puts_them(modes):
    _, found = modes
    assert len(found.log_evidence) == 1
    assert found.starts.shape[0] == 0
    again = Modes.of(found.arrays())
    np.testing.assert_array_equal(again.log_evidence, found.log_evidence)


def test_whitened_points_are_the_inverse_of_latents(modes):
    density, found = modes
    y = np.random.default_rng(2).standard_normal((3, len(found.approximation.whitening.centre)))
    x, _ = found.approximation.latents(density, y)
    np.testing.assert_allclose(found.approximation.whitened(density, x), y, atol=1e-8)
