"""A mean over simulated trials, with its Monte-Carlo error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A mean over trials and its Monte-Carlo standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Estimate:
        """Mean of one number per trial."""
        values = np.asarray(values, dtype=float)
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        return cls(float(values.mean()), float(spread / np.sqrt(len(values))))
