"""Regressions as rivals: load one from its file, predict from its priors, or fit it first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import scipy.optimize
from jax.scipy.special import expit

from lymphokin.endpoint import measured_threshold
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import ModelError, ParameterTable, TableError, model_file
from lymphokin.model.table import read_table
from lymphokin.population import probability_below
from lymphokin.shipped import models_path

DRAWS = 2000
FOLDER = "regressions"


class Regression:
    """Base of a regression file: write ``log_count`` or ``log_odds``.

    Class attributes:
        needs: inputs, by name: ``mean_baseline_alc`` (geometric mean of all counts up to the first
            fraction, 1e9/L) and ``edic_gy`` (IMMUNE_DOSE_GY where IMMUNE_DOSE_SOURCE is edic).
        days_after_last_fraction: the visit that it speaks of.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    days_after_last_fraction: ClassVar[float]

    def log_count(self, p: Any, x: Any) -> Any:
        """ln of the typical count, [patient]; its spread is the table's residual of alc."""
        raise NotImplementedError

    def log_odds(self, p: Any, x: Any) -> Any:
        """Log-odds of a count reported as grade >= 2, [patient]."""
        raise NotImplementedError


@dataclass(frozen=True)
class RegressionModel:
    """A regression with its parameter table."""

    name: str
    regression: Regression
    table: ParameterTable
    about: str

    def inputs(self, cohort: Cohort) -> pd.DataFrame:
        """What the regression needs of each patient, NaN where it is not known."""
        patients = cohort.patients
        is_edic = patients["immune_dose_source"] == "edic"
        inputs = {
            "mean_baseline_alc": cohort.mean_baseline("alc"),
            "edic_gy": patients["immune_dose_gy"].astype(float).where(is_edic),
        }
        return pd.DataFrame({name: inputs[name] for name in self.regression.needs}, patients.index)

    def _parameters(self, z: Any) -> SimpleNamespace:
        values = SimpleNamespace()
        for i, parameter in enumerate(self.table):
            setattr(values, parameter.name, parameter.to_natural(parameter.typical(z[i])))
        return values

    def risk(self, z: Any, inputs: pd.DataFrame) -> Any:
        """[patient] probability of a count reported as grade >= 2 at the latents ``z``."""
        x = SimpleNamespace()
        for name in self.regression.needs:
            setattr(x, name, jnp.asarray(inputs[name].to_numpy(float)))
        p = self._parameters(z)
        if type(self.regression).log_odds is not Regression.log_odds:
            return expit(self.regression.log_odds(p, x))
        residual = self.table.residuals["alc"]
        log_count = self.regression.log_count(p, x)
        sd = jnp.asarray([sd for sd, _ in residual.sds.values()])
        return probability_below(residual, np.log(measured_threshold(2)), log_count, sd)

    def _z(self, draws: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.standard_normal((draws, len(self.table.parameters)))

    def predict(self, cohort: Cohort, seed: int = 0) -> pd.DataFrame:
        """Forecast from the table's priors; see :meth:`FittedRegression.predict`."""
        return FittedRegression(self, self._z(DRAWS, seed), 0).predict(cohort)

    def fit(self, cohort: Cohort, seed: int = 0) -> FittedRegression:
        """Fit to the patients whose endpoint is known: the posterior's normal approximation.

        Raises:
            ValueError: for a regression that speaks of another visit than the endpoint.
        """
        return self.fit_without(cohort, [()], seed)[0]

    def fit_without(
        self, cohort: Cohort, left_out: Sequence[Collection[str]], seed: int = 0
    ) -> list[FittedRegression]:
        """One fit for each group of patients that is left out, as :meth:`fit`; compiled once.

        Args:
            left_out: ids of the patients that each fit does not see.
        """
        if self.regression.days_after_last_fraction != 42.0:
            raise ValueError(
                f"{self.name} does not speak of the endpoint 6 weeks after radiotherapy"
            )
        inputs = self.inputs(cohort)
        happened = endpoint_visits(cohort)["observed_grade2"]
        complete = happened.notna() & inputs.notna().all(axis=1)
        event = jnp.asarray(happened[complete].astype(float).to_numpy())
        seen_inputs = inputs[complete]

        def loss(z: Any, seen: Any) -> Any:
            risk = jnp.clip(self.risk(z, seen_inputs), 1e-9, 1 - 1e-9)
            likelihood = event * jnp.log(risk) + (1 - event) * jnp.log1p(-risk)
            return 0.5 * jnp.sum(z**2) - jnp.sum(seen * likelihood)

        compiled, curvature = jax.jit(jax.value_and_grad(loss)), jax.jit(jax.hessian(loss))

        def fitted(seen: np.ndarray) -> FittedRegression:
            def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
                value, gradient = compiled(z, seen)
                return float(value), np.asarray(gradient)

            start = np.zeros(len(self.table.parameters))
            mode = scipy.optimize.minimize(objective, start, jac=True, method="BFGS")
            covariance = np.linalg.inv(np.asarray(curvature(mode.x, seen)))
            z = mode.x + self._z(DRAWS, seed) @ np.linalg.cholesky(covariance).T
            return FittedRegression(self, z, int(seen.sum()))

        return [fitted((~seen_inputs.index.isin(list(ids))).astype(float)) for ids in left_out]


@dataclass(frozen=True)
class FittedRegression:
    """Draws of a regression's parameters; ``outcomes`` is from how many patients (0: priors)."""

    model: RegressionModel
    z: np.ndarray
    """[draw, parameter] latents"""
    outcomes: int

    def predict(self, cohort: Cohort) -> pd.DataFrame:
        """Risk of every patient whose inputs are known.

        Returns:
            index id; ``p_grade2_measured``, and ``p_grade2_q05``, ``p_grade2_q95`` (90 %
            equal-tailed interval over the parameters); NaN where an input is missing.
        """
        inputs = self.model.inputs(cohort)
        risk = np.asarray(jax.vmap(lambda z: self.model.risk(z, inputs))(jnp.asarray(self.z)))
        low, high = np.quantile(risk, (0.05, 0.95), axis=0)
        table = pd.DataFrame(
            {"p_grade2_measured": risk.mean(axis=0), "p_grade2_q05": low, "p_grade2_q95": high},
            index=inputs.index,
        )
        return table.where(inputs.notna().all(axis=1))

    def natural(self) -> dict[str, np.ndarray]:
        """Parameters in the table's units, [draw] each."""
        drawn = jax.vmap(lambda z: vars(self.model._parameters(z)))(jnp.asarray(self.z))
        return {name: np.asarray(value) for name, value in drawn.items()}


def shipped_regressions() -> tuple[str, ...]:
    """Names of the regressions that come with lymphokin."""
    return tuple(sorted(path.stem for path in (models_path() / FOLDER).glob("*.py")))


def load_regression(name: str | Path) -> RegressionModel:
    """Load a regression by the name of a shipped one or the path of its file.

    Raises:
        ModelError: when the file is missing, does not run, or lacks its parts.
    """
    path = Path(name)
    if path.suffix != ".py":
        path = models_path() / FOLDER / f"{name}.py"
    if not path.is_file():
        shipped = ", ".join(shipped_regressions())
        raise ModelError(f"no regression {str(name)!r}: give a path or one of {shipped}")
    module = model_file(path)
    regression = getattr(module, "regression", None)
    if not isinstance(regression, Regression):
        raise ModelError(f"{path.name} must define `regression`, an instance of a Regression")
    try:
        table = read_table(path.with_suffix(".toml"))
    except TableError as error:
        raise ModelError(str(error)) from error
    return RegressionModel(path.stem, regression, table, (module.__doc__ or "").strip())
