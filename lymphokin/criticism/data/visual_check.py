"""Visual predictive check: percentiles of the data inside the bands of simulated trials.

Holford 2005 (PAGE 14, abstract 738) and, for the prediction-corrected check, Bergstrand and others
2011 (doi:10.1208/s12248-011-9255-z). Values below their limit of quantification count as lowest;
their share has a panel of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.data.visits import FEWEST, visit_table, visits_of
from lymphokin.verdict import Verdict, in_words, level_of

Kind = Literal["as measured", "prediction-corrected", "relative to baseline"]
PERCENTILES = (0.05, 0.50, 0.95)
BAND = (0.05, 0.95)
"""Ends of the bands of simulated percentiles: 90 %, equal-tailed."""
NAME = "visual predictive check"


@dataclass(frozen=True)
class VisualCheck:
    """Percentiles of one quantity in one group of patients, measured and simulated, by visit.

    ``kind``: what was done to all values; ``group``: the arm, empty for all patients. ``visits``: a
    row per visit (median, first and last day, records). ``points``: day, value and whether censored
    of each record. ``observed`` and the ends and middle of the simulated bands are [percentile,
    visit] in the quantity's unit (or as a multiple of baseline), NaN where they lie below the limit
    of quantification; ``below`` are the same [4, visit] for the share below that limit: observed,
    low, middle, high. ``outside`` [cell] tells which cells (percentiles and shares, by visit) lie
    outside their bands; ``distance`` [percentile, visit] how many SDs of simulated percentiles the
    observed ones lie from their mean, NaN where that is unknown. ``simulated_outside`` and
    ``simulated_distance`` [draw] give the number outside and the largest distance of each
    simulated trial.
    """

    quantity: str
    kind: Kind
    group: str
    visits: pd.DataFrame
    points: pd.DataFrame
    observed: np.ndarray
    low: np.ndarray
    middle: np.ndarray
    high: np.ndarray
    below: np.ndarray
    outside: np.ndarray
    distance: np.ndarray
    simulated_outside: np.ndarray
    simulated_distance: np.ndarray

    @property
    def cells(self) -> int:
        """Number of percentiles and shares that were compared."""
        return len(self.outside)


def prediction_corrected(
    log_value: np.ndarray, log_prediction: np.ndarray, visit: np.ndarray
) -> np.ndarray:
    """Values moved to what they were if every patient of a visit had its typical prediction.

    pcY = Y · median(PRED of the visit) / PRED (Bergstrand 2011, equation 3 on the log scale).

    Args:
        log_value: [..., record] ln of measured or simulated values.
        log_prediction: [record] ln of the population prediction of each record.
        visit: [record] visit of each record.
    """
    middle = pd.Series(log_prediction).groupby(visit).transform("median").to_numpy()
    return log_value - log_prediction + middle


def groups_of(replicates: Replicates) -> dict[str, np.ndarray]:
    """Records of each arm, or of all patients where no arm is stated or one is too small."""
    arm = replicates.records["arm"]
    size = replicates.records.groupby("arm")["id"].nunique()
    if arm.isna().any() or len(size) < 2 or size.min() < FEWEST:
        return {"": np.arange(len(arm))}
    return {str(name): np.flatnonzero(arm == name) for name in sorted(size.index)}


def visual_checks(replicates: Replicates, kind: Kind) -> list[VisualCheck]:
    """The visual predictive check of each arm; prediction-corrected, of all patients together.

    None where no group has records at two visits or more after its baseline.
    """
    groups = groups_of(replicates)
    if kind == "prediction-corrected":
        groups = {"": np.arange(len(replicates.records))}
    elif kind == "relative to baseline":
        later = np.isin(np.arange(len(replicates.records)), _after_baseline(replicates))
        groups = {name: chosen[later[chosen]] for name, chosen in groups.items()}
        groups = {name: chosen for name, chosen in groups.items() if len(chosen) >= FEWEST}
    return [_check(replicates, kind, name, chosen) for name, chosen in groups.items()]


def _before(r: Replicates) -> np.ndarray:
    """[record] whether it was taken before treatment."""
    return r.records["day"].to_numpy(float) <= 0


def _after_baseline(r: Replicates) -> np.ndarray:
    """Places of the records under treatment of patients who have some before it."""
    before = _before(r)
    has_baseline = pd.Series(before).groupby(r.records["id"].to_numpy()).transform("any")
    return np.flatnonzero(has_baseline.to_numpy() & ~before)


def relative_to_baseline(log_value: np.ndarray, r: Replicates) -> np.ndarray:
    """ln of values [..., record] over the geometric mean of the patient's own before treatment.

    Values below their limit count as the limit, measured ones and simulated ones alike.
    """
    values = np.maximum(log_value, r.log_lloq)
    before, result = _before(r), values.copy()
    for places in r.records.groupby("id", sort=False).indices.values():
        baseline = np.asarray(places)[before[places]]
        if baseline.size:
            result[..., places] -= values[..., baseline].mean(axis=-1, keepdims=True)
    return result


def _transformed(
    r: Replicates, kind: Kind, chosen: np.ndarray, visit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measured [record] and simulated [draw, record] values of some records, ln."""
    observed, simulated = r.log_value, r.new
    if kind == "relative to baseline":
        observed, simulated = (relative_to_baseline(v, r) for v in (observed, simulated))
    observed, simulated = observed[chosen], simulated[:, chosen]
    if kind == "prediction-corrected":
        prediction = np.median(r.typical[:, chosen], axis=0)
        observed = prediction_corrected(observed, prediction, visit)
        simulated = prediction_corrected(simulated, prediction, visit)
    return observed, simulated


