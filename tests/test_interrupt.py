"""Ctrl-C ends a command at any moment: one line, exit code 130, nothing left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lymphokin import cli, interrupt
from lymphokin.infer.fitting import Checkpoint


@pytest.fixture
def listening(monkeypatch):
    """Ctrl-C as a command hears it; afterwards as pytest does."""
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGALRM)}
    hooks = sys.excepthook, sys.unraisablehook
    monkeypatch.setattr(interrupt, "PATIENCE", 0.05)
    monkeypatch.setattr(interrupt, "_asked", False)
    interrupt.listen()
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.excepthook, sys.unraisablehook = hooks


def test_an_interrupt_that_a_library_swallows_comes_again(listening):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        time.sleep(5)
    assert interrupt.asked()


def test_an_error_that_a_library_makes_of_an_interrupt_is_not_explained(
    listening, monkeypatch, capsys
):
    def command(**_):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise ImportError("Encountered an error while initializing the extension.")

    monkeypatch.setattr(cli, "app", command)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == interrupt.STOPPED == 130
    assert capsys.readouterr().err == ""


def test_a_process_that_was_not_stopped_does_not_leave(monkeypatch):
    monkeypatch.setattr(interrupt, "_asked", False)
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail("left"))
    interrupt.leave()


@pytest.mark.long
def test_a_fit_that_is_stopped_while_it_compiles_leaves_nothing(small_table, tmp_path):
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "lymphokin", "fit", str(small_table)]
    work = tmp_path / "work"
    work.mkdir()
    with subprocess.Popen(
        [*command, "--model", "hedos_hcc", "--out", "runs/fit"],
        cwd=work, env=environment, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "finding where the posterior lies" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.split("\n")[-2:] == ["Stopped. Run the same command again to go on.", ""]
    assert "Traceback" not in said
    assert not list(work.iterdir())


def test_what_is_kept_of_an_unfinished_fit_begins_with_its_first_arrays(tmp_path):
    def stopped():
        raise KeyboardInterrupt

    checkpoint = Checkpoint(tmp_path / "unfinished", {"seed": 1})
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        checkpoint.recall("whitening", stopped)
    assert not list(tmp_path.iterdir())
    checkpoint.recall("whitening", lambda: {"scale": [1.0]})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="unfinished run of another"):
        Checkpoint(tmp_path / "unfinished", {"seed": 2})


def test_damaged_parts_of_an_unfinished_fit_are_made_again(tmp_path):
    checkpoint = Checkpoint(tmp_path, {})
    made = []

    def make():
        made.append(1)
        return {"x": [2.0]}

    checkpoint.recall("chunk", make)
    checkpoint.recall("chunk", make)
    (tmp_path / "chunk.npz").write_bytes(b"PK\3\4 no more")
    assert not checkpoint.has("chunk")
    assert checkpoint.recall("chunk", make)["x"] == [2.0]
    assert len(made) == 2
