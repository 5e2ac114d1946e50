"""`lymphokin trial` as a statistician meets it."""

import json
import re
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from lymphokin.cli import main
from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.safety import Boin, characteristics


class Done(NamedTuple):
    returncode: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def lymphokin(capsys, monkeypatch) -> Callable[..., Done]:
    """The command line inside this process: a fresh one spends seconds on imports."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["lymphokin", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run


def test_assumed_rates_have_three_digits_wherever_they_are_shown(lymphokin):
    rates = ["--control", "0.51234567", "--treated", "0.15499999", "--n", "8"]
    done = lymphokin("trial", "power", "--dropout-rate", "0.08123456", *rates)
    assert "0.512 (control) and 0.155 (treated)" in done.stdout
    assert "a drop-out of 0.0812 per patient" in done.stdout
    assert not re.search(r"\d\.\d{5}", done.stdout)


def test_power_of_the_trial(lymphokin):
    rates = ["--control", "0.5", "--treated", "0.15", "--n", "26"]
    done = lymphokin("trial", "power", *rates, "--alpha", "0.07", "--test", "fisher", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["power"] == pytest.approx(0.849384, abs=5e-7)
    assert found["size"] == pytest.approx(0.040348, abs=5e-7)
    assert found["boundary"][13] == 6
    assert found["boundary"][3] is None


def test_each_arm_has_its_own_size_and_rate(lymphokin):
    ask = "trial power --control 0.5 --treated 0.15 --n-treated 30 --n-control 15"
    found = json.loads(lymphokin(*ask.split(), "--json").stdout)
    assert (found["n_treated"], found["n_control"]) == (30, 15)
    assert found["power"] == pytest.approx(
        float(Design(TESTS["fisher"], 30, 15, 0.07).power(0.5, 0.15))
    )
    text = lymphokin(*ask.split()).stdout
    assert "30 treated and 15 control" in text
    assert "at rates 0.5 (control) and 0.15 (treated)" in text


def test_a_run_in_has_each_number_in_its_column(lymphokin):
    """BOIN's hold and stop limits differ; every number is that of the library."""
    ask = "trial safety --rule boin --target 0.3 --looks 6,12 --rates 0.2"
    text = lymphokin(*ask.split()).stdout
    rule = Boin(0.3, 0.95)
    rows = [[cell.strip() for cell in re.findall("[^│┃]+", line)] for line in text.splitlines()]
    for n in (6, 12):
        hold, stop = rule.limit(n, "hold"), rule.limit(n)
        assert hold != stop
        assert [str(n), str(hold), str(stop)] in rows
    exact = characteristics(rule, [6, 12], [0.2])
    (row,) = (r for r in rows if r[0] == "0.2")
    assert row[1:] == [
        f"{exact.stopped.sum():.4f}", f"{exact.held[0]:.4f}",
        f"{exact.patients[0]:.2f}", f"{exact.events[0]:.2f}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        ("power --control 1.5 --treated 0.15", ["--control", "1.5"]),
        ("power --control 0.5 --treated nan --n 0 --alpha 1", ["--treated", "--n", "--alpha"]),
        ("power --control 0.5 --treated 0.15 --alpha 0", ["--alpha", "0.0"]),
        ("power --control 0.5 --treated 0.15 --n 26 --dropouts 27", ["--dropouts", "27", "26"]),
        ("power --control 0.5 --treated 0.15 --n-treated 60", ["--n-control", "--n-treated"]),
        ("compare --control 0.5 --treated 0.15 --n-control 60", ["--n-treated", "--n-control"]),
        (
            "power --control 0.5 --treated 0.1 --n 9 --n-treated 6 --n-control 6",
            ["--n", "left out"],
        ),
        ("power --control 0.5 --treated 0.15 --dropout-rate 1", ["--dropout-rate", "below 1"]),
        ("sample-size --control 0.5 --treated 0.15 --dropout-rate -0.1", ["--dropout-rate"]),
        ("compare --control 0.15 --treated 0.5", ["--treated", "swapped"]),
        ("power --control 0.5 --treated 0.15 --test student", ["student", "boschloo"]),
        ("sample-size --control 0.15 --treated 0.5", ["--treated", "below"]),
        ("compare --control 0.5 --treated 0.15 --power 1", ["--power"]),
        ("assurance --control-beta 10", ["--control-beta", "--treated-beta"]),
        ("assurance --control-beta 10,10 --treated-beta 0,17", ["--treated-beta", "0,17"]),
        ("assurance --gamma -1 --draws 0", ["--gamma", "--draws"]),
        (
            "assurance --control-beta 10,10 --treated-beta 3,17 --population prior --gamma 1",
            ["--population", "--gamma", "nothing beside --control-beta"],
        ),
        ("assurance --population no_such_run", ["not a run folder"]),
        ("simulate --trials 0 --cluster cloud", ["--trials", "--cluster", "slurm"]),
        ("simulate --fix suppression", ["--fix", "NAME=NUMBER"]),
        ("simulate --fix charm=1", ["charm"]),
        ("simulate --design no_such.toml", ["no_such.toml"]),
        ("safety --looks 3,x", ["--looks", "3,x"]),
        ("safety --rule simon", ["--rule", "simon"]),
        ("safety --target 1", ["target", "1.0"]),
        ("safety-decision --enrolled 3 --events 4", ["events", "4", "3"]),
        ("safety-decision --enrolled 3 --events 0 --pending -2", ["--pending", "-2"]),
    ],
)
def test_bad_numbers_are_one_message(lymphokin, arguments, reported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = lymphokin("trial", *arguments.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for part in reported:
        assert part in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    ["power", "sample-size", "compare", "safety", "safety-decision", "assurance", "simulate"],
)
def test_every_command_explains_itself_with_an_example(lymphokin, command):
    done = lymphokin("trial", command, "--help")
    assert done.returncode == 0
    assert f"lymphokin trial {command}" in done.stdout


def test_assurance_over_beta_priors(lymphokin):
    priors = ["--control-beta", "10,10", "--treated-beta", "3,17"]
    done = lymphokin("trial", "assurance", *priors, "--n", "26", "--alpha", "0.07", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["assurance"] == pytest.approx(0.769, abs=5e-4)


def test_safety_boundaries_and_table(lymphokin):
    done = lymphokin("trial", "safety", "--looks", "3,6,9,12,18,24,32", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stop_at_events"] == [3, 4, 5, 7, 9, 11, 14]
    done = lymphokin("trial", "safety", "--rule", "boin", "--looks", "3,6", "--table")
    assert done.returncode == 0, done.stderr
    assert "windows of follow-up" in done.stdout


def test_safety_decision_counts_pending_patients_in_part(lymphokin):
    ask = "trial safety-decision --enrolled 6 --events 3 --window 28 --json --pending"
    verdicts = []
    for pending in ("1,2,3", "27,27,27"):
        done = lymphokin(*ask.split(), pending)
        assert done.returncode == 0, done.stderr
        verdicts.append(json.loads(done.stdout)["verdict"])
    assert verdicts == ["hold", "enrol"]


@pytest.mark.parametrize(
    "command",
    [
        "power --control 0.15 --treated 0.5",
        "assurance --control-beta 3,17 --treated-beta 10,10",
    ],
)
def test_arms_swapped_by_mistake_are_said(lymphokin, command):
    done = lymphokin("trial", *command.split())
    assert done.returncode == 0, done.stderr
    assert "are the arms swapped?" in " ".join(done.stdout.split())
    (warning,) = json.loads(lymphokin("trial", *command.split(), "--json").stdout)["warnings"]
    assert "0.5" in warning
    assert "0.15" in warning


@pytest.mark.parametrize("rates", ["--control 0.5 --treated 0.15", "--control 0.3 --treated 0.3"])
def test_rates_that_are_not_swapped_are_not_warned_of(lymphokin, rates):
    done = lymphokin("trial", "power", *rates.split(), "--json")
    assert json.loads(done.stdout)["warnings"] == []


def test_a_test_that_never_rejects_says_so(lymphokin):
    command = "trial power --control 0.5 --treated 0.15 --n-treated 1 --n-control 2"
    done = lymphokin(*command.split())
    assert "no result of this trial rejects" in done.stdout
    assert "0.0000" not in done.stdout
    assert json.loads(lymphokin(*command.split(), "--json").stdout)["size_at"] is None


def test_a_small_size_is_not_written_as_zero(lymphokin):
    rates = "--control 0.5 --treated 0.15 --alpha 1e-6"
    done = lymphokin("trial", "power", *rates.split())
    exact = json.loads(lymphokin("trial", "power", *rates.split(), "--json").stdout)["size"]
    assert 0 < exact < 1e-6
    assert f"true size {exact:.2g}" in done.stdout


@pytest.mark.long
def test_sample_size_and_comparison_take_drop_out(lymphokin):
    rates = [
        "--control",
        "0.8",
        "--treated",
        "0.2",
        "--alpha",
        "0.05",
        "--dropout-rate",
        "0.2",
        "--json",
    ]
    found = json.loads(lymphokin("trial", "sample-size", *rates, "--power", "0.7").stdout)
    n = str(found["n_control"])
    same = json.loads(lymphokin("trial", "power", *rates, "--n", n).stdout)
    assert found["power"] == pytest.approx(same["power"])
    assert found["size"] == pytest.approx(same["size"])
    assert found["power"] < same["power_without_dropout"]
    rows = json.loads(lymphokin("trial", "compare", *rates, "--n", n, "--power", "0.7").stdout)
    (fisher,) = (row for row in rows if row["test"] == "fisher")
    assert fisher["power"] == pytest.approx(found["power"])
    assert fisher["n_control"] == found["n_control"]


def test_a_run_in_holds_where_the_pending_outcome_decides(lymphokin):
    ask = [
        "trial",
        "safety-decision",
        "--enrolled",
        "3",
        "--events",
        "2",
        "--window",
        "28",
        "--json",
        "--pending",
    ]
    held = json.loads(lymphokin(*ask, "5").stdout)
    assert held["verdict"] == "hold"
    assert "could undo" in held["reason"]
    assert json.loads(lymphokin(*ask, "28").stdout)["verdict"] == "enrol"
    stop = ["trial", "safety-decision", "--enrolled", "3", "--events", "3", "--json"]
    assert json.loads(lymphokin(*stop).stdout)["verdict"] == "stop"
