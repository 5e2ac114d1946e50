"""What the tables and figures of the report span: as stated, or around the design's numbers."""

from __future__ import annotations

from lymphokin.trial.design_tables import Assumptions
from lymphokin.trial.inputs import LARGEST_ARM
from lymphokin.trial.virtual import VirtualDesign

STEPS = (-0.15, -0.10, -0.05, 0.0, 0.05, 0.10, 0.15)
"""Rates beside the assumed ones."""
SCALES = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3, 1.5)
"""Sizes of the trial beside the planned one."""
MOST_LOST = 6
STARTS = (-7.0, -3.0, 0.0, 3.0, 7.0)
"""First days of the drug beside the planned one."""
ENDPOINTS = (-14.0, -10.0, -6.0, -2.0, 0.0, 2.0, 6.0, 10.0, 14.0)
"""Days of the endpoint beside the planned one."""


def control_rates(design: VirtualDesign, assumed: Assumptions) -> tuple[float, ...]:
    """Control rates of the power map."""
    return design.axes.control_rates or _around(assumed.control_rate)


def treated_rates(design: VirtualDesign, assumed: Assumptions) -> tuple[float, ...]:
    """Treated rates of both power maps."""
    return design.axes.treated_rates or _around(assumed.treated_rate)


def _around(rate: float) -> tuple[float, ...]:
    return tuple(round(rate + step, 6) for step in STEPS if 0 < round(rate + step, 6) < 1)


def control_patients(design: VirtualDesign) -> tuple[int, ...]:
    """Sizes of the control arm."""
    if design.axes.control_patients:
        return design.axes.control_patients
    most = LARGEST_ARM * min(1.0, design.n_control / design.n_treated)
    sizes = {round(scale * design.n_control) for scale in SCALES}
    return tuple(sorted(n for n in sizes if 1 <= n <= most))


def lost_per_arm(design: VirtualDesign) -> tuple[int, ...]:
    """Patients of each arm without an endpoint."""
    return design.axes.lost_per_arm or tuple(range(MOST_LOST + 1))


def run_in_rates(design: VirtualDesign, target: float) -> tuple[float, ...]:
    """True event rates of the run-in."""
    return design.axes.run_in_rates or tuple(
        rate for step in (-0.2, -0.1, 0.0, 0.1, 0.2) if 0 < (rate := round(target + step, 6)) < 1
    )


def drug_start_days(design: VirtualDesign) -> tuple[float, ...]:
    """First days of the drug, from the first fraction."""
    if design.axes.atra_start_days:
        return tuple(map(float, design.axes.atra_start_days))
    planned = round(design.conduct.first_atra_day)
    return tuple(planned + day for day in STARTS)


def endpoint_days(design: VirtualDesign) -> tuple[float, ...]:
    """Days of the endpoint, from the last fraction."""
    planned = design.judged.last_visit
    return design.axes.endpoint_days or tuple(planned + day for day in ENDPOINTS)
