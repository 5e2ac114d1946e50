"""The compiled sampler: all chains of a fit, a few transitions at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.devices import by_parts, each
from lymphokin.infer.gaussian import NormalApproximation, Whitening, linear
from lymphokin.infer.noncentred import Noncentring
from lymphokin.infer.noncentred_density import NoncentredGradients, latents_of
from lymphokin.infer.trajectories import Trajectories
from lymphokin.infer.transition import REPORTED, Chain, transition
from lymphokin.population import CohortArrays
from lymphokin.solve.hardware import on_cpu
from lymphokin.traced import traced

CHUNK = 25
"""Transitions between two points at which a run can be stopped."""


@dataclass(frozen=True)
class HmcSettings:
    """How Markov chains run; recorded with every fit."""

    chains: int = 4
    warmup: int = 50
    draws: int = 1000
    pilot: int = 75
    target_accept: float = 0.9
    seed: int = 0
    ess: float = 0.0
    """bulk effective draws of every population quantity and every patient's risk at which chains
    may end; they go on until then, at most :data:`lymphokin.infer.enough.LONGEST` times as long;
    0: they end after `draws`"""


@dataclass(frozen=True)
class Sampler:
    """Compiled code that takes all chains of a fit one chunk further.

    The cohort and the map are arguments, not constants, so that it serves every cohort of the same
    shapes. It also gives the gradients that a fit needs before its chains begin: the sampler holds
    the solver's gradient, which takes longest to compile, and a program of its own for it would
    take as long again.
    """

    program: Callable[..., tuple[Chain, dict[str, jax.Array]]]
    """of some chains, trajectories, transitions (at most a chunk), whether the accurate density
    decides, arrays with long steps, accurate arrays, and the map"""
    at_once: int
    """chains that the program takes"""

    def chunk(
        self,
        chains: Chain,
        trajectories: Trajectories,
        correcting: bool,
        arrays: tuple[CohortArrays, CohortArrays],
        map_: NormalApproximation,
        transitions: int = CHUNK,
    ) -> tuple[Chain, dict[str, np.ndarray]]:
        """The chains after a chunk, and of each transition [chain, transition] what
        :data:`REPORTED` names and the latents ``x``.

        Args:
            trajectories: of :data:`CHUNK` transitions.
            correcting: as of :func:`transition`.
            arrays: the cohort, with long steps and accurate.
            map_: from the space in which the chains move.
            transitions: those after them stay empty.
        """
        how = (trajectories, np.asarray(transitions), np.asarray(correcting))
        rest = (*how, *arrays, map_)
        parts = list(by_parts(lambda some: self.program(some, *rest), chains, self.at_once))
        return jax.tree.map(lambda *values: np.concatenate(values), *parts)

    def standing(
        self, y: np.ndarray, arrays: tuple[CohortArrays, CohortArrays], map_: NormalApproximation
    ) -> Chain:
        """Chains at ``y`` [chain, latent] that know potential and gradient there; their keys are
        to be set.
        """
        filled = np.pad(y, [(0, -len(y) % self.at_once), (0, 0)], mode="edge")
        chains = Chain.at(np.zeros((len(filled), 2), np.uint32), filled)
        nowhere = Trajectories.nowhere(CHUNK)
        found, _ = self.chunk(chains, nowhere, False, arrays, map_, transitions=1)
        return Chain(*(value[: len(y)] for value in found))

    def gradients(self, density: CohortDensity, coarse: CohortDensity) -> NoncentredGradients:
        """Log density and gradient of ``coarse``, a cohort's posterior with long steps."""
        start, arrays = density.centre, (coarse.arrays, density.arrays)
        quantities = len(density.hierarchy.quantities)
        identity = Whitening.identity(start, quantities, density.patient_index)
        same = Whitening(*map(jnp.asarray, identity))

        def of_points(u: np.ndarray, noncentring: Noncentring) -> tuple[np.ndarray, np.ndarray]:
            found = self.standing(u, arrays, linear(same, noncentring))
            return -found.potential, -found.gradient  # type: ignore[return-value]

        return of_points


def compile_sampler(
    density: CohortDensity, coarse: CohortDensity, settings: HmcSettings
) -> Sampler:
    """Begin to compile the sampler of a cohort's posterior, ``coarse`` being the same with long
    steps.
    """

    def chunk(
        chains: Chain,
        planned: Any,
        count: Any,
        correcting: Any,
        coarse: Any,
        accurate: Any,
        map_: Any,
    ) -> Any:
        def latents(y: Any, arrays: Any) -> tuple[jax.Array, jax.Array]:
            u, bent = map_.noncentred(y)
            x, log_volume = latents_of(density.hierarchy, map_.noncentring, u, arrays)
            return x, log_volume + bent.sum()

        def of_whitened(arrays: Any) -> Callable[[jax.Array], jax.Array]:
            def log_density(y: jax.Array) -> jax.Array:
                x, log_volume = latents(y, arrays)
                return density.log_density(x, arrays) + log_volume

            return log_density

        def once(i: jax.Array, state: tuple[Chain, dict[str, jax.Array]]) -> Any:
            densities = of_whitened(coarse), of_whitened(accurate)
            how = planned.step[i], planned.count[i], correcting
            chain, now = transition(*densities, state[0], *how)
            x, log_volume = latents(chain.y, accurate)
            now |= {"x": x, "log_density": now["log_density"] - log_volume}
            return chain, {name: kept.at[i].set(now[name]) for name, kept in state[1].items()}

        def one(chain: Chain) -> Any:
            reported = {name: jnp.zeros(CHUNK, kind) for name, kind in REPORTED.items()}
            reported["x"] = jnp.zeros((CHUNK, len(chain.y)), chain.y.dtype)
            return jax.lax.fori_loop(0, count, once, (chain, reported))

        return each(one, chains, accurate.patients)

    at_once = 1 if on_cpu() else settings.chains
    latents, quantities = len(density.centre), len(density.hierarchy.quantities)
    whitening = Whitening.shapes(latents, quantities, density.patient_index)
    planned = jax.tree.map(jnp.asarray, Trajectories.nowhere(CHUNK))
    how = (planned, jnp.asarray(1), jnp.asarray(True))
    chains = Chain.shapes(at_once, latents)
    map_ = linear(whitening, density.as_written())
    arguments = (chains, *how, coarse.arrays, density.arrays, map_)
    name = f"{CHUNK} transitions"
    device = jax.local_devices()[:1]
    program = traced(chunk, name, density.likelihood.model, device, arguments)
    return Sampler(program, at_once)
