"""Rows with SS: doses that have been given for ever, against closed forms."""

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.model import ModelError
from lymphokin.population import pack
from lymphokin.solve.steady import doses_before
from tests.solve.by_scenario import predicted_by_scenario
from tests.solve.test_dosing_scenarios import (
    BLOCKS,
    SAMPLES,
    Given,
    every,
    expected,
    table_of,
)

pytestmark = pytest.mark.long

HEAD = "ID,TIME,EVID,CMT,AMT,II,ADDL,RATE,DUR,SS,DVID,DV"
EVER = -np.arange(400.0)
"""Of doses that make up a steady state, here 400: nothing is left of what came before."""
SCENARIOS = {
    "tablets": ("0,1,oral,50,1,,,,1", every("oral", EVER, 50)),
    "tablets and five more": (
        "0,1,oral,50,0.5,5,,,1",
        every("oral", np.concatenate([EVER / 2, np.arange(1, 6) / 2]), 50),
    ),
    "tablets and others": (
        "0,1,oral,50,1,,,,1|3,1,oral,20,1,2,,,",
        every("oral", EVER, 50) + every("oral", [3, 4, 5], 20),
    ),
    "boluses": ("1,1,line,80,0.25,,,,1", every("line", 1 + EVER / 4, 80)),
    "infusions": ("0,1,line,80,1,2,,0.25,1", every("line", [*EVER, 1, 2], 80, 0.25)),
    "infusions that overlap": ("0,1,line,80,1,,,1.5,1", every("line", EVER, 80, 1.5)),
    "depots": ("0,1,slow,30,7,2,,,1", every("slow", [*(7 * EVER), 7, 14], 30)),
    "depots by RATE": ("0,1,slow,30,7,,60,,1", every("slow", 7 * EVER, 30, 0.5)),
    "depots and a tablet": (
        "0,1,slow,30,3,,,,1|2,1,oral,50,,,,,",
        [*every("slow", 3 * EVER, 30), Given("oral", 2, 50)],
    ),
}
NAMES = ("oral_level", "line_level", "slow_level")


@pytest.fixture(scope="module")
def model():
    """Without the areas, which never settle."""
    return lk.make_model("settling", BLOCKS[:3], table_of(NAMES))


@pytest.fixture(scope="module")
def found(model, tmp_path_factory):
    """Per scenario and observable, what the model predicts on the sample days, and those days."""
    lines = [HEAD]
    for name, (rows, given) in SCENARIOS.items():
        own = [(float(row.split(",")[0]), f"{name},{row},,") for row in rows.split("|")]
        drugs = dict.fromkeys(dose.drug for dose in given)
        own += [(d, f"{name},{d},0,,,,,,,,{q}_level,1") for q in drugs for d in SAMPLES]
        lines += [line for _, line in sorted(own)]
    path = tmp_path_factory.mktemp("doses") / "doses.csv"
    path.write_text("\n".join(lines) + "\n")
    cohort = lk.read_events(path, model=model)
    lk.write_events(cohort, path.with_name("again.csv"))
    again = lk.read_events(path.with_name("again.csv"), model=model)
    assert again.doses.equals(cohort.doses)
    return predicted_by_scenario(model, again, SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_steady_state_is_that_of_doses_for_ever(found, scenario):
    given = SCENARIOS[scenario][1]
    for quantity in NAMES:
        days, values = found[scenario, quantity]
        wanted = expected(given, days)[quantity]
        largest = max(dose.amount for dose in given)
        np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-6 * largest, err_msg=quantity)


def test_as_many_doses_are_solved_as_the_slowest_mode_asks_for(model):
    slow = doses_before(model, "slow", 7.0, 1e-4)
    assert np.exp(-0.2 * 7 * slow) <= 1e-5 < np.exp(-0.2 * 7 * (slow - 1))
    assert doses_before(model, "slow", 1.0, 1e-4) > 6 * slow
    with pytest.raises(ModelError, match="more than 1000 doses: write the doses that were given"):
        doses_before(model, "slow", 0.01, 1e-4)


def test_a_steady_state_of_what_never_settles_is_refused(tmp_path):
    names = (*NAMES, "oral_area")
    model = lk.make_model("areas", BLOCKS, table_of(names))
    path = tmp_path / "doses.csv"
    path.write_text(f"{HEAD}\nA,0,1,oral,50,1,,,,1,,\nA,1,0,,,,,,,,oral_level,1\n")
    with pytest.raises(ModelError, match="steady state of oral every 1 days never comes"):
        pack(model, lk.read_events(path, model=model))


def test_a_steady_state_after_doses_is_refused(model, tmp_path):
    path = tmp_path / "doses.csv"
    path.write_text(f"{HEAD}\nA,0,1,oral,50,,,,,,,\nA,1,1,oral,50,1,,,,1,,\n")
    with pytest.raises(
        lk.BadInput, match="SS: expected a steady state at the patient's first dose"
    ):
        lk.read_events(path, model=model)
