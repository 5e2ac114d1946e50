"""Do the counts after a look fall where they were forecast? Every one, not only one visit's.

Intervals are over patients: what the counts of one patient have in common is resampled with the
patient.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.calibration import UNKNOWN
from lymphokin.criticism.forecasts.intervals import Estimate, mean_of, ratio_of
from lymphokin.criticism.forecasts.looks import unreliable
from lymphokin.criticism.forecasts.scores import Flags

COUNT_RATIO, COUNT_PLACE, COUNT_CRPS = "count_ratio", "count_place", "count_crps"
COVERAGE = {0.50: "count_coverage_50", 0.90: "count_coverage_90"}
BOUNDS = {0.50: ("q25", "q75"), 0.90: ("q05", "q95")}


def inside(table: pd.DataFrame, probability: float) -> Flags:
    """[row] whether the value lies in its equal-tailed interval, limits included."""
    low, high = BOUNDS[probability]
    return table["value"].between(table[low], table[high]).to_numpy()


def count_measures(counts: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """Bias, coverage and CRPS of later counts (rows of :class:`Look`), clustered by patient.

    The mean place of a count in its forecast distribution (PIT) is 0.5 where forecasts are right;
    the mean ratio to the median is 1 only where the forecast of ln count is symmetric.
    """
    reliable = counts[~unreliable(counts["pareto_k"].to_numpy(float))]
    if not len(reliable):
        return dict.fromkeys((COUNT_RATIO, COUNT_PLACE, COUNT_CRPS, *COVERAGE.values()), UNKNOWN)
    who, owner = pd.factorize(reliable["id"])[0], reliable["id"]
    log_ratio = (reliable["value"] / reliable["q50"]).map(np.log)
    ratio = mean_of(log_ratio.groupby(owner).mean().to_numpy(float))
    found = {
        COUNT_RATIO: Estimate(*(float(np.exp(v)) for v in ratio)),
        COUNT_PLACE: mean_of(reliable.groupby("id")["pit"].mean().to_numpy(float)),
        COUNT_CRPS: ratio_of(reliable["crps"].to_numpy(float), who, seed),
    }
    for probability, name in COVERAGE.items():
        found[name] = ratio_of(inside(reliable, probability).astype(float), who, seed)
    return found
