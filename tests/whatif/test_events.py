"""Events of a what-if: closed forms where a hazard is constant, SciPy where it follows a count."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.stats import norm

import lymphokin as lk
from lymphokin.endpoints import Endpoint, read_endpoint
from lymphokin.io import BadInput
from lymphokin.model import Block, Hazard, Model, make_model, model_file
from lymphokin.population.draws import PopulationDraws
from lymphokin.sites import shipped_sites
from lymphokin.whatif import what_if as module
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.questions.between_models import Panel
from lymphokin.whatif.questions.narrowing import NarrowingRequest, narrowing
from lymphokin.whatif.questions.scan import ScanRequest, scan
from lymphokin.whatif.schedule import schedule_of
from lymphokin.whatif.treatment import treatment_of

RELAPSE, LEAVING, SPREAD = 0.004, 0.01, 1.0
PLAN, LATE = schedule_of("5x10"), schedule_of("3x18/2")


class Events(Block):
    """A relapse at a constant rate of the patient's, and leaving, the more so with few cells."""

    hazards = {
        "relapse": Hazard("relapse of the disease", "relapse"),
        "leaving": Hazard("leaving the clinic", "leaving", ends_records=True),
    }

    def hazard_rates(self, y, p, u):
        return {"relapse": p.relapse_rate, "leaving": p.leaving_rate / u.alc**p.by_count}


def model_with(by_count: float, between_subject_sd: float) -> Model:
    rate = {"unit": "1/d", "transform": "log", "source": "for a test", "population_sd": 0.1,
            "certainty": "proposed prior"}  # fmt: skip
    spread = {"between_subject_sd": between_subject_sd}
    parameters = {
        "relapse_rate": rate | {"symbol": "r", "meaning": "of relapse", "median": RELAPSE},
        "leaving_rate": rate | spread | {"symbol": "l", "meaning": "of leaving", "median": LEAVING},
        "by_count": {"symbol": "c", "meaning": "of the count", "unit": "1", "value": by_count,
                     "source": "for a test"},
    }  # fmt: skip
    blocks = (*model_file("hedos_hcc").blocks, Events())
    return make_model("leaving", blocks, {"extends": "hedos_hcc", "parameters": parameters})


def engine_of(model: Model) -> Engine:
    """Of a population that is known, so that truths can be computed."""
    priors = PopulationDraws.of_prior(model, draws=60)
    return Engine(PopulationDraws(model, np.zeros_like(priors.z), priors.provenance))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return engine_of(model_with(1.0, 0.5))


@pytest.fixture(scope="module")
def frail() -> Engine:
    """Patients leave at constant rates that differ much between them."""
    return engine_of(model_with(0.0, SPREAD))


def by(event: str, day: float) -> Endpoint:
    return read_endpoint(f"{event}_by_day{day:g}")


@pytest.mark.parametrize("counts", [(), ((-3, 1.2), (20, 0.9))])
def test_a_constant_hazard_has_its_closed_form(engine, counts):
    patient = lk.Patient(counts=counts)
    for day in (10, 180, 364):
        judged = engine.answer(patient, PLAN, PLAN, 400, by("relapse", day)).judged
        expected = -np.expm1(-RELAPSE * day)
        for estimate in (judged.planned, judged.no_drug, judged.no_treatment):
            assert estimate.p == pytest.approx(expected, abs=0.0051)  # rounded to 1 of 100
        assert judged.window == (0, day)
        (draws, _) = engine.read_curves(patient, PLAN, PLAN, 400, by("relapse", day))
        np.testing.assert_allclose(draws.judged, expected, rtol=1e-9)


def test_a_patient_waits_at_rest_for_a_schedule_that_begins_later(engine):
    later = PLAN.model_copy(
        update={"fractions": tuple(f.model_copy(update={"day": f.day + 9}) for f in PLAN.fractions)}
    )
    patient = lk.Patient()
    (now, _), (then, _) = (
        engine.read_curves(patient, s, PLAN, 400, by("relapse", 60)) for s in (PLAN, later)
    )
    np.testing.assert_allclose(now.judged, then.judged, rtol=1e-9)


def test_a_hazard_that_follows_the_count_is_that_of_scipy(engine):
    patient, end = lk.Patient(), 120.0
    (curve, _) = engine.read_curves(patient, PLAN, PLAN, 400, by("leaving", end))
    solved = engine.solve(patient, PLAN, PLAN, 400)
    given = treatment_of(patient, PLAN, PLAN, shipped_sites())
    for lane in (3, 200, 390):
        values = np.asarray(solved.parameters)[:, lane]
        own = {p.name: float(v) for p, v in zip(engine.solver.model.table, values, strict=True)}
        rest = np.exp(float(np.asarray(solved.rest)[lane]))

        def slopes(_, y, own=own, rest=rest):
            return own["recovery_rate"] * (rest - y[0]), own["leaving_rate"] / y[0]

        y = np.array([rest, 0.0])
        edges = [*given.fraction_days, end]
        for i, dose in enumerate(given.immune_dose):
            killed = own["radiosensitivity"] * own["immune_dose_scale"] * dose
            start = y * [np.exp(-killed), 1.0]
            y = solve_ivp(slopes, edges[i : i + 2], start, rtol=1e-10, atol=1e-12).y[:, -1]
        assert curve.judged[lane] == pytest.approx(-np.expm1(-y[1]), rel=1e-5)


