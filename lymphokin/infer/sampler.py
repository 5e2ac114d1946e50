"""The compiled sampler: all chains of a fit, a few transitions at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from lymphokin.infer.devices import devices_for, each
from lymphokin.infer.gaussian import Whitening
from lymphokin.infer.posterior import Gradients, Posterior, flat
from lymphokin.infer.transition import TOLD, Chain, transition
from lymphokin.population import CohortArrays
from lymphokin.traced import traced

CHUNK = 25
"""Transitions between two points at which a run can be stopped."""


@dataclass(frozen=True)
class NutsSettings:
    """How NUTS runs; recorded with every fit."""

    chains: int = 2
    warmup: int = 50
    draws: int = 3000
    pilot: int = 75
    target_accept: float = 0.8
    max_tree_depth: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Sampler:
    """Compiled code that takes all chains of a fit one chunk further.

    The cohort and the map are arguments, not constants, so that it serves every cohort of the same
    shapes. It also gives the gradients that a fit needs before its chains begin: the sampler holds
    the solver's gradient, which takes longest to compile, and a program of its own for it would
    take as long again.
    """

    run: Callable[..., tuple[Chain, dict[str, jax.Array]]]
    """of chains, step size, transitions (at most a chunk), whether the accurate density decides,
    arrays with long steps, accurate arrays, and the map"""
    settings: NutsSettings

    def chunk(
        self,
        chains: Chain,
        step: float,
        correcting: bool,
        arrays: tuple[CohortArrays, CohortArrays],
        whitening: Whitening,
    ) -> tuple[Chain, dict[str, jax.Array]]:
        """The chains after a chunk, and of each transition [chain, transition] what
        :func:`transition` tells and the latents ``x``.

        Args:
            correcting: whether the accurate density decides; see :func:`transition`.
            arrays: the cohort, with long steps and accurate.
        """
        how = (np.asarray(step), np.asarray(CHUNK), np.asarray(correcting))
        return self.run(chains, *how, *arrays, whitening)

    def standing(
        self, y: np.ndarray, arrays: tuple[CohortArrays, CohortArrays], whitening: Whitening
    ) -> Chain:
        """Chains at ``y`` [chain, latent] that know potential and gradient there; their keys are
        to be set.
        """
        chains = Chain.at(np.zeros((len(y), 2), np.uint32), y)
        how = (np.asarray(0.0), np.asarray(1), np.asarray(False))
        return self.run(chains, *how, *arrays, whitening)[0]

    def gradients(self, posterior: Posterior, quick: Posterior) -> Gradients:
        """Log density and gradient of ``quick``, a cohort's posterior with long steps."""
        start, count = np.asarray(flat(posterior.start())), self.settings.chains
        quantities = len(posterior.hierarchy.quantities)
        identity = Whitening.identity(start, quantities, posterior.patient_index())
        same = Whitening(*map(jnp.asarray, identity))

        def of_points(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            filled = np.pad(x, [(0, -len(x) % count), (0, 0)], mode="edge")
            found = [
                self.standing(part, (quick.arrays, posterior.arrays), same)
                for part in filled.reshape(-1, count, x.shape[1])
            ]
            value = -np.concatenate([np.asarray(chains.potential) for chains in found])
            gradient = -np.concatenate([np.asarray(chains.gradient) for chains in found])
            return value[: len(x)], gradient[: len(x)]

        return of_points


def compile_sampler(posterior: Posterior, quick: Posterior, settings: NutsSettings) -> Sampler:
    """Begin to compile the sampler of a cohort's posterior, ``quick`` being the same with long
    steps.
    """
    devices = devices_for(settings.chains)
    mesh = Mesh(np.asarray(devices), ("chain",))
    per_chain, everywhere = PartitionSpec("chain"), PartitionSpec()

    def on_device(
        chains: Chain, step: Any, count: Any, correcting: Any, quick: Any, accurate: Any, map_: Any
    ) -> Any:
        def density(arrays: Any) -> Callable[[jax.Array], jax.Array]:
            return lambda y: posterior.log_density(map_.to_latents(y), arrays)

        def once(i: jax.Array, state: tuple[Chain, dict[str, jax.Array]]) -> Any:
            depth, densities = settings.max_tree_depth, (density(quick), density(accurate))
            chain, now = transition(*densities, state[0], step, depth, correcting)
            now |= {"x": map_.to_latents(chain.y)}
            return chain, {name: told.at[i].set(now[name]) for name, told in state[1].items()}

        def one(chain: Chain) -> Any:
            told = {name: jnp.zeros(CHUNK, kind) for name, kind in TOLD.items()}
            told["x"] = jnp.zeros((CHUNK, len(chain.y)), chain.y.dtype)
            return jax.lax.fori_loop(0, count, once, (chain, told))

        return each(one, chains, posterior.arrays.patients)

    program = jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=(per_chain, *[everywhere] * 6),
        out_specs=per_chain,
        check_vma=False,
    )
    index = posterior.patient_index()
    latents, quantities = len(flat(posterior.start())), len(posterior.hierarchy.quantities)
    whitening = Whitening.shapes(latents, quantities, index)
    each_chain = Chain.shapes(settings.chains, latents)
    how = (jnp.asarray(0.0), jnp.asarray(1), jnp.asarray(True))
    arguments = (each_chain, *how, quick.arrays, posterior.arrays, whitening)
    name = f"{CHUNK} transitions, depth {settings.max_tree_depth}"
    run = traced(program, name, posterior.likelihood.model, devices, arguments)
    return Sampler(run, settings)
