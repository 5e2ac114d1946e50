"""`lymphokin trial` as a statistician meets it."""

import json
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from lymphokin.cli import main


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


def test_power_of_the_trial(lymphokin):
    rates = ["--control", "0.5", "--treated", "0.15", "--n", "26"]
    done = lymphokin("trial", "power", *rates, "--alpha", "0.07", "--test", "fisher", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["power"] == pytest.approx(0.849384, abs=5e-7)
    assert found["size"] == pytest.approx(0.040348, abs=5e-7)
    assert found["boundary"][13] == 6
    assert found["boundary"][3] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("power --control 1.5 --treated 0.15", ["--control", "1.5"]),
        ("power --control 0.5 --treated nan --n 0 --alpha 1", ["--treated", "--n", "--alpha"]),
        ("power --control 0.5 --treated 0.15 --alpha 0", ["--alpha", "0.0"]),
        ("power --control 0.5 --treated 0.15 --n 26 --dropouts 27", ["--dropouts", "27", "26"]),
        ("power --control 0.5 --treated 0.15 --test student", ["student", "boschloo"]),
        ("sample-size --control 0.15 --treated 0.5", ["--treated", "below"]),
        ("compare --control 0.5 --treated 0.15 --power 1", ["--power"]),
        ("assurance --control-beta 10", ["--control-beta", "--treated-beta"]),
        ("assurance --control-beta 10,10 --treated-beta 0,17", ["--treated-beta", "0,17"]),
        ("assurance --gamma -1 --draws 0", ["--gamma", "--draws"]),
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
def test_bad_numbers_are_one_message(lymphokin, arguments, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = lymphokin("trial", *arguments.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for part in told:
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