def _check(r: Replicates, kind: Kind, group: str, chosen: np.ndarray) -> VisualCheck:
    day = r.records["day"].to_numpy(float)[chosen]
    visit = visits_of(day, r.sampled_by_hour)
    observed, simulated = _transformed(r, kind, chosen, visit)
    censored, hidden = r.censored[chosen], r.new[:, chosen] < r.log_lloq[chosen]
    table = visit_table(day, visit)
    seen = _by_visit(np.where(censored, -np.inf, observed)[None], visit, len(table))[0]
    drawn = _by_visit(np.where(hidden, -np.inf, simulated), visit, len(table))
    seen_below = _share(censored[None], visit, len(table))[0]
    drawn_below = _share(hidden, visit, len(table))
    low, middle, high = np.quantile(drawn, (BAND[0], 0.5, BAND[1]), axis=0, method="inverted_cdf")
    bands = np.quantile(drawn_below, (BAND[0], 0.5, BAND[1]), axis=0, method="inverted_cdf")
    outside = [(seen < low) | (seen > high)]
    drawn_outside = [(drawn < low) | (drawn > high)]
    if np.isfinite(r.log_lloq[chosen]).any():
        outside.append(((seen_below < bands[0]) | (seen_below > bands[2]))[None])
        drawn_outside.append(((drawn_below < bands[0]) | (drawn_below > bands[2]))[:, None])
    distance, drawn_distance = _distances(seen, drawn)

    def shown(log_value: np.ndarray) -> np.ndarray:
        return np.exp(np.where(np.isfinite(log_value), log_value, np.nan))

    return VisualCheck(
        r.quantity,
        kind,
        group,
        table,
        pd.DataFrame({"day": day, "value": np.exp(observed), "censored": censored}),
        shown(seen),
        shown(low),
        shown(middle),
        shown(high),
        np.stack([seen_below, *bands]),
        np.concatenate(outside).ravel(),
        distance,
        np.concatenate(drawn_outside, axis=1).sum(axis=(1, 2)),
        drawn_distance,
    )


