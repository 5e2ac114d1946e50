"""One transition of a chain: a trajectory of Hamiltonian Monte Carlo over one density whose end
faces another.

How far it goes is planned (:mod:`lymphokin.infer.trajectories`). It follows the density that the
solver gives with long steps, whose gradient costs half as much; its end is then accepted or
rejected with the accurate density (the surrogate transition method; Liu 2004,
doi:10.1007/978-0-387-76371-2, section 9.4). So the accurate density is sampled, however good the
other is; a bad one only means many rejections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc_util import IntegratorState, euclidean_kinetic_energy, velocity_verlet

DIVERGED = 1000.0
"""Error of the energy at which a trajectory is given up: no end is accepted from there."""

REPORTED: dict[str, type] = {
    "diverging": bool,
    "n_steps": int,
    "acceptance_rate": float,
    "accepted": bool,
    "log_density": float,
    "energy": float,
}
"""What a transition reports, and its type: ``acceptance_rate`` is the mean over the trajectory,
under the density that is followed (that of the end alone says the same with more noise),
``accepted`` whether the chain went to the end, with the accurate density where that decides,
``log_density`` is the accurate one where the chain now is, and ``energy`` is the Hamiltonian there
of the density that is followed."""

type LogDensity = Callable[[jax.Array], jax.Array]


class Chain(NamedTuple):
    """Where a chain stands; [latent] in the space in which it moves."""

    key: jax.Array | np.ndarray
    """[2] raw key of JAX's Threefry generator"""
    y: jax.Array | np.ndarray
    """[latent] position"""
    potential: jax.Array | np.ndarray
    """minus the log density that trajectories follow"""
    gradient: jax.Array | np.ndarray
    """[latent] of the potential"""
    correction: jax.Array | np.ndarray
    """accurate log density less the one that trajectories follow"""

    @classmethod
    def at(cls, key: Any, y: Any) -> Chain:
        """Chains that stand at ``y`` [..., latent] and know nothing of the density there."""
        xp = y.__array_namespace__()
        unknown = xp.full(y.shape[:-1], np.inf, dtype=y.dtype)
        return cls(key, y, unknown, xp.zeros_like(y), -unknown)

    @classmethod
    def shapes(cls, chains: int, latents: int) -> Chain:
        """Shapes of several chains."""
        of_all = jax.ShapeDtypeStruct((chains, latents), jnp.result_type(float))
        of_each = jax.ShapeDtypeStruct((chains,), of_all.dtype)
        keys = jax.ShapeDtypeStruct((chains, 2), jnp.uint32)
        return cls(keys, of_all, of_each, of_all, of_each)  # type: ignore[arg-type]


class _Way(NamedTuple):
    """How far a trajectory has come."""

    taken: jax.Array
    """steps"""
    lost: jax.Array
    """energy gained, by which an end is the less likely"""
    rates: jax.Array
    """acceptance probabilities of the points so far, added up"""
    state: IntegratorState


def transition(
    followed: LogDensity,
    accurate: LogDensity,
    chain: Chain,
    step: jax.Array,
    count: jax.Array | int,
    correcting: jax.Array | bool = True,
) -> tuple[Chain, dict[str, Any]]:
    """One trajectory over the density that is followed, whose end then faces the accurate one.

    Args:
        step: length of a step. A step of zero goes nowhere: a chain that knows nothing learns
            potential and gradient where it stands.
        count: steps of the trajectory; fewer are taken where it diverges.
        correcting: whether the accurate density decides. A chain that is still on its way must not
            ask it: far out the two densities differ by so much that it would never leave.

    Returns:
        the chain, and of the transition what :data:`REPORTED` names.
    """
    key, for_momentum, for_choice = jax.random.split(chain.key, 3)
    _, leapfrog = velocity_verlet(lambda y: -followed(y), euclidean_kinetic_energy)
    unit_mass = jnp.ones_like(chain.y)
    momentum = jax.random.normal(for_momentum, chain.y.shape)

    def energy(state: IntegratorState) -> jax.Array:
        return state.potential_energy + 0.5 * jnp.sum(state.r**2)

    start = IntegratorState(chain.y, momentum, chain.potential, chain.gradient)
    before = energy(start)

    def goes_on(way: _Way) -> jax.Array:
        return (way.taken < count) & (way.lost < DIVERGED)  # not where it is no number, either

    def further(way: _Way) -> _Way:
        state = leapfrog(step, unit_mass, way.state)
        lost = energy(state) - before
        rate = jnp.where(lost < DIVERGED, jnp.exp(-jnp.maximum(lost, 0.0)), 0.0)
        return _Way(way.taken + 1, lost, way.rates + rate, state)

    nothing = jnp.zeros_like(before)
    way = jax.lax.while_loop(goes_on, further, _Way(jnp.asarray(0), nothing, nothing, start))
    end, lost, diverging = way.state, way.lost, ~(way.lost < DIVERGED)
    log_uniform = jnp.log(jax.random.uniform(for_choice))
    by_followed = log_uniform < -lost
    # A chain that the accurate density has never been asked of moves once as the other one says,
    # and learns of it where it then is.
    unknown = jnp.isneginf(chain.correction)
    stays = unknown & ~by_followed
    y, potential = (
        jnp.where(stays, old, new)
        for old, new in ((chain.y, end.z), (chain.potential, end.potential_energy))
    )

    def corrected(y: jax.Array) -> jax.Array:
        correction = accurate(y) + potential
        return jnp.where(jnp.isfinite(correction), correction, -jnp.inf)

    correction = jax.lax.cond(correcting, corrected, lambda y: jnp.full_like(lost, -jnp.inf), y)
    by_accurate = log_uniform < correction - chain.correction - lost
    accepted = jnp.where(unknown | ~jnp.asarray(correcting), by_followed, by_accurate) & ~diverging
    moved = Chain(key, end.z, end.potential_energy, end.z_grad, correction)
    stayed = chain._replace(key=key, correction=jnp.where(unknown, correction, chain.correction))
    chain = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), moved, stayed)
    return chain, {
        "diverging": diverging,
        "n_steps": way.taken,
        "acceptance_rate": way.rates / way.taken,
        "accepted": accepted,
        "log_density": chain.correction - chain.potential,
        "energy": before + jnp.where(accepted, lost, 0.0),
    }
