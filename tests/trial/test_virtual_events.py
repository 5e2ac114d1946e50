"""Events in virtual trials: they happen at the model's rate, visits see them, some end records."""

import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lymphokin.endpoints import Endpoint
from lymphokin.io.problems import BadInput
from lymphokin.population import Hierarchy
from lymphokin.shipped import data_path
from lymphokin.trial.interim import Rehearsal
from lymphokin.trial.virtual import Outcome, VirtualDesign
from lymphokin.trial.virtual.counts import Followed, follow
from lymphokin.trial.virtual.courses import draw_courses
from lymphokin.trial.virtual.endpoint import read_counts, read_endpoint
from lymphokin.trial.virtual.events import Happening, happenings, probability_by
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.sweep import Sweep

MODEL = Path(__file__).parents[2] / "docs" / "examples" / "dropout.py"
RATE = 0.01


def design_with(ending: tuple[str, ...] = (), **conduct: float) -> VirtualDesign:
    """The shipped design on the model of drop-out, 60 patients an arm who keep every visit."""
    raw = tomllib.loads(data_path("nct06439888.design.toml").read_text(encoding="utf-8"))
    for table in ("between_subject_sd", "residual_sd", "correlation"):
        raw.pop(table, None)
    raw |= {"model": str(MODEL), "typical": {"usual_dropout": RATE, "by_count": 1.0}}
    kept = {"drop_out_probability": 0.0, "missing_visit_probability": 0.0, "per_arm": 60}
    raw["design"] |= kept | {"events_that_end": list(ending), "visit_jitter_days": 0}
    raw["conduct"] |= conduct
    return VirtualDesign.of(raw, Path("design.toml"))


def leaving(until: float = 100, visits: tuple[float, ...] = (), **keys: str) -> Endpoint:
    declared = {"name": "left", "meaning": "Left", "quantity": "dropout", "what": "event"}
    declared |= {"from": "first_fraction", "until": until, "visits": visits} | keys
    return Endpoint.model_validate(declared)


@pytest.fixture(scope="module")
def followed():
    """Patients of one trial who are not recorded any more once they have left."""
    design = design_with(("dropout",))
    model = design.truth.true_model()
    hierarchy, grid = Hierarchy(model), Grid.of(design, model)
    z = jnp.zeros(len(hierarchy.quantities))
    found = jax.jit(lambda key: follow(key, z, hierarchy, grid, {}))(jax.random.key(0))
    return design, model, grid, found


def test_the_hazard_is_that_of_the_count(followed):
    _, _, grid, found = followed
    rate, passed = RATE / np.asarray(found.alc), np.asarray(found.events["dropout"].passed)
    later = 21  # after the last fraction no count jumps between two nodes
    grown = np.cumsum((rate[1:] + rate[:-1])[later:] / 2, axis=0)
    np.testing.assert_allclose(passed[later + 1 :] - passed[later], grown, rtol=2e-3)
    by_day_50 = probability_by(found.events["dropout"], jnp.full(120, 50), grid)
    np.testing.assert_allclose(by_day_50, -np.expm1(-passed[50]))


@pytest.mark.parametrize(("begins", "at_day_0"), [("", 7.5), ("first record", 8.0)])
def test_a_patient_is_at_risk_from_the_first_fraction_or_dose(begins, at_day_0):
    design = design_with(first_atra_day=-7.5)
    grid = Grid(design, drug="atra", events=("dropout",))
    courses = draw_courses(jax.random.key(0), design, grid.pulses)
    hazard = jnp.asarray(RATE * (grid.days + 8.0))[:, None] * jnp.ones(120)
    solution = SimpleNamespace(states={"cumulative_dropout": hazard})
    model = SimpleNamespace(hazards=("dropout",), begins=begins)
    found = happenings(jax.random.key(1), model, solution, courses, grid, twins=True)  # type: ignore[arg-type]
    passed, when = (np.asarray(x) for x in found["dropout"])
    np.testing.assert_allclose(passed[8, 60:], RATE * at_day_0)
    np.testing.assert_allclose(passed[8, :60], 0.0 if not begins else RATE * at_day_0)
    lucky = np.isfinite(when[:60])  # twins have one luck, and the day follows from the hazard
    apart = 7.5 if not begins else 0.0
    np.testing.assert_allclose(when[60:][lucky], when[:60][lucky] - apart)


def test_events_happen_when_the_hazard_says(followed):
    _, _, grid, found = followed
    passed, when = (np.asarray(x) for x in found.events["dropout"])
    happened = np.flatnonzero(when < np.inf)
    at = np.array([np.interp(when[i], grid.days, passed[:, i]) for i in happened])
    # Of those to whom it happens by the last node, the share of the way is uniform.
    way = np.expm1(-at) / np.expm1(-passed[-1, happened])
    assert len(way) > 60
    assert stats.kstest(way, "uniform").pvalue > 0.01


