"""Rows of an event table as doses: every scenario against its closed form, each dose counted once.

One patient per scenario, all solved at once. A dose of any kind into a compartment that empties at
a constant rate has a closed form, and doses add up.
"""

from dataclasses import dataclass

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.model import Block, Dose, Flow, Output, state
from tests.solve.by_scenario import predicted_by_scenario

K_A, K_ORAL, K_LINE, K_SLOW = 24.0, 3.0, 8.0, 0.2
LAG_ORAL, LAG_LINE = 0.75 / 24, 2.0 / 24
SAMPLES = (0.02, 0.11, 0.5, 1.03, 2.4, 3.2, 9.05, 10.3, 20.4, 31.7, 60.0)


class Oral(Block):
    clock = "hours"
    takes = {"oral": Dose("mg", "tablet", lag="oral_lag")}
    hands_down = ("central",)
    gut, central = state("mg"), state("mg")
    shows = {"oral_level": Output("mg", "amount of the tablet")}

    def flows(self, y, p, u):
        return {"gut": Flow(0.0, p.k_a), "central": Flow(p.k_a * y.gut, p.k_oral)}

    def on_dose(self, y, p, dose):
        return {"gut": y.gut + dose.oral}

    def outputs(self, y, p, u):
        return {"oral_level": y.central}


class Line(Block):
    clock = "hours"
    takes = {"line": Dose("ug", lag="line_lag")}
    hands_down = ("blood",)
    blood = state("ug")
    shows = {"line_level": Output("ug", "amount of the infusion")}

    def flows(self, y, p, u):
        return {"blood": Flow(u.rate.line, p.k_line)}

    def on_dose(self, y, p, dose):
        return {"blood": y.blood + dose.line}

    def outputs(self, y, p, u):
        return {"line_level": y.blood}


class Slow(Block):
    takes = {"slow": Dose("mg")}
    depot = state("mg")
    shows = {"slow_level": Output("mg", "amount of the depot")}

    def flows(self, y, p, u):
        return {"depot": Flow(u.rate.slow, p.k_slow)}

    def on_dose(self, y, p, dose):
        return {"depot": y.depot + dose.slow}

    def outputs(self, y, p, u):
        return {"slow_level": y.depot}


class Areas(Block):
    of_oral, of_line = state("mg*d"), state("ug*d")
    shows = {"oral_area": Output("mg*d", "area"), "line_area": Output("ug*d", "area")}

    def flows(self, y, p, u):
        return {"of_oral": Flow(u.central, 0.0), "of_line": Flow(u.blood, 0.0)}

    def outputs(self, y, p, u):
        return {"oral_area": y.of_oral, "line_area": y.of_line}


BLOCKS = (Oral(), Line(), Slow(), Areas())
RATES = {"oral": K_ORAL, "line": K_LINE, "slow": K_SLOW}
LAGS = {"oral": LAG_ORAL, "line": LAG_LINE, "slow": 0.0}


@dataclass(frozen=True)
class Given:
    """One dose, as the row of the table means it."""

    drug: str
    day: float
    amount: float
    duration: float = 0.0


def every(drug, days, amount, duration=0.0):
    return [Given(drug, float(day), amount, duration) for day in days]


HEAD = "ID,TIME,EVID,CMT,AMT,II,ADDL,RATE,DUR,DVID,DV"
SCENARIOS = {
    "one tablet": ("0,1,oral,100,,,,", every("oral", [0], 100)),
    "later tablet": ("2.5,1,oral,100,,,,", every("oral", [2.5], 100)),
    "two rows": ("0,1,oral,60,,,,|1,1,oral,40,,,,", [Given("oral", 0, 60), Given("oral", 1, 40)]),
    "daily by ADDL": ("0,1,oral,50,1,6,,", every("oral", range(7), 50)),
    "three times a day": ("0,1,oral,20,0.33333333,8,,", every("oral", np.arange(9) / 3, 20)),
    "pulses": ("0,1,oral,50,21,2,,", every("oral", [0, 21, 42], 50)),
    "two courses": (
        "0,1,oral,50,1,2,,|21,1,oral,70,1,2,,",
        every("oral", range(3), 50) + every("oral", range(21, 24), 70),
    ),
    "steady state by many": ("0,1,oral,10,0.5,119,,", every("oral", np.arange(120) / 2, 10)),
    "overlapping regimens": (
        "0,1,oral,50,1,4,,|0.5,1,oral,25,2,2,,",
        every("oral", range(5), 50) + every("oral", [0.5, 2.5, 4.5], 25),
    ),
    "bolus into the line": ("0,1,line,100,,,,", every("line", [0], 100)),
    "bolus every day": ("0,1,line,100,1,4,,", every("line", range(5), 100)),
    "infusion by RATE": ("0,1,line,100,,,400,", every("line", [0], 100, 0.25)),
    "infusion by DUR": ("0,1,line,100,,,,0.5", every("line", [0], 100, 0.5)),
    "long infusion": ("0,1,line,700,,,,7", every("line", [0], 700, 7)),
    "infusion repeated": ("0,1,line,100,1,3,400,", every("line", range(4), 100, 0.25)),
    "infusions that overlap": ("0,1,line,100,1,2,,1.5", every("line", range(3), 100, 1.5)),
    "bolus then infusion": (
        "0,1,line,50,,,,|0,1,line,100,,,,1",
        [Given("line", 0, 50), Given("line", 0, 100, 1.0)],
    ),
    "infusion then bolus": (
        "0,1,line,100,,,,1|0.6,1,line,50,,,,",
        [Given("line", 0, 100, 1.0), Given("line", 0.6, 50)],
    ),
    "infusions far apart": ("0,1,line,100,28,1,,2", every("line", [0, 28], 100, 2)),
    "depot": ("0,1,slow,30,,,,", every("slow", [0], 30)),
    "depot every three weeks": ("0,1,slow,30,21,2,,", every("slow", [0, 21, 42], 30)),
    "depot by infusion": ("0,1,slow,30,,,,3", every("slow", [0], 30, 3)),
    "depot by RATE repeated": ("0,1,slow,30,7,3,60,", every("slow", [0, 7, 14, 21], 30, 0.5)),
    "depot and tablet": (
        "0,1,oral,100,,,,|0,1,slow,30,,,,",
        [Given("oral", 0, 100), Given("slow", 0, 30)],
    ),
    "tablet and line at once": (
        "1,1,oral,100,,,,|1,1,line,40,,,,",
        [Given("oral", 1, 100), Given("line", 1, 40)],
    ),
    "tablet during an infusion": (
        "0,1,line,300,,,,3|1.5,1,oral,100,,,,",
        [Given("line", 0, 300, 3), Given("oral", 1.5, 100)],
    ),
    "all three on their own days": (
        "0,1,oral,50,1,2,,|3,1,line,80,7,1,,0.5|5,1,slow,20,14,1,,",
        every("oral", range(3), 50) + every("line", [3, 10], 80, 0.5) + every("slow", [5, 19], 20),
    ),
    "nothing": ("", []),
}


