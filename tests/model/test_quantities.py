"""A quantity is named, labelled and rounded by the model that shows it."""

from dataclasses import replace

import pytest

from lymphokin.io.vocabulary import QUANTITIES
from lymphokin.model import Block, Flow, Model, Output, load_model, state
from lymphokin.quantities import OBSERVABLES, described, records_of, shown_unit


def test_what_a_shipped_model_measures_is_described_without_a_word_in_its_file():
    found = load_model("myeloid_lymphoid").observables
    assert list(found) == list(QUANTITIES)
    known = {name: replace(o, in_full="") for name, o in OBSERVABLES.items()}
    assert {name: replace(o, in_full="") for name, o in found.items()} == known
    assert [o.in_full for o in found.values()] == [
        "Absolute lymphocyte count",
        "Myeloid-derived suppressor cells",
        "All-trans retinoic acid",
    ]
    assert found["alc"].axis == "lymphocytes (10⁹/L)"
    assert [o.decimals for o in found.values()] == [2, 1, 0]


class Drug(Block):
    level = state("mg/L")
    shows = {"level": Output("mg/L", "concentration", decimals=3, at_most=40.0)}

    def flows(self, y, p, u):
        return {"level": Flow(0.0, 1.0)}

    def outputs(self, y, p, u):
        return {"level": y.level}


def test_an_output_describes_a_quantity_that_the_package_has_never_heard_of():
    table = load_model("friberg_lymphocyte").table
    residual = {"level": table.residuals["alc"]}
    model = Model("drug", (Drug(),), type(table)(table.parameters, residual))
    found = model.observables["level"]
    assert found.axis == "concentration (mg/L)"
    assert found.records == "records of concentration"
    assert (found.decimals, found.at_most) == (3, 40.0)


@pytest.mark.parametrize(
    ("declared", "axis", "decimals"),
    [
        (Output("1e9/L"), "lymphocytes (10⁹/L)", 2),
        (Output("1e9/L", "count", label="CD8 T cells"), "CD8 T cells (10⁹/L)", 2),
        (Output("1e9/L", "count", decimals=3), "lymphocytes (10⁹/L)", 3),
        (Output("1e3", "hare pelts"), "hare pelts (1e3)", 2),
        (Output("1"), "alc", 2),
    ],
)
def test_what_an_output_leaves_out_comes_from_its_name_and_unit(declared, axis, decimals):
    found = described("alc", **vars(declared))
    assert (found.axis, found.decimals) == (axis, decimals)


def test_units_and_subjects_are_written_as_people_write_them():
    assert [shown_unit(u) for u in ("cells/uL", "ng/mL", "1")] == ["cells/µL", "ng/mL", ""]
    assert records_of("mdsc") == "MDSC counts"
    assert records_of("SBRT+ATRA") == "SBRT+ATRA"
