"""Interleukin-7 beside ATRA and radiotherapy, every 1 to 42 days, against SciPy."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from scipy.integrate import solve_ivp

from lymphokin.model import load_model
from lymphokin.solve import StepRule, Treatment, build_timeline, following, solve
from lymphokin.solve.one_treatment import Shape, timeline_of_lanes, treatment_arrays

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "il7_atra.py"
SHAPES = (Shape(129, 5, 249, 97),)
"""Of a what-if, with windows, hours and nodes to spare."""
EVERY = (1, 7, 42)
ONE_DOSE = 84.0
"""mg, 1.2 per kg of 70 kg."""
DAYS = np.array([0.0, 1.5, 3.0, 7.0, 9.0, 14.0, 22.0, 30.0, 46.0, 63.0, 84.0])
ATRA = np.array([0.0, 1.0, 2.0, 21.0, 22.0, 23.0])
MG_ATRA, MG_IL7 = 270.0, 20.0


def test_two_drugs_are_each_followed_for_as_long_as_they_last():
    model = load_model(EXAMPLE)
    rule = following(StepRule(), model)
    atra, il7 = (rule.within(window) for window in rule.windows)
    assert (atra.tail_days, rule.windows[0].drugs) == (StepRule().tail_days, ("atra",))
    assert il7.tail_days > 30


@pytest.mark.long
def test_counts_under_both_drugs_are_those_of_scipy():
    model = load_model(EXAMPLE)
    p = {q.name: q.median for q in model.table}
    fractions = np.arange(5.0)
    treatments, given = [], []
    for interval in EVERY:
        il7 = np.arange(0.5, 84.0, interval)
        days = np.concatenate([ATRA, il7])
        drug = np.array(["atra"] * len(ATRA) + ["il7"] * len(il7), object)
        amount = np.where(drug == "atra", MG_ATRA, MG_IL7)
        share = np.full(5, 0.2)
        treatments.append(
            Treatment(fractions, np.full(5, 0.5), share, days, amount, DAYS, drug=drug)
        )
        given.append(il7)
    none = np.zeros(0)
    one = {"drug": np.array(["il7"], object)}
    treatments.append(Treatment(none, none, none, np.zeros(1), np.array([ONE_DOSE]), DAYS, **one))
    timeline, layout = build_timeline(treatments, following(StepRule(), model))
    own = SimpleNamespace(**{q.name: p[q.name] * q.per_day for q in model.table})
    solution = jax.jit(lambda t: solve(model, own, own, t))(jax.tree.map(jnp.asarray, timeline))
    for i, il7 in enumerate(given):
        drive = drive_of(p, il7)
        arrivals = [(day + p["il7_lag"] / 24, 0.0, 0.0) for day in il7]
        exact = oracle.solve(
            p,
            [(day, MG_ATRA) for day in ATRA],
            [*((day, 0.5, 0.2) for day in fractions), *arrivals],
            DAYS,
            drive=drive,
        )
        nodes = layout.nodes(timeline, i, DAYS)
        counts = np.asarray(solution.outputs["alc"])[nodes, i]
        np.testing.assert_allclose(counts, exact["alc"], rtol=1e-4, err_msg=f"every {EVERY[i]}")
        mdsc = np.asarray(solution.outputs["mdsc"])[nodes, i]
        np.testing.assert_allclose(mdsc, exact["mdsc"], rtol=2e-4)
    # One dose doubles the count of a patient without radiotherapy (Park 2025: 1.314 to 2.72).
    alone = np.asarray(solution.outputs["alc"])[layout.nodes(timeline, len(EVERY), DAYS), -1]
    assert alone.max() / p["lymphocyte_baseline"] == pytest.approx(2.72 / 1.314, rel=0.02)
    padded = treatment_arrays(treatments[len(EVERY) - 1], SHAPES, following(StepRule(), model))
    assert padded is not None
    assert (padded.exposure.tolist()[:4], padded.ordinal.tolist()[:4]) == ([0, 0, 1, 1], [0, 1] * 2)
    both = timeline_of_lanes(padded, 1, [True, False])
    alone = jax.jit(lambda t: solve(model, own, own, t))(both)
    at = np.searchsorted(padded.node_day, DAYS)
    given, without = np.asarray(alone.outputs["alc"])[at].T
    nodes = layout.nodes(timeline, len(EVERY) - 1, DAYS)
    expected = np.asarray(solution.outputs["alc"])[nodes, len(EVERY) - 1]
    np.testing.assert_allclose(given, expected, rtol=1e-9)
    bare = oracle.solve(p, [], [(day, 0.5, 0.2) for day in fractions], DAYS)
    np.testing.assert_allclose(without, bare["alc"], rtol=1e-4)


def drive_of(p, il7):
    """What lymphocyte production is multiplied with, by day: the signal behind the closed form."""
    k_a = 24 * p["il7_absorption"]
    k = 24 * p["il7_clearance"] / p["il7_volume"]
    arrivals = il7 + p["il7_lag"] / 24

    def slope(day, signal):
        since = np.maximum(day - arrivals, 0.0)
        left = k_a / (k_a - k) * (np.exp(-k * since) - np.exp(-k_a * since))
        level = 1000 * MG_IL7 * left.sum() / p["il7_volume"]
        return p["il7_signal_turnover"] * (level / (p["il7_half_effect"] + level) - signal)

    pieces, signal = [], np.zeros(1)
    for start, end in pairwise([0.0, *arrivals[arrivals < DAYS[-1]], DAYS[-1] + 1]):
        solved = solve_ivp(
            slope, (start, end), signal, "LSODA", rtol=1e-9, atol=1e-11, dense_output=True
        )
        pieces.append(solved.sol)
        signal = solved.y[:, -1]

    def drive(day):
        at = np.searchsorted(arrivals[arrivals < DAYS[-1]], day, "right")
        return 1 + p["il7_max_effect"] * float(pieces[at](day)[0])

    return drive
