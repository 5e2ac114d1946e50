"""Virtual trials of a drug that is infused: true curves against SciPy, and what is refused."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

import lymphokin as lk
from lymphokin.io.problems import BadInput
from lymphokin.model import load_model
from lymphokin.population import Hierarchy
from lymphokin.solve import Treatment, solve
from lymphokin.solve.timeline import unique_days
from lymphokin.trial.assurance import population_rates
from lymphokin.trial.interim import with_planned_pulses
from lymphokin.trial.report import design_contents, render_design_report
from lymphokin.trial.virtual import PriorPopulation, VirtualDesign
from lymphokin.trial.virtual.counts import _arrays
from lymphokin.trial.virtual.courses import draw_courses
from lymphokin.trial.virtual.grid import Grid
from tests.infused.at_once import MODEL, at_once_model
from tests.infused.by_scipy import counts_by_scipy
from tests.trial.test_virtual import SHIPPED


def design_of(**plan: Any) -> VirtualDesign:
    """The shipped design with the made-up antibody, two pulses of 84 mg a day."""
    given = {"mg_per_m2_per_day": None, "amount_per_day": 84.0, "days_per_pulse": 1, "cycles": 2,
             "interval_days": 56, "per_arm": 4}  # fmt: skip
    raw = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    raw |= {"model": str(MODEL), "typical": {}, "between_subject_sd": {}, "residual_sd": {}}
    design = raw["design"] | given | plan
    raw["design"] = {key: value for key, value in design.items() if value is not None}
    return VirtualDesign.of(raw, Path("design.toml"))


def errors(hours: float, days: int, fine: bool) -> float:
    """Largest relative difference of true counts from SciPy, over three patients and all days."""
    design = design_of(days_per_pulse=days, infusion_hours=hours)
    model = design.truth.true_model()
    hierarchy, grid = Hierarchy(model), Grid.of(design, model)
    if fine:
        grid = replace(grid, rule=replace(grid.rule, refine=12))
        vars(grid)["times"] = unique_days(np.concatenate([grid.times, np.arange(128) / 128]))
    courses = draw_courses(jax.random.key(3), design, grid.pulses, grid.calendar)
    arrays = _arrays(model, grid, courses)
    latents = hierarchy.draw_latents(jax.random.key(1), arrays)
    p, p_lanes = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
    solved = jax.jit(lambda: grid.daily(solve(model, p, p_lanes, arrays.timeline)).outputs)()
    found = np.asarray(solved["alc"])
    wanted, treated = grid.days[grid.days >= 0], design.n_treated
    lanes, worst = np.arange(treated * grid.pulses).reshape(treated, -1), 0.0
    for i in (0, design.n_control, design.n_control + treated - 1):
        n, who = int(courses.given[:, i].sum()), i - design.n_control
        pulses = np.asarray(courses.pulse_day[:, who]) if who >= 0 else np.zeros(0)
        starts = (pulses[:, None] + grid.intakes).ravel()
        treatment = Treatment(
            fraction_days=np.asarray(courses.fraction_day[:n, i]),
            immune_dose=np.full(n, float(courses.immune_dose[i])),
            share=np.full(n, 1 / n),
            dose_days=starts,
            amount=np.full(len(starts), 84.0),
            duration=np.full(len(starts), hours / 24),
        )
        own = {q.name: q.median * q.per_day for q in model.table}
        for values, place in ((p_lanes, lanes[max(who, 0), 0]), (p, i)):
            for name in values._fields:
                value = np.asarray(getattr(values, name))
                own[name] = float(value[place] if value.ndim else value)
        reference = counts_by_scipy(own, treatment, wanted)
        worst = max(worst, np.abs(found[len(found) - len(wanted) :, i] / reference - 1).max())
    return worst


@pytest.mark.long
@pytest.mark.parametrize(("days", "hours"), [(1, 0.0), (1, 1.5), (3, 24.0), (3, 36.0), (1, 168.0)])
def test_true_curves_are_those_of_scipy(days, hours):
    """To 1e-5 with short steps. Those of virtual trials are long: the antibody saturates, and a
    dose at once errs by 0.5 %; what is infused by no more.
    """
    assert errors(hours, days, fine=True) < 1e-5
    assert errors(hours, days, fine=False) < 6e-3


def test_an_infusion_of_no_length_is_a_dose_at_once_bit_for_bit():
    """As of the same drug in a model that knows no infusion."""
    design, model = design_of(infusion_hours=0.0), load_model(MODEL)
    bare = {key: value for key, value in design.plan.items() if key != "infusion_hours"}
    unsaid = replace(design, truth=replace(design.truth, design=bare))
    courses = draw_courses(jax.random.key(3), design, 2, design.calendar)
    stated, other = (
        Grid.of(plan, whose).timeline(courses)
        for plan, whose in ((design, model), (unsaid, at_once_model()))
    )
    assert stated.hours is not None
    assert not np.asarray(stated.hours.rate["mab"]).any()
    hours = stated.hours._replace(rate={})
    for one, two in zip(
        jax.tree.leaves(stated._replace(hours=hours)), jax.tree.leaves(other), strict=True
    ):
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes()


@pytest.mark.long
def test_assurance_counts_the_infusion_and_the_report_says_it():
    designs = [design_of(infusion_hours=h, interval_days=42) for h in (0.5, 168.0)]
    population = PriorPopulation(load_model(MODEL))
    short, long = (population_rates(d, population, {}, 8, 20, 1)[:, 1].mean() for d in designs)
    assert long > short + 0.02  # the effect saturates: slower is more
    text = render_design_report(design_contents(designs[0], created="2026-01-01", version="0.0"))
    assert "Each dose is infused over 0.5 hours." in text


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({}, "infusion_hours: expected the hours of an infusion of mab, 0 .at once. to 672"),
        ({"infusion_hours": -1.0}, "infusion_hours: expected hours from 0 to 672\n.*found -1"),
        ({"infusion_hours": 700.0}, "infusion_hours: expected hours from 0 to 672"),
        ({"infusion_hours": 600.0, "interval_days": 30}, "interval_days: expected more than 10"),
    ],
)
def test_a_length_that_cannot_be_is_refused(plan, said):
    with pytest.raises(BadInput, match=f"(?s){said}"):
        design_of(**plan)


def test_pulses_to_come_last_as_long_as_those_so_far(tmp_path):
    design = design_of(infusion_hours=2.0, cycles=3)
    rows = ["ID,TIME,EVID,CMT,AMT,DUR,DVID,DV,ARM", "P,-1,0,,,,alc,1.4,t", "P,0,1,rt,10,,,,t"]
    own, none = [*rows, "P,0,1,mab,84,0.125,,,t"], rows
    for table, lasts in ((own, [0.125] * 3), (none, [2 / 24] * 3)):
        path = tmp_path / "table.csv"
        path.write_text("\n".join(table))
        cohort = lk.read_events(path, model=design.truth.true_model())
        standing = pd.DataFrame(
            {"arm": "treated", "status": "in follow-up", "followed": -1.0}, index=["P"]
        )
        planned = with_planned_pulses(cohort, standing, design)
        assert planned.doses["duration"].tolist() == pytest.approx(lasts)
