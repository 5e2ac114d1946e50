"""What is judged, by name: the same number everywhere, and that of the curve itself."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin import cli
from lymphokin.endpoints import Endpoint, read_endpoint, shipped_endpoints
from lymphokin.io import BadInput
from lymphokin.model import load_model
from lymphokin.whatif import what_if as module
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.engine import CURVE_DAYS
from lymphokin.whatif.judging import check_endpoint, in_words, window_of
from lymphokin.whatif.questions.between_models import Panel
from lymphokin.whatif.questions.narrowing import NarrowingRequest, narrowing
from lymphokin.whatif.questions.options import OptionsRequest, options
from lymphokin.whatif.questions.scan import ScanRequest, scan

MODEL = load_model("myeloid_lymphoid")
WINDOWS = ("grade3_lowest", "days_below_0.8", "days_below_0.5", "recovery")


def of_the_curve(engine, patient, plan, draws: int, name: str) -> np.ndarray:
    """[draw] what an endpoint is about, counted on a grid of a hundredth of a day."""
    log_count = np.asarray(engine.solve(patient, plan, plan, draws).at)[0, :-1]
    first, last = window_of(shipped_endpoints()[name], plan)
    fine = np.arange(first, last + 0.005, 0.01)
    curves = np.array([np.interp(fine, CURVE_DAYS, curve) for curve in log_count.T])
    if name == "grade3_lowest":
        return (curves.min(axis=1) < np.log(0.5)).astype(float)
    if name == "recovery":
        return (curves[:, -1] < np.log(0.8)).astype(float)
    level = float(name.removeprefix("days_below_"))
    return 0.01 * (curves < np.log(level)).sum(axis=1)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_is_judged_by_the_curve_over_its_days(engine, patient, pulsed, name):
    endpoint = shipped_endpoints()[name]
    found = engine.answer(patient, pulsed, pulsed, 400, endpoint).judged
    expected = of_the_curve(engine, patient, pulsed, 400, name)
    # Counts of the grid are of whole days, so a fraction's fall is spread over one.
    exact = 0.006 if found.planned.of_100 is not None else 1.0
    assert found.planned.p == pytest.approx(expected.mean(), abs=exact)
    assert found.planned.low <= found.planned.p <= found.planned.high
    assert found.planned.p < found.no_drug.p  # ATRA helps in the model
    assert found.window == {"grade3_lowest": (4, 34), "recovery": (4, 109)}.get(name, (0, 105))
    assert found.no_treatment.p < 5 * exact  # no count of this patient is near the level


@pytest.mark.parametrize("name", [*WINDOWS, "week15", "day30"])
def test_every_question_has_the_same_number(engine, patient, pulsed, bare, name):
    question = WhatIfRequest.model_validate(
        {"patient": patient, "a": pulsed, "b": bare, "endpoint": name, "draws": 400}
    )
    answer = engine.what_if(question)
    planned = answer.a.judged.planned
    asked = {"patient": patient, "schedule": pulsed, "endpoint": name}
    grid = scan(engine, ScanRequest(**asked, kind="pulses", x=(0,), y=(3.0,)))
    assert grid.cells[0][0].risk == planned
    around = engine.answer(patient, pulsed, pulsed, 400).bed10_gy
    listed = options(engine, OptionsRequest(**asked, bed10_gy=(around, around), gy=(10, 10)))
    assert listed.reference == planned
    five = next(o for o in listed.options if len(o.schedule.fractions) == 5 and o.course_days == 5)
    assert (five.risk, five.difference) == (planned, 0)
    taught = narrowing(engine, NarrowingRequest(**asked, days=(14,)))
    assert taught.risk == planned
    assert 0 < taught.rows[0].variance_explained < 1
    row = Panel(engine, dict).ask(question).models[0]
    assert (row.a, row.b, row.difference) == (planned, answer.b.judged.planned, answer.difference)
    assert answer.endpoint.name == name
    assert answer.difference.shown == pytest.approx(planned.shown - row.b.shown)
    assert answer.difference_gamma_zero.shown == 0
    assert "if it does not, there is no difference" in answer.difference.assumption.text


def test_a_day_of_ones_choice_and_fifteen_weeks_are_other_visits(engine, patient, bare):
    late = bare.model_copy(
        update={"fractions": tuple(f.model_copy(update={"day": f.day + 7}) for f in bare.fractions)}
    )
    for name, days in (("grade2_week6", (46, 53)), ("week15", (105, 112)), ("day30", (30, 30))):
        question = {"patient": patient, "a": bare, "b": late, "endpoint": name, "draws": 400}
        answer = engine.what_if(WhatIfRequest.model_validate(question))
        assert (answer.a.endpoint_day, answer.b.endpoint_day) == days
        for key, day in zip("ab", days, strict=True):
            own = getattr(answer, key)
            assert own.judged.window == (day, day)
            assert own.judged.planned == own.fitted.planned.grade2.measured
            curve = own.curves.alc_measured.q50[day - CURVE_DAYS[0]]
            assert own.fitted.planned.alc.q50 == pytest.approx(curve, abs=0.02)


def test_the_default_is_the_trials_endpoint(engine, patient, pulsed, bare):
    question = WhatIfRequest(patient=patient, a=pulsed, b=bare, draws=400)
    assert question.model_dump(mode="json")["endpoint"] == "grade2_week6"
    answer = engine.what_if(question)
    assert answer.a.judged.planned == answer.a.fitted.planned.grade2.measured


def test_python_and_the_command_line_take_an_endpoint(
    engine, monkeypatch, patient, pulsed, bare, tmp_path: Path
):
    monkeypatch.setattr(module, "engine_of", lambda *_: engine)
    result = lk.what_if(None, patient, pulsed, bare, endpoint="days_below_0.8", draws=400)
    size = result.answer.difference.shown
    assert result.headline == f"B instead of A: {-size:g} more days below 0.8"
    for text in ("without ATRA", "0 to 105", f"B instead of A: {-size:g} more days"):
        assert text in str(result)
    for name, text in (("patient", patient), ("a", pulsed), ("b", bare)):
        (tmp_path / f"{name}.json").write_text(text.model_dump_json())
    own = tmp_path / "nadir.toml"
    own.write_text('[endpoints.nadir]\nmeaning = "Nadir"\nwhat = "lowest"\nuntil = 14\n'
                   'from = "first_fraction"\nbelow = 0.5\nvisits = [7, 14]\n')  # fmt: skip
    files = [tmp_path / f"{name}.json" for name in ("patient", "a", "b")]
    command = ("whatif", "--patient", files[0], "--schedule", files[1], "--schedule", files[2],
               "--draws", 400, "--json", "--endpoint")  # fmt: skip

    def run(*arguments: object) -> dict:
        done = CliRunner().invoke(cli.app, [str(a) for a in arguments])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert run(*command, "days_below_0.8")["a"] == json.loads(result.answer.a.model_dump_json())
    nadir = lk.what_if(None, patient, pulsed, bare, endpoint=own, draws=400).answer
    assert run(*command, own)["a"] == json.loads(nadir.a.model_dump_json())
    assert nadir.a.judged.window == (0, 14)
    one = ("predict", "--patient", files[0], "--schedule", files[1], "--draws", 400, "--json")
    assert run(*one, "--at", 30)["judged"]["window"] == [30, 30]
    alone = lk.predict_patient(None, patient, pulsed, endpoint=own, draws=400)
    assert alone.answer == nadir.a


def test_a_question_from_outside_names_no_file(patient, bare, tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text("[endpoints.mine]\n")
    with pytest.raises(BadInput, match="expected one of grade2_week6"):
        WhatIfRequest.model_validate({"patient": patient, "a": bare, "b": bare,
                                      "endpoint": str(file)})  # fmt: skip
    with pytest.raises(BadInput, match="one of grade2_week6"):
        lk.what_if(None, patient, bare, bare, endpoint="grade2_week7")


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        ({"quantity": "mdsc"}, "is about mdsc; a what-if judges alc"),
        ({"below": None}, "needs below"),
        ({"until": 500}, "ends 500 days after its fraction"),
    ],
)
def test_what_a_what_if_cannot_judge_is_refused(changed, reported):
    declared = read_endpoint("grade3_lowest").model_dump(by_alias=True)
    with pytest.raises(ValueError, match=reported):
        check_endpoint(Endpoint.model_validate(declared | changed), MODEL)


def test_what_happens_is_said_in_words():
    declared = read_endpoint("days_below_0.8").model_dump(by_alias=True)
    event = in_words(Endpoint.model_validate(declared | {"name": "long", "at_least": 60}), MODEL)
    assert (event.happens.text, event.unit) == ("60 or more days below 0.8", "of 100")
    area = in_words(
        Endpoint.model_validate(declared | {"name": "area", "what": "area_below"}), MODEL
    )
    assert (area.happens.text, area.unit, area.largest) == ("area below 0.8", "1e9/L x days", 84.0)
    assert in_words(read_endpoint("recovery"), MODEL).happens.text == "a count not back at 0.8"