def test_who_has_left_is_not_counted_any_more(followed):
    _, model, grid, found = followed
    residual, key = model.table.residuals["alc"], jax.random.key(1)
    reading, outcome = jax.jit(
        lambda own: tuple(read(key, own, residual, grid) for read in (read_counts, read_endpoint))
    )(found)
    when, due = found.events["dropout"].day, found.courses.last_fraction + 42
    np.testing.assert_array_equal(reading.known, when > due)  # every visit is kept otherwise
    np.testing.assert_array_equal(reading.leaves, when)
    gone = np.asarray(when < due).reshape(2, 60).sum(axis=1)
    assert outcome.ended.tolist() == outcome.missing.tolist() == gone.tolist()
    # Those who stay had more lymphocytes: the rate that is seen is lower than the one that is.
    seen = np.asarray(outcome.events).sum() / np.asarray(outcome.analysed).sum()
    assert seen < np.asarray(outcome.p_true).mean() - 0.05


def made_up(design: VirtualDesign, when: list[float], left: list[float]) -> tuple[Followed, Grid]:
    """Patients with a constant hazard to whom the event happens on given days."""
    grid = Grid(design, events=("dropout",), exact=("dropout",) if left == [0.0] else ())
    courses = draw_courses(jax.random.key(0), design, grid.pulses)
    days = jnp.asarray(grid.days)[:, None] * jnp.full(len(when), RATE)
    events = {"dropout": Happening(days, jnp.asarray(when))}
    ends = None if left == [0.0] else jnp.asarray(left)
    alc = jnp.ones_like(days)
    return Followed(courses, alc, jnp.ones(1), jnp.asarray([1.0, 0.0]), events, ends), grid


def outcome_of(found: Followed, grid: Grid) -> Outcome:
    read = jax.jit(lambda own: read_endpoint(jax.random.key(0), own, None, grid))  # type: ignore[arg-type]
    return read(found)


def small(endpoint: Endpoint, **plan: float) -> VirtualDesign:
    design = design_with().judging(endpoint)
    truth = replace(design.truth, design={**design.plan, "per_arm": 3, **plan})
    return replace(design, truth=truth)


def test_visits_show_an_event_that_has_happened():
    design = small(leaving(100, visits=(30, 60, 90)))
    # The last three have left: after the visit that saw it, before it, and without it.
    when, left = [20.0, 60.0, 90.5, 20.0, 40.0, np.inf], [np.inf] * 3 + [50.0, 50.0, 70.0]
    found, grid = made_up(design, when, left)
    outcome = outcome_of(found, grid)
    assert outcome.events.tolist() == [2, 1]  # 90.5 comes after the last visit
    assert outcome.missing.tolist() == [0, 2]  # of whom it was seen nothing is missing
    np.testing.assert_allclose(outcome.p_true, [1.0, 2 / 3])
    np.testing.assert_allclose(outcome.p_measured, -np.expm1(-RATE * 90), rtol=1e-6)
    assert outcome.ended.tolist() == [0, 3]


def test_an_event_whose_time_is_known_needs_no_visit():
    design = small(leaving(100), missing_visit_probability=1.0, drop_out_probability=1.0)
    design = replace(design, conduct=replace(design.conduct, drop_out_days=(50.0, 50.001)))
    found, grid = made_up(design, [20.0, 60.0, np.inf, 49.0, 100.0, 49.0], [0.0])
    outcome = outcome_of(found, grid)
    assert outcome.events.tolist() == [1, 2]
    assert outcome.missing.tolist() == [2, 1]
    np.testing.assert_allclose(outcome.p_measured, -np.expm1(-RATE * 100), rtol=1e-6)


def test_what_has_no_hazard_is_refused_before_anything_is_drawn():
    shipped = VirtualDesign.read(data_path("nct06439888.design.toml"))
    with pytest.raises(ValueError, match=r"endpoint: found dropout, expected one of the hazards of "
                       "model myeloid_lymphoid: it has none"):  # fmt: skip
        Sweep(shipped.judging(leaving()), trials=10, seed=0).checked()
    with pytest.raises(
        BadInput, match=r"design.events_that_end: expected one of the hazards of model"
    ):
        design_with(("death",))
    with pytest.raises(ValueError, match=r"a rehearsed look knows drop-out by .* names dropout"):
        Rehearsal(design_with(("dropout",)).judging(leaving()), 3)
