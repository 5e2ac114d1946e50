"""The solver against the model written a second time and solved by SciPy at a tight tolerance."""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest

from lymphokin.model import load_model
from lymphokin.solve import StepRule, Treatment, build_timeline, hours_output_at, solve
from lymphokin.solve.system import System

DOSES = np.array([0.0, 1.0, 2.0, 21.0, 22.0, 23.0])
FRACTIONS = np.arange(5.0)
DAYS = np.array([0.0, 1.0, 3.0, 4.3, 7.0, 14.0, 21.0, 24.6, 28.0, 46.0, 63.0])
BLOOD_DRAWS = np.array([0.03, 0.06, 0.1, 0.2, 0.4, 1.1, 1.3, 2.1, 2.5])
KILL = {
    "myeloid_lymphoid": "linear",
    "saturating_kill": "saturating",
    "lymphocyte_feedback": "linear",
}
"""Models that the oracle knows, and their kill law there."""

COURSE = Treatment(FRACTIONS, np.full(5, 0.5), np.full(5, 0.2), DOSES, np.full(6, 270.0), DAYS)


def spread(parameter):
    """SD of one patient's occasion around the prior median, on the transformed scale."""
    return np.sqrt(
        parameter.population_sd**2
        + parameter.between_subject_sd**2
        + parameter.between_occasion_sd**2
    )


def in_model_units(model, values):
    return SimpleNamespace(**{p.name: values[p.name] * p.per_day for p in model.table})


@dataclass
class Solved:
    """States at `DAYS` and, of the drug, at the nodes of the first window and the blood draws."""

    days: dict
    window_days: np.ndarray
    window: dict
    drawn: np.ndarray


@cache
def program(name):
    """The solver of a model, which tests that ask for the same steps share."""
    model = load_model(name)
    return jax.jit(lambda p, t: solve(model, SimpleNamespace(**p), SimpleNamespace(**p), t))


def solved(model, values, rule):
    timeline, layout = build_timeline([COURSE], rule)
    p = in_model_units(model, values)
    solution = program(model.name)(vars(p), jax.tree.map(jnp.asarray, timeline))
    at = [layout.node(timeline, 0, day) for day in DAYS]
    days = {name: np.asarray(y)[at, 0] for name, y in (solution.states | solution.outputs).items()}
    hours = timeline.hours
    # An output at the time of a dose is taken before it, and a node after it: leave those out.
    nodes = np.flatnonzero((hours.step[:, 0] > 0) & (hours.amount["atra"][:-1, 0] == 0))[
        :: 8 * rule.refine
    ]
    names = System(model.on_clock("hours"), p).names
    states = {n: np.asarray(y)[nodes, 0] for n, y in zip(names, solution.hours.states, strict=True)}
    lane = np.zeros(len(BLOOD_DRAWS), dtype=int)
    drawn = hours_output_at(model, p, hours, solution.hours, lane, BLOOD_DRAWS)["atra"]
    window_days = hours.offset[nodes, 0] + values["absorption_lag"] / 24
    return Solved(days, window_days, states, np.asarray(drawn))


def exact(model, values, days):
    doses = [(day, 270.0) for day in DOSES]
    fractions = [(day, 0.5, 0.2) for day in FRACTIONS]
    feedback = values.get("feedback", 0.0)
    return oracle.solve(values, doses, fractions, days, KILL[model.name], feedback)


def errors(model, values, rule):
    """Largest error of every state relative to its largest size; of the count, relative."""
    ours = solved(model, values, rule)
    times = np.concatenate([DAYS, ours.window_days, BLOOD_DRAWS])
    truth = exact(model, values, times)
    at_days, in_window, at_draws = np.split(
        np.arange(len(times)), np.cumsum([len(DAYS), len(ours.window_days)])
    )

    def relative(mine, name, where):
        return np.abs(mine - truth[name][where]).max() / np.abs(truth[name]).max()

    found = {n: relative(ours.days[n], n, at_days) for n in oracle.STATES if n in ours.days}
    found |= {n: relative(y, n, in_window) for n, y in ours.window.items()}
    found["atra"] = relative(ours.drawn, "concentration", at_draws)
    found["alc"] = np.abs(ours.days["alc"] / truth["alc"][at_days] - 1).max()
    return found


def draw(model, seed):
    """A typical patient: every parameter within a third of its spread."""
    z = iter(np.random.default_rng(seed).standard_normal(len(model.table.parameters)) / 3)
    return {
        p.name: float(p.to_natural(p.to_transformed(p.median) + spread(p) * next(z)))
        for p in model.table
    }


def medians(model):
    return {p.name: p.median for p in model.table}


@pytest.mark.parametrize(
    "name",
    ["myeloid_lymphoid", *(pytest.param(name, marks=pytest.mark.slow) for name in list(KILL)[1:])],
)
def test_every_state_of_the_median_patient_agrees_to_a_hundred_thousandth(name):
    model = load_model(name)
    found = errors(model, medians(model), StepRule.for_tolerance(1e-6))
    assert len(found) == len(oracle.STATES) + 2
    assert max(found.values()) < 1e-5, found


@pytest.mark.parametrize(
    ("name", "seed"),
    [("myeloid_lymphoid", 1), pytest.param("lymphocyte_feedback", 2, marks=pytest.mark.slow)],
)
def test_every_state_of_other_patients_agrees_too(name, seed):
    model = load_model(name)
    found = errors(model, draw(model, seed), StepRule.for_tolerance(1e-6))
    assert max(found.values()) < 1e-5, found


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("myeloid_lymphoid", 3),
        *(pytest.param(name, None, marks=pytest.mark.slow) for name in KILL),
        pytest.param("saturating_kill", 4, marks=pytest.mark.slow),
    ],
)
def test_the_default_steps_hold_what_is_measured(name, seed):
    model = load_model(name)
    values = medians(model) if seed is None else draw(model, seed)
    found = errors(model, values, StepRule())
    assert found["alc"] < 1e-5, found
    assert max(found["mdsc"], found["atra"]) < 1e-4, found


@pytest.mark.parametrize("rtol", [1e-3, 1e-5])
def test_counts_are_as_accurate_as_was_asked(rtol):
    model = load_model("myeloid_lymphoid")
    found = errors(model, draw(model, 5), StepRule.for_tolerance(rtol))
    assert found["alc"] < rtol, found
