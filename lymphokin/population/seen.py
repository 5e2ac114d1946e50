"""What describes a patient's course where it is compared with those that were seen."""

from lymphokin.quantities import DRUG, DRUGS

DAILY_DOSE = f"{DRUG}_mg"
"""The drug whose doses are compared."""
NAMES = {
    "fractions": "fractions",
    "prescribed_gy": "total prescribed dose (Gy)",
    "immune_dose_gy": "reference immune dose (Gy)",
    "baseline_alc": "baseline count (1e9/L)",
    "endpoint_day": "endpoint day",
    DAILY_DOSE: f"largest {DRUGS[DRUG].label} dose in a day (mg)",
}
"""Each feature in words."""
