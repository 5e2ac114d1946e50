"""What the days clock reads of a drug between its doses, against closed forms.

One compartment, oral or as a bolus: amounts are sums of exponentials, and the area under the amount
is dose / elimination rate.
"""

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import gammaincinv

from lymphokin.model import ModelError, load_model
from lymphokin.model.load import shipped_models
from lymphokin.solve import (
    COARSE_STEPS,
    LONG_STEPS,
    StepRule,
    Treatment,
    build_timeline,
    following,
    hours_output_at,
    solve,
)
from lymphokin.solve.kinetics import fast_states

pytestmark = pytest.mark.long

MODEL = '''"""A drug in one compartment, and the area under its amount on the days clock."""

from lymphokin.model import Block, Flow, Output, state


class Drug(Block):
    clock = "hours"
    lag = "dose_lag"
    hands_down = ("gut", "central", "late")
    gut = state("mg")
    central = state("mg")
    late = state("mg", meaning="what follows the drug smoothly")
    shows = {"atra": Output("ng/mL", "amount of the drug")}

    def flows(self, y, p, u):
        return {
            "gut": Flow(0.0, p.absorption_rate),
            "central": Flow(p.absorption_rate * y.gut, p.elimination_rate),
            "late": Flow(p.elimination_rate * y.central, p.elimination_rate),
        }

    def on_dose(self, y, p, amount):
        return {"ROUTE": y.ROUTE + amount}

    def outputs(self, y, p, u):
        return {"atra": y.central}


class Areas(Block):
    of_gut = state("mg d")
    of_central = state("mg d")
    of_late = state("mg d")
    alc_now = state("1e9/L", initial=1.0)
    shows = {"alc": Output("1e9/L", "a count"), "seen": Output("mg", "amount handed down")}

    def flows(self, y, p, u):
        return {
            "of_gut": Flow(u.gut, 0.0),
            "of_central": Flow(u.central, 0.0),
            "of_late": Flow(u.late, 0.0),
            "alc_now": Flow(0.1, 0.1 + 0.01 * u.central),
        }

    def outputs(self, y, p, u):
        return {"alc": y.alc_now, "seen": u.central}


blocks = (Drug(), Areas())
'''
PARAMETER = """
[parameters.{name}]
symbol = "k"
meaning = "a rate or a lag"
unit = "{unit}"
transform = "log"
median = {median}
source = "none: a test"
certainty = "fixed"
"""
RESIDUAL = """
[residuals.alc]
distribution = "normal"
scale = "log"
sd = 0.2
sd_log_sd = 0.2
source = "none: a test"
certainty = "proposed prior"
"""
MG = 100.0


def load_drug(folder, route, text=MODEL, **medians):
    """The model of a drug that is given into the gut or the central compartment.

    Args:
        medians: of its parameters; 1 (per hour, or hours) where they are not given.
    """
    path = folder / f"{route}.py"
    path.write_text(text.replace("ROUTE", route))
    units = {"absorption_rate": "1/h", "elimination_rate": "1/h", "dose_lag": "h"}
    table = "".join(
        PARAMETER.format(name=n, unit=u, median=medians.get(n, 1.0)) for n, u in units.items()
    )
    path.with_suffix(".toml").write_text(table + RESIDUAL)
    return load_model(path)


def solved(model, dose_days, days, rule=None, **p):
    """States and outputs at days, and samples of the drug there, [patient, day] each.

    Args:
        dose_days: of each patient.
        rule: step sizes; the default ones.
        p: [patient] rates in 1/day, lags in days.
    """
    nothing = np.zeros(0)
    courses = [
        Treatment(nothing, nothing, nothing, doses, np.full(len(doses), MG), own)
        for doses, own in zip(dose_days, days, strict=True)
    ]
    timeline, layout = build_timeline(courses, following(rule or StepRule(), model))

    windows = np.asarray([patient for patient, _, _ in layout.lane_windows])

    @jax.jit
    def run(p, timeline, lane, day):
        of_lanes = SimpleNamespace(**{name: value[windows] for name, value in p.items()})
        solution = solve(model, SimpleNamespace(**p), of_lanes, timeline)
        sample = hours_output_at(model, of_lanes, timeline.hours, solution.hours, lane, day)
        return solution.states | solution.outputs, sample["atra"]

    lane = np.repeat(np.arange(len(courses)), [len(own) for own in days])
    timeline = jax.tree.map(jnp.asarray, timeline)
    shown, sample = run(p, timeline, jnp.asarray(lane), jnp.concatenate(days))
    at = {
        name: np.stack(
            [np.asarray(y)[layout.nodes(timeline, i, own), i] for i, own in enumerate(days)]
        )
        for name, y in shown.items()
    }
    return at | {"sample": np.asarray(sample).reshape(len(courses), -1)}


