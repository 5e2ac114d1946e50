"""Whether the memory of the what-if service stays bounded over many varied questions.

    uv run python benchmarks/what_if_memory.py [RUN] [--model NAME] [--questions 10000]

Starts `lymphokin serve` with an audit log and asks it one question after another, no two alike:
25 about a patient, patients of all sites with counts before and on treatment, schedules with and
without the drug, endpoints, first looks and (one in 20) answers, maps, lists, further counts, other
models, dose tables, and questions that are refused. Prints JSON: questions of each kind, how many
were refused, and the resident memory of the service (MB) at every twentieth of the way.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import urllib.error
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from what_if_service import Service

from lymphokin.endpoints import shipped_endpoints
from lymphokin.sites import shipped_sites
from lymphokin.whatif.limits import PREVIEW_DRAWS, SETTLED_DRAWS

LOOKS = 20
KINDS = {"answer": 20, "narrowing": 47, "dose": 97, "scan": 199, "options": 211, "models": 223}
"""One question in so many is of this kind, of several the last; the others are first looks."""
STAYS = 25
"""Questions about one patient before the next one comes."""


def patient(rng: np.random.Generator) -> dict[str, Any]:
    lesions = int(rng.integers(1, 4))
    counts = [{"day": -1, "value": round(float(rng.uniform(0.6, 2.6)), 3)}]
    if rng.uniform() < 0.4:
        day = int(rng.integers(5, 40))
        counts.append({"day": day, "value": round(float(rng.uniform(0.3, 1.2)), 3)})
    site = str(rng.choice(list(shipped_sites().by_name)))
    return {"site": site, "n_lesions": lesions, "bsa": round(float(rng.uniform(1.4, 2.3)), 2),
            "counts": counts}  # fmt: skip


def schedule(rng: np.random.Generator, drug: str | None) -> dict[str, Any]:
    count, gy = int(rng.integers(1, 11)), round(float(rng.uniform(3, 14)), 1)
    begin, gap = int(rng.integers(0, 10)), int(rng.integers(1, 3))
    plan: dict[str, Any] = {"fractions": [{"day": begin + gap * k, "gy": gy} for k in range(count)]}
    if drug is not None and rng.uniform() < 0.5:
        pulses = int(rng.integers(1, 5))
        plan["pulses"] = [
            {"drug": drug, "day": 21 * k, "days": int(rng.integers(1, 5))} for k in range(pulses)
        ]
    return plan


def varied(
    rng: np.random.Generator, kind: str, who: dict[str, Any], drug: str | None
) -> tuple[str, dict[str, Any]]:
    """Path and body of a question of a kind about a patient."""
    if kind == "dose":
        rows = [f"{organ},{rng.uniform(0.1, 5):.2f}" for organ in ("heart", "lungs", "liver")]
        return "dose", {"text": "\n".join(["ORGAN,MEAN_DOSE_GY", *rows])}
    names = [name for name, endpoint in shipped_endpoints().items() if not endpoint.of_fold]
    endpoint = str(rng.choice([*names, f"day{rng.integers(20, 90)}"]))
    who = {"patient": who, "endpoint": endpoint}
    match kind:
        case "narrowing":
            return kind, who | {"schedule": schedule(rng, drug)}
        case "scan":
            return kind, who | {"schedule": schedule(rng, drug), "kind": "fractions"}
        case "options":
            return kind, who | {"schedule": schedule(rng, drug), "bed10_gy": [80, 100]}
    plans = {key: schedule(rng, drug) for key in "ab"}
    draws = PREVIEW_DRAWS if kind == "first look" else SETTLED_DRAWS
    return ("models" if kind == "models" else "whatif"), who | plans | {"draws": draws}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", nargs="?", type=Path)
    options.add_argument("--model", default="myeloid_lymphoid", help="without a run")
    options.add_argument("--questions", type=int, default=10_000)
    chosen = options.parse_args()
    rng = np.random.default_rng(1)
    asked, refused, who = Counter[str](), Counter[str](), patient(rng)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit.jsonl"
        service = Service(chosen.run, "--model", chosen.model, "--audit-log", str(log))
        try:
            drugs = service.form()["drugs"]
            drug = drugs[0]["drug"] if drugs else None
            memory = [round(service.memory_mb())]
            for i in range(1, chosen.questions + 1):
                if i % STAYS == 1:
                    who = patient(rng)
                kind = ["first look", *(k for k, n in KINDS.items() if i % n == 0)][-1]
                path, question = varied(rng, kind, who, drug)
                asked[kind] += 1
                try:
                    service.ask(question, path)
                except urllib.error.HTTPError as error:
                    if error.code != 422:
                        raise
                    refused[kind] += 1
                if i % max(1, chosen.questions // LOOKS) == 0:
                    memory.append(round(service.memory_mb()))
                    print(i, memory[-1], flush=True)
            size = log.stat().st_size / 2**20
        finally:
            service.stop()
    result = {"asked": asked, "refused": refused, "memory_mb": memory, "log_mb": round(size, 1)}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
