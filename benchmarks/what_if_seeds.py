"""How far the risks of a what-if move with the seed, and how far they are from a long run's.

    uv run python benchmarks/what_if_seeds.py [RUN] [--patients 30] [--seeds 10] [--long 100000]

Patients that are made up (site, lesions, baseline, a later count for every other one) under four
schedules, with the published cohorts' population or that of a run. Prints for the first look and
for the answer, in patients of 100: the largest distance between two seeds, where it is, how many
of the risks move by more than 1, and the largest distance of any seed's risk, before it is
rounded, from that of one long run with a seed of its own. A small sample: ``--patients 3 --seeds
3 --long 20000``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lymphokin as lk
from lymphokin.jax_setup import prepare_jax
from lymphokin.sites import shipped_sites
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.limits import PREVIEW_DRAWS, SETTLED_DRAWS
from lymphokin.whatif.risk import grade_draws
from lymphokin.whatif.schedule import schedule_of
from lymphokin.whatif.what_if import engine_of

SCHEDULES = ("5x10", "10x5", "3x18/2", "5x10 + 4x3")
MADE_UP = 7
"""Seed of the patients."""
LONG_RUN = 1000
"""Seed of the long run."""


def patients(count: int) -> list[lk.Patient]:
    """Patients that are made up: baselines of 0.7 to 2.4, and a count on day 14 of a third to all
    of it for every other one.
    """
    rng = np.random.default_rng(MADE_UP)
    names = list(shipped_sites().by_name)
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


def risks(engine: Engine, people: list[lk.Patient], draws: int) -> np.ndarray:
    """[patient, schedule] of 100 patients, not rounded."""
    found = []
    for person in people:
        of_person = []
        for plan in map(schedule_of, SCHEDULES):
            intervals = engine.intervals(engine.condition(person, plan, draws))
            log_count = engine.at_visit(person, plan, plan, draws)
            reported = grade_draws(intervals.residual, log_count, intervals.sd)
            of_person.append(100 * reported.mean())
        found.append(of_person)
    return np.array(found)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", nargs="?", type=Path)
    options.add_argument("--patients", type=int, default=30)
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--long", type=int, default=100_000)
    chosen = options.parse_args()
    prepare_jax()
    first = engine_of(None if chosen.run is None else lk.open_run(chosen.run))
    people = patients(chosen.patients)

    def seeded(seed: int) -> Engine:
        engine = Engine(first.population, seed)
        engine.solver = first.solver  # compiled already
        return engine

    long_run = risks(seeded(LONG_RUN), people, chosen.long)
    for draws in (PREVIEW_DRAWS, SETTLED_DRAWS):
        found = np.array([risks(seeded(seed), people, draws) for seed in range(chosen.seeds)])
        shown = np.floor(found + 0.5)
        apart = np.ptp(shown, axis=0)
        patient, plan = np.unravel_index(apart.argmax(), apart.shape)
        error = np.abs(found - long_run)
        print(
            f"{draws} draws: largest distance between seeds {apart.max():.0f} of 100 "
            f"({people[patient].site}, counts "
            f"{[(c.day, c.value) for c in people[patient].counts]}, {SCHEDULES[plan]}); "
            f"{(apart > 1).sum()} of {apart.size} risks move by more than 1. From {chosen.long} "
            f"draws: at most {error.max():.2f}, of seed 0 {error[0].max():.2f}, root mean square "
            f"{np.sqrt((error**2).mean()):.2f}"
        )


if __name__ == "__main__":
    main()
