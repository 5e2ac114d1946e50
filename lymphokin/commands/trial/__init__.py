"""`lymphokin trial`: exact design, assurance, safety, virtual trials, interim looks, report."""

from lymphokin.commands.trial import (
    assurance,
    exact,
    interim,
    rehearse,
    report,
    safety,
    simulate,
    space,
)
from lymphokin.commands.trial.options import app

__all__ = [
    "app",
    "assurance",
    "exact",
    "interim",
    "rehearse",
    "report",
    "safety",
    "simulate",
    "space",
]
