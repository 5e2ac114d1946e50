"""The what-if in the terminal: the page's numbers, plain mistakes, nothing half-written."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lymphokin import cli
from lymphokin.io import BadInput
from lymphokin.whatif import what_if
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.audit import AuditLog
from lymphokin.whatif.in_words import estimate_in_words
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule

PATIENT = """
site = "lung_peripheral"
n_lesions = 2
counts = [{ day = -7, value = 1.30 }, { day = -1, value = 1.05 }]
"""


@pytest.fixture
def files(tmp_path: Path, bare, pulsed) -> dict[str, Path]:
    found = {name: tmp_path / name for name in ("patient.toml", "a.json", "b.json")}
    found["patient.toml"].write_text(PATIENT)
    found["a.json"].write_text(pulsed.model_dump_json())
    found["b.json"].write_text(bare.model_dump_json())
    return found


@pytest.fixture
def run(engine, monkeypatch):
    monkeypatch.setattr(what_if, "engine_of", lambda *_: engine)

    def command(*arguments: object):
        return CliRunner().invoke(cli.app, [str(a) for a in arguments])

    return command


def test_whatif_prints_the_numbers_of_the_service(run, engine, files, patient, pulsed, bare):
    done = run("whatif", "--patient", files["patient.toml"], "--schedule", files["a.json"],
               "--schedule", files["b.json"], "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    expected = engine.what_if(WhatIfRequest(patient=patient, a=pulsed, b=bare))
    got = json.loads(done.stdout)
    for key in ("a", "b", "difference", "difference_gamma_zero", "warnings"):
        assert got[key] == json.loads(expected.model_dump_json())[key]


def test_whatif_in_words(run, engine, files, tmp_path: Path, patient, pulsed, bare):
    log = tmp_path / "log.jsonl"
    done = run("whatif", "--patient", files["patient.toml"], "--schedule", files["a.json"],
               "--schedule", files["b.json"], "--audit-log", log)  # fmt: skip
    assert done.exit_code == 0, done.output
    expected = engine.what_if(WhatIfRequest(patient=patient, a=pulsed, b=bare))
    for answer in (expected.a, expected.b):
        assert str(answer.fitted.planned.grade2.measured.of_100) in done.stdout
    for reported in ("B instead of A", "prior, no data", "Research use only", "gamma = 0"):
        assert reported in done.stdout
    assert run("audit", "verify", log).exit_code == 0
    log.write_text(log.read_text().replace('"whatif"', '"what-if"', 1))
    AuditLog(log).add("whatif", Patient(), Schedule())
    assert run("audit", "verify", log).exit_code == 1


def row_of(output: str, first: str) -> list[str]:
    """Cells of the line of a printed table that begins with a word."""
    rows = [re.findall(r"[^│┃]+", line) for line in output.splitlines() if line[:1] in "│┃"]
    cells = [[cell.strip() for cell in row] for row in rows]
    return next(row for row in cells if row[0] == first)


def test_models_have_a_and_b_in_their_columns(
    run, engine, files, monkeypatch, patient, pulsed, bare
):
    monkeypatch.setattr("lymphokin.whatif.what_if.literature_populations", dict)
    done = run("whatif", "--patient", files["patient.toml"], "--schedule", files["a.json"],
               "--schedule", files["b.json"], "--all-models")  # fmt: skip
    found = engine.what_if(WhatIfRequest(patient=patient, a=pulsed, b=bare))
    a, b = (s.fitted.planned.grade2.measured for s in (found.a, found.b))
    assert a.of_100 < b.of_100
    assert row_of(done.stdout, "model")[1:4] == ["A", "B", "B instead of A"]
    assert row_of(done.stdout, "myeloid lymphoid")[1:4] == [
        estimate_in_words(a), estimate_in_words(b), f"{b.of_100 - a.of_100} more",
    ]  # fmt: skip


def test_a_further_count_is_shown_low_before_high(run, engine):
    asked = ("predict", "--baseline", 1.3, "--fractions", "5x10", "--next-count", 21)
    (row,) = json.loads(run(*asked, "--json").stdout)["next_counts"]
    text = run(*asked).stdout
    assert row["risk_if_low"] > row["risk_if_high"]
    assert row_of(text, "count on day")[1:3] == ["risk if it is low", "risk if it is high"]
    assert row_of(text, "21")[1:3] == [
        f"{100 * row[name]:.0f}" for name in ("risk_if_low", "risk_if_high")
    ]


def test_all_models_are_asked_on_request(run, engine, monkeypatch, patient, pulsed):
    monkeypatch.setattr("lymphokin.whatif.what_if.literature_populations", dict)
    course = ("predict", "--baseline", 1.3, "--site", "lung_peripheral", "--fractions", "5x10")
    done = run(*course, "--all-models", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (
        found["all_models"]["models"][0]["risk"] == found["fitted"]["planned"]["grade2"]["measured"]
    )
    assert "myeloid lymphoid" in run(*course, "--all-models").stdout


def test_predict_takes_one_patient_from_options(run, engine, patient, pulsed):
    done = run("predict", "--baseline", 1.30, "--baseline", 1.05, "--site", "lung_peripheral",
               "--lesions", 2, "--fractions", "5x10", "--pulses", "3x3", "--next-count", 21,
               "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    got = json.loads(done.stdout)
    assert got["endpoint_day"] == 46
    assert got["conditioning"]["counts_used"] == 2
    assert [row["day"] for row in got["next_counts"]] == [21]
    expected = engine.answer(patient, pulsed, pulsed, 3600).fitted.planned.grade2.measured
    assert got["fitted"]["planned"]["grade2"]["measured"] == json.loads(expected.model_dump_json())


def test_one_patient_is_asked_of_the_model_that_is_named(run, engine, monkeypatch, files):
    asked = []
    monkeypatch.setattr(what_if, "engine_of", lambda _, model: asked.append(model) or engine)
    one = ("predict", "--baseline", 1.3, "--fractions", "5x10", "--next-count", 21)
    both = ("--schedule", files["a.json"], "--schedule", files["b.json"])
    compare = ("whatif", "--patient", files["patient.toml"], *both)
    for command in (one, compare):
        for named in ((), ("--model", "hedos_hcc")):
            done = run(*command, *named, "--json")
            assert done.exit_code == 0, done.output
    assert asked == ["myeloid_lymphoid", "hedos_hcc"] * 2


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["predict", "--baseline", "1.2"], "give --fractions"),
        (["predict", "--baseline", "1200", "--fractions", "5x10"], "1e9/L"),
        (["predict", "--baseline", "1.2", "--fractions", "5*10"], "COUNTxGY"),
        (["predict", "--baseline", "1.2", "--fractions", "5x10", "--site", "toe"], "lung_central"),
        (["predict", "--baseline", "1.2", "--fractions", "5x10", "--atra", "weekly"], "4x3"),
        (["predict"], "give the run folder"),
        (["predict", "runs/x", "--model", "hedos_hcc"], "for one patient without a run"),
        (
            [
                "predict",
                "runs/x",
                "--baseline",
                "1.2",
                "--fractions",
                "5x10",
                "--model",
                "hedos_hcc",
            ],
            "goes without a run",
        ),
        (["whatif", "--patient", "no.toml", "--schedule", "a", "--schedule", "b"], "no such file"),
        (["whatif", "--patient", "no.toml", "--schedule", "a"], "twice"),
        (["audit", "verify", "no.jsonl"], "no such file"),
    ],
)
def test_mistakes_are_reported(run, arguments, reported):
    done = run(*arguments)
    assert isinstance(done.exception, ValueError | BadInput | FileNotFoundError)
    assert reported in str(done.exception)


def test_everything_wrong_in_a_file_is_reported_at_once(run, files):
    files["patient.toml"].write_text('site = "toe"\nbsa = -1\nname = "x"\ncounts = [{day = 0}]\n')
    done = run("whatif", "--patient", files["patient.toml"], "--schedule", files["a.json"],
               "--schedule", files["b.json"])  # fmt: skip
    assert isinstance(done.exception, BadInput)
    for reported in ("patient.toml", "toe", "bsa", "name", "counts.0.value"):
        assert reported in str(done.exception)
