"""How good forecasts of an event in time are, of patients of whom not all are followed to the end.

Every score is one of pseudo-values (:mod:`lymphokin.criticism.forecasts.pseudo_values`). Beside the
model stands the share of the other patients of the arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts import pseudo_values as of_pseudo_values
from lymphokin.criticism.forecasts.benchmarks import ARM_RATE
from lymphokin.criticism.forecasts.calibration import GROUPS
from lymphokin.criticism.forecasts.event_cases import EventCases
from lymphokin.criticism.forecasts.intervals import Estimate, mean_of
from lymphokin.criticism.forecasts.later_counts import count_measures
from lymphokin.criticism.forecasts.looks import Look
from lymphokin.criticism.forecasts.prediction_quality import MODEL, PredictionQuality
from lymphokin.criticism.forecasts.pseudo_values import followed_to, pseudo_values, share_by
from lymphokin.criticism.forecasts.scores import Floats
from lymphokin.infer.weights import UNRELIABLE_PARETO_K

EXPECTED, SLOPE = "observed_over_expected", "calibration_slope"
SMALLEST = 1e-4
"""Risks are kept this far from 0 and 1: fewer draws say no less (judgement)."""


def event_quality(
    cases: EventCases, looks: Mapping[float, Look], seed: int, refits: pd.DataFrame | None = None
) -> PredictionQuality:
    """Score the model and the share of the arm on the same patients.

    Args:
        cases: who is judged.
        looks: forecasts by day, of the patients of ``cases``.
        seed: of the bootstrap.
        refits: as of :class:`PredictionQuality`.

    Returns:
        ``forecasts``: one row per look, predictor and patient at risk: ``risk``, the patient's
        ``pseudo_value``, what is known of the event as of :class:`EventCases`, scores,
        ``pareto_k`` and whether the patient is ``judged``. ``scores`` as of every endpoint, and of
        later counts.
    """
    tables, rows = [], []
    for day, look in looks.items():
        at_risk = cases.at_risk[day].to_numpy(bool)
        k = look.endpoint.pareto_k[at_risk]
        own, judged = cases.patients[at_risk], k <= UNRELIABLE_PARETO_K
        risk = np.clip(look.endpoint.forecasts.risk[at_risk], SMALLEST, 1 - SMALLEST)
        value, others = _outcomes(own, cases.end)
        for name, chance in ((MODEL, risk), (ARM_RATE, others)):
            table = own[["arm", "after", "until", "state"]].assign(pseudo_value=value, risk=chance)
            table["brier"] = of_pseudo_values.brier(chance, value)
            table["log_score"] = of_pseudo_values.log_score(chance, value)
            table = table.assign(pareto_k=k, judged=judged, day=day, predictor=name)
            tables.append(table.reset_index(names="id"))
        counted = {"patients": int(judged.sum()), "events": int((own["state"] == 1)[judged].sum())}
        state = own["state"].to_numpy(float)
        found = _scores(risk[judged], others[judged], value[judged], state[judged], seed)
        found |= {(MODEL, "", m): e for m, e in count_measures(look.counts, seed).items()}
        for (predictor, against, measure), estimate in found.items():
            about = {"day": day, "predictor": predictor, "against": against, "measure": measure}
            rows.append(about | estimate._asdict() | counted)
    forecasts = pd.concat(tables, ignore_index=True)
    later = pd.concat([look.counts.assign(look=day) for day, look in looks.items()])
    return PredictionQuality(forecasts, pd.DataFrame(rows), refits, later, cases.endpoint)


def _outcomes(patients: pd.DataFrame, end: float) -> tuple[Floats, Floats]:
    after, until = (patients[c].to_numpy(float) for c in ("after", "until"))
    return pseudo_values(after, until, end, patients["arm"].to_numpy(str))


def _scores(
    risk: Floats, others: Floats, value: Floats, state: Floats, seed: int
) -> dict[tuple[str, str, str], Estimate]:
    """By predictor, what it is compared with, and measure."""
    found: dict[tuple[str, str, str], Estimate] = {
        (MODEL, "", EXPECTED): observed_over_expected(risk, value, state),
        (MODEL, "", SLOPE): of_pseudo_values.calibration_slope(risk, value),
        (MODEL, "", "auc"): of_pseudo_values.auc(risk, value, seed),
    }
    for measure in ("brier", "log_score"):
        score = getattr(of_pseudo_values, measure)
        ours, theirs = score(risk, value), score(others, value)
        found |= {
            (MODEL, "", measure): mean_of(ours),
            (ARM_RATE, "", measure): mean_of(theirs),
            (MODEL, ARM_RATE, measure): mean_of(ours - theirs),
        }
    return found


def observed_over_expected(risk: Floats, value: Floats, state: Floats) -> Estimate:
    """Share with the event, within 0 and 1, over the mean risk, as of :func:`share_of`."""
    share = np.clip(share_of(value, state), 0.0, 1.0)
    return Estimate(*(float(part / risk.mean()) for part in share))


def share_of(value: Floats, state: Floats) -> Estimate:
    """Mean pseudo-value with the interval of Student's t.

    The interval is unknown unless patients are known with and without the event: that none of few
    had it does not show that none has it.

    Args:
        value: [patient] pseudo-values.
        state: [patient] as of :class:`EventCases`.
    """
    found = mean_of(value)
    both = (state == 1).any() and (state == 0).any()
    return found if both else Estimate(found.value, np.nan, np.nan)


def in_groups(quality: PredictionQuality, day: float) -> pd.DataFrame:
    """Predicted and observed share in groups of patients with similar risk.

    Returns:
        ``predicted``, ``observed`` (the estimate of Turnbull, of Kaplan and Meier of known times,
        by the endpoint's last day; unknown where too few of the group are followed so far) with
        its 90 % interval ``observed_q05`` to ``observed_q95``, ``patients``.
    """
    assert quality.endpoint is not None
    end = float(quality.endpoint.until or 0.0)
    table = quality.judged(day, MODEL)
    place = pd.qcut(table["risk"].rank(method="first"), min(GROUPS, len(table)), labels=False)
    rows: list[dict[str, Any]] = []
    for _, own in table.groupby(place.to_numpy()):
        after, until = (own[c].to_numpy(float) for c in ("after", "until"))
        followed = followed_to(after, until, end) == end
        share = share_by(after, until, end) if followed else np.nan
        around = share_of(*(own[c].to_numpy(float) for c in ("pseudo_value", "state")))
        low, high = (np.clip(share + edge - around.value, 0, 1) for edge in around[1:])
        row = {"predicted": own["risk"].mean(), "observed": share, "patients": len(own)}
        rows.append(row | {"observed_q05": low, "observed_q95": high})
    return pd.DataFrame(rows)
