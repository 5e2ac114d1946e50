"""Fitted courses of every patient over time, and of the measured drug levels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.infer.density import CohortDensity
from lymphokin.population import LOWEST
from lymphokin.quantities import Observable

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
FIRST_DAY = -14.0


def chosen_draws(x: np.ndarray, count: int, seed: int) -> np.ndarray:
    """``count`` of the flat posterior draws ``x`` [draw, latent], without replacement."""
    rng = np.random.default_rng(seed)
    return x[np.sort(rng.choice(len(x), min(count, len(x)), replace=False))]


def fitted_courses(density: CohortDensity, x: np.ndarray) -> tuple[xr.Dataset, pd.DataFrame | None]:
    """Equal-tailed quantiles of every patient's fitted course, and of the fitted drug levels.

    Args:
        x: [draw, latent] flat posterior draws of this cohort.

    Returns:
        courses with dims patient, day: of what blocks on the days clock show, ``alc_q05`` ...
        ``alc_q95`` (true count, 1e9/L), and so of every lesion, as ``diameter_1_q05``, where
        lesions differ; NaN after a patient's last record or visit; and one row per sample of what
        blocks on the hours clock show, such as the level of a drug: quantity, id, day, observed,
        censored, lower and upper (limits where censored), q05 ... q95 (true value, in the
        quantity's unit), or None when there is none.
    """
    packed = density.packed
    node_day = np.asarray(packed.arrays.timeline.days.node_day)
    records = packed.cohort.observations
    last = float(np.ceil(records["day"].max())) if len(records) else 56.0
    days = np.arange(FIRST_DAY, last + 1.0)
    courses: dict[str, list[np.ndarray]] = {}
    levels: dict[str, list[np.ndarray]] = {}
    model = density.likelihood.model
    by_hours = {n for block in model.on_clock("hours") for n in block.shows} & set(model.observed)
    sampled = {n: own for n, own in packed.records.items() if n in by_hours and any(map(len, own))}
    for part in density.evaluate(x, packed.arrays):
        for name, value in part.outputs.items():
            courses.setdefault(name, []).append(
                _on_days(np.log(np.maximum(value, LOWEST)), node_day, days)
            )
        for name, own in sampled.items():
            both = zip(part.predictions[name], own, strict=True)
            levels.setdefault(name, []).append(
                np.concatenate([values[:, : len(rows)] for values, rows in both], axis=1)
            )
    variables = {}
    for name, values in courses.items():
        quantiles = np.exp(np.quantile(np.concatenate(values), QUANTILES, axis=0))
        for q, value in zip(QUANTILES, quantiles, strict=True):
            variables[f"{name}_q{round(100 * q):02d}"] = (("patient", "day"), value)
    patients = packed.cohort.patients.index.to_numpy(str)
    dataset = xr.Dataset(variables, {"patient": patients, "day": days})
    tables = [_samples(name, pd.concat(sampled[name]), np.concatenate(values))
              for name, values in levels.items()]  # fmt: skip
    return dataset, pd.concat(tables, ignore_index=True) if tables else None


def _samples(quantity: str, records: pd.DataFrame, log_value: np.ndarray) -> pd.DataFrame:
    """Samples beside quantiles of their fitted true values, from draws [draw, sample]."""
    table = records[["id", "day", "value", "censored", "lower", "upper"]].rename(
        columns={"value": "observed"}
    )
    table.insert(0, "quantity", quantity)
    for q, value in zip(QUANTILES, np.exp(np.quantile(log_value, QUANTILES, axis=0)), strict=True):
        table[f"q{round(100 * q):02d}"] = value
    return table


def _on_days(log_value: np.ndarray, node_day: np.ndarray, days: np.ndarray) -> np.ndarray:
    """[draw, patient, day] values between the nodes (every event is one), linear in logarithms.

    With the default steps counts of the shipped trial are off by less than 0.3 % on 99 of 100 days,
    by 1.3 % at most.

    Args:
        log_value: [draw, node, patient].
        node_day: [node, patient].
    """
    result = np.empty((log_value.shape[0], log_value.shape[2], len(days)))
    for patient in range(log_value.shape[2]):
        nodes, first = np.unique(node_day[:, patient], return_index=True)
        place = np.clip(np.searchsorted(nodes, days) - 1, 0, max(len(nodes) - 2, 0))
        after = np.minimum(place + 1, len(nodes) - 1)
        width = np.where(after > place, nodes[after] - nodes[place], 1.0)
        share = np.clip((days - nodes[place]) / width, 0.0, 1.0)
        at_nodes = log_value[:, first, patient]
        result[:, patient] = at_nodes[:, place] + share * (at_nodes[:, after] - at_nodes[:, place])
        result[:, patient, days > np.ceil(nodes[-1])] = np.nan  # nothing was solved there
    return result


def curves_table(courses: xr.Dataset, observables: Mapping[str, Observable]) -> pd.DataFrame:
    """Fitted courses as one table: a row per patient and day, units in the names of the columns.

    Args:
        courses: of :func:`fitted_courses`.
        observables: what each quantity is, for its unit.

    Returns:
        ``id``, ``day``, and of each quantity its quantiles, such as ``alc_1e9_per_L_q50``. The 50 %
        band lies between ``q25`` and ``q75``, the 90 % band between ``q05`` and ``q95``.
    """
    names = {}
    for name in map(str, courses.data_vars):
        quantity, quantile = name.rsplit("_", 1)
        of_lesion = quantity not in observables
        known = observables[quantity.rpartition("_")[0] if of_lesion else quantity]
        unit = known.unit.replace("/", "_per_")
        names[name] = f"{quantity}_{quantile}" if unit == "1" else f"{quantity}_{unit}_{quantile}"
    table = courses.rename(names).to_dataframe(["patient", "day"]).dropna(how="all").reset_index()
    return table.rename(columns={"patient": "id"})
