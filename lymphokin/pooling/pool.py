"""Many sites together: the population of a site that is not among them, as a run like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lymphokin.files import AnyPath
from lymphokin.io import BadInput
from lymphokin.io.problems import Problem
from lymphokin.model import Model, load_model, shipped_models
from lymphokin.pooling.agreement import agreement, copies
from lymphokin.pooling.doses import with_doses
from lymphokin.pooling.hierarchy import Factors, Normal, pooled
from lymphokin.pooling.reading import read_sites, refuse_unfit
from lymphokin.pooling.run import run_of
from lymphokin.pooling.site import SiteFactor
from lymphokin.pooling.start import start_of
from lymphokin.progress import Reporter, shown
from lymphokin.run import Fit


def pool(
    sites: Sequence[AnyPath],
    model: Model | AnyPath | None = None,
    *,
    seed: int = 0,
    progress: bool | Reporter | None = None,
) -> Fit:
    """What the patients of many sites say together, of which only factors are shared.

    Sites are of one population, but the level of their baselines, the effect of a dose and the
    scatter of their counts differ; how much they do is estimated with everything else. The prior is
    that of the published cohorts where the model is calibrated to them, else of its parameter
    table.

    Args:
        sites: files that :func:`lymphokin.export_site` wrote, of at least two sites.
        model: the model, or its file, where it is not a shipped one.
        seed: of all random numbers.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Returns:
        the population of a site that is not among them, as a fit without patients:
        ``.provenance["pool"]`` says what each site has shown, how much it pulls, and whether it
        agrees with the others.

    Raises:
        BadInput: with everything that is wrong with the files: damaged or changed, of another
            model, of one site only, or of the same patients twice.
        ValueError: when the model is not a shipped one and was not named.

    Example:
        >>> together = lk.pool(["lyon.json", "turin.json"], model)
        >>> together.provenance["pool"]["sentence"]
        '2 sites with 80 patients, pooled ...'
        >>> forecasts = together.save("runs/pooled")
    """
    found = read_sites(sites)
    chosen = _model_of(found, model)
    refuse_unfit(found, chosen)
    factors = Factors(
        np.array([factor.score for factor in found.values()]),
        np.array([factor.precision for factor in found.values()]),
    )
    with shown(progress) as reporter:
        reporter.stage("multiplying what the sites say")
        start = start_of(chosen, seed)
        together = pooled(factors, start.prior, seed)
        _refuse_copies(found, copies(factors, Normal.of(together.z)))
        reporter.stage("forecasting every site from the others")
        names = next(iter(found.values())).quantities
        verdicts = agreement(factors, start.prior, together, start.offsets, names, seed)
        verdicts = with_doses(verdicts, [factor.ranges for factor in found.values()])
        reporter.stage("summarising")
        return run_of(list(found.values()), start, factors, together, verdicts, seed)


def _model_of(sites: dict[str, SiteFactor], model: Model | AnyPath | None) -> Model:
    """The model of the sites' factors."""
    if isinstance(model, Model):
        return model
    if model is not None:
        return load_model(model)
    names = {factor.model for factor in sites.values()}
    if len(names) > 1:
        expected = f"factors of one model, not of {', '.join(sorted(names))}"
        raise BadInput(
            [Problem(f, None, "model", factor.model, expected) for f, factor in sites.items()]
        )
    name = next(iter(names), "")
    if name not in shipped_models():
        raise ValueError(
            f"the factors are of model {name!r}, which is not one of lymphokin's own: name its file"
        )
    return load_model(name)


def _refuse_copies(sites: dict[str, SiteFactor], pairs: list[tuple[int, int]]) -> None:
    named: list[Any] = list(sites.items())
    problems = []
    for one, other in pairs:
        file, factor = named[other]
        expected = (
            f"other patients than those of {named[one][1].site}: the two factors are more alike "
            "than those of different patients can be"
        )
        problems.append(Problem(file, None, "site", factor.site, expected))
    if problems:
        raise BadInput(problems)
