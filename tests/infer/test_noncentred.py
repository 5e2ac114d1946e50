"""Latents relative to what population and records make of them, where all is known in closed form.

Counts scatter about each patient's level, levels about the population's: given mean and SD of the
population a patient's level is normal.
"""

from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tomli_w
from scipy import stats

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.fitting import FitSettings, fit_density
from lymphokin.infer.gaussian import fit_gaussian, nothing_around
from lymphokin.infer.mode import rough_modes
from lymphokin.infer.noncentred_density import NoncentredDensity, gradients_of, latents_of
from lymphokin.infer.sampler import HmcSettings
from lymphokin.model import load_model
from tests.statistical_model.conftest import LEVEL, RESIDUAL, cohort_of, level_model, posterior_of

CENTRED = {"parametrisation": "centred", "between_subject_log_sd": 0.6}
NOISE = RESIDUAL["sd"]
__all__ = ["level_model"]


@pytest.fixture
def density(level_model) -> CohortDensity:
    """Three counts, one, and none that says anything."""
    values = [[2.1, 2.3, 1.8], [2.6], [np.nan]]
    return posterior_of(level_model(CENTRED), cohort_of(values))


def test_the_records_say_what_they_say(density):
    """Counts of a patient have a precision, and point to their mean; one SD of the table is 1."""
    found = NoncentredDensity.about(density).noncentring
    spread = LEVEL["between_subject_sd"]
    precision = np.array([3, 1, 0]) * (spread / NOISE) ** 2
    np.testing.assert_allclose(found.precision[0], precision, rtol=1e-6, atol=1e-6)
    assert found.applies.all()


@pytest.mark.parametrize("population", [(0.0, 0.0), (1.5, -2.0), (-0.7, 1.2)])
def test_given_the_population_everybody_is_standard_normal_wherever_it_is(density, population):
    """The patient's records know their mean, so the centre is right at every population, too."""
    first = NoncentredDensity.about(density)
    start = density.centre
    means = np.array([np.mean([2.1, 2.3, 1.8]), 2.6, 2.0])
    mode = start.copy()
    of_table = (means - LEVEL["median"]) / LEVEL["between_subject_sd"]
    trust = first.noncentring.precision[0] / (1 + first.noncentring.precision[0])
    mode[2:] = trust * of_table
    space = first.around(first.noncentred(mode[None])[0])
    rng = np.random.default_rng(1)
    u = np.concatenate([np.tile(population, (6, 1)), rng.normal(0, 2, (6, 3))], axis=1)
    value, _ = space.gradients(u)
    np.testing.assert_allclose(np.ptp(value + 0.5 * (u[:, 2:] ** 2).sum(axis=1)), 0.0, atol=1e-6)


def test_the_map_has_its_inverse_and_its_volume(density):
    space = NoncentredDensity.about(density)
    u = np.random.default_rng(2).standard_normal((4, 5))
    x, log_volume = space.latents(u)
    np.testing.assert_allclose(space.noncentred(x), u, atol=1e-12)
    assert np.abs(x - u).max() > 0.1

    def traced(v):
        return latents_of(density.hierarchy, space.noncentring, v, density.arrays)

    for one, expected, own in zip(u, x, log_volume, strict=True):
        found, whole = traced(jnp.asarray(one))
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        jacobian = jax.jacobian(lambda v: traced(v)[0])(jnp.asarray(one))
        assert float(whole) == pytest.approx(own.sum(), abs=1e-12)
        assert np.linalg.slogdet(jacobian)[1] == pytest.approx(own.sum(), abs=1e-12)


def test_gradients_are_those_of_the_density_at_the_latents(density):
    space = NoncentredDensity.about(density)
    u = np.random.default_rng(3).standard_normal((3, 5))
    value, gradient = space.gradients(u)
    x, log_volume = space.latents(u)
    np.testing.assert_allclose(value, density.gradients(x)[0] + log_volume.sum(axis=1), rtol=1e-12)
    for i, unit in enumerate(1e-5 * np.eye(5)):
        slope = (space.gradients(u + unit)[0] - space.gradients(u - unit)[0]) / 2e-5
        np.testing.assert_allclose(gradient[:, i], slope, rtol=1e-6, atol=1e-6)


