"""Which way to differentiate: the gradient of a trial's log posterior density, four ways.

    uv run python benchmarks/gradient_modes.py [--repeats 30] [--out benchmarks/gradient_modes.json]

The shipped trial (58 patients) with the default model (also with the sampler's long steps)
and with a small one, on one core:

- reverse: what lymphokin does; each step of the coupled states is run again in the backward pass.
- reverse, stored: the same without running steps again, so that every step's values are stored.
- forward: given the population, patients are independent, so one derivative per population quantity
  and one per slot of a patient (for all patients at once) give all of the gradient.
- mixed: forward through the solver along each individual parameter, reverse through what lies
  before and behind it (population to individuals, predictions to density).

All must agree. Times are processor time, medians of repeats taken in turn. XLA's own counts of
operations and bytes take the body of a loop once; the operations here count it as often as it runs.
Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from engine import one_core

CASES = (("myeloid_lymphoid", False), ("myeloid_lymphoid", True), ("hedos_hcc", False))
"""Models, and whether with the long steps of the sampler's trajectories."""
AGREEMENT = 1e-9
"""Largest difference from reverse mode, relative to the component or to their median if larger."""
NEAR_CENTRE = 0.3
"""Part of a draw of the prior at which gradients are taken; a whole one fits no record at all."""
ARITHMETIC = re.compile(
    "add|subtract|multiply|divide|negate|abs|maximum|minimum|compare|select|power|sqrt|rsqrt|sine|"
    "tanh|exponential|exponential-minus-one|log|log-plus-one"
)


def operations(hlo: str) -> float:
    """Arithmetic operations on single numbers in a compiled program, loops run to their end."""
    bodies: dict[str, list[str]] = {}
    entry = name = ""
    for line in hlo.splitlines():
        if opens := re.match(r"(ENTRY )?%?([\w.\-]+) .*\{$", line):
            name = opens[2]
            bodies[name] = []
            entry = name if opens[1] else entry
        elif name:
            bodies[name].append(line)

    @cache
    def of(computation: str) -> float:
        total = 0.0
        for line in bodies[computation]:
            found = re.search(r" = (?:\w+\[([\d,]*)\]\S*|\(.*?\)) ([a-z\-]+)\(", line)
            if not found:
                continue
            called = re.findall(r"(?:calls|body|to_apply)=%?([\w.\-]+)", line)
            if found[2] in ("while", "fusion", "call"):
                trips = re.search(r'known_trip_count":\{"n":"(\d+)"', line)
                total += (int(trips[1]) if trips else 1) * sum(of(each) for each in called)
            elif ARITHMETIC.fullmatch(found[2]):
                total += np.prod([int(n) for n in (found[1] or "1").split(",")])
        return total

    return of(entry)


def measure(name: str, long_steps: bool, repeats: int) -> list[dict[str, Any]]:
    """One row per way for a model."""
    import jax
    from contenders.gradients import Gradients

    from lymphokin.infer import CohortDensity
    from lymphokin.infer.density import flat
    from lymphokin.io import read_events
    from lymphokin.model import load_model
    from lymphokin.population import CohortLikelihood, Hierarchy, pack
    from lymphokin.shipped import data_path

    model = load_model(name)
    packed = pack(model, read_events(data_path("synthetic_sbrt_atra_trial.csv")))
    density = CohortDensity(CohortLikelihood(Hierarchy(model)), packed)
    density = density.with_long_steps() if long_steps else density
    draw = flat(density.hierarchy.draw_latents(jax.random.key(0), density.arrays))
    at = (NEAR_CENTRE * draw, density.arrays)
    ways = Gradients(density)
    programs: dict[str, Any] = {}
    rows = []
    for way, gradient in {
        "reverse": ways.reverse,
        "reverse, stored": ways.stored,
        "forward": ways.forward,
        "mixed": ways.mixed,
    }.items():
        programs[way] = jax.jit(gradient).lower(*at).compile()
        found = np.asarray(programs[way](*at))
        expected = np.asarray(programs["reverse"](*at))
        size = np.maximum(np.abs(expected), np.median(np.abs(expected)))
        difference = float((np.abs(found - expected) / size).max())
        assert difference < AGREEMENT, (name, way, difference)
        cost = programs[way].cost_analysis()
        rows.append(
            {
                "model": name + ", long steps" * long_steps,
                "way": way,
                "difference": difference,
                "operations": operations(programs[way].as_text()),
                "xla_flops": cost["flops"],
                "xla_bytes": cost["bytes accessed"],
                "temporary_bytes": programs[way].memory_analysis().temp_size_in_bytes,
            }
        )
    taken: dict[str, list[float]] = {way: [] for way in programs}
    for _ in range(repeats):
        for way, program in programs.items():
            began = time.process_time()
            jax.block_until_ready(program(*at))
            taken[way].append(1000 * (time.process_time() - began))
    for row in rows:
        row["ms"] = float(np.median(taken[row["way"]]))
        print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=30)
    options.add_argument("--out", type=Path, default=Path("benchmarks/gradient_modes.json"))
    chosen = options.parse_args()
    one_core()
    rows = [row for case in CASES for row in measure(*case, chosen.repeats)]
    result = {"rows": rows, "load": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n{'model':30}{'way':18}{'ms':>8}{'operations, M':>15}", end="")
    print(f"{'XLA flops, M':>14}{'XLA MB':>9}{'temporary MB':>14}{'difference':>12}")
    for row in rows:
        print(
            f"{row['model']:30}{row['way']:18}{row['ms']:>8.2f}{row['operations'] / 1e6:>15.1f}"
            f"{row['xla_flops'] / 1e6:>14.1f}{row['xla_bytes'] / 1e6:>9.0f}"
            f"{row['temporary_bytes'] / 1e6:>14.2f}{row['difference']:>12.0e}"
        )


if __name__ == "__main__":
    main()
