"""The space of designs: size and effect, timing of the drug, sampling days."""

from lymphokin.trial.space.power import power_map
from lymphokin.trial.space.sampling import SCHEDULES, sampling_information
from lymphokin.trial.space.timing import RiskByDay, risk_by_day, timing_map, with_twins

__all__ = [
    "SCHEDULES",
    "RiskByDay",
    "power_map",
    "risk_by_day",
    "sampling_information",
    "timing_map",
    "with_twins",
]
