"""NUTS over a cohort's posterior: chains in parallel, progress shown, interruptible, resumable.

The chains move in the whitened space of :mod:`lymphokin.infer.gaussian`, a few transitions
(:mod:`lymphokin.infer.transition`) at a time. After each such chunk the draws and the complete
state of every chain are on disk, so that a run that was stopped goes on exactly where it was and
ends bit for bit the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from lymphokin.infer.checkpoint import Checkpoint
from lymphokin.infer.devices import devices_for, each
from lymphokin.infer.gaussian import Whitening, refined
from lymphokin.infer.posterior import Posterior, flat
from lymphokin.infer.sample import Sample
from lymphokin.infer.transition import Chain, transition
from lymphokin.traced import traced

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
    draws: int = 3000
    pilot: int = 75
    target_accept: float = 0.8
    max_tree_depth: int = 8
    seed: int = 0


class Draws(NamedTuple):
    """Posterior draws, [chain, draw, ...]."""

    x: np.ndarray
    """flat latents"""
    diverging: np.ndarray
    n_steps: np.ndarray
    acceptance_rate: np.ndarray
    """mean over the trajectory, under the density that it follows"""
    accepted: np.ndarray
    """whether the accurate density accepted the end of the trajectory"""
    log_density: np.ndarray

    def sample(self) -> Sample:
        """These draws as of any method."""
        return Sample(self.x, {k: v for k, v in self._asdict().items() if k != "x"})


type ChunkProgram = Callable[..., tuple[Chain, dict[str, jax.Array]]]
"""Compiled function of chains, step size, whether the draws are kept, arrays with long steps,
accurate arrays and map, which takes all chains one chunk further."""


class Progress(NamedTuple):
    """Where a run stands."""

    done: int
    total: int
    warming_up: bool
    divergences: int
    mean_steps: float


def sample_nuts(
    posterior: Posterior,
    quick: Posterior,
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
        quick: the same with long steps, for the trajectories.
        run_chunk: from :func:`compile_chunk`.
        whitening: map from the space in which the first pilot run moves.
        settings: chains, iterations, seed.
        checkpoint: where chunks are kept; an unfinished run found there is continued.
        on_progress: called after every chunk.
    """
    lengths = [-(-n // CHUNK) for n in (settings.pilot, settings.warmup, settings.draws)]
    total = (PILOT_RUNS * lengths[0] + lengths[1] + lengths[2]) * CHUNK
    step = FIRST_STEP

    def phase(name: str, chunks: int, whitening: Whitening, before: int, warming: int) -> list:
        nonlocal step
        chains = _begin(quick, settings.chains, whitening, (settings.seed, before))
        done: list[dict[str, np.ndarray]] = []
        for i in range(chunks):

            def run(
                chains: Chain = chains, step: float = step, kept: bool = i >= warming
            ) -> dict[str, np.ndarray]:
                how = (jnp.asarray(step), jnp.asarray(kept))
                chains, out = run_chunk(chains, *how, quick.arrays, posterior.arrays, whitening)
                state = {f"chain_{name}": value for name, value in chains._asdict().items()}
                return {k: np.asarray(v) for k, v in (out | state).items()}

            fresh = not checkpoint.has(f"{name}_{i:05d}")
            done.append(checkpoint.recall(f"{name}_{i:05d}", run))
            chains = Chain(*(done[-1][f"chain_{name}"] for name in Chain._fields))
            if i < warming:
                missed = done[-1]["acceptance_rate"].mean() - settings.target_accept
                step = step * float(np.exp(STEP_GAIN * missed))
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
        whitening = Whitening(**better)
    before = PILOT_RUNS * lengths[0]
    kept = phase("chunk", lengths[1] + lengths[2], whitening, before, lengths[1])[lengths[1] :]
    return Draws(
        **{name: np.concatenate([c[name] for c in kept], axis=1) for name in Draws._fields}
    )


def _begin(quick: Posterior, count: int, whitening: Whitening, seed: tuple[int, ...]) -> Chain:
    """Chains that start where the map says that the posterior is."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(2**32, size=(count, 2), dtype=np.uint32)  # any is a key of Threefry
    y = rng.standard_normal((count, len(whitening.centre)), dtype=whitening.centre.dtype)
    found = [quick.density_and_gradient(x, quick.arrays) for x in whitening.to_latents(y)]
    value, gradient = (np.stack([np.asarray(v) for v in part]) for part in zip(*found, strict=True))
    return Chain.at(keys, y, value, whitening.gradient(gradient))


def compile_chunk(posterior: Posterior, quick: Posterior, settings: NutsSettings) -> ChunkProgram:
    """Begin to compile the sampler, which takes as long as finding where to start.

    The cohort and the map are arguments, not constants, so that compiled code serves another cohort
    of the same shapes.
    """
    devices = devices_for(settings.chains)
    mesh = Mesh(np.asarray(devices), ("chain",))
    per_chain, everywhere = PartitionSpec("chain"), PartitionSpec()

    def on_device(
        chains: Chain, step: jax.Array, kept: jax.Array, quick: Any, accurate: Any, map_: Any
    ) -> Any:
        def density(arrays: Any) -> Callable[[jax.Array], jax.Array]:
            return lambda y: posterior.log_density(map_.to_latents(y), arrays)

        def once(chain: Chain, _: None) -> tuple[Chain, dict[str, jax.Array]]:
            depth = settings.max_tree_depth
            followed, exact = density(quick), density(accurate)
            chain, told = transition(followed, exact, chain, step, depth, correcting=kept)
            return chain, told | {"x": map_.to_latents(chain.y)}

        def one(chain: Chain) -> Any:
            return jax.lax.scan(once, chain, None, length=CHUNK)

        return each(one, chains, posterior.arrays.patients)

    program = jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=(per_chain, *[everywhere] * 5),
        out_specs=per_chain,
        check_vma=False,
    )
    index = posterior.patient_index()
    latents, quantities = len(flat(posterior.start())), len(posterior.hierarchy.quantities)
    whitening = Whitening.shapes(latents, quantities, index)
    each_chain = Chain.shapes(settings.chains, latents)
    how = (jnp.asarray(FIRST_STEP), jnp.asarray(True))
    arguments = (each_chain, *how, quick.arrays, posterior.arrays, whitening)
    name = f"{CHUNK} transitions, depth {settings.max_tree_depth}"
    return traced(program, name, posterior.likelihood.model, devices, arguments)


def settings_fingerprint(settings: NutsSettings) -> dict[str, Any]:
    """What must be the same for a run to be continued."""
    return asdict(settings) | {"chunk": CHUNK, "devices": len(devices_for(settings.chains))}
