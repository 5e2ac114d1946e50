"""Many virtual trials as one compiled program; trial i is the same whatever is run beside it.

Each trial has its own key, folded from the seed and its number. Trials are computed in blocks of a
fixed shape by one and the same program on every device, so that neither the number of trials asked
for at once nor the number of devices changes a single bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from typing import Any

import jax
import numpy as np

from lymphokin.population import Hierarchy
from lymphokin.trial.virtual.counts import follow, set_aside
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.endpoint import Outcome, read_endpoint
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.population import TruePopulation, VirtualPopulation

LANES = 416
"""Patients per block: enough to fill vector units, few enough to stay in the cache."""
BLOCKS_AT_A_TIME = 16
"""Blocks per device and call of the compiled program."""


@dataclass(frozen=True)
class Simulator:
    """Virtual trials of a design on a population.

    ``fixed``: typical values in table units that replace what the population says, e.g.
    ``{"radiosensitivity": 0.1}``.
    """

    design: VirtualDesign
    population: VirtualPopulation | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)
    devices: int | None = None
    """devices to use; all by default"""
    twins: bool = False
    """whether each treated patient is the twin of a control patient: to compare the arms of a
    population, not to simulate trials"""

    @cached_property
    def _drawn(self) -> VirtualPopulation:
        return self.population or TruePopulation(self.design.truth)

    @cached_property
    def _typical(self) -> dict[str, float]:
        return set_aside(self._drawn.model, self.fixed)

    @property
    def trials_per_block(self) -> int:
        """Trials computed side by side; follows from the design alone."""
        return max(1, LANES // (self.design.n_treated + self.design.n_control))

    @cached_property
    def _program(self):
        self._drawn.model.require_counts("a virtual trial")
        hierarchy, grid = Hierarchy(self._drawn.model), Grid.of(self.design, self._drawn.model)
        judged = self.design.judged
        residual = self._drawn.model.table.residuals[judged.quantity if judged.of_fold else "alc"]
        latents = self._drawn.latents

        def trial(key: jax.Array, typical: dict[str, jax.Array]) -> Outcome:
            of_population, of_patients, of_counts = jax.random.split(key, 3)
            z = latents(of_population)
            followed = follow(of_patients, z, hierarchy, grid, typical, self.twins)
            return read_endpoint(of_counts, followed, residual, grid)

        def blocks(seed: jax.Array, numbers: jax.Array, typical: dict[str, jax.Array]) -> Outcome:
            def block(own: jax.Array) -> Outcome:
                keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(own)
                return jax.vmap(lambda key: trial(key, typical))(keys)

            return jax.lax.map(block, numbers)

        return jax.jit(blocks)

    def run(self, seed: int, first: int, count: int) -> Outcome:
        """Outcomes of the trials numbered ``first`` ... ``first + count - 1``.

        Returns:
            arrays with the trial first, e.g. ``events`` [trial, arm].
        """
        size, devices = self.trials_per_block, jax.devices()[: self.devices]
        # Blocks start at multiples of their size: a trial has the same neighbours in every run.
        begin, end = first // size, -(-(first + count) // size)
        starts = range(begin, end, BLOCKS_AT_A_TIME)

        def compute(task: tuple[int, Any]) -> Outcome:
            start, device = task
            numbers = np.arange(start, start + BLOCKS_AT_A_TIME)[:, None] * size + np.arange(size)
            placed = jax.device_put((np.asarray(seed), numbers, self._typical), device)
            return jax.tree.map(np.asarray, self._program(*placed))

        tasks = list(zip(starts, cycle(devices), strict=False))
        # The first call on a device compiles; two compilations at once starve each other.
        parts = [compute(task) for task in tasks[: len(devices)]]
        with ThreadPoolExecutor(len(devices)) as threads:
            parts += threads.map(compute, tasks[len(devices) :])
        flat = jax.tree.map(
            lambda *x: np.concatenate([part.reshape(-1, *part.shape[2:]) for part in x]), *parts
        )
        skip = first - begin * size
        return jax.tree.map(lambda x: x[skip : skip + count], flat)
