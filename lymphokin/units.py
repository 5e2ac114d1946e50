"""Units of what is given and measured, and the count that betrays a wrong unit."""

UNITS = {
    "alc": "1e9/L",
    "mdsc": "cells/uL",
    "atra": "ng/mL",
}
"""Unit of each measured quantity (1e9/L = G/L = 1000 cells/uL)."""

DOSE_UNITS = {
    "rt": "Gy",
    "atra": "mg",
}
"""Unit of the amount of each kind of dose: prescribed Gy of one fraction, mg of drug."""

CELLS_PER_UL = 1000.0
"""Cells/uL in 1e9/L."""

LARGEST_ALC = 100.0
"""Largest plausible lymphocyte count in 1e9/L; a solid-tumour patient above it is in cells/uL."""

LARGEST_LLN = 3.0
"""Largest plausible lower limit of normal of a lymphocyte count in 1e9/L (usual: 0.8-1.5)."""

LONGEST_DELAY_HOURS = 168.0
"""Largest plausible time from drawing to processing a blood sample, a week; above it the delay is
not in hours (judgement)."""

LARGEST_FRACTION_GY = 100.0
"""Largest plausible prescribed dose of one fraction in Gy; above it the dose is in cGy."""

HOURS_PER_DAY = 24.0
