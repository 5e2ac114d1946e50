"""Roots of arrow matrices against dense linear algebra, on made-up derivatives of any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.infer.factor import cholesky, factor_of, mean_factor
from lymphokin.infer.gaussian import whitening_from
from lymphokin.infer.information import ArrowMatrix, Information

QUANTITIES, SLOTS = 4, 3


def made_up(seed: int, patients: int, narrow: float = 1.0) -> tuple[Information, np.ndarray]:
    """Derivatives of five outcomes of each patient and of the priors, and the latents' places.

    The first latent of a patient lies about the first quantity, with an SD of 1 / ``narrow``; the
    others are standard normal. The last patient has one latent less.
    """
    rng = np.random.default_rng(seed)
    index = QUANTITIES + np.arange(patients * SLOTS).reshape(patients, SLOTS)
    index[-1, -1] = -1
    prior = np.broadcast_to(np.eye(SLOTS), (patients, SLOTS, SLOTS)) * (index >= 0)[:, :, None]
    prior[:, 0] *= narrow
    own = np.concatenate([rng.standard_normal((patients, 5, SLOTS)), prior], axis=1)
    own[-1, :, -1] = 0.0
    coupling = np.zeros((patients, 5 + SLOTS, QUANTITIES))
    coupling[:, :5] = rng.standard_normal((patients, 5, QUANTITIES))
    coupling[:, 5, 0] = -narrow
    owner = np.repeat(np.arange(patients), 5 + SLOTS)
    order = rng.permutation(len(owner))
    own, coupling = own.reshape(-1, SLOTS)[order], coupling.reshape(-1, QUANTITIES)[order]
    shared = np.concatenate([np.eye(QUANTITIES), rng.standard_normal((2, QUANTITIES))])
    return Information(own, coupling, owner[order], shared), index


def dense(information: Information, index: np.ndarray) -> np.ndarray:
    """The whole matrix, from rows that span all latents."""
    latents = QUANTITIES + int((index >= 0).sum())
    rows = np.zeros((len(information.owner), latents + 1))
    rows[:, :QUANTITIES] = information.coupling
    places = np.where(index < 0, latents, index)[information.owner]
    np.put_along_axis(rows, places, information.own, axis=1)
    shared = np.zeros((len(information.shared), latents + 1))
    shared[:, :QUANTITIES] = information.shared
    rows = np.concatenate([rows, shared])[:, :latents]
    return rows.T @ rows


def covariance_of(factor, index: np.ndarray) -> np.ndarray:
    """Covariance of the normal approximation that belongs to a factor."""
    latents = QUANTITIES + int((index >= 0).sum())
    map_ = whitening_from(np.zeros(latents), factor, index)
    columns = map_.displacement(np.eye(latents))
    return columns.T @ columns


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), patients=st.integers(1, 30), narrow=st.floats(0.1, 30.0))
def test_the_map_has_the_covariance_of_the_dense_inverse(seed, patients, narrow):
    information, index = made_up(seed, patients, narrow)
    expected = np.linalg.inv(dense(information, index))
    found = covariance_of(factor_of(information, index), index)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_two_hundred_patients_are_whitened_as_by_the_dense_inverse():
    information, index = made_up(0, 200)
    expected = np.linalg.inv(dense(information, index))
    found = covariance_of(factor_of(information, index), index)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), narrow=st.floats(1.0, 1e9))
def test_what_is_left_of_the_population_is_never_less_than_its_prior(seed, narrow):
    """However narrow: 1e9 squared is past what doubles can subtract."""
    information, index = made_up(seed, 500, narrow)
    left = np.linalg.svd(factor_of(information, index).population, compute_uv=False)
    assert left.min() > 1 - 1e-9
    # Five outcomes of each of 500 patients: what is left is of the size of that.
    assert left.max() < np.sqrt(20 * 500)


def test_subtracting_sums_of_squares_would_not_do():
    information, index = made_up(0, 500, 1e9)
    population, own, coupling = information.matrix(index)
    explained = np.einsum("psq,psr->qr", coupling, np.linalg.solve(own, coupling))
    assert np.linalg.eigvalsh(population - explained).min() < 0


def test_a_population_without_any_width_is_one_person():
    """Where the first latent of everybody is the first quantity, one may stand for the other."""
    information, index = made_up(0, 500, 1e9)
    population = factor_of(information, index).population
    merged = information._replace(coupling=information.coupling.copy(), own=information.own.copy())
    of_records = np.abs(information.own[:, 0]) < 1e8
    merged.coupling[:, 0] = np.where(of_records, merged.coupling[:, 0] + merged.own[:, 0], 0.0)
    merged.own[:, 0] = np.where(of_records, 0.0, 1.0)
    expected = np.linalg.inv(dense(merged, index))[:QUANTITIES, :QUANTITIES]
    np.testing.assert_allclose(np.linalg.inv(population.T @ population), expected, rtol=1e-6)


def test_a_weighted_mean_is_that_of_the_matrices():
    (a, index), (b, _) = made_up(0, 7), made_up(1, 7)
    mean = mean_factor(factor_of(a, index), factor_of(b, index), 0.3)
    expected = np.linalg.inv(0.7 * dense(a, index) + 0.3 * dense(b, index))
    np.testing.assert_allclose(covariance_of(mean, index), expected, rtol=1e-10, atol=1e-12)


def test_a_matrix_that_is_given_has_the_same_factor_up_to_signs():
    information, index = made_up(0, 7)
    found = cholesky(information.matrix(index))
    expected = covariance_of(factor_of(information, index), index)
    np.testing.assert_allclose(covariance_of(found, index), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("part", ["own", "population"])
def test_an_indefinite_matrix_and_one_that_is_not_finite_have_no_factor(part):
    information, index = made_up(0, 7)
    matrix = information.matrix(index)
    bad = matrix._replace(**{part: -getattr(matrix, part)})
    assert np.isnan(covariance_of(cholesky(ArrowMatrix(*bad)), index)).any()
    spoilt = information._replace(own=np.where(information.owner[:, None] == 3, np.nan, 1.0))
    assert np.isnan(covariance_of(factor_of(spoilt, index), index)).any()
