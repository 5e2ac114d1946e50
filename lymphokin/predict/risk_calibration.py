"""How well the risks of a run came true, as far as its own data show."""

from __future__ import annotations

import pandas as pd

from lymphokin.population.provenance import CalibrationGroup, RiskCalibration

LIMITS = (0.0, 0.2, 0.5, 0.8, 1.0)
"""Groups of predicted risk: few, since trials are small (judgement)."""
LEAST_PATIENTS = 20
CONFIDENCE = 0.9


def calibration_of_run(
    forecasts: pd.DataFrame | None, counts_until: float | None
) -> RiskCalibration | None:
    """Predicted risk against what happened among a run's patients.

    Args:
        forecasts: of the fitted patients, as in ``patients.csv``; None before the fit is saved.
        counts_until: last day of the counts behind them; None: all before the visit.

    Returns:
        None where the outcome of too few patients is known.
    """
    if forecasts is None:
        return None
    known = forecasts.dropna(subset=["observed_grade2"])
    if len(known) < LEAST_PATIENTS:
        return None
    happened = known["observed_grade2"].astype(str) == "True"
    risk = known["p_grade2_measured"]
    bins = pd.cut(risk, LIMITS, include_lowest=True)
    groups = [
        _group(risk[members], happened[members])
        for members in risk.groupby(bins, observed=True).groups.values()
    ]
    used = (
        "counts before the visit" if counts_until is None else f"counts up to day {counts_until:g}"
    )
    text = (
        f"Of the {len(known)} patients behind the posterior whose count at the visit is known, "
        f"{int(happened.sum())} had grade 2 or worse; their risks from {used} add up to "
        f"{risk.sum():.1f}. "
        "They are the patients that the model was fitted to: this flatters it."
    )
    return RiskCalibration(text=text, groups=groups)


def _group(risk: pd.Series, happened: pd.Series) -> CalibrationGroup:
    from scipy.stats import binomtest  # takes half a second to import

    events, n = int(happened.sum()), len(risk)
    around = binomtest(events, n).proportion_ci(CONFIDENCE, "wilson")
    return CalibrationGroup(
        patients=n,
        risk=round(float(risk.mean()), 2),
        happened=round(events / n, 2),
        low=round(float(around.low), 2),
        high=round(float(around.high), 2),
    )
