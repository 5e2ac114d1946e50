"""A dose is given in the drug's own unit: mg are converted, or refused."""

import copy
import tomllib
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.constants import gram, kilo, micro

import lymphokin as lk
from lymphokin.io.problems import BadInput
from lymphokin.model import Block, Dose, Flow, Output, load_model, state
from lymphokin.model.units import mg_in
from lymphokin.model.usual import usual_calendars
from lymphokin.population.draws import PopulationDraws
from lymphokin.shipped import data_path
from lymphokin.sites import shipped_sites
from lymphokin.trial.declared import planned_pulses
from lymphokin.trial.virtual.courses import draw_courses
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Pulse, Schedule, schedule_of
from lymphokin.whatif.treatment import treatment_of

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SHIPPED = tomllib.loads(data_path("nct06439888.design.toml").read_text(encoding="utf-8"))
MG = gram / kilo


@pytest.fixture(scope="module")
def in_unit(tmp_path_factory):
    """The example model whose second drug is counted in another unit; the path of its file."""

    def made(unit: str) -> Path:
        folder = tmp_path_factory.mktemp("model")
        text = (EXAMPLES / "il7_atra.py").read_text(encoding="utf-8")
        assert text.count('Dose("mg", "rhIL-7-hyFc"') == 1
        path = folder / "il7_atra.py"
        path.write_text(text.replace('Dose("mg", "rhIL', f'Dose("{unit}", "rhIL'), encoding="utf-8")
        table = (EXAMPLES / "il7_atra.toml").read_text(encoding="utf-8")
        path.with_suffix(".toml").write_text(table, encoding="utf-8")
        return path

    return {unit: made(unit) for unit in ("ug", "U")}


def design_of(model: Path, **plan) -> VirtualDesign:
    raw = copy.deepcopy(SHIPPED)
    raw["model"] = str(model)
    raw["design"] |= {"drug": "il7", **plan}
    raw["design"] = {key: value for key, value in raw["design"].items() if value is not None}
    return VirtualDesign.of(raw, Path("d.toml"))


@pytest.mark.parametrize(
    ("unit", "per_mg"),
    [("mg", 1.0), ("ug", MG / (gram * micro)), ("g", MG / gram), ("kg", MG / (gram * kilo))],
)
def test_milligrams_in_a_unit(unit, per_mg):
    assert mg_in(unit) == pytest.approx(per_mg, rel=1e-12)
    assert mg_in(f"{unit}/m2") is None


def test_a_what_if_gives_milligrams_in_the_drugs_unit(in_unit):
    """10 mg per m2 of 1.8 m2 are 18,000 ug; an amount is one already."""
    plan = Schedule(
        pulses=(
            Pulse(drug="il7", day=0.0, mg_per_m2_per_day=10.0),
            Pulse(drug="il7", day=30.0, amount_per_day=40.0),
        )
    )
    drugs = load_model(in_unit["ug"]).drugs
    treatment = treatment_of(Patient(bsa=1.8), plan, plan, shipped_sites(), drugs)
    assert treatment.amount.tolist() == pytest.approx([18_000.0, 40.0])


def test_a_what_if_refuses_milligrams_of_what_is_no_mass(in_unit):
    population = PopulationDraws.of_prior(load_model(in_unit["U"]), draws=60)
    bad = Schedule(pulses=(Pulse(drug="il7", day=0.0, mg_per_m2_per_day=10.0),))
    said = (
        r"b\.pulses\.0\.mg_per_m2_per_day: the unit of il7 is U, which is no mass: expected amount"
    )
    with pytest.raises(ValueError, match=said):
        lk.what_if(population, Patient(), schedule_of("5x10"), bad)


@pytest.mark.long
def test_a_trial_states_a_dose_in_the_drugs_unit(in_unit):
    per_area, flat = (
        design_of(in_unit["ug"], **dose)
        for dose in ({"mg_per_m2_per_day": 10.0},
                     {"mg_per_m2_per_day": None, "amount_per_day": 40.0, "doses_per_day": 2})
    )  # fmt: skip
    courses = draw_courses(jax.random.key(0), per_area, 2)
    area = np.asarray(courses.covariates["bsa"])
    assert np.asarray(courses.dose_mg) == pytest.approx(10_000 * area[per_area.n_control :])
    twins = courses.as_twins(per_area.calendar)
    assert np.asarray(twins.dose_mg) == pytest.approx(10_000 * area[: per_area.n_control])
    given = draw_courses(jax.random.key(0), flat, 2)
    for courses in (given, given.as_twins(flat.calendar)):
        assert np.asarray(courses.dose_mg).tolist() == [20.0] * flat.n_treated
    assert set(flat.calendar.doses(1.8)["amount_mg"]) == {20.0}


