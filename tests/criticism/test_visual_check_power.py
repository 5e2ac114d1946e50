"""A visual check fails for trials that the model does not describe, and seldom for others.

`tests/slow/test_visual_check_power.py` asks the same of hundreds of trials.
"""

import numpy as np
import pytest
from scipy import stats

from lymphokin.criticism.data.realised import realised_distance

from .mixed_trials import probabilities


@pytest.mark.long
def test_a_right_model_passes_about_as_often_as_the_check_says():
    """Bands over all draws gave such fits 0.7 in the mean, and more than 0.95 to one in five."""
    (p,) = probabilities("right", 24, ("relative to baseline",)).values()
    assert 0.35 < p.mean() < 0.65
    assert np.sum(p < 0.05) <= 4
    assert np.sum(p > 0.95) <= 4


@pytest.mark.parametrize(
    ("case", "kind", "below"),
    [
        ("recovery", "relative to baseline", 0.005),
        ("spread", "as measured", 0.05),
        ("trend", "relative to baseline", 0.05),
        ("outliers", "relative to baseline", 0.05),
    ],
)
def test_a_wrong_model_fails(case, kind, below):
    (p,) = probabilities(case, 5, (kind,)).values()
    assert np.sum(p < below) >= 3


def test_the_probability_is_chi_square_s_where_the_population_is_known():
    """Two independent normal cells 2 SDs off each, around a level that the draws know."""
    rng = np.random.default_rng(0)
    population = 0.01 * rng.standard_normal((4000, 2))
    level = population @ [[3.0, -1.0], [0.5, 2.0]]
    simulated = level + rng.standard_normal((4000, 2)) * [0.5, 2.0]
    found = realised_distance(np.array([1.0, -4.0]), simulated, population, np.zeros(2))
    np.testing.assert_allclose(found.away, [2.0, -2.0], atol=0.1)
    assert found.p == pytest.approx(stats.chi2(2).sf(8), rel=0.3)
    assert found.ratio == pytest.approx(np.sqrt(8 / stats.chi2(2).median()), rel=0.05)
