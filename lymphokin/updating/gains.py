"""Was an update worth it? Forecasts of each patient before it, and by it without that patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.cases import Cases
from lymphokin.criticism.forecasts.intervals import Estimate, mean_of
from lymphokin.criticism.forecasts.later_counts import inside
from lymphokin.criticism.forecasts.looks import Look, forecasts_at_looks, unreliable
from lymphokin.criticism.forecasts.prediction_verdicts import interval
from lymphokin.criticism.forecasts.refit import Refit
from lymphokin.criticism.forecasts.scores import Floats, brier, crps, log_score
from lymphokin.infer import CohortDensity, HmcSettings
from lymphokin.progress import Reporter

SETTINGS = HmcSettings(chains=2, draws=200)
"""Of each fit without some patients: a forecast uses 150 of its draws."""
MOST_REFITS = 3
"""Fits without the patients that weights cannot leave out; of more each leaves out several."""
COUNT_LOG_SCORE = "count_log_score"
BEFORE, AFTER = "before", "after"


def left_out_looks(
    density: CohortDensity,
    population_z: Floats,
    cases: Cases,
    looks: Sequence[float],
    seed: int,
    reporter: Reporter,
) -> tuple[dict[float, Look], list[str]]:
    """Forecasts of every patient by the update without that patient.

    By importance weights; patients whose weights fail are forecast by fits without them.

    Args:
        density: the updated cohort, with the prior of the update.
        population_z: [draw, quantity] population latents of the update.
        cases: who is judged of the endpoint.
        looks: records up to each of these days are known.
        seed: of the random numbers.
        reporter: receives how many fits are done.

    Returns:
        the forecasts by look, and the patients that took a fit.
    """
    found = forecasts_at_looks(density, population_z, cases, looks, seed, in_fit=True)
    failed: set[str] = set()
    for look in found.values():
        rows = look.counts[unreliable(look.counts["pareto_k"].to_numpy(float))]
        failed |= set(rows["id"].astype(str))
        failed |= set(cases.patients.index[unreliable(look.endpoint.pareto_k)].astype(str))
    again = sorted(failed)
    if not again:
        return found, again
    refit, parts = Refit(density, SETTINGS), np.array_split(again, min(len(again), MOST_REFITS))
    for done, part in enumerate(parts):
        ids = [str(i) for i in part]
        reporter.stage(f"fitting without {len(ids)} patient(s) ({done + 1} of {len(parts)})")
        z = refit.without(ids, seed + done).z
        fresh = forecasts_at_looks(density, z, cases, looks, seed)
        found = {day: _replaced(look, fresh[day], cases, ids) for day, look in found.items()}
    return found, again


def _replaced(look: Look, fresh: Look, cases: Cases, ids: Sequence[str]) -> Look:
    """A look in which some patients' forecasts are those of another."""
    theirs = cases.patients.index.isin(ids)
    forecasts = [
        np.where(theirs if old.ndim == 1 else theirs[:, None], new, old)
        for old, new in zip(look.endpoint.forecasts, fresh.endpoint.forecasts, strict=True)
    ]
    k = np.where(theirs, fresh.endpoint.pareto_k, look.endpoint.pareto_k)
    endpoint = look.endpoint._replace(
        forecasts=type(look.endpoint.forecasts)(*forecasts), pareto_k=k
    )
    kept = look.counts[~look.counts["id"].isin(ids)]
    counts = pd.concat([kept, fresh.counts[fresh.counts["id"].isin(ids)]])
    return Look(endpoint, counts.sort_index())


def gains_of(
    before: Mapping[float, Look], after: Mapping[float, Look], cases: Cases
) -> pd.DataFrame:
    """Scores before and after the update and their paired differences over patients.

    Returns:
        one row per look and measure: ``before``, ``after``, ``difference`` (after less before) with
        its 90 % interval ``q05`` to ``q95``, and ``patients``. All but the coverage are scores of
        which lower is better; that of a patient's counts is their mean.
    """
    rows: list[dict[str, Any]] = []
    for day in before:
        both = (before[day], after[day])
        measured = [_of_counts(look.counts) for look in both]
        if len(cases.patients):
            measured = [
                counts | _of_endpoint(look, cases)
                for counts, look in zip(measured, both, strict=True)
            ]
        for name in measured[0]:
            old, new = (m[name] for m in measured)
            common = old.index.intersection(new.index)
            old, new = old[common].to_numpy(float), new[common].to_numpy(float)
            difference = mean_of(new - old)
            rows.append(
                {
                    "look": day,
                    "measure": name,
                    BEFORE: float(old.mean()) if len(old) else np.nan,
                    AFTER: float(new.mean()) if len(new) else np.nan,
                    "difference": difference.value,
                    "q05": difference.q05,
                    "q95": difference.q95,
                    "patients": len(common),
                }
            )
    return pd.DataFrame(rows)


def _of_counts(counts: pd.DataFrame) -> dict[str, pd.Series]:
    """Per measure, the mean over each patient's later counts."""
    reliable = counts[~unreliable(counts["pareto_k"].to_numpy(float))]
    table = reliable.assign(covered=inside(reliable, 0.90).astype(float))
    own = table.groupby("id")[["log_score", "crps", "covered"]].mean()
    names = {
        "log_score": COUNT_LOG_SCORE,
        "crps": "count_crps",
        "covered": "count_coverage_90",
    }
    return {new: own[old] for old, new in names.items()}


def _of_endpoint(look: Look, cases: Cases) -> dict[str, pd.Series]:
    """Per score, each judged patient's."""
    table, forecasts = cases.patients, look.endpoint.forecasts
    happened = table["happened"].to_numpy(bool)
    scores = {
        "log_score": log_score(forecasts.risk, happened),
        "brier": brier(forecasts.risk, happened),
        "crps": crps(forecasts.counts, table["endpoint_alc"].to_numpy(float), forecasts.weights),
    }
    good = ~unreliable(look.endpoint.pareto_k)
    return {name: pd.Series(v, table.index)[good] for name, v in scores.items()}


def gain_in_words(gains: pd.DataFrame) -> str:
    """Whether later counts of patients left out are forecast better after the update."""
    first = gains[gains["measure"] == COUNT_LOG_SCORE].iloc[0]
    difference = Estimate(first["difference"], first["q05"], first["q95"])
    numbers = (
        f"log score per later count {interval(difference)}, below 0 where the update is better, "
        f"over {int(first['patients'])} patients left out in turn"
    )
    if not np.isfinite(difference).all():
        return f"Whether anything was gained cannot be said: {numbers}."
    if difference.q95 < 0:
        return f"The update forecasts patients that it has not seen better: {numbers}."
    if difference.q05 > 0:
        return f"The update is worse; keep what was there before: {numbers}."
    return f"No gain was shown: {numbers}."
