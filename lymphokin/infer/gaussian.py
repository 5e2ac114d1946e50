"""A normal approximation of the posterior, and the map under which it becomes standard normal.

L-BFGS finds a point that fits; natural-gradient steps (variational online Newton, Khan and
Rue 2023, jmlr.org/papers/v24/22-0291.html) then move the centre into the bulk of the posterior and
average the expected information over it: at the mode of a hierarchical posterior the curvature is
not typical. The sampler works in the whitened space; the map changes how fast it moves, not what it
samples.

All but gradients and predictions is computed by NumPy: these are few and small matrices, which take
longer to compile a program for than to compute.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.density import CohortDensity, Gradients
from lymphokin.infer.information import ArrowMatrix
from lymphokin.infer.mode import rough_mode

ROUNDS = 12
"""Times that the information is averaged; in the demo one costs as much as 40 gradients."""
MOVES_PER_ROUND = 4
"""Steps of the centre in each."""
POINTS_PER_MOVE = 8
"""Points, in pairs about the centre, at which a step averages the gradient."""
RATE = 0.3
"""Share of a full natural-gradient step. Full steps from a mode overshoot: its curvature is not yet
that of the bulk."""
LARGEST_MOVE = 0.5
"""Longest step of the centre, in standard deviations per dimension (root mean square)."""


class Whitening(NamedTuple):
    """Linear map from nearly standard normal ``y`` to the latents ``x``, both [..., latent].

    Its methods compute with NumPy or JAX, whichever their argument is of.
    """

    centre: Any
    """[latent]"""
    population: Any
    """[quantity, quantity] root of the population's covariance"""
    own: Any
    """[patient, slot, slot] root of a patient's covariance given the population"""
    slope: Any
    """[patient, slot, quantity] how a patient's latents follow the population"""
    index: Any
    """[patient, slot] places in the flat vector; padding points one past its end"""

    def displacement(self, y: Any) -> Any:
        """Linear part of the map."""
        moved = y[..., : len(self.population)] @ self.population.T
        return self.together(moved, self.own_move(moved, self.by_patient(y)))

    def own_move(self, population: Any, own: Any) -> Any:
        """[..., patient, slot] how patients move when the population does.

        Args:
            population: [..., quantity] the population's move.
            own: [..., patient, slot] the patients' part of the whitened point.
        """
        return _times(self.own, own) + self._following(population)

    def _following(self, population: Any) -> Any:
        xp = population.__array_namespace__()
        return xp.einsum("psq,...q->...ps", self.slope, population, optimize=True)

    def by_patient(self, values: Any) -> Any:
        """[..., patient, slot] values of flat vectors; 0 in padding."""
        xp = values.__array_namespace__()
        padding = xp.zeros((*values.shape[:-1], 1), values.dtype)
        return xp.concatenate([values, padding], axis=-1)[..., self.index]

    def together(self, population: Any, own: Any) -> Any:
        """[..., latent] flat vectors of values of the population [..., quantity] and of patients
        [..., patient, slot].
        """
        shape, n = (*population.shape[:-1], len(self.centre) + 1), population.shape[-1]
        if isinstance(own, jax.Array):
            empty = jnp.zeros(shape, own.dtype)
            return empty.at[..., :n].set(population).at[..., self.index].set(own)[..., :-1]
        filled = np.zeros(shape, own.dtype)
        filled[..., :n], filled[..., self.index] = population, own
        return filled[..., :-1]

    def to_latents(self, y: Any) -> Any:
        """Latents of points of the whitened space."""
        return self.centre + self.displacement(y)

    def from_latents(self, x: Any) -> Any:
        """Points of the whitened space that :meth:`to_latents` maps to ``x``."""
        inverse = x.__array_namespace__().linalg.inv
        moved = x - self.centre
        population = moved[..., : len(self.population)]
        own = self.by_patient(moved) - self._following(population)
        return self.together(
            population @ inverse(self.population).T, _times(inverse(self.own), own)
        )

    def gradient(self, of_latents: Any) -> Any:
        """Gradient with respect to ``y`` of what has the gradient ``of_latents`` at the latents."""
        xp = of_latents.__array_namespace__()
        own = self.by_patient(of_latents)
        following = xp.einsum("psq,...ps->...q", self.slope, own, optimize=True)
        population = of_latents[..., : len(self.population)] + following
        return self.together(population @ self.population, self.own_gradient(own))

    def own_gradient(self, of_own: Any) -> Any:
        """[..., patient, slot] the patients' part of :meth:`gradient`, of what has the gradient
        ``of_own`` [..., patient, slot] at the patients' latents.
        """
        return _times(self.own.swapaxes(1, 2), of_own)

    @classmethod
    def identity(cls, start: np.ndarray, quantities: int, index: np.ndarray) -> Whitening:
        """The map of points like ``start`` to themselves, for the places ``index`` [patient, slot],
        -1 where none.
        """
        (patients, slots), of = index.shape, start.dtype
        own = np.broadcast_to(np.eye(slots, dtype=of), (patients, slots, slots))
        slope = np.zeros((patients, slots, quantities), of)
        places = np.where(index < 0, len(start), index)
        return cls(np.zeros_like(start), np.eye(quantities, dtype=of), own, slope, places)

    def arrays(self) -> dict[str, np.ndarray]:
        """The map as plain arrays."""
        return {name: np.asarray(value) for name, value in self._asdict().items()}

    @classmethod
    def shapes(cls, latents: int, quantities: int, index: np.ndarray) -> Whitening:
        """Shapes of such a map, for the places ``index`` [patient, slot]."""
        patients, slots = index.shape
        of = partial(jax.ShapeDtypeStruct, dtype=jnp.result_type(float))
        return cls(
            of((latents,)),
            of((quantities, quantities)),
            of((patients, slots, slots)),
            of((patients, slots, quantities)),
            jax.ShapeDtypeStruct(index.shape, jnp.result_type(int)),
        )


