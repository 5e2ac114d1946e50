"""What the literature knows of a model's population: one file of draws per calibrated model.

A file holds ``z_new_study`` [draw, quantity], population latents of a study that is not among the
published ones, and ``baseline_spread`` and ``dose_spread`` [draw], SD between studies of ln
baseline and of ln immune dose. Its attributes say where it comes from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.files import AnyPath, write_with
from lymphokin.literature.cohorts import course_days
from lymphokin.literature.studies import Study
from lymphokin.model import Model, load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import RiskCalibration, provenance_of, rounded
from lymphokin.shipped import data_path

FOLDER = "literature/posterior"
DEFAULT_MODEL = "myeloid_lymphoid"
TITLE = "published cohorts, no trial data"


def studies_sha256(path: Path) -> str:
    """Identifies the file of studies."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_posterior(posterior: xr.Dataset, path: AnyPath) -> None:
    """Write a posterior to a file, in single precision."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    packing = {name: {"zlib": True, "complevel": 9} for name in posterior.data_vars}
    packed = posterior.astype(np.float32)
    write_with(path, lambda file: packed.to_netcdf(file, engine="h5netcdf", encoding=packing))


def read_posterior(path: AnyPath) -> xr.Dataset:
    """Read the file of a posterior.

    Raises:
        FileNotFoundError: when there is none.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; lymphokin calibrate writes one")
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        return stored.load()


def shipped_posterior(model: str = DEFAULT_MODEL) -> xr.Dataset:
    """The posterior of a model that comes with lymphokin.

    Raises:
        FileNotFoundError: when the model was not calibrated.
    """
    return read_posterior(data_path(f"{FOLDER}/{model}.nc"))


def details_of(posterior: xr.Dataset) -> dict[str, Any]:
    """Settings, convergence, studies and ranges of a calibration."""
    return json.loads(posterior.attrs["details"])


def draws_of_posterior(
    posterior: xr.Dataset, calibration: RiskCalibration | None = None
) -> PopulationDraws:
    """The population of a new study, given the published cohorts.

    Args:
        posterior: as read from a file.
        calibration: how well published numbers are reproduced, where that is known.

    Raises:
        ValueError: when the model file is not the calibrated one any more.
    """
    model = load_model(posterior.attrs["model"])
    if model.sha256 != posterior.attrs["model_sha256"]:
        raise ValueError(
            f"model {model.name} has changed since it was calibrated to the literature; run: "
            f"lymphokin calibrate --model {model.name}"
        )
    z = posterior["z_new_study"].to_numpy().astype(float)
    details = details_of(posterior)
    convergence = details["convergence"]
    provenance = provenance_of(
        model,
        "literature",
        TITLE,
        draws=len(z),
        rhat_max=rounded(convergence["rhat_max"], 3),
        ess_bulk_min=rounded(convergence["ess_bulk_min"], 0),
        calibration=calibration,
    )
    seen = {name: (low, high) for name, (low, high) in details["seen"].items()}
    return PopulationDraws(model, z, provenance, seen)


def literature_draws(model: str = DEFAULT_MODEL) -> PopulationDraws:
    """The population of a model that comes calibrated to published cohorts.

    Raises:
        FileNotFoundError: when the model was not calibrated.
        ValueError: when the model file is not the calibrated one any more.
    """
    posterior = shipped_posterior(model)
    reproduced, left_out = (literature_table(model, k) for k in ("reproduction", "left_out"))
    calibration = None if reproduced is None else reproduction_calibration(reproduced, left_out)
    return draws_of_posterior(posterior, calibration)


def calibrated_models() -> tuple[str, ...]:
    """Models whose literature posterior comes with lymphokin, the default one first."""
    names = sorted(path.stem for path in data_path(FOLDER).glob("*.nc"))
    return tuple(sorted(names, key=lambda name: name != DEFAULT_MODEL))


def literature_table(model: str, kind: str) -> pd.DataFrame | None:
    """A shipped table of a calibration, ``reproduction`` or ``left_out``; None where none ships."""
    path = data_path(FOLDER) / f"{model}.{kind}.csv"
    return pd.read_csv(path) if path.is_file() else None


def reproduction_calibration(
    reproduced: pd.DataFrame, left_out: pd.DataFrame | None
) -> RiskCalibration:
    """How many published numbers lie inside their 90 % intervals.

    Args:
        reproduced: published numbers and their intervals; ``observed``, ``q05``, ``q95``.
        left_out: the same, each study predicted from the others.
    """

    def inside(table: pd.DataFrame) -> str:
        count = int(table["observed"].between(table["q05"], table["q95"]).sum())
        return f"{count} of {len(table)}"

    text = f"{inside(reproduced)} published numbers lie inside their 90 % interval"
    if left_out is not None:
        text += f"; {inside(left_out)} when each study is predicted from the others"
    return RiskCalibration(text=f"{text}. No single patient's risk could be compared.", groups=[])


def seen_in(studies: Sequence[Study]) -> dict[str, list[float]]:
    """Ranges of what the studies saw, as a forecast compares a patient with.

    The baseline's range is that of the published medians and quartiles, not of their patients.
    """
    followed = [s for s in studies if any(c.days for c in s.counts)]
    dose = [study.course_dose_gy for study in followed]
    total = [study.fractions * study.dose_per_fraction_gy for study in followed]
    baseline = [b for s in studies for c in s.counts if c.of == "baseline" for b in c.below]
    counted = [course_days(s.fractions)[-1] + d for s in followed for c in s.counts for d in c.days]
    return {
        "fractions": [0.0, float(max(study.fractions for study in followed))],
        "prescribed_gy": [0.0, max(total)],
        "immune_dose_gy": [0.0, max(dose)],
        "baseline_alc": [min(baseline), max(baseline)],
        "endpoint_day": [0.0, float(max(counted))],
        "atra_mg": [0.0, 0.0],
    }


def attributes(model: Model, studies_path: Path, details: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a posterior file."""
    return {
        "title": "Population of a lymphokin model given published cohorts",
        "model": model.name,
        "model_sha256": model.sha256,
        "studies_sha256": studies_sha256(studies_path),
        "lymphokin_version": version("lymphokin"),
        "command": f"lymphokin calibrate --model {model.name}",
        "details": json.dumps(details, sort_keys=True),
    }
