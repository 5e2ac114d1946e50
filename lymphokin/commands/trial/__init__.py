"""`lymphokin trial`: exact design, assurance, safety run-in and virtual trials."""

from lymphokin.commands.trial import assurance, exact, safety, simulate
from lymphokin.commands.trial.options import app

__all__ = ["app", "assurance", "exact", "safety", "simulate"]
