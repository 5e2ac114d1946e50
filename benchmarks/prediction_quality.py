"""Forecasts over several trials, beside benchmarks that knew as much.

    uv run python benchmarks/prediction_quality.py --trials 10 --out trials.json
    uv run python benchmarks/prediction_quality.py RUN [RUN ...]

Simulates trials from the truth of the shipped one, fits each (`--method quick`: a normal
approximation, reweighted; a minute or two per trial), and judges forecasts of left-out patients at
days 0 and 14; or judges those of given run folders. Prints a line of JSON per trial as soon as it
is scored, then the mean over trials of model minus benchmark with its 90 % interval: below 0 the
model is better.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lymphokin as lk
from lymphokin.jax_setup import prepare_jax

DAYS = (0.0, 14.0)
MEASURES = ("brier", "log_score")
FIRST_SEED = 1000


def simulated(trials: int, method: str) -> Iterator[Path]:
    """Run folders of fits of simulated trials, one after the other; each is deleted again."""
    from lymphokin.io import write_events
    from lymphokin.shipped import data_path
    from lymphokin.trial.synthetic import Truth, simulate_trial

    truth = Truth.read(data_path("synthetic_sbrt_atra_trial.truth.toml"))
    for trial in range(trials):
        with TemporaryDirectory() as folder:
            table = Path(folder) / "synthetic.csv"
            cohort = simulate_trial(truth, FIRST_SEED + trial).cohort
            write_events(cohort, table, ["SYNTHETIC DATA"])
            out = Path(folder) / f"trial_{trial:02d}"
            lk.fit(table, method=method).save(out)
            yield out


def scored(folder: Path) -> dict[str, Any]:
    """Differences of the scores in one trial."""
    from lymphokin.criticism.forecasts.predict_left_out import predict_left_out

    begin = time.perf_counter()
    fit = lk.open_run(folder)
    posterior = fit.density
    found = predict_left_out(fit, posterior, 0, lambda _: None, DAYS)
    scores = found.scores
    shown = scores[(scores["against"] != "") & scores["measure"].isin(list(MEASURES))]
    return {
        "run": folder.name,
        "left_out": {f"{day:g}": len(found.left_out(day)) for day in DAYS},
        "differences": json.loads(shown.round(4).to_json(orient="records")),
        "seconds": round(time.perf_counter() - begin),
    }


def pooled(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean difference over trials, with a 90 % interval from their spread."""
    import numpy as np
    import pandas as pd
    from scipy.stats import t

    every = pd.concat(pd.DataFrame(trial["differences"]) for trial in trials)
    rows = []
    for (day, against, measure), own in every.groupby(["day", "against", "measure"], sort=False):  # type: ignore[misc]
        value = own["value"].to_numpy(float)
        n = len(value)
        error = value.std(ddof=1) / np.sqrt(n) * t.ppf(0.95, n - 1) if n > 1 else np.nan
        mean = float(value.mean())
        better = int((value < 0).sum())
        about = {"day": day, "against": against, "measure": measure, "difference": round(mean, 4)}
        interval = {"q05": round(mean - error, 4), "q95": round(mean + error, 4)}
        rows.append(about | interval | {"trials": n, "better_in": better})
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("runs", nargs="*", type=Path)
    options.add_argument("--trials", type=int, default=0)
    options.add_argument("--method", default="quick")
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    prepare_jax()
    folders = chosen.runs or simulated(chosen.trials, chosen.method)
    found = []
    for folder in folders:
        found.append(scored(folder))
        print(json.dumps(found[-1]), flush=True)
    summary = pooled(found)
    for row in summary:
        print(json.dumps(row))
    if chosen.out:
        chosen.out.write_text(json.dumps({"trials": found, "pooled": summary}, indent=1))


if __name__ == "__main__":
    main()
