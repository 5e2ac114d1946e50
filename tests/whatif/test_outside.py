"""Outside what was seen: a number that says so, and far outside no number but the reason."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

import lymphokin as lk
from lymphokin.endpoints import read_endpoint
from lymphokin.population.draws import PopulationDraws
from lymphokin.predict import seen_until
from lymphokin.web import safety
from lymphokin.web.app import make_app
from lymphokin.whatif.answers import Estimate, WhatIfRequest
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.judging import SIX_WEEKS
from lymphokin.whatif.outside import OutsideError, outside
from lymphokin.whatif.questions.options import OptionsRequest, options
from lymphokin.whatif.questions.scan import ScanRequest, scan
from lymphokin.whatif.schedule import Schedule, schedule_of

HOST = "127.0.0.1:8080"
SEEN = {
    "fractions": (3.0, 10.0), "prescribed_gy": (20.0, 50.0), "immune_dose_gy": (0.0, 2.5),
    "baseline_alc": (0.9, 1.9), "endpoint_day": (40.0, 80.0), "atra_mg": (0.0, 0.0),
}  # fmt: skip
PATIENT = lk.Patient(counts=[(-1, 1.2)])


@pytest.fixture(scope="module")
def seen(population) -> PopulationDraws:
    return PopulationDraws(population.model, population.z, population.provenance, seen=SEEN)


@pytest.fixture(scope="module")
def silent(seen) -> Engine:
    """An engine that says what lies outside, and 50 of 100 whatever is asked."""
    half = Estimate(p=0.5, low=0.4, high=0.6, of_100=50)
    engine = Engine(seen)
    engine.risk_of = lambda *_: half  # type: ignore[method-assign]
    engine.warnings = lambda *_: []  # type: ignore[method-assign]
    engine.condition = lambda *_: SimpleNamespace(reliable=True)  # type: ignore[method-assign]
    return engine


@pytest.mark.parametrize(
    ("schedule", "counts", "beyond"),
    [
        ("5x8", [(-1, 1.2)], []),  # seen
        ("14x3", [(-1, 1.2)], [False]),  # more fractions than seen
        ("31x1", [(-1, 1.2)], [True, False]),  # more than three times as many; a late visit
        ("5x8", [(-1, 0.31)], [False]),
        ("5x8", [(-1, 0.29)], [True]),  # less than a third of the smallest baseline
        ("5x8 + 1x3", [(-1, 1.2)], [False]),  # nobody got the drug: no limit
        ("2x6", [(-1, 6.0)], [False, False, True]),
    ],
)
def test_a_number_ends_at_three_times_what_was_seen(silent, schedule, counts, beyond):
    plan = schedule_of(schedule)
    found = outside(silent, lk.Patient(counts=counts), plan, plan, SIX_WEEKS)
    assert [notice.beyond for notice in found] == beyond
    assert all(("no number is given" in notice.text) == notice.beyond for notice in found)


@pytest.mark.parametrize(
    ("endpoint", "last", "said"),
    [
        ("grade2_week6", 168.0, None),  # the usual visit, on day 46, has its own range
        ("relapse_by_day168", 168.0, None),
        ("relapse_by_day168", 126.0, "endpoint day 168 is outside the 0 to 126 seen"),
        ("relapse_by_day168", 55.0, "by more than 3 times: no number is given"),
        ("relapse_by_day10", 126.0, None),  # sooner than any usual visit
        ("day120", 126.0, None),
        ("day120", 60.0, "endpoint day 120 is outside the 0 to 80 seen"),  # usual visits were later
    ],
)
def test_an_endpoint_was_seen_up_to_its_own_last_look(population, endpoint, last, said):
    known = PopulationDraws(
        population.model, population.z, population.provenance, seen=SEEN,
        seen_until={"alc": last, "relapse": last},
    )  # fmt: skip
    plan = schedule_of("5x8")
    found = outside(Engine(known), PATIENT, plan, plan, read_endpoint(endpoint))
    assert [said in notice.text for notice in found] == ([True] if said else [])


def test_what_was_seen_of_each_quantity_is_read_off_the_records(tmp_path):
    rows = [
        "ID,TIME,EVID,CMT,AMT,DVID,DV",
        "P1,-3,0,,,alc,1.2", "P1,0,1,rt,8,,", "P1,44,0,,,alc,0.9", "P1,84,0,,,progression,0",
        "P1,170,0,,,progression,1", "P1,200,0,,,alc,",
        "P2,-1,0,,,alc,1.4", "P2,0,1,rt,8,,", "P2,126,0,,,alc,0.9", "P2,168,0,,,progression,0",
    ]  # fmt: skip
    table = tmp_path / "t.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    model = lk.load_model(Path(__file__).parents[2] / "docs" / "examples" / "progression.py")
    cohort = lk.read_events(table, model=model)
    assert seen_until(cohort) == {"alc": 126.0, "progression": 170.0}


def test_no_treatment_is_outside_and_has_a_number_all_the_same(silent):
    found = outside(silent, PATIENT, Schedule(), Schedule(), SIX_WEEKS)
    assert "fractions 0 is outside the 3 to 10 seen" in [notice.text for notice in found]
    assert not any(notice.beyond for notice in found)


def test_every_reason_stands_at_its_input(silent):
    app = make_app(lambda: silent.population, frozenset({HOST}), "token")
    app.state.desk.engine = silent
    client = TestClient(app, base_url=f"http://{HOST}")
    question = WhatIfRequest(
        patient=lk.Patient(counts=[(-1, 9.0)]), a=schedule_of("5x8"), b=schedule_of("31x8")
    )
    headers = {safety.TOKEN_HEADER: "token"}
    for path in ("whatif", "models"):
        response = client.post(
            f"/api/v1/{path}", json=question.model_dump(mode="json"), headers=headers
        )
        assert response.status_code == 422
        rows = response.json()["errors"]
        assert [row["field"] for row in rows] == ["patient.counts", "b.fractions", "b.fractions"]
        assert "fractions 31 is outside the 3 to 10 seen, by more than 3 times" in rows[1]["text"]
    with pytest.raises(OutsideError, match=r"baseline count \(1e9/L\) 9 is outside the 0.9 to 1.9"):
        silent.what_if(question)


def test_an_estimated_dose_is_said_of_its_schedule_and_a_given_one_of_the_plan(silent):
    """Two lesions: 5 x 10 Gy lies inside, 5 x 12 Gy does not; nor does a given dose of 3 Gy."""
    two = PATIENT.model_copy(update={"site": "lung_peripheral", "n_lesions": 2})
    plan, other = schedule_of("5x10"), schedule_of("5x12")

    def places(patient: lk.Patient) -> list[str]:
        both = (("a", plan), ("b", other))
        found = [n for k, s in both for n in outside(silent, patient, s, plan, SIX_WEEKS, k)]
        return [n.field for n in found if "immune dose" in n.text]

    assert places(two) == ["b.fractions"]
    given = two.model_copy(update={"immune_dose_gy": 3.0})
    assert places(given) == ["patient.immune_dose_gy", "b.fractions"]


def test_cells_and_rows_outside_are_marked_and_those_too_far_have_no_number(silent):
    plan = schedule_of("5x8")
    asked = {"patient": PATIENT, "schedule": plan}
    (row,) = scan(silent, ScanRequest(**asked, kind="fractions", x=(5, 6, 20), y=(8.0,))).cells
    assert [bool(cell.outside) for cell in row] == [False, False, True]
    assert row[1].risk.of_100 == 50
    assert row[2].risk is None  # 160 Gy
    assert "total prescribed dose (Gy) 160" in "; ".join(m.text for m in row[2].outside)
    limits = {"bed10_gy": (0, 1000), "gy": (8, 8), "fractions": (5, 20), "longest_course_days": 77}
    listed = options(silent, OptionsRequest(**asked, **limits))
    kept = {len(o.schedule.fractions): o.outside for o in listed.options}
    assert kept[5] == kept[6] == []
    assert "fractions 14 is outside" in kept[14][0].text
    assert max(kept) == 18  # 144 Gy of at most 150
    assert listed.left_out == 4  # 19 and 20 fractions, daily and every other day


def test_counts_that_the_model_cannot_follow_mark_every_cell_and_row(silent, monkeypatch):
    monkeypatch.setattr(silent, "condition", lambda *_: SimpleNamespace(reliable=False))
    asked = {"patient": PATIENT, "schedule": schedule_of("5x8")}
    (row,) = scan(silent, ScanRequest(**asked, kind="fractions", x=(5, 6), y=(8.0,))).cells
    limits = {"bed10_gy": (0, 1000), "gy": (8, 8), "fractions": (5, 6)}
    listed = options(silent, OptionsRequest(**asked, **limits)).options
    for marked in (*row, *listed):
        assert [m.text for m in marked.outside] == [
            "the counts so far are unlike what the model expects: do not rely on these numbers"
        ]


def test_a_prior_has_seen_nothing_and_refuses_nothing(population):
    engine = SimpleNamespace(population=population, treatment=Engine(population).treatment)
    plan = schedule_of("31x8")
    assert outside(engine, PATIENT, plan, plan, SIX_WEEKS) == []  # type: ignore[arg-type]
