"""Are predictive probabilities at an interim look calibrated? Makes the table and figure of docs.

    uv run python benchmarks/interim_calibration.py --shards 4 --trials 130

Each shard has trials and a bank of its own (seeds 1, 2, ...) and runs as a process of its own; one
that is finished is not computed again. Truths are drawn from the model's prior.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd

DOCS = Path(__file__).parents[1] / "docs"


def shard(folder: Path, seed: int, trials: int, populations: int, repeats: int) -> None:
    """Rehearse the trials of one shard."""
    from lymphokin.jax_setup import prepare_jax

    prepare_jax(1)
    from lymphokin.shipped import data_path
    from lymphokin.trial.interim import Rehearsal
    from lymphokin.trial.virtual import VirtualDesign

    design = VirtualDesign.read(data_path("nct06439888.design.toml"))
    rehearsal = Rehearsal(design, 26, populations, repeats)
    looks = rehearsal.run(trials, seed, progress=lambda done, total: print(seed, done, flush=True))
    looks.to_csv(folder / f".{seed}.csv", index=False)
    (folder / f".{seed}.csv").replace(folder / f"{seed}.csv")


def report(folder: Path) -> None:
    """Table, tests and figure of the finished shards."""
    from lymphokin.pages.drawing import save_figure
    from lymphokin.trial.interim import CalibrationTest, calibration_table, stopping_table
    from lymphokin.trial.interim.figure import calibration_figure

    looks = pd.concat([pd.read_csv(path) for path in sorted(folder.glob("[0-9]*.csv"))])
    said, ended = (looks[c].to_numpy() for c in ("predictive_probability", "significant"))
    table = calibration_table(said, ended)
    print(looks.describe().T.round(3).to_string())
    print(table.round(3).to_string())
    print(asdict(CalibrationTest.of(said, ended)))
    print(stopping_table(looks, 52, (0.01, 0.05, 0.1, 0.2)).round(3).to_string())
    table.round(4).to_csv(DOCS / "interim_calibration.csv", index=False)
    save_figure(calibration_figure(table), DOCS / "images" / "interim_calibration.png")


def main() -> None:
    """Run what is missing, side by side, then report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--trials", type=int, default=130, help="per shard")
    parser.add_argument("--populations", type=int, default=800)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("interim-calibration"))
    parser.add_argument("--seed", type=int, help="one shard alone")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.seed is not None:
        shard(given.folder, given.seed, given.trials, given.populations, given.repeats)
        return
    missing = [s for s in range(1, given.shards + 1) if not (given.folder / f"{s}.csv").exists()]
    running = [
        subprocess.Popen(
            [sys.executable, __file__, *sys.argv[1:], "--seed", str(seed)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        for seed in missing
    ]
    codes = [process.wait() for process in running]  # wait for all, whatever the first says
    if any(codes):
        sys.exit("a shard failed")
    report(given.folder)


if __name__ == "__main__":
    main()
