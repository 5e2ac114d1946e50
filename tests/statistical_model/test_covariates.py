"""Categories and missing covariates, on a linear model whose posterior is known in closed form."""

import re

import jax
import numpy as np
import pytest
from scipy import stats

from lymphokin.io import BadInput
from lymphokin.model import ModelError
from lymphokin.population import Hierarchy
from tests.statistical_model.conftest import GaussianPosterior, cohort_of, posterior_of

SEX = {
    "form": "category",
    "reference": "M",
    "effects": {"F": {"median": 0.2, "sd": 0.5}},
    "source": "a test",
}
BSA = {"reference": 1.8, "exponent": 0.9, "exponent_sd": 0.0}
VALUES = [[2.1, 1.7, 2.4], [1.2, 1.1], [2.9, 3.3, 3.0, 2.6], [2.2], [1.9, 1.6], [2.5], [2.8, 2.4]]
AREAS = [1.5, 1.7, 1.9, 2.1, 1.8, 2.0, np.nan]
Y = np.concatenate(VALUES)
PATIENT = np.repeat(np.arange(7), [len(v) for v in VALUES])


def level(**covariates):
    return {"covariates": covariates}


def covariance(of_population: np.ndarray) -> np.ndarray:
    """Of the counts: level of the population, patients, what the covariate adds, residual."""
    together = PATIENT[:, None] == PATIENT
    return 0.4**2 + 0.3**2 * together + of_population + 0.25**2 * np.eye(len(Y))


def test_a_category_is_a_linear_effect(level_model):
    posterior = posterior_of(level_model(level(SEX=SEX)), cohort_of(VALUES, sex=list("MFFMFMF")))
    assert "level_sex_F_effect" in posterior.hierarchy.population_names
    female = np.array([0, 1, 1, 0, 1, 0, 1.0])[PATIENT]
    law = stats.multivariate_normal(2.0 + 0.2 * female, covariance(0.25 * np.outer(female, female)))
    assert GaussianPosterior.of(posterior).log_marginal == pytest.approx(law.logpdf(Y), rel=1e-10)


def test_a_blank_category_is_the_reference_and_said(level_model):
    model = level_model(level(SEX=SEX))
    blank, stated = (
        posterior_of(model, cohort_of(VALUES, sex=sex))
        for sex in ([None, "F", *"FMFMF"], list("MFFMFMF"))
    )
    assert blank.packed.warnings == ("SEX is blank for 1 patient(s), who count as M",)
    np.testing.assert_array_equal(
        blank.arrays.regressors["sex=F"], stated.arrays.regressors["sex=F"]
    )


def test_a_category_without_an_effect_is_refused_with_its_line(level_model):
    model = level_model(level(SITE=SEX | {"reference": "brain", "effects": SEX["effects"]}))
    cohort = cohort_of([[1.0], [2.0]], site=["brain", "spine"])
    cohort.observations["row"] = [11, 12]
    with pytest.raises(BadInput) as caught:
        posterior_of(model, cohort)
    message = str(caught.value)
    assert "counts.csv: 1 problem" in message
    assert "SITE: expected F, brain: the categories of level in model level" in message
    assert "line 12: found spine (patient P2)" in message.replace('"', "").replace("'", "")


@pytest.mark.parametrize(
    ("covariates", "problem"),
    [
        ({"WEIGHT": BSA}, "WEIGHT: expected, for form power, one of the columns AGE, BSA"),
        ({"SEX": BSA}, "SEX: expected, for form power"),
        ({"BSA": SEX}, "BSA: expected, for form category, one of the columns ARM"),
    ],
)
def test_a_column_that_no_cohort_has_is_refused(level_model, covariates, problem):
    with pytest.raises(ModelError, match=re.escape(problem)):
        level_model(level(**covariates))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"effects": {}}, "effects is missing"),
        ({"effects": {"M": {"median": 0.1}}}, "the reference 'M' has an effect of its own"),
        ({"effects": {"F": {"sd": 0.1}}}, "effects.F: median is missing"),
        ({"effects": {"F": {"median": 0, "sd": -1}}}, "effects.F: sd must not be negative"),
        ({"effects": {"F": 0.3}}, "effects.F: must be a table of keys, not 0.3"),
        ({"reference": 1}, "reference must be text, not 1"),
        ({"form": "linear"}, "form must be power or category, not 'linear'"),
        ({"exponent": 1.0}, "unknown key 'exponent'"),
    ],
)
def test_a_category_that_makes_no_sense_is_refused(level_model, changes, problem):
    with pytest.raises(ModelError, match=re.escape("SEX")) as caught:
        level_model(level(SEX=SEX | changes))
    assert problem in str(caught.value)


