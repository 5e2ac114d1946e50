"""Stochastic variational inference: the normal that a guide of NumPyro finds in the whitened space.

A first normal approximation makes the posterior nearly standard normal; NumPyro's guide then learns
what is left, by the evidence lower bound (ELBO). What it finds is brought back into arrow shape:
given the population the patients of a posterior are independent, so what the guide says of patients
together, beyond the population, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
from numpyro.infer import SVI, Trace_ELBO, init_to_value
from numpyro.infer.autoguide import (
    AutoContinuous,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
)

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.gaussian import NormalApproximation, Whitening
from lymphokin.infer.noncentred_density import latents_of

BLOCK = 100
"""Steps between two looks at the ELBO."""
WINDOW = 5
"""Blocks whose mean ELBO is compared with that of as many before."""
MOST_LATENTS_IN_FULL = 150
"""Number of latents up to which the guide has a full covariance; of more, one of low rank."""


@dataclass(frozen=True)
class SviSettings:
    """How the variational fit runs; recorded with it."""

    steps: int = 4000
    """at most; it stops when the smoothed ELBO no longer rises"""
    learning_rate: float = 0.02
    """of Adam, in standard deviations of the whitened space"""
    halved_every: int = 500
    """steps after which the learning rate has halved"""


class Variational(NamedTuple):
    """What the variational fit found."""

    approximation: NormalApproximation
    guide: str
    elbo: np.ndarray
    """[block] mean over the steps of a block"""
    settled: bool
    """whether it stopped because the ELBO no longer rose"""


def fit_svi(
    coarse: CohortDensity, first: NormalApproximation, settings: SviSettings, seed: int
) -> Variational:
    """Variational fit of a cohort's posterior.

    Args:
        coarse: the posterior, with long steps: thousands of gradients are taken.
        first: an approximation, in whose space the guide lives.
        settings: steps, learning rate.
        seed: of the random numbers.

    Raises:
        FitError: when the ELBO stops being finite.
    """
    size = len(first.whitening.centre)

    def model(arrays: Any, map_: NormalApproximation) -> None:
        y = numpyro.sample("y", dist.ImproperUniform(dist.constraints.real_vector, (), (size,)))
        u = map_.whitening.to_latents(jnp.asarray(y))
        x, log_volume = latents_of(coarse.hierarchy, map_.noncentring, u, arrays)
        numpyro.factor("log_density", coarse.log_density(x, arrays) + log_volume)

    guide = _guide(model, size)
    rate = optax.exponential_decay(settings.learning_rate, settings.halved_every, 0.5)
    svi = SVI(model, guide, optax.adam(rate), Trace_ELBO())
    given = (coarse.arrays, first)
    state = svi.init(jax.random.key(seed), *given)

    @jax.jit
    def block(state: Any, arrays: Any, map_: NormalApproximation) -> tuple[Any, jax.Array]:
        return jax.lax.scan(
            lambda state, _: svi.update(state, arrays, map_), state, None, length=BLOCK
        )

    elbo: list[float] = []
    settled = False
    while len(elbo) * BLOCK < settings.steps and not settled:
        state, loss = block(state, *given)
        elbo.append(-float(loss.mean()))
        if not np.isfinite(elbo[-1]):
            raise FitError(
                f"the variational fit failed: after {len(elbo) * BLOCK} steps its ELBO is not "
                "finite; use method quick or hmc"
            )
        settled = no_longer_rises(elbo)
    normal = guide.get_posterior(svi.get_params(state))
    if isinstance(normal, dist.LowRankMultivariateNormal):
        diagonal, factor = normal.cov_diag, normal.cov_factor
    else:
        diagonal, factor = np.zeros(size), normal.scale_tril
    found = narrowed(first.whitening, *map(np.asarray, (normal.loc, diagonal, factor)))
    approximation = first._replace(whitening=found)
    return Variational(approximation, type(guide).__name__, np.asarray(elbo), settled)


def _guide(model: Any, size: int) -> AutoContinuous:
    kind = (
        AutoMultivariateNormal
        if size <= MOST_LATENTS_IN_FULL
        else partial(AutoLowRankMultivariateNormal, rank=round(size**0.5))
    )
    return kind(model, init_loc_fn=init_to_value(values={"y": jnp.zeros(size)}), init_scale=1.0)


def no_longer_rises(elbo: list[float]) -> bool:
    """Whether the last blocks are higher than those before by less than their noise."""
    if len(elbo) < 2 * WINDOW:
        return False
    before, after = np.asarray(elbo[-2 * WINDOW :]).reshape(2, WINDOW)
    error = np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / WINDOW)
    return bool(after.mean() - before.mean() < error)


def narrowed(
    whitening: Whitening, centre: np.ndarray, diagonal: np.ndarray, factor: np.ndarray
) -> Whitening:
    """The map of which ``y`` is standard normal when the map's old ``y`` is normal.

    Args:
        centre: [latent] mean of the old ``y``.
        diagonal: [latent] of its covariance, diag(diagonal) + factor factor^T.
        factor: [latent, rank].
    """
    n, slots = whitening.population.shape[0], whitening.index.shape[1]
    # Padding reads a row of its own, of variance 1 and without relations.
    of_patients = np.concatenate([factor, np.zeros((1, factor.shape[1]))])[whitening.index]
    variance = np.concatenate([diagonal, np.ones(1)])[whitening.index]
    population = np.diag(diagonal[:n]) + factor[:n] @ factor[:n].T
    coupling = of_patients @ factor[:n].T
    follows = np.linalg.solve(population, np.swapaxes(coupling, 1, 2))
    own = of_patients @ np.swapaxes(of_patients, 1, 2) + variance[..., None] * np.eye(slots)
    own = own - coupling @ follows
    slope = whitening.slope + whitening.own @ np.swapaxes(
        np.linalg.solve(whitening.population.T, follows), 1, 2
    )
    return whitening._replace(
        centre=whitening.to_latents(centre),
        population=whitening.population @ np.linalg.cholesky(population),
        own=whitening.own @ np.linalg.cholesky(own),
        slope=slope,
    )
