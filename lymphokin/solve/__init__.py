"""Event-aligned integration of a model for many patients at once."""

from lymphokin.solve.cascade import Solution, hours_output_at, solve, solve_hours
from lymphokin.solve.hand_down import HoursSolution, lag_of
from lymphokin.solve.steps import COARSE_STEPS, LONG_STEPS, StepRule
from lymphokin.solve.timeline import Course, Layout, Timeline, build_timeline

__all__ = [
    "COARSE_STEPS",
    "LONG_STEPS",
    "Course",
    "HoursSolution",
    "Layout",
    "Solution",
    "StepRule",
    "Timeline",
    "build_timeline",
    "hours_output_at",
    "lag_of",
    "solve",
    "solve_hours",
]
