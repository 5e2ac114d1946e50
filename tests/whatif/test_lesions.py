"""What-ifs of models that follow every lesion, or whose covariates change."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lymphokin as lk
from lymphokin.endpoints import Endpoint
from lymphokin.model import load_model
from lymphokin.pages.messages import RefusedError
from lymphokin.population import CohortArrays, Latents
from lymphokin.population.arrays import LesionArrays
from lymphokin.population.draws import PopulationDraws
from lymphokin.quantities import VaryingCovariate
from lymphokin.solve import build_timeline, solve
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.covariates import held
from lymphokin.whatif.engine import CURVE_DAYS, Engine
from lymphokin.whatif.judging import SIX_WEEKS, check_endpoint, has, in_words, offered
from lymphokin.whatif.questions.between_models import Panel
from lymphokin.whatif.schedule import PlannedFraction, Schedule, schedule_of

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LANES, DAYS = 6, (5.0, 8.0, 42.0)
"""Days, of which only the last is a node of a what-if. What is read between nodes errs by up to
1e-3, right after the last fraction."""
OF_400 = slice(33, 400, 67)
"""Draws stand in the order of what they lead to."""


class Declared(list):
    """A table without parameters, and the covariates that change."""

    def __init__(self, varying: dict[str, VaryingCovariate]) -> None:
        super().__init__()
        self.varying = varying


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(PopulationDraws.of_prior(load_model(EXAMPLES / "lesions_cd8.py"), draws=60))


def to_lesion(number: int, fractions: int = 5) -> Schedule:
    """Daily fractions of 8 Gy to one lesion."""
    days = range(fractions)
    return Schedule(fractions=tuple(PlannedFraction(day=d, gy=8, lesion=number) for d in days))


@pytest.mark.long
def test_lesions_of_a_patient_are_those_of_the_solver_of_fits(engine):
    patient, plan, many = lk.Patient(n_lesions=3), to_lesion(1), 3
    found = np.exp(np.asarray(engine.solve(patient, plan, plan, 400).others["cd8"]))
    lanes = engine.condition(patient, plan, 400).draws.lanes.take(OF_400)
    treatment = replace(engine.treatment(patient, plan, plan), days=np.array([*DAYS]))
    assert treatment.lesion_gy is not None
    assert treatment.lesion_gy.tolist() == [[8.0, 0.0, 0.0]] * 5
    timeline, layout = build_timeline([treatment] * LANES)
    hierarchy, fixed = engine.population.hierarchy, engine.fixed(patient)
    columns = ({k: np.full(LANES, v) for k, v in part.items()} for part in fixed)
    places = LesionArrays(
        np.repeat(np.arange(LANES), many), np.tile(np.arange(many), LANES), np.zeros(many * LANES)
    )
    arrays = CohortArrays(timeline, *columns, {}, np.zeros(0, int), lesions=places)
    population = hierarchy.population(jnp.asarray(lanes.z))
    mean, sd = hierarchy.subject_prior(population, arrays)
    ratio = [
        population.between_lesion_sd[p.name] / p.between_lesion_sd
        if p.lesion_parametrisation == "centred"
        else np.ones(LANES)
        for p in hierarchy.lesion_effects
    ]
    lesion = lanes.lesion[:, :many] * np.asarray(ratio)[:, None]  # [effect, lesion, lane]
    none = jnp.zeros((0, 0))
    latents = Latents(jnp.asarray(lanes.z), mean + sd * lanes.subject, none, none)
    latents = latents._replace(lesion=lesion.transpose(0, 2, 1).reshape(len(ratio), -1))
    p, p_lanes = hierarchy.individuals(population, latents, arrays)
    fine = jax.jit(lambda: solve(hierarchy.model, p, p_lanes, timeline).outputs)()
    for day in DAYS:
        node = [layout.node(timeline, i, day) for i in range(LANES)]
        reference = np.asarray(fine["cd8"])[node, np.arange(LANES)]
        at = int(np.flatnonzero(day == CURVE_DAYS)[0])
        assert found[at, OF_400] == pytest.approx(reference, rel=2e-3)
    lanes_of = np.arange(LANES)
    first, last = ([layout.node(timeline, i, day) for i in range(LANES)] for day in (0.0, 42.0))
    for endpoint, lesions in (
        (fold(), [1, 2]),
        (fold(lesions="irradiated"), [0]),
        (fold(quantity="cd8", lesions=None), None),
    ):
        curve = np.asarray(fine[endpoint.quantity])
        curve = curve if lesions is None else curve[:, lesions].sum(axis=1)
        expected = curve[last, lanes_of] / curve[first, lanes_of]
        (planned, bare) = engine.read_curves(patient, plan, plan, 400, endpoint)
        assert planned.number[OF_400] == pytest.approx(expected, rel=1e-4)
        assert (planned.judged == (planned.number > 0.7)).all()
        assert (bare.number == planned.number).all()  # no drug was planned
        answer = engine.answer(patient, plan, plan, 400, endpoint)
        judged = answer.judged
        assert judged.planned.p == pytest.approx(planned.judged.mean(), abs=0.02)
        assert judged.window == (0, 42)
        # Untreated, every lesion of the example grows and its activated cells rest.
        assert judged.no_treatment.p == 1.0
        assert judged.spread.q50 == pytest.approx(np.median(planned.number), abs=0.006)


def fold(**keys: object) -> Endpoint:
    """No response outside the field, of the example's lesions."""
    declared = {"name": "x", "meaning": "x", "quantity": "diameter", "what": "fold", "day": 42}
    declared |= {"from": "first_fraction", "lesions": "outside", "above": 0.7}
    return Endpoint.model_validate(declared | keys)


