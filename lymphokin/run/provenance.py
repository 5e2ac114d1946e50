"""Where a fit comes from: versions, hashes, device and what its data held."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from lymphokin.infer import CohortDensity
from lymphokin.infer.fitting import FitSettings
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import Model
from lymphokin.predict import seen_ranges, seen_until

PACKAGES = ("lymphokin", "jax", "jaxlib", "numpyro", "diffrax", "numpy", "pandas", "arviz-stats")


def provenance_of(density: CohortDensity, settings: FitSettings) -> dict[str, Any]:
    """What ``provenance.json`` says of a fit before its diagnostics.

    Args:
        density: the fitted cohort under its model.
        settings: how it was fitted.
    """
    cohort = density.packed.cohort
    return origin_of(density.likelihood.model, cohort, settings.hmc.seed, settings.method) | {
        "seen": seen_ranges(cohort, endpoint_visits(cohort)),
        "seen_until": seen_until(cohort),
        "seen_sites": cohort.site_names,
        "data_warnings": [*cohort.warnings, *density.packed.warnings],
    }


def origin_of(model: Model, cohort: Cohort, seed: int, method: str) -> dict[str, Any]:
    """Versions, hashes, device and what was asked for."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("lymphokin"),
        "commit": _commit(),
        "model": model.name,
        "model_sha256": model.sha256,
        "data_file": cohort.source,
        "data_sha256": cohort.sha256,
        "sites_file": cohort.sites.file,
        "sites_sha256": cohort.sites.sha256,
        "synthetic_data": cohort.synthetic,
        "seed": seed,
        "method": method,
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "device": str(jax.devices()[0].device_kind),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "data_warnings": list(cohort.warnings),
        "data_accepted": dict(cohort.accepted),
    }


def attributes_of(provenance: Mapping[str, Any]) -> dict[str, str]:
    """What the file of draws says of itself, by the names that ArviZ gives such attributes."""
    return {
        "created_at": provenance["created"],
        "creation_library": "lymphokin",
        "creation_library_version": provenance["version"],
        "inference_library": "lymphokin",
        "inference_library_version": provenance["version"],
        "model": provenance["model"],
        "model_sha256": provenance["model_sha256"],
        "data": "synthetic" if provenance["synthetic_data"] else "as given",
    }


def _commit() -> str:
    """Commit of the source checkout, or empty outside one."""
    try:
        result = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()


def file_sha256(path: Path) -> str:
    """Hash of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
