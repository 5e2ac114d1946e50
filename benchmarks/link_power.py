"""How often `lymphokin check --link` says that an unmeasured link swallows a misfit.

    uv run python benchmarks/link_power.py --trials 3

Foreign trials of lymphocyte counts alone (`second_drop.py`: linear-quadratic truth, simulated with
SciPy), so that nothing behind the disputed link is measured: once with a second drop in weeks 8 to
11, which the lymphocytes' own block cannot make, and once without it. One line of JSON per trial.
SYNTHETIC DATA.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from second_drop import DROP, write_trial

import lymphokin as lk
from lymphokin.jax_setup import prepare_jax

CASES = {"second drop": DROP, "no second drop": 1.0}


def judged(case: str, patients: int, seed: int) -> dict[str, Any]:
    """Verdict of the link's check of one trial, with its numbers."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "trial.csv"
        write_trial(table, patients, seed, CASES[case])
        fit = lk.fit(table, method="quick", seed=seed, progress=False)
    (verdict,) = lk.check_link(fit, seed=seed, progress=False).verdicts
    numbers = {name: round(value, 2) for name, value in verdict.numbers.items()}
    return {"case": case, "seed": seed, "level": verdict.level, **numbers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--trials", type=int, default=3)
    asked = parser.parse_args()
    prepare_jax()
    for seed in range(1, asked.trials + 1):
        for case in CASES:
            print(json.dumps(judged(case, asked.patients, seed)), flush=True)


if __name__ == "__main__":
    main()
