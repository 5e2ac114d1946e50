"""Where a what-if takes its population from: a fitted run, the literature, or the priors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.infer import COHORT_FILE, RESEARCH_USE, Fit
from lymphokin.io import Cohort, read_events
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import Model
from lymphokin.population import Hierarchy
from lymphokin.predict.contrast import SUPPRESSION
from lymphokin.predict.range import NAMES, features
from lymphokin.whatif.calibration import calibration_of_run
from lymphokin.whatif.contract import Calibration, Provenance

DEFAULT_MODEL = "myeloid_lymphoid"
PRIOR_DRAWS = 2000
LIMITS = [
    "Nobody has shown in people that ATRA raises lymphocyte counts after radiotherapy: look at "
    "gamma = 0 too.",
    "Whether radiotherapy raises or lowers circulating MDSC is disputed; the model allows both.",
    "An immune dose estimated from site and lesions is an order of magnitude, not dosimetry.",
    "Infection, steroids and systemic therapy change counts; the model does not know of them.",
]


@dataclass(frozen=True, eq=False)
class PopulationDraws:
    """Draws of the population, and what stands behind them.

    ``z``: [draw, quantity] population latents. ``seen``: smallest and largest value of what
    describes a course among the patients behind it, None without patients; ``seen_table``: one
    row per patient. ``approximation``: the verdict on a posterior that was approximated.
    """

    model: Model
    z: np.ndarray
    provenance: Provenance
    seen: dict[str, tuple[float, float]] | None = None
    seen_table: pd.DataFrame | None = None
    approximation: str | None = None

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The statistical model."""
        return Hierarchy(self.model)

    @cached_property
    def residual_sd(self) -> dict[str, np.ndarray]:
        """SDs of the residual per draw, by quantity; [draw, component]."""
        sd = jax.jit(jax.vmap(lambda z: self.hierarchy.population(z).residual_sd))
        found = sd(jnp.asarray(self.z))
        return {q: np.asarray(v) for q, v in found.items()}


def of_priors(model: Model, draws: int = PRIOR_DRAWS, seed: int = 0) -> PopulationDraws:
    """Draws from the priors of a model: what is believed before any data."""
    z = np.random.default_rng(seed).standard_normal((draws, len(Hierarchy(model).quantities)))
    return PopulationDraws(model, z, _provenance(model, "prior", "prior, no data"))


def of_literature(
    model: Model,
    z: np.ndarray,
    seen: dict[str, tuple[float, float]],
    rhat_max: float,
    ess_bulk_min: float,
    calibration: Calibration | None = None,
) -> PopulationDraws:
    """Draws of a new study's population given published cohorts.

    Args:
        z: [draw, quantity] population latents.
        seen: ranges of the published cohorts, as of a run.
        rhat_max: convergence of the calibration, as the next.
        ess_bulk_min: smallest bulk effective sample size.
        calibration: how well the published numbers are reproduced.
    """
    title = "published cohorts, no trial data"
    provenance = _provenance(
        model,
        "literature",
        title,
        draws=len(z),
        rhat_max=_rounded(rhat_max, 3),
        ess_bulk_min=_rounded(ess_bulk_min, 0),
        calibration=calibration,
    )
    return PopulationDraws(model, z, provenance, seen)


def of_run(folder: Path) -> PopulationDraws:
    """The posterior of a run folder.

    Raises:
        ValueError: when it is a single point, without uncertainty.
    """
    fit = Fit.load(folder)
    fit.require_draws(f"a forecast of one patient from {folder}")
    model, told = fit.model(), fit.provenance
    cohort = read_events(folder / COHORT_FILE) if (folder / COHORT_FILE).is_file() else None
    kind = "synthetic data" if told.get("synthetic_data") else "data"
    convergence = told.get("convergence", {})
    quickly = "" if fit.method == "nuts" else f"approximate ({fit.method}) "
    provenance = _provenance(
        model,
        "fit",
        f"{quickly}fit of {told.get('data_file', folder.name)} ({kind})",
        synthetic=bool(told.get("synthetic_data")),
        patients=None if cohort is None else len(cohort),
        draws=len(fit.x),
        created=told.get("created"),
        commit=told.get("commit") or None,
        data_sha256=told.get("data_sha256"),
        posterior_sha256=hashlib.sha256((folder / "posterior.nc").read_bytes()).hexdigest(),
        rhat_max=_rounded(convergence.get("rhat_max"), 3),
        ess_bulk_min=_rounded(convergence.get("ess_bulk_min"), 0),
        divergences=convergence.get("divergences"),
        verdict=convergence.get("verdict"),
        calibration=calibration_of_run(folder, fit.config.get("counts_until")),
    )
    seen = {name: (low, high) for name, (low, high) in told["seen"].items()}
    return PopulationDraws(
        model,
        fit.population_z(),
        provenance,
        seen,
        _seen_table(cohort),
        told.get("approximation", {}).get("verdict"),
    )


def _rounded(value: float | None, decimals: int) -> float | None:
    """What is shown is rounded here: the page rounds nothing."""
    return None if value is None else round(value, decimals)


def _seen_table(cohort: Cohort | None) -> pd.DataFrame | None:
    return None if cohort is None else features(cohort, endpoint_visits(cohort))[list(NAMES)]


def _provenance(
    model: Model, source: Literal["fit", "literature", "prior"], title: str, **known: Any
) -> Provenance:
    blank: dict[str, Any] = {"synthetic": False} | dict.fromkeys(
        ("patients", "draws", "created", "commit", "data_sha256", "posterior_sha256", "rhat_max",
         "ess_bulk_min", "divergences", "verdict", "calibration")
    )  # fmt: skip
    return Provenance(
        source=source,
        title=title,
        model=model.name,
        model_sha256=model.sha256,
        gamma_known_from_people=False,
        version=version("lymphokin"),
        limits=LIMITS if SUPPRESSION in model.table.parameters else LIMITS[2:],
        research_use=RESEARCH_USE,
        **blank | known,
    )
