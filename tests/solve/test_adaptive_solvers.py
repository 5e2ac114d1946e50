"""Models that ask for a solver of diffrax: against the built-in one and SciPy; what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lymphokin.model import AdaptiveSolver, ModelError, load_model
from lymphokin.solve import Treatment, build_timeline, solve

DAYS = np.array([0.0, 0.5, 3.0, 10.0, 40.0])
TREATMENT = Treatment(
    np.arange(3.0), np.full(3, 0.6), np.full(3, 1 / 3), np.zeros(0), np.zeros(0), DAYS
)

STIFF = '''
"""Lymphocytes that change places with marginated ones a thousand times a day, and grow together."""
from lymphokin.model import AdaptiveSolver, Block, Flow, Output, state


class Exchange(Block):
    seen = state("1e9/L", initial=1.0)
    hidden = state("1e9/L", initial=1.0)
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}

    def flows(self, y, p, u):
        growth = 0.1 * (y.seen + y.hidden) / 2
        return {
            "seen": Flow(p.exchange * y.hidden**2 + 0.1, p.exchange * y.seen + growth),
            "hidden": Flow(p.exchange * y.seen**2 + 0.1, p.exchange * y.hidden + growth),
        }

    def on_fraction(self, y, p, fraction):
        return {"seen": y.seen * 0.5 ** (2 * fraction.immune_dose)}

    def outputs(self, y, p, u):
        return {"alc": y.seen}


blocks = (Exchange(),)
solver = AdaptiveSolver("NAME", rtol=1e-8, max_steps=STEPS)
'''
TABLE = """
[parameters.exchange]
symbol = "k"
meaning = "Exchange of cells in the blood with marginated ones"
unit = "1/d"
transform = "log"
median = 1000.0
population_sd = 0.5
source = "A number that makes the equations stiff"
certainty = "proposed prior"

[residuals.alc]
distribution = "normal"
scale = "log"
sd = 0.2
sd_log_sd = 0.2
source = "A round number"
certainty = "proposed prior"
"""


def stiff_model(folder, name, steps=512):
    path = folder / "stiff.py"
    path.write_text(STIFF.replace("NAME", name).replace("STEPS", str(steps)))
    path.with_suffix(".toml").write_text(TABLE)
    return load_model(path)


def count(model, p):
    """Lymphocyte counts of a patient on `DAYS`."""
    timeline, layout = build_timeline([TREATMENT])
    timeline = jax.tree.map(jnp.asarray, timeline)
    at = [layout.node(timeline, 0, day) for day in DAYS]

    def run(p):
        p = SimpleNamespace(**p)
        return solve(model, p, p, timeline).outputs["alc"][jnp.asarray(at), 0]

    return jax.jit(run), p


def medians(model):
    return {p.name: p.median * p.per_day for p in model.table}


@pytest.mark.slow
def test_a_model_that_is_not_stiff_gets_the_same_counts_and_gradients():
    builtin = load_model("hedos_hcc")
    chosen = replace(builtin, solver=AdaptiveSolver("tsit5", rtol=1e-8, atol=1e-10))
    p = medians(builtin)
    expected, found = (count(model, p)[0] for model in (builtin, chosen))
    np.testing.assert_allclose(found(p), expected(p), rtol=2e-5)
    slopes = (jax.grad(lambda p, run=run: run(p)[3])(p) for run in (expected, found))
    for one, other in zip(*(s.values() for s in slopes), strict=True):
        assert float(other) == pytest.approx(float(one), rel=2e-3, abs=1e-6)


@pytest.mark.long
def test_a_stiff_model_agrees_with_scipy(tmp_path):
    model = stiff_model(tmp_path, "kvaerno5")
    run, p = count(model, medians(model))

    def slope(_, y):
        seen, hidden = y
        growth = 0.1 * (seen + hidden) / 2
        k = p["exchange"]
        return [k * hidden**2 + 0.1 - (k * seen + growth) * seen,
                k * seen**2 + 0.1 - (k * hidden + growth) * hidden]  # fmt: skip

    y, now, expected = np.array([1.0, 1.0]), 0.0, []
    stops = sorted({*DAYS, *TREATMENT.fraction_days})
    for day in stops:
        if day > now:
            y = solve_ivp(slope, (now, day), y, "Radau", rtol=1e-10, atol=1e-12).y[:, -1]
            now = day
        if day in DAYS:
            expected.append(y[0])
        if day in TREATMENT.fraction_days:
            y = y * [0.5**1.2, 1.0]
    np.testing.assert_allclose(run(p), expected, rtol=1e-6)


def test_a_step_that_cannot_be_finished_is_not_passed_off_as_a_number(tmp_path):
    model = stiff_model(tmp_path, "tsit5", steps=16)
    run, p = count(model, medians(model))
    assert np.isnan(np.asarray(run(p))[1:]).all()


@pytest.mark.long
def test_what_the_implicit_solver_cannot_solve_has_no_number_and_no_slope(tmp_path):
    """Where a search or a chain comes there, it turns back; the program used to end."""
    model = stiff_model(tmp_path, "kvaerno5", steps=16)
    run, p = count(model, medians(model))
    found, slope = jax.value_and_grad(lambda p: run(p)[3])(p | {"exchange": 1e300})
    assert np.isnan(found)
    assert not np.isfinite(slope["exchange"])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"name": "rk4"}, "no solver 'rk4': expected one of .*kvaerno5.*tsit5"),
        ({"name": "kencarp4"}, "no solver 'kencarp4'"),
        ({"name": "tsit5", "rtol": 0.0}, "rtol must lie in"),
        ({"name": "tsit5", "atol": float("nan")}, "atol must lie in"),
        ({"name": "tsit5", "max_steps": 0}, "max_steps must be at least 1"),
    ],
)
def test_a_solver_that_cannot_be_is_refused(settings, expected):
    with pytest.raises(ModelError, match=expected):
        AdaptiveSolver(**settings)


def test_what_a_model_file_calls_a_solver_must_be_one(tmp_path):
    path = tmp_path / "stiff.py"
    path.write_text(STIFF.replace('AdaptiveSolver("NAME", rtol=1e-8, max_steps=STEPS)', "'tsit5'"))
    path.with_suffix(".toml").write_text(TABLE)
    with pytest.raises(ModelError, match="`solver` must be an AdaptiveSolver, not 'tsit5'"):
        load_model(path)
