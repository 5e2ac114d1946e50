"""Fits a model to an event table: the main job."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from lymphokin.files import AnyPath, exclusive
from lymphokin.infer import CohortDensity, HmcSettings, density_of
from lymphokin.infer.fitting import FitSettings, FittedDraws, fit_density
from lymphokin.io import Cohort, read_events
from lymphokin.model import Model, load_model
from lymphokin.predict import prepare_contrast
from lymphokin.progress import Reporter, shown
from lymphokin.run.fit import Fit
from lymphokin.run.folder import MODEL_FOLDER
from lymphokin.run.provenance import attributes_of, provenance_of


def fit(
    data: Cohort | AnyPath,
    model: Model | AnyPath = "myeloid_lymphoid",
    *,
    fixed: Mapping[str, float] | None = None,
    method: str = "hmc",
    seed: int = 0,
    chains: int = 4,
    pilot: int = 75,
    warmup: int = 50,
    draws: int = 1000,
    ess: float = 400.0,
    rtol: float | None = None,
    unfinished: AnyPath | None = None,
    progress: bool | Reporter | None = None,
) -> Fit:
    """Fit a model to the patients of an event table.

    Args:
        data: a cohort, or the path of an event table with the sites that come with lymphokin; one
            with sites of your own is read with :func:`lymphokin.read_events`.
        model: a model, the name of a shipped one, or the path of a model file.
        fixed: parameters fixed at values in table units, such as ``{"radiosensitivity": 0.1}``.
        method: ``"hmc"`` (Markov chains, for reporting); for a look ``"quick"``, ``"svi"``,
            ``"laplace"`` or ``"map"``.
        seed: of all random numbers; recorded.
        chains: independent Markov chains.
        pilot: iterations of each of the short runs that find the shape of the posterior.
        warmup: warm-up iterations per chain.
        draws: draws kept per chain.
        ess: bulk effective draws wanted of every population quantity and of every patient's risk,
            beside an R-hat of at most 1.02. Chains that lack them go on, up to 8 times as long, and
            the same number of draws is kept, spread over the longer run; where half a percent of
            the transitions or more diverge, they draw again with shorter steps. 0, one chain, or
            fewer draws kept in all than 1.5 times that many: they end after ``draws``.
        rtol: relative error of counts that the solver is allowed; None: about 1e-4.
        unfinished: folder in which Markov chains are kept while they run. The same call continues
            them after a stop; saving the fit removes the folder. None: a stopped fit is lost.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Raises:
        BadInput: when the event table cannot be used.
        ModelError: when the model cannot be used.
        FitError: a ``ValueError``, when the fit cannot start or its chains cannot move: what went
            wrong, and what to do.
        ValueError: when a setting is out of range, or another fit is running in ``unfinished``.

    Example:
        >>> fit = lk.fit(table, "hedos_hcc", method="quick", seed=1)
        >>> fit.summary[["name", "q50", "learnt"]]
             name...
    """
    hmc = HmcSettings(chains, warmup, draws, pilot, seed=seed, ess=ess)
    settings = FitSettings(method, hmc, rtol)
    chosen = model if isinstance(model, Model) else load_model(model)
    cohort = data if isinstance(data, Cohort) else read_events(data, model=chosen)
    chosen = chosen.with_fixed(**(fixed or {}))
    place = None if unfinished is None else Path(unfinished)
    with shown(progress) as reporter, nullcontext() if place is None else exclusive(place):
        reporter.stage("packing the cohort")
        density = density_of(chosen, cohort, settings.steps)
        identity = {
            "model": chosen.sha256,
            "data": cohort.sha256,
            "sites": cohort.sites.sha256,
            "fixed": dict(fixed or {}),
            "rtol": rtol,
            "precision": str(jnp.result_type(float)),
            "version": version("lymphokin"),
        }

        def meanwhile() -> None:
            prepare_contrast(density)

        fitted = fit_density(density, settings, identity, place, reporter, meanwhile)
    kept = place if method == "hmc" else None
    return fit_of(density, fitted, settings, settings.as_config(), dict(fixed or {}), kept)


def fit_of(
    density: CohortDensity,
    fitted: FittedDraws,
    settings: FitSettings,
    config: Mapping[str, Any],
    fixed: Mapping[str, float],
    unfinished: Path | None = None,
) -> Fit:
    """What was found of a density, as a fit.

    Args:
        density: the cohort's.
        fitted: its draws, judged.
        settings: how they were found.
        config: the same as it is recorded.
        fixed: parameters that were fixed, in table units.
        unfinished: folder of unfinished chains, which saving removes.
    """
    model, cohort = density.likelihood.model, density.packed.cohort
    recorded = {
        "model": f"{MODEL_FOLDER}/{model.name}.py" if model.files else model.name,
        "fixed": dict(fixed),
        "table": cohort.source,
        **config,
    }
    provenance = provenance_of(density, settings) | fitted.diagnostics
    for group in fitted.draws.subtree:
        group.attrs |= attributes_of(provenance)
    result = Fit(
        fitted.summary,
        recorded,
        provenance,
        model,
        cohort,
        _draws=fitted.draws,
        _unfinished=unfinished,
    )
    result.__dict__["density"] = density  # what was made for the fit serves its forecasts
    return result
