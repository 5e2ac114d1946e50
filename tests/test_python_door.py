"""``import lymphokin as lk``: public names, their examples, and the journey from table to risk."""

import inspect
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.run.folder import write_run
from tests import examples
from tests.conftest import SavedRun
from tests.io.test_convert_tables import CODES, NONMEM

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
NOTEBOOK = EXAMPLES / "notebook.py"


ELSEWHERE = {"update", "validate", "check_link", "export_site", "pool"}
"""Public names whose examples run in the tests of their rooms, with patients of their own."""
LONG = {
    "check",
    "check_forecasts",
    "compare",
    "Fit.report",
    "Fit.save",
    "predict_patient",
    "simulate_trial",
}
"""Those whose examples take a second or more."""
SLOW = {"check_sampler"}
"""Those whose examples take minutes."""


def documented() -> list[str]:
    """Public names that are called, and the public methods of what they return."""
    called = [name for name in lk.__all__ if inspect.isroutine(getattr(lk, name))]
    return [*called, "Fit", "Fit.forecast", "Fit.report", "Fit.save"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=marks)
        for name in documented()
        for marks in [
            [pytest.mark.slow] if name in SLOW else [pytest.mark.long] if name in LONG else []
        ]
        if name not in ELSEWHERE
    ],
)
def test_the_example_of_a_public_name_runs(name, hedos_run, small_table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(NONMEM)
    (tmp_path / "mapping.toml").write_text(CODES)
    run = {"run_folder": hedos_run.folder, "table": small_table, "fit": hedos_run.fit}
    assert examples.runs(name, **run)


@pytest.mark.parametrize("name", lk.__all__)
def test_every_public_name_says_what_it_is(name):
    assert len((getattr(lk, name).__doc__ or "").split()) >= 5


@pytest.mark.long
def test_the_notebook_goes_from_table_to_risk_and_back(tmp_path):
    runpy.run_path(str(NOTEBOOK), {"folder": tmp_path})
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "patients.png").is_file()
    assert (tmp_path / "rival" / "model" / "slower_pool.py").is_file()


def test_importing_lymphokin_is_quick_and_says_what_precision_it_asks_for():
    code = (
        "import sys, lymphokin; heavy = {'jax', 'pandas', 'numpy', 'scipy'} & set(sys.modules); "
        "import os; print(sorted(heavy), os.environ['JAX_ENABLE_X64'])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "JAX_ENABLE_X64"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[] 1"
    assert "double precision" in (lk.__doc__ or "")


def test_every_command_has_its_python_name_in_the_documents():
    page = (EXAMPLES.parent / "python.md").read_text(encoding="utf-8")
    named = {
        c.split()[0]
        for row in re.findall(r"\| ([^|]+) \|\n", page)
        for c in re.findall(r"`([^`]+)`", row)
    }
    commands = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    groups = {str(g.name) for g in app.registered_groups}
    assert commands | groups <= named


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="attribute fitt"):
        lk.fitt  # noqa: B018


@pytest.fixture(scope="module")
def stranger(hedos_run, tmp_path_factory) -> SavedRun:
    """A run whose model does not come with lymphokin."""
    base = lk.model_file("hedos_hcc")
    model = lk.make_model("theirs", base.blocks, {"extends": "hedos_hcc"})
    fit, folder = hedos_run.fit, tmp_path_factory.mktemp("stranger") / "run"
    config = fit.config | {"model": "model/theirs.py"}
    provenance = fit.provenance | {"model_sha256": model.sha256}
    write_run(
        folder,
        draws=fit.draws,
        config=config,
        provenance=provenance,
        summary=fit.summary,
        cohort=fit.cohort,
        model=model,
    )
    return SavedRun(folder, replace(fit, model=model), hedos_run.forecast)


class TestARunFromSomebodyElse:
    """Its code does not run unasked."""

    def test_is_refused_until_its_model_is_named(self, stranger):
        file = stranger.folder / "model" / "theirs.py"
        with pytest.raises(ValueError, match=r"not one of lymphokin's own.*theirs\.py"):
            lk.open_run(stranger.folder)
        assert lk.open_run(stranger.folder, file).model.sha256 == stranger.fit.model.sha256
        assert lk.open_run(stranger.folder, [stranger.fit.model]).seed == 1

    def test_never_runs_a_file_that_its_settings_name(self, stranger, tmp_path):
        witness = tmp_path / "ran"
        evil = tmp_path / "evil.py"
        evil.write_text(f"open({str(witness)!r}, 'w')\n")
        theirs = Path(shutil.copytree(stranger.folder, tmp_path / "theirs"))
        text = (theirs / "config.toml").read_text()
        (theirs / "config.toml").write_text(text.replace('"model/theirs.py"', f'"{evil}"'))
        with pytest.raises(ValueError, match="does not match the hash"):
            lk.open_run(theirs)
        provenance = json.loads((theirs / "provenance.json").read_text())
        del provenance["files_sha256"]
        (theirs / "provenance.json").write_text(json.dumps(provenance))
        with pytest.raises(ValueError, match="would run its code"):
            lk.open_run(theirs)
        assert not witness.exists()

    def test_with_another_model_than_the_recorded_one_is_refused(self, stranger):
        with pytest.raises(ValueError, match="has changed since the fit"):
            lk.open_run(stranger.folder, "hedos_hcc")

    def test_with_other_draws_than_the_recorded_ones_is_refused(self, stranger):
        path = stranger.folder / "posterior.nc"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        try:
            opened = lk.open_run(stranger.folder, stranger.fit.model)
            with pytest.raises(ValueError, match="does not match the hash"):
                opened.x  # noqa: B018
        finally:
            path.write_bytes(content)


def test_two_fits_cannot_keep_their_work_in_one_place(small_table, tmp_path):
    from lymphokin.files import exclusive

    with (
        exclusive(tmp_path / "unfinished"),
        pytest.raises(FileExistsError, match="another process"),
    ):
        lk.fit(small_table, "hedos_hcc", unfinished=tmp_path / "unfinished", progress=False)


def test_a_block_that_holds_values_cannot_become_a_model_file():
    block = lk.model_file("hedos_hcc").blocks[0]
    changed = type(block)()
    changed.speed = 2.0
    with pytest.raises(ValueError, match=r"values of its own \(speed\)"):
        lk.make_model("mine", [changed], {"extends": "hedos_hcc"})


def test_the_name_of_a_shipped_model_cannot_be_taken():
    blocks = lk.model_file("hedos_hcc").blocks
    with pytest.raises(ValueError, match="expected a new name"):
        lk.make_model("hedos_hcc", blocks, {"extends": "hedos_hcc"})
