"""A model whose statistics can be done by hand: the count stays at each patient's level."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import tomli_w

from lymphokin.infer.density import CohortDensity
from lymphokin.io import Cohort
from lymphokin.model import Model, load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack

MODEL = '''
"""Counts that stay at the patient's level."""

from lymphokin.model import Block, Flow, Output, state


class Level(Block):
    count = state("1e9/L", lambda p: p.level * p.share)
    shows = {"alc": Output("1e9/L", "count")}

    def flows(self, y, p, u):
        return {"count": Flow(p.level * p.share, 1.0)}

    def outputs(self, y, p, u):
        return {"alc": y.count}


blocks = (Level(),)
'''
PARAMETER = {
    "symbol": "L",
    "meaning": "level",
    "unit": "1e9/L",
    "transform": "identity",
    "source": "a test",
    "certainty": "fixed",
}
LEVEL = PARAMETER | {"median": 2.0, "population_sd": 0.4, "between_subject_sd": 0.3}
SHARE = PARAMETER | {"unit": "1", "median": 1.0}
RESIDUAL = {"distribution": "normal", "error": "additive", "sd": 0.25, "certainty": "fixed"}


@pytest.fixture
def level_model(tmp_path: Path) -> Callable[..., Model]:
    """Make the model with a level, a share (another factor, 1 by default) and a residual."""

    def made(
        level: Mapping[str, Any] | None = None,
        share: Mapping[str, Any] | None = None,
        residual: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Model:
        table = {
            "parameters": {"level": LEVEL | dict(level or {}), "share": SHARE | dict(share or {})},
            "residuals": {"alc": RESIDUAL | dict(residual or {})},
        }
        (tmp_path / "level.py").write_text(MODEL)
        (tmp_path / "level.toml").write_text(tomli_w.dumps(table | more))
        return load_model(str(tmp_path / "level.py"))

    return made


def cohort_of(values: Sequence[Sequence[float]], lloq: float = np.nan, **covariates: Any) -> Cohort:
    """Untreated patients, one count on each day from 1; a value below ``lloq`` is censored."""
    ids = [f"P{i + 1}" for i in range(len(values))]
    rows = [
        (patient, float(day), "alc", value, lloq, bool(value < lloq))
        for patient, own in zip(ids, values, strict=True)
        for day, value in enumerate(own, 1)
    ]
    names = ["id", "day", "quantity", "value", "lloq", "censored"]
    observations = pd.DataFrame(rows, columns=names).assign(lln=np.nan, row=0)
    observations["value"] = observations["value"].where(~observations["censored"], lloq)
    return Cohort(
        pd.DataFrame(covariates, index=pd.Index(ids, name="id")),
        pd.DataFrame(columns=["id", "day", "prescribed_gy", "lesion"]),
        pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        observations,
        source="counts.csv",
    )


class GaussianPosterior(NamedTuple):
    """A posterior whose log density is quadratic: its mean, precision and marginal likelihood."""

    mean: np.ndarray
    precision: np.ndarray
    log_marginal: float
    """ln density of the counts themselves"""

    @classmethod
    def of(cls, density: CohortDensity) -> Self:
        x = density.centre

        def at(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = density.density_and_gradient(jnp.asarray(x), density.arrays)
            return float(value), np.asarray(gradient)

        # Differences of a linear gradient are exact, and one Newton step leads to the mean.
        _, gradient = at(x)
        hessian = -np.stack([at(x + unit)[1] - gradient for unit in np.eye(len(x))])
        mean = x + np.linalg.solve(hessian, gradient)
        # The latents' -0.5 ln 2 pi each, which the density leaves out, cancels in the integral.
        whole = at(mean)[0] - 0.5 * np.linalg.slogdet(hessian)[1]
        records = density.arrays.measured["alc"].quantified
        jacobian = float(np.sum(records.weight * records.log_value))  # densities are of ln value
        return cls(np.asarray(mean), hessian, whole - jacobian)


def posterior_of(model: Model, cohort: Cohort) -> CohortDensity:
    """The cohort's posterior, solved to day 10."""
    days = {patient: [0.0, 10.0] for patient in cohort.patients.index}
    return CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort, days))
