"""The command line as a user meets it: exit codes, one clear message, nothing half-written."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from lymphokin import cli
from lymphokin.infer.fit_error import FitError


class Done(NamedTuple):
    """What a user sees of a command that has ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def lymphokin(monkeypatch, capsys) -> Callable[..., Done]:
    """The command as its entry point runs it, without a process of its own."""
    monkeypatch.setattr(cli, "prepare_jax", lambda: None)  # done for all tests

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["lymphokin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, *capsys.readouterr())

    return run


def test_bad_input_is_one_message_exit_code_2_and_nothing_written(tmp_path: Path):
    """In a process of its own, as the shell starts it."""
    table = tmp_path / "trial.csv"
    table.write_text(
        "ID,TIME,EVID,CMT,AMT,DVID,DV\n1,-3,0,,,alc,1450\n1,0,1,rt,8,,\n1,1,1,rt,,,\n1,9,0,,,alc,x\n"
    )
    command = [Path(sys.executable).with_name("lymphokin"), "fit", table, "--out", tmp_path / "run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for reported in ("trial.csv", "1450", "AMT", "DV"):
        assert reported in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"trial.csv"}


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["fit", "no_such_file.csv"], "no_such_file.csv"),
        (["fit", "trial.csv", "--method", "guess"], "expected one of hmc, quick, svi"),
        (["predict", "no_such_run"], "not a run folder"),
        (["check", "no_such_run"], "not a run folder"),
        (["check", ".", "--out", "page.pdf"], ".html"),
        (["fit"], "Missing argument"),
        (["nonsense"], "No such command"),
        (["calibrate", "--studies", "no_such.toml"], "no_such.toml"),
        (["models", "no_such_model"], "no_such_model"),
    ],
)
def test_mistakes_are_reported_plainly(arguments, reported, lymphokin):
    done = lymphokin(*arguments)
    assert done.returncode == 2
    assert reported in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fit_that_cannot_start_fails_with_the_reason_and_writes_nothing(
    lymphokin, monkeypatch, small_table, tmp_path
):
    def fail(*arguments, **named):
        raise FitError("the fit could not start: no reason. Try another")

    monkeypatch.setattr("lymphokin.run.fitting.fit_density", fail)
    out = tmp_path / "run"
    done = lymphokin("fit", small_table, "--model", "hedos_hcc", "--out", out)
    assert done.returncode == 1
    assert "the fit could not start: no reason. Try another" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "command",
    ["fit", "demo", "predict", "report", "simulate", "models", "calibrate", "spread", "check"],
)
def test_every_command_explains_itself_with_an_example(command, lymphokin):
    done = lymphokin(command, "--help")
    assert done.returncode == 0
    assert f"lymphokin {command}" in done.stdout


@pytest.mark.long
def test_simulate_remakes_the_shipped_trial(tmp_path: Path, lymphokin):
    from lymphokin.shipped import data_path

    done = lymphokin("simulate", "--out", tmp_path / "synthetic_sbrt_atra_trial.csv", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["patients"] == 58
    made = (tmp_path / "synthetic_sbrt_atra_trial.csv").read_text()
    assert made == data_path("synthetic_sbrt_atra_trial.csv").read_text()
    assert "SYNTHETIC" in made.splitlines()[0]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device", "runs/x"), 1, "runs/x: No space left on device"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (PermissionError(13, "Permission denied", "runs"), 2, "runs: Permission denied"),
        (OSError(30, "Read-only file system", "runs"), 2, "runs: Read-only file system"),
        (FileNotFoundError(2, "No such file or directory", "a"), 2, "a: No such file or directory"),
        (NotADirectoryError(20, "Not a directory", "a/b"), 2, "a/b: Not a directory"),
        (FileNotFoundError("no run here"), 2, "no run here"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(monkeypatch, capsys, error, code, said):
    from lymphokin import cli

    def command(**_):
        raise error

    monkeypatch.setattr(cli, "app", command)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(
    "command",
    [
        "trial report --out {out}",
        "trial simulate --out {out}",
        "simulate --out {out}",
        "fit {table} --out {out}",
        "demo --out {out}",
        "check {table} --out {out}",
        "data convert {table} --out {out}",
    ],
)
def test_a_place_that_takes_nothing_is_refused_before_the_work(
    command, tmp_path, monkeypatch, lymphokin
):
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path) != sealed and allowed(path, mode)
    )
    table = tmp_path / "table.csv"
    table.write_text("ID,TIME,DV\n")
    out = sealed / "new" / "result"
    done = lymphokin(*command.format(out=out, table=table).split())
    assert (done.returncode, done.stderr) == (2, f"{out}: nothing can be written in {sealed}\n")
    assert list(sealed.iterdir()) == []


def test_a_file_is_no_folder_to_write_in(tmp_path, lymphokin):
    (tmp_path / "file").write_text("")
    done = lymphokin("simulate", "--out", tmp_path / "file" / "trial.csv")
    assert (done.returncode, done.stderr) == (2, f"{tmp_path / 'file'}: Not a directory\n")


def test_a_failure_names_the_file_that_was_asked_for(tmp_path, monkeypatch):
    from lymphokin.files import write_bytes

    def full(path: Path, content: bytes):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space") as error:
        write_bytes(tmp_path / "table.csv", b"")
    assert error.value.filename == str(tmp_path / "table.csv")


@pytest.mark.long
def test_output_that_a_full_disk_does_not_take_is_one_sentence():
    command = [sys.executable, "-m", "lymphokin", "models", "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "No space left on device\n")
