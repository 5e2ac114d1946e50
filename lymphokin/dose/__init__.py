"""Dose to circulating lymphocytes.

What is named here is imported when it is first asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lazy_loader

if TYPE_CHECKING:
    from lymphokin.dose.immune import (
        ImmuneDose,
        immune_dose_log_sd,
        lesion_counts,
        reference_immune_dose,
    )

__all__ = ["ImmuneDose", "immune_dose_log_sd", "lesion_counts", "reference_immune_dose"]
__getattr__: Callable[[str], Any]
__getattr__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "immune": ["ImmuneDose", "immune_dose_log_sd", "lesion_counts", "reference_immune_dose"],
    },
)[0]
