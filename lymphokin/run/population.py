"""The population of a fit, with what stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lymphokin.io.visits import endpoint_visits
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import provenance_of, rounded
from lymphokin.predict.range import NAMES, features
from lymphokin.predict.risk_calibration import calibration_of_run
from lymphokin.run.folder import read_forecasts

if TYPE_CHECKING:
    from lymphokin.run.fit import Fit


def population_of(fit: Fit) -> PopulationDraws:
    """Draws of the population of a fit."""
    origin, convergence = fit.provenance, fit.convergence
    facts: dict[str, Any] = {
        "synthetic": bool(origin["synthetic_data"]),
        "draws": len(fit.population_z()),
        "created": origin.get("created"),
        "commit": origin.get("commit") or None,
        "data_sha256": origin.get("data_sha256"),
        "posterior_sha256": fit.draws_sha256,
        "rhat_max": rounded(convergence.get("rhat_max"), 3),
        "ess_bulk_min": rounded(convergence.get("ess_bulk_min"), 0),
        "divergences": convergence.get("divergences"),
        "verdict": fit.verdict,
    }
    seen = {name: (low, high) for name, (low, high) in origin["seen"].items()}
    if fit.of_sites:
        pool = origin["pool"]
        facts["patients"] = pool["patients"]
        provenance = provenance_of(fit.model, "fit", pool["title"], **facts)
        offsets = tuple(pool["offsets"])
        return PopulationDraws(
            fit.model, fit.population_z(), provenance, seen, centre_offsets=offsets
        )
    kind = "synthetic data" if origin["synthetic_data"] else "data"
    method = "" if fit.method == "nuts" else f"approximate ({fit.method}) "
    update = origin.get("update", {})
    before = f"{update['of']}, updated by a " if update else ""
    forecasts = None if fit.folder is None else read_forecasts(fit.folder, origin)
    provenance = provenance_of(
        fit.model,
        "fit",
        before + f"{method}fit of {origin['data_file'] or 'a cohort without a file'} ({kind})",
        **facts,
        patients=len(fit.cohort) + (update.get("patients") or 0),
        calibration=calibration_of_run(forecasts, fit.config.get("counts_until")),
    )
    return PopulationDraws(
        fit.model,
        fit.population_z(),
        provenance,
        seen,
        features(fit.cohort, endpoint_visits(fit.cohort))[list(NAMES)],
        origin.get("approximation", {}).get("verdict"),
    )
