"""How long compiling a fit takes: with nothing kept on disk, and when all has been compiled before.

    uv run python benchmarks/compile_time.py [--out benchmarks/compile_time.json]

The shipped trial is fitted twice with few draws, each time in a process of its own: with an empty
cache folder, then with what the first run left there. Compiling takes what the first run takes
longer (two programs at a time where there are two cores). What a run still spends when nothing
needs compiling, JAX tells: tracing, lowering and reading from disk. Prints lines of JSON, writes
JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

FIT = ("--warmup", "25", "--draws", "25")
PHASES = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing_s",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering_s",
    "/jax/core/compile/backend_compile_duration": "compiling_or_reading_s",
}


def fit_here(out: str) -> None:
    """Fit the shipped trial and print what JAX spent, summed over programs."""
    import jax.monitoring

    from lymphokin.cli import app
    from lymphokin.shipped import data_path

    spent: Counter[str] = Counter()

    def listen(event: str, seconds: float, **_: object) -> None:
        if event in PHASES:
            spent[PHASES[event]] += seconds

    jax.monitoring.register_event_duration_secs_listener(listen)
    table = str(data_path("synthetic_sbrt_atra_trial.csv"))
    app(["fit", table, "--out", out, *FIT], standalone_mode=False)
    print(json.dumps(spent), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fit", help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, default=Path("benchmarks/compile_time.json"))
    chosen = options.parse_args()
    if chosen.fit:
        from lymphokin.jax_setup import prepare_jax

        prepare_jax()
        fit_here(chosen.fit)
        return
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, JAX_COMPILATION_CACHE_DIR=f"{folder}/cache")
        for name in ("cold", "warm"):
            began = time.perf_counter()
            command = [sys.executable, __file__, "--fit", f"{folder}/{name}"]
            ended = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            wall = time.perf_counter() - began
            found[name] = {"wall_s": wall} | json.loads(ended.stdout.splitlines()[-1])
            print(name, json.dumps(found[name]), flush=True)
    compiling = found["cold"]["wall_s"] - found["warm"]["wall_s"]
    print(f"compiling takes {compiling:.1f} s")
    result = found | {"compiling_s": compiling, "load": os.getloadavg()[0], "cores": os.cpu_count()}
    result["date"] = time.strftime("%Y-%m-%d")
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
