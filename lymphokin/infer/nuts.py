"""NUTS over a cohort's posterior: chains in parallel, progress shown, interruptible, resumable.

NumPyro's kernel runs in the whitened space of :mod:`lymphokin.infer.gaussian`, a few transitions
at a time. After each such chunk the draws and the complete state of every chain (adaptation
included) are on disk, so that a run that was stopped goes on exactly where it was and ends bit for
bit the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from numpyro.infer import NUTS
from numpyro.infer.util import ParamInfo

from lymphokin.infer.checkpoint import Checkpoint
from lymphokin.infer.devices import devices_for
from lymphokin.infer.gaussian import Whitening, refined, whitening_from
from lymphokin.infer.posterior import Posterior, flat
from lymphokin.population import CohortArrays

CHUNK = 25
"""Transitions between two points at which a run can be stopped."""
FIRST_STEP = 0.2
"""Step size (in the whitened space) with which the adaptation begins."""
STEP_GAIN = 1.5
"""By how much the logarithm of the step size follows the acceptance rate of a chunk."""
PILOT_RUNS = 3
"""Short runs, each in the map that the draws of the one before gave."""


@dataclass(frozen=True)
class NutsSettings:
    """How NUTS runs; recorded with every fit."""

    chains: int = 2
    warmup: int = 50
    draws: int = 1000
    pilot: int = 75
    target_accept: float = 0.75
    max_tree_depth: int = 8
    seed: int = 0


class Draws(NamedTuple):
    """Posterior draws, [chain, draw, ...]."""

    x: np.ndarray
    """flat latents"""
    diverging: np.ndarray
    n_steps: np.ndarray
    acceptance_rate: np.ndarray
    log_density: np.ndarray


type ChunkProgram = Callable[[Any, CohortArrays, Whitening], tuple[Any, dict[str, jax.Array]]]
"""Compiled function that takes all chains one chunk further."""


class Progress(NamedTuple):
    """Where a run stands."""

    done: int
    total: int
    warming_up: bool
    divergences: int
    mean_steps: float


def _leaves(state: Any) -> dict[str, np.ndarray]:
    """Leaves of the sampler's state as plain arrays."""
    return {f"state_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}


def _restored(template: Any, chunk: dict[str, np.ndarray]) -> Any:
    leaves, structure = jax.tree.flatten(template)
    stored = [jnp.asarray(chunk[f"state_{i}"]) for i in range(len(leaves))]
    return jax.tree.unflatten(structure, stored)


def sample_nuts(
    posterior: Posterior,
    run_chunk: ChunkProgram,
    whitening: Whitening,
    settings: NutsSettings,
    checkpoint: Checkpoint,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Draws:
    """Draw from a cohort's posterior.

    Short pilot runs come first: the draws of each give the next one a better map. The map and the
    step size, the same for every chain, are all the adaptation there is; the step size follows the
    acceptance rate of all chains after each chunk that is not kept.

    Args:
        posterior: what to sample.
        run_chunk: from :func:`compile_chunk`.
        whitening: map from the space in which the first pilot run moves.
        settings: chains, iterations, seed.
        checkpoint: where chunks are kept; an unfinished run found there is continued.
        on_progress: called after every chunk.
    """
    lengths = [-(-n // CHUNK) for n in (settings.pilot, settings.warmup, settings.draws)]
    total = (PILOT_RUNS * lengths[0] + lengths[1] + lengths[2]) * CHUNK
    step = jnp.asarray(FIRST_STEP)

    def phase(name: str, chunks: int, whitening: Whitening, before: int, warming: int) -> list:
        nonlocal step
        key = jax.random.fold_in(jax.random.PRNGKey(settings.seed), before)
        keys = jax.random.split(key, settings.chains + 1)
        start = jax.random.normal(keys[-1], (settings.chains, len(whitening.centre)))
        states = _begin(posterior, settings, whitening, keys[:-1], start)
        done: list[dict[str, np.ndarray]] = []
        for i in range(chunks):
            states = _with_step(states, step)

            def run(states: Any = states) -> dict[str, np.ndarray]:
                states, out = run_chunk(states, posterior.arrays, whitening)
                return {k: np.asarray(v) for k, v in out.items()} | _leaves(states)

            fresh = not checkpoint.has(f"{name}_{i:05d}")
            done.append(checkpoint.recall(f"{name}_{i:05d}", run))
            states = _restored(states, done[-1])
            if i < warming:
                missed = done[-1]["acceptance_rate"].mean() - settings.target_accept
                step = step * jnp.exp(STEP_GAIN * missed)
            if fresh:
                divergences = int(sum(c["diverging"].sum() for c in done[warming:]))
                steps = float(done[-1]["n_steps"].mean())
                at = (before + i + 1) * CHUNK
                on_progress(Progress(at, total, i < warming, divergences, steps))
        return done

    settled = np.zeros((settings.chains, 0, len(whitening.centre)))
    for i in range(PILOT_RUNS):
        pilot = phase(f"pilot{i}", lengths[0], whitening, i * lengths[0], lengths[0])
        late = [c["x"] for c in pilot[len(pilot) // 3 :]]
        # The first pilot run may still be on its way; all later ones count together.
        settled = np.concatenate([settled, *late] if i > 1 else late, axis=1)
        better = checkpoint.recall(
            f"whitening_of_pilot{i}",
            lambda w=whitening, x=settled: refined(w, x.reshape(-1, x.shape[-1])).arrays(),
        )
        whitening = Whitening.of(better)
    before = PILOT_RUNS * lengths[0]
    kept = phase("chunk", lengths[1] + lengths[2], whitening, before, lengths[1])[lengths[1] :]
    return Draws(
        **{name: np.concatenate([c[name] for c in kept], axis=1) for name in Draws._fields}
    )


def _with_step(states: Any, step: jax.Array) -> Any:
    """States of all chains with another step size."""
    adapted = states.adapt_state
    return states._replace(
        adapt_state=adapted._replace(step_size=jnp.full_like(adapted.step_size, step))
    )


def _kernel(
    posterior: Posterior, settings: NutsSettings, arrays: CohortArrays, whitening: Whitening
) -> NUTS:
    return NUTS(
        potential_fn=lambda y: -posterior.log_density(whitening.to_latents(y), arrays),
        step_size=FIRST_STEP,
        adapt_step_size=False,
        adapt_mass_matrix=False,
        max_tree_depth=settings.max_tree_depth,
    )


def _begin(
    posterior: Posterior, settings: NutsSettings, whitening: Whitening, keys: Any, starts: Any
) -> Any:
    """States of all chains at ``starts``, from the density that is compiled already."""
    kernel = _kernel(posterior, settings, posterior.arrays, whitening)
    states = []
    for key, y in zip(keys, starts, strict=True):
        x = whitening.to_latents(y)
        value, gradient = posterior.density_and_gradient(x, posterior.arrays)
        at = ParamInfo(y, -value, -whitening.gradient(gradient))
        states.append(kernel.init(key, 0, at, (), {}))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


def compile_chunk(posterior: Posterior, settings: NutsSettings) -> ChunkProgram:
    """Compile the sampler ahead of its first use, which takes as long as finding where to start.

    The cohort and the map are arguments, not constants, so that compiled code serves another cohort
    of the same shapes.
    """
    devices = devices_for(settings.chains)
    mesh = Mesh(np.asarray(devices), ("chain",))
    chains, everywhere = PartitionSpec("chain"), PartitionSpec()
    together = devices[0].platform != "cpu"

    def chunk(state: Any, arrays: CohortArrays, whitening: Whitening) -> Any:
        kernel = _kernel(posterior, settings, arrays, whitening)
        # NumPyro builds the transition when a kernel is initialised; the state made here is unused.
        at = ParamInfo(state.z, state.potential_energy, state.z_grad)
        kernel.init(state.rng_key, 0, at, (), {})

        def transition(state: Any, _: None) -> tuple[Any, dict[str, Any]]:
            state = kernel.sample(state, (), {})
            return state, {
                "x": whitening.to_latents(state.z),
                "diverging": state.diverging,
                "n_steps": state.num_steps,
                "acceptance_rate": state.accept_prob,
                "log_density": -state.potential_energy,
            }

        return jax.lax.scan(transition, state, None, length=CHUNK)

    def on_device(states: Any, arrays: CohortArrays, whitening: Whitening) -> Any:
        def one(state: Any) -> Any:
            return chunk(state, arrays, whitening)

        # On a CPU one chain after the other, so that each tree is as short as it can be.
        return jax.vmap(one)(states) if together else jax.lax.map(one, states)

    program = jax.jit(
        jax.shard_map(
            on_device,
            mesh=mesh,
            in_specs=(chains, everywhere, everywhere),
            out_specs=chains,
            check_vma=False,
        )
    )
    arrays = posterior.arrays
    whitening = jax.eval_shape(
        whitening_from,
        flat(posterior.start()),
        jax.eval_shape(posterior.information, flat(posterior.start()), arrays),
        posterior.patient_index(),
    )

    def first(key: jax.Array, y: jax.Array, whitening: Whitening) -> Any:
        kernel = _kernel(posterior, settings, arrays, whitening)
        return kernel.init(key, 0, ParamInfo(y, jnp.zeros(()), y), (), {})

    keys = jax.random.split(jax.random.PRNGKey(0), settings.chains)
    starts = jnp.zeros((settings.chains, len(whitening.centre)))
    states = jax.eval_shape(jax.vmap(first, (0, 0, None)), keys, starts, whitening)
    return program.lower(states, arrays, whitening).compile()


def settings_fingerprint(settings: NutsSettings) -> dict[str, Any]:
    """What must be the same for a run to be continued."""
    return asdict(settings) | {"chunk": CHUNK, "devices": len(devices_for(settings.chains))}
