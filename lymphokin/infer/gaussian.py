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

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.bend import Bend
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.factor import ArrowFactor, mean_factor
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.mode import rough_modes
from lymphokin.infer.noncentred import Noncentring
from lymphokin.infer.noncentred_density import NoncentredDensity, NoncentredGradients

ROUNDS = 12
"""Times that the information is averaged; in the demo one costs as much as 40 gradients."""
MOVES_PER_ROUND = 4
"""Steps of the centre in each."""
POINTS_PER_MOVE = 8
"""Points, in pairs about the centre, at which a step averages the gradient."""
RATE = 0.3
"""Share of a full natural-gradient step. Full steps from a mode overshoot: its curvature is not yet
that of the bulk."""
MOST_NAMED = 8
"""Patients that a message names."""
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


def _inverse_root(upper: np.ndarray) -> np.ndarray:
    """Symmetric inverse roots of (stacks of) matrices R^T R of which ``upper`` is the R; nan of
    what is not finite.
    """
    if not np.isfinite(upper).all():
        return np.full_like(upper, np.nan)
    _, values, vectors = np.linalg.svd(upper)
    return (np.swapaxes(vectors, -1, -2) / values[..., None, :]) @ vectors


def whitening_from(centre: Any, factor: ArrowFactor, index: np.ndarray) -> Whitening:
    """The map that belongs to a centre and to the information of which ``factor`` is the root.

    Args:
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    own, centre = _inverse_root(factor.own), np.asarray(centre)
    slope = -np.linalg.solve(factor.own, factor.coupling)
    places = np.where(index < 0, len(centre), index)
    return Whitening(centre, _inverse_root(factor.population), own, slope, places)


def _moved(whitening: Whitening, gradient: np.ndarray, rate: float) -> Whitening:
    """The approximation, its centre moved by a share of a natural-gradient step."""
    move = whitening.gradient(gradient)
    move = move / max(1.0, np.sqrt(np.mean(move**2)) / LARGEST_MOVE)
    return whitening._replace(centre=whitening.centre + rate * whitening.displacement(move))


class NormalApproximation(NamedTuple):
    """A normal approximation of the posterior, in a space that three maps make of the latents."""

    whitening: Whitening
    """from standard normal points, patients bent, to latents that are partly non-centred"""
    noncentring: Noncentring
    bend: Bend
    """how patients follow the population beyond that"""

    def arrays(self) -> dict[str, np.ndarray]:
        """The approximation as plain arrays."""
        return {name: np.asarray(value) for part in self for name, value in part._asdict().items()}

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> NormalApproximation:
        """The approximation of which :meth:`arrays` gives these."""
        kinds: tuple[Any, ...] = (Whitening, Noncentring, Bend)
        return cls(*(kind(*(arrays[name] for name in kind._fields)) for kind in kinds))

    def noncentred(self, y: Any) -> tuple[Any, Any]:
        """Partly non-centred latents of points ``y`` [..., latent], and [..., patient] the log of
        the volume that the bend gives each patient; of NumPy or JAX, as ``y`` is.
        """
        population = y[..., : len(self.whitening.population)]
        own, log_volume = self.bend.bent(population, self.whitening.by_patient(y))
        return self.whitening.to_latents(self.whitening.together(population, own)), log_volume

    def latents(self, density: CohortDensity, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latents [draw, latent] of points ``y`` [draw, latent], as the parameter table writes
        them, and [draw, patient] the log of the volume that each patient is given.
        """
        u, bent = self.noncentred(y)
        x, log_volume = NoncentredDensity(density, self.noncentring).latents(u)
        return x, log_volume + bent

    def whitened(self, density: CohortDensity, x: np.ndarray) -> np.ndarray:
        """[draw, latent] points of which :meth:`latents` gives ``x`` [draw, latent]."""
        u = NoncentredDensity(density, self.noncentring).noncentred(x)
        y = self.whitening.from_latents(u)
        population = y[..., : len(self.whitening.population)]
        own = self.bend.straight(population, self.whitening.by_patient(y))
        return self.whitening.together(population, own)


