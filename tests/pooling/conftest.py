"""The hospital of the tests of a validation, and factors that nobody exported."""

from __future__ import annotations

import numpy as np
import pytest

from lymphokin.model import Model, load_model
from lymphokin.pooling.hierarchy import Factors, Normal, Prior
from lymphokin.pooling.site import FORMAT, KIND, SiteFactor
from lymphokin.population.hierarchy import Hierarchy
from tests.validation.conftest import level_model, level_run

__all__ = ["level_model", "level_run"]

POPULATION_SD = 0.2
"""Of a latent's unit, in which the quantity is a logarithm."""


@pytest.fixture(scope="session")
def hcc() -> Model:
    return load_model("hedos_hcc")


def made_up(
    model: Model, site: str, score: np.ndarray, precision: np.ndarray, **facts
) -> SiteFactor:
    """A factor of a model with a score and a precision."""
    fields = {
        "kind": KIND,
        "format": FORMAT,
        "site": site,
        "patients": 30,
        "outcomes": {"endpoint": "grade2_week6", "known": "20 to 49", "with_event": "10 to 19"},
        "ranges": {
            "fractions": (5.0, 5.0),
            "prescribed_gy": (50.0, 50.0),
            "immune_dose_gy": (0.5, 2.0),
            "baseline_alc": (0.5, 4.0),
            "endpoint_day": (40.0, 60.0),
            "atra_mg": (0.0, 0.0),
        },
        "learnt": {},
        "quantities": Hierarchy(model).population_names,
        "score": tuple(map(float, score)),
        "precision": tuple(tuple(map(float, row)) for row in precision),
        "monte_carlo_error": 0.02,
        "model": model.name,
        "model_sha256": model.sha256,
        "lymphokin_version": "0.1.0",
        "created": "2026-01-01",
        "synthetic": True,
        "tables_sha256": (f"table of {site}",),
        "sha256": "",
    }
    return SiteFactor(**(fields | facts)).sealed()


def hierarchical(seed: int, sites: int, spreads: np.ndarray) -> tuple[Prior, Factors]:
    """Three quantities, two with offsets between sites, and factors of simulated sites."""
    rng = np.random.default_rng(seed)
    directions = np.eye(3)[:2] / POPULATION_SD
    prior = Prior(
        Normal(np.zeros(3), np.diag([1.5, 1.0, 0.5])),
        None,
        directions,
        np.log(spreads),
        np.zeros(2),
    )
    z = rng.multivariate_normal(prior.normal.mean, prior.normal.covariance)
    own = z + (spreads * rng.standard_normal((sites, 2))) @ directions
    mixing = rng.standard_normal((sites, 3, 5))
    precision = mixing @ np.swapaxes(mixing, 1, 2) * 5
    noise = np.einsum("sqr,sr->sq", np.linalg.cholesky(precision), rng.standard_normal((sites, 3)))
    return prior, Factors(np.einsum("sqr,sr->sq", precision, own) + noise, precision)
