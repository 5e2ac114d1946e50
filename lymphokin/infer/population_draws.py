"""The population of a fit, in the form that forecasts, what-ifs and virtual trials take."""

from __future__ import annotations

import pandas as pd

from lymphokin.infer.fit import Fit
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import RiskCalibration, provenance_of, rounded


def draws_of_fit(
    fit: Fit,
    seen_patients: pd.DataFrame | None = None,
    calibration: RiskCalibration | None = None,
    posterior_sha256: str | None = None,
) -> PopulationDraws:
    """The posterior draws of a fit's population.

    Args:
        fit: the fit.
        seen_patients: features of the fitted patients' courses, where these are at hand.
        calibration: how well the fit's risks came true, where that is known.
        posterior_sha256: of the file that holds the posterior, if there is one.

    Raises:
        ValueError: when the fit is a single point, without uncertainty.
    """
    fit.require_draws("a forecast of one patient")
    model, facts = fit.model(), fit.provenance
    kind = "synthetic data" if facts.get("synthetic_data") else "data"
    convergence = facts.get("convergence", {})
    method = "" if fit.method == "nuts" else f"approximate ({fit.method}) "
    provenance = provenance_of(
        model,
        "fit",
        f"{method}fit of {facts.get('data_file', 'a table')} ({kind})",
        synthetic=bool(facts.get("synthetic_data")),
        patients=fit.draws["posterior"].sizes.get("patient"),
        draws=len(fit.x),
        created=facts.get("created"),
        commit=facts.get("commit") or None,
        data_sha256=facts.get("data_sha256"),
        posterior_sha256=posterior_sha256,
        rhat_max=rounded(convergence.get("rhat_max"), 3),
        ess_bulk_min=rounded(convergence.get("ess_bulk_min"), 0),
        divergences=convergence.get("divergences"),
        verdict=convergence.get("verdict"),
        calibration=calibration,
    )
    return PopulationDraws(
        model,
        fit.population_z(),
        provenance,
        {name: (low, high) for name, (low, high) in facts["seen"].items()},
        seen_patients,
        facts.get("approximation", {}).get("verdict"),
    )
