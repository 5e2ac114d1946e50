"""The verdict on the chains: R-hat, effective sample size and divergences each decide."""

import numpy as np
import pandas as pd
import pytest

from lymphokin.infer.diagnostics import judge


def level_of(rhat: float, ess: float, share: float) -> str:
    """Verdict on two quantities, of which the second has these numbers."""
    summary = pd.DataFrame({"name": ["a", "b"], "rhat": [1.0, rhat], "ess_bulk": [5000.0, ess]})
    diverging = np.zeros((4, 1000), dtype=bool)
    diverging.ravel()[: round(share * diverging.size)] = True
    found = judge(summary, diverging)
    np.testing.assert_array_equal([found.rhat_max, found.ess_bulk_min], [rhat, ess])
    assert found.divergences == round(4000 * share)
    assert found.divergence_share == pytest.approx(share)
    return found.level


@pytest.mark.parametrize(
    ("rhat", "ess", "share", "level"),
    [
        (1.00, 900.0, 0.0, "good"),
        (1.02, 400.0, 0.004, "good"),
        (1.03, 900.0, 0.0, "caution"),
        (1.00, 399.0, 0.0, "caution"),
        (1.00, 900.0, 0.006, "caution"),
        (1.05, 100.0, 0.02, "caution"),
        (1.06, 900.0, 0.0, "bad"),
        (1.00, 99.0, 0.0, "bad"),
        (1.00, 900.0, 0.03, "bad"),
    ],
)
def test_each_of_the_three_numbers_can_spoil_the_verdict(rhat, ess, share, level):
    assert level_of(rhat, ess, share) == level


def test_a_chain_that_never_moved_makes_a_bad_fit():
    """It has no R-hat, and nothing says that it has converged."""
    assert level_of(np.nan, 900.0, 0.0) == "bad"
    assert level_of(1.0, np.nan, 0.0) == "bad"
