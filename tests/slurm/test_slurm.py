"""Virtual trials on a real SLURM: one node on loopback, started for the test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lymphokin.shipped import data_path
from lymphokin.trial.virtual import Outcome
from lymphokin.trial.virtual.sweep import shard_path

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of commands that find the SLURM; skipped, with the reason, without one."""
    folder = tmp_path_factory.mktemp("slurm")
    # The daemons keep what they inherit: their output must not hold the test's pipe.
    with open(folder / "start.log", "w") as log:
        started = subprocess.run([HERE / "start.sh", folder], stdout=log, stderr=log, timeout=120)
    try:
        if started.returncode:
            lines = (folder / "start.log").read_text().split("\n")
            pytest.skip(f"no SLURM here: {' '.join(lines).strip() or 'start.sh failed'}")
        yield os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
    finally:
        subprocess.run([HERE / "stop.sh", folder], timeout=60)


@pytest.mark.slow
def test_a_sweep_on_slurm_is_the_one_computed_here(slurm: dict[str, str], tmp_path: Path):
    design = tmp_path / "small.design.toml"
    shipped = data_path("nct06439888.design.toml").read_text(encoding="utf-8")
    design.write_text(shipped.replace("per_arm = 26", "per_arm = 2"), encoding="utf-8")
    command = [sys.executable, "-c", "from lymphokin.cli import main; main()", "trial", "simulate"]
    options = ["--design", str(design), "--trials", "64", "--shard-size", "32", "--json"]
    for cluster in ("slurm", "local"):
        out = ["--cluster", cluster, "--workers", "1", "--out", str(tmp_path / cluster)]
        subprocess.run([*command, *options, *out], check=True, env=slurm, stdout=subprocess.DEVNULL)
    reported = [(tmp_path / c / "characteristics.json").read_text() for c in ("slurm", "local")]
    assert json.loads(reported[0]) == json.loads(reported[1])
    for case in ("as_stated", "gamma_zero"):
        for shard in range(2):
            paths = [shard_path(tmp_path / c / case, shard) for c in ("slurm", "local")]
            with np.load(paths[0]) as there, np.load(paths[1]) as here:
                assert all(np.array_equal(there[name], here[name]) for name in Outcome._fields)
