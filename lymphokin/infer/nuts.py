"""NUTS over a cohort's posterior: chains in parallel, progress shown, interruptible, resumable.

NumPyro's kernel runs in the whitened space of :mod:`lymphokin.infer.gaussian`, a few transitions
at a time. After each such chunk the draws and the complete state of every chain (adaptation
included) are on disk, so that a run that was stopped goes on exactly where it was and ends bit for bit the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from numpyro.infer import NUTS

from lymphokin.infer.gaussian import Whitening
from lymphokin.infer.posterior import Posterior
from lymphokin.population import CohortArrays

CHUNK = 25
"""Transitions between two points at which a run can be stopped."""


@dataclass(frozen=True)
class NutsSettings:
    """How NUTS runs; recorded with every fit."""

    chains: int = 2
    warmup: int = 300
    draws: int = 500
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
    log_density: np.ndarray


class Progress(NamedTuple):
    """Where a run stands."""

    done: int
    total: int
    warming_up: bool
    divergences: int
    mean_steps: float


class Checkpoint:
    """The chunks of a run on disk, each written whole or not at all."""

    def __init__(self, folder: Path, fingerprint: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        identity = folder / "fingerprint.json"
        text = json.dumps(fingerprint, sort_keys=True, indent=1)
        if identity.exists() and identity.read_text(encoding="utf-8") != text:
            raise ValueError(
                f"{folder} holds an unfinished run of another model, data set or settings; "
                "finish it with those, or delete the folder"
            )
        identity.write_text(text, encoding="utf-8")

    def whitening(self, make: Callable[[], Whitening]) -> Whitening:
        """The stored map of this run, or the one that ``make`` gives."""
        path = self.folder / "whitening.npz"
        if not path.exists():
            made = make()
            temporary = self.folder / "writing.npz"
            np.savez(temporary, **{k: np.asarray(v) for k, v in made._asdict().items()})
            temporary.replace(path)
        with np.load(path) as stored:
            return Whitening(**{name: jnp.asarray(stored[name]) for name in Whitening._fields})

    def _file(self, chunk: int) -> Path:
        return self.folder / f"chunk_{chunk:05d}.npz"

    def save(self, chunk: int, arrays: dict[str, np.ndarray]) -> None:
        """Write one chunk."""
        temporary = self.folder / "writing.npz"
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
        temporary.replace(self._file(chunk))

    def load(self) -> list[dict[str, np.ndarray]]:
        """All chunks so far, in order."""
        chunks = []
        while (path := self._file(len(chunks))).exists():
            with np.load(path) as stored:
                chunks.append(dict(stored))
        return chunks


def _leaves(state: Any) -> dict[str, np.ndarray]:
    """Leaves of the sampler's state as plain arrays (random keys as their data)."""
    return {f"state_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}


def _restored(template: Any, chunk: dict[str, np.ndarray]) -> Any:
    leaves, structure = jax.tree.flatten(template)
    stored = [jnp.asarray(chunk[f"state_{i}"]) for i in range(len(leaves))]
    return jax.tree.unflatten(structure, stored)


def sample_nuts(
    posterior: Posterior,
    whitening: Whitening,
    settings: NutsSettings,
    checkpoint: Checkpoint | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Draws:
    """Draw from a cohort's posterior.

    Args:
        posterior: what to sample.
        whitening: map from the space in which the sampler moves.
        settings: chains, iterations, seed.
        checkpoint: where chunks are kept; an unfinished run found there is continued.
        on_progress: called after every chunk.
    """
    n_population = len(posterior.hierarchy.quantities)
    keys = jax.random.split(jax.random.PRNGKey(settings.seed), settings.chains + 1)
    noise = jax.random.normal(keys[-1], (settings.chains, len(whitening.centre)))
    start = {"population": noise[:, :n_population], "own": noise[:, n_population:]}
    begin, run_chunk = _on_devices(posterior, settings)
    states = begin((keys[:-1], start), posterior.arrays, whitening)
    chunks = checkpoint.load() if checkpoint else []
    if chunks:
        states = _restored(states, chunks[-1])
    warmup_chunks, draw_chunks = (-(-n // CHUNK) for n in (settings.warmup, settings.draws))
    total = warmup_chunks + draw_chunks
    for i in range(len(chunks), total):
        states, out = run_chunk(states, posterior.arrays, whitening)
        chunk = {name: np.asarray(value) for name, value in out.items()}
        if checkpoint:
            checkpoint.save(i, chunk | _leaves(states))
        chunks.append(chunk)
        on_progress(
            Progress(
                (i + 1) * CHUNK,
                total * CHUNK,
                i < warmup_chunks,
                int(sum(c["diverging"].sum() for c in chunks[warmup_chunks:])),
                float(chunk["n_steps"].mean()),
            )
        )
    kept = chunks[warmup_chunks:]
    return Draws(
        **{name: np.concatenate([c[name] for c in kept], axis=1) for name in Draws._fields}
    )


def _on_devices(posterior: Posterior, settings: NutsSettings) -> tuple[Any, Any]:
    """Compiled functions of (chains, cohort arrays, whitening): begin a run, and go on a chunk.

    The cohort and the map are arguments, not constants, so that compiled code serves another cohort
    of the same shapes.
    """
    devices = _devices_for(settings.chains)
    mesh = Mesh(np.asarray(devices), ("chain",))
    chains, everywhere = PartitionSpec("chain"), PartitionSpec()
    together = devices[0].platform != "cpu"

    def spread(of_chain: Callable[..., Any]) -> Any:
        def on_device(states: Any, arrays: CohortArrays, whitening: Whitening) -> Any:
            def one(state: Any) -> Any:
                return of_chain(state, arrays, whitening)

            # On a CPU one chain after the other, so that each tree is as short as it can be.
            return jax.vmap(one)(states) if together else jax.lax.map(one, states)

        return jax.jit(
            jax.shard_map(
                on_device,
                mesh=mesh,
                in_specs=(chains, everywhere, everywhere),
                out_specs=chains,
                check_vma=False,
            )
        )

    def kernel_for(arrays: CohortArrays, whitening: Whitening) -> tuple[NUTS, Any]:
        def latents(position: dict[str, jax.Array]) -> jax.Array:
            return whitening.to_latents(jnp.concatenate([position["population"], position["own"]]))

        kernel = NUTS(
            potential_fn=lambda position: -posterior.log_density(latents(position), arrays),
            dense_mass=[("population",)],
            target_accept_prob=settings.target_accept,
            max_tree_depth=settings.max_tree_depth,
        )
        return kernel, latents

    def begin(start: Any, arrays: CohortArrays, whitening: Whitening) -> Any:
        kernel, _ = kernel_for(arrays, whitening)
        return kernel.init(start[0], settings.warmup, start[1], (), {})

    def chunk(state: Any, arrays: CohortArrays, whitening: Whitening) -> Any:
        kernel, latents = kernel_for(arrays, whitening)
        # NumPyro builds the transition when a kernel is initialised; the state made here is unused.
        kernel.init(state.rng_key, settings.warmup, state.z, (), {})

        def transition(state: Any, _: None) -> tuple[Any, dict[str, Any]]:
            state = kernel.sample(state, (), {})
            return state, {
                "x": latents(state.z),
                "diverging": state.diverging,
                "n_steps": state.num_steps,
                "acceptance_rate": state.accept_prob,
                "log_density": -state.potential_energy,
            }

        return jax.lax.scan(transition, state, None, length=CHUNK)

    return spread(begin), spread(chunk)


def _devices_for(chains: int) -> list[jax.Device]:
    """The most devices that share the chains evenly."""
    devices = jax.local_devices()
    count = max(n for n in range(1, min(len(devices), chains) + 1) if chains % n == 0)
    return devices[:count]


def settings_fingerprint(settings: NutsSettings) -> dict[str, Any]:
    """What must be the same for a run to be continued."""
    return asdict(settings) | {"chunk": CHUNK, "devices": len(_devices_for(settings.chains))}
