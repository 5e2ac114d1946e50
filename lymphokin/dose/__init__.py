"""Dose to circulating lymphocytes.

What is named here is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lymphokin.dose.immune import ImmuneDose, immune_dose_log_sd, reference_immune_dose

__all__ = ["ImmuneDose", "immune_dose_log_sd", "reference_immune_dose"]
_LATER = {
    "ImmuneDose": "immune",
    "immune_dose_log_sd": "immune",
    "reference_immune_dose": "immune",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
