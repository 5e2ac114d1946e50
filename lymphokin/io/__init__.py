"""Tables in and out: the event table, its validation, and the cohort it becomes.

What needs pandas is imported when it is first asked for: problems are reported without it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lazy_loader

from lymphokin.io.problems import BadInput, Problem

if TYPE_CHECKING:
    from lymphokin.io.cohort import Cohort
    from lymphokin.io.events import read_events, write_events

__all__ = ["BadInput", "Cohort", "Problem", "read_events", "write_events"]
__getattr__: Callable[[str], Any]
__getattr__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cohort": ["Cohort"],
        "events": ["read_events", "write_events"],
    },
)[0]