def test_who_has_a_count_has_not_left_before_it(frail):
    """Those who leave early are not seen again, so the others leave more slowly."""

    def kept(day: float) -> float:
        def at(z: float) -> float:
            return norm.pdf(z) * np.exp(-LEAVING * np.exp(SPREAD * z) * day)

        return quad(at, -8, 8)[0]

    for last in (0.0, 40.0):
        patient = lk.Patient(counts=((-2, 1.2), (last, 1.0)))
        found = frail.risk_of(patient, PLAN, PLAN, 3600, by("leaving", 100)).p
        assert found == pytest.approx(1 - kept(100) / kept(last), abs=0.012)
        assert found == frail.answer(patient, PLAN, PLAN, 3600, by("leaving", 100)).judged.planned.p
        relapse = frail.read_curves(patient, PLAN, PLAN, 3600, by("relapse", 100))[0].judged
        np.testing.assert_allclose(relapse, -np.expm1(-RELAPSE * 100), rtol=1e-9)


def test_every_question_has_the_same_number(engine):
    patient, endpoint = lk.Patient(counts=((-1, 1.2),)), by("leaving", 60)
    asked = {"patient": patient, "endpoint": endpoint, "draws": 400}
    question = WhatIfRequest(a=PLAN, b=LATE, **asked)
    answer = engine.what_if(question)
    a, b = answer.a.judged.planned, answer.b.judged.planned
    assert engine.risk_of(patient, PLAN, PLAN, 400, endpoint) == a
    grid = scan(engine, ScanRequest(schedule=PLAN, kind="fractions", x=(5,), y=(10.0,), **asked))
    assert grid.cells[0][0].risk == a
    rows = Panel(engine, lambda: {"default": PopulationDraws.of_prior(lk.load_model("hedos_hcc"))})
    only = rows.ask(question).models
    assert [(row.a, row.b) for row in only] == [(a, b)]  # the other model has no such event
    assert answer.difference.of_100 == a.of_100 - b.of_100
    assert answer.a.judged.spread is None
    assert answer.endpoint.happens.text == "leaving"
    assert question.model_dump(mode="json")["endpoint"] == "leaving_by_day60"
    named = {d.name: d.raises_risk for d in answer.a.drivers}
    assert named["leaving_rate"]
    relapse = NarrowingRequest(schedule=PLAN, days=(14,), **asked | {"endpoint": by("relapse", 60)})
    assert narrowing(engine, relapse).rows[0].variance_explained == 0.0
    with pytest.raises(ValueError, match="a further count teaches nothing of leaving"):
        narrowing(engine, NarrowingRequest(schedule=PLAN, days=(14,), **asked))


def test_python_and_the_command_line_judge_an_event(engine, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(module, "engine_of", lambda *_: engine)
    patient = lk.Patient(counts=((-1, 1.2),))
    result = lk.what_if(None, patient, PLAN, LATE, endpoint="leaving_by_day60", draws=400)
    assert "of 100 patients with leaving" in result.headline or "risk of leaving" in result.headline
    alone = lk.predict_patient(None, patient, PLAN, endpoint=by("leaving", 60), draws=400)
    assert (alone.answer, alone.next_counts) == (result.answer.a, ())
    file = tmp_path / "left.toml"
    file.write_text('[endpoints.left]\nmeaning = "Left within 60 days"\nquantity = "leaving"\n'
                    'what = "event"\nfrom = "first_fraction"\nuntil = 60\n')  # fmt: skip
    declared = lk.what_if(None, patient, PLAN, LATE, endpoint=file, draws=400).answer
    assert declared.a.judged == result.answer.a.judged
    assert declared.endpoint.meaning == "Left within 60 days"


def test_an_event_that_a_model_has_not_is_refused(engine):
    patient = lk.Patient()
    with pytest.raises(ValueError, match="no hazard of death, only of relapse and leaving"):
        engine.what_if(WhatIfRequest(patient=patient, a=PLAN, b=PLAN, endpoint=by("death", 60)))
    with pytest.raises(ValueError, match="hedos_hcc has no events, so none of death"):
        lk.what_if(None, patient, PLAN, PLAN, endpoint="death_by_day60", model="hedos_hcc")
    with pytest.raises(ValueError, match="a what-if judges at most 364"):
        engine.what_if(WhatIfRequest(patient=patient, a=PLAN, b=PLAN, endpoint=by("relapse", 400)))
    with pytest.raises(BadInput, match="a day up to 3650"):
        by("relapse", 0)
