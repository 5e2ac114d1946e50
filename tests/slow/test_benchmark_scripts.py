"""The benchmarks run, in the smallest size that each has."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def results_of(script: str, out: Path, *options: str) -> dict:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *options, "--out", str(out)]
    subprocess.run(command, check=True, cwd=ROOT)
    return json.loads(out.read_text())


@pytest.mark.slow
def test_the_gpu_table_has_a_cpu_to_compare_with(tmp_path: Path) -> None:
    found = results_of("gpu.py", tmp_path / "gpu.json", "--largest", "52", "--seconds", "0.1")
    rows = {(row["device"], row["patients"], row["precision"]) for row in found["rows"]}
    assert rows >= {("cpu", 52, "float64"), ("cpu", 52, "float32")}


@pytest.mark.slow
def test_every_way_to_differentiate_gives_the_same_gradient(tmp_path: Path) -> None:
    found = results_of("gradient_modes.py", tmp_path / "found.json", "--repeats", "1")
    rows = {(row["model"], row["way"]): row for row in found["rows"]}
    assert len(rows) == 12
    assert max(row["difference"] for row in rows.values()) < 1e-9
    again, stored = (rows["myeloid_lymphoid", way] for way in ("reverse", "reverse, stored"))
    assert again["temporary_bytes"] < stored["temporary_bytes"]
    assert again["operations"] > stored["operations"]


@pytest.mark.slow
def test_many_trajectories_cost_no_more_each_than_few(tmp_path: Path) -> None:
    found = results_of("trajectories.py", tmp_path / "found.json", "--patients", "20000")
    few, *_, many = found["rows"]
    assert many["processor_us_per_patient"] < 1.5 * few["processor_us_per_patient"]


@pytest.mark.slow
def test_every_contender_solves_the_same_trial(tmp_path: Path) -> None:
    pytest.importorskip("stanli", reason="uv sync --group bench installs what is compared")
    found = results_of("engine.py", tmp_path / "engine.json", "--quick")
    rows = {row["name"]: row for row in found["rows"]}
    for name in ("ours, 1e-5", "diffrax Tsit5", "SciPy LSODA, forward only"):
        assert max(rows[name]["alc_error"]) < 1.5e-5, rows[name]
    assert rows["Stan ode_rk45_tol (stanli)"]["density_error"] < 1e-3
    assert found["ratios"]["diffrax Tsit5"] > 60
