"""From which day on events can happen: the first fraction or dose, whatever else came before it."""

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.infer import density_of
from lymphokin.model import Block, Dose, Flow, Hazard, ModelError, Output, State
from lymphokin.population import pack
from lymphokin.predict.survival import survival_on

HAZARD = 0.01


class Cells(Block):
    """A count under steroids and a pill, with an event at a constant rate."""

    takes = {"pill": Dose("mg")}
    states = {"pilled": State("mg"), "cells": State("1e9/L", lambda p: p.base)}
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}
    hazards = {"relapse": Hazard("relapse", "relapse")}

    def flows(self, y, p, u):
        return {
            "pilled": Flow(0.0, 1.0),
            "cells": Flow(0.1 * p.base, 0.1 * (1 + u.STEROIDS / 10)),
        }

    def on_dose(self, y, p, dose):
        return {"pilled": y.pilled + dose.pill}

    def on_fraction(self, y, p, fraction):
        return {"cells": 0.9 * y.cells}

    def hazard_rates(self, y, p, u):
        return {"relapse": p.hazard}

    def outputs(self, y, p, u):
        return {"alc": y.cells}


def parameter(unit, median):
    return {
        "symbol": "x",
        "meaning": "of a test",
        "unit": unit,
        "transform": "log",
        "median": median,
        "population_sd": 0.2,
        "source": "made up",
        "certainty": "proposed prior",
    }


TABLE = {
    "parameters": {"base": parameter("1e9/L", 1.5), "hazard": parameter("1/d", HAZARD)},
    "covariates": {
        "STEROIDS": {
            "varies": True,
            "unit": "mg",
            "meaning": "prednisone per day",
            "lowest": 0.0,
            "highest": 200.0,
            "missing": 0.0,
        }
    },
    "residuals": {
        "alc": {
            "distribution": "normal",
            "sd": 0.2,
            "source": "made up",
            "certainty": "proposed prior",
        }
    },
}
ROWS = {
    "fraction": (["-5,0,,,,,alc,1.5,", "0,1,rt,8,,,,,"], 30),
    "steroids before": (["-20,0,,,,,alc,1.5,10", "0,1,rt,8,,,,,"], 30),
    "pill before": (["-20,0,,,,,alc,1.5,10", "-4,1,pill,5,,,,,", "0,1,rt,8,,,,,"], 34),
    "pill for ever": (["-5,0,,,,,alc,1.5,", "0,1,rt,8,,,,,", "1,1,pill,5,1,1,,,"], 30),
    "another drug before": (["-5,0,,,,,alc,1.5,", "-3,1,atra,90,,,,,", "0,1,rt,8,,,,,"], 33),
    "nothing but steroids": (["-5,0,,,,,alc,1.5,", "10,0,,,,,alc,1.4,10"], 35),
}
"""Per patient, rows before a visit on day 30, and days for which the patient is then at risk."""


@pytest.fixture(scope="module")
def density(tmp_path_factory):
    model = lk.make_model("relapses", (Cells(),), TABLE)
    lines = ["ID,TIME,EVID,CMT,AMT,II,SS,DVID,DV,STEROIDS"]
    for patient, (rows, _) in ROWS.items():
        lines += [
            f"{patient},{row}" for row in [*rows, "30,0,,,,,relapse,0,", "60,0,,,,,relapse,1,"]
        ]
    path = tmp_path_factory.mktemp("relapses") / "events.csv"
    path.write_text("\n".join(lines) + "\n")
    return density_of(model, lk.read_events(path, model=model))


def test_a_constant_hazard_adds_up_from_the_first_fraction_or_dose(density):
    packed = density.packed
    (own,) = density.evaluate(density.centre[None], density.arrays)
    rows = packed.events["relapse"].reset_index(drop=True)
    found = np.asarray(own.events["relapse"].log_likelihood)[0, : len(rows)]
    for patient, (_, days) in ROWS.items():
        first, second = found[rows["id"] == patient]
        assert first == pytest.approx(-HAZARD * days, rel=1e-9), patient
        assert second == pytest.approx(np.log(-np.expm1(-HAZARD * 30)), rel=1e-9), patient


def test_nothing_has_happened_before_a_patient_is_at_risk(density):
    days = np.array([-10.0, 0.0, 30.0])
    kept = survival_on(density, np.asarray(density.centre)[None], "relapse", days)[0]
    patients = list(ROWS)
    late = patients.index("steroids before"), patients.index("pill for ever")
    np.testing.assert_allclose(kept[list(late)], [[1, 1, np.exp(-0.3)]] * 2, rtol=1e-9)


def test_a_model_that_begins_with_the_first_record_has_no_steady_state_before_it(tmp_path):
    model = lk.make_model("growing", (Cells(),), TABLE, begins="first record")
    path = tmp_path / "events.csv"
    head = "ID,TIME,EVID,CMT,AMT,II,SS,DVID,DV,STEROIDS\n"
    path.write_text(f"{head}A,-5,0,,,,,alc,1.5,0\nA,1,1,pill,5,1,1,,,\nA,30,0,,,,,alc,1.2,\n")
    with pytest.raises(lk.BadInput, match="SS: expected 0 or blank, as model growing begins with"):
        lk.read_events(path, model=model)
    # Read for a model that says nothing of the pill's steady state, it is refused by the other.
    cohort = lk.read_events(path, model=lk.make_model("resting", (Cells(),), TABLE))
    with pytest.raises(ModelError, match="patient A, day 1: SS = 1, and model growing begins"):
        pack(model, cohort)
