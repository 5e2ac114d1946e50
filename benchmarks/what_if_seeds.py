"""How far the risks of a what-if move with the seed, at a first look and at the answer.

    uv run python benchmarks/what_if_seeds.py [RUN] [--patients 30] [--seeds 10]

Patients that are made up (site, lesions, baseline, a later count for every other one) under four
schedules, with the published cohorts' population or that of a run. Prints, for each number of
draws, the largest distance between two seeds in patients of 100, where it is, and how many of the
risks move by more than 1. A small sample: ``--patients 3 --seeds 3``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lymphokin as lk
from lymphokin.jax_setup import prepare_jax
from lymphokin.sites import sites
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.limits import PREVIEW_DRAWS, SETTLED_DRAWS
from lymphokin.whatif.schedule import schedule_of
from lymphokin.whatif.what_if import engine_of

SCHEDULES = ("5x10", "10x5", "3x18/2", "5x10 + 4x3")
MADE_UP = 7
"""Seed of the patients."""


def patients(count: int) -> list[lk.Patient]:
    """Patients that are made up: baselines of 0.7 to 2.4, and a count on day 14 of a third to all
    of it for every other one.
    """
    rng = np.random.default_rng(MADE_UP)
    names = list(sites())
    made = []
    for i in range(count):
        baseline = round(float(rng.uniform(0.7, 2.4)), 2)
        later = [(14, round(baseline * float(rng.uniform(0.35, 1.0)), 2))] if i % 2 else []
        made.append(
            lk.Patient(
                site=names[int(rng.integers(len(names)))],
                n_lesions=int(rng.integers(1, 4)),
                counts=[(-1, baseline), *later],
            )
        )
    return made


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", nargs="?", type=Path)
    options.add_argument("--patients", type=int, default=30)
    options.add_argument("--seeds", type=int, default=10)
    chosen = options.parse_args()
    prepare_jax()
    first = engine_of(None if chosen.run is None else lk.open_run(chosen.run))
    people = patients(chosen.patients)
    plans = [schedule_of(words) for words in SCHEDULES]
    for draws in (PREVIEW_DRAWS, SETTLED_DRAWS):
        found = []
        for seed in range(chosen.seeds):
            engine = Engine(first.population, seed)
            engine.solver = first.solver  # compiled already
            found.append([[engine.risk_of(p, s, s, draws).of_100 for s in plans] for p in people])
        apart = np.ptp(np.array(found), axis=0)
        patient, plan = np.unravel_index(apart.argmax(), apart.shape)
        print(
            f"{draws} draws: largest distance {apart.max()} of 100 ({people[patient].site}, counts "
            f"{[(c.day, c.value) for c in people[patient].counts]}, {SCHEDULES[plan]}); "
            f"{(apart > 1).sum()} of {apart.size} risks move by more than 1"
        )


if __name__ == "__main__":
    main()
