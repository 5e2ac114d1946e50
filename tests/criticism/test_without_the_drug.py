"""A check of a trial in which nobody got the drug says nothing of it."""

from dataclasses import replace

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.criticism.patients.random_effects import RandomEffects
from lymphokin.criticism.teaching.reference_courses import ReferenceCourses
from lymphokin.io import Cohort
from lymphokin.model import load_model
from lymphokin.model.acting import drug_parameters
from lymphokin.population.quantities import sampled_quantities
from tests.made_up_fit import made_up_fit


@pytest.fixture(scope="module")
def untreated(small_trial) -> Cohort:
    """One arm of the patients of a trial, as if nobody had got its drug."""
    cohort = small_trial.cohort
    counts = cohort.observations[cohort.observations["quantity"] != "atra"]
    return replace(
        cohort,
        patients=cohort.patients.assign(arm="SBRT"),
        doses=cohort.doses.iloc[:0],
        observations=counts.reset_index(drop=True),
    )


def test_random_effects_of_other_parameters_stay():
    eta = np.arange(24.0).reshape(2, 3, 4)
    found = RandomEffects(("a", "b", "c"), tuple("pqrs"), eta).without({"b", "absent"})
    assert found.names == ("a", "c")
    np.testing.assert_array_equal(found.eta, eta[:, [0, 2]])


def test_composites_follow_pulses_only_where_somebody_got_them(small_trial, untreated):
    model = load_model("myeloid_lymphoid")
    assert "ATRA pulses" in str(ReferenceCourses.of(model, small_trial.cohort))
    alone = ReferenceCourses.of(model, untreated)
    assert "ATRA" not in str(alone)
    assert list(alone.pulses) == ["none"]
    assert alone.levels == ()


@pytest.mark.long
def test_no_verdict_and_no_sentence_of_the_page_names_the_drug_or_arms(untreated):
    fit = made_up_fit("myeloid_lymphoid", untreated, draws=250)
    result = lk.check(fit, draws=500, progress=False)
    of_drug = drug_parameters(fit.model)
    assert of_drug
    for verdict in result.verdicts:
        words = f"{verdict.sentence} {' '.join(verdict.numbers)}"
        assert not [name for name in of_drug if name in words], verdict
    numbers = {v.check: v.numbers for v in result.verdicts}
    said = {
        name.removesuffix("_between_subject_sd")
        for name in numbers["prior-to-posterior contraction"]
    }
    assert {"mdsc_turnover", "radiosensitivity", "suppression"} <= said
    left = len(numbers["prior-to-posterior contraction"])
    assert numbers["local identifiability"]["directions"] == left
    assert left < len(sampled_quantities(fit.model)) - 10
    page = result.page()
    for word in ("ATRA", "of each arm", "in one arm", "wrong arm", "between arms"):
        assert word not in page, word
