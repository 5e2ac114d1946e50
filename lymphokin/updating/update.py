"""Update a model on the patients of one centre: the posterior given them, and whether it pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lymphokin.criticism.forecasts.cases import cases_of
from lymphokin.criticism.forecasts.looks import forecasts_at_looks
from lymphokin.endpoints import DEFAULT, read_endpoint
from lymphokin.files import AnyPath
from lymphokin.infer import CohortDensity, HmcSettings, density_of
from lymphokin.infer.belief import REWEIGHTED
from lymphokin.infer.fitting import FitSettings, FittedDraws, fit_density, summarised
from lymphokin.io import BadInput, Cohort
from lymphokin.io.problems import Problem
from lymphokin.literature.new_centre import for_new_centre
from lymphokin.population import JointPrior
from lymphokin.population.draws import PopulationDraws
from lymphokin.progress import Reporter, shown
from lymphokin.run import Fit
from lymphokin.run.fitting import fit_of
from lymphokin.updating.gains import gain_in_words, gains_of, left_out_looks
from lymphokin.updating.reweigh import hopeless, reliable, reweigh, sample_of
from lymphokin.validation.cases import refuse_fitted
from lymphokin.validation.validate import population_of, read_for, tables_behind

FEWEST = 5
"""Patients below which there is nothing to learn a centre from (judgement)."""
LOOKS = (0.0, 14.0)
"""Days up to which records are known in the forecasts that judge the update."""
METHODS = ("auto", "reweighted", "quick", "hmc")
CHAINS, DRAWS = 2, 1000
"""Markov chains, one for each core of a small machine, and draws of each: of four short chains more
is thrown away before the first draw that is kept."""


def update(
    source: Fit | PopulationDraws | None,
    events: Cohort | AnyPath,
    *,
    method: str = "auto",
    looks: Sequence[float] = LOOKS,
    seed: int = 0,
    draws: int = DRAWS,
    progress: bool | Reporter | None = None,
) -> Fit:
    """Learn from the patients of a centre what a fit, or the literature, did not know of them.

    The prior is the whole posterior of the source, with the correlations and tails of its draws,
    for a centre of its own: baselines, effect of a dose and scatter of counts may differ as those
    of centres do. Its draws are weighed by the new patients where that is reliable; else Markov
    chains sample anew.

    Args:
        source: a fit, draws of a population, or None for the published cohorts.
        events: the centre's patients, or the path of their event table.
        method: ``"auto"``; or ``"reweighted"``, ``"hmc"``, or ``"quick"`` for a look.
        looks: days up to which records are known in the forecasts that judge the update.
        seed: of all random numbers.
        draws: of each of two Markov chains, where chains are needed.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Returns:
        a fit like any other. ``.provenance["update"]`` says whose patients are behind it, and how
        patients left out in turn are forecast before and after (``gains``, in words ``sentence``).

    Raises:
        BadInput: when the table cannot be used, holds patients of the source, or too few.
        FitError: when the chains cannot start or move.
        ValueError: for another method, or a source that is a single point.

    Example:
        >>> here = lk.update(fit, "our_patients.csv")
        >>> here.provenance["update"]["sentence"]
        'Numbers rest on ... and on 8 patients of our_patients.csv, for whose centre ...'
        >>> forecast = here.save("runs/here")
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r}: expected one of {', '.join(METHODS)}")
    population, steps, _ = population_of(source)
    population.model.require_counts("an update")
    cohort = read_for(source, events)
    if isinstance(source, Fit):
        refuse_fitted(source.cohort, cohort, tables_behind(source))
    _refuse_few(cohort)
    settings = FitSettings(
        method if method in ("quick", "hmc") else "hmc",
        HmcSettings(chains=CHAINS, draws=draws, seed=seed),
        source.config.get("rtol") if isinstance(source, Fit) else None,
    )
    start = for_new_centre(population, seed)
    cases = cases_of(cohort, read_endpoint(DEFAULT), max(looks))
    with shown(progress) as reporter:
        plain = density_of(population.model, cohort, steps)
        density = plain.with_prior(JointPrior.of(start.z))
        fitted, found_by = _posterior(density, start.z, method, settings, reporter)
        fixed = dict(source.config["fixed"]) if isinstance(source, Fit) else {}
        config = settings.as_config() | {"method": found_by}
        result = fit_of(density, fitted, settings, config, fixed)
        reporter.stage("forecasting every patient without what was learnt from it")
        before = forecasts_at_looks(plain, population.z, cases, looks, seed)
        after, again = left_out_looks(density, result.population_z(), cases, looks, seed, reporter)
    gains = gains_of(before, after, cases)
    origin = population.provenance
    facts = {
        "of": origin.title,
        "of_sha256": origin.posterior_sha256,
        "of_tables_sha256": tables_behind(source) if isinstance(source, Fit) else [],
        "patients": origin.patients,
        "method": found_by,
        "prior_misfit_sds": density.arrays.prior.misfit(start.z),  # type: ignore[union-attr]
        "fitted_again": again,
        "looks": list(looks),
        "gains": gains.to_dict("records"),
        "gain": gain_in_words(gains),
    }
    facts["sentence"] = _sentence(facts, cohort)
    known = {
        "update": facts,
        "seen": _both(population.seen, result.provenance["seen"]),
        "seen_until": _latest(population.seen_until, result.provenance["seen_until"]),
        "seen_sites": sorted({*result.provenance["seen_sites"], *(population.seen_sites or ())}),
        "synthetic_data": cohort.synthetic or origin.synthetic,
        "method": found_by,
    }
    updated = replace(result, provenance=result.provenance | known)
    updated.__dict__["density"] = density
    return updated


