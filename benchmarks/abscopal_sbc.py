"""Is the fit of lesions and activated CD8+ cells calibrated? Simulation-based calibration.

Small trials of the design of the second synthetic trial are drawn from the priors and fitted: the
rank of the truth among the draws is uniform for every quantity if the sampler draws from the
posterior. `lymphokin check RUN --sbc 100` does the same by longer chains of a trial of one's own.

    uv run python benchmarks/abscopal_sbc.py --trials 100 --kept sbc_abscopal

Takes a minute of processor time per trial, and two more once to compile. A run that was stopped
goes on with the trials that its folder lacks.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path

from lymphokin.jax_setup import prepare_jax

prepare_jax(1)

import lymphokin as lk  # noqa: E402
from lymphokin.criticism.simulation.simulation_calibration import (  # noqa: E402
    SimulatedFits,
    calibrate_by_simulation,
)
from lymphokin.criticism.simulation.simulation_verdicts import judge_simulations  # noqa: E402
from lymphokin.infer import Checkpoint, HmcSettings  # noqa: E402
from lymphokin.infer.density import density_of  # noqa: E402
from lymphokin.progress import Reporter  # noqa: E402
from lymphokin.shipped import data_path  # noqa: E402

TRUTH, MODEL = "synthetic_abscopal_trial.truth.toml", "abscopal_cd8"
DESIGN = {"run_in": 0, "per_arm": 4, "missing_visit_probability": 0.0, "events_that_end": []}
"""Of the courses and visits; what is measured is drawn anew in every trial."""
SETTINGS = HmcSettings(chains=2, pilot=50, warmup=50, draws=250)
"""Worth more effective draws than the 99 among which the truth is ranked."""
SEED = 1


class Lines(Reporter):
    """A line per trial, with the processor time since the last one."""

    def __init__(self) -> None:
        self.begun: float = time.process_time()

    def counting(self, done: int, total: int) -> None:
        now = time.process_time()
        print(f"{done}/{total}: {now - self.begun:.0f} CPU s", flush=True)
        self.begun = now


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--kept", type=Path, default=Path("sbc_abscopal"))
    chosen = parser.parse_args()
    cohort = lk.simulate_trial(data_path(TRUTH), **DESIGN).cohort
    model = lk.load_model(MODEL)
    fits = SimulatedFits(density_of(model, cohort), SEED, replace(SETTINGS, seed=SEED))
    identity = {"model": model.sha256, "seed": SEED, "settings": asdict(SETTINGS)}
    checkpoint = Checkpoint(chosen.kept, identity)
    found = calibrate_by_simulation(fits, chosen.trials, checkpoint, Lines())
    print(found.fits.describe().to_string(float_format=lambda x: f"{x:.3f}"))
    for verdict in judge_simulations(found):
        print(f"{verdict.level}: {verdict.sentence}")
    for name, own in sorted(found.uniformity.items(), key=lambda item: item[1].p)[:10]:
        print(f"{name}: p {own.p:.3f}")


if __name__ == "__main__":
    main()
