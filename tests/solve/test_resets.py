"""Rows with EVID 3 and 4: a patient goes back to the untreated state, against closed forms."""

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.model import Block, Hazard, ModelError
from lymphokin.population import pack
from tests.solve.by_scenario import predicted_by_scenario
from tests.solve.test_dosing_scenarios import BLOCKS, NAMES, Given, every, expected, table_of

pytestmark = pytest.mark.long

HEAD = "ID,TIME,EVID,CMT,AMT,II,ADDL,RATE,DUR,DVID,DV"
SAMPLES = (0.02, 0.5, 1.03, 2.0, 2.05, 2.4, 3.2, 9.05, 20.4, 21.0, 21.1, 31.7)
SCENARIOS = {
    "tablet and reset": ("0,1,oral,100,,,,|2,3,,,,,,", every("oral", [0], 100), [2]),
    "reset and tablet": (
        "0,1,oral,100,,,,|2,4,oral,40,,,,",
        [Given("oral", 0, 100), Given("oral", 2, 40)],
        [2],
    ),
    "a tablet after a reset": (
        "0,1,oral,100,,,,|2,3,,,,,,|3,1,oral,40,,,,",
        [Given("oral", 0, 100), Given("oral", 3, 40)],
        [2],
    ),
    "a tablet that had not arrived": (
        "1.99,1,oral,100,,,,|2,3,,,,,,",
        every("oral", [1.99], 100),
        [2],
    ),
    "daily tablets": (
        "0,1,oral,50,1,1,,|2,4,oral,50,1,3,,",
        every("oral", range(6), 50),
        [2],
    ),
    "infusion stopped": ("0,1,line,300,,,,3|2,3,,,,,,", every("line", [0], 300, 3), [2]),
    "infusion stopped and begun anew": (
        "0,1,line,300,,,,3|2,4,line,100,,,,1",
        [Given("line", 0, 300, 3), Given("line", 2, 100, 1)],
        [2],
    ),
    "bolus at a reset": (
        "0,1,line,80,,,,|2,4,line,40,,,,",
        [Given("line", 0, 80), Given("line", 2, 40)],
        [2],
    ),
    "depot": (
        "0,1,slow,30,,,,|2,3,,,,,,|3,1,slow,20,,,,",
        [Given("slow", 0, 30), Given("slow", 3, 20)],
        [2],
    ),
    "three drugs, two resets": (
        "0,1,oral,50,1,1,,|0.5,1,slow,20,,,,|2,3,,,,,,|2.1,1,line,80,,,,0.5|3,1,slow,20,,,,"
        "|21,4,oral,70,,,,|21,1,slow,10,,,,",
        [
            *every("oral", [0, 1], 50), Given("slow", 0.5, 20), Given("line", 2.1, 80, 0.5),
            Given("slow", 3, 20), Given("oral", 21, 70), Given("slow", 21, 10),
        ],
        [2, 21],
    ),
}  # fmt: skip


def since_the_reset(given, resets, days):
    """What the closed form of the doses since the last reset before each day has."""
    found = {name: np.zeros(len(days)) for name in NAMES}
    for i, day in enumerate(days):
        last = max((r for r in resets if r < day), default=-np.inf)
        own = [dose for dose in given if dose.day >= last]
        for name, value in expected(own, [day]).items():
            found[name][i] = value[0]
    return found


@pytest.fixture(scope="module")
def model():
    return lk.make_model("three_drugs", BLOCKS, table_of(NAMES))


@pytest.fixture(scope="module")
def cohort(model, tmp_path_factory):
    lines = [HEAD]
    for name, (rows, given, _) in SCENARIOS.items():
        id_ = name.replace(",", "")
        own = [(float(row.split(",")[0]), 1, f"{id_},{row},,") for row in rows.split("|")]
        wanted = NAMES if any(d.drug != "slow" for d in given) else NAMES[2:]
        own += [(d, 0, f"{id_},{d},0,,,,,,,{q},1") for q in wanted for d in SAMPLES]
        lines += [line for *_, line in sorted(own, key=lambda part: part[:2])]
    path = tmp_path_factory.mktemp("doses") / "doses.csv"
    path.write_text("\n".join(lines) + "\n")
    cohort = lk.read_events(path, model=model)
    lk.write_events(cohort, path.with_name("again.csv"))
    again = lk.read_events(path.with_name("again.csv"), model=model)
    assert again.resets.equals(cohort.resets)
    assert again.doses.equals(cohort.doses)
    return again


@pytest.fixture(scope="module")
def found(model, cohort):
    """Per scenario and observable, what the model predicts on the sample days, and those days."""
    return predicted_by_scenario(model, cohort, SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_after_a_reset_only_what_came_later_counts(found, scenario):
    _, given, resets = SCENARIOS[scenario]
    for quantity in NAMES:
        days, values = found[scenario, quantity]
        wanted = since_the_reset(given, resets, days)[quantity]
        largest = max(dose.amount for dose in given)
        np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-6 * largest, err_msg=quantity)


def test_doses_that_a_reset_would_forget_are_refused(model, tmp_path):
    path = tmp_path / "doses.csv"
    rows = [
        "A,0,1,oral,50,1,5,,,,",
        "A,2,1,line,20,,,,,,",
        "A,2,3,oral,9,,,,,,",
        "A,3,0,,,,,,,oral_level,1",
    ]
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    with pytest.raises(lk.BadInput) as refused:
        lk.read_events(path, model=model)
    said = str(refused.value)
    assert "ADDL: expected repeated doses to end before a reset" in said
    assert "TIME: expected a dose at the time of a reset after it in the file" in said
    assert "AMT: expected a blank on a reset (EVID 3)" in said


class Leaving(Block):
    hazards = {"leaving": Hazard("leaving")}

    def hazard_rates(self, y, p, u):
        return {"leaving": p.k_slow}


def test_a_reset_is_refused_where_it_would_undo_an_event(tmp_path):
    model = lk.make_model("leaving", (*BLOCKS, Leaving()), table_of(NAMES))
    path = tmp_path / "doses.csv"
    path.write_text(f"{HEAD}\nA,0,1,oral,50,,,,,,\nA,2,3,,,,,,,,\nA,3,0,,,,,,,leaving,0\n")
    with pytest.raises(ModelError, match=r"has hazards \(leaving\), which no reset undoes"):
        pack(model, lk.read_events(path, model=model))