def test_latents_as_written_are_left_alone_to_the_last_bit(density):
    same = NoncentredDensity(density, density.as_written())
    u = np.random.default_rng(4).standard_normal((3, 5))
    x, log_volume = same.latents(u)
    np.testing.assert_array_equal(x, u)
    assert not log_volume.any()
    np.testing.assert_array_equal(same.gradients(u)[0], density.gradients(u)[0])


def test_values_whose_prior_is_the_same_for_every_population_stay_as_they_are(level_model):
    density = posterior_of(level_model(), cohort_of([[2.1], [1.9]]))
    found = NoncentredDensity.about(density).noncentring
    assert not found.applies.any()


def test_patients_without_derivatives_are_named(density):
    space = NoncentredDensity.about(density)
    start = density.centre
    hidden = space.factor(start)
    hidden.own[1] = np.nan

    def gradients(u, noncentring):
        """Known where climbs go, not around."""
        value, slopes = space.gradients(u)
        return (value, slopes) if len(u) == 1 else (value, np.full_like(slopes, np.nan))

    with pytest.raises(FitError, match=r"could not start.*near there the predictions or their"):
        fit_gaussian(density, gradients)
    assert "predictions of patients P2 or their derivatives" in nothing_around(density, hidden)


LESIONS = '''
"""Lesions that keep their volume."""

from lymphokin.model import Block, Flow, Output, state


class Lesions(Block):
    size = state("cm3", lambda p: p.size, per="lesion")
    shows = {"volume": Output("cm3", "volume")}

    def flows(self, y, p, u):
        return {"size": Flow(p.size, 1.0)}

    def outputs(self, y, p, u):
        return {"volume": y.size}


blocks = (Lesions(),)
'''


