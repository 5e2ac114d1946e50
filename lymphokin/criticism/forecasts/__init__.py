"""Are the forecasts any good: left-out patients, scores, calibration, comparison of fits."""
