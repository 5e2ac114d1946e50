"""Forecasts over several runs: uv run python benchmarks/prediction_quality.py RUN [RUN ...].

Each RUN is the folder of a fit, e.g. of one of several simulated trials. Prints one line of JSON
per run as soon as it is scored: at days 0 and 14, model minus each benchmark in Brier and log score
with 90 % intervals, and how many patients were judged and left out.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from lymphokin.jax_setup import prepare_jax

DAYS = (0.0, 14.0)


def main(folders: list[Path]) -> None:
    prepare_jax()

    from lymphokin.criticism.predict_left_out import predict_left_out
    from lymphokin.criticism.run_folder import open_run

    for folder in folders:
        begin = time.perf_counter()
        fit, posterior = open_run(folder)
        found = predict_left_out(fit, posterior, 0, lambda _: None, DAYS)
        scores = found.scores
        shown = scores[(scores["against"] != "") & scores["measure"].isin(["brier", "log_score"])]
        said = {
            "run": folder.name,
            "left_out": {f"{day:g}": len(found.left_out(day)) for day in DAYS},
            "differences": json.loads(shown.round(4).to_json(orient="records")),
            "seconds": round(time.perf_counter() - begin),
        }
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
