"""A cohort's covariates as what a model's coefficients multiply, and what is not known of them."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from lymphokin.io import Cohort
from lymphokin.io.problems import Findings
from lymphokin.io.vocabulary import NUMERIC_COVARIATES, TEXT_COVARIATES
from lymphokin.model import CategoryCovariate, Model, PowerCovariate, TableError

PER_LESION = "ptv_per_lesion_cm3"
"""The total target volume over the lesions: a covariate that is computed."""
CATEGORY_COVARIATES = tuple(name for name in TEXT_COVARIATES if name != "START_DATE")
FEWEST_KNOWN = 5
"""Patients from whom the spread of a covariate is taken; fewer tell it to no better than 35 %."""


class MissingCovariate(NamedTuple):
    """Patients who lack a number, which is a latent of theirs: log-normal as in the others."""

    patient: jax.Array | np.ndarray
    """[missing] position among all patients"""
    log_sd: jax.Array | np.ndarray
    """SD of its logarithm among the patients who have it"""


def covariate(patients: pd.DataFrame, column: str) -> pd.Series:
    """A numeric covariate; ``ptv_per_lesion_cm3`` is the total target volume over the lesions."""
    if column == PER_LESION:
        lesions = patients["n_lesions"].fillna(1).clip(lower=1)
        return patients["ptv_cm3"].astype(float) / lesions.astype(float)
    return patients[column].astype(float)


def regressor(patients: pd.DataFrame, of: PowerCovariate | CategoryCovariate) -> np.ndarray:
    """[patient] what the coefficient of a covariate multiplies, NaN where it is missing."""
    if isinstance(of, PowerCovariate):
        return np.log(covariate(patients, of.column).to_numpy(float) / of.reference)
    values = patients[of.column]
    return (values == of.category).astype(float).where(values.notna()).to_numpy(float)


def check_covariates(model: Model, cohort: Cohort) -> None:
    """Refuse covariates that a cohort cannot have, and categories that a model has no effect for.

    Raises:
        TableError: naming the covariates and the columns there are.
        BadInput: with file, line, column, value and what was expected.
    """
    _check_columns(model)
    _check_categories(model, cohort)


def _check_columns(model: Model) -> None:
    """Refuse covariates of columns that a cohort does not have."""
    numbers = (*NUMERIC_COVARIATES, PER_LESION.upper())
    problems = []
    for p in model.table:
        for c in p.covariates:
            is_power, name = isinstance(c, PowerCovariate), c.column.upper()
            form, columns = ("power", numbers) if is_power else ("category", CATEGORY_COVARIATES)
            if name not in columns:
                problems.append(
                    f"parameters.{p.name}.covariates.{name}: expected, for form {form}, one of the "
                    f"columns {', '.join(columns)}"
                )
    if problems:
        raise TableError(f"model {model.name}: " + "; ".join(dict.fromkeys(problems)))


def _check_categories(model: Model, cohort: Cohort) -> None:
    """Refuse a cohort with categories that the model has no effect for."""
    found = Findings(cohort.source or "the cohort")
    line = cohort.observations.groupby("id")["row"].min()
    for p in model.table:
        own = [c for c in p.covariates if isinstance(c, CategoryCovariate)]
        for column in dict.fromkeys(c.column for c in own):
            known = {c.reference for c in own if c.column == column}
            known |= {c.category for c in own if c.column == column}
            values = cohort.patients[column].dropna()
            expected = (
                f"{', '.join(sorted(known))}: the categories of {p.name} in model {model.name}"
            )
            for patient, value in values[~values.isin(list(known))].items():
                row = int(line.get(patient, 0)) or None
                found.add(row, column.upper(), str(value), expected, f"patient {patient}")
    found.raise_if_any()


def _blank_categories(model: Model, cohort: Cohort) -> list[str]:
    """Sentences on patients whose category is blank and taken to be the reference."""
    references = {
        c.column: c.reference
        for p in model.table
        for c in p.covariates
        if isinstance(c, CategoryCovariate)
    }
    blank = {column: int(cohort.patients[column].isna().sum()) for column in references}
    return [
        f"{column.upper()} is blank for {n} patient(s), who count as {references[column]}"
        for column, n in blank.items()
        if n
    ]


def regressors_of(
    model: Model, cohort: Cohort
) -> tuple[dict[str, np.ndarray], dict[str, MissingCovariate], list[str]]:
    """What the coefficients of all covariates multiply.

    Returns:
        per regressor, [patient] its values; per column, who lacks a number; and sentences on what
        was assumed.
    """
    values = {c.regressor: regressor(cohort.patients, c) for p in model.table for c in p.covariates}
    missing, warnings = {}, _blank_categories(model, cohort)
    for column, lacking in _lacking(model, cohort).items():
        log_value = np.log(covariate(cohort.patients, column).to_numpy(float))
        known = log_value[np.isfinite(log_value)]
        name, n = column.upper(), len(lacking)
        if len(known) < FEWEST_KNOWN:
            warnings.append(
                f"{name} is missing for {n} patient(s) and known for only {len(known)}: those "
                "without it count as the reference patient"
            )
            continue
        missing[column] = MissingCovariate(lacking, np.asarray(known.std(ddof=1)))
        warnings.append(
            f"{name} is missing for {n} patient(s) and estimated with their parameters, a priori "
            f"log-normal as in the {len(known)} others (median {np.exp(known.mean()):.3g})"
        )
        for c in _powers(model, column):
            values[c.regressor][lacking] = known.mean() - np.log(c.reference)
    return {name: np.nan_to_num(v) for name, v in values.items()}, missing, warnings


def _powers(model: Model, column: str) -> list[PowerCovariate]:
    """The power covariates of a column."""
    every = [c for p in model.table for c in p.covariates if isinstance(c, PowerCovariate)]
    return [c for c in every if c.column == column]


def _lacking(model: Model, cohort: Cohort) -> dict[str, np.ndarray]:
    """Per numeric column, places of the patients who lack it and in whom it would matter."""
    found: dict[str, np.ndarray] = {}
    for p in model.table:
        matters = np.ones(len(cohort), bool)
        if p.only_without:
            matters = covariate(cohort.patients, p.only_without).isna().to_numpy()
        for c in p.covariates:
            if isinstance(c, PowerCovariate):
                own = np.isnan(regressor(cohort.patients, c)) & matters
                found[c.column] = found.get(c.column, np.zeros(len(cohort), bool)) | own
    return {column: np.flatnonzero(own) for column, own in sorted(found.items()) if own.any()}
