"""What decides a patient's count after courses as they are usually given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lymphokin.model import Model
from lymphokin.model.usual import usual_calendars
from lymphokin.population.no_forecast import NO_SOLUTION, NoForecastError
from lymphokin.whatif.draws import draw_patients, stacked
from lymphokin.whatif.judging import SIX_WEEKS, visit_of
from lymphokin.whatif.lanes import LANES
from lymphokin.whatif.limits import MOST_COUNTS
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Pulse, Schedule, fractions_in_words
from lymphokin.whatif.surface import Surface

if TYPE_CHECKING:
    from lymphokin.whatif.engine import Engine

RADIOTHERAPY = "5x10"
DRAWS = 3 * LANES


def usual_courses(model: Model) -> tuple[Schedule, ...]:
    """Radiotherapy alone and, where the model takes drugs with a usual regimen, with all these."""
    alone = fractions_in_words(RADIOTHERAPY)
    pulses = tuple(
        Pulse(drug=drug, day=usual.interval_days * k, doses_per_day=usual.doses_per_day)
        for drug, usual in usual_calendars(model).items()
        for k in range(usual.cycles)
    )
    return (alone, alone.model_copy(update={"pulses": pulses})) if pulses else (alone,)


def usual_surfaces(engine: Engine, patient: Patient) -> tuple[Surface, ...]:
    """What decides the patient's count six weeks after radiotherapy, and how much drugs change it.

    Raises:
        NoForecastError: when the model has no number for any draw.
    """
    model = engine.population.model
    lanes = draw_patients(engine.population, DRAWS, engine.seed).lanes

    def count(course: Schedule) -> np.ndarray:
        visit = visit_of(SIX_WEEKS, course)
        arrays = engine.arrays(patient, course, course, visit, until=visit)
        days = np.full(MOST_COUNTS, visit)
        solved = engine.solver.solve(lanes, engine.fixed(patient), arrays, days, 1)
        return np.asarray(solved.at)[0, 0]

    alone, *with_drugs = map(count, usual_courses(model))
    numbers = [alone, *(given - alone for given in with_drugs)]
    solved = np.isfinite(numbers).all(axis=0)
    if not solved.any():
        raise NoForecastError(NO_SOLUTION.format(model.name))
    x = np.vstack([lanes.z, stacked(lanes)])[:, solved]
    return tuple(Surface.fit(x, number[solved]) for number in numbers)