@pytest.mark.parametrize(("lesions", "said"), [("outside", True), ("irradiated", False)])
def test_a_fold_outside_the_field_says_how_large_lesions_are_taken_to_be(engine, lesions, said):
    plan, patient = to_lesion(1), lk.Patient(n_lesions=3)
    asked = WhatIfRequest(
        patient=patient, a=plan, b=plan, endpoint=fold(lesions=lesions), draws=400
    )
    notices = [warning.text for warning in engine.what_if(asked).warnings]
    assert any("taken to be as large" in notice for notice in notices) is said


def test_a_fold_of_lesions_that_a_schedule_leaves_nobody_with_is_refused(engine):
    one, both = to_lesion(1), schedule_of("5x8")
    with pytest.raises(RefusedError, match="x is about lesions outside the field, and under a sch"):
        engine.risk_of(lk.Patient(n_lesions=2), both, one, 400, fold())
    with pytest.raises(RefusedError, match="x is about irradiated lesions"):
        engine.risk_of(lk.Patient(n_lesions=2), Schedule(), one, 400, fold(lesions="irradiated"))
    for wrong, said in (
        ({"above": None}, "needs below or above"),
        ({"lesions": None}, "expected lesions irradiated or outside"),
        ({"day": 400}, "at most 364"),
    ):
        with pytest.raises(ValueError, match=said):
            check_endpoint(fold(**wrong), engine.population.model)
    names = [endpoint.name for endpoint in offered(engine.population.model)]
    assert names[-2:] == ["no_cd8_rise_week6", "no_response_outside_week12"]
    assert [e.name for e in offered(load_model("hedos_hcc"))] == names[:-2]
    said = in_words(offered(engine.population.model)[-1], engine.population.model)
    assert said.happens.text.startswith("lesions outside the field above 0.7 times ")
    assert said.unit == "of 100"


@pytest.mark.long
def test_other_models_are_asked_only_of_what_they_follow(engine):
    other = load_model("hedos_hcc")
    assert has(other, SIX_WEEKS)
    asked = WhatIfRequest(
        patient=lk.Patient(n_lesions=3),
        a=to_lesion(1),
        b=to_lesion(2),
        endpoint=fold(),
        draws=400,
    )
    answer = Panel(engine, lambda: {"other": PopulationDraws.of_prior(other, draws=60)}).ask(asked)
    assert [row.model for row in answer.models] == ["lesions_cd8"]
    assert answer.a is not None
    assert answer.a.models == 1


def test_which_lesion_is_treated_and_how_many_there_are_matters(engine):
    both = schedule_of("5x8")

    def cd8(lesions: int, schedule: Schedule) -> float:
        solved = engine.solve(lk.Patient(n_lesions=lesions), schedule, schedule, 400)
        return float(np.exp(np.asarray(solved.others["cd8"])).mean(axis=1).max())

    one = cd8(2, to_lesion(1))
    assert cd8(2, both) != pytest.approx(one, rel=2e-3)
    assert cd8(3, both) != pytest.approx(cd8(2, both), rel=2e-3)
    with pytest.raises(ValueError, match="lesion"):
        cd8(1, to_lesion(2))
    with pytest.raises(ValueError, match="diameter"):
        engine.condition(lk.Patient(counts=[(-1, 20.0, "diameter")]), both, 400)


def test_covariates_that_change_are_held_at_what_is_stated():
    known = VaryingCovariate("STEROIDS", "mg", "prednisone", 0.0, 200.0, 0.0)
    name, table = known.name, Declared(varying={known.name: known})
    model: Any = SimpleNamespace(name="of_steroids", table=table)
    stated = lk.Patient(covariates={name: known.highest})
    changes = held(stated, model)[name]
    assert changes.at(np.array([-5.0, 50.0])).tolist() == [known.highest] * 2
    for wrong in ({}, {name: known.highest + 1}, {name: known.lowest, "OTHER": 1.0}):
        with pytest.raises(ValueError, match=f"expected 0 to 200 mg|reads {name}"):
            held(lk.Patient(covariates=wrong), model)
    with pytest.raises(ValueError, match="it reads nothing"):
        held(stated, load_model("hedos_hcc"))


@pytest.mark.slow
def test_the_abscopal_model_answers():
    model = load_model("abscopal_cd8")
    patient = lk.Patient(n_lesions=3, counts=[(-3, 1.2), (-1, 15.0, "cd8")])
    draws = PopulationDraws.of_prior(model, draws=60)
    plans = to_lesion(1), schedule_of("5x8 + 4x3")
    answer = lk.what_if(draws, patient, *plans, draws=400).answer
    assert 0 <= answer.a.judged.planned.p <= 1
    assert set(answer.a.curves.others) == {"mdsc", "cd8"}