def _distances(seen: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances [percentile, visit] of observed percentiles, and the largest one of each draw.

    Unknown where a percentile lies below the limit of quantification in any simulated trial.
    """
    above_limit = np.isfinite(drawn).all(axis=0) & np.isfinite(seen)
    centre, spread = (f(np.where(above_limit, drawn, 0.0), axis=0) for f in (np.mean, np.std))
    spread = np.where(above_limit & (spread > 0), spread, np.nan)
    distance = (np.where(above_limit, seen, np.nan) - centre) / spread
    of_draws = np.abs(np.where(above_limit, drawn, np.nan) - centre) / spread
    return distance, np.nanmax(of_draws, axis=(1, 2), initial=0.0)


def _by_visit(values: np.ndarray, visit: np.ndarray, visits: int) -> np.ndarray:
    """[draw, percentile, visit] percentiles of values [draw, record], which may be -infinity."""
    percentiles = [
        np.quantile(values[:, visit == v], PERCENTILES, axis=1, method="inverted_cdf")
        for v in range(visits)
    ]
    return np.stack(percentiles, axis=-1).swapaxes(0, 1)


def _share(flags: np.ndarray, visit: np.ndarray, visits: int) -> np.ndarray:
    """[draw, visit] share of flagged records of flags [draw, record]."""
    return np.stack([flags[:, visit == v].mean(axis=1) for v in range(visits)], axis=-1)


def judge_visual_checks(checks: list[VisualCheck]) -> Verdict:
    """Are percentiles farther from their bands than in trials that the model itself simulated?

    Neighbouring percentiles go together, so both the number outside and the largest distance are
    compared with those of each simulated trial. The smaller of the two probabilities is compared
    with the smaller one of each simulated trial in turn, so that the result is uniform for trials
    of the model. The measured trial has shaped the fit, though, and is more alike its simulations
    than those are to each other: a high probability is usual and says little.
    """
    outside, cells = sum(int(c.outside.sum()) for c in checks), sum(c.cells for c in checks)
    simulated = np.sum([c.simulated_outside for c in checks], axis=0)
    reach = [float(np.nanmax(np.abs(c.distance), initial=0.0)) for c in checks]
    farthest = np.max([c.simulated_distance for c in checks], axis=0)
    draws, usual = len(simulated), float(np.median(simulated))
    least = np.minimum(_at_least(simulated, simulated), _at_least(farthest, farthest))
    seen = min(_at_least(simulated, outside), _at_least(farthest, max(reach)))
    p = (1 + int((least <= seen).sum())) / (1 + draws)
    sentence = (
        f"{outside} of {cells} percentiles and shares lie outside their 90 % bands (simulated "
        f"trials: {usual:.0f} in the median). {_farthest(checks[int(np.argmax(reach))])}As many "
        f"outside, or one as far, has probability {in_words(p, draws)}."
    )
    numbers = {
        "outside": outside,
        "cells": cells,
        "simulated_median": usual,
        "largest_distance_sd": max(reach),
        "p": p,
    }
    return Verdict(f"{NAME}, {checks[0].kind}", checks[0].quantity, level_of(p), sentence, numbers)


def _at_least(simulated: np.ndarray, value: np.ndarray | float) -> np.ndarray:
    """Share of simulated trials whose number is at least ``value``, of a number or of several."""
    return 1 - np.searchsorted(np.sort(simulated), value, side="left") / len(simulated)


def _farthest(check: VisualCheck) -> str:
    """Where the measured percentile lies that is farthest from its simulated mean."""
    if not np.isfinite(check.distance).any():
        return ""
    row, visit = np.unravel_index(np.nanargmax(np.abs(check.distance)), check.distance.shape)
    side = "below" if check.distance[row, visit] < 0 else "above"
    arm = f" in arm {check.group}" if check.group else ""
    return (
        f"The farthest is the {100 * PERCENTILES[row]:.0f} % percentile about day "
        f"{check.visits['day'].iloc[visit]:.0f}{arm}, {abs(check.distance[row, visit]):.1f} SD "
        f"{side} the mean of simulated ones. "
    )
