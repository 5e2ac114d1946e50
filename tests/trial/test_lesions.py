"""Virtual trials of models that follow every lesion, or whose covariates change."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from lymphokin.model import load_model
from lymphokin.population import Hierarchy
from lymphokin.solve import Treatment, build_timeline, solve
from lymphokin.trial.virtual import PriorPopulation, Simulator
from lymphokin.trial.virtual.counts import _arrays, draw_patients
from lymphokin.trial.virtual.courses import draw_courses
from lymphokin.trial.virtual.grid import Grid
from tests.trial.test_virtual import made

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
DAYS = [1.0, 14.0, 42.0]


@pytest.mark.long
def test_every_lesion_of_a_virtual_patient_is_that_of_the_solver_of_fits():
    """The same individuals on the shared grid and on every patient's own fine one."""
    small = made(design={"per_arm": 4})
    outside = {"outside_lesions": {"0": 0.4, "2": 0.6}}
    small = replace(small, truth=replace(small.truth, design={**small.plan, **outside}))
    model = load_model(EXAMPLES / "lesions_cd8.py")
    hierarchy, grid = Hierarchy(model), Grid.of(small, model)
    courses = draw_courses(jax.random.key(3), small, grid.pulses)
    arrays = _arrays(model, grid, courses)
    latents = hierarchy.draw_latents(jax.random.key(1), arrays)
    p, p_lanes = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
    coarse = jax.jit(lambda: solve(model, p, p_lanes, arrays.timeline).outputs)()
    irradiated = np.asarray(courses.covariates["n_lesions"]).astype(int)
    lesions = irradiated + np.asarray(courses.outside)
    assert len(set(irradiated)) > 1
    assert 0 < (lesions > irradiated).sum() < len(lesions)
    none, patients = np.zeros(0), []
    for i in range(len(lesions)):
        n = int(courses.given[:, i].sum())
        patients.append(
            Treatment(
                fraction_days=np.asarray(courses.fraction_day[:n, i]),
                immune_dose=np.full(n, float(courses.immune_dose[i])),
                share=np.full(n, 1 / n),
                dose_days=none,
                amount=none,
                days=np.asarray(DAYS),
                lesion_gy=np.full((n, grid.lesions), float(courses.gy[i]))
                * (np.arange(grid.lesions) < irradiated[i]),
            )
        )
    timeline, layout = build_timeline(patients)
    days = timeline.days._replace(present=np.asarray(arrays.timeline.days.present))
    timeline = timeline._replace(days=days)
    fine = jax.jit(lambda: solve(model, p, p_lanes, timeline).outputs)()
    for day in DAYS:
        node = int(grid.node(day))  # type: ignore[arg-type]
        own = [layout.node(timeline, i, day) for i in range(len(patients))]
        everybody = np.arange(len(patients))
        for name in ("alc", "cd8"):
            reference = np.asarray(fine[name])[own, everybody]
            assert np.asarray(coarse[name])[node] == pytest.approx(reference, rel=5e-3), (name, day)
        there = np.arange(grid.lesions)[:, None] < lesions
        sizes = np.asarray(fine["diameter"])[own, :, everybody].T[there]
        assert np.asarray(coarse["diameter"])[node][there] == pytest.approx(sizes, rel=5e-3), day


def test_twins_have_the_same_lesions():
    model = load_model(EXAMPLES / "lesions_cd8.py")
    hierarchy, grid = Hierarchy(model), Grid.of(made(design={"per_arm": 2}), model)
    z = jax.random.normal(jax.random.key(2), (len(hierarchy.quantities),))

    def lesions_of(key: jax.Array):
        drawn = draw_patients(key, z, hierarchy, grid, {}, twins=True)
        return drawn.latents.lesion, drawn.arrays.timeline.days.present

    drawn, there = jax.jit(lesions_of)(jax.random.key(0))
    lesion = np.asarray(drawn).reshape(len(hierarchy.lesion_effects), 4, -1)
    assert lesion[:, :2].tolist() == lesion[:, 2:].tolist()
    assert np.ptp(lesion) > 0
    present = np.asarray(there)
    assert present[:, :2].tolist() == present[:, 2:].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("model", [EXAMPLES / "lesions_cd8.py", "abscopal_cd8"])
def test_virtual_trials_of_lesions_run(model):
    model = load_model(model)
    design = made(design={"per_arm": 3}, conduct={"minimum_baseline_alc": 0.5})
    found = Simulator(design, PriorPopulation(model), devices=1).run(0, 0, 4)
    assert np.isfinite(np.asarray(found.p_true)).all()
    assert (np.asarray(found.analysed).sum(axis=1) > 0).all()
    assert (np.asarray(found.screened)[:, 0] >= 1).all()
