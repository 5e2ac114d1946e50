"""Pulses that are infused: curves against SciPy and the engine of fits, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient

import lymphokin as lk
from lymphokin.infer.density import density_of
from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.predict.endpoint_draws import endpoint_draws
from lymphokin.solve import build_timeline
from lymphokin.solve.one_treatment import Shape, treatment_arrays
from lymphokin.web import safety
from lymphokin.web.app import make_app
from lymphokin.web.form import form_of
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.engine import CURVE_DAYS, Engine
from lymphokin.whatif.examples import warm_up_rest
from lymphokin.whatif.files import read_as
from lymphokin.whatif.questions.between_models import Panel
from lymphokin.whatif.questions.narrowing import NarrowingRequest, narrowing
from lymphokin.whatif.questions.options import OptionsRequest, options
from lymphokin.whatif.questions.scan import ScanRequest, label_of, scan, with_fractions, with_pulses
from lymphokin.whatif.schedule import Pulse, Schedule, pulses_in_words, schedule_of
from lymphokin.whatif.treatment import as_read, treatment_of
from tests.infused.at_once import MODEL, at_once_model
from tests.infused.by_scipy import counts_by_scipy

HOST = "127.0.0.1:8080"
PATIENT = lk.Patient(site="lung_peripheral", n_lesions=1, counts=[(-1, 1.4)])
FINE = (Shape(8193, 8, 8193, 2049),)
LANES = 4


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(PopulationDraws.of_prior(load_model(MODEL), draws=60))


@pytest.mark.long
@pytest.mark.parametrize(
    "pulses",
    [
        "mab 1x1@6:84",
        "mab 1x1@6:84 over 0.5h",
        "mab 2x2@6/9:84 over 1.5h",
        "mab 1x3@6:84 over 24h",  # without a break
        "mab 1x3@6:84 over 36h",  # the next one begins while one runs
        "mab 1x1@-3:84 over 336h",
    ],
)
def test_curves_are_those_of_scipy(engine, pulses):
    """All days to 1e-5, with steps an eighth as long as usual; the usual ones aim at 1e-4."""
    plan = schedule_of(f"5x10 + {pulses}")
    treatment = engine.treatment(PATIENT, plan, plan)
    days = CURVE_DAYS[(CURVE_DAYS >= -5) & (CURVE_DAYS <= 60)].astype(float)
    wanted = replace(as_read(treatment, PATIENT, engine.population.model), days=days[[0, -1]])
    arrays = treatment_arrays(wanted, FINE, replace(engine.steps, refine=8))
    assert arrays is not None
    lanes = engine.condition(PATIENT, plan, 400).draws.lanes.take(slice(0, 400, 400 // LANES))
    solved = engine.solver.solve(lanes, engine.fixed(PATIENT), arrays, days, 1)
    for lane in range(LANES):
        values = np.asarray(solved.parameters)[:, lane].tolist()
        p = dict(zip(engine.solver.parameters, values, strict=True))
        reference = counts_by_scipy(p, treatment, days)
        assert np.exp(np.asarray(solved.at)[0, :, lane]) == pytest.approx(reference, rel=1e-5)


def test_an_infusion_of_no_length_is_a_dose_at_once_bit_for_bit(engine):
    at_once, stated = schedule_of("5x10 + mab 2x2@6:84"), schedule_of("5x10 + mab 2x2@6:84 over 0h")
    assert stated == at_once
    steps = replace(engine.steps, refine=1)

    def arrays(**changed) -> list[np.ndarray]:
        treatment = replace(engine.treatment(PATIENT, stated, stated), **changed)
        timeline, _ = build_timeline([treatment], steps)
        assert timeline.hours is not None
        return [np.asarray(a) for part in (timeline.days, timeline.hours) for a in
                (part.step, *part.amount.values(), *part.rate.values())]  # fmt: skip

    same, tiny = arrays(duration=None), arrays(duration=np.full(4, 1e-12))
    for left, middle, right in zip(arrays(), same, tiny, strict=True):
        assert left.tobytes() == middle.tobytes()
        assert right == pytest.approx(left, abs=1e-9)  # days within which instants are the same


@pytest.mark.long
def test_a_very_short_infusion_is_nearly_a_dose_at_once(engine):
    plans = [schedule_of(f"5x10 + mab 1x1@6:84{over}") for over in ("", " over 0.01h")]
    bolus, short = (np.asarray(engine.at_visit(PATIENT, s, plans[0], 400)) for s in plans)
    assert short == pytest.approx(bolus, abs=1e-3)
    assert np.abs(short - bolus).max() > 0


TABLE = """ID,TIME,EVID,CMT,AMT,II,ADDL,DUR,DVID,DV,SITE,N_LESIONS
P,-1,0,,,,,,alc,1.4,lung_peripheral,1
{fractions}
P,40,1,mab,40,1,1,2.5,,,lung_peripheral,1
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The patient as an event table: 5 x 10 Gy and two infusions that overlap."""
    rows = "\n".join(f"P,{day},1,rt,10,,,,,,lung_peripheral,1" for day in range(5))
    path = tmp_path_factory.mktemp("table") / "patient.csv"
    path.write_text(TABLE.format(fractions=rows))
    return lk.read_events(path, model=load_model(MODEL))


def test_a_schedule_is_what_a_table_says(engine, cohort):
    plan = schedule_of("5x10 + mab 1x2@40:40 over 60h")
    table = density_of(engine.population.model, cohort).packed.layout.treatments[0]
    own = engine.treatment(PATIENT, plan, plan)
    for name in ("dose_days", "amount", "duration"):
        assert getattr(own, name) == pytest.approx(getattr(table, name), abs=1e-12), name


@pytest.mark.long
def test_the_risk_is_that_of_a_forecast_from_a_table(cohort):
    """Within 4 standard errors, from the variance of the draws' risks and their effective number.

    The page's number is rounded to 0.01 besides.
    """
    draws = PopulationDraws.of_prior(load_model(MODEL), draws=60)
    median = PopulationDraws(draws.model, np.zeros_like(draws.z), draws.provenance)
    engine = Engine(median)
    plan = schedule_of("5x10 + mab 1x2@40:40 over 60h")
    risk, effective = engine.risk_of(PATIENT, plan, plan, 2000).p, 2000
    density = density_of(median.model, cohort)
    of_cohort = endpoint_draws(density, median.z, [None], in_fit=False, seed=3)[None]
    weights = of_cohort.weights[:, :, 0]
    by_draw = of_cohort.reported_as(2)[:, :, 0]
    other = float((weights * by_draw).sum())
    variance = float((weights * (by_draw - other) ** 2).sum())
    error = np.sqrt(variance * ((weights**2).sum() + 1 / effective))
    assert 0.1 < other < 0.9
    assert error < 0.02  # else the test could not fail
    assert risk == pytest.approx(other, abs=4 * error + 0.005)
    at_once = schedule_of("5x10 + mab 1x2@40:40")
    assert abs(engine.risk_of(PATIENT, at_once, plan, 2000).p - other) > 4 * error + 0.005


@pytest.mark.long
def test_a_model_that_knows_no_infusion_refuses_one_at_every_door():
    population = PopulationDraws.of_prior(load_model("myeloid_lymphoid"), draws=60)
    engine, patient = Engine(population), lk.Patient(counts=[(-1, 1.2)])
    known, other = schedule_of("5x10"), schedule_of("5x10 + atra 1x3:150 over 1.5h")
    one, both = (
        {"patient": patient, "schedule": other},
        {"patient": patient, "a": known, "b": other},
    )
    doors = {
        "b": [
            lambda: lk.what_if(population, patient, known, other),
            lambda: engine.what_if(WhatIfRequest(**both)),
            lambda: Panel(engine, dict).ask(WhatIfRequest(**both)),
        ],
        "schedule": [
            lambda: lk.predict_patient(population, patient, other),
            lambda: narrowing(engine, NarrowingRequest(**one)),
            lambda: scan(engine, ScanRequest(**one, kind="fractions")),
            lambda: options(engine, OptionsRequest(**one, bed10_gy=(50, 60))),
        ],
    }
    reason = "found 1.5, expected 0 or nothing: model myeloid_lymphoid knows no infusion of atra"
    for name, asked in doors.items():
        for door in asked:
            with pytest.raises(ValueError, match=f"{name}.pulses.0.infusion_hours: {reason}"):
                door()


def client_of(engine: Engine) -> TestClient:
    app = make_app(lambda: engine.population, frozenset({HOST}), "of-this-start")
    app.state.desk.engine = engine
    headers = {"Content-Type": "application/json", safety.TOKEN_HEADER: "of-this-start"}
    return TestClient(app, base_url=f"http://{HOST}", headers=headers)


def test_what_cannot_be_is_refused_at_its_field(engine):
    limits = ((-1.0, "greater than or equal to 0"), (700.0, "less than or equal to 672"))
    for hours, expected in limits:
        said = re.escape(f"infusion_hours: expected {expected}\n    found {hours}")
        with pytest.raises(lk.BadInput, match=said):
            Pulse(drug="mab", day=0.0, amount_per_day=84.0, infusion_hours=hours)
        pulse = {"drug": "mab", "day": 6, "amount_per_day": 84, "infusion_hours": hours}
        asked = {"patient": {}, "a": {}, "b": {"pulses": [pulse]}}
        (row,) = client_of(engine).post("/api/v1/whatif", json=asked).json()["errors"]
        assert row["field"] == "b.pulses.0.infusion_hours"
        assert expected in row["text"]
    with pytest.raises(ValueError, match=r"expected \[DRUG \].*\[ over HOURSh\]"):
        pulses_in_words("mab 1x1:84 over night")


def test_words_files_and_schedules_like_it_keep_the_infusion(engine, tmp_path):
    plan = schedule_of("5x10 + mab 2x2@6/28:84 over 1.5h")
    assert [p.infusion_hours for p in plan.pulses] == [1.5, 1.5]
    drugs = engine.population.model.drugs
    assert label_of(plan, drugs) == "5 x 10 Gy, antibody 2 pulses over 1.5 h from day 6"
    longer = with_fractions(with_pulses(plan, "mab", 2, 3), 3, 12.0)
    assert [(p.day, p.infusion_hours) for p in longer.pulses] == [(2, 1.5), (30, 1.5), (58, 1.5)]
    path = tmp_path / "b.toml"
    path.write_text("""fractions = [{ day = 0, gy = 10 }]
