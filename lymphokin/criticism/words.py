"""Quantities as a reader sees them: in a sentence, and on an axis with their unit."""

from __future__ import annotations

import numpy as np

MEASURED = {"alc": "lymphocyte counts", "mdsc": "MDSC counts", "atra": "ATRA levels"}
AXES = {"alc": "lymphocytes (10⁹/L)", "mdsc": "MDSC (cells/µL)", "atra": "ATRA (ng/mL)"}
UNITS = {"alc": "10⁹/L", "mdsc": "cells/µL", "atra": "ng/mL"}


def subject(name: str) -> str:
    """What a verdict is about: a quantity in words, anything else as it is."""
    return MEASURED.get(name, name)


def round_numbers(low: float, high: float, most: int = 7) -> list[float]:
    """At most ``most`` round numbers between two positive ones, for a logarithmic axis."""
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for leading in ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [d * 10.0**e for e in exponents for d in leading if low <= d * 10.0**e <= high]
        if len(found) <= most:
            break
    return found