def linear(whitening: Whitening, noncentring: Noncentring) -> NormalApproximation:
    """An approximation whose patients follow the population along straight lines."""
    patients, slots, quantities = whitening.slope.shape
    return NormalApproximation(whitening, noncentring, Bend.none(quantities, patients, slots))


def fit_gaussian(
    density: CohortDensity,
    gradients: NoncentredGradients,
    seed: int = 0,
    near: np.ndarray | None = None,
) -> NormalApproximation:
    """Normal approximation of a cohort's posterior.

    Args:
        density: the cohort.
        gradients: of its density or of one near it, as with long steps.
        seed: of the starts and of the points at which gradients are taken.
        near: [latent] a point near the mode, as the parameter table writes it; None: the first of
            :func:`rough_modes`.

    Raises:
        FitError: when there is none.
    """
    rng = np.random.default_rng(seed)
    index = density.patient_index
    near = rough_modes(density, gradients, seed, 1)[0] if near is None else near
    first = NoncentredDensity.about(density)
    space = first.around(first.noncentred(near[None])[0])
    centre = space.noncentred(near[None])[0]
    factor = space.factor(centre)
    settled = ROUNDS * 2 // 3
    for i in range(ROUNDS):
        rate = RATE * min(1.0, settled / (i + 1))
        whitening = whitening_from(centre, factor, index)
        for _ in range(MOVES_PER_ROUND):
            # Random points where the approximation lies, in pairs about its centre.
            y = rng.standard_normal((POINTS_PER_MOVE // 2, len(centre)), dtype=centre.dtype)
            points = whitening.to_latents(np.concatenate([y, -y]))
            _, slopes = gradients(points, space.noncentring)
            known = np.isfinite(slopes).all(axis=1)
            if not known.any():
                raise FitError(nothing_around(density, factor))
            whitening = _moved(whitening, slopes[known].mean(axis=0), rate)
        centre = whitening.centre
        factor = mean_factor(factor, space.factor(points[0]), rate)
    found = whitening_from(centre, factor, index)
    if not all(np.isfinite(part).all() for part in (found.own, found.population)):
        raise FitError(nothing_around(density, factor))
    return linear(found, space.noncentring)


def nothing_around(density: CohortDensity, factor: ArrowFactor) -> str:
    """Why there is no normal approximation, and what to do."""
    unsolved = ~np.isfinite(factor.own).all(axis=(1, 2))
    names = density.packed.cohort.patients.index[unsolved].astype(str)
    whose = f" of patients {', '.join(names[:MOST_NAMED])}" if len(names) else ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        "the fit could not start: the log density is finite where the climb to its mode ended, but "
        f"near there the predictions{whose}{more} or their derivatives are not. Look at the doses "
        "and records there; else fix a parameter that lets the model leave what it can solve, or "
        "give it a narrower prior"
    )


def refined(whitening: Whitening, u: np.ndarray) -> Whitening:
    """The map corrected by what draws of the posterior look like under it.

    Where the posterior is wider or narrower than its information says, and for populations and
    patients alike, the draws' covariance moves the map; few draws move it little.

    Args:
        u: [draw, latent] draws, e.g. of a pilot run, in the latents to which the map leads.
    """
    y = whitening.from_latents(u)
    n, slots = len(whitening.population), whitening.index.shape[1]
    own = whitening.by_patient(y)
    own = own - own.mean(axis=0)
    seen = np.einsum("dps,dpk->psk", own, own, optimize=True) / len(u)
    absent = np.asarray(whitening.index == len(whitening.centre), u.dtype)
    seen = seen + absent[:, :, None] * np.eye(slots, dtype=u.dtype)
    trust_population, trust_own = (len(u) / (len(u) + 2 * size) for size in (n, slots))
    covariance = np.cov(y[:, :n], rowvar=False, dtype=u.dtype).reshape(n, n)
    covariance = trust_population * covariance + (1 - trust_population) * np.eye(n, dtype=u.dtype)
    seen = trust_own * seen + (1 - trust_own) * np.eye(slots, dtype=u.dtype)
    return whitening._replace(
        centre=u.mean(axis=0),
        population=whitening.population @ np.linalg.cholesky(covariance),
        own=whitening.own @ np.linalg.cholesky(seen),
    )
