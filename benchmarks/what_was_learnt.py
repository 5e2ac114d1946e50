"""What simulated trials are said to have taught, with and without a record of MDSC.

    uv run python benchmarks/what_was_learnt.py --trials 20

Trials like the shipped one, with seeds of their own, are fitted twice by the quick method: with all
their records, and with lymphocyte counts alone. Of every population quantity of the myeloid block,
and of the link, one line of JSON says how often it is called learnt (well or partly), and how often
its 90 % interval holds the truth. The words are those of the contraction: the quick method
withholds them where its approximation is not to be believed, which `believed` counts.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import pandas as pd

import lymphokin as lk
from lymphokin.infer.learnt import PARTLY, WELL, learnt_word, unmeasured_quantities
from lymphokin.jax_setup import prepare_jax
from lymphokin.model import Model
from lymphokin.shipped import data_path
from lymphokin.trial.synthetic import Truth

LINK = "suppression"


def of_the_myeloid_block(model: Model) -> list[str]:
    """Population quantities that counts alone do not measure, the drug's kinetics left out."""
    without_mdsc = unmeasured_quantities(model, ["alc", "atra"])
    return sorted(without_mdsc - {"mdsc_residual_sd", "mdsc_edta_log_ratio"})


def true_values(truth: Truth, names: list[str]) -> dict[str, float]:
    """What the simulated trials have, in the units of the table."""
    table = truth.true_model().table
    of = {name: name.removesuffix("_between_subject_sd") for name in names}
    return {
        name: table[p].median if name == p else table[p].between_subject_sd
        for name, p in of.items()
    }


def one(truth: Truth, seed: int, alone: bool) -> pd.DataFrame:
    """Words and coverage of one trial, a row per quantity."""
    cohort = lk.simulate_trial(truth, seed=seed).cohort
    if alone:
        records = cohort.observations
        cohort = replace(cohort, observations=records[records["quantity"] == "alc"])
    fit = lk.fit(cohort, method="quick", seed=seed, progress=False)
    names = of_the_myeloid_block(fit.model)
    seen = set(cohort.observations.loc[cohort.observations["value"].notna(), "quantity"])
    unmeasured = unmeasured_quantities(fit.model, seen)
    rows = fit.summary.set_index("name").loc[names]
    true = pd.Series(true_values(truth, names))
    words = [learnt_word(c, n not in unmeasured) for n, c in rows["contraction"].items()]
    return pd.DataFrame(
        {
            "quantity": names,
            "word": words,
            "contraction": rows["contraction"].to_numpy(),
            "covered": ((rows["q05"] <= true) & (true <= rows["q95"])).to_numpy(),
            "level": fit.convergence["level"],
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    trials = parser.parse_args().trials
    prepare_jax()
    truth = Truth.read(data_path("synthetic_sbrt_atra_trial.truth.toml"))
    for alone in (True, False):
        found = pd.concat([one(truth, 1000 + i, alone) for i in range(trials)])
        for quantity, rows in found.groupby("quantity"):
            learnt = rows["word"].isin([WELL, PARTLY])
            line = {
                "records": "counts alone" if alone else "all",
                "quantity": quantity,
                "trials": trials,
                "learnt": int(learnt.sum()),
                "covered": int(rows["covered"].sum()),
                "learnt_and_covered": int((learnt & rows["covered"]).sum()),
                "contraction": round(float(rows["contraction"].mean()), 2),
                "believed": int((rows["level"] != "bad").sum()),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
