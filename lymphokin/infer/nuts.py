"""NUTS over a cohort's posterior: chains in parallel, progress shown, interruptible, resumable.

NumPyro's kernel runs in the whitened space of :mod:`lymphokin.infer.gaussian`, a few transitions at a
time. After each such chunk the draws and the complete state of every chain (adaptation included) are
on disk, so that a run that was stopped goes on exactly where it was and ends bit for bit the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from numpyro.infer import NUTS

from lymphokin.infer.gaussian import Whitening
from lymphokin.infer.posterior import Posterior

CHUNK = 25
"""Transitions between two points at which a run can be stopped."""


@dataclass(frozen=True)
class NutsSettings:
    """How NUTS runs; recorded with every fit."""

    chains: int = 4
    warmup: int = 300
    draws: int = 300
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
    arrays = posterior.arrays

    def potential(y: jax.Array) -> jax.Array:
        return -posterior.log_density(whitening.to_latents(y), arrays)

    kernel = NUTS(
        potential_fn=potential,
        target_accept_prob=settings.target_accept,
        max_tree_depth=settings.max_tree_depth,
    )
    keys = jax.random.split(jax.random.PRNGKey(settings.seed), settings.chains + 1)
    start = jax.random.normal(keys[-1], (settings.chains, len(whitening.mode)))
    states = kernel.init(keys[:-1], settings.warmup, start, (), {})

    def transition(state: Any, _: None) -> tuple[Any, dict[str, Any]]:
        state = kernel.sample(state, (), {})
        return state, {
            "x": whitening.to_latents(state.z),
            "diverging": state.diverging,
            "n_steps": state.num_steps,
            "acceptance_rate": state.accept_prob,
            "log_density": -state.potential_energy,
        }

    def chunk_of_chain(state: Any) -> tuple[Any, dict[str, Any]]:
        return jax.lax.scan(transition, state, None, length=CHUNK)

    devices = _devices_for(settings.chains)
    mesh = Mesh(np.asarray(devices), ("chain",))
    spec = PartitionSpec("chain")
    on_accelerator = devices[0].platform != "cpu"
    chains_here = jax.vmap if on_accelerator else partial(_one_by_one)
    run_chunk = jax.jit(
        jax.shard_map(
            chains_here(chunk_of_chain),
            mesh=mesh,
            in_specs=(spec,),
            out_specs=spec,
            check_vma=False,
        )
    )
    chunks = checkpoint.load() if checkpoint else []
    if chunks:
        states = _restored(states, chunks[-1])
    warmup_chunks, draw_chunks = (-(-n // CHUNK) for n in (settings.warmup, settings.draws))
    total = warmup_chunks + draw_chunks
    for i in range(len(chunks), total):
        states, out = run_chunk(states)
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


def _one_by_one(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Map over the chains of one device in turn: each tree as short as it can be."""
    return lambda states: jax.lax.map(function, states)


def _devices_for(chains: int) -> list[jax.Device]:
    """The most devices that share the chains evenly."""
    devices = jax.local_devices()
    count = max(n for n in range(1, min(len(devices), chains) + 1) if chains % n == 0)
    return devices[:count]


def settings_fingerprint(settings: NutsSettings) -> dict[str, Any]:
    """What must be the same for a run to be continued."""
    return asdict(settings) | {"chunk": CHUNK, "devices": len(_devices_for(settings.chains))}
