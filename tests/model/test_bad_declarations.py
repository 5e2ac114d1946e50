"""Bad declarations of a model: one message with the file, the key, what was found and expected."""

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from lymphokin.model import Model, ModelError, load_model
from lymphokin.model.units import unknown_unit

MODEL = '''"""A model of the adversary."""
import jax.numpy as jnp
from lymphokin.model import Block, Dose, Flow, Hazard, Output, state
begins = "first record"


class Drug(Block):
    clock = "hours"
    takes = {"il7": Dose("mg", "rhIL-7", lag="lag")}
    level = state("mg/L")
    hands_down = ("level",)
    shows = {"il7": Output("mg/L", "level")}

    def flows(self, y, p, u):
        return {"level": Flow(0.0, p.elimination)}

    def on_dose(self, y, p, dose):
        return {"level": y.level + dose.il7 / 3.0}

    def outputs(self, y, p, u):
        return {"il7": y.level}


class Cells(Block):
    cells = state("1e9/L", lambda p: p.baseline)
    shows = {"alc": Output("1e9/L", "count")}

    def flows(self, y, p, u):
        loss = p.turnover * (1 + u.STEROIDS / 100)
        return {"cells": Flow(p.turnover * p.baseline * (1 + u.level), loss)}

    def on_fraction(self, y, p, fraction):
        return {"cells": jnp.exp(-p.kill * fraction.immune_dose) * y.cells}

    def outputs(self, y, p, u):
        return {"alc": y.cells}


class Lesion(Block):
    size = state("cm3", lambda p: p.volume, per="lesion")
    shows = {"volume": Output("cm3", "of a lesion"), "burden": Output("cm3", "of all")}

    def flows(self, y, p, u):
        return {"size": Flow(p.growth * y.size, 0.0)}

    def on_fraction(self, y, p, fraction):
        return {"size": jnp.exp(-0.1 * fraction.gy) * y.size}

    def outputs(self, y, p, u):
        return {"volume": y.size, "burden": u.sum_over_lesions(y.size)}


class Events(Block):
    hazards = {"progression": Hazard("progression", "progression")}

    def hazard_rates(self, y, p, u):
        return {"progression": p.rate * u.burden}


blocks = (Drug(), Cells(), Lesion(), Events())
'''


def rate(median: float, unit: str = "1/d", **keys: Any) -> dict[str, Any]:
    known = {"symbol": "k", "meaning": "a number", "unit": unit, "transform": "log",
             "median": median, "population_sd": 0.1, "source": "for a test",
             "certainty": "proposed prior"}  # fmt: skip
    return known | keys


SCATTER = {"distribution": "normal", "sd": 0.2, "source": "for a test", "certainty": "fixed"}
STEROIDS = {"varies": True, "unit": "mg", "meaning": "prednisone",
            "lowest": 0.0, "highest": 200.0, "missing": 0.0}  # fmt: skip
PARAMETERS = {
    "elimination": rate(0.05, "1/h"), "lag": rate(0.5, "h"), "turnover": rate(0.1),
    "baseline": rate(1.2, "1e9/L", between_subject_sd=0.2), "kill": rate(0.3, "1/Gy"),
    "volume": rate(5.0, "cm3", between_lesion_sd=0.5), "growth": rate(0.01), "rate": rate(0.001),
}  # fmt: skip


@pytest.fixture
def load(tmp_path: Path):
    """Loads the model above with changes: of its code, (before, after), and of its table."""

    def of(*code: tuple[str, str], **changes: Any) -> Model:
        text = MODEL
        for before, after in code:
            assert before in text
            text = text.replace(before, after)
        table = {
            "parameters": {**PARAMETERS, **changes.pop("parameters", {})},
            "covariates": {"STEROIDS": STEROIDS, **changes.pop("covariates", {})},
            "residuals": {"alc": SCATTER, "volume": SCATTER, **changes.pop("residuals", {})},
            **changes,
        }
        (tmp_path / "adverse.py").write_text(text)
        (tmp_path / "adverse.toml").write_text(tomli_w.dumps(table))
        return load_model(tmp_path / "adverse.py")

    return of


def test_the_model_itself_loads(load):
    assert list(load().hazards) == ["progression"]


