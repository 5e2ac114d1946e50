"""A reference posterior: model, data and what others' long runs found, and our fit of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

from lymphokin.infer import Checkpoint, CohortDensity, HmcSettings, fit_gaussian
from lymphokin.infer.assemble import draws_tree, verdicts_of
from lymphokin.infer.diagnostics import prepare_summary
from lymphokin.infer.fitting import FittedDraws
from lymphokin.infer.hmc import sample_hmc
from lymphokin.infer.sampler import compile_sampler
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.run import Fit
from lymphokin.solve import StepRule

FOLDER = Path(__file__).parent
SETTINGS = HmcSettings(chains=4, draws=1000, warmup=50)


def fit_lynx_hare(folder: Path, settings: HmcSettings = SETTINGS) -> FittedDraws:
    """Fit hares and lynxes; ``folder`` keeps the unfinished run."""
    model = load_model(FOLDER / "lotka_volterra.py")
    cohort = read_events(FOLDER / "hudson_lynx_hare.csv", model=model)
    # No fraction after 1900, so that steps would grow: here they stay short.
    coarse, density = (
        CohortDensity(
            CohortLikelihood(Hierarchy(model)), pack(model, cohort, rule=StepRule(refine=n))
        )
        for n in (1, 4)
    )
    sampler = compile_sampler(density, coarse, settings)
    density.prepare_information()
    density.prepare_natural()
    prepare_summary()
    start = fit_gaussian(density, sampler.gradients(density, coarse), settings.seed)
    draws = sample_hmc(density, coarse, sampler, start, settings, Checkpoint(folder, {}))
    summary, values, prior, verdicts = verdicts_of(density, draws.sample(), {}, settings.seed)
    tree = draws_tree(density, draws.sample(), values, prior, settings.seed)
    return FittedDraws(tree, summary, verdicts)


def reference() -> dict[str, dict[str, float]]:
    """Mean and SD of each quantity in the reference draws."""
    return tomllib.loads((FOLDER / "hudson_lynx_hare.reference.toml").read_text())


def distances(fit: FittedDraws | Fit) -> dict[str, tuple[float, float]]:
    """Per quantity, distance of the means in reference SDs, and ratio of the SDs."""
    found = {}
    for name, known in reference().items():
        draws = fit.draws["posterior"][name].to_numpy()
        found[name] = ((np.mean(draws) - known["mean"]) / known["sd"], np.std(draws) / known["sd"])
    return found