@pytest.mark.parametrize(
    ("unit", "dose", "said"),
    [
        ("U", {}, r"design.mg_per_m2_per_day: expected design.amount_per_day instead: the unit of"),
        ("ug", {"amount_per_day": 40.0}, r"design.amount_per_day: expected left out beside design"),
        ("ug", {"mg_per_m2_per_day": None}, r"expected a dose, or design.amount_per_day in ug"),
        (
            "ug",
            {"infusion_hours": 1.0},
            r"infusion_hours: expected left out: model il7",
        ),
    ],
)
def test_a_trial_refuses_a_dose_that_cannot_be(in_unit, unit, dose, said):
    with pytest.raises(BadInput, match=f"(?s){said}"):
        design_of(in_unit[unit], **dose)


def test_every_problem_of_a_design_stands_at_its_key(in_unit):
    raw = copy.deepcopy(SHIPPED) | {"model": str(in_unit["ug"])}
    raw["typical"] = {"nonsense": 1.0}
    raw["residual_sd"] = {"nothing": 0.1}
    raw["design"] |= {"drug": "zorb", "covariates": {"STEROIDS": 900.0, "FEVER": 1.0},
                      "events_that_end": ["dropuot"], "outside_lesions": {"1": 1.0}}  # fmt: skip
    with pytest.raises(BadInput) as refused:
        VirtualDesign.of(raw, Path("d.toml"))
    found = sorted((p.column, p.value) for p in refused.value.problems)
    assert found == [
        ("design.covariates", "FEVER = 1"),
        ("design.covariates", "STEROIDS = 900"),
        ("design.drug", "zorb"),
        ("design.events_that_end", "dropuot"),
        ("design.outside_lesions", "1"),
        ("residual_sd.nothing", "0.1"),
        ("typical.nonsense", "1.0"),
    ]


def test_usual_regimens_are_in_the_drugs_unit_and_none_is_known_of_what_is_no_mass():
    model = load_model("myeloid_lymphoid")
    block = next(block for block in model.blocks if "atra" in block.drugs)

    def calendars(unit: str):
        kind = type(block)
        other = type(kind.__name__, (kind,), {"takes": {"atra": Dose(unit, lag=kind.lag)},
                                              "lag": None})()  # fmt: skip
        blocks = tuple(other if b is block else b for b in model.blocks)
        return usual_calendars(replace(model, blocks=blocks))

    mg, ug = usual_calendars(model)["atra"], calendars("ug")["atra"]
    assert mg.per_mg == 1.0
    assert ug.doses(1.8)["amount_mg"].to_numpy() == pytest.approx(1000 * mg.doses(1.8)["amount_mg"])
    assert calendars("U") == {}


class Infused(Block):
    """An antibody by infusion, and counts that fall."""

    takes = {"mab": Dose("mg"), "pill": Dose("mg")}
    blood = state("mg")
    count = state("1e9/L", lambda p: p.count_at_rest)
    shows = {"alc": Output("1e9/L", "count")}

    def flows(self, y, p, u):
        falling = p.turnover * (1 + y.blood)
        return {
            "blood": Flow(u.rate.mab, p.turnover),
            "count": Flow(p.turnover * p.count_at_rest, falling),
        }

    def on_dose(self, y, p, dose):
        return {"blood": y.blood + dose.mab + dose.pill}

    def outputs(self, y, p, u):
        return {"alc": y.count}


def test_a_trial_says_how_long_an_infusion_lasts():
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed",
             "transform": "log"}  # fmt: skip
    model = lk.make_model(
        "infused",
        [Infused()],
        {
            "parameters": {
                "turnover": {**words, "unit": "1/d", "median": 0.1},
                "count_at_rest": {**words, "unit": "1e9/L", "median": 1.0},
            },
            "residuals": {"alc": {"distribution": "normal", "sd": 0.1, "source": "none",
                                  "certainty": "fixed"}},
        },
    )  # fmt: skip
    flat = {"amount_per_day": 300.0, "days_per_pulse": 1, "interval_days": 21.0, "cycles": 2,
            "doses_per_day": 1}  # fmt: skip

    def doses(drug: str, **plan):
        return planned_pulses(model, flat | plan, drug, 0.0).doses(1.8)

    lasting = doses("mab", infusion_hours=1.5)
    assert lasting["duration"].to_numpy() == pytest.approx([1.5 / 24] * 2)
    assert lasting["amount_mg"].tolist() == [300.0] * 2
    assert doses("mab", infusion_hours=0.0)["duration"].tolist() == [0.0] * 2
    assert doses("pill")["duration"].tolist() == [0.0] * 2
    hours = r"design.infusion_hours: found {}, expected the hours of an infusion of mab, 0 .* 672"
    for wrong, found in (({}, "nothing"), ({"infusion_hours": -1.0}, "-1"),
                         ({"infusion_hours": 700.0}, "700")):  # fmt: skip
        with pytest.raises(ValueError, match=hours.format(found)):
            doses("mab", **wrong)
    with pytest.raises(
        ValueError, match=r"infusion_hours: found 2, expected left out: model infused"
    ):
        doses("pill", infusion_hours=2.0)
