"""What sites say together becomes a run without patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from lymphokin.infer.belief import POOLED, Belief
from lymphokin.infer.diagnostics import population_summary, without_chains
from lymphokin.infer.latent_draws import LATENTS, kept_prior, population_latents
from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.io import Cohort
from lymphokin.pages.wording import joined
from lymphokin.pages.wording import patients as number_of_patients
from lymphokin.pooling.agreement import SiteAgreement
from lymphokin.pooling.hierarchy import Factors, Pooled, pooled
from lymphokin.pooling.site import SiteFactor
from lymphokin.pooling.start import Start
from lymphokin.population import JointPrior
from lymphokin.run import Fit
from lymphokin.run.folder import MODEL_FOLDER
from lymphokin.run.provenance import attributes_of, origin_of
from lymphokin.verdict import FINE, WRONG

FEWEST_SPREADS = 100
"""Points of the spreads' prior that the weighted ones must be worth: the error of their mean is
then a tenth of an SD."""
SHARES = (0.05, 0.5, 0.95)


def run_of(
    sites: Sequence[SiteFactor],
    start: Start,
    factors: Factors,
    together: Pooled,
    verdicts: Sequence[SiteAgreement],
    seed: int,
) -> Fit:
    """The run of pooled sites.

    Args:
        sites: their factors.
        start: the prior.
        factors: the same as arrays.
        together: draws of the posterior.
        verdicts: of each site.
        seed: of all random numbers.
    """
    population, model = start.population, start.population.model
    hierarchy, names = population.hierarchy, population.hierarchy.population_names
    before = pooled(factors.of_nobody(), start.prior, seed)
    prior = JointPrior.of(before.new_site)
    values = replace(population, z=together.new_site).natural()
    values = {name: value[None] for name, value in values.items()}
    of_prior = replace(population, z=before.new_site).natural()
    scores = np.asarray(prior.scores(together.new_site))[None]
    summary = population_summary(hierarchy, scores, values, of_prior, markov=False)
    belief = _belief(together, sites, verdicts)
    cohort = Cohort.of_nobody(synthetic=any(site.synthetic for site in sites))
    provenance = origin_of(model, cohort, seed, POOLED) | {
        "convergence": without_chains(belief, len(together.z)).as_dict(),
        "prior_conflict": "",
        "solver_relative_error": {},
        "seen": _seen(sites, population.seen),
        "pool": _facts(sites, start, before, together, verdicts),
    }
    units = {q.name: q.unit for q in hierarchy.quantities}
    draws = xr.DataTree.from_dict(
        {
            "/posterior": _named(values, units),
            "/prior": _named({name: value[None] for name, value in of_prior.items()}, units),
            f"/{LATENTS}": population_latents(names, together.new_site[None]),
            "/sites": _of_sites(sites, start, together),
            **kept_prior(prior, names),
        }
    )
    for group in draws.subtree:
        group.attrs |= attributes_of(provenance)
    config = {
        "model": f"{MODEL_FOLDER}/{model.name}.py" if model.files else model.name,
        "fixed": {},
        "table": "",
        "seed": seed,
        "method": POOLED,
    }
    return Fit(summary, config, provenance, model, cohort, _draws=draws)


def _named(values: Mapping[str, np.ndarray], units: Mapping[str, str]) -> xr.Dataset:
    """Quantities [chain, draw] by name."""
    dimensions = ("chain", "draw")
    return xr.Dataset({n: (dimensions, v, {"units": units[n]}) for n, v in values.items()})


def _of_sites(sites: Sequence[SiteFactor], start: Start, together: Pooled) -> xr.Dataset:
    """What belongs to the hierarchy: the population of all sites, their offsets, the spreads."""
    chained = {
        "population": (("chain", "draw", "quantity"), together.z[None]),
        "offset_of_site": (("chain", "draw", "site", "offset"), together.offsets[None]),
        "spread": (("chain", "draw", "offset"), together.spreads[None]),
    }
    coordinates = {
        "quantity": list(start.population.hierarchy.population_names),
        "site": [site.site for site in sites],
        "offset": list(start.offsets),
    }
    return xr.Dataset(chained, coordinates)


def _belief(
    together: Pooled, sites: Sequence[SiteFactor], verdicts: Sequence[SiteAgreement]
) -> Belief:
    """How far the pool can be believed."""
    apart = [s.site for s, v in zip(sites, verdicts, strict=True) if v.level == WRONG]
    noisy = together.pareto_k > UNRELIABLE_PARETO_K or together.effective_spreads < FEWEST_SPREADS
    level = "good"
    words = (
        f"The pool rests on {together.effective_spreads:.0f} effective values of the spreads "
        f"between sites; Pareto k of the prior's weights {together.pareto_k:.2f}."
    )
    if noisy:
        level, words = "caution", f"{words} The draws are few: for a look."
    if apart:
        level = "bad"
        words = (
            f"Do not use this pool before it is known why {joined(apart)} disagree"
            f"{'s' if len(apart) == 1 else ''} with the other sites. {words}"
        )
    draws = together.effective_spreads
    return Belief(POOLED, level, words, together.pareto_k, effective_draws=draws)


def _seen(
    sites: Sequence[SiteFactor], earlier: Mapping[str, tuple[float, float]] | None
) -> dict[str, list[float]]:
    """Ranges of what the patients behind the prior and those of the sites have shown."""
    every = [*([dict(earlier)] if earlier else []), *(site.ranges for site in sites)]
    names = dict.fromkeys(name for ranges in every for name in ranges)
    ends = {name: [ranges[name] for ranges in every if name in ranges] for name in names}
    return {n: [min(e[0] for e in own), max(e[1] for e in own)] for n, own in ends.items()}


def _facts(
    sites: Sequence[SiteFactor],
    start: Start,
    before: Pooled,
    together: Pooled,
    verdicts: Sequence[SiteAgreement],
) -> dict[str, Any]:
    """What ``provenance.json`` says of the pool."""
    patients = sum(site.patients for site in sites)
    origin = start.population.provenance
    title = f"{len(sites)} sites with {number_of_patients(patients)}, pooled with {origin.title}"
    rows = []
    for place, (site, verdict) in enumerate(zip(sites, verdicts, strict=True)):
        factor = np.exp(np.quantile(together.offsets[:, place], SHARES, axis=0))
        row = {
            "site": site.site,
            "patients": site.patients,
            "outcomes": site.outcomes,
            "factor_sha256": site.sha256,
            "lymphokin_version": site.lymphokin_version,
            "beside_all": _quantiles(start.offsets, factor),
        }
        rows.append(row | verdict.as_dict())
    spreads = {
        name: _quantiles(start.offsets, np.quantile(draws.spreads, SHARES, axis=0))
        for name, draws in (("prior", before), ("posterior", together))
    }
    odd = [f"{row['site']} ({row['sentence']})" for row in rows if row["level"] != FINE]
    found = f"look at {'; '.join(odd)}" if odd else "every site is as the others predict"
    return {
        "title": title,
        "sentence": f"{title}: {found}.",
        "of": origin.title,
        "of_sha256": origin.posterior_sha256,
        "of_tables_sha256": [table for site in sites for table in site.tables_sha256],
        "patients": patients,
        "offsets": list(start.offsets),
        "spreads": spreads,
        "sites": rows,
    }


def _quantiles(names: Sequence[str], values: np.ndarray) -> dict[str, dict[str, float]]:
    """By name ``q05``, ``q50`` and ``q95``, of values [share, name]."""
    keys = [f"q{round(100 * share):02d}" for share in SHARES]
    return {
        n: dict(zip(keys, map(float, own), strict=True))
        for n, own in zip(names, values.T, strict=True)
    }
