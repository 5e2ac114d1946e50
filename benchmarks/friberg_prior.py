"""Does a Friberg-type model with published kinetics still predict the mildest control arm?

    uv run python benchmarks/friberg_prior.py

Calibrates docs/examples/friberg_published.py to the published cohorts as the shipped models were,
and predicts the control arm of a trial shaped like NCT06439888 beside the shipped Friberg model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lymphokin.jax_setup import prepare_jax

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "friberg_published.py"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=250, help="per chain, of two")
    chosen = parser.parse_args()
    prepare_jax(1)
    from lymphokin.literature import coverage
    from lymphokin.literature.calibrate import calibrate
    from lymphokin.literature.meta_analysis import Settings
    from lymphokin.literature.posterior import details_of, literature_draws
    from lymphokin.shipped import data_path
    from lymphokin.trial.control_arm import TRIALS
    from lymphokin.trial.virtual import DrawnPopulation, Simulator, VirtualDesign

    design = VirtualDesign.read(data_path("nct06439888.design.toml"))
    calibration = calibrate(str(EXAMPLE), settings=Settings(draws=chosen.draws))
    print(details_of(calibration.posterior.attrs)["convergence"])
    print(f"published numbers inside their 90 % interval: {coverage(calibration.reproduction):.0%}")
    populations = {
        "friberg_lymphocyte": literature_draws("friberg_lymphocyte"),
        "friberg_published": calibration.population,
    }
    for name, population in populations.items():
        natural = population.natural()
        for what in ("transit_rate", "radiosensitivity", "feedback", "lymphocyte_baseline"):
            if what in natural:
                low, middle, high = np.quantile(natural[what], (0.05, 0.5, 0.95))
                print(f"{name} {what} {middle:.3g} ({low:.3g} to {high:.3g})")
        simulator = Simulator(design, DrawnPopulation(population, "literature"), devices=1)
        expected = np.asarray(simulator.run(0, 0, TRIALS).p_measured)[:, 0]
        low, middle, high = np.quantile(expected, (0.05, 0.5, 0.95))
        print(f"{name}: expected share {middle:.0%} ({low:.0%} to {high:.0%})")


if __name__ == "__main__":
    main()
