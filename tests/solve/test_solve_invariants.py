"""What must hold of every solution, whatever the parameters: rest, events, padding, step sizes."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.model import Fraction, load_model
from lymphokin.solve import StepRule, Treatment, build_timeline, solve
from lymphokin.solve.clock import Clock, Path, solve_clock
from lymphokin.solve.recurrence import recurrence
from lymphokin.solve.structure import structure_of
from lymphokin.solve.system import Events, System
from tests.every_model import EVERY_MODEL

DOSES = np.array([0.0, 1.0, 2.0, 21.0, 22.0, 23.0])
DAYS = np.array([0.0, 4.3, 14.0, 24.6, 46.0, 63.0])


def course(doses=DOSES, days=DAYS, gy=0.5):
    share = 0.2 if gy else 0.0
    amount = np.full(len(doses), 270.0)
    return Treatment(
        np.arange(5.0), np.full(5, gy), np.full(5, share), np.array(doses), amount, days
    )


def typical(model):
    return SimpleNamespace(**{p.name: p.median * p.per_day for p in model.table})


def solve_typical(model, courses, rule=None):
    """States and outputs at the days of interest, one dictionary per patient."""
    timeline, layout = build_timeline(courses, rule)
    p = vars(typical(model))
    solution = jax.jit(lambda p, t: solve(model, SimpleNamespace(**p), SimpleNamespace(**p), t))(
        p, jax.tree.map(jnp.asarray, timeline)
    )
    shown = {name: np.asarray(y) for name, y in (solution.states | solution.outputs).items()}
    return [
        {name: y[[layout.node(timeline, i, d) for d in c.days], i] for name, y in shown.items()}
        for i, c in enumerate(courses)
    ]


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_without_treatment_nothing_moves(name):
    untreated = course(doses=(), gy=0.0)
    for y in solve_typical(load_model(name), [untreated])[0].values():
        assert np.abs(y - y[0]).max() <= 1e-8 * np.abs(y[0])


def test_a_patient_seen_on_a_single_day_and_never_treated_is_at_rest():
    nothing, day = np.zeros(0), np.array([3.0])
    seen_once = Treatment(nothing, nothing, nothing, nothing, nothing, day)
    model = load_model("hedos_hcc")
    (y,) = solve_typical(model, [seen_once])
    (known,) = solve_typical(model, [course(doses=(), gy=0.0)])
    assert y["alc"][0] == pytest.approx(known["alc"][0], rel=1e-12)


def test_a_fraction_counts_once_and_only_after_its_own_day():
    model, p = load_model("myeloid_lymphoid"), typical(load_model("myeloid_lymphoid"))
    one, none = np.ones(1), np.zeros(0)
    states = solve_typical(
        model, [Treatment(2 * one, 0.5 * one, one, none, none, np.array([2, 2.1]))]
    )
    rest = (1 - p.fast_fraction) * p.lymphocyte_baseline
    killed = rest * (1 - np.exp(-0.5 * p.radiosensitivity))
    regrown = killed * (1 - np.exp(-0.1 * np.log(2) / p.slow_half_life))
    assert states[0]["slow"] == pytest.approx([rest, rest - killed + regrown], rel=1e-4)
    decayed = np.exp(-0.1 * p.inflammation_decay)
    assert states[0]["inflammation"] == pytest.approx([0, decayed], rel=1e-12)


def test_halving_the_steps_changes_the_count_by_less_than_a_hundred_thousandth():
    model = load_model("myeloid_lymphoid")
    usual, fine = (solve_typical(model, [course()], StepRule(refine=k))[0]["alc"] for k in (1, 2))
    assert usual == pytest.approx(fine, rel=1e-5)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_six_weeks_of_daily_fractions_need_few_steps(name):
    week, nothing = np.arange(5.0), np.zeros(0)
    days = np.concatenate([7 * w + week for w in range(6)])
    each = np.full(30, 1 / 30)
    daily = Treatment(days, 3 * each, each, nothing, nothing, np.arange(0.0, 106.0, 7.0))
    timeline, _ = build_timeline([daily])
    assert (np.asarray(timeline.days.step) > 0).sum() < 100
    model = load_model(name)
    usual, fine = (solve_typical(model, [daily], StepRule(refine=k))[0]["alc"] for k in (1, 8))
    assert usual == pytest.approx(fine, rel=2e-4)


def test_steps_are_shorter_after_a_dose_than_after_a_fraction():
    rule = StepRule()
    assert rule.step_days(0.0, 5.0) < 0.5 * rule.step_days(5.0, 0.0)
    assert rule.step_days(60.0, 60.0) == rule.longest_days


def test_a_patient_does_not_depend_on_who_else_is_solved():
    model = load_model("myeloid_lymphoid")
    other = course(doses=(3.0, 60.0, 61.0, 90.0), days=np.arange(0, 180, 9.0))
    alone = solve_typical(model, [course()])[0]
    among = solve_typical(model, [other, course(), course(doses=())])[1]
    for name, y in alone.items():
        assert among[name] == pytest.approx(y, rel=1e-12, abs=1e-15), name


@pytest.mark.slow
def test_a_gpus_program_gives_the_counts_of_a_cpus(monkeypatch):
    """Fewer, larger operations: recurrences by halves, several steps at a time, nothing stored."""
    model = load_model("myeloid_lymphoid")
    expected = solve_typical(model, [course(), course(doses=())])
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    found = solve_typical(model, [course(), course(doses=())])
    for here, there in zip(found, expected, strict=True):
        for name, y in here.items():
            assert y == pytest.approx(there[name], rel=1e-12, abs=1e-15), name


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_a_recurrence_and_its_derivative_are_those_of_a_loop(backend, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    rng = np.random.default_rng(0)
    slope, offset, weight = rng.uniform(-1, 1, (3, 13, 4))

    def loop(slope, offset):
        y = [offset[0]]
        for a, b in zip(slope[1:], offset[1:], strict=True):
            y.append(a * y[-1] + b)
        return jnp.stack(y)

    np.testing.assert_allclose(recurrence(slope, offset), loop(slope, offset), rtol=1e-12)
    found, expected = (
        jax.grad(lambda a, b, of=of: (weight * of(a, b)).sum(), argnums=(0, 1))(slope, offset)
        for of in (recurrence, loop)
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("clock", ["hours", "days"])
def test_states_solved_one_by_one_and_all_together_agree(clock):
    model = load_model("myeloid_lymphoid")
    timeline, _ = build_timeline([course()], StepRule(refine=4))
    blocks, p = model.on_clock(clock), typical(model)
    if clock == "hours":
        step = jnp.asarray(timeline.hours.step)
        events = Events(None, jax.tree.map(jnp.asarray, timeline.hours.amount))
        handed = {}
    else:
        step = jnp.asarray(timeline.days.step)
        events = Events(Fraction(*(jnp.asarray(x) for x in timeline.days[2:4])), {})
        day = jnp.asarray(timeline.days.node_day)
        nodes, middle = (0.1 * jnp.exp(-((t - 8) ** 2) / 32) for t in (day, day[1:] - step / 2))
        handed = {"signal": Path(nodes, nodes, middle)}

    def states(together):
        names = tuple(parameter.name for parameter in model.table)
        structure = structure_of(blocks, names, tuple(handed), together=together)
        assert any(c.coupled for c in structure.components) is (together or clock == "hours")
        solver = Clock(System(blocks, p), structure, step.shape[1])
        return jax.jit(lambda: solve_clock(solver, step, events, handed))()

    apart, joined = states(False), states(True)
    assert apart.keys() == joined.keys()
    for name, path in apart.items():
        difference = np.abs(path.after - joined[name].after).max()
        assert difference < 1e-5 * np.abs(path.after).max(), name
