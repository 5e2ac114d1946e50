"""Endpoint, forecasts, fitted courses and the contrast of the arms."""

from lymphokin.predict.contrast import arm_contrast, prepare_contrast
from lymphokin.predict.endpoint import endpoint_visits, grade_of, measured_threshold
from lymphokin.predict.forecast import CONTRACT, Forecast, forecast, forecast_cohort
from lymphokin.predict.range import seen_ranges
from lymphokin.predict.trajectories import chosen_draws, fitted_courses

__all__ = [
    "CONTRACT",
    "Forecast",
    "arm_contrast",
    "chosen_draws",
    "endpoint_visits",
    "fitted_courses",
    "forecast",
    "forecast_cohort",
    "grade_of",
    "measured_threshold",
    "prepare_contrast",
    "seen_ranges",
]
