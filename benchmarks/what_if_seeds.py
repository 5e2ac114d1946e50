"""How far the risks of a what-if move with the seed, at a first look and at the answer.

    uv run python benchmarks/what_if_seeds.py --seeds 8

Two patients under three schedules, with the published cohorts' population. Prints, for each number
of draws, the largest distance between two seeds, in patients of 100.
"""

import argparse

import numpy as np

import lymphokin as lk
from lymphokin.jax_setup import prepare_jax
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.limits import PREVIEW_DRAWS, SETTLED_DRAWS
from lymphokin.whatif.schedule import schedule_of
from lymphokin.whatif.what_if import engine_of

PATIENTS = (
    lk.Patient(site="lung_peripheral", n_lesions=2, counts=[(-1, 1.2)]),
    lk.Patient(site="liver", n_lesions=1, counts=[(-3, 1.6), (14, 0.9)]),
)
SCHEDULES = ("5x10", "10x5", "5x10 + 4x3")


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=8)
    seeds = options.parse_args().seeds
    prepare_jax()
    first = engine_of(None)
    for draws in (PREVIEW_DRAWS, SETTLED_DRAWS):
        found = []
        for seed in range(seeds):
            engine = Engine(first.population, seed)
            engine.solver = first.solver  # compiled already
            plans = [schedule_of(words) for words in SCHEDULES]
            found.append([engine.risk_of(p, s, s, draws).of_100 for p in PATIENTS for s in plans])
        print(f"{draws} draws: largest distance {np.ptp(np.array(found), axis=0).tolist()} of 100")


if __name__ == "__main__":
    main()
