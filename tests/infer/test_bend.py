"""Patients that follow the population along a curve: the map alone, and what it learns."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.infer.bend import Bend, products
from lymphokin.infer.gaussian import NormalApproximation, Whitening, fit_gaussian, linear
from lymphokin.infer.learning import learnt_from
from lymphokin.infer.noncentred import Noncentring
from lymphokin.infer.noncentred_density import gradients_of
from tests.statistical_model.conftest import LEVEL, RESIDUAL, cohort_of, level_model, posterior_of

QUANTITIES, PATIENTS, SLOTS = 4, 5, 2
MEDIAN, TYPICAL_SD, SPREAD, NOISE = (
    float(value)  # type: ignore[arg-type]
    for value in (*(LEVEL[k] for k in ("median", "population_sd", "between_subject_sd")),
                  RESIDUAL["sd"])
)  # fmt: skip
__all__ = ["level_model"]


@pytest.fixture
def bend() -> Bend:
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.standard_normal((QUANTITIES, QUANTITIES)))[0][:, :3]
    curve = 0.3 * rng.standard_normal((PATIENTS, SLOTS, 6))
    return Bend(directions, curve, 0.3 * rng.standard_normal((PATIENTS, SLOTS, 3)))


@pytest.fixture
def points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.standard_normal((7, QUANTITIES)), rng.standard_normal((7, PATIENTS, SLOTS))


def test_what_is_bent_can_be_straightened(bend, points):
    population, own = points
    bent, _ = bend.bent(population, own)
    assert np.abs(bent - own).max() > 0.5
    np.testing.assert_allclose(bend.straight(population, bent), own, atol=1e-12)


def test_the_volume_is_that_of_the_whole_map(bend, points):
    """The population stays, so the determinant is that of the patients given the population."""
    population, own = points
    _, log_volume = bend.bent(population, own)
    for i, (one, its_own) in enumerate(zip(population, own, strict=True)):

        def of_own(v, one=one):
            return bend.bent(jnp.asarray(one), v.reshape(PATIENTS, SLOTS))[0].ravel()

        jacobian = jax.jacobian(of_own)(jnp.asarray(its_own.ravel()))
        assert np.linalg.slogdet(jacobian)[1] == pytest.approx(log_volume[i].sum(), abs=1e-12)


def test_numpy_and_jax_agree_for_one_point_and_for_many(bend, points):
    population, own = points
    found = bend.bent(population, own)
    traced = Bend(*map(jnp.asarray, bend))
    for i in range(len(population)):
        one = traced.bent(jnp.asarray(population[i]), jnp.asarray(own[i]))
        for a, b in zip(one, found, strict=True):
            np.testing.assert_allclose(a, b[i], rtol=1e-12, atol=1e-12)


def test_products_have_a_mean_of_zero_under_a_standard_normal():
    along = np.random.default_rng(2).standard_normal((100_000, 3))
    np.testing.assert_allclose(products(along).mean(axis=0), 0.0, atol=0.03)


def test_no_bend_leaves_points_where_they_are(points):
    population, own = points
    bent, log_volume = Bend.none(QUANTITIES, PATIENTS, SLOTS).bent(population, own)
    np.testing.assert_array_equal(bent, own)
    assert not log_volume.any()


def test_an_approximation_is_the_same_when_it_was_kept(bend):
    index = QUANTITIES + np.arange(PATIENTS * SLOTS).reshape(PATIENTS, SLOTS)
    whitening = Whitening.identity(np.zeros(QUANTITIES + index.size), QUANTITIES, index)
    made = NormalApproximation(whitening, Noncentring.none((2, PATIENTS)), bend)
    again = NormalApproximation.of(made.arrays())
    y = np.random.default_rng(3).standard_normal((3, QUANTITIES + index.size))
    np.testing.assert_array_equal(again.noncentred(y)[0], made.noncentred(y)[0])
    assert np.abs(made.noncentred(y)[0] - y).max() > 0.5


def conditional(z: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD [draw, patient] of patients' levels, counts being level times share.

    Args:
        z: [draw, 2] latents of the population's level and of the share.
        counts: [patient, record].
    """
    typical, share = MEDIAN + TYPICAL_SD * z[:, :1], np.exp(0.3 * z[:, 1:])
    precision = 1 / SPREAD**2 + counts.shape[1] * share**2 / NOISE**2
    mean = (typical / SPREAD**2 + share * counts.sum(axis=1) / NOISE**2) / precision
    return mean, np.broadcast_to(precision**-0.5, mean.shape)


def test_patients_are_followed_where_a_line_cannot(level_model):
    """Counts know the product of a patient's level and the population's share, so that a level goes
    with one over the share. Given the population it is normal: where, and how wide, is known."""
    rng = np.random.default_rng(4)
    levels = 2.0 + 0.3 * rng.standard_normal((30, 1))
    counts = levels + 0.25 * rng.standard_normal((30, 6))
    model = level_model(share={"transform": "log", "population_sd": 0.3})
    density = posterior_of(model, cohort_of(counts.tolist()))
    gradients = gradients_of(density)
    first = fit_gaussian(density, gradients)
    y = rng.standard_normal((150, len(first.whitening.centre)))
    found = learnt_from(density, gradients, first, first.latents(density, y)[0])

    def missed(approximation: NormalApproximation) -> tuple[np.floating, ...]:
        """Root mean square error of centres, in SDs, and of changes of the logarithms of widths."""
        rest = np.random.default_rng(5).standard_normal((200, 2))
        at = partial(approximation.latents, density)
        middle = np.hstack([rest, np.zeros((200, 30))])
        x = at(middle)[0]
        mean, sd = conditional(x[:, :2], counts)
        level = MEDIAN + TYPICAL_SD * x[:, :1] + SPREAD * x[:, 2:]
        wide = at(middle + np.hstack([np.zeros((200, 2)), np.ones((200, 30))]))[0]
        width = SPREAD * np.abs(wide[:, 2:] - x[:, 2:])
        log_ratio = np.log(width / sd)
        changes = log_ratio - log_ratio.mean(axis=0)
        return tuple(np.sqrt(np.mean(np.square(v))) for v in ((level - mean) / sd, changes))

    bent, straight = missed(found), missed(linear(found.whitening, found.noncentring))
    assert bent[0] < 0.3 * straight[0] < 0.3 * missed(first)[0] + 0.1
    assert bent[0] < 0.1
    assert bent[1] < 0.3 * straight[1]
