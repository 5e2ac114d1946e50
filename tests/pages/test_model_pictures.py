"""The equation table and the diagram say what the model's code does."""

import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lymphokin.model import (
    Block,
    Dose,
    Flow,
    Fraction,
    Output,
    State,
    load_model,
    make_model,
    shipped_models,
    state_type,
)
from lymphokin.pages.equations import equations
from lymphokin.pages.model_diagram import write_diagram

WORDS = {
    "ln": math.log,
    "exp": math.exp,
    "max": max,
    "min": min,
    "cbrt": math.cbrt,
    "total": lambda x: 2 * x,  # over two lesions alike
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "d": 0.3,
    "w": 0.2,
    "gy": 8.0,
    "dose": 270.0,
}


def worth(text: str, values: dict[str, float]) -> float:
    """Value of a printed expression."""
    text = text.replace("^", "**").replace("ln 2", repr(math.log(2)))
    text = text.replace("sum over lesions", "total")
    text = re.sub(r"\((.+) if (.+), else (.+)\)$", r"((\1) if (\2) else (\3))", text)
    return eval(text, {"__builtins__": {}}, WORDS | values)


@pytest.mark.parametrize("name", shipped_models())
def test_printed_equations_have_the_values_of_the_code(name):
    model = load_model(name)
    rng = np.random.default_rng(1)
    medians = {p.name: p.median * p.per_day for p in model.table}
    symbols = {p.symbol: medians[p.name] for p in model.table}
    p = SimpleNamespace(**medians)
    lines = {(line.block, line.left): line.right for line in equations(model)}
    u = SimpleNamespace(**{n: 0.3 for b in model.blocks for n in b.hands_down})
    u.sum_over_lesions = WORDS["total"]
    for block in model.blocks:
        y = state_type(block)(*rng.uniform(0.2, 2.0, len(block.states)))
        seen = symbols | vars(u) | y._asdict()

        def printed(left, block=block, seen=seen):
            return worth(lines[block.name, left], seen)

        if block.hazards:
            for event, rate in block.hazard_rates(y, p, u).items():
                assert printed(f"d cumulative_{event}/dt") == pytest.approx(float(rate), rel=1e-5)
            continue
        for state, flow in block.flows(y, p, u).items():
            expected = flow.inflow - flow.loss * getattr(y, state)
            assert printed(f"d {state}/dt") == pytest.approx(float(expected), rel=1e-5)
        if block.clock == "days":
            events = (
                block.on_fraction(y, p, Fraction(WORDS["d"], WORDS["w"], WORDS["gy"])),
                "a fraction",
            )
        else:
            events = block.on_dose(y, p, WORDS["dose"]), "a dose"
        for state, value in events[0].items():
            assert printed(f"{state} at {events[1]}") == pytest.approx(float(value), rel=1e-5)
        shown = block.outputs(y, p, u)
        for output, value in shown.items():
            assert printed(output) == pytest.approx(float(value), rel=1e-5)
        vars(u).update(shown)


def test_the_diagram_is_an_svg_that_names_every_block_and_state(tmp_path):
    model = load_model("myeloid_lymphoid")
    write_diagram(model, tmp_path / "model.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["model.svg"]
    text = " ".join(ElementTree.parse(tmp_path / "model.svg").getroot().itertext())
    for block in model.blocks:
        assert block.name in text
        assert all(state.replace("_", " ") in text for state in block.states)


def test_the_diagram_names_what_comes_from_outside(tmp_path):
    """Each drug by its label, infusions, and covariates that change."""
    examples = Path(__file__).parents[2] / "docs" / "examples"
    write_diagram(load_model(examples / "il7_atra.py"), tmp_path / "drugs.svg")
    text = list(ElementTree.parse(tmp_path / "drugs.svg").getroot().itertext())
    assert {"ATRA", "rhIL-7-hyFc", "RT"} <= set(text)
    assert "drug" not in text
    model = make_model("infused", (Infused(),), INFUSED)
    write_diagram(model, tmp_path / "infused.svg")
    text = list(ElementTree.parse(tmp_path / "infused.svg").getroot().itertext())
    assert {"antibody, infused", "antibody", "STEROIDS"} <= set(text)


class Infused(Block):
    takes = {"mab": Dose("mg", "antibody")}
    states = {"blood": State("mg")}
    shows = {"level": Output("mg")}

    def flows(self, y, p, u):
        return {"blood": Flow(u.rate.mab, p.loss * (1 + u.STEROIDS / 100))}

    def on_dose(self, y, p, dose):
        return {"blood": y.blood + dose.mab}

    def outputs(self, y, p, u):
        return {"level": y.blood}


STATED = {"source": "for a test", "certainty": "fixed"}
INFUSED = {
    "parameters": {
        "loss": {"symbol": "k", "meaning": "loss", "unit": "1/d", "transform": "log",
                 "median": 0.1, "population_sd": 0.1, **STATED},
    },
    "covariates": {
        "STEROIDS": {"varies": True, "unit": "mg", "meaning": "prednisone", "lowest": 0.0,
                     "highest": 200.0, "missing": 0.0},
    },
    "residuals": {"level": {"distribution": "normal", "sd": 0.2, **STATED}},
}  # fmt: skip