def _posterior(
    density: CohortDensity,
    z: np.ndarray,
    method: str,
    settings: FitSettings,
    reporter: Reporter,
) -> tuple[FittedDraws, str]:
    """Draws of the posterior, and the method that gave them."""
    if method in ("auto", "reweighted"):
        reporter.stage("weighing the draws of the earlier posterior by the new patients")
        seed = settings.hmc.seed
        if method == "reweighted" or not hopeless(density, z, seed):
            proposals, found = reweigh(density, z, seed)
            if method == "reweighted" or reliable(found):
                sample = sample_of(density, proposals, found, seed)
                reporter.stage("summarising")
                return summarised(density, sample, settings), REWEIGHTED
    return fit_density(density, settings, {}, reporter=reporter), settings.method


def _refuse_few(cohort: Cohort) -> None:
    counts = cohort.observations.query("quantity == 'alc' and day > 0").dropna(subset=["value"])
    known = counts["id"].nunique()
    if known < FEWEST:
        expected = f"at least {FEWEST} patients with a lymphocyte count after the first fraction"
        raise BadInput([Problem(cohort.source or "the cohort", None, None, f"{known}", expected)])


def _sentence(facts: Mapping[str, Any], cohort: Cohort) -> str:
    """Whose patients are behind the numbers, and whether the update paid."""
    behind = "" if facts["patients"] is None else f" ({facts['patients']} patients)"
    name = cohort.source or "the cohort"
    return (
        f"Numbers rest on {facts['of']}{behind} and on {len(cohort)} patients of {name}, for whose "
        f"centre the update is made. {facts['gain']}"
    )


def _latest(earlier: Mapping[str, float] | None, here: Mapping[str, float]) -> dict[str, float]:
    """Last day of each quantity and event among the earlier patients and those here."""
    before = earlier or {}
    return {n: max(before.get(n, -np.inf), here.get(n, -np.inf)) for n in {**before, **here}}


def _both(earlier: Mapping[str, Any] | None, here: Mapping[str, Any]) -> dict[str, list[float]]:
    """Ranges of what the earlier patients and those here have shown."""
    found = {}
    for name, (low, high) in here.items():
        other = (earlier or {}).get(name, (low, high))
        found[name] = [float(np.nanmin([low, other[0]])), float(np.nanmax([high, other[1]]))]
    return found
