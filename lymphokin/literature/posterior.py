"""What the literature knows of a model's population: one file of draws per calibrated model.

A file holds ``z_new_study`` [draw, quantity], population latents of a study that is not among the
published ones, and ``baseline_spread`` and ``dose_spread`` [draw], SD between studies of ln
baseline and of ln immune dose. Its attributes say where it comes from.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from lymphokin.files import AnyPath
from lymphokin.literature.studies import read_studies
from lymphokin.model import Model, load_model
from lymphokin.pages.messages import say
from lymphokin.pages.wording import joined
from lymphokin.population.draws import BASELINE_OFFSET, DOSE_OFFSET, PopulationDraws
from lymphokin.population.provenance import RiskCalibration, provenance_of, rounded
from lymphokin.shipped import data_path

FOLDER = "literature/posterior"
DEFAULT_MODEL = "myeloid_lymphoid"
TITLE = "published cohorts, no trial data"


def literature_draws(model: str = DEFAULT_MODEL) -> PopulationDraws:
    """The population of a model that comes calibrated to published cohorts.

    Raises:
        FileNotFoundError: when the model was not calibrated.
        ValueError: when the model file is not the calibrated one any more.
    """
    if model not in calibrated_models():
        raise FileNotFoundError(
            f"{model} has not been calibrated to published cohorts, as "
            f"{joined(calibrated_models())} have: its population is that of a fit (a run folder) "
            "or of its priors"
        )
    return read_posterior(data_path(f"{FOLDER}/{model}.nc"), _reproduction(model))


def read_posterior(path: AnyPath, calibration: RiskCalibration | None = None) -> PopulationDraws:
    """The population in the file of a calibration.

    Args:
        path: the file.
        calibration: how well published numbers are reproduced, where that is known.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the model file is not the calibrated one any more.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"{path}: no such file; a calibration to published cohorts writes one"
        )
    with netCDF4.Dataset(path, "r") as stored:
        z = np.asarray(stored.variables["z_new_study"][...], float)
        attributes = dict(stored.__dict__)
    sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return draws_of_posterior(z, attributes, calibration, sha256)


def draws_of_posterior(
    z: np.ndarray,
    attributes: Mapping[str, Any],
    calibration: RiskCalibration | None = None,
    sha256: str | None = None,
    model: Model | None = None,
) -> PopulationDraws:
    """The population of a new study, given the published cohorts.

    Args:
        z: [draw, quantity] ``z_new_study`` of the file.
        attributes: of the file.
        calibration: how well published numbers are reproduced, where that is known.
        sha256: of the file, where there is one.
        model: the calibrated one; None: the shipped one of that name.

    Raises:
        ValueError: when the model file is not the calibrated one any more.
    """
    model = model or load_model(attributes["model"])
    if model.sha256 != attributes["model_sha256"]:
        raise ValueError(
            f"model {model.name} has changed since it was calibrated to the literature: calibrate "
            "it again to published cohorts (lymphokin.literature.calibrate)"
        )
    details = details_of(attributes)
    convergence = details["convergence"]
    provenance = provenance_of(
        model,
        "literature",
        TITLE,
        draws=len(z),
        rhat_max=rounded(convergence["rhat_max"], 3),
        ess_bulk_min=rounded(convergence["ess_bulk_min"], 0),
        calibration=calibration,
        posterior_sha256=sha256,
    )
    seen = {name: (low, high) for name, (low, high) in details["seen"].items()}
    offsets = (BASELINE_OFFSET, DOSE_OFFSET)
    sites = seen_sites(details)
    return PopulationDraws(
        model, z, provenance, seen, centre_offsets=offsets, seen_sites=sites or None
    )


def seen_sites(details: Mapping[str, Any]) -> frozenset[str]:
    """Site classes of the cohorts behind a calibration; empty where they are not known."""
    shipped = [study for study in read_studies() if study.name in details.get("studies", ())]
    return frozenset(details.get("seen_sites", [study.site for study in shipped if study.site]))


def details_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, convergence, studies and ranges of a calibration, from the file's attributes."""
    return json.loads(attributes["details"])


def shipped_details(model: str = DEFAULT_MODEL) -> dict[str, Any]:
    """Settings, convergence, studies and ranges of the calibration of a model that ships."""
    with netCDF4.Dataset(data_path(f"{FOLDER}/{model}.nc"), "r") as stored:
        return details_of(stored.__dict__)


def calibrated_models() -> tuple[str, ...]:
    """Models whose literature posterior comes with lymphokin, the default one first."""
    names = sorted(path.stem for path in data_path(FOLDER).glob("*.nc"))
    return tuple(sorted(names, key=lambda name: name != DEFAULT_MODEL))


def _reproduction(model: str) -> RiskCalibration | None:
    """How many published numbers lie inside their 90 % intervals, where that is known."""
    reproduced, left_out = (_inside(model, kind) for kind in ("reproduction", "left_out"))
    if reproduced is None:
        return None
    message = say("calibration.published", inside=reproduced[0], known=reproduced[1])
    if left_out is not None:
        more = {"inside_others": left_out[0], "known_others": left_out[1]}
        message = say("calibration.left_out", **message.values, **more)
    return RiskCalibration(message=message, groups=[])


def _inside(model: str, kind: str) -> tuple[int, int] | None:
    """How many numbers of a table that ships lie inside their 90 % interval, and of how many."""
    path = data_path(FOLDER) / f"{model}.{kind}.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        inside = [
            float(row["q05"]) <= float(row["observed"]) <= float(row["q95"])
            for row in csv.DictReader(file)
        ]
    return sum(inside), len(inside)
