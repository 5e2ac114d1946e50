"""Trials from truths that are not the default model, written with SciPy alone: SYNTHETIC DATA.

    uv run python benchmarks/foreign_trials.py friberg 200 --seed 1 --out friberg_200.csv

Patients with one to three irradiated lesions and lymphocyte counts alone, as from a hospital that
measures nothing else. No function of lymphokin takes part, so a fit meets what it was not made for:

- ``friberg``: proliferating, maturing and circulating cells with feedback (Friberg 2002,
  doi:10.1200/JCO.2002.02.140, one transit compartment). Radiation hits the circulating cells and,
  half as much, the proliferating ones. Solved by LSODA between fractions.
- ``linear_quadratic``: each fraction leaves exp(-a d - b d^2) of the cells (the two terms of Colen
  and Wijesooriya 2024), and they recover exponentially towards a level below the baseline that is
  the patient's own.

The typical values are those of the sources or of the default model's prior; how much patients
differ, the visits and the missing counts are judgement.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp
from scipy.stats import t as student_t

BASELINE, BASELINE_LOG_SD = 1.4, 0.4
"""1e9/L."""
SENSITIVITY, SENSITIVITY_LOG_SD = 0.40, 0.35
"""Per Gy of immune dose (Jin 2020, PMID 31794944)."""
QUADRATIC = 0.113 / 0.401
"""Quadratic over linear coefficient of Colen and Wijesooriya 2024, per Gy."""
TRANSIT_RATE, TRANSIT_LOG_SD = 0.05, 0.3
"""Per day: a quarter of the published starting value, so that counts need weeks to recover."""
FEEDBACK = 0.16
"""Friberg 2002 has 0.161."""
RECOVERY_RATE, RECOVERY_LOG_SD = 0.012, 0.5
"""Per day; a half-life of two months."""
RECOVERED, RECOVERED_LOGIT_SD = 0.85, 0.8
"""Share of the baseline towards which counts recover."""
SCATTER, SCATTER_DF = 0.14, 5
"""Scale and degrees of freedom of ln measured over ln true count."""
LIMIT = 0.1
"""Lower limit of quantification, 1e9/L."""
DOSE_OF_SITE = {"lung_peripheral": 1.2, "liver": 2.5, "spine": 0.95, "abdominal_node": 1.4}
"""Immune dose over the course for one lesion, Gy (reference estimates of the project)."""
DOSE_LOG_SD = 0.4
SCHEDULES = ((3, 9.0), (5, 7.0), (5, 10.0), (8, 7.5))
"""Fractions and Gy of each."""
VISITS = (-7, -1, 7, 14, 21, 28, 42, 56, 84, 105)
"""Days from the first fraction at which counts are planned."""
MISSED = 0.12
"""Share of counts that are missing."""

Counts = Callable[[np.random.Generator, np.ndarray, np.ndarray, float], np.ndarray]
"""True counts of one random patient, [day], from days, days of the fractions and immune dose of
each."""


def friberg(
    rng: np.random.Generator, days: np.ndarray, fractions: np.ndarray, dose: float
) -> np.ndarray:
    baseline = BASELINE * np.exp(BASELINE_LOG_SD * rng.standard_normal())
    sensitivity = SENSITIVITY * np.exp(SENSITIVITY_LOG_SD * rng.standard_normal())
    rate = TRANSIT_RATE * np.exp(TRANSIT_LOG_SD * rng.standard_normal())

    def slope(_: float, y: np.ndarray) -> list[float]:
        proliferating, transit, circulating = y
        feedback = (1 / circulating) ** FEEDBACK
        return [
            rate * (feedback - 1) * proliferating,
            rate * (proliferating - transit),
            rate * (transit - circulating),
        ]

    surviving = np.exp(-sensitivity * dose * np.array([0.5, 0.0, 1.0]))
    y, now, counts = np.ones(3), days.min(), np.ones(len(days))  # folds of the baseline
    for stop in sorted({*days, *fractions}):
        if stop > now:
            y = solve_ivp(slope, (now, stop), y, "LSODA", rtol=1e-8, atol=1e-10).y[:, -1]
        counts[days == stop], now = y[2], stop  # a count on the day of a fraction comes first
        y = y * surviving if stop in fractions else y
    return baseline * counts


def linear_quadratic(
    rng: np.random.Generator, days: np.ndarray, fractions: np.ndarray, dose: float
) -> np.ndarray:
    baseline = BASELINE * np.exp(BASELINE_LOG_SD * rng.standard_normal())
    sensitivity = SENSITIVITY * np.exp(SENSITIVITY_LOG_SD * rng.standard_normal())
    rate = RECOVERY_RATE * np.exp(RECOVERY_LOG_SD * rng.standard_normal())
    odds = RECOVERED / (1 - RECOVERED) * np.exp(RECOVERED_LOGIT_SD * rng.standard_normal())
    level = odds / (1 + odds)
    surviving = np.exp(-sensitivity * (dose + QUADRATIC * dose**2))
    count, counts = 1.0, np.ones(len(days))
    for begin, end in zip(fractions, [*fractions[1:], np.inf], strict=True):
        count = surviving * count
        own = (days > begin) & (days <= end)
        counts[own] = level + (count - level) * np.exp(-rate * (days[own] - begin))
        count = level + (count - level) * np.exp(-rate * (end - begin))
    return baseline * counts


TRUTHS: dict[str, Counts] = {"friberg": friberg, "linear_quadratic": linear_quadratic}


def foreign_trial(truth: str, patients: int, seed: int) -> pd.DataFrame:
    """Event table of a synthetic trial.

    Args:
        truth: one of :data:`TRUTHS`.
        patients: in the trial, all in one arm.
        seed: of the random numbers.
    """
    rng = np.random.default_rng([seed, list(TRUTHS).index(truth)])
    rows = []
    for number in range(patients):
        n_fractions, gy = SCHEDULES[rng.integers(len(SCHEDULES))]
        sites = rng.choice(list(DOSE_OF_SITE), size=rng.integers(1, 4))
        planned = sum(DOSE_OF_SITE[site] for site in sites)
        total = planned * np.exp(DOSE_LOG_SD * rng.standard_normal())
        fractions = np.arange(n_fractions) + 2.0 * (np.arange(n_fractions) > 4)  # no weekends
        days = np.array(VISITS) + np.where(
            np.array(VISITS) > 0, rng.integers(-2, 3, len(VISITS)), 0
        )
        true = TRUTHS[truth](rng, days.astype(float), fractions, total / n_fractions)
        scatter = student_t.rvs(SCATTER_DF, scale=SCATTER, size=len(days), random_state=rng)
        measured = np.round(true * np.exp(scatter), 2)
        # Nobody is treated without a count before.
        missing = (rng.random(len(days)) < MISSED) & (days != -1)
        own = {
            "ID": f"F{number + 1:04d}",
            "ARM": "SBRT",
            "SITE": "+".join(sites),
            "N_LESIONS": len(sites),
        }
        rows += [
            own | {"TIME": int(day), "EVID": 0, "DVID": "alc", "LLOQ": LIMIT, "MDV": str(int(gone))}
            | {"DV": "" if gone else "BLQ" if value < LIMIT else f"{value:.2f}"}
            for day, value, gone in zip(days, measured, missing, strict=True)
        ]  # fmt: skip
        rows += [own | {"TIME": int(day), "EVID": 1, "CMT": "rt", "AMT": gy} for day in fractions]
    table = pd.DataFrame(rows).sort_values(["ID", "TIME", "EVID"], kind="stable")
    columns = ["ID", "TIME", "EVID", "CMT", "AMT", "DVID", "DV", "LLOQ", "MDV"]
    return table[[*columns, "ARM", "SITE", "N_LESIONS"]]


def write_trial(path: Path, truth: str, patients: int, seed: int) -> None:
    """Write the event table of :func:`foreign_trial`, marked as synthetic."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"# SYNTHETIC DATA: simulated with SciPy (truth {truth}, seed {seed}).\n")
        foreign_trial(truth, patients, seed).to_csv(file, index=False)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("truth", choices=TRUTHS)
    options.add_argument("patients", type=int)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, required=True)
    chosen = options.parse_args()
    write_trial(chosen.out, chosen.truth, chosen.patients, chosen.seed)
