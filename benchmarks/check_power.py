"""How often `lymphokin check` notices a trial that the model does not describe.

    uv run python benchmarks/check_power.py --trials 5

Trials like the shipped one, with seeds of their own, are changed in one way, fitted by the quick
method and checked. One line of JSON per way: of how many trials some check of the counts, or the
conflict of prior and data, says look or wrong, and which. SYNTHETIC DATA.

- ``right``: not changed.
- ``scatter``: counts scatter twice as widely as the prior of the residual expects, which holds the
  residual too narrow (a negative shrinkage).
- ``outliers``: one count in ten is three times too high or too low.
- ``recovered``: from a week after radiotherapy on, counts are those before treatment.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace

import numpy as np

import lymphokin as lk
from lymphokin.io import Cohort
from lymphokin.jax_setup import prepare_jax
from lymphokin.shipped import data_path
from lymphokin.trial.synthetic import Truth
from lymphokin.verdict import FINE, WRONG

OUTLIERS, OUTLIER_RATIO = 0.1, 3.0
WIDER = 2.0
RECOVERED_AFTER = 7.0
"""Days after the last fraction."""
CASES = ("right", "scatter", "outliers", "recovered")
OF_COUNTS = ("lymphocyte counts", "alc")
CONFLICT = "prior against data"


def trial(case: str, seed: int) -> Cohort:
    """A trial, changed."""
    truth = Truth.read(data_path("synthetic_sbrt_atra_trial.truth.toml"))
    if case == "scatter":
        residual_sd = {**truth.residual_sd, "alc": WIDER * truth.residual_sd["alc"]}
        truth = replace(truth, residual_sd=residual_sd)
    cohort, rng = lk.simulate_trial(truth, seed=seed).cohort, np.random.default_rng(seed)
    records = cohort.observations.copy()
    counts = (records["quantity"] == "alc") & records["value"].notna() & ~records["censored"]
    if case == "outliers":
        chosen = counts & (rng.uniform(size=len(records)) < OUTLIERS)
        sign = rng.choice([-1.0, 1.0], size=len(records))
        records.loc[chosen, "value"] *= OUTLIER_RATIO ** sign[chosen]
    if case == "recovered":
        last = records["id"].map(cohort.fractions.groupby("id")["day"].max())
        late = counts & (records["day"] > last + RECOVERED_AFTER)
        noise = truth.residual_sd["alc"] * rng.standard_t(5, len(records))
        before = records["id"].map(cohort.mean_baseline("alc"))
        records.loc[late, "value"] = (before * np.exp(noise))[late]
    return replace(cohort, observations=records)


def noticed(case: str, seed: int) -> dict[str, str]:
    """Level of each check of the counts that is not fine."""
    fit = lk.fit(trial(case, seed), method="quick", seed=seed, progress=False)
    # Quick fits are seldom believed, which withholds the conflict; here its power is asked for.
    fit.provenance["convergence"] |= {"level": "caution"}
    verdicts = lk.check(fit, draws=500, seed=seed, progress=False).verdicts
    kept = [v for v in verdicts if v.subject in OF_COUNTS or v.check == CONFLICT]
    return {v.check: v.level for v in kept if v.level != FINE}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--cases", default=",".join(CASES))
    asked = parser.parse_args()
    prepare_jax()
    for case in asked.cases.split(","):
        found = [noticed(case, 2000 + i) for i in range(asked.trials)]
        by_check = Counter(name for levels in found for name in levels)
        line = {
            "case": case,
            "trials": asked.trials,
            "noticed": sum(bool(levels) for levels in found),
            "wrong": sum(WRONG in levels.values() for levels in found),
            "by_check": dict(by_check.most_common()),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
