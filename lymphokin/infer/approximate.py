"""Posteriors that are approximated, not sampled: for a look, each with its own verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr

from lymphokin.infer.belief import judge_approximation, point
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.gaussian import NormalApproximation, fit_gaussian
from lymphokin.infer.importance import plain, propose, reliability, resampled
from lymphokin.infer.laplace import find_mode, laplace, spread_against_expected
from lymphokin.infer.noncentred_density import gradients_of
from lymphokin.infer.sample import Sample
from lymphokin.infer.svi import BLOCK, SviSettings, fit_svi


def approximate(
    method: str,
    density: CohortDensity,
    coarse: CohortDensity,
    seed: int,
    stage: Callable[[str], Any] = lambda text: None,
) -> Sample:
    """Draws of an approximate posterior.

    Args:
        method: quick | svi | laplace | map.
        density: the cohort.
        coarse: the same with long steps.
        seed: of the random numbers.
        stage: called with a word for what is being done.
    """
    if method in ("map", "laplace"):
        stage("climbing to the mode")
        mode = find_mode(density, coarse, seed)
        if method == "map":
            x, log_density = np.asarray(mode.x)[None, None], np.asarray([[mode.log_density]])
            return Sample(x, {"log_density": log_density}, point(mode.log_density, mode.slope))
        approximation = laplace(density, mode)
        details = {
            "mode_slope_in_sds": mode.slope,
            "sd_over_expected_information": spread_against_expected(
                approximation.whitening, density
            ),
        }
        return _weighed(method, density, approximation, seed, stage, details)
    stage("finding where the posterior lies")
    approximation = fit_gaussian(density, gradients_of(coarse), seed)
    if method == "quick":
        return _weighed(method, density, approximation, seed, stage, {})
    stage("raising the evidence lower bound")
    settings = SviSettings()
    found = fit_svi(coarse, approximation, settings, seed)
    details = asdict(settings) | {
        "guide": found.guide,
        "elbo": float(found.elbo[-1]),
        "elbo_settled": found.settled,
        "steps_taken": len(found.elbo) * BLOCK,
    }
    steps = BLOCK * (1 + np.arange(len(found.elbo)))
    trace = xr.Dataset({"elbo": ("step", found.elbo)}, {"step": steps})
    return _weighed(method, density, found.approximation, seed, stage, details, {"svi": trace})


def _weighed(
    method: str,
    density: CohortDensity,
    approximation: NormalApproximation,
    seed: int,
    stage: Callable[[str], Any],
    details: dict[str, Any],
    groups: Mapping[str, xr.Dataset] | None = None,
) -> Sample:
    """Draws of a normal approximation, judged by their importance ratios."""
    stage("weighing the approximation against the posterior")
    proposals = propose(density, approximation, seed)
    found = reliability(proposals)
    reweighted = method == "quick"
    if reweighted:
        x, log_density = resampled(proposals, found, density.patient_index, seed)
    else:
        x, log_density = plain(proposals)
    patients = density.packed.cohort.patients.index.to_numpy(str)
    weights = xr.Dataset({"pareto_k": ("patient", found.patients)}, {"patient": patients})
    return Sample(
        x[None],
        {"log_density": log_density[None]},
        judge_approximation(method, found, list(patients), reweighted=reweighted, details=details),
        {"approximation": weights, **(groups or {})},
    )
