"""The population without some of the patients: fitted again with their records hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats

from lymphokin.infer import Checkpoint, CohortDensity, HmcSettings, fit_gaussian
from lymphokin.infer.hmc import Draws, sample_hmc
from lymphokin.infer.sampler import Sampler, compile_sampler

SETTINGS = HmcSettings(draws=500)
"""Of each fit; fewer draws than of a fit to report: a forecast uses 150 of them."""


class Refitted(NamedTuple):
    """Draws of the population, and how well the chains agree over it."""

    z: np.ndarray
    """[draw, quantity] population latents"""
    rhat_max: float
    ess_bulk_min: float
    divergences: int


class Refit:
    """Fits of one cohort with and without some of its patients; all share what is compiled."""

    def __init__(self, density: CohortDensity, settings: HmcSettings = SETTINGS) -> None:
        self.density = density
        self.settings = settings

    @cached_property
    def _quick(self) -> CohortDensity:
        return self.density.with_long_steps()

    @cached_property
    def _sampler(self) -> Sampler:
        return compile_sampler(self.density, self._quick, self.settings)

    def without(self, ids: Sequence[str], seed: int) -> Refitted:
        """The population as the other patients show it.

        Args:
            ids: patients whose records are hidden.
            seed: of the random numbers.
        """
        accurate, coarse = (hiding(p, ids) for p in (self.density, self._quick))
        draws = fit_again(accurate, coarse, self._sampler, replace(self.settings, seed=seed))
        z = draws.x[..., : len(self.density.hierarchy.quantities)]
        return Refitted(z.reshape(-1, z.shape[-1]), *agreement(self.density, draws).values())


def fit_again(
    accurate: CohortDensity, coarse: CohortDensity, sampler: Sampler, settings: HmcSettings
) -> Draws:
    """One of many fits, by a program that is compiled already; nothing is kept on disk."""
    with TemporaryDirectory() as scratch:
        start = fit_gaussian(accurate, sampler.gradients(accurate, coarse), settings.seed)
        return sample_hmc(accurate, coarse, sampler, start, settings, Checkpoint(Path(scratch), {}))


def agreement(density: CohortDensity, draws: Draws) -> dict[str, Any]:
    """``rhat_max`` and ``ess_bulk_min`` over the population quantities, and ``divergences``."""
    statistics: Any = array_stats  # its inferred types promise tuples where it gives numbers
    z = draws.x[..., : len(density.hierarchy.quantities)]
    columns = [z[..., i] for i in range(z.shape[-1])]
    return {
        "rhat_max": float(np.max([statistics.rhat(c) for c in columns])),
        "ess_bulk_min": float(np.min([statistics.ess(c, method="bulk") for c in columns])),
        "divergences": int(draws.diverging.sum()),
    }


def hiding(density: CohortDensity, ids: Sequence[str]) -> CohortDensity:
    """The cohort in which the records of some patients weigh nothing.

    Their latents then follow the population, which they do not change; the arrays keep their
    shapes, so nothing is compiled again.
    """
    packed = density.packed
    arrays = packed.weighing(lambda rows: ~rows["id"].isin(ids))
    return CohortDensity(density.likelihood, replace(packed, arrays=arrays))


def folds_of(patients: pd.DataFrame, count: int, seed: int) -> np.ndarray:
    """[patient] number of each patient's fold: random, of equal size, with as many of each arm.

    Args:
        patients: with a column ``arm``.
        count: how many folds.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(patients))
    order = order[np.argsort(patients["arm"].to_numpy(str)[order], kind="stable")]
    fold = np.empty(len(patients), int)
    fold[order] = np.arange(len(patients)) % count
    return fold
