"""What blocks say of drugs: agreed on, or refused in one message."""

import pytest

import lymphokin as lk
from lymphokin.io import read_events
from lymphokin.model import Block, Dose, Flow, ModelError, Output, state
from lymphokin.population import pack


class Drug(Block):
    clock = "hours"
    takes = {"il7": Dose("mg", "rhIL-7", lag="il7_lag")}
    level = state("mg")
    shows = {"level": Output("mg", "amount")}

    def flows(self, y, p, u):
        return {"level": Flow(0.0, p.k + 0 * p.il7_lag)}

    def on_dose(self, y, p, dose):
        return {"level": y.level + dose.il7}

    def outputs(self, y, p, u):
        return {"level": y.level}


class Other(Block):
    clock = "hours"
    takes = {"atra": Dose("mg")}
    other = state("mg")

    def flows(self, y, p, u):
        return {"other": Flow(0.0, p.k * u.level)}

    def on_dose(self, y, p, dose):
        return {"other": y.other + dose.atra}


def made(*blocks: Block):
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    words |= {"transform": "log", "median": 1.0}
    parameters = {"k": {**words, "unit": "1/d"}, "il7_lag": {**words, "unit": "h"}}
    residual = {"distribution": "normal", "sd": 0.1, "source": "none", "certainty": "fixed"}
    return lk.make_model(
        "drugs", blocks, {"parameters": parameters, "residuals": {"level": residual}}
    )


def test_a_drug_has_unit_label_and_windows_of_its_own():
    model = made(Drug())
    assert model.vocabulary.drug("il7").label == "rhIL-7"
    (exposure,) = model.exposures
    assert (exposure.drugs, exposure.lag) == (("il7",), "il7_lag")
    assert not model.infused


class OnDays(Drug):
    clock = "days"


class NoUnit(Drug):
    takes = {"il7": "mg"}


class TwoLags(Drug):
    lag = "il7_lag"


class Unlike(Drug):
    takes = {"il7": Dose("ug", lag="il7_lag")}


class Infused(Drug):
    def flows(self, y, p, u):
        return {"level": Flow(u.rate.il15, p.k)}


class NotTaken(Drug):
    def on_dose(self, y, p, dose):
        return {"level": y.level + dose.il15}


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (
            (Drug(), Other()),
            r"follow the drugs il7, atra together, with different lags \(il7_lag, ",
        ),
        ((OnDays(),), "has a lag, 'il7_lag', which needs clock = \"hours\""),
        ((NoUnit(),), r"takes\['il7'\] must be Dose\(unit, ...\), not 'mg'"),
        ((TwoLags(),), "has lag = 'il7_lag': write Dose"),
        ((Infused(),), "asks for u.rate.il15: expected u.rate.il7"),
        ((NotTaken(),), "asks for dose.il15: expected dose.il7"),
    ],
)
def test_a_wrong_declaration_is_one_message(blocks, said):
    with pytest.raises(ModelError, match=said):
        made(*blocks)


HEAD = "ID,TIME,EVID,CMT,AMT,DVID,DV,{}\n"


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("RATE", "5", "but for drugs that the model infuses (none)"),
        ("DUR", "0.1", "but for drugs that the model infuses (none)"),
        ("RATE", "-1", "a number above 0: those that a model estimates are not known"),
        ("SS", "2", "0, or 1 on a dose of a drug that has come to its steady state"),
        ("SS", "1", "an interval II above 0, at most 3653, beside SS"),
    ],
)
def test_what_changes_a_dose_is_understood_or_refused(tmp_path, column, cell, said):
    path = tmp_path / "doses.csv"
    path.write_text(HEAD.format(column) + f"A,0,1,il7,5,,,{cell}\nA,1,0,,,level,3,\n")
    with pytest.raises(lk.BadInput) as raised:
        read_events(path, model=made(Drug()))
    assert said in str(raised.value)


def test_other_events_are_refused_with_a_way_on(tmp_path):
    path = tmp_path / "doses.csv"
    path.write_text(HEAD.format("II") + "A,0,1,il7,5,,,\nA,1,2,,,,,\nA,1,0,,,level,3,\n")
    with pytest.raises(lk.BadInput, match="leave the record out"):
        read_events(path, model=made(Drug()))


def test_an_infusion_that_no_block_reads_is_refused(tmp_path):
    path, model = tmp_path / "doses.csv", made(Drug())
    path.write_text(HEAD.format("II") + "A,0,1,il7,5,,,\nA,1,0,,,level,3,\n")
    cohort = read_events(path, model=model)
    cohort.doses["duration"] = 0.5
    with pytest.raises(ModelError, match="infusions of il7, and no block of model drugs reads"):
        pack(model, cohort)
