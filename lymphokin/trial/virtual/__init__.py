"""Virtual trials: whole two-arm trials of mechanistic patients, by the thousand."""

from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.endpoint import Outcome
from lymphokin.trial.virtual.population import (
    DrawnPopulation,
    PriorPopulation,
    TruePopulation,
    VirtualPopulation,
)
from lymphokin.trial.virtual.simulate import Simulator

__all__ = [
    "DrawnPopulation",
    "Outcome",
    "PriorPopulation",
    "Simulator",
    "TruePopulation",
    "VirtualDesign",
    "VirtualPopulation",
]
