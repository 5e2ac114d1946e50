"""How often a visual check fails, of hundreds of fits: right ones about as often as it says.

uv run pytest -m slow -n 0 -s tests/slow/test_visual_check_power.py
"""

import numpy as np
import pytest

from tests.criticism.mixed_trials import CASES, probabilities

KINDS = ("as measured", "relative to baseline", "prediction-corrected")
TRIALS = 400
SEEN_BY = {
    "noise": "relative to baseline",
    "spread": "as measured",
    "trend": "relative to baseline",
    "recovery": "as measured",
    "outliers": "relative to baseline",
}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", CASES)
def test_how_often_a_fit_fails(case):
    found = probabilities(case, TRIALS, KINDS)
    for kind, p in found.items():
        look, wrong, high = np.mean(p < 0.05), np.mean(p < 0.005), np.mean(p > 0.95)
        print(f"{case}, {kind}: look {look:.3f}, wrong {wrong:.3f}, above 0.95 {high:.3f}")
        if case == "right":
            assert 0.02 < look < 0.10
            assert wrong < 0.02
            assert 0.02 < high < 0.10
            assert 0.42 < p.mean() < 0.55
    if case != "right":
        assert np.mean(found[SEEN_BY[case]] < 0.05) > 0.3
