"""Rival models of the literature against their own equations, written down a second time.

Closed forms where there are any, SciPy at a tight tolerance elsewhere. Each model is solved once
for one patient with five fractions.
"""

from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lymphokin.model import load_model
from lymphokin.solve import StepRule, Treatment, build_timeline, solve

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
FRACTIONS = np.array([0.0, 1.0, 2.0, 7.0, 8.0])
DOSE = 0.3
DAYS = np.array([0.0, 1.0, 2.5, 7.0, 10.0, 20.0, 30.0, 50.0, 90.0, 105.0, 150.0])
COURSE = Treatment(FRACTIONS, np.full(5, DOSE), np.full(5, 0.2), np.zeros(0), np.zeros(0), DAYS)
L0 = 1.4


def counts(name, rule=None, **changed):
    """Count on every day of DAYS, before any fraction on that day, at the medians."""
    model = load_model(name)
    timeline, layout = build_timeline([COURSE], rule or StepRule(refine=2))
    values = {p.name: p.median * p.per_day for p in model.table} | changed
    found = jax.jit(
        lambda p, t: solve(model, SimpleNamespace(**p), SimpleNamespace(**p), t).outputs["alc"]
    )(values, jax.tree.map(jnp.asarray, timeline))
    return np.asarray(found)[[layout.node(timeline, 0, day) for day in DAYS], 0], values


def between_fractions(state, hit, flow):
    """States of every day by SciPy: ``hit`` at each fraction, ``flow`` in between."""
    events = sorted({*FRACTIONS, *DAYS})
    seen, now = {}, 0.0
    for day in events:
        if day > now:
            solved = solve_ivp(
                lambda _, y: flow(y), (now, day), state, "LSODA", rtol=1e-10, atol=1e-12
            )
            state, now = solved.y[:, -1], day
        seen[day] = state
        if day in FRACTIONS:
            state = hit(state)
    return np.array([seen[day] for day in DAYS])


def daily_recovery(survival, rate):
    """Count by jumps and exponential returns: the recursion of HEDOS and its extension."""
    found, count, now = {}, L0, 0.0
    for day in sorted({*FRACTIONS, *DAYS}):
        count += (L0 - count) * (1 - np.exp(-rate * (day - now)))
        found[day], now = count, day
        if day in FRACTIONS:
            count *= survival
    return np.array([found[day] for day in DAYS])


def test_hedos_is_linear_kill_and_exponential_recovery():
    got, p = counts("hedos_hcc")
    expected = daily_recovery(np.exp(-0.65 * DOSE), 0.02)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert p["radiosensitivity"] == 0.65


def test_the_extension_of_hedos_saturates():
    got, _ = counts("hedos_extension")
    expected = daily_recovery(0.57 ** (1 - np.exp(-2.18 * DOSE)), 0.02)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_lung_sbrt_kills_by_dose_and_its_square_and_rises_in_a_straight_line():
    got, p = counts("lung_sbrt")
    share = np.exp(-(0.401 * DOSE + 0.401 * 0.282 * DOSE**2))
    nadir = L0 * share ** (FRACTIONS[:, None] < DAYS).sum(axis=0)
    line = np.clip((DAYS - 25) / (105 - 25), 0, 1) * p["recovered_share"] * (L0 - L0 * share**5)
    np.testing.assert_allclose(got[DAYS < 20], nadir[DAYS < 20], rtol=1e-4)
    away = (np.abs(DAYS - 25) > 10) & (np.abs(DAYS - 105) > 10)  # the corners are rounded
    np.testing.assert_allclose((got - nadir)[away], line[away], atol=2e-4 * L0)
    # As published: n b is 0.113 per square gray.
    assert p["radiosensitivity"] * p["quadratic_over_linear"] == pytest.approx(0.113, abs=5e-4)


def test_the_default_steps_follow_the_straight_line_too():
    coarse, _ = counts("lung_sbrt", StepRule())
    fine, _ = counts("lung_sbrt", StepRule(refine=4))
    np.testing.assert_allclose(coarse, fine, rtol=2e-3)


def test_friberg_agrees_with_scipy():
    got, p = counts("friberg_lymphocyte")
    rate, exponent = p["transit_rate"], p["feedback"]

    def flow(y):
        proliferating, transit, circulating = y
        feedback = (L0 / circulating) ** exponent
        return [
            rate * proliferating * feedback - rate * proliferating,
            rate * proliferating - rate * transit,
            rate * transit - rate * circulating,
        ]

    def hit(y):
        return y * [1, 1, np.exp(-p["radiosensitivity"] * DOSE)]

    expected = between_fractions(np.full(3, L0), hit, flow)[:, 2]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_friberg_with_published_kinetics_agrees_with_scipy():
    got, p = counts(EXAMPLES / "friberg_published.py")
    rate, exponent = p["transit_rate"], p["feedback"]

    def flow(y):
        arriving = np.append(y[0] * (L0 / y[-1]) ** exponent, y[:-1])
        return rate * (arriving - y)

    def hit(y):
        return y * [1, 1, 1, 1, np.exp(-p["radiosensitivity"] * DOSE)]

    expected = between_fractions(np.full(5, L0), hit, flow)[:, -1]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    # Four steps of 83 days (Wang 2020) and of 146 hours (Park 2025) lie one SD below and above.
    sd = load_model(EXAMPLES / "friberg_published.py").table["transit_rate"].population_sd
    steps = np.log(np.array([4 / 83, 4 * 24 / 146]) / rate)
    np.testing.assert_allclose(steps, [-sd, sd], atol=0.02)


def test_jin_type_agrees_with_scipy():
    got, p = counts("jin_trafficking")
    size, stay, growth = p["reservoir_size"], p["blood_stay"], p["reproductivity"]

    def flow(y):
        blood, reservoir = y
        own = growth * (1 - (blood + reservoir) / ((1 + size) * L0))
        exchange = blood / stay - reservoir / (stay * size)
        return [own * blood - exchange, own * reservoir + exchange]

    def hit(y):
        return y * np.exp(-p["radiosensitivity"] * DOSE * np.array([1, p["reservoir_dose"]]))

    expected = between_fractions(np.array([L0, size * L0]), hit, flow)[:, 0]
    np.testing.assert_allclose(got, expected, rtol=2e-4)


def test_a_dose_to_the_blood_alone_is_forgotten_within_days():
    """Trafficking: the reservoir refills the blood, so only its dose leaves a mark."""
    got, _ = counts("jin_trafficking", reservoir_dose=0.0)
    assert got[list(DAYS).index(2.5)] < 0.99 * L0
    np.testing.assert_allclose(got[list(DAYS).index(20.0)], L0, rtol=0.02)