def of_lesions(folder, spread, residual, y, days) -> CohortDensity:
    """Of lesions whose volumes ``y`` [patient, lesion] or [patient, day, lesion] are seen."""
    size = LEVEL | spread | {"unit": "cm3", "population_sd": 0.0, "between_subject_sd": 0.0}
    table = {"parameters": {"size": size}, "residuals": {"volume": residual}}
    (folder / "lesions.py").write_text(LESIONS)
    (folder / "lesions.toml").write_text(tomli_w.dumps(table))
    model = load_model(folder / "lesions.py")
    cohort = cohort_of(np.reshape(y, (len(y), -1)).tolist())
    seen = cohort.observations
    place = seen["day"].to_numpy(int) - 1
    lesions = np.shape(y)[-1]
    seen = seen.assign(
        quantity="volume", lesion=place % lesions + 1, day=np.take(days, place // lesions)
    )
    return posterior_of(model, replace(cohort, observations=seen, vocabulary=model.vocabulary))


def test_many_lesions_do_not_collapse_into_one_size(tmp_path):
    """If a lesion's value alone were its latent, the density would rise without end as all lesions
    become alike. The posterior of the SD between lesions is known: given it, volumes are normal.
    """
    spread = {"between_lesion_sd": 0.3, "between_lesion_log_sd": 0.6}
    rng = np.random.default_rng(6)
    y = 2.0 + np.hypot(0.2, NOISE) * rng.standard_normal((20, 3))
    density = of_lesions(tmp_path, spread, RESIDUAL, y, [1.0])

    space = NoncentredDensity.about(density)
    trust = (0.3 / NOISE) ** 2
    np.testing.assert_allclose(space.noncentring.lesion_precision, trust, rtol=1e-6)
    u = rng.standard_normal((2, 1 + y.size))
    x, log_volume = space.latents(u)
    np.testing.assert_allclose(space.noncentred(x), u, atol=1e-12)
    value = space.gradients(u)[0]
    np.testing.assert_allclose(value, density.gradients(x)[0] + log_volume.sum(axis=1), rtol=1e-12)

    z = np.linspace(-6, 3, 901)
    variance = (0.3 * np.exp(0.6 * z)) ** 2 + NOISE**2
    log_density = -0.5 * (z**2 + y.size * np.log(variance) + ((y - 2.0) ** 2).sum() / variance)
    weight = np.exp(log_density - log_density.max())
    mean = weight @ z / weight.sum()
    sd = np.sqrt(weight @ (z - mean) ** 2 / weight.sum())
    found = fit_gaussian(density, gradients_of(density))
    assert found.whitening.centre[0] == pytest.approx(mean, abs=0.5 * sd)
    assert found.whitening.population[0, 0] == pytest.approx(sd, rel=0.3)


def test_a_climb_does_not_end_where_an_error_makes_all_lesions_alike(tmp_path):
    """The error is believed to be small, and the two readings of each lesion agree with that; but
    from one size for all a climb first raises the error by as much as sizes differ.
    """
    spread = {"between_lesion_sd": 0.6, "between_lesion_log_sd": 0.3}
    residual = RESIDUAL | {"sd": 0.02, "sd_log_sd": 0.5, "certainty": "proposed prior"}
    rng = np.random.default_rng(7)
    size = 2.0 + 0.6 * rng.standard_normal((20, 1, 3))
    density = of_lesions(
        tmp_path, spread, residual, size + 0.02 * rng.standard_normal((20, 2, 3)), [1.0, 5.0]
    )
    (found,) = rough_modes(density, gradients_of(density), 1, 1)[:1]
    names = density.hierarchy.population_names
    z = found[: len(names)]
    assert 0.01 < 0.02 * np.exp(0.5 * z[names.index("volume_residual_sd")]) < 0.04
    assert 0.4 < 0.6 * np.exp(0.3 * z[names.index("size_between_lesion_sd")]) < 0.9


@pytest.mark.slow
def test_a_narrow_population_is_sampled_without_divergences(level_model):
    """A hundred patients of whom one noisy count each says little: a funnel, if nothing is done.

    The posterior of the population's SD is known: given it, the counts are normal with a mean whose
    prior is normal. 600 effective draws give a mean to 0.04 SD, so 0.2 SD is 5 standard errors.
    """
    rng = np.random.default_rng(5)
    y = 2.0 + np.hypot(0.05, NOISE) * rng.standard_normal(100)
    density = posterior_of(level_model(CENTRED), cohort_of(y[:, None].tolist()))
    z = np.linspace(-5, 3, 801)
    sd = np.hypot(LEVEL["between_subject_sd"] * np.exp(0.6 * z), NOISE)
    precision = len(y) / sd**2 + 1 / LEVEL["population_sd"] ** 2
    pull = y.sum() / sd**2 + LEVEL["median"] / LEVEL["population_sd"] ** 2
    log_marginal = (
        stats.norm.logpdf(z)
        - len(y) * np.log(sd)
        - 0.5 * (y**2).sum() / sd**2
        - 0.5 * np.log(precision)
        + 0.5 * pull**2 / precision
    )
    weight = np.exp(log_marginal - log_marginal.max())
    weight /= weight.sum()
    mean, spread = weight @ z, np.sqrt(weight @ z**2 - (weight @ z) ** 2)

    settings = FitSettings(hmc=HmcSettings(chains=2, draws=400, seed=1))
    found = fit_density(density, settings, asdict(settings.hmc))
    sample = found.draws["unconstrained_posterior"]["population"].to_numpy()[..., 1]
    assert int(found.draws["sample_stats"]["diverging"].sum()) == 0
    assert found.summary["rhat"].max() < 1.03
    assert found.summary["ess_bulk"].min() > 300
    assert abs(sample.mean() - mean) < 0.2 * spread
    assert sample.std() == pytest.approx(spread, rel=0.2)
    assert float(found.draws["sample_stats"]["n_steps"].mean()) < 20
