"""Folds of the value before treatment in virtual trials: cells, lesions outside the field."""

import math
import tomllib
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lymphokin.endpoints import Endpoint
from lymphokin.io.problems import BadInput
from lymphokin.model import Residual, load_model
from lymphokin.population import Hierarchy
from lymphokin.shipped import data_path
from lymphokin.trial.interim import Rehearsal
from lymphokin.trial.virtual import Outcome, PriorPopulation, Simulator, VirtualDesign
from lymphokin.trial.virtual.counts import FoldCurve, Followed, follow
from lymphokin.trial.virtual.courses import draw_courses
from lymphokin.trial.virtual.endpoint import read_endpoint as read_outcome
from lymphokin.trial.virtual.fold import read_fold
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.operating import operating_characteristics
from lymphokin.trial.virtual.sweep import Sweep
from tests.trial.test_virtual import made

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LESIONS = EXAMPLES / "lesions_cd8.py"


def fold(**keys: object) -> Endpoint:
    declared = {"name": "rise", "meaning": "No rise", "quantity": "cd8", "what": "fold"}
    return Endpoint.model_validate(declared | {"from": "last_fraction", "day": 42} | keys)


def response(**keys: object) -> Endpoint:
    return fold(**{"quantity": "diameter", "lesions": "outside", "above": 0.7} | keys)


def design_of(endpoint: Endpoint, model: Path = LESIONS, **plan: object) -> VirtualDesign:
    """The shipped design, whose patients come to every visit on its day."""
    raw = tomllib.loads(data_path("nct06439888.design.toml").read_text(encoding="utf-8"))
    for table in ("typical", "between_subject_sd", "residual_sd"):
        raw.pop(table)
    kept = {"drop_out_probability": 0.0, "missing_visit_probability": 0.0, "visit_jitter_days": 0}
    raw |= {"model": str(model)}
    raw["design"] |= kept | {"per_arm": 3} | plan
    return VirtualDesign.of(raw, Path("design.toml")).judging(endpoint)


def made_up(
    design: VirtualDesign, before: object, after: object, counted: object = None, sd: float = 1e-6
) -> tuple[Followed, Residual, Grid]:
    """Patients of whom the quantity steps from one value to the other after the first day."""
    grid = Grid(design, decimals=1)
    courses = draw_courses(jax.random.key(0), design, grid.pulses)
    first, later = (jnp.asarray(v, float)[None] for v in (before, after))
    value = jnp.concatenate([first, jnp.repeat(later, len(grid.days) - 1, axis=0)])
    mask = None if counted is None else jnp.asarray(counted, float)
    curve = FoldCurve(value, mask, jnp.full(1, sd))
    alc = jnp.ones((len(grid.days), value.shape[-1]))
    screened = jnp.asarray([1.0, 0.0])
    residual = Residual("cd8", "normal", sd, "proposed prior")
    return Followed(courses, alc, jnp.ones(1), screened, fold=curve), residual, grid


def outcome_of(design: VirtualDesign, *values: object) -> Outcome:
    found, residual, grid = made_up(design, *values)
    return jax.jit(lambda own: read_outcome(jax.random.key(0), own, residual, grid))(found)


def test_a_fold_below_or_above_its_level_is_the_event_and_one_at_it_is_not():
    design = design_of(fold(below=1.2))
    before, after = [10.0, 10.0, 10.0, 20.0, 20.0, 20.0], [12.0, 11.9, 30.0, 23.9, 23.8, 1.0]
    outcome = outcome_of(design, before, after)
    assert outcome.events.tolist() == [1, 3]
    assert outcome.analysed.tolist() == [3, 3]
    np.testing.assert_allclose(outcome.p_true, [1 / 3, 1.0])
    np.testing.assert_allclose(outcome.p_measured, [1 / 3, 1.0])
    # A fall to exactly 0.7 is a response: nothing is above it.
    outcome = outcome_of(design_of(fold(above=0.7)), before, [7.0, 7.1, 6.9, 14.0, 14.1, 1.0])
    assert outcome.events.tolist() == [1, 1]


def test_lesions_that_are_counted_are_summed_and_who_has_none_is_not_judged():
    design = design_of(response(), outside_lesions={"0": 0.5, "2": 0.5})
    counted = [[0, 0, 1, 0, 0, 0], [1, 0, 1, 0, 0, 1]]
    before = [[9.0] * 6, [10.0] * 6]
    after = [[0.1, 9, 6, 9, 9, 0.1], [8.0, 1, 7, 1, 1, 7.0]]
    outcome = outcome_of(design, before, after, counted)
    assert outcome.analysed.tolist() == [2, 1]
    assert outcome.events.tolist() == [1, 0]  # 8 of 10; 13 of 19 and 7 of 10 are responses
    assert outcome.missing.tolist() == [1, 2]
    np.testing.assert_allclose(outcome.p_true, [0.5, 0.0])
    # Nobody of an arm can be judged: no share, and none in the mean over trials.
    none = outcome_of(design, before, after, [[1] * 3 + [0] * 3, [0] * 6])
    assert math.isnan(none.p_true[1])
    both = Outcome(*(np.stack([a, b]) for a, b in zip(outcome, none, strict=True)))
    found = operating_characteristics(both, "fisher", 0.07)
    assert found["p_true_treated"].value == 0.0
    assert found["rate_treated"].value == 0.0


