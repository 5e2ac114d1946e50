"""Operating characteristics of virtual trials: the exact test applied to each, with its error."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.estimate import Estimate
from lymphokin.trial.exact import TESTS
from lymphokin.trial.exact.base import at_most
from lymphokin.trial.virtual.endpoint import Outcome

ARMS = ("control", "treated")


@lru_cache(maxsize=4096)
def _p_values(test: str, n_treated: int, n_control: int) -> NDArray[np.float64]:
    return TESTS[test].p_values(n_treated, n_control)


def p_values(test: str, outcome: Outcome) -> NDArray[np.float64]:
    """[trial] exact p-value of each trial for the patients it analysed; 1 where an arm is empty."""
    events, analysed = np.asarray(outcome.events), np.asarray(outcome.analysed)
    p = np.ones(len(events))
    pairs, which = np.unique(analysed, axis=0, return_inverse=True)
    for i, (n_control, n_treated) in enumerate(pairs):
        if min(n_control, n_treated) == 0:
            continue
        rows = which.ravel() == i
        table = _p_values(test, int(n_treated), int(n_control))
        p[rows] = table[events[rows, 1], events[rows, 0]]
    return p


def _of_known(values: NDArray[np.float64]) -> Estimate:
    """Without the trials in an arm of which nobody can be judged."""
    return Estimate.of(values[~np.isnan(values)])


def operating_characteristics(outcome: Outcome, test: str, alpha: float) -> dict[str, Any]:
    """What a set of virtual trials says about the design.

    Returns:
        ``trials``; ``power`` (share of trials that reject, whatever the truth); per arm the event
        rate ``rate_*``, the expected rate on the planned day ``p_measured_*`` and ``p_true_*``,
        the patients without an endpoint ``missing_*`` and those whose records an event ended before
        the planned visit ``ended_*``; ``screened_per_patient``. Each is an
        :class:`Estimate` but for ``trials``.
    """
    rejects = at_most(p_values(test, outcome), alpha)
    result: dict[str, Any] = {"trials": len(rejects), "power": Estimate.of(rejects)}
    events, analysed = np.asarray(outcome.events), np.asarray(outcome.analysed)
    for i, arm in enumerate(ARMS):
        rate = events[:, i] / np.maximum(analysed[:, i], 1)
        result[f"rate_{arm}"] = Estimate.of(rate[analysed[:, i] > 0])
        result[f"p_measured_{arm}"] = _of_known(np.asarray(outcome.p_measured)[:, i])
        result[f"p_true_{arm}"] = _of_known(np.asarray(outcome.p_true)[:, i])
        result[f"missing_{arm}"] = Estimate.of(np.asarray(outcome.missing)[:, i])
        result[f"ended_{arm}"] = Estimate.of(np.asarray(outcome.ended)[:, i])
    result["screened_per_patient"] = Estimate.of(np.asarray(outcome.screened)[:, 0])
    empty = int(np.asarray(outcome.screened)[:, 1].sum())
    if empty:
        raise ValueError(
            f"in {empty} trials nobody screened for a place had a high enough baseline count; "
            "lower conduct.minimum_baseline_alc"
        )
    return result
