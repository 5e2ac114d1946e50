"""Quantities that a cohort cannot say anything about are found in the model's code."""

import pytest

from lymphokin.model import load_model
from lymphokin.model.acting import drug_parameters
from lymphokin.report.untouched import untouched_quantities
from tests.report.made_up import made_up

OF_THE_DRUG = {"max_differentiation", "half_effect_concentration", "intrinsic_clearance"}


def test_what_only_a_dose_could_tell_is_known_of_every_block():
    found = drug_parameters(load_model("myeloid_lymphoid"))
    assert found >= OF_THE_DRUG
    assert not found & {"suppression", "radiation_drive", "radiosensitivity", "fast_half_life"}
    assert drug_parameters(load_model("friberg_lymphocyte")) == frozenset()


@pytest.mark.parametrize("mdsc", [True, False])
def test_an_untreated_cohort_leaves_out_the_drug_and_assays_without_a_sample(mdsc):
    model = load_model("myeloid_lymphoid")
    untreated = set(untouched_quantities(model, made_up(["a"], ["SBRT"], mdsc=mdsc).cohort))
    assert untreated >= OF_THE_DRUG
    assert ("mdsc_residual_sd" in untreated) == (not mdsc)
    assert not untreated & {"suppression", "alc_residual_sd", "lymphocyte_baseline"}


def test_a_treated_and_sampled_cohort_leaves_out_nothing():
    model = load_model("myeloid_lymphoid")
    assert untouched_quantities(model, made_up(["a"], ["SBRT+ATRA"]).cohort) == []
