"""The verdict on the chains: R-hat, effective sample size and divergences each decide."""

import numpy as np
import pandas as pd
import pytest

from lymphokin.infer.diagnostics import Convergence, judge, population_summary
from lymphokin.model import load_model
from lymphokin.population import Hierarchy


def verdict_of(rhat: float, ess: float, share: float, learnt: str = "well") -> Convergence:
    """Verdict on two quantities, of which the second has these numbers."""
    columns = {"rhat": [1.0, rhat], "ess_bulk": [5000.0, ess], "learnt": ["well", learnt]}
    summary = pd.DataFrame({"name": ["a", "b"], **columns})
    diverging = np.zeros((4, 1000), dtype=bool)
    diverging.ravel()[: round(share * diverging.size)] = True
    found = judge(summary, diverging)
    np.testing.assert_array_equal([found.rhat_max, found.ess_bulk_min], [rhat, ess])
    assert found.divergences == round(4000 * share)
    assert found.divergence_share == pytest.approx(share)
    return found


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
    assert verdict_of(rhat, ess, share).level == level


@pytest.mark.parametrize(("risk", "level"), [(401.0, "good"), (399.0, "caution"), (99.0, "bad")])
def test_risks_that_mixed_badly_spoil_the_verdict(risk, level):
    summary = pd.DataFrame({"name": ["a"], "rhat": [1.0], "ess_bulk": [900.0], "learnt": ["well"]})
    found = judge(summary, np.zeros((4, 1000), bool), risk_ess=risk)
    assert (found.level, found.risk_ess_min) == (level, risk)
    assert f"size 900, of a risk {risk:.0f}, 0 divergences" in found.verdict
    advice = (
        "The risk of a patient samples worst (bulk effective sample size 399). What helps: sample"
    )
    assert level != "caution" or f"{advice} about 1,100 draws per chain." in found.verdict


def test_a_chain_that_never_moved_makes_a_bad_fit():
    """It has no R-hat, and nothing says that it has converged."""
    for found in (verdict_of(np.nan, 900.0, 0.0), verdict_of(1.0, np.nan, 0.0)):
        assert found.level == "bad"
        assert found.verdict.endswith("b never moved: try another seed, or fewer free parameters.")


@pytest.mark.parametrize(
    ("rhat", "ess", "share", "words"),
    [
        (1.00, 100.0, 0.0, "b samples worst (R-hat 1.000, bulk effective sample size 100). "
                           "What helps: sample about 4,000 draws per chain."),
        (1.10, 300.0, 0.0, "b samples worst (R-hat 1.100, bulk effective sample size 300). "
                           "What helps: sample about 2,000 draws per chain."),
        (1.00, 900.0, 0.03, "against divergences, narrower priors or fewer free parameters."),
    ],
)  # fmt: skip
def test_the_quantity_that_samples_worst_is_named_with_what_helps(rhat, ess, share, words):
    """400 effective draws take four times as many draws where there are 100."""
    assert verdict_of(rhat, ess, share).verdict.endswith(words)
    assert "samples worst" not in verdict_of(1.0, 900.0, 0.0).verdict


@pytest.mark.parametrize(
    ("risk", "slowest", "draws"), [(np.inf, "b", "5,000"), (50.0, "the risk of a patient", "8,000")]
)
def test_the_slowest_is_named_and_decides_how_many_draws_help(risk, slowest, draws):
    """Where another has the largest R-hat, but more effective draws."""
    summary = pd.DataFrame({"name": ["a", "b"], "rhat": [1.04, 1.01], "ess_bulk": [900.0, 80.0]})
    verdict = judge(summary, np.zeros((4, 1000), bool), risk_ess=risk).verdict
    assert verdict.endswith(
        f"a samples worst (R-hat 1.040, bulk effective sample size 900), and {slowest} has the "
        f"fewest effective draws. What helps: sample about {draws} draws per chain."
    )


def test_what_nobody_measured_is_best_fixed():
    verdict = verdict_of(1.0, 100.0, 0.0, learnt="not measured").verdict
    assert "What helps: fix b, of which nothing was measured, at a known value; sample" in verdict


def test_each_number_of_a_summary_is_that_of_the_draws_that_it_names():
    """Posterior draws from 2 to 3, prior ones from 0 to 10; a quarter of the latents' variance is
    left.
    """
    hierarchy = Hierarchy(load_model("hedos_hcc"))
    names = hierarchy.population_names
    even = np.linspace(0, 1, 1001)
    z = np.broadcast_to(np.tile([0.5, -0.5], 500)[:, None], (1, 1000, len(names)))
    values, prior = (dict.fromkeys(names, v) for v in (2 + even, 10 * even))
    row = population_summary(hierarchy, z, values, prior, markov=False).iloc[0]
    for q in (5, 25, 50, 75, 95):
        assert row[f"q{q:02d}"] == pytest.approx(2 + q / 100)
    for q in (5, 50, 95):
        assert row[f"prior_q{q:02d}"] == pytest.approx(q / 10)
    assert (row["mean"], row["sd"]) == pytest.approx((2.5, np.sqrt(1 / 12)), rel=2e-3)
    assert row["contraction"] == pytest.approx(0.75)
    assert row["learnt"] == "well"
