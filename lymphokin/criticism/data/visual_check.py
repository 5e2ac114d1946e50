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

from lymphokin.criticism.data.realised import realised_distance
from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.data.visits import FEWEST, visit_table, visits_of
from lymphokin.pages.wording import fixed
from lymphokin.verdict import Verdict, in_words, level_of

Kind = Literal["as measured", "prediction-corrected", "relative to baseline"]
PERCENTILES = (0.05, 0.50, 0.95)
ROUNDING = 0.01
"""Least SD of ln of a percentile: the laboratory's rounding (judgement)."""
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
    low, middle, high. A cell is a percentile, or a share where there are limits, at one visit:
    ``cells`` says which, ``outside`` [cell] whether it lies outside its band, ``seen`` [cell] and
    ``simulated`` [draw, cell] hold ln of percentiles, and shares; ``least`` [cell] the SD that one
    more record or the laboratory's rounding gives.
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
    cells: tuple[str, ...]
    outside: np.ndarray
    simulated_outside: np.ndarray
    """[draw] number of cells of each simulated trial outside their bands"""
    seen: np.ndarray
    simulated: np.ndarray
    least: np.ndarray


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
    limited = bool(np.isfinite(r.log_lloq[chosen]).any())
    seen = _cells(np.where(censored, -np.inf, observed)[None], censored[None], visit, limited)[0]
    drawn = _cells(np.where(hidden, -np.inf, simulated), hidden, visit, limited)
    bands = np.quantile(drawn, (BAND[0], 0.5, BAND[1]), axis=0, method="inverted_cdf")
    outside, drawn_outside = ((v < bands[0]) | (v > bands[2]) for v in (seen, drawn))
    low, middle, high = (_shown(band) for band in bands)
    share = [v[3:].sum(axis=0) for v in (seen, *bands)]
    arm = f" in arm {group}" if group else ""
    at = [f" about day {fixed(day, 0)}{arm}" for day in table["day"]]
    names = [f"{100 * q:.0f} % percentile" for q in PERCENTILES]
    names += ["share below the limit"] if limited else []
    records = table["records"].to_numpy(float)
    least = np.stack([*np.full((3, len(table)), ROUNDING), *([0.5 / records] if limited else [])])
    floor = np.min(np.where(np.isfinite(drawn), drawn, np.inf), axis=0)
    # Where every simulated one lies below the limit, the share below it says how the trial differs.
    floor = np.where(np.isfinite(floor), floor, np.where(np.isfinite(seen), seen, 0.0))
    return VisualCheck(
        r.quantity,
        kind,
        group,
        table,
        pd.DataFrame({"day": day, "value": np.exp(observed), "censored": censored}),
        _shown(seen),
        low,
        middle,
        high,
        np.stack(share),
        tuple(name + where for name in names for where in at),
        outside.ravel(),
        drawn_outside.sum(axis=(1, 2)),
        # What lies below the limit counts as the lowest that was simulated.
        np.where(np.isfinite(seen), seen, floor).ravel(),
        np.where(np.isfinite(drawn), drawn, floor).reshape(len(drawn), -1),
        least.ravel(),
    )


def _cells(values: np.ndarray, hidden: np.ndarray, visit: np.ndarray, limited: bool) -> np.ndarray:
    """[draw, cell of a visit, visit] percentiles of values [draw, record], and hidden shares."""
    visits = int(visit.max()) + 1
    percentiles = _by_visit(values, visit, visits)
    if not limited:
        return percentiles
    return np.concatenate([percentiles, _share(hidden, visit, visits)[:, None]], axis=1)


def _shown(cells: np.ndarray) -> np.ndarray:
    """[percentile, visit] percentiles in the quantity's unit, NaN below the limit."""
    return np.exp(np.where(np.isfinite(cells[:3]), cells[:3], np.nan))


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


def judge_visual_checks(checks: list[VisualCheck], population: np.ndarray) -> Verdict:
    """Does the trial lie farther from what the draws expect than trials that they simulated?

    Bands over all draws are what is drawn; they cannot fail often, since the trial has shaped the
    draws. What is judged is the distance from what each draw expects (:mod:`~.realised`).

    Args:
        checks: of one kind, of every arm.
        population: [draw, quantity] latents of the draws.
    """
    outside = sum(int(c.outside.sum()) for c in checks)
    cells = [name for c in checks for name in c.cells]
    usual = float(np.median(np.sum([c.simulated_outside for c in checks], axis=0)))
    found = realised_distance(
        np.concatenate([c.seen for c in checks]),
        np.concatenate([c.simulated for c in checks], axis=1),
        population,
        np.concatenate([c.least for c in checks]),
    )
    farthest = int(np.argmax(np.abs(found.away)))
    side = "below" if found.away[farthest] < 0 else "above"
    sentence = (
        f"{outside} of {len(cells)} percentiles and shares lie outside their 90 % bands (simulated "
        f"trials: {usual:.0f} in the median). Together they lie {found.ratio:.2f} times as far "
        "from what each draw expects as trials simulated from it; at least as far has probability "
        f"{in_words(found.p, len(population))}. The farthest is the {cells[farthest]}, "
        f"{abs(found.away[farthest]):.1f} SD {side} what is expected."
    )
    numbers = {
        "outside": outside,
        "cells": len(cells),
        "simulated_median": usual,
        "distance_ratio": found.ratio,
        "p": found.p,
    }
    name = f"{NAME}, {checks[0].kind}"
    return Verdict(name, checks[0].quantity, level_of(found.p), sentence, numbers)
