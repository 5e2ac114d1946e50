"""What the literature knows, as a value: draws of a model's population, saved as one file.

The draws have the form of a fit's (``population_z``), so that whatever takes a fit's population
takes the literature's: forecasts, what-ifs, virtual trials.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.files import write_with
from lymphokin.literature.cohorts import course_days
from lymphokin.literature.studies import Study
from lymphokin.model import Model, load_model
from lymphokin.population import Hierarchy
from lymphokin.shipped import data_path

FOLDER = "literature/posterior"


def studies_sha256(path: Path) -> str:
    """Identifies the file of studies."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class LiteraturePosterior:
    """Draws of a model's population given the published cohorts.

    ``dataset``: ``z_new_study`` [draw, quantity], population latents of a study that is not among
    the published ones; ``baseline_spread`` and ``dose_spread`` [draw], SD between studies of ln
    baseline and of ln immune dose. Its attributes are the provenance.
    """

    dataset: xr.Dataset

    @property
    def provenance(self) -> dict[str, Any]:
        """Model, versions, hashes, seed, convergence."""
        return {k: json.loads(v) if k == "details" else v for k, v in self.dataset.attrs.items()}

    @cached_property
    def _model(self) -> Model:
        model = load_model(self.dataset.attrs["model"])
        if model.sha256 != self.dataset.attrs["model_sha256"]:
            raise ValueError(
                f"model {model.name} has changed since it was calibrated to the literature; run: "
                f"lymphokin calibrate --model {model.name}"
            )
        return model

    def model(self) -> Model:
        """The calibrated model.

        Raises:
            ValueError: when the model file is not the calibrated one any more.
        """
        return self._model

    def population_z(self) -> np.ndarray:
        """[draw, quantity] population latents of a new study."""
        return self.dataset["z_new_study"].to_numpy().astype(float)

    def natural(self) -> dict[str, np.ndarray]:
        """Population quantities of a new study by name, [draw] in the table's units."""
        import jax

        hierarchy = Hierarchy(self.model())
        return {
            name: np.asarray(value)
            for name, value in jax.vmap(hierarchy.natural)(self.population_z()).items()
        }

    @property
    def seen(self) -> dict[str, list[float]]:
        """Ranges of the published cohorts, as :func:`lymphokin.predict.range.seen_ranges` gives."""
        return self.provenance["details"]["seen"]

    def write(self, path: Path) -> None:
        """Write to a file, which appears complete or not at all; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        packing = {name: {"zlib": True, "complevel": 9} for name in self.dataset.data_vars}
        single = self.dataset.astype(np.float32)
        write_with(path, lambda to: single.to_netcdf(to, engine="h5netcdf", encoding=packing))

    @classmethod
    def read(cls, path: Path) -> LiteraturePosterior:
        """Read a file.

        Raises:
            FileNotFoundError: when there is none.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; lymphokin calibrate writes one")
        with xr.open_dataset(path, engine="h5netcdf") as stored:
            return cls(stored.load())

    @classmethod
    def shipped(cls, model: str = "myeloid_lymphoid") -> LiteraturePosterior:
        """The posterior that comes with lymphokin.

        Raises:
            FileNotFoundError: when the model was not calibrated.
        """
        return cls.read(data_path(f"{FOLDER}/{model}.nc"))


def calibrated_models() -> tuple[str, ...]:
    """Models whose literature posterior comes with lymphokin, the default one first."""
    names = sorted(path.stem for path in data_path(FOLDER).glob("*.nc"))
    return tuple(sorted(names, key=lambda name: name != "myeloid_lymphoid"))


def literature_table(model: str, kind: str) -> pd.DataFrame | None:
    """A shipped table of a calibration, ``reproduction`` or ``left_out``; None where none ships."""
    path = data_path(FOLDER) / f"{model}.{kind}.csv"
    return pd.read_csv(path) if path.is_file() else None


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


def provenance(model: Model, studies_path: Path, details: dict[str, Any]) -> dict[str, Any]:
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
