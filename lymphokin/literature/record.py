"""Writes what a calibration found as the file that :mod:`lymphokin.literature.posterior` reads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lymphokin.files import AnyPath, write_bytes
from lymphokin.literature.cohorts import course_days
from lymphokin.literature.studies import Study
from lymphokin.model import Model
from lymphokin.quantities import DRUG
from lymphokin.strict_json import json_text


def studies_sha256(path: Path) -> str:
    """Identifies the file of studies."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_posterior(posterior: xr.Dataset, path: AnyPath) -> None:
    """Write a posterior to a file, in single precision."""
    packing = {name: {"zlib": True, "complevel": 9} for name in posterior.data_vars}
    # Made in memory: HDF5 itself does not survive a disk that is full.
    content = posterior.astype(np.float32).to_netcdf(engine="netcdf4", encoding=packing)
    write_bytes(path, bytes(content))


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
        f"{DRUG}_mg": [0.0, 0.0],
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
        "details": json_text(details, sort_keys=True),
    }
