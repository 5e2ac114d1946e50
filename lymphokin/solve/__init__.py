"""Event-aligned integration of a model for many patients at once."""

from lymphokin.solve.cascade import Solution, hours_output_at, solve, solve_hours
from lymphokin.solve.hand_down import HoursSolution, lag_of
from lymphokin.solve.kinetics import following
from lymphokin.solve.steps import COARSE_STEPS, LONG_STEPS, StepRule
from lymphokin.solve.timeline import Layout, Timeline, build_timeline
from lymphokin.solve.treatment import Treatment

__all__ = [
    "COARSE_STEPS",
    "LONG_STEPS",
    "HoursSolution",
    "Layout",
    "Solution",
    "StepRule",
    "Timeline",
    "Treatment",
    "build_timeline",
    "following",
    "hours_output_at",
    "lag_of",
    "solve",
    "solve_hours",
]