@pytest.mark.parametrize("parametrisation", ["non-centred", "centred"])
@pytest.mark.parametrize("exponent", [0.0, 0.9])
def test_a_missing_covariate_is_a_latent(level_model, parametrisation, exponent):
    """Its posterior is the cohort's distribution when it has no effect, and else what Bayes' rule
    makes of it: with a known exponent everything is normal."""
    own = level(BSA=BSA | {"exponent": exponent}) | {"parametrisation": parametrisation}
    posterior = posterior_of(level_model(own), cohort_of(VALUES, bsa=AREAS))
    log_area = np.log(np.array(AREAS[:6]))
    mean, sd = log_area.mean(), log_area.std(ddof=1)
    assert posterior.packed.warnings == (
        "BSA is missing for 1 patient(s) and estimated with their parameters, a priori log-normal "
        f"as in the 6 others (median {np.exp(mean):.3g})",
    )
    found = GaussianPosterior.of(posterior)
    shift = exponent * (np.append(log_area, mean) - np.log(1.8))[PATIENT]
    lacks = (PATIENT == 6).astype(float)
    whole = covariance((exponent * sd) ** 2 * np.outer(lacks, lacks))
    law = stats.multivariate_normal(2.0 + shift, whole)
    assert found.log_marginal == pytest.approx(law.logpdf(Y), rel=1e-10)
    gain = np.linalg.solve(whole, exponent * sd * lacks)
    expected = gain @ (Y - 2.0 - shift), 1 - exponent * sd * lacks @ gain
    variance = np.linalg.inv(found.precision)[-1, -1]
    assert (found.mean[-1], variance) == pytest.approx(expected, abs=1e-10)
    assert (variance < 0.999) == (exponent > 0)
    # All is linear: the expected information is the precision, wherever it is taken. It comes from
    # differences over steps of 1.5e-8, which rounding spoils by 1e-7.
    index = posterior.patient_index
    arrow = posterior.information(posterior.centre, posterior.arrays)
    n = len(posterior.hierarchy.quantities)
    filled = np.eye(len(found.mean))
    filled[:n, :n] = arrow.population
    for slots, block, coupling in zip(index, arrow.own, arrow.coupling, strict=True):
        kept = slots >= 0
        at = slots[kept]
        filled[np.ix_(at, at)] = block[np.ix_(kept, kept)]
        filled[at, :n], filled[:n, at] = coupling[kept], coupling[kept].T
    np.testing.assert_allclose(filled, found.precision, rtol=1e-6, atol=1e-6)


def test_simulated_patients_lack_what_the_fitted_ones_lack(level_model):
    """The covariate is drawn as in the cohort, and the patient's level follows it."""
    own = level(BSA=BSA) | {"between_subject_sd": 0.0, "population_sd": 0.0}
    varying = {"between_subject_sd": 1e-6}
    values = [[1.0]] * 2006
    areas = [1.5, 1.7, 1.9, 2.1, 1.8, 2.0, *[np.nan] * 2000]
    posterior = posterior_of(level_model(own, varying), cohort_of(values, bsa=areas))
    hierarchy, arrays = posterior.hierarchy, posterior.arrays
    latents = hierarchy.draw_latents(jax.random.key(1), arrays)
    p, _ = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
    drawn = 1.8 * np.exp((np.asarray(p.level) - 2.0) / 0.9)
    np.testing.assert_allclose(drawn[:6], areas[:6], rtol=1e-9)
    log_area = np.log(areas[:6])
    law = stats.norm(log_area.mean(), log_area.std(ddof=1))
    assert stats.kstest(np.log(drawn[6:]), law.cdf).pvalue > 1e-3


def test_a_number_that_few_have_stays_at_the_reference_and_is_said(level_model):
    cohort = cohort_of(VALUES, bsa=[1.5, 1.7, *[np.nan] * 5])
    posterior = posterior_of(level_model(level(BSA=BSA)), cohort)
    (warning,) = posterior.packed.warnings
    assert "known for only 2: those without it count as the reference" in warning
    assert posterior.start().covariate.size == 0
    np.testing.assert_array_equal(posterior.arrays.regressors["bsa/1.8"][2:], 0.0)


def test_only_patients_in_whom_it_matters_get_a_latent(level_model):
    """Where the immune dose is known, its covariates say nothing."""
    own = level(BSA=BSA) | {"only_without": "immune_dose_gy"}
    dose = [np.nan, 1.0, np.nan, 1.0, np.nan, 1.0, 1.0]
    areas = [1.5, 1.7, np.nan, 2.1, 1.8, 2.0, np.nan]
    cohort = cohort_of(VALUES, bsa=areas, immune_dose_gy=dose)
    assert posterior_of(level_model(own), cohort).arrays.lacking.tolist() == [2]


def test_two_parameters_may_refer_to_different_patients(level_model):
    """Each covariate has a reference of its own."""
    model = level_model(level(BSA=BSA), level(BSA=BSA | {"reference": 1.5, "exponent": 1.0}))
    posterior = posterior_of(model, cohort_of([[1.0]], bsa=[1.7]))
    hierarchy: Hierarchy = posterior.hierarchy
    start = posterior.start()
    p, _ = hierarchy.individuals(hierarchy.population(start.population), start, posterior.arrays)
    assert float(p.level[0]) == pytest.approx(2.0 + 0.9 * np.log(1.7 / 1.8))
    assert float(p.share[0]) == pytest.approx(1.0 + np.log(1.7 / 1.5))
