"""Numbers of a validation beyond those of :mod:`lymphokin.criticism.forecasts.prediction_quality`.

Intervals are over patients: what the counts of one patient have in common is resampled with the
patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.calibration import UNKNOWN
from lymphokin.criticism.forecasts.intervals import (
    Estimate,
    mean_of,
    scaled_brier_of,
)
from lymphokin.criticism.forecasts.later_counts import COVERAGE, count_measures
from lymphokin.criticism.forecasts.looks import Look
from lymphokin.criticism.forecasts.prediction_quality import (
    MODEL,
    PredictionQuality,
    outcomes,
)
from lymphokin.criticism.forecasts.scores import Flags, Floats
from lymphokin.predict.risk_calibration import predicted_against_observed
from lymphokin.validation.smooth import smooth_curve

EXPECTED, SCALED_BRIER, ICI = "observed_over_expected", "scaled_brier", "mean_calibration_error"
ENDPOINT_COVERAGE = {0.50: "endpoint_coverage_50", 0.90: "endpoint_coverage_90"}
GROUPED_BY = ("centre", "site", "arm")
UNSTATED, SEVERAL_SITES = "not stated", "several"


def observed_over_expected(risk: Floats, happened: Flags) -> Estimate:
    """Events over the sum of the risks, with the exact interval of the share that had the event."""
    if not len(risk) or risk.mean() <= 0:
        return UNKNOWN
    row = predicted_against_observed(risk, happened, (0.0, 1.0), "patients").iloc[0]
    expected = row["predicted"]
    numbers = (row[name] / expected for name in ("observed", "observed_q05", "observed_q95"))
    return Estimate(*(float(n) for n in numbers))


def share_of(flags: Flags) -> Estimate:
    """A share of patients with its exact 90 % interval."""
    if not len(flags):
        return UNKNOWN
    one = np.ones(len(flags))
    row = predicted_against_observed(one, flags, (0.0, 1.0), "patients").iloc[0]
    return Estimate(*(float(row[n]) for n in ("observed", "observed_q05", "observed_q95")))


def endpoint_measures(table: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """Of the model's forecasts of the endpoint: rows of :meth:`PredictionQuality.judged`."""
    risk, happened = table["risk"].to_numpy(float), outcomes(table)
    number = table["endpoint_alc"]
    found = {
        EXPECTED: observed_over_expected(risk, happened),
        SCALED_BRIER: scaled_brier_of(risk, happened, seed),
    }
    error = smooth_curve(risk, happened, seed).mean_error if len(table) > 1 else np.nan
    found[ICI] = Estimate(error, np.nan, np.nan)
    within = number.between(table["alc_q05"], table["alc_q95"]).to_numpy()
    found[ENDPOINT_COVERAGE[0.90]] = share_of(within)
    return found


def further_scores(
    quality: PredictionQuality, looks: Mapping[float, Look], seed: int
) -> pd.DataFrame:
    """Rows as of ``PredictionQuality.scores``."""
    rows: list[dict[str, Any]] = []
    for day, look in looks.items():
        table = quality.judged(day, MODEL)
        found = endpoint_measures(table, seed) | count_measures(look.counts, seed)
        about = {"day": day, "predictor": MODEL, "against": ""}
        counted = {"patients": len(table), "events": int(outcomes(table).sum())}
        for measure, estimate in found.items():
            rows.append(about | {"measure": measure} | estimate._asdict() | counted)
    return pd.DataFrame(rows)


def groups_of(patients: pd.DataFrame, column: str) -> pd.Series:
    """The group of each patient by centre, site or arm. Patients with lesions of several sites are
    one group: hardly two have the same ones.
    """
    named = patients[column].replace("", UNSTATED)
    if column != "site":
        return named
    sites = named.str.split("+").map(lambda parts: list(dict.fromkeys(parts)))
    return sites.map(lambda own: own[0] if len(own) == 1 else SEVERAL_SITES)


def by_group(
    quality: PredictionQuality,
    looks: Mapping[float, Look],
    patients: pd.DataFrame,
) -> pd.DataFrame:
    """How the model does in each centre, site and arm, where there is more than one.

    Returns:
        one row per look, ``by`` and ``group``: ``patients``, ``events``, observed over expected
        events, Brier score, share of later counts in their 90 % interval (each with ``_q05`` and
        ``_q95``), and how many ``counts`` that is.
    """
    rows = []
    for column in GROUPED_BY:
        groups = groups_of(patients, column)
        if groups.nunique() < 2:
            continue
        for day, look in looks.items():
            table = quality.judged(day, MODEL)
            for group in sorted(groups.unique()):
                ids = groups.index[groups == group]
                own = table[table.index.isin(ids)]
                counts = look.counts[look.counts["id"].isin(ids)]
                found = {
                    EXPECTED: observed_over_expected(own["risk"].to_numpy(float), outcomes(own)),
                    "brier": mean_of(own["brier"].to_numpy(float)),
                    COVERAGE[0.90]: count_measures(counts, 0)[COVERAGE[0.90]],
                }
                row: dict[str, Any] = {"day": day, "by": column, "group": group}
                row |= {"patients": len(own), "events": int(outcomes(own).sum())}
                row["counts"] = len(counts)
                for name, estimate in found.items():
                    row |= {name: estimate.value, f"{name}_q05": estimate.q05}
                    row |= {f"{name}_q95": estimate.q95}
                rows.append(row)
    return pd.DataFrame(rows)
