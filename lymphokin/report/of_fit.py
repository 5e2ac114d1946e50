"""Contents of the report of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr

from lymphokin.io import Cohort
from lymphokin.predict import Forecast
from lymphokin.report.contents import ReportContents

DENSITY_DRAWS = 1000


def report_contents(
    tree: xr.DataTree,
    summary: pd.DataFrame,
    origin: Mapping[str, Any],
    cohort: Cohort,
    predicted: Forecast,
    contrast: pd.DataFrame,
    curves: xr.Dataset,
    levels: pd.DataFrame | None,
) -> ReportContents:
    """What the report shows of a fit.

    Args:
        tree: the draws, with groups ``prior`` and ``posterior``.
        summary: one row per population quantity.
        origin: the fit's provenance.
        cohort: the fitted patients.
        predicted: their forecasts.
        contrast: of the arms, see :func:`lymphokin.predict.arm_contrast`.
        curves: fitted curves, as the next see :func:`lymphokin.predict.fitted_courses`.
        levels: fitted levels of the drug at its samples.
    """
    draws = {}
    for name in summary["name"]:
        before = tree["prior"][name].to_numpy()
        after = tree["posterior"][name].to_numpy().ravel()
        draws[name] = (before[:DENSITY_DRAWS], after)
    convergence = origin["convergence"]
    approximation = origin.get("approximation")
    hidden = ("convergence", "approximation", "seen", "data_warnings", "data_accepted")
    if approximation:
        loud = [text for text in (approximation["verdict"], convergence.get("solver")) if text]
    else:
        loud = [] if convergence["level"] == "good" else [convergence["verdict"]]
    return ReportContents(
        title=f"Lymphopenia forecast: {origin['data_file']}",
        synthetic=cohort.synthetic,
        created=origin["created"],
        cohort=cohort,
        counts_until=predicted.counts_until,
        patients=predicted.patients.reset_index(),
        trajectories=curves,
        atra=levels,
        parameters=summary.fillna({"symbol": "", "source": "", "doi": ""}),
        parameter_draws=draws,
        contrast=contrast,
        convergence=convergence,
        provenance={k: v for k, v in origin.items() if k not in hidden},
        approximation=approximation,
        warnings=(*loud, *predicted.warnings, *origin["data_warnings"]),
    )
