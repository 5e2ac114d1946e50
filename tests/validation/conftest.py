"""Patients of a hospital whose truth is known: counts at a level of the patient's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import provenance_of
from lymphokin.run.folder import write_run
from tests.made_up_fit import made_up_fit
from tests.predict.conftest import BETWEEN, ERROR, LEVEL, level_model, patients

__all__ = ["level_model"]

DAYS = (-7.0, -1.0, 7.0, 14.0, 21.0, 28.0, 46.0)
POPULATIONS = 200


@pytest.fixture(scope="session")
def known(level_model: Model) -> PopulationDraws:
    """The level model with its population known."""
    z = np.zeros((POPULATIONS, 1))
    return PopulationDraws(level_model, z, provenance_of(level_model, "prior", "a test"))


@pytest.fixture(scope="session")
def level_run(level_model: Model, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run folder of the level model, fitted to a hospital of its own, and the model's file."""
    folder = tmp_path_factory.mktemp("level")
    for name, content in level_model.files.items():
        (folder / name).write_text(content)
    file = folder / "level.py"
    fit = made_up_fit(str(file), hospital(100), draws=100)
    parts = {name: getattr(fit, name) for name in ("draws", "provenance", "summary", "cohort")}
    config = fit.config | {"model": "model/level.py"}
    write_run(folder / "run", model=lk.load_model(file), config=config, **parts)
    return folder / "run", file


def hospital(
    seed: int, count: int = 40, factor: float = 1.0, error: float = ERROR, baseline: float = 1.0
) -> Cohort:
    """Patients whose later counts lie a factor above what the model expects of their baselines.

    Args:
        seed: of the random numbers.
        count: how many patients.
        factor: of all counts after treatment.
        error: SD of the measurements' logarithm.
        baseline: factor of all counts.
    """
    rng = np.random.default_rng(seed)
    level = baseline * LEVEL * np.exp(BETWEEN * rng.standard_normal(count))
    counts = {}
    for i, own in enumerate(level):
        noise = np.exp(error * rng.standard_normal(len(DAYS)))
        values = own * noise * np.where(np.array(DAYS) > 0, factor, 1.0)
        counts[f"H{i:03d}"] = [(d, round(float(v), 2)) for d, v in zip(DAYS, values, strict=True)]
    arms = ["A" if i % 2 else "B" for i in range(count)]
    return patients(counts, arm=arms, site=["lung_peripheral"] * count)
