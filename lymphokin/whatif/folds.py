"""Folds of a what-if: the true value of a day over that before treatment, in every draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.pages.messages import RefusedError
from lymphokin.whatif.judging import window_of
from lymphokin.whatif.lanes import Summed
from lymphokin.whatif.path import OfCurve, of_curve
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule

if TYPE_CHECKING:
    from lymphokin.whatif.engine import Engine


def compared_days(endpoint: Endpoint, schedule: Schedule) -> tuple[float, float]:
    """The day on which treatment begins under a schedule, and the endpoint's day."""
    end = window_of(endpoint, schedule)[1]
    given = [*(f.day for f in schedule.fractions), *(p.day for p in schedule.pulses)]
    return min(float(min(given, default=0.0)), end), end


def read_fold(
    engine: Engine,
    patient: Patient,
    schedule: Schedule,
    plan: Schedule,
    draws: int,
    endpoint: Endpoint,
    versions: int,
    *,
    treated: bool = True,
) -> list[OfCurve]:
    """The fold in every draw, by version of a schedule; of its days and lesions also where nothing
    is given.

    Raises:
        RefusedError: when the patient has no lesion that is counted under the schedule.
    """
    days = compared_days(endpoint, schedule)
    summed = Summed(endpoint.quantity, _counted(engine, patient, schedule, plan, endpoint))
    under = schedule if treated else Schedule()
    begin, end = days
    arrays = engine.arrays(patient, under, plan, end, end, further=(begin,))
    solved = engine.solved_on(patient, plan, draws, arrays, np.array(days), versions, summed)
    sums = np.asarray(solved.sums[endpoint.quantity])
    return [of_curve(endpoint, values, np.array(days)) for values in sums]


def _counted(
    engine: Engine, patient: Patient, schedule: Schedule, plan: Schedule, endpoint: Endpoint
) -> np.ndarray:
    """[lesion] 1.0 of a lesion that the endpoint counts under a schedule."""
    if endpoint.lesions is None:
        return np.zeros(0)
    gy = engine.treatment(patient, schedule, plan).lesion_gy
    assert gy is not None
    reached = (gy > 0).any(axis=0)
    counted, refused = reached.any() & ~reached, "error.no_lesion_outside"
    if endpoint.lesions == "irradiated":
        counted, refused = reached, "error.no_lesion_irradiated"
    if not counted.any():
        raise RefusedError(refused, name=endpoint.name)
    return counted.astype(float)