def amounts(route, doses, days, absorption_rate, elimination_rate, dose_lag):
    """Central amount (mg) and its area since the first dose (mg d) at days, before any dose."""
    since = days[:, None] - dose_lag - doses[None, :]
    given, since = since > 0, np.maximum(since, 0.0)
    decayed = np.exp(-elimination_rate * since)
    if route == "central":
        value, area = decayed, (1 - decayed) / elimination_rate
    else:
        absorbed = np.exp(-absorption_rate * since)
        share = absorption_rate / (absorption_rate - elimination_rate)
        value = share * (decayed - absorbed)
        area = share * ((1 - decayed) / elimination_rate - (1 - absorbed) / absorption_rate)
    return (MG * (given * part).sum(axis=1) for part in (value, area))


@pytest.fixture(scope="module", params=["gut", "central"], ids=["oral", "bolus"])
def course(request, tmp_path_factory):
    """Patients with 1 to 15 doses, half a day to four and a half days apart, solved.

    Rates of each, and of every other patient a lag; seen at random days and, before the dose, on
    days of doses, and last when all is gone.
    """
    rng = np.random.default_rng(4)
    doses = [np.r_[0.0, np.cumsum(rng.integers(1, 10, n) / 2)] for n in range(15)]
    p = {
        "absorption_rate": 24 * rng.uniform(0.7, 2.0, 15),
        "elimination_rate": 24 * rng.uniform(0.1, 0.5, 15),
        "dose_lag": rng.uniform(0.2, 3.0, 15) / 24 * (np.arange(15) % 2),
    }
    days = [
        np.r_[np.sort(np.r_[rng.choice(own, 3), rng.uniform(0, own[-1] + 3, 9)]), own[-1] + 30]
        for own in doses
    ]
    model = load_drug(tmp_path_factory.mktemp("drug"), request.param)
    found = solved(model, doses, days, **p)
    return SimpleNamespace(route=request.param, doses=doses, days=days, p=p, found=found)


def test_areas_under_a_drug_are_dose_over_rate(course):
    total = MG * np.asarray([len(own) for own in course.doses])
    rates = {"of_central": "elimination_rate", "of_late": "elimination_rate"}
    rates |= {"of_gut": "absorption_rate"} if course.route == "gut" else {}
    for area, rate in rates.items():
        np.testing.assert_allclose(
            course.found[area][:, -1], total / course.p[rate], rtol=1e-4, err_msg=area
        )


@pytest.mark.parametrize(
    "half_life_hours",
    [0.1, 0.7, 12.0, 72.0],
)
@pytest.mark.parametrize("route", ["gut", "central"], ids=["oral", "bolus"])
def test_areas_under_fast_and_slow_drugs_are_dose_over_rate(tmp_path, route, half_life_hours):
    """1 to 15 doses, half a day to 20 days apart; absorption is slow, too."""
    rng = np.random.default_rng(5)
    rate = np.log(2) / half_life_hours
    model = load_drug(tmp_path, route, elimination_rate=rate, absorption_rate=1.3 * rate)
    gaps = [0.5, 1.0, 2.0, 7.0, 20.0]
    doses = [np.r_[0.0, np.cumsum(rng.choice(gaps, n))] for n in (0, 2, 5, 14)]
    p = {
        "absorption_rate": np.full(4, 24 * 1.3 * rate),
        "elimination_rate": np.full(4, 24 * rate),
        "dose_lag": np.zeros(4),
    }
    days = [np.array([own[-1], own[-1] + 90]) for own in doses]
    found = solved(model, doses, days, **p)
    total = MG * np.asarray([len(own) for own in doses])
    for area in ("of_central", "of_late"):
        np.testing.assert_allclose(
            found[area][:, -1], total / p["elimination_rate"], rtol=1e-4, err_msg=area
        )


def window(rule, model):
    """The rule in the windows of a model's only drug."""
    found = following(rule, model)
    return found.within(found.windows[0])


