"""One transition of a chain: a NUTS tree over one density whose end faces another.

Trajectories follow the density that the solver gives with long steps, whose gradient costs half as
much; where a tree ends is then accepted or rejected with the accurate density (the surrogate
transition method; Liu 2004, doi:10.1007/978-0-387-76371-2, section 9.4). So the accurate density is
sampled, however good the other is; a bad one only means many rejections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc_util import (
    IntegratorState,
    build_tree,
    euclidean_kinetic_energy,
    velocity_verlet,
)

SHORTER, SHORTER_SHARE = 0.5, 0.2
"""One transition in five takes steps of half the length. Where the posterior is narrower than its
bulk, the common step fails at every try; a chain that has come there leaves with a shorter one."""

REPORTED: dict[str, type] = {
    "diverging": bool,
    "n_steps": int,
    "acceptance_rate": float,
    "accepted": bool,
    "log_density": float,
    "energy": float,
}
"""What a transition reports, and its type: ``acceptance_rate`` is the mean over the trajectory,
under the density that is followed, ``accepted`` says whether the accurate one did,
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


def transition(
    followed: LogDensity,
    accurate: LogDensity,
    chain: Chain,
    step: jax.Array,
    max_depth: int,
    correcting: jax.Array | bool = True,
) -> tuple[Chain, dict[str, Any]]:
    """One tree over the density that is followed, whose end then faces the accurate one.

    Args:
        step: length of most steps; some transitions take shorter ones. A step of zero goes nowhere:
            a chain that knows nothing learns potential and gradient where it stands.
        correcting: whether the accurate density decides. A chain that is still on its way must not
            ask it: far out the two densities differ by so much that it would never leave.

    Returns:
        the chain, and of the transition what :data:`REPORTED` names.
    """
    key, for_step, for_momentum, for_tree, for_choice = jax.random.split(chain.key, 5)
    shorter = jax.random.bernoulli(for_step, SHORTER_SHARE)
    _, leapfrog = velocity_verlet(lambda y: -followed(y), euclidean_kinetic_energy)
    # Without momentum a tree turns at its first step: none is wasted where there is nowhere to go.
    momentum = jnp.sign(step) * jax.random.normal(for_momentum, chain.y.shape)
    tree = build_tree(
        leapfrog,
        euclidean_kinetic_energy,
        IntegratorState(chain.y, momentum, chain.potential, chain.gradient),
        jnp.ones_like(chain.y),
        step * jnp.where(shorter, SHORTER, 1.0),
        for_tree,
        max_tree_depth=max_depth,
    )
    potential = tree.z_proposal_pe
    energy_before = chain.potential + 0.5 * jnp.sum(momentum**2)

    def corrected(y: jax.Array) -> jax.Array:
        correction = accurate(y) + potential
        return jnp.where(jnp.isfinite(correction), correction, -jnp.inf)

    # The first transition that asks leaves where the chain stood, whatever the density there was.
    correction = jax.lax.cond(
        correcting, corrected, lambda y: jnp.full_like(potential, -jnp.inf), tree.z_proposal
    )
    better = jnp.log(jax.random.uniform(for_choice)) < correction - chain.correction
    accepted = better | ~jnp.asarray(correcting)
    proposed = Chain(key, tree.z_proposal, potential, tree.z_proposal_grad, correction)
    stayed = chain._replace(key=key)
    chain = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), proposed, stayed)
    return chain, {
        "diverging": tree.diverging,
        "n_steps": tree.num_proposals,
        "acceptance_rate": tree.sum_accept_probs / tree.num_proposals,
        "accepted": accepted,
        "log_density": chain.correction - chain.potential,
        "energy": jnp.where(accepted, tree.z_proposal_energy, energy_before),
    }