def emptying(k, since, duration):
    """Share of a dose that is left in a compartment, and its area so far, since it began."""
    since = np.maximum(since, 0.0)
    if not duration:
        return np.exp(-k * since) * (since > 0), -np.expm1(-k * since) / k
    running, over = np.minimum(since, duration), np.maximum(since - duration, 0.0)
    amount = -np.expm1(-k * running) / k / duration * np.exp(-k * over)
    return amount, (running / duration - amount) / k


def expected(given, days):
    """Level and area of each drug on some days, by name of the observable."""
    total = {name: np.zeros(len(days)) for name in NAMES}
    for dose in given:
        since = np.asarray(days) - dose.day - LAGS[dose.drug]
        level, area = emptying(RATES[dose.drug], since, dose.duration)
        if dose.drug == "oral":
            gut, of_gut = emptying(K_A, since, 0.0)
            ratio = K_A / (K_A - K_ORAL)
            level, area = ratio * (level - gut), ratio * (area - of_gut)
        total[f"{dose.drug}_level"] += dose.amount * level
        if dose.drug != "slow":
            total[f"{dose.drug}_area"] += dose.amount * area
    return total


NAMES = ("oral_level", "line_level", "slow_level", "oral_area", "line_area")


def table_of(names):
    """The parameters of all three drugs, and a residual of each observable."""
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    values = {
        "k_a": K_A, "k_oral": K_ORAL, "k_line": K_LINE, "k_slow": K_SLOW,
        "oral_lag": LAG_ORAL, "line_lag": LAG_LINE,
    }  # fmt: skip
    units = {name: "d" if name.endswith("lag") else "1/d" for name in values}
    parameters = {
        name: {**words, "unit": units[name], "transform": "log", "median": value}
        for name, value in values.items()
    }
    residual = {"distribution": "normal", "sd": 0.1, "source": "none", "certainty": "fixed"}
    return {"parameters": parameters, "residuals": dict.fromkeys(names, residual)}


@pytest.fixture(scope="module")
def model():
    return lk.make_model("three_drugs", BLOCKS, table_of(NAMES))


@pytest.fixture(scope="module")
def found(model, tmp_path_factory):
    """Per scenario and observable, what the model predicts on the sample days, and those days."""
    lines = [HEAD]
    for name, (rows, given) in SCENARIOS.items():
        asked = {(day, f"{name},{row}") for row in filter(None, rows.split("|"))
                 for day in [float(row.split(",")[0])]}  # fmt: skip
        asked = {(day, f"{line},,") for day, line in asked}
        wanted = NAMES if any(d.drug != "slow" for d in given) else NAMES[2:]
        asked |= {(day, f"{name},{day},0,,,,,,,{q},1") for q in wanted for day in SAMPLES}
        lines += [line for _, line in sorted(asked)]
    path = tmp_path_factory.mktemp("doses") / "doses.csv"
    path.write_text("\n".join(lines) + "\n")
    cohort = lk.read_events(path, model=model)
    assert len(cohort.doses) == sum(len(given) for _, given in SCENARIOS.values())
    return predicted_by_scenario(model, cohort, SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_dose_is_the_closed_form(found, scenario):
    given = SCENARIOS[scenario][1]
    for quantity in NAMES:
        days, values = found[scenario, quantity]
        wanted = expected(given, days)[quantity]
        largest = max((dose.amount for dose in given), default=1.0)
        np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-6 * largest, err_msg=quantity)
