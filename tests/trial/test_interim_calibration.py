"""The rehearsed look: the bank against exact sums, the tables, and their calibration."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from scipy.stats import binomtest, t

from lymphokin.model import load_model
from lymphokin.shipped import data_path
from lymphokin.trial.interim import CalibrationTest, Rehearsal, calibration_table, stopping_table
from lymphokin.trial.interim.bank import Bank, BankArm, posterior_at
from lymphokin.trial.interim.figure import calibration_figure
from lymphokin.trial.virtual import VirtualDesign

RESIDUAL = load_model("myeloid_lymphoid").table.residuals["alc"]


def small_bank(rng: np.random.Generator) -> Bank:
    """3 visits, 4 populations, 5 patients of each."""

    def arm() -> BankArm:
        return BankArm(
            jnp.asarray(rng.normal(0, 0.4, (3, 4, 5)), jnp.float32),
            jnp.asarray(rng.uniform(0, 1, (4, 5)), jnp.float32),
            jnp.asarray([[0.1], [0.15], [0.2], [0.3]], jnp.float32),
        )

    return Bank(arm(), arm(), RESIDUAL)


def test_the_posterior_is_the_sum_over_the_bank():
    """Bayes' theorem by hand, with SciPy's density, for two patients and a missing count."""
    bank = small_bank(np.random.default_rng(0))
    counts = np.array([[0.1, -0.2], [0.0, 0.3], [0.2, -0.5]])
    known = np.array([[True, True], [True, False], [False, True]])
    found = posterior_at(bank, counts, known, 1, 4000, np.random.default_rng(1))
    log_weight, risk = np.zeros(4), np.zeros((4, 2))
    for i, arm in enumerate((bank.control, bank.treated)):
        true, sd = np.asarray(arm.log_true, float), np.asarray(arm.residual_sd, float)
        for k in range(4):
            df = RESIDUAL.degrees_of_freedom
            each = t.pdf(counts[:, i, None], df, loc=true[:, k], scale=sd[k])
            own = np.where(known[:, i, None], each, 1.0).prod(axis=0)
            log_weight[k] += np.log(own.mean())
            risk[k, i] = (own * np.asarray(arm.risk)[k]).sum() / own.sum()
    weight = np.exp(log_weight) / np.exp(log_weight).sum()
    assert found.effective == pytest.approx(1 / (weight**2).sum(), rel=1e-4)
    for i, drawn in enumerate(found.risk):
        assert drawn.mean() == pytest.approx(weight @ risk[:, i], abs=2e-3)


def test_bins_have_exact_intervals():
    said = np.array([0.01] * 20 + [0.55] * 30)
    ended = np.array([False] * 20 + [True] * 14 + [False] * 16)
    table = calibration_table(said, ended)
    assert table["trials"].tolist() == [20, 30]
    for row, k in zip(table.itertuples(), (0, 14), strict=True):
        low, high = binomtest(k, row.trials).proportion_ci(0.90, "exact")  # type: ignore[arg-type]
        assert row.observed_q05 == pytest.approx(low)
        assert row.observed_q95 == pytest.approx(high)


def test_right_predictions_pass_and_bold_ones_fail():
    rng = np.random.default_rng(3)
    said = rng.beta(0.4, 1.2, 3000)
    right = CalibrationTest.of(said, rng.random(3000) < said)
    assert min(right.p, right.mean_p) > 0.01
    bold = np.clip(0.5 + 1.6 * (said - 0.5), 0.001, 0.999)
    assert CalibrationTest.of(bold, rng.random(3000) < said).p < 1e-4


def test_stopping_loses_the_trials_that_would_have_succeeded():
    looks = pd.DataFrame(
        {
            "predictive_probability": [0.01, 0.04, 0.3, 0.9, 0.8],
            "significant": [False, True, False, True, True],
            "enrolled": [30, 40, 50, 52, 52],
        }
    )
    row = stopping_table(looks, 52, [0.05]).iloc[0]
    assert row["stopped"] == 0.4
    assert row["power"] == 0.6
    assert row["power_lost"] == 0.2
    assert row["power_with_look"] == 0.4
    assert row["patients_saved"] == pytest.approx((22 + 12) / 5)


@pytest.mark.slow
def test_predictive_probabilities_come_true():
    """500 trials of the prior: neither the number significant nor the Brier score is off."""
    design = VirtualDesign.read(data_path("nct06439888.design.toml"))
    looks = Rehearsal(design, 26).run(500, 5)
    said, ended = (looks[c].to_numpy() for c in ("predictive_probability", "significant"))
    test = CalibrationTest.of(said, ended)
    assert min(test.p, test.mean_p) > 0.01
    table = calibration_table(said, ended)
    outside = (table["predicted"] < table["observed_q05"]) | (
        table["predicted"] > table["observed_q95"]
    )
    assert outside.sum() <= 3


def test_the_figure_draws_what_the_table_says():
    said = np.array([0.005] * 40 + [0.15] * 30 + [0.99] * 20)
    ended = np.array([False] * 40 + [True] * 6 + [False] * 24 + [True] * 19 + [False])
    table = calibration_table(said, ended)
    axes = calibration_figure(table).axes[0]
    points = np.asarray(axes.lines[1].get_xydata())
    assert points == pytest.approx(table[["predicted", "observed"]].to_numpy())
    assert points.tolist() == pytest.approx(np.array([[0.005, 0], [0.15, 0.2], [0.99, 0.95]]))
    (bars,) = (c for c in axes.collections if isinstance(c, LineCollection))
    for segment, low, high in zip(
        bars.get_segments(), table["observed_q05"], table["observed_q95"], strict=True
    ):
        assert segment[:, 1] == pytest.approx([low, high])
    assert [text.get_text() for text in axes.texts] == ["40", "30", "20"]
    assert axes.get_xlabel().startswith("predictive probability")
