"""Drugs and observables that the package does not know: what a model declares is what is asked."""

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import lymphokin as lk
from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.regimens import usual_pulses
from lymphokin.shipped import data_path
from lymphokin.sites import shipped_sites
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.web import safety
from lymphokin.web.app import make_app
from lymphokin.web.form import form_of
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.questions.between_models import Panel
from lymphokin.whatif.questions.narrowing import NarrowingRequest, narrowing
from lymphokin.whatif.questions.options import OptionsRequest, options
from lymphokin.whatif.questions.scan import ScanRequest, label_of, scan, with_pulses
from lymphokin.whatif.refused import FieldError
from lymphokin.whatif.schedule import Pulse, Schedule, pulses_in_words, schedule_of
from lymphokin.whatif.treatment import treatment_of

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
HOST = "127.0.0.1:8080"
WORDS = re.compile(r"atra|mdsc|suppression", re.IGNORECASE)
ROOMS = sorted(
    path.name
    for path in (ROOT / "lymphokin").iterdir()
    if not path.name.startswith("__") and (path.is_dir() or path.suffix == ".py")
)
"""Nowhere in the package a drug, observable or link of one model is named: the words of every event
table, their plausible ranges, the shipped models' disputed link, usual regimens and published
kinetics stand in `data/`."""
TABLE_OF_NAMES = ROOT / "lymphokin" / "io" / "convert" / "mapping_defaults.py"
"""What other people's files call them."""
KEYS_AND_FILES = re.compile(
    r"--atra|first_atra_day|atra_delay_probability|atra_delay_days|atra_stop_probability"
    r"|atra_start_days|synthetic_sbrt_atra_trial|dataTransfer"
)
"""Names that files and scripts of users hold: an option, keys of a design file, shipped data; and
the browser's for what is dropped on a page."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    model = load_model(EXAMPLES / "il7_atra.py")
    return Engine(PopulationDraws.of_prior(model, draws=60))


def said_in(path: Path) -> str:
    """The text of a file; of a catalogue without the labels, which translate what models say."""
    text = path.read_text(encoding="utf-8")
    return json.dumps(json.loads(text) | {"labels": {}}) if path.suffix == ".json" else text


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_knows_a_drug_or_an_observable(room):
    place, kinds = (
        ROOT / "lymphokin" / room,
        (".py", ".js", ".css", ".html", ".j2", ".toml", ".json"),
    )
    files = [place] if place.is_file() else [p for p in place.rglob("*") if p.suffix in kinds]
    assert files
    files = [path for path in files if path != TABLE_OF_NAMES]
    named = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in files
        for word in WORDS.findall(KEYS_AND_FILES.sub("", said_in(path)))
    }
    assert named == set()


def test_the_page_of_a_model_with_a_second_drug_asks_for_it(engine):
    """Served without a line of code: its drugs, what it measures, presets of the known regimen."""
    app = make_app(lambda: engine.population, frozenset({HOST}))
    app.state.desk.engine = engine
    form = TestClient(app, base_url=f"http://{HOST}").get("/api/v1/form").json()
    drugs = {d["drug"]: d for d in form["drugs"]}
    assert list(drugs) == ["atra", "il7"]
    assert (drugs["il7"]["label"], drugs["il7"]["unit"]) == ("rhIL-7-hyFc", "mg")
    assert drugs["il7"]["usual"] is None
    assert drugs["atra"]["usual"]["mg_per_m2_per_day"] == 150
    assert [c["quantity"] for c in form["counts"]] == ["alc", "mdsc"]
    assert {c["quantity"]: c["unit"] for c in form["levels"]} == {"atra": "ng/mL", "il7": "ng/mL"}
    assert form["link"]["assumes"] == "ATRA protects lymphocytes"
    assert {p["name"] for p in form["presets"]} >= {"trial", "trial_atra", "5x10_atra"}


def test_a_model_without_drugs_asks_for_none():
    engine = Engine(PopulationDraws.of_prior(load_model("hedos_hcc"), draws=60))
    app = make_app(lambda: engine.population, frozenset({HOST}))
    app.state.desk.engine = engine
    form = TestClient(app, base_url=f"http://{HOST}").get("/api/v1/form").json()
    assert (form["drugs"], form["link"]) == ([], None)
    assert [p["name"] for p in form["presets"]] == ["5x10", "3x18", "10x5", "none"]
    assert not next(f for f in form["fields"] if f["name"] == "bsa")["used"]


def test_a_count_of_a_lesion_is_not_asked_as_it_cannot_be_used():
    """What the page offers to be counted is what the engine can use; the rest it only names."""
    engine = Engine(PopulationDraws.of_prior(load_model("abscopal_cd8"), draws=60))
    form = form_of(engine.population)
    assert [c.quantity for c in form.counts] == ["alc", "mdsc", "cd8"]
    assert {c.quantity for c in form.counts} == {"alc", *engine.solver.others}
    assert {c.quantity for c in form.levels} == {"atra", "diameter"}


@pytest.mark.long
def test_each_drug_has_its_own_effect_and_only_the_disputed_one_an_assumption(engine):
    plan, other = schedule_of("5x10"), schedule_of("5x10 + il7 1x1@6:84")
    patient = lk.Patient(counts=[(-1, 1.2), (-1, 20.0, "mdsc")])
    answer = engine.what_if(WhatIfRequest(patient=patient, a=plan, b=other, draws=400))
    assert answer.difference.verdict == "b"
    assert answer.difference.assumption is None
    assert answer.b.given[1].model_dump() == {
        "drug": "il7", "label": "rhIL-7-hyFc", "unit": "mg", "amount": 84.0,
    }  # fmt: skip
    assert answer.b.judged.no_drug == answer.a.judged.planned
    assert set(answer.b.curves.others) == {"mdsc"}
    with pytest.raises(ValueError, match="can use no counts of il7; it measures alc and mdsc"):
        engine.condition(lk.Patient(counts=[(-1, 0.1, "il7")]), plan, 400)


def test_words_name_another_drug_and_its_amount():
    schedule = schedule_of("5x10 + 2x3 + il7 2x1@6/28:84")
    assert [(p.drug, p.day) for p in schedule.pulses] == [
        ("atra", 0), ("atra", 21), ("il7", 6), ("il7", 34),
    ]  # fmt: skip
    treatment = treatment_of(Patient(bsa=2.0), schedule, schedule, shipped_sites())
    assert treatment.amount[treatment.is_of(("il7",))].tolist() == [84, 84]
    assert treatment.amount[treatment.is_of(("atra",))].tolist() == [300] * 6
    model = load_model(EXAMPLES / "il7_atra.py")
    words = "5 x 10 Gy, ATRA 2 pulses from day 0, rhIL-7-hyFc 2 pulses from day 6"
    assert label_of(schedule, model.drugs) == words
    earlier = with_pulses(schedule, "il7", 2, 3)
    assert [p.day for p in earlier.pulses_of("il7")] == [2, 30, 58]
    assert earlier.pulses_of("atra") == schedule.pulses_of("atra")


def test_a_dose_that_nothing_says_is_asked_for():
    either = "expected a pulse of {} with either mg_per_m2_per_day, or amount_per_day in its unit"
    with pytest.raises(lk.BadInput, match=either.format("il7")):
        Pulse(drug="il7", day=0.0)
    with pytest.raises(lk.BadInput, match=either.format("atra")):
        Pulse(day=0.0, mg_per_m2_per_day=150.0, amount_per_day=300.0)
    with pytest.raises(ValueError, match="no usual dose of il7 is known"):
        with_pulses(schedule_of("5x10"), "il7", 0, 1)


def test_what_cannot_be_is_one_message_without_words_of_a_library():
    asked = {"fractions": [{"day": -1, "gy": 8.0}], "pulses": [{"drug": "il7", "day": 0.0}]}
    for made in (lambda: lk.Schedule(**asked), lambda: lk.Schedule.model_validate(asked)):
        with pytest.raises(lk.BadInput) as refused:
            made()
        fields = [problem.column for problem in refused.value.problems]
        assert fields == ["fractions.0.day", "pulses.0"]
        assert "pydantic" not in str(refused.value)


def test_a_pulse_of_a_drug_that_the_model_does_not_take_is_refused_at_every_door(engine):
    """Its dose would change nothing, and the answer would be that it does nothing."""
    patient, known = Patient(counts=((-1, 1.2),)), schedule_of("5x10 + il7 1x1@6:84")
    other = schedule_of("5x10 + il7 1x1@6:84 + zorb 1x1:3")
    one = {"patient": patient, "schedule": other}
    both = WhatIfRequest(patient=patient, a=known, b=other)
    doors = {
        "b.pulses.1.drug": [
            lambda: lk.what_if(engine.population, patient, known, other),
            lambda: engine.what_if(both),
            lambda: Panel(engine, dict).ask(both),
        ],
        "schedule.pulses.1.drug": [
            lambda: lk.predict_patient(engine.population, patient, other),
            lambda: narrowing(engine, NarrowingRequest(**one)),
            lambda: scan(engine, ScanRequest(**one, kind="fractions")),
            lambda: options(engine, OptionsRequest(**one, bed10_gy=(50, 60))),
        ],
        "drug": [
            lambda: scan(engine, ScanRequest(patient=patient, schedule=known, kind="pulses",
                                             drug="zorb")),
            lambda: options(engine, OptionsRequest(patient=patient, schedule=known, drug="zorb",
                                                   bed10_gy=(50, 60), first_pulse_days=(0,))),
        ],
    }  # fmt: skip
    reason = f"found zorb, expected a drug of model {engine.population.model.name}: atra and il7"
    for field, asked in doors.items():
        for door in asked:
            with pytest.raises(ValueError, match=re.escape(f"{field}: {reason}")):
                door()
    app = make_app(lambda: engine.population, frozenset({HOST}), "of-this-start")
    app.state.desk.engine = engine
    answer = TestClient(app, base_url=f"http://{HOST}").post(
        "/api/v1/whatif",
        content=both.model_dump_json(),
        headers={"Content-Type": "application/json", safety.TOKEN_HEADER: "of-this-start"},
    )
    assert answer.status_code == 422
    (row,) = answer.json()["errors"]
    assert (row["field"], row["text"]) == ("b.pulses.1.drug", reason)


def test_everything_that_a_model_cannot_use_is_named_at_once(engine):
    patient = Patient(
        site="lung_peripheral", n_lesions=2, counts=((-1, 1.2), (-1, 3.0, "il7"), (1, 2.0, "crp"))
    )
    far = {"fractions": [{"day": 0, "gy": 8, "lesion": 3}],
           "pulses": [{"drug": "zorb", "day": 3, "amount_per_day": 1}]}  # fmt: skip
    asked = WhatIfRequest(patient=patient, a=schedule_of("5x10"), b=Schedule(**far),
                          endpoint="progression_by_day84")  # fmt: skip
    with pytest.raises(FieldError) as refused:
        engine.what_if(asked)
    found = [field for field, _ in refused.value.problems]
    assert found == [
        "endpoint",
        "b.pulses.0.drug",
        "patient.counts.1.quantity",
        "patient.counts.2.quantity",
        "b",
    ]
    said = " ".join(message.text for _, message in refused.value.problems)
    for words in ("no events", "found zorb", "no counts of il7", "no counts of crp", "lesion 3"):
        assert words in said, words
    with pytest.raises(lk.BadInput, match=r"value: expected a number, or < and a number"):
        lk.Patient(counts=[(-1, ">250")])


def test_a_model_without_drugs_takes_none():
    population = PopulationDraws.of_prior(load_model("hedos_hcc"), draws=60)
    with pytest.raises(
        ValueError, match="found atra, expected a drug of model hedos_hcc: it takes"
    ):
        lk.what_if(population, Patient(), "5x10", "5x10 + 4x3")


def test_files_that_list_pulses_under_their_drug_stay_valid():
    old = {"fractions": [{"day": 0, "gy": 8}], "atra": [{"day": 0, "days": 3}, {"day": 21}]}
    schedule = Schedule.model_validate(old)
    assert schedule.pulses == (Pulse(day=0.0, days=3), Pulse(day=21.0))
    assert Schedule.model_validate(schedule.model_dump()) == schedule


def test_the_usual_regimen_is_that_of_the_shipped_trial():
    usual, design = usual_pulses("atra"), VirtualDesign.read(data_path("nct06439888.design.toml"))
    assert usual == design.calendar
    assert [p.day for p in pulses_in_words("4x3")] == [0, 21, 42, 63]


@pytest.mark.long
def test_four_arms_are_one_question_and_say_what_they_rest_on(engine):
    spec = spec_from_file_location("four_arms", EXAMPLES / "four_arms.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    arms = {arm["name"]: arm for arm in module.arms()}
    assert list(arms) == ["nothing besides", "IL-7", "ATRA", "fewer fractions"]
    for arm in arms.values():
        assert schedule_of(arm["schedule"]).fractions
        assert all(step["known"] in module.LADDER and step["source"] for step in arm["step"])
    assert module.weakest(arms["nothing besides"])["known"] == "observed in people"
    assert module.weakest(arms["ATRA"])["known"] == "assumed"
    patient = lk.Patient(counts=[(-1, 1.2)])
    arm, result = next(module.answers(patient, engine.population, draws=400))
    assert (arm["name"], result.answer.difference.verdict) == ("IL-7", "b")


def test_a_model_whose_patients_are_all_alike_takes_counts():
    """Such a patient has no latents of his own: only the population's draws are weighed."""
    table = load_model("hedos_hcc").table
    differ = [name for name, p in table.parameters.items() if p.between_subject_sd]
    alike = {name: {"between_subject_sd": 0.0} for name in differ}
    blocks = lk.model_file("hedos_hcc").blocks
    model = lk.make_model("alike", blocks, {"extends": "hedos_hcc", "parameters": alike})
    engine, plan = Engine(PopulationDraws.of_prior(model, draws=60)), schedule_of("5x10")
    low, high = (
        engine.what_if(
            WhatIfRequest(patient=lk.Patient(counts=[(14, count)]), a=plan, b=plan, draws=400)
        )
        for count in (0.5, 1.5)
    )
    assert differ
    assert low.a.fitted.planned.alc.q50 < high.a.fitted.planned.alc.q50
