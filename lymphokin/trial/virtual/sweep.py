"""A sweep: many virtual trials in shards, one task each.

A shard file appears complete or not at all, so that a killed sweep goes on where it was and ends
bit-identical. A trial is the same whatever is run beside it, so that a sweep can be extended: the
last shard takes the trials that it lacks, further shards follow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from lymphokin.arrays import read_arrays, write_arrays
from lymphokin.files import write_text
from lymphokin.jobs import Executor, Task, run_tasks
from lymphokin.literature.posterior import literature_draws
from lymphokin.run.folder import DRAWS_FILE
from lymphokin.run.provenance import file_sha256
from lymphokin.strict_json import json_text
from lymphokin.trial.declared import check_fold, followed_events
from lymphokin.trial.virtual.counts import typical_values
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.endpoint import Outcome
from lymphokin.trial.virtual.population import VirtualPopulation, population_named
from lymphokin.trial.virtual.simulate import Simulator

SWEEP_FILE = "sweep.json"
DESIGN_FILE = "design.toml"


@dataclass(frozen=True)
class Sweep:
    """What is to be simulated. ``population``: truth, prior, or the path of a run folder."""

    design: VirtualDesign
    trials: int
    seed: int
    shard_size: int = 1000
    population: str = "truth"
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def shards(self) -> int:
        return -(-self.trials // self.shard_size)

    def trials_of(self, shard: int) -> int:
        """Trials of a shard; the last has those that are left."""
        return min(self.shard_size, self.trials - shard * self.shard_size)

    def source(self) -> VirtualPopulation:
        """The population that trials are drawn from."""
        return population_named(self.population, self.design.truth)

    def checked(self) -> Sweep:
        """This sweep, once its population and what is fixed are known to exist.

        Raises:
            ValueError: when a fixed parameter is not the model's, or it has no hazard of an event.
            FileNotFoundError: when the population is no run folder.
        """
        model = self.source().model
        typical_values(model, self.fixed)
        followed_events(model, self.design.plan, self.design.judged)
        check_fold(model, self.design.plan, self.design.judged)
        return self

    def fingerprint(self) -> dict[str, Any]:
        """What decides the results; a folder continues only the sweep that began it."""
        text = json.dumps(self.design.raw, sort_keys=True, default=str)
        population, asked = self.population, self.design.endpoint
        if population == "literature":
            z = literature_draws(self.design.truth.model).z
            population = hashlib.sha256(z.tobytes()).hexdigest()
        elif population not in ("truth", "prior"):
            population = file_sha256(Path(population) / DRAWS_FILE)
        return {
            "design_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "model_sha256": self.source().model.sha256,
            "population": population,
            "endpoint": asked and asked.model_dump(mode="json", by_alias=True),
            "fixed": dict(self.fixed),
            "seed": self.seed,
            "shard_size": self.shard_size,
            "version": version("lymphokin"),
        }


def shard_path(folder: Path, shard: int) -> Path:
    return folder / "shards" / f"{shard:05d}.npz"


def compute_shard(sweep: Sweep, folder: Path, shard: int, cores: int = 1) -> None:
    """Simulate what one shard lacks and write its file; runs in a process of its own."""
    from lymphokin.jax_setup import prepare_jax

    prepare_jax(cores)
    simulator = Simulator(sweep.design, sweep.source(), sweep.fixed, devices=cores)
    path = shard_path(folder, shard)
    before = _stored(path)
    there = len(before.events) if before else 0
    first = shard * sweep.shard_size + there
    outcome = simulator.run(sweep.seed, first, sweep.trials_of(shard) - there)
    if before is not None:
        outcome = Outcome(*map(np.concatenate, zip(before, outcome, strict=True)))
    write_arrays(path, outcome._asdict())


def _stored(path: Path) -> Outcome | None:
    """The trials of a shard's file, if there is one that is not damaged."""
    stored = read_arrays(path)
    if stored is None or set(stored) != set(Outcome._fields):
        return None  # damaged, or written before a field was added
    return Outcome(**stored)


def _is_complete(sweep: Sweep, folder: Path, shard: int) -> bool:
    stored = _stored(shard_path(folder, shard))
    return stored is not None and len(stored.events) >= sweep.trials_of(shard)


def run_sweeps(
    sweeps: Mapping[Path, Sweep], executor: Executor, progress: Callable[[int, int], None]
) -> dict[Path, Outcome]:
    """Compute what is missing of some sweeps, all their shards in one queue, and gather them.

    Args:
        sweeps: each sweep by its folder; a folder is made if needed, and continued if it holds the
            same sweep.
        progress: called with the numbers of finished and of all shards.

    Raises:
        FileExistsError: when a folder holds another sweep, or something else.
        ChildProcessError: when a shard failed; what is finished is kept.
    """
    for folder, sweep in sweeps.items():
        _claim(sweep, folder)
    every = [(sweep, f, shard) for f, sweep in sweeps.items() for shard in range(sweep.shards)]
    waiting = [task for task in every if not _is_complete(*task)]
    there = len(every) - len(waiting)
    tasks = [Task(compute_shard, (s, folder.resolve(), n), folder) for s, folder, n in waiting]
    run_tasks(tasks, executor, lambda done, _: progress(there + done, len(every)))
    return {folder: gather(sweep, folder) for folder, sweep in sweeps.items()}


def _claim(sweep: Sweep, folder: Path) -> None:
    """Begin a folder, or make sure that it is this sweep's."""
    path, own = folder / SWEEP_FILE, sweep.fingerprint()
    if path.exists():
        try:
            began = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise FileExistsError(
                f"{path} is damaged: choose another folder or move {folder} away"
            ) from None
        changed = sorted(key for key in own if began.get(key) != own[key])
        if changed:
            raise FileExistsError(
                f"{folder} holds another sweep (different {', '.join(changed)}); choose another "
                "folder or move it away"
            )
    elif folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} exists: choose another name or move it away")
    else:
        write_text(path, json_text(own, sort_keys=True) + "\n")
    write_text(folder / DESIGN_FILE, tomli_w.dumps(dict(sweep.design.raw)))


def gather(sweep: Sweep, folder: Path) -> Outcome:
    """All trials of a finished sweep, in order."""
    parts = [_stored(shard_path(folder, shard)) for shard in range(sweep.shards)]
    found = (part for part in parts if part is not None)
    return Outcome(*(np.concatenate(part)[: sweep.trials] for part in zip(*found, strict=True)))
