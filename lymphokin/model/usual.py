"""Usual regimens of the drugs that a model takes, in the unit of each drug."""

from __future__ import annotations

from lymphokin.model.model import Model
from lymphokin.model.units import mg_in
from lymphokin.regimens import regimens, usual_pulses
from lymphokin.schedule import PulseCalendar


def usual_calendars(model: Model) -> dict[str, PulseCalendar]:
    """The usual regimen of each drug that has one, by the drug's word in the event table.

    Regimens are stated in mg per m2: a drug whose unit is no mass has none.
    """
    per_mg = {drug: mg_in(dose.unit) for drug, dose in model.drugs.items() if drug in regimens()}
    return {drug: usual_pulses(drug, n) for drug, n in per_mg.items() if n is not None}
