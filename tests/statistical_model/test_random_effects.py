"""Random effects that are heavy-tailed or go together, against SciPy and NumPyro."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, stats

from lymphokin.criticism.patients.random_effects import random_effects
from lymphokin.infer.density import flat
from lymphokin.model import ModelError, load_model
from lymphokin.model.deviate import correlation, student_t
from lymphokin.population import Hierarchy
from tests.statistical_model.conftest import cohort_of, posterior_of

GROUP = {"parameters": ["level", "share"], "source": "a test", "certainty": "proposed prior"}
VARYING = {"between_subject_sd": 0.2}
TOGETHER = {"correlations": {"both": GROUP | {"lkj": 2.0}}}


@pytest.mark.parametrize("df", [2.1, 3.0, 5.0, 30.0])
def test_a_bent_normal_has_the_distribution_of_students_t(df):
    """Values and slope: the density that chains see is that of Student's t with an SD of 1."""
    z = np.linspace(-7.5, 7.5, 2001)
    value, slope = jax.vmap(jax.value_and_grad(lambda v: student_t(v, df)))(z)
    law = stats.t(df, scale=np.sqrt((df - 2) / df))
    log_density = stats.norm.logpdf(z) - np.log(slope)
    np.testing.assert_allclose(log_density, law.logpdf(value), atol=1e-7)
    np.testing.assert_allclose(law.logcdf(value[z < 0]), stats.norm.logcdf(z[z < 0]), atol=1e-8)
    far = np.asarray(student_t(np.array([-40.0, -13.0, 13.0, 40.0]), df))
    assert np.isfinite(far).all()
    assert (np.diff(far) > 0).all()


@pytest.mark.parametrize("shape", [0.8, 1.0, 3.5, 50.0])
def test_a_bent_normal_has_the_distribution_of_a_correlation(shape):
    z = np.linspace(-4, 4, 801)
    r, rest = correlation(z, shape)
    np.testing.assert_allclose(stats.beta.cdf((1 + r) / 2, shape, shape), stats.norm.cdf(z), 1e-8)
    np.testing.assert_allclose(r**2 + rest**2, 1.0, rtol=1e-12)


def test_the_marginal_likelihood_of_a_heavy_tailed_level(level_model):
    """One patient, one count: integral over the latent against that over Student's t by SciPy."""
    level = {"population_sd": 0.0, "random_effect": "student_t", "degrees_of_freedom": 3.0}
    model = level_model(level)
    posterior = posterior_of(model, cohort_of([[3.4]]))
    z = jnp.linspace(-9.0, 9.0, 3001)
    log_density = jax.jit(jax.vmap(lambda v: posterior.log_density(v[None], posterior.arrays)))(z)
    found = integrate.simpson(np.exp(log_density), x=z) / np.sqrt(2 * np.pi) / 3.4
    law = stats.t(3.0, loc=2.0, scale=0.3 / np.sqrt(3.0))

    def joint(level: float) -> float:
        return law.pdf(level) * stats.norm.pdf(3.4, level, 0.25)

    expected = integrate.quad(joint, -3, 8, points=[2.0, 3.4], limit=200)[0]
    assert found == pytest.approx(expected, rel=1e-6)
    normal = stats.norm.pdf(3.4, 2.0, np.hypot(0.3, 0.25))
    assert found > 3 * normal  # the tail matters


