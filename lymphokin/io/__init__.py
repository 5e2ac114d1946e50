"""Tables in and out: the event table, its validation, and the cohort it becomes."""

from lymphokin.io.cohort import Cohort
from lymphokin.io.events import read_events, write_events
from lymphokin.io.problems import BadInput, Problem

__all__ = ["BadInput", "Cohort", "Problem", "read_events", "write_events"]
