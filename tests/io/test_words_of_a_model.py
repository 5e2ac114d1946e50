"""The event table speaks the words of a model: what it measures and takes, in the model's units."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import lymphokin as lk
from lymphokin.model import Block, Dose, Flow, Model, ModelError, Output, state
from lymphokin.population import CohortLikelihood, Hierarchy, Latents, pack

TABLE = """ID,TIME,EVID,CMT,AMT,DVID,DV,SD
M1,0,1,stim,2,,,
M1,1,0,,,cells,3.5,0.5
M1,2,0,,,cells,2.5,0.25
M1,2,0,,,marker,1.5,
"""


class Cells(Block):
    takes = {"stim": Dose("ug", "stimulus")}
    cells = state("1e6", 3.0)
    shows = {"cells": Output("1e6", "cells in a spleen"), "marker": Output("1", "marker")}

    def flows(self, y, p, u):
        return {"cells": Flow(p.turnover * 3.0, p.turnover)}

    def on_dose(self, y, p, dose):
        return {"cells": y.cells + 0 * dose.stim}

    def outputs(self, y, p, u):
        return {"cells": y.cells, "marker": y.cells / 3.0}


def parameter(unit: str, median: float) -> dict:
    words = {"symbol": "a", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    return {**words, "unit": unit, "transform": "log", "median": median}


def residual(**keys) -> dict:
    words = {"distribution": "normal", "source": "none", "certainty": "fixed"}
    return {**words, "error": "additive", **keys}


@pytest.fixture(scope="module")
def model() -> Model:
    residuals = {"cells": residual(sd_column="SD"), "marker": residual(sd=0.1)}
    table = {"parameters": {"turnover": parameter("1/d", 0.5)}, "residuals": residuals}
    return lk.make_model("spleen_cells", [Cells()], table)


@pytest.fixture
def table(tmp_path):
    def write(text: str):
        path = tmp_path / "cells.csv"
        path.write_text(text)
        return path

    return write


def test_drugs_and_observables_of_a_model_are_read_written_and_read_again(model, table, tmp_path):
    cohort = lk.read_events(table(TABLE), model=model)
    assert cohort.doses[["drug", "amount_mg"]].to_numpy().tolist() == [["stim", 2.0]]
    assert cohort.observations["quantity"].tolist() == ["cells", "cells", "marker"]
    np.testing.assert_array_equal(cohort.observations["sd"], [0.5, 0.25, np.nan])
    assert cohort.vocabulary.drug("stim").label == "stimulus"
    lk.write_events(cohort, tmp_path / "again.csv")
    again = lk.read_events(tmp_path / "again.csv", model=model)
    assert again.observations.drop(columns="row").equals(cohort.observations.drop(columns="row"))
    assert again.doses.equals(cohort.doses)


def test_without_a_model_its_words_are_refused_with_what_was_expected(table):
    with pytest.raises(lk.BadInput) as raised:
        lk.read_events(table(TABLE))
    said = str(raised.value)
    assert "stim" in said
    assert "one of rt, atra" in said
    assert "cells" in said
    assert "one of alc, mdsc, atra" in said


def test_a_word_that_the_model_does_not_have_is_refused(model, table):
    with pytest.raises(lk.BadInput, match="one of cells, marker, alc, mdsc, atra"):
        lk.read_events(table(TABLE.replace("marker", "maker")), model=model)


def test_records_and_doses_that_the_model_does_not_use_are_told(model, table):
    text = TABLE + "M1,3,0,,,mdsc,40,\nM1,3,1,atra,100,,,\n"
    said = " ".join(lk.read_events(table(text), model=model).warnings)
    assert "1 mdsc record(s) are not used: model spleen_cells does not measure mdsc" in said
    assert "1 atra dose(s) are not used: model spleen_cells does not take atra" in said


def test_a_cohort_without_the_words_of_a_quantity_is_refused(model, table):
    cohort = lk.read_events(table(TABLE), model=model)
    with pytest.raises(ValueError, match=r"unknown quantity .*'cells'.*expected one of alc"):
        lk.Cohort(cohort.patients, cohort.fractions, cohort.doses, cohort.observations)


def test_a_measurement_without_its_sd_is_refused_where_the_model_asks_for_it(model, table):
    cohort = lk.read_events(table(TABLE.replace("0.25", "")), model=model)
    with pytest.raises(
        lk.BadInput, match="SD: expected the SD of every measurement of cells\n    line 4"
    ):
        pack(model, cohort)


def test_each_record_scatters_with_its_own_sd(model, table):
    packed = pack(model, lk.read_events(table(TABLE), model=model))
    likelihood = CohortLikelihood(Hierarchy(model))
    latents: Latents = likelihood.hierarchy.typical_latents(packed.arrays)
    total = float(likelihood.total(latents, packed.arrays))
    value, true, sd = np.array([[3.5, 3, 0.5], [2.5, 3, 0.25], [1.5, 1, 0.1]]).T
    expected = stats.norm.logpdf(value, true, sd) + np.log(value)  # of ln value
    assert total == pytest.approx(expected.sum(), abs=1e-9)
    assert packed.arrays.measured["marker"].quantified.sd is None
    assert jnp.isfinite(packed.arrays.measured["cells"].quantified.sd).all()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"sd_column": "SE"}, "sd_column must be SD, not 'SE'"),
        ({"sd_column": "SD", "error": "proportional"}, "sd_column is for error log_normal or"),
        ({}, "sd is missing"),
    ],
)
def test_a_wrong_declaration_of_an_sd_is_one_message(keys, said):
    table = {
        "parameters": {"turnover": parameter("1/d", 0.5)},
        "residuals": {"cells": residual(**keys)},
    }
    with pytest.raises(ModelError, match=f"residuals.cells: {said}"):
        lk.make_model("wrong", [Cells()], table)


def test_a_table_read_in_other_units_than_the_model_has_is_refused(table):
    class Percent(Cells):
        shows = {"alc": Output("%", "lymphocytes among leukocytes")}

        def outputs(self, y, p, u):
            return {"alc": y.cells}

    parts = {
        "parameters": {"turnover": parameter("1/d", 0.5)},
        "residuals": {"alc": residual(sd=1.0)},
    }
    model = lk.make_model("percent", [Percent()], parts)
    text = "ID,TIME,EVID,CMT,AMT,DVID,DV\nP1,0,0,,,alc,25\n"
    assert lk.read_events(table(text), model=model).observations["value"].tolist() == [25.0]
    in_counts = lk.read_events(table(text.replace("25", "2.5")))
    with pytest.raises(ModelError, match="alc is read in 1e9/L, and model percent has it in %"):
        pack(model, in_counts)
