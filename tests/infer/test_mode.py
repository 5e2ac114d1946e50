"""Climbing to the highest mode from several starts, on densities whose modes are known."""

import numpy as np
import pytest

from lymphokin.infer import CohortDensity
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.mode import WALL, highest, rough_mode
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.solve import LONG_STEPS
from tests.reference_posteriors.reference import FOLDER

LOW, HIGH = np.array([0.0, 0.0]), np.array([8.0, 0.0])


def two_hills(advantage: float):
    """Minus the log of two normal hills far apart; that at HIGH has the larger weight."""

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        log_weight = np.array([0.0, advantage])
        logs = log_weight + [-0.5 * ((x - c) ** 2).sum() for c in (LOW, HIGH)]
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        slope = sum(w * (x - c) for w, c in zip(weights, (LOW, HIGH), strict=True))
        return -float(np.logaddexp(*logs)), slope

    return objective


def test_a_start_near_a_minor_mode_does_not_end_there():
    first, others = np.array([0.5, 0.5]), [np.array([6.0, -1.0]), np.array([-3.0, 1.0])]
    found = highest(two_hills(advantage=20.0), first, others)
    np.testing.assert_allclose(found, HIGH, atol=1e-3)


def test_a_mode_that_is_hardly_higher_changes_nothing():
    """Less than the log density varies over the posterior: the climb may have been cut short."""
    first, others = np.array([0.5, 0.5]), [np.array([6.0, -1.0])]
    found = highest(two_hills(advantage=0.5), first, others)
    np.testing.assert_allclose(found, LOW, atol=1e-3)
    np.testing.assert_array_equal(found, highest(two_hills(advantage=0.5), first, []))


@pytest.mark.parametrize("others", [[np.array([50.0, 0.0])], []])
def test_a_start_where_the_density_is_not_finite_is_left_out(others):
    hills = two_hills(advantage=20.0)

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        return (WALL, np.zeros(2)) if x[0] > 40 else hills(x)

    np.testing.assert_allclose(highest(objective, np.array([0.5, 0.5]), others), LOW, atol=1e-3)


def test_a_density_that_is_nowhere_finite_is_refused():
    def nowhere(x: np.ndarray) -> tuple[float, np.ndarray]:
        return WALL, np.zeros_like(x)

    with pytest.raises(FitError, match="cannot be solved at the centre of its priors"):
        highest(nowhere, LOW, [HIGH])


@pytest.mark.long
def test_the_highest_mode_of_hares_and_lynxes_is_found_from_any_seed():
    """The prior's centre and two prior draws in three climb to minor modes, 40 nats lower."""
    model = load_model(FOLDER / "lotka_volterra.py")
    cohort = read_events(FOLDER / "hudson_lynx_hare.csv", model=model)
    packed = pack(model, cohort, rule=LONG_STEPS)
    density = CohortDensity(CohortLikelihood(Hierarchy(model)), packed)
    for seed in range(4):
        value, _ = density.density_and_gradient(
            rough_mode(density, density.gradients, seed), density.arrays
        )
        assert value > 1.0, seed