CODE = {
    ("dose.il7", "dose.il15"): "block Drug of model adverse asks for dose.il15: expected dose.il7",
    ('Dose("mg", "rhIL-7", lag="lag")', '"mg"'): "takes['il7'] must be Dose(unit, ...), not 'mg'",
    ('takes = {"il7": Dose("mg", "rhIL-7", lag="lag")}', 'takes = ["il7"]'): "takes must be a dict",
    ('"mg", "rhIL-7"', '"mg", 7'): "takes['il7']: label must be text, not 7",
    (
        '"mg", "rhIL-7"',
        '"spoons", "rhIL-7"',
    ): "takes['il7']: unit 'spoons' has the unknown 'spoons'",
    ('lag="lag"', 'lag="delay"'): "its lag 'delay' is not in the table",
    ('"il7": Dose', '"rt": Dose'): "takes 'rt', which cannot be a word of CMT",
    ("p.rate * u.burden", "-p.rate * u.burden"): "a hazard is negative at plausible parameters: "
    "Events.progression has -",
    (
        "p.rate * u.burden",
        "jnp.nan * p.rate",
    ): "the hazard rate of 'progression' is nan at the medians",
    ('{"progression": p.rate * u.burden}', "p.rate"): "hazard_rates must be a dict",
    ('{"progression": p', '{"death": p.rate, "progression": p'): "hazard_rates name 'death'",
    ("u.burden", "u.volume"): "its flow differs from lesion to lesion",
    ('hazards = {"progression"', 'hazards = {"alc"'): "hazards names 'alc'",
    ('{"progression": Hazard("progression", "progression")}', '["progression"]'): "hazards must be "
    "a dict such as",
    ('Hazard("progression", "progression")', 'Hazard("progression", exact="yes")'): "exact must be "
    "True or False, not 'yes'",
    ("u.STEROIDS", "u.WEIGHT"): "asks for WEIGHT, which is neither a parameter",
    (" * (1 + u.STEROIDS / 100)", ""): "covariates.STEROIDS is in the table but no block",
    ("(1 + u.level)", "(1 + u.burden)"): "block Cells of model adverse asks for burden",
    ('{"alc": y.cells}', '{"alc": y.sells}'): "asks for y.sells: expected y.cells",
    ('{"alc": y.cells}', '{"alc": jnp.log(-y.cells)}'): "the output 'alc' is nan at the medians",
    ('{"alc": y.cells}', '{"alc": y.cells if y.cells > 0 else 0.0}'): "fails on arrays of patients",
    ('{"alc": Output("1e9/L", "count")}', '{"alc": "1e9/L"}'): "shows['alc'] must be Output(unit",
    ('"1e9/L", "count"', '"1e9/L", "count", decimals=-1'): "decimals must be a whole number from 0",
    ('"1e9/L", "count"', '"1e9/L", "count", at_most=0'): "at_most must be a number above 0, not 0",
    ('"volume": Output', '"alc": Output("1e9/L", "x"), "volume": Output'): "'alc' is shown by more "
    "than one block",
    (
        'size = state("cm3"',
        'cells = state("1")\n    size = state("cm3"',
    ): "'cells' is a state of more than one block",
    ("lambda p: p.volume", '"large"'): "must be a number or a function of the parameters",
    (
        "lambda p: p.baseline)",
        "lambda p: p.baseline * jnp.nan)",
    ): "the initial value of 'cells' is nan",
    ("Flow(p.growth * y.size, 0.0)", 'Flow("fast", 0.0)'): "the inflow of 'size' is 'fast'",
    (
        "fraction.immune_dose",
        "fraction.dose",
    ): "asks for fraction.dose: expected fraction.immune_dose",
    (
        "* y.size, 0.0)",
        "* y.size, 0.0).loss_rate",
    ): "AttributeError: 'Flow' object has no attribute",
    (
        "Events())",
        'Events(), type("Bare", (Block,), {"flows": lambda _, y, *u: y.cells})())',
    ): "block Bare of model adverse asks for y.cells, but it has no states",
    ('("level",)', '"level"'): "hands_down must be a tuple of names",
    (
        """    def on_dose(self, y, p, dose):
        return {"level": y.level + dose.il7 / 3.0}

""",
        "",
    ): "takes 'il7' and has no on_dose",
    ('per="lesion"', 'per="organ"'): "state 'size' is per 'organ'",
    ('{"il7": Dose', '{"class": Dose'): "takes 'class', which cannot be a word of CMT",
    ('{"il7": Dose', '{"ATRA": Dose("mg"), "il7": Dose'): "'ATRA' and 'atra' are one word of CMT",
    ('"volume": Output', '"v,": Output("cm3"), "volume": Output'): "shows 'v,', which cannot be",
    ('hazards = {"progression"', 'hazards = {"ALC"'): "'alc' and 'ALC' are one word of DVID",
    ('{"alc": y.cells}', '{"alc": y.cells - 2.0}'): "block Cells shows alc = -0.8 at the medians: "
    "expected at least 0",
    ("(1 + u.level)", "(1 + u.rate.il15)"): "asks for u.rate.il15: expected that of a drug",
    ("    def hazard_rates", "    def rates"): "'progression' and the block has no hazard_rates",
    ('begins = "first record"', "begins = 3"): "begins must be 'first record'",
    ("Events())", "Events(), Events())"): "more than one block is called Events",
}


