"""How long a fit takes from an empty cache to its first kept draws, of two checkouts side by side.

    git worktree add ../before ba7783b
    uv run python benchmarks/cold_start.py ../before . --runs 3

`lymphokin fit` of the shipped trial (or `--table`) begins in a process of its own whose cache
folder is empty, and is ended when it reports the first chunk of draws that are kept. What it has
spent then is measured from outside: seconds by the clock, and processor time as the operating
system counts it. The checkouts take turns, and all run with this environment's packages, so that
only lymphokin differs. One line of JSON per run, then the medians of each checkout and their ratio
to the first. On a machine that others keep busy only the processor time means something.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

TABLE = "data/synthetic_sbrt_atra_trial.csv"
KEPT = "draws "
"""How the line begins that a fit prints after a chunk of transitions that are kept."""
MEASURES = ("wall_s", "processor_s")


def one(checkout: Path, table: Path, chains: int) -> dict[str, float]:
    """Seconds until the first kept draws."""
    with tempfile.TemporaryDirectory() as folder:
        caches = {
            "XDG_CACHE_HOME": f"{folder}/cache",
            "JAX_COMPILATION_CACHE_DIR": f"{folder}/cache/compiled",
        }
        start = [sys.executable, "-c", "from lymphokin.cli import main; main()"]
        fit = ["fit", str(table), "--out", f"{folder}/run", "--chains", str(chains)]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*start, *fit],
            cwd=checkout,
            env=os.environ | caches | {"PYTHONPATH": str(checkout)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.strip().startswith(KEPT):
                break
        wall = time.perf_counter() - began
        process.send_signal(signal.SIGKILL)
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = -signal.SIGKILL  # waited for already
        if not said or not said[-1].strip().startswith(KEPT):
            raise SystemExit(f"{checkout}: the fit ended before it kept a draw: {''.join(said)}")
    return {"wall_s": round(wall, 2), "processor_s": round(used.ru_utime + used.ru_stime, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--table", type=Path, default=Path(__file__).parents[1] / TABLE)
    parser.add_argument("--chains", type=int, default=2)
    asked = parser.parse_args()
    found: dict[Path, list[dict[str, float]]] = {path: [] for path in asked.checkouts}
    for _ in range(asked.runs):
        for checkout, runs in found.items():
            runs.append(one(checkout.resolve(), asked.table.resolve(), asked.chains))
            print(json.dumps({"checkout": str(checkout), **runs[-1]}), flush=True)
    middle = {p: {m: median(run[m] for run in runs) for m in MEASURES} for p, runs in found.items()}
    first = middle[asked.checkouts[0]]
    for checkout, own in middle.items():
        ratio = {f"{m}_ratio": round(own[m] / first[m], 3) for m in MEASURES}
        print(json.dumps({"checkout": str(checkout), "median": own, **ratio}))


if __name__ == "__main__":
    main()