def _times(matrices: Any, vectors: Any) -> Any:
    """[..., patient, row] products of a matrix and a vector of each patient."""
    xp = vectors.__array_namespace__()
    return xp.einsum("prk,...pk->...pr", matrices, vectors, optimize=True)


def _root(precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse and symmetric inverse root of (stacks of) positive definite matrices; of what is not
    positive definite the root is nan.
    """
    if not np.isfinite(precision).all():
        return np.full_like(precision, np.nan), np.full_like(precision, np.nan)
    values, vectors = np.linalg.eigh(precision)
    inverse = (vectors / values[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    with np.errstate(invalid="ignore"):
        roots = np.sqrt(values)
    return inverse, (vectors / roots[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def whitening_from(centre: Any, information: ArrowMatrix, index: np.ndarray) -> Whitening:
    """The map that belongs to a centre and an information matrix.

    Args:
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    of_population, of_patients, coupling = map(np.asarray, information)
    inverse, own = _root(of_patients)
    slope = -inverse @ coupling
    schur = of_population + np.einsum("psq,psr->qr", coupling, slope)
    _, population = _root(0.5 * (schur + schur.T))
    centre = np.asarray(centre)
    return Whitening(centre, population, own, slope, np.where(index < 0, len(centre), index))


def _moved(whitening: Whitening, gradient: np.ndarray, rate: float) -> Whitening:
    """The approximation, its centre moved by a share of a natural-gradient step."""
    move = whitening.gradient(gradient)
    move = move / max(1.0, np.sqrt(np.mean(move**2)) / LARGEST_MOVE)
    return whitening._replace(centre=whitening.centre + rate * whitening.displacement(move))


def fit_gaussian(density: CohortDensity, gradients: Gradients, seed: int = 0) -> Whitening:
    """Normal approximation of a cohort's posterior.

    Args:
        density: the cohort.
        gradients: of its density or of one near it, as with long steps.
        seed: of the starts and of the points at which gradients are taken.

    Raises:
        ValueError: when there is none.
    """
    rng = np.random.default_rng(seed)
    index = density.patient_index()
    centre = rough_mode(density, gradients, seed)
    information = density.information(centre, density.arrays)
    settled = ROUNDS * 2 // 3
    for i in range(ROUNDS):
        rate = RATE * min(1.0, settled / (i + 1))
        whitening = whitening_from(centre, information, index)
        for _ in range(MOVES_PER_ROUND):
            # Random points where the approximation lies, in pairs about its centre.
            y = rng.standard_normal((POINTS_PER_MOVE // 2, len(centre)), dtype=centre.dtype)
            points = whitening.to_latents(np.concatenate([y, -y]))
            whitening = _moved(whitening, gradients(points)[1].mean(axis=0), rate)
        centre = whitening.centre
        seen = density.information(points[0], density.arrays)
        information = ArrowMatrix(
            *((1 - rate) * a + rate * b for a, b in zip(information, seen, strict=True))
        )
    if not np.isfinite(centre).all():
        raise ValueError(
            "no normal approximation of the posterior was found: the density is finite where the "
            "climb to its mode ended, but the derivatives of the predictions near there are not"
        )
    return whitening_from(centre, information, index)


def refined(whitening: Whitening, x: np.ndarray) -> Whitening:
    """The map corrected by what draws of the posterior look like under it.

    Where the posterior is wider or narrower than its information says, and for populations and
    patients alike, the draws' covariance moves the map; few draws move it little.

    Args:
        x: [draw, latent] draws, e.g. of a pilot run.
    """
    y = whitening.from_latents(x)
    n, slots = len(whitening.population), whitening.index.shape[1]
    own = whitening.by_patient(y)
    own = own - own.mean(axis=0)
    seen = np.einsum("dps,dpk->psk", own, own, optimize=True) / len(x)
    absent = np.asarray(whitening.index == len(whitening.centre), x.dtype)
    seen = seen + absent[:, :, None] * np.eye(slots, dtype=x.dtype)
    trust_population, trust_own = (len(x) / (len(x) + 2 * size) for size in (n, slots))
    covariance = np.cov(y[:, :n], rowvar=False, dtype=x.dtype).reshape(n, n)
    covariance = trust_population * covariance + (1 - trust_population) * np.eye(n, dtype=x.dtype)
    seen = trust_own * seen + (1 - trust_own) * np.eye(slots, dtype=x.dtype)
    return whitening._replace(
        centre=x.mean(axis=0),
        population=whitening.population @ np.linalg.cholesky(covariance),
        own=whitening.own @ np.linalg.cholesky(seen),
    )