pulses = [{ drug = "mab", day = 6, amount_per_day = 84, infusion_hours = 1.5 }]
""")
    read = read_as(Schedule, path)
    assert read.pulses[0].infusion_hours == 1.5
    assert Schedule.model_validate_json(read.model_dump_json()) == read


@pytest.mark.long
def test_the_page_asks_how_long_and_the_answer_says_nothing_of_at_once(engine):
    client = client_of(engine)
    drugs = client.get("/api/v1/form").json()["drugs"]
    assert [(d["drug"], d["infused"]) for d in drugs] == [("mab", True)]
    a, b = (schedule_of(f"5x10 + mab 1x1@40:84 over {h}h") for h in (2, 96))
    asked = WhatIfRequest(patient=PATIENT, a=a, b=b, draws=400)
    answer = client.post("/api/v1/whatif", content=asked.model_dump_json()).json()
    assert answer["a"]["judged"]["no_drug"] == answer["b"]["judged"]["no_drug"]
    assert answer["difference"]["verdict"] == "a"  # the effect saturates: slower is more
    assert not [w for w in answer["warnings"] if "once" in w["text"]]
    told = [w["message"]["key"] for w in answer["warnings"]]
    assert "notice.other_past" not in told
    later = PATIENT.model_copy(update={"counts": lk.Patient(counts=[(42, 0.9)]).counts})
    known = engine.what_if(asked.model_copy(update={"patient": later}))
    assert "notice.other_past" in [w.message.key for w in known.warnings]


def test_drugs_of_the_shipped_models_are_not_infused():
    form = form_of(PopulationDraws.of_prior(load_model("myeloid_lymphoid"), draws=60))
    assert [d.infused for d in form.drugs] == [False]


@pytest.mark.long
def test_a_model_that_gives_the_drug_at_once_is_not_counted(engine):
    """Its infusions would vanish, and the model would speak of a patient without the drug."""
    model = at_once_model()
    assert model.infused == frozenset()
    others = {"at_once": PopulationDraws.of_prior(model, draws=60)}
    a, b = schedule_of("5x10 + mab 1x1@6:84 over 2h"), schedule_of("5x10 + mab 1x1@6:84")
    asked = WhatIfRequest(patient=PATIENT, a=a, b=b, draws=400)
    answer = Panel(engine, lambda: others).ask(asked)
    first, other = answer.models
    assert (first.knows_drugs_a, first.knows_drugs_b) == (True, True)
    assert (other.knows_drugs_a, other.knows_drugs_b) == (False, True)
    assert [m.models for m in (answer.a, answer.b, answer.difference) if m] == [1, 2, 1]
    given = as_read(treatment_of(PATIENT, a, a, engine.population.sites), PATIENT, model)
    assert given.dose_days.tolist() == []


def test_what_a_drug_that_stays_makes_too_long_is_not_compiled(engine, monkeypatch):
    """The antibody stays for four weeks: eight courses twelve days apart are one of fifteen."""
    compiled = []
    monkeypatch.setattr(engine, "condition", lambda *_: None)
    monkeypatch.setattr(engine, "solve", lambda _, schedule, *__: compiled.append(schedule))
    monkeypatch.setattr(engine, "answered", lambda _: None)
    list(warm_up_rest(engine))
    assert {len(schedule.pulses) for schedule in compiled} == {0, 1, 4}