@pytest.mark.parametrize("change", CODE, ids=lambda change: change[1][:40])
def test_a_wrong_line_of_code_is_one_message_with_its_file_and_block(load, change):
    with pytest.raises(ModelError) as refused:
        load(change)
    message = str(refused.value)
    assert message.startswith("adverse.py: ")
    assert CODE[change] in message


def test_an_output_is_not_called_like_a_single_lesion_of_another(load):
    change = ('"burden": Output', '"volume_2": Output("cm3", "of all"), "burden": Output')
    shown = ('{"volume": y.size, ', '{"volume": y.size, "volume_2": u.sum_over_lesions(y.size), ')
    assert load(change, shown).lesion_outputs == {"volume"}  # nobody measures it
    with pytest.raises(ModelError, match="'volume_2' is what lesion 2 of 'volume' is called"):
        load(change, shown, residuals={"volume_2": SCATTER})


TABLE: list[tuple[dict[str, Any], str]] = [
    ({"rate": rate(0.001, "bananas/d")}, "parameters.rate: unit 'bananas/d' has the unknown"),
    ({"rate": rate(0.001, "")}, "parameters.rate: unit '' has the unknown ''"),
    ({"rate": rate(0.001, "1/week")}, "unit '1/week' must give time as h or d"),
    ({"rate": rate(0.001, symbol=["k"])}, "symbol must be text, not ['k']"),
    ({"rate": rate(float("nan"))}, "median must be a finite number, not nan"),
    ({"rate": rate(0.001, population_sd=float("inf"))}, "population_sd must be a finite number"),
    ({"rate": rate(0.001, prior="cauchy")}, "prior must be normal,"),
    ({"rate": rate(0.001, medain=1.0)}, "unknown key 'medain'"),
    ({"rate": 3}, "parameters.rate: must be a table of keys, not 3"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "said"), TABLE, ids=lambda part: str(part)[:40])
def test_a_wrong_parameter_is_one_message_with_its_key(load, changed, said):
    with pytest.raises(ModelError) as refused:
        load(parameters=changed)
    message = str(refused.value)
    assert message.startswith("adverse.toml: ")
    assert said in message
    assert ";" not in message  # one problem is said once


@pytest.mark.parametrize("name", ["TIME", "DV", "LESION", "AGE", "USUBJID", "PTV_PER_LESION_CM3"])
def test_a_covariate_that_varies_has_a_column_of_its_own(load, name):
    """A column that every table has would be read as two things."""
    with pytest.raises(ModelError, match=f"covariates.{name}: expected a column of its own"):
        load(("STEROIDS / 100", f"STEROIDS / 100 + u.{name}"), covariates={name: STEROIDS})


def test_a_count_in_another_unit_is_not_graded(load):
    model = load(('"1e9/L", "count"', '"cells/uL", "count"'))
    with pytest.raises(ModelError, match="has none: an output 'alc' in 1e9/L"):
        model.require_counts("a forecast")
    load().require_counts("a forecast")


def test_everything_that_is_wrong_is_said_at_once(load):
    with pytest.raises(ModelError) as refused:
        load(
            parameters={"rate": {k: v for k, v in rate(1.0).items() if k != "median"},
                        "kill": rate(0.3, "1/week")},
            residuals={"alc": SCATTER | {"sd": -1.0}, "volume": 0.2},
            covariates={"STEROIDS": STEROIDS | {"unit": "spoons"}, "AGE": 3},
        )  # fmt: skip
    for said in (
        "parameters.rate: median is missing", "parameters.kill: unit '1/week' must",
        "residuals.alc: sd must be above 0", "residuals.volume: must be a table of keys, not 0.2",
        "covariates.STEROIDS: unit 'spoons'", "covariates.AGE: must be a table of keys, not 3",
    ):  # fmt: skip
        assert said in str(refused.value)
    with pytest.raises(ModelError) as refused:
        load(('{"alc": Output("1e9/L", "count")}', '["alc"]'), ('"mg", "rhIL-7"', '"spoons", 7'))
    for said in ("Drug: takes['il7']: unit 'spoons'", "Drug: takes['il7']: label must be text",
                 "Cells: shows must be a dict"):  # fmt: skip
        assert said in str(refused.value)


@pytest.mark.parametrize(
    "unit", ["1", "%", "1e9/L", "1e9/L/Gy", "cells/uL/d", "ng*h/mL", "mg d", "Gy^2", "cm3",
             "10^9/L", "nmol/L", "kg", "{spots}/mL", "µL", "IU/L", "mL/min/m2", "mmHg"]
)  # fmt: skip
def test_units_of_laboratories_are_known(unit):
    assert unknown_unit(unit.replace("/min", "/h")) is None


@pytest.mark.parametrize(
    "unit", ["", "spoons", "mg/", "mg//L", "mg per L", "gm/L", "1e9/l/x", "{}"]
)
def test_other_words_are_not(unit):
    assert "expected factors such as mg" in str(unknown_unit(unit))
