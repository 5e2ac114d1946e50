"""Whether a plan's dose agrees with its prescription, and a sum of plans with its parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lymphokin.dose.dicom.deliveries import Delivery
from lymphokin.dose.grid import DoseGrid, highest
from lymphokin.io.problems import Findings

_COLUMN = "TargetPrescriptionDose"
MISSING = "a session, beam or plan missing, cGy, or other structures?"
SUM_AGREES = 0.05
"""Relative difference of a sum of plans and the plans that are added (judgement: grids differ)."""


def check_prescription(
    delivery: Delivery,
    peak_gy: float,
    targets_gy: Sequence[float],
    found: Findings,
    whole: bool = True,
) -> None:
    """Compare the highest dose and the dose to the target with the prescription.

    Args:
        delivery: The dose of a plan, with what the plan states.
        peak_gy: Its highest dose.
        targets_gy: Its mean doses to the targets.
        found: Takes problems and warnings.
        whole: Whether the highest dose is that of all space; of histograms it is not.
    """
    found.judge("peak_dose", peak_gy, None, "DoseGridScaling", f"{peak_gy:.4g} Gy", "cGy?")
    prescribed, fractions = delivery.stated.prescribed_gy, delivery.stated.fractions
    if prescribed is None:
        return
    lowest = highest_stated = prescribed
    if delivery.several:  # plans that do not meet: the highest of them is not known
        lowest = prescribed / max(len(delivery.plans), 1)
    shown = f"{prescribed:g} Gy in {fractions or 'an unknown number of'} fractions"
    target = max(targets_gy, default=math.nan)
    if not math.isnan(target):
        ratio = target / (lowest if target < lowest else highest_stated)
        inside = delivery.several and lowest <= target <= highest_stated
        found.judge("target_over_prescription", math.nan if inside else ratio, None, _COLUMN,
                    f"{target:.4g} Gy of {shown}",
                    MISSING)  # fmt: skip
    shown = f"{peak_gy:.4g} Gy of {shown}"
    ratio = peak_gy / (lowest if peak_gy < lowest else highest_stated)
    low = ratio < 1
    if low and (not whole or not math.isnan(target)):
        return  # the dose to the target says it better
    per_fraction = math.nan
    if low and fractions is not None and fractions > 1 and not delivery.several:
        times = peak_gy / (prescribed / fractions)
        per_fraction = times if times >= 0.9 else math.nan
    found.judge("peak_over_fraction_dose", per_fraction, None, _COLUMN, shown,
                "is it the dose of one session?")  # fmt: skip
    if not (delivery.several and lowest <= peak_gy <= highest_stated):
        found.judge("peak_over_prescription", ratio, None, _COLUMN, shown, MISSING)


def check_sum(
    given: Sequence[tuple[Delivery, Sequence[DoseGrid]]], found: Findings
) -> list[tuple[Delivery, Sequence[DoseGrid]]]:
    """The doses to add: of a sum of plans and its plans, which must agree, the plans."""
    sums = [g for g in given if g[0].several]
    singles = [g for g in given if not g[0].several]
    if len(sums) > 1:
        found.add(None, "DoseSummationType", f"{len(sums)} doses of several plans",
                  "one dose of all plans", "name the one of the whole course")  # fmt: skip
    elif sums and singles and all(grids for _, grids in given):
        energies = [
            sum(grid.integral_gy_cm3() for _, grids in part for grid in grids)
            for part in (sums, singles)
        ]
        peaks = highest([g for _, grids in sums for g in grids]), max(
            highest(grids) for _, grids in singles)  # fmt: skip
        if abs(energies[0] - energies[1]) > SUM_AGREES * max(energies) or peaks[0] < 0.9 * peaks[1]:
            found.add(None, "DoseSummationType",
                      f"an integral dose of {energies[0]:.4g} Gy.cm3 of the sum and "
                      f"{energies[1]:.4g} of its plans",
                      "a sum of plans that is the sum of the plans beside it",
                      "name the doses of the whole course")  # fmt: skip
    return singles or sums