@pytest.mark.parametrize(("rule", "events"), [("event", [3, 3]), ("no event", [0, 0])])
def test_who_misses_the_visit_counts_as_the_protocol_says(rule, events):
    design = design_of(fold(below=1.2), missing_visit_probability=1.0)
    design = replace(design, analysis=replace(design.analysis, missing_endpoint=rule))
    outcome = outcome_of(design, [10.0] * 6, [11.0] * 6)
    assert outcome.events.tolist() == events
    assert outcome.missing.tolist() == [3, 3]
    assert outcome.analysed.tolist() == [3, 3]


@pytest.mark.long
def test_both_samples_have_an_error_of_their_own():
    design = design_of(fold(below=1.2), per_arm=1000)
    found, residual, grid = made_up(design, [100.0] * 2000, [130.0] * 2000, None, 0.3)
    read = jax.jit(lambda own: read_fold(jax.random.key(2), own, residual, grid))(found)
    expected = stats.norm.cdf(np.log(1.2 / 1.3) / (0.3 * np.sqrt(2)))
    for shown in (read.event, read.complete):
        assert np.mean(np.asarray(shown)) == pytest.approx(expected, abs=0.03)
    assert not np.asarray(read.true).any()


@pytest.mark.long
def test_lesions_outside_the_field_are_followed_without_a_dose():
    """Shares are those of the sums of diameters that the solution has; the arms are twins."""
    design = design_of(response(above=1.0), per_arm=12, outside_lesions={"0": 0.3, "2": 0.7})
    model = load_model(LESIONS)
    hierarchy, grid = Hierarchy(model), Grid.of(design, model)
    z = jnp.zeros(len(hierarchy.quantities))
    found, read = jax.jit(
        lambda key: (
            (own := follow(key, z, hierarchy, grid, {}, twins=True)),
            read_fold(key, own, model.table.residuals["diameter"], grid),
        )
    )(jax.random.key(0))
    irradiated = np.asarray(found.courses.covariates["n_lesions"]).astype(int)
    value, outside = np.asarray(found.fold.value), np.asarray(found.courses.outside)
    due = np.asarray(found.courses.last_fraction).astype(int) + 42
    assert set(outside) == {0, 2}
    for i, (n, extra) in enumerate(zip(irradiated, outside, strict=True)):
        assert bool(read.judged[i]) == (extra > 0)
        if not extra:
            continue
        own = value[:, n : n + extra, i].sum(axis=1)
        assert bool(read.true[i]) == (own[due[i]] > own[0])
        # What is irradiated shrinks at once, what is not does not.
        assert value[due[i], :n, i].max() < value[0, :n, i].max()
    np.testing.assert_array_equal(outside[:12], outside[12:])


@pytest.mark.parametrize(
    ("endpoint", "plan", "reported"),
    [
        (fold(quantity="il6", below=1), {}, "found quantity il6, expected what model lesions_cd8"),
        (fold(quantity="diameter", above=1), {}, "expected lesions irradiated or outside, as diam"),
        (fold(below=1, lesions="outside"), {}, "expected lesions left out, as cd8 is of the pati"),
        (response(), {}, "expected a number of them in design.outside_lesions"),
        (response(), {"outside_lesions": {"0": 1.0}}, "expected a number of them in design.outs"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_drawn(endpoint, plan, reported):
    with pytest.raises(ValueError, match=reported):
        Sweep(design_of(endpoint, **plan), trials=10, seed=0).checked()


def test_a_fold_is_refused_where_it_is_not_judged():
    with pytest.raises(ValueError, match="needs below or above"):
        design_of(fold())
    with pytest.raises(
        ValueError,
        match="a rehearsed look judges no folds, and endpoint rise is one: simulated trials",
    ):
        Rehearsal(design_of(fold(below=1.2)), 3)
    with pytest.raises(
        BadInput, match=r"design.outside_lesions: expected none: model myeloid_lymphoid follows"
    ):
        made(design={"outside_lesions": {"1": 1.0}})


@pytest.mark.slow
def test_without_either_brake_the_drug_changes_no_fold():
    """Activated cells of twins, under the drug and not."""
    model = load_model("abscopal_cd8")
    design = design_of(fold(below=0.5, day=7), Path("abscopal_cd8"), per_arm=20)
    rates = []
    for fixed in ({}, {"suppression": 0.0, "function_suppression": 0.0}):
        simulator = Simulator(design, PriorPopulation(model), fixed, devices=1, twins=True)
        found = simulator.run(0, 0, 8)
        assert 0 < np.mean(found.p_true) < 1
        rates.append(np.asarray(found.p_true))
    assert (rates[0][:, 0] != rates[0][:, 1]).any()
    np.testing.assert_array_equal(rates[1][:, 0], rates[1][:, 1])