def test_a_drug_is_followed_for_as_long_as_it_lasts(tmp_path):
    slow = load_drug(tmp_path, "gut", elimination_rate=np.log(2) / 48)
    rule = window(StepRule(), slow)
    # What one compartment of two in a row has left after 14 half-lives is 1e-4 of a dose.
    assert 14 * 2 < rule.tail_days == rule.separate_days < 22 * 2
    assert window(LONG_STEPS, slow).tail_days == rule.tail_days
    assert window(COARSE_STEPS, slow).tail_days == rule.tail_days
    finer = window(StepRule.for_tolerance(1e-7), slow)
    assert finer.tail_days > 1.4 * rule.tail_days


def test_two_compartments_are_followed_to_the_end_of_the_slower_mode(tmp_path):
    """Exchange with tissue keeps a drug for longer than either of its own losses says."""
    exchange = MODEL.replace(
        '"central": Flow(p.absorption_rate * y.gut, p.elimination_rate)',
        '"central": Flow(p.absorption_rate * y.gut, p.elimination_rate + p.absorption_rate)',
    ).replace(
        '"gut": Flow(0.0, p.absorption_rate)',
        '"gut": Flow(p.absorption_rate * y.central, p.absorption_rate)',
    )
    model = load_drug(tmp_path, "gut", exchange, elimination_rate=0.01, absorption_rate=0.1)
    rates = np.array([[-0.1, 0.1], [0.1, -0.11]])
    slowest = -np.linalg.eigvalsh(rates).max()
    expected = gammaincinv(2, 1 - 1e-5) / slowest / 24
    assert window(StepRule(), model).tail_days == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", shipped_models())
def test_drugs_of_shipped_models_are_gone_after_four_days(name):
    """What their fits were made with stays as it was, whatever the tolerance."""
    model = load_model(name)
    for rule in (StepRule(), LONG_STEPS, COARSE_STEPS, *map(StepRule.for_tolerance, (1e-2, 1e-9))):
        found = following(rule, model)
        assert replace(found, from_first_record=rule.from_first_record) == rule
    assert fast_states(model) == frozenset()


def test_what_is_handed_down_between_doses_is_the_closed_form(course):
    """What a sample shows is a step of the solver; what is handed down lies between two nodes."""
    for i, days in enumerate(course.days):
        rates = {name: value[i] for name, value in course.p.items()}
        value, area = amounts(course.route, course.doses[i], days, **rates)
        np.testing.assert_allclose(course.found["sample"][i][:-1], value[:-1], atol=1e-4 * MG)
        np.testing.assert_allclose(course.found["seen"][i], value, atol=1e-3 * MG)
        np.testing.assert_allclose(course.found["of_central"][i], area, rtol=1e-4, atol=1e-5 * MG)


def test_a_count_that_the_drug_kills_directly_follows_scipy(course):
    """To 4e-3: steps of a third of a day over peaks of hours that take away up to two thirds."""
    for i in range(0, 15, 2):
        days, rates = course.days[i], {name: value[i] for name, value in course.p.items()}

        def slope(day, y, i=i, rates=rates):
            (amount, _) = amounts(course.route, course.doses[i], np.atleast_1d(day), **rates)
            return 0.1 - (0.1 + 0.01 * amount[0]) * y

        count, start, expected = np.ones(1), 0.0, {0.0: 1.0}
        for stop in [*(course.doses[i] + rates["dose_lag"]), days[-1]]:
            wanted = days[(days > start) & (days <= stop)]
            if stop > start:
                piece = solve_ivp(
                    slope,
                    (start, stop),
                    count,
                    "LSODA",
                    np.unique([*wanted, stop]),
                    rtol=1e-8,
                    atol=1e-8,
                )
                expected |= dict(zip(piece.t, piece.y[0], strict=True))
                count, start = piece.y[:, -1], stop
        np.testing.assert_allclose(
            course.found["alc"][i], [expected[day] for day in days], rtol=4e-3
        )


def test_a_state_that_is_handed_down_must_decay(tmp_path):
    """Between two courses of the drug only its loss moves it; an area under the drug has none."""
    decays = '"late": Flow(p.elimination_rate * y.central, p.elimination_rate)'
    assert decays in MODEL
    with pytest.raises(ModelError, match=r"Drug\.late is handed down, so it must have a loss"):
        load_drug(tmp_path, "gut", MODEL.replace(decays, '"late": Flow(y.central, 0.0)'))
