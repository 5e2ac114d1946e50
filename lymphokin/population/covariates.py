"""A cohort's covariates as what a model's coefficients multiply, and what is not known of them.

Columns are read by name from any mapping: a table of patients, or lists of values of a few. What is
not known is NaN in a column of numbers and None in one of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from lymphokin.dose.immune import immune_dose_log_sd
from lymphokin.io.problems import Findings
from lymphokin.io.vocabulary import PER_LESION
from lymphokin.model import CategoryCovariate, Model, Parameter, PowerCovariate
from lymphokin.population.arrays import MissingCovariate
from lymphokin.sites import SiteTable

FEWEST_KNOWN = 5
"""Patients from whom the SD of a covariate is taken; from fewer it is known to no better than
35 %."""

type Columns = Any
"""A mapping from column names to one value per patient, such as a data frame."""


class CovariateArrays(NamedTuple):
    """Covariates of some patients; see :class:`lymphokin.population.arrays.CohortArrays`."""

    regressors: dict[str, np.ndarray]
    without: dict[str, np.ndarray]
    sd_ratio: dict[str, np.ndarray]
    missing: dict[str, MissingCovariate]
    warnings: tuple[str, ...]
    """sentences on what was assumed"""


def covariate(patients: Columns, column: str) -> np.ndarray:
    """[patient] a numeric covariate, NaN where it is missing.

    ``ptv_per_lesion_cm3`` is the total target volume over the lesions.
    """
    if column == PER_LESION.lower():
        stated = np.asarray(patients["n_lesions"], float)
        lesions = np.maximum(np.where(np.isnan(stated), 1.0, stated), 1.0)
        return np.asarray(patients["ptv_cm3"], float) / lesions
    return np.asarray(patients[column], float)


def _words(patients: Columns, column: str) -> list[str | None]:
    """[patient] a covariate in words, None where it is missing."""
    return [v if isinstance(v, str) else None for v in patients[column]]


def regressor(patients: Columns, of: PowerCovariate | CategoryCovariate) -> np.ndarray:
    """[patient] what the coefficient of a covariate multiplies, NaN where it is missing."""
    if isinstance(of, PowerCovariate):
        return np.log(covariate(patients, of.column) / of.reference)
    values = _words(patients, of.column)
    return np.array([np.nan if v is None else float(v == of.category) for v in values])


def check_covariates(
    model: Model,
    patients: Columns,
    ids: Iterable[Any],
    source: str = "",
    first_row: Mapping[Any, Any] | None = None,
) -> None:
    """Refuse covariates that a cohort cannot have, and categories that a model has no effect for.

    Args:
        model: the model.
        patients: columns of the patients.
        ids: [patient] what each is called in a message.
        source: what they were read from.
        first_row: line of each patient's first record, by id, where it is known.

    Raises:
        BadInput: with file, line, column, value and what was expected.
    """
    _check_categories(model, patients, list(ids), source, {} if first_row is None else first_row)


def _check_categories(
    model: Model, patients: Columns, ids: list[Any], source: str, first_row: Mapping[Any, Any]
) -> None:
    """Refuse patients with categories that the model has no effect for."""
    findings = Findings(source or "the cohort")
    for p in model.table:
        categories = [c for c in p.covariates if isinstance(c, CategoryCovariate)]
        for column in dict.fromkeys(c.column for c in categories):
            known = {c.reference for c in categories if c.column == column}
            known |= {c.category for c in categories if c.column == column}
            expected = (
                f"{', '.join(sorted(known))}: the categories of {p.name} in model {model.name}"
            )
            for patient, value in zip(ids, _words(patients, column), strict=True):
                if value is not None and value not in known:
                    row = int(first_row.get(patient, 0)) or None
                    findings.add(row, column.upper(), value, expected, f"patient {patient}")
    findings.raise_if_any()


def covariate_arrays(model: Model, patients: Columns, sites: SiteTable) -> CovariateArrays:
    """What the likelihood needs of the patients' covariates; ``sites`` is what SITE means."""
    without, sd_ratio = {}, {}
    for p in model.table:
        if p.only_without:
            blank = np.isnan(covariate(patients, p.only_without)).astype(float)
            without[p.only_without] = blank
            sd_ratio[p.only_without] = _sd_ratio(p, patients, blank, sites)
    regressors, missing, warnings = _regressors(model, patients)
    return CovariateArrays(regressors, without, sd_ratio, missing, tuple(warnings))


def _sd_ratio(p: Parameter, patients: Columns, missing: np.ndarray, sites: SiteTable) -> np.ndarray:
    """[patient] SD between subjects of ``p`` over the table's; see ``CohortArrays.sd_ratio``."""
    if p.only_without != "immune_dose_gy" or p.between_subject_sd == 0:
        return missing
    log_sd = immune_dose_log_sd(patients, sites)
    return np.where(np.isnan(log_sd), missing, log_sd / p.between_subject_sd)


def _blank_categories(model: Model, patients: Columns) -> list[str]:
    """Sentences on patients whose category is blank and taken to be the reference."""
    references = {
        c.column: c.reference
        for p in model.table
        for c in p.covariates
        if isinstance(c, CategoryCovariate)
    }
    blank = {column: _words(patients, column).count(None) for column in references}
    return [
        f"{column.upper()} is blank for {n} patient(s), who count as {references[column]}"
        for column, n in blank.items()
        if n
    ]


def _regressors(
    model: Model, patients: Columns
) -> tuple[dict[str, np.ndarray], dict[str, MissingCovariate], list[str]]:
    """What the coefficients of all covariates multiply.

    Returns:
        per regressor, [patient] its values; per column, who lacks a number; and sentences on what
        was assumed.
    """
    values = {c.regressor: regressor(patients, c) for p in model.table for c in p.covariates}
    missing, warnings = {}, _blank_categories(model, patients)
    for column, lacking in _lacking(model, patients).items():
        log_value = np.log(covariate(patients, column))
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


def _lacking(model: Model, patients: Columns) -> dict[str, np.ndarray]:
    """Per numeric column, places of the patients who lack it and in whom it would matter."""
    lacking: dict[str, np.ndarray] = {}
    for p in model.table:
        for c in p.covariates:
            if isinstance(c, PowerCovariate):
                absent = np.isnan(regressor(patients, c))
                if p.only_without:
                    absent &= np.isnan(covariate(patients, p.only_without))
                lacking[c.column] = lacking.get(c.column, False) | absent
    return {column: np.flatnonzero(who) for column, who in sorted(lacking.items()) if who.any()}
