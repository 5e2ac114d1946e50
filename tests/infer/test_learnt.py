"""Words on what was learnt, and posteriors in the tail of their priors."""

import numpy as np
import pandas as pd
import pytest

from lymphokin.infer.learnt import contraction_of, learnt_word, unmeasured_quantities, withheld
from lymphokin.infer.prior_conflict import in_a_sentence, prior_conflicts
from lymphokin.model import load_model
from lymphokin.population.quantities import sampled_quantities
from tests.made_up_fit import made_up_fit

MYELOID = {"mdsc_baseline", "mdsc_turnover", "radiation_drive", "inflammation_decay"}
LINK = {"suppression"}
KINETICS = {"intrinsic_clearance", "absorption_rate"}
DIFFERENTIATION = {"max_differentiation", "half_effect_concentration", "signal_turnover"}


@pytest.mark.parametrize(
    ("contraction", "measured", "word"),
    [
        (0.9, True, "well"),
        (0.5, True, "well"),
        (0.3, True, "partly"),
        (0.05, True, "prior only"),
        (np.nan, True, "unknown"),
        (0.9, False, "not measured"),
        (0.05, False, "not measured"),
    ],
)
def test_a_quantity_without_a_record_of_its_block_is_never_learnt(contraction, measured, word):
    assert learnt_word(contraction, measured) == word


def test_contraction_is_that_of_the_variance_and_unknown_without_a_draw():
    prior = np.linspace(-1.0, 1.0, 101)
    assert contraction_of(prior, prior / 2 + 7) == pytest.approx(1 - 1 / 4)
    assert contraction_of(np.ones(5), prior) == 0.0
    for before, after in ((prior, prior[:0]), (prior[:0], prior)):
        assert np.isnan(contraction_of(before, after))


@pytest.mark.parametrize(
    ("records", "among", "not_among"),
    [
        (["alc"], MYELOID | LINK | DIFFERENTIATION | {"mdsc_residual_sd"}, {"radiosensitivity"}),
        (["alc", "mdsc"], KINETICS | {"half_effect_concentration"}, MYELOID | LINK),
        (["alc", "atra"], MYELOID | LINK | DIFFERENTIATION, KINETICS),
        (["alc", "mdsc", "atra"], set(), MYELOID | LINK | KINETICS | DIFFERENTIATION),
        (["mdsc"], LINK | KINETICS | {"radiosensitivity", "fast_half_life"}, MYELOID),
    ],
)
def test_what_is_not_measured_follows_from_the_blocks(records, among, not_among):
    """A link is measured where both of its ends are."""
    found = unmeasured_quantities(load_model("myeloid_lymphoid"), records)
    assert found >= among
    assert not found & not_among


def test_words_are_withheld_when_the_draws_are_not_to_be_believed(small_trial):
    wrong = made_up_fit("hedos_hcc", small_trial.cohort, errors={"alc": 0.5})
    assert wrong.convergence["level"] == "bad"
    assert set(wrong.summary["learnt"]) == {"unknown"}
    words = pd.DataFrame({"learnt": ["well", "not measured", "prior only"]})
    assert list(withheld(words)["learnt"]) == ["unknown", "not measured", "unknown"]


def normal_posterior(rng, truth: np.ndarray, noise: float, draws: int = 400) -> np.ndarray:
    """[draw, quantity] of independent normal quantities with a standard normal prior, each seen
    once with this noise: the closed form."""
    seen = truth + noise * rng.standard_normal(len(truth))
    mean, sd = seen / (1 + noise**2), noise / np.sqrt(1 + noise**2)
    return mean + sd * rng.standard_normal((draws, len(truth)))


def test_posteriors_of_truths_from_the_prior_conflict_once_in_twenty_trials():
    """Of two kinds, each with a probability of 0.05: 0.0975 of 600 trials; 4 of its SDs are 29."""
    model, rng = load_model("hedos_hcc"), np.random.default_rng(1)
    size = len(sampled_quantities(model))
    found = sum(
        bool(prior_conflicts(model, normal_posterior(rng, rng.standard_normal(size), 0.5)))
        for _ in range(600)
    )
    assert abs(found - 58.5) < 29


@pytest.mark.parametrize(("name", "away"), [("radiosensitivity", 4.0), ("alc_residual_sd", -3.0)])
def test_a_truth_in_the_tail_of_its_prior_is_named(name, away):
    model = load_model("hedos_hcc")
    names = [q.name for q in sampled_quantities(model)]
    truth = np.where(np.asarray(names) == name, away, 0.0)
    conflicts = prior_conflicts(model, normal_posterior(np.random.default_rng(2), truth, 0.1))
    assert [c.name for c in conflicts] == [name]
    assert conflicts[0].distance == pytest.approx(away, abs=0.5)
    side = "above" if away > 0 else "below"
    assert f"{name} (" in (sentence := in_a_sentence(conflicts))
    assert f"prior SDs {side} its prior" in sentence
    assert "not measured here" in in_a_sentence(conflicts, [name])
    assert in_a_sentence([]) == ""


def test_a_quantity_that_the_data_say_little_of_cannot_conflict():
    model = load_model("hedos_hcc")
    z = np.random.default_rng(3).standard_normal((400, len(sampled_quantities(model)))) + 0.3
    assert prior_conflicts(model, z) == []