@pytest.mark.parametrize(("size", "lkj"), [(2, 1.0), (3, 2.0), (4, 0.7)])
def test_the_cholesky_factor_has_the_lkj_density(size, lkj):
    """Pushed forward from the latents, against NumPyro's density of the factor."""
    hierarchy = grouped(size, lkj)
    z = jnp.asarray(np.random.default_rng(size).normal(0, 1, size * (size - 1) // 2))
    below = np.tril_indices(size, -1)

    def entries(z):
        return factor(hierarchy, z)[below]

    log_slope = np.linalg.slogdet(jax.jit(jax.jacfwd(entries))(z))[1]
    found = stats.norm.logpdf(z).sum() - log_slope
    expected = dist.LKJCholesky(size, lkj).log_prob(jax.jit(lambda v: factor(hierarchy, v))(z))
    assert found == pytest.approx(float(expected), abs=1e-6)


def test_every_correlation_has_the_beta_distribution_of_its_prior():
    """(1 + r) / 2 is Beta(lkj - 1 + d/2, the same), whichever pair (Lewandowski 2009)."""
    hierarchy = grouped(3, 1.5)
    z = jax.random.normal(jax.random.key(1), (4000, 3))
    values = jax.vmap(hierarchy.natural)(z)
    assert list(values) == ["a_b_correlation", "a_c_correlation", "b_c_correlation"]
    for r in values.values():
        assert stats.kstest((1 + np.asarray(r)) / 2, stats.beta(2.0, 2.0).cdf).pvalue > 1e-3


def grouped(size: int, lkj: float) -> Hierarchy:
    """A hierarchy of nothing but correlated parameters; the model is not solved."""
    from lymphokin.model import Correlations, Model, Parameter, ParameterTable

    names = tuple("abcd"[:size])
    parameters = {
        n: Parameter(n, n, n, "1", "identity", 0.0, "fixed", between_subject_sd=1.0) for n in names
    }
    group = Correlations("all", names, "fixed", lkj)
    return Hierarchy(Model("made up", (), ParameterTable(parameters, {}, {"all": group})))


def factor(hierarchy: Hierarchy, z: jax.Array) -> jax.Array:
    rows = hierarchy.population(z).cholesky["all"]
    size = len(rows)
    return jnp.stack([jnp.stack([*row, *[jnp.zeros(())] * (size - len(row))]) for row in rows])


def test_correlated_effects_have_the_covariance_they_should(level_model):
    """Additive on one scale: Var(level) Var(share) and their correlation, over many patients."""
    fixed = {"correlations": {"both": GROUP | {"fixed": [-0.6]}}}
    model = level_model({"population_sd": 0.0}, VARYING, **fixed)
    posterior = posterior_of(model, cohort_of([[2.0]] * 4000))
    hierarchy, arrays = posterior.hierarchy, posterior.arrays
    latents = hierarchy.draw_latents(jax.random.key(2), arrays)
    p, _ = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
    drawn = np.stack([p.level, p.share])
    np.testing.assert_allclose(drawn.std(axis=1), [0.3, 0.2], rtol=0.04)
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(-0.6, abs=0.04)
    eta = random_effects(posterior, np.asarray(flat(latents))[None]).eta[0]
    assert np.corrcoef(eta)[0, 1] == pytest.approx(-0.6, abs=0.04)
    np.testing.assert_allclose(eta.std(axis=1), 1.0, rtol=0.04)


def test_correlated_effects_of_the_drug_reach_its_windows(small_trial, tmp_path):
    """The default model with absorption and clearance correlated: as drawn, in every window."""
    (tmp_path / "own.py").write_text(
        'from lymphokin.model import model_file\n"""Own."""\n'
        'blocks = model_file("myeloid_lymphoid").blocks\n'
    )
    (tmp_path / "own.toml").write_text(
        'extends = "myeloid_lymphoid"\n[correlations.kinetics]\n'
        'parameters = ["intrinsic_clearance", "central_volume"]\nfixed = [0.8]\n'
        'source = "a test"\ncertainty = "fixed"\n'
        '[parameters.central_volume]\nrandom_effect = "student_t"\ndegrees_of_freedom = 4.0\n'
    )
    posterior = posterior_of(load_model(str(tmp_path / "own.py")), small_trial.cohort)
    hierarchy, arrays = posterior.hierarchy, posterior.arrays
    latents = hierarchy.draw_latents(jax.random.key(2), arrays)
    names = [p.name for p in hierarchy.treated_effects]
    z = np.asarray(latents.treated)
    one, two = (z[names.index(n)] for n in ("intrinsic_clearance", "central_volume"))
    second = np.asarray(student_t(0.8 * one + 0.6 * two, 4.0))
    population = hierarchy.population(latents.population)
    found = hierarchy.treated_deviates(population, latents)
    np.testing.assert_allclose(found["intrinsic_clearance"], one, rtol=1e-12)
    np.testing.assert_allclose(found["central_volume"], second, rtol=1e-12)
    _, p = hierarchy.individuals(population, latents, arrays)
    of_lane = second[np.asarray(arrays.timeline.hours.treated)]
    sd = population.between_subject_sd["central_volume"]
    expected = np.exp(population.typical["central_volume"] + sd * of_lane)
    np.testing.assert_allclose(p.central_volume, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("level", "share", "group", "problem"),
    [
        ({}, {}, GROUP | {"lkj": 1.0}, "share needs between_subject_sd"),
        ({}, VARYING, GROUP, "either lkj"),
        ({}, VARYING, GROUP | {"lkj": 1.0, "fixed": [0.1]}, "either lkj"),
        ({}, VARYING, GROUP | {"lkj": 0}, "lkj must be above 0, not 0"),
        ({}, VARYING, GROUP | {"fixed": [1.2]}, "positive definite matrix, not [1.2]"),
        ({}, VARYING, GROUP | {"fixed": [0.1, 0.2]}, "the 1 correlation(s) below the diagonal"),
        ({}, VARYING, GROUP | {"lkj": 1.0, "parameters": ["level"]}, "two or more names"),
        ({}, VARYING, GROUP | {"lkj": 1.0, "parameters": ["level", "x"]}, "names 'x', which is"),
        (
            {"parametrisation": "centred"},
            VARYING,
            GROUP | {"lkj": 1.0},
            "level must be non-centred",
        ),
        (
            {"transform": "log", "acts_as_product_with": "share"},
            VARYING | {"transform": "log"},
            GROUP | {"lkj": 1.0},
            "level acts as a product",
        ),
        (
            {"random_effect": "student_t"},
            VARYING,
            None,
            "above 2, it is missing",
        ),
        (
            {"random_effect": "student_t", "degrees_of_freedom": 2},
            VARYING,
            None,
            "degrees_of_freedom above 2, not 2",
        ),
        ({"degrees_of_freedom": 4}, VARYING, None, "only for random_effect student_t"),
        (
            {"random_effect": "student_t", "degrees_of_freedom": 4, "parametrisation": "centred"},
            VARYING,
            None,
            "must be non-centred",
        ),
        ({"random_effect": "cauchy"}, VARYING, None, "random_effect must be normal or student_t"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(level_model, level, share, group, problem):
    more = {} if group is None else {"correlations": {"both": group}}
    with pytest.raises(ModelError) as caught:
        level_model(level, share, **more)
    assert problem in str(caught.value)


def test_a_parameter_belongs_to_one_group(level_model):
    groups = {"one": GROUP | {"lkj": 1.0}, "two": GROUP | {"lkj": 1.0}}
    with pytest.raises(ModelError, match="level is in more than one group"):
        level_model(None, VARYING, correlations=groups)


def test_effects_of_the_drug_alone_do_not_go_with_others(tmp_path):
    (tmp_path / "own.py").write_text(
        'from lymphokin.model import model_file\nblocks = model_file("myeloid_lymphoid").blocks\n'
    )
    (tmp_path / "own.toml").write_text(
        'extends = "myeloid_lymphoid"\n[correlations.mixed]\n'
        'parameters = ["central_volume", "slow_half_life"]\nlkj = 2.0\n'
        'source = "a test"\ncertainty = "fixed"\n'
        "[parameters.slow_half_life]\nbetween_subject_sd = 0.2\n"
    )
    with pytest.raises(ModelError, match=r"correlations\.mixed joins parameters that only"):
        load_model(str(tmp_path / "own.py"))


def test_fixing_a_parameter_takes_it_out_of_its_group(level_model):
    """What is left of three has the same prior: an LKJ matrix of a shape larger by a half."""
    model = level_model(None, VARYING, **TOGETHER)
    assert Hierarchy(model).population_names[-1] == "level_share_correlation"
    assert model.with_fixed(share=1.0).table.correlations == {}
    three = grouped(3, 1.5).model.table.fixed(b=0.0).correlations["all"]
    assert (three.parameters, three.lkj) == (("a", "c"), 2.0)
