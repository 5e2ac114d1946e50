"""The wheel: what it carries, and that it works where there is no checkout."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lymphokin.sites import shipped_sites

ROOT = Path(__file__).parents[1]
UV = shutil.which("uv")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(UV is None, reason="needs uv on the path"),
]


def run(*command: str | Path, folder: Path) -> str:
    """Output of a command; its errors go into the failure message."""
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--wheel", "--out-dir", folder, folder=ROOT)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_carries_the_models_and_the_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("models", "data"):
        tracked = run("git", "ls-files", folder, folder=ROOT).split()
        assert tracked
        assert {f"lymphokin/_shipped/{name}" for name in tracked} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lymphokin"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_the_installed_package_finds_what_it_ships(wheel, tmp_path):
    run(UV, "venv", "--python", sys.executable, "fresh", folder=tmp_path)
    python = tmp_path / "fresh" / "bin" / "python"
    run(UV, "pip", "install", "--python", python, wheel, folder=tmp_path)
    code = (
        "from lymphokin.sites import shipped_sites\n"
        "from lymphokin.model import load_model, shipped_models\n"
        "names = [load_model(name).name for name in shipped_models()]\n"
        "print(*names, len(shipped_sites().by_name))\n"
        "import lymphokin; print(lymphokin.__file__)"
    )
    models, where = run(python, "-I", "-c", code, folder=tmp_path).splitlines()
    *found, sites = models.split()
    assert found == sorted(path.stem for path in (ROOT / "models").glob("*.py"))
    assert int(sites) == len(shipped_sites().by_name)
    assert Path(where).is_relative_to(tmp_path / "fresh")
