"""A run folder that is damaged in any way is refused in one sentence that names it."""

import shutil
from pathlib import Path

import pytest
import xarray as xr

import lymphokin as lk
from lymphokin.infer.latent_draws import LATENTS
from lymphokin.run.folder import read_draws
from lymphokin.run.provenance import file_sha256
from tests.test_files import full_disk

FILES = ["posterior.nc", "config.toml", "provenance.json", "summary.csv", "cohort.csv"]
DAMAGES = {
    "missing": None,
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "not text": lambda content: b"\xff\xfe\x00" * 40,
    "another file": lambda content: b"[1, 2]\n",
    "other keys": lambda content: b'{"a": 1}\n',
}


@pytest.fixture
def copy(hedos_run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(hedos_run.folder, tmp_path / "run"))


def used(folder: Path) -> None:
    """Everything that is read from a run folder."""
    fit = lk.open_run(folder)
    assert len(fit.population_z())
    assert fit.population.provenance.source == "fit"
    assert fit.density is not None


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named(copy, file, damage):
    change = DAMAGES[damage]
    if change is None:
        (copy / file).unlink()
    else:
        (copy / file).write_bytes(change((copy / file).read_bytes()))
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        used(copy)
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_draws_without_named_latents_are_of_an_earlier_version(copy):
    """An earlier version kept the flat vector; its hash is that of the file that was saved."""
    path = copy / "posterior.nc"
    with xr.open_datatree(path, engine="netcdf4") as stored:
        tree = stored.load()
    path.write_bytes(tree.filter(lambda node: node.name != LATENTS).to_netcdf(engine="netcdf4"))
    with pytest.raises(ValueError, match=r"earlier version of lymphokin.*fit again"):
        read_draws(copy, {"posterior_sha256": file_sha256(path)})


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "not text", "other keys"])
def test_forecasts_that_were_saved_are_not_needed_to_use_a_run(copy, damage):
    change = DAMAGES[damage]
    path = copy / "patients.csv"
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    used(copy)


def test_a_run_is_opened_as_it_was_saved(hedos_run, copy):
    opened = lk.open_run(copy)
    assert opened.summary.equals(hedos_run.fit.summary)
    assert opened.convergence == hedos_run.fit.convergence
    used(copy)


def test_a_full_disk_leaves_nothing_of_a_run(hedos_run, tmp_path):
    with full_disk(20_000), pytest.raises(OSError, match=r"large|space"):
        hedos_run.fit.save(tmp_path / "runs" / "fit", counts_until=14.0, progress=False)
    assert not list(tmp_path.iterdir())
