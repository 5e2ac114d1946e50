"""Tables in and out: the event table, its validation, and the cohort it becomes.

What needs pandas is imported when it is first asked for: problems are reported without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lymphokin.io.problems import BadInput, Problem

if TYPE_CHECKING:
    from lymphokin.io.cohort import Cohort
    from lymphokin.io.events import read_events, write_events

__all__ = ["BadInput", "Cohort", "Problem", "read_events", "write_events"]
_LATER = {"Cohort": "cohort", "read_events": "events", "write_events": "events"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
