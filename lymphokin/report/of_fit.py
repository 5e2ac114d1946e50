"""Contents of the report of a fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lymphokin.io import Cohort
from lymphokin.model import Model, Residual
from lymphokin.model.roles import contrast_of
from lymphokin.predict import Forecast
from lymphokin.predict.survival import Survival
from lymphokin.report.contents import ReportContents
from lymphokin.report.untouched import untouched_quantities

DENSITY_DRAWS = 1000
"""Draws of the prior behind each density."""


def parameter_draws(
    tree: xr.DataTree, names: Iterable[str]
) -> dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]]:
    """Collect draws of the prior and the posterior of population quantities, in table units.

    Args:
        tree: with groups ``prior`` and ``posterior``.
        names: of the quantities.
    """
    return {
        name: (
            tree["prior"][name].to_numpy().ravel()[:DENSITY_DRAWS],
            tree["posterior"][name].to_numpy().ravel(),
        )
        for name in names
    }


def fitted_residuals(model: Model, summary: pd.DataFrame) -> dict[str, Residual]:
    """Describe how measurements of each quantity scatter, with SDs at their posterior medians."""
    median = dict(zip(summary["name"], summary["q50"], strict=True))
    return {
        name: replace(
            residual,
            sd=median.get(f"{name}_residual_sd", residual.sd),
            proportional_sd=median.get(f"{name}_proportional_sd", residual.proportional_sd),
        )
        for name, residual in model.table.residuals.items()
    }


def levels_of(model: Model) -> dict[str, tuple[str, ...]]:
    """Of each measured quantity that is followed by hours, the drugs that its block takes, or of a
    block that takes none all drugs.
    """
    blocks = model.on_clock("hours")
    every = tuple(name for block in blocks for name in block.drugs)
    return {
        name: tuple(block.drugs) or every
        for block in blocks
        for name in block.shows
        if name in model.observed
    }


def report_contents(
    model: Model,
    tree: xr.DataTree,
    summary: pd.DataFrame,
    origin: Mapping[str, Any],
    cohort: Cohort,
    predicted: Forecast,
    contrast: pd.DataFrame,
    curves: xr.Dataset,
    levels: pd.DataFrame | None,
    survivals: Sequence[Survival] = (),
) -> ReportContents:
    """Collect what the report shows of a fit.

    Args:
        model: the fitted model.
        tree: the draws, with groups ``prior`` and ``posterior``.
        summary: one row per population quantity.
        origin: the fit's provenance.
        cohort: the fitted patients.
        predicted: their forecasts.
        contrast: of the arms, see :func:`lymphokin.predict.arm_contrast`.
        curves: fitted curves over time, from :func:`lymphokin.predict.fitted_courses`.
        levels: fitted levels at the samples of drugs, from the same.
        survivals: of the events that the model has hazards of.
    """
    untouched = untouched_quantities(model, cohort)
    parameters = summary[~summary["name"].isin(untouched)]
    left_out = len(summary) - len(parameters)
    convergence = origin["convergence"]
    worst = [row for row in convergence.get("worst", ()) if row[0] not in untouched]
    approximation = origin.get("approximation")
    hidden = (
        *("convergence", "prior_conflict", "approximation", "seen", "seen_sites"),
        *("data_warnings", "data_accepted", "update", "log_evidence_of_modes"),
    )
    if approximation:
        loud = [text for text in (approximation["verdict"], convergence.get("solver")) if text]
    else:
        loud = [] if convergence["level"] == "good" else [convergence["verdict"]]
    loud += [origin["update"]["sentence"]] if "update" in origin else []
    return ReportContents(
        title=f"Lymphopenia forecast: {origin['data_file'] or 'data not from a file'}",
        synthetic=cohort.synthetic,
        created=origin["created"],
        cohort=cohort,
        counts_until=predicted.counts_until,
        patients=predicted.patients.reset_index(),
        curves=curves,
        levels=levels,
        parameters=parameters,
        parameter_draws=parameter_draws(tree, parameters["name"]),
        contrast=contrast,
        convergence=convergence | {"worst": worst},
        provenance={k: v for k, v in origin.items() if k not in hidden},
        approximation=approximation,
        observables=model.observables,
        survivals=tuple(survivals),
        drugs=model.vocabulary.drugs,
        levels_of=levels_of(model),
        disputed=contrast_of(model),
        residuals=fitted_residuals(model, summary),
        left_out_parameters=(
            f"{left_out} quantities of the drug or of assays are left out: these data hold no dose "
            "or sample that could say anything about them, so their posterior is their prior."
            if left_out
            else ""
        ),
        warnings=(*loud, *filter(None, [origin.get("prior_conflict")]), *origin["data_warnings"]),
    )
