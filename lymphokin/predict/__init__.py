"""Forecasts, fitted curves and the contrast of the arms."""

from lymphokin.predict.composites import composites_table
from lymphokin.predict.contrast import arm_contrast, own_shares, prepare_contrast
from lymphokin.predict.forecast import CONTRACT, Forecast, forecast
from lymphokin.predict.range import seen_ranges, seen_until
from lymphokin.predict.trajectories import chosen_draws, fitted_courses

__all__ = [
    "CONTRACT",
    "Forecast",
    "arm_contrast",
    "chosen_draws",
    "composites_table",
    "fitted_courses",
    "forecast",
    "own_shares",
    "prepare_contrast",
    "seen_ranges",
    "seen_until",
]
