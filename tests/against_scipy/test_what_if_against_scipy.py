"""Lanes of the what-if against the model written a second time and solved by SciPy."""

import numpy as np
import oracle

from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.sites import shipped_sites
from lymphokin.whatif.engine import CURVE_DAYS, Engine
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import PlannedFraction, Pulse, Schedule
from lymphokin.whatif.treatment import treatment_of

DAYS = (0, 3, 5, 14, 21, 46, 63, 105)
RTOL = 1e-3
LANES = (0, 17, 211)
"""Draws, which stand in the order of what they lead to."""


def test_lanes_with_and_without_atra_and_gamma_are_those_of_scipy():
    model = load_model("myeloid_lymphoid")
    engine = Engine(PopulationDraws.of_prior(model, draws=60))
    plan = Schedule(
        fractions=tuple(PlannedFraction(day=d, gy=10.0) for d in range(5)), pulses=(Pulse(day=0.0),)
    )
    patient = Patient(site="liver", n_lesions=2)
    solved = engine.solve(patient, plan, plan, 400)
    t = treatment_of(patient, plan, plan, shipped_sites())
    fractions = list(zip(t.fraction_days, t.immune_dose, t.share, strict=True))
    doses = list(zip(t.dose_days, t.amount, strict=True))
    at = [int(np.flatnonzero(day == CURVE_DAYS)[0]) for day in DAYS]
    for lane in LANES:
        values = np.asarray(solved.parameters)[:, lane]
        own = {p.name: float(v) / p.per_day
               for p, v in zip(model.table, values, strict=True)}  # fmt: skip
        zero = own | {"suppression": 0.0}
        versions = [(own, doses), (own, []), (zero, doses), (zero, [])]
        for version, (parameters, taken) in enumerate(versions):
            exact = oracle.solve(parameters, taken, fractions, DAYS)
            counts = np.exp(np.asarray(solved.at)[version, at, lane])
            np.testing.assert_allclose(counts, exact["alc"], rtol=RTOL)
            end = np.exp(np.asarray(solved.at)[version, -1, lane])
            np.testing.assert_allclose(end, exact["alc"][DAYS.index(46)], rtol=1e-4)
        mdsc = np.exp(np.asarray(solved.others["mdsc"])[at, lane])
        np.testing.assert_allclose(mdsc, oracle.solve(own, doses, fractions, DAYS)["mdsc"],
                                   rtol=RTOL)  # fmt: skip
