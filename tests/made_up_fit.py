"""A fit that nobody fitted: draws around the prior's centre, complete and quick to make."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lymphokin.infer import Draws
from lymphokin.infer.assemble import draws_tree, verdicts_of
from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import load_model
from lymphokin.predict import seen_ranges
from lymphokin.run import Fit


def made_up_fit(
    name: str,
    cohort: Cohort,
    spread: float = 0.3,
    chains: int = 2,
    draws: int = 60,
    errors: Mapping[str, float] | None = None,
) -> Fit:
    """A fit of a shipped model to a cohort.

    Args:
        name: of the model.
        cohort: the patients.
        spread: SD of every latent; 0 for chains that never moved.
        chains: number of chains.
        draws: draws of each.
        errors: relative errors of the solver by quantity; none where they are not given.
    """
    model = load_model(name)
    density = density_of(model, cohort)
    centre = density.centre
    noise = np.random.default_rng(0).standard_normal((chains, draws, len(centre)))
    nothing = np.zeros((chains, draws))
    moved = nothing.astype(bool)
    x, energy = centre + spread * noise, 0.5 * (noise**2).sum(axis=-1)
    sample = Draws(x, moved, nothing, nothing, nothing, -energy, energy).sample()
    summary, values, prior, verdicts = verdicts_of(density, sample, errors or {}, seed=0)
    provenance = {
        "created": "2026-01-01T00:00:00+00:00",
        "model": name,
        "model_sha256": model.sha256,
        "data_sha256": cohort.sha256,
        "data_file": cohort.source,
        "sites_file": cohort.sites.file,
        "sites_sha256": cohort.sites.sha256,
        "synthetic_data": True,
        "data_warnings": [],
        "seen": seen_ranges(cohort, endpoint_visits(cohort)),
        "seen_sites": cohort.site_names,
    }
    return Fit(
        summary,
        {"model": name, "fixed": {}, "seed": 0},
        provenance | verdicts,
        model,
        cohort,
        _draws=draws_tree(density, sample, values, prior, seed=0),
    )
