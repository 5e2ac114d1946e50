"""What describes a patient's course where it is compared with those that were seen."""

NAMES = {
    "fractions": "fractions",
    "prescribed_gy": "total prescribed dose (Gy)",
    "immune_dose_gy": "reference immune dose (Gy)",
    "baseline_alc": "baseline count (1e9/L)",
    "endpoint_day": "endpoint day",
    "atra_mg": "largest ATRA dose in a day (mg)",
}
"""Each feature in words."""
