"""Every key of a design file changes something: what a key says is never passed over in silence.

The keys are those of the schema, so that a new key without a change of its own here fails.
"""

import copy
import inspect
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.io.problems import BadInput
from lymphokin.shipped import data_path
from lymphokin.trial.design_tables import TABLES, DesignFile
from lymphokin.trial.interim.rehearsal import Rehearsal
from lymphokin.trial.report import design_contents
from lymphokin.trial.virtual import VirtualDesign
from lymphokin.trial.virtual.counts import Followed
from lymphokin.trial.virtual.courses import draw_courses
from lymphokin.trial.virtual.endpoint import read_counts, read_endpoint
from lymphokin.trial.virtual.grid import Grid
from tests.trial import test_virtual

pytestmark = pytest.mark.long

SHIPPED = tomllib.loads(data_path("nct06439888.design.toml").read_text(encoding="utf-8"))

CHANGES: dict[str, Any] = {
    "model": "lymphocyte_feedback",
    "seed": 3,
    "typical": {"radiosensitivity": 0.6},
    "between_subject_sd": {"lymphocyte_baseline": 0.9},
    "residual_sd": {"alc": 0.5},
    "correlation": {"no_such_group": [0.5]},
    "design.endpoint_days_after_last_fraction": 49,
    "design.alc_days": [14, 49],
    "design.visit_jitter_days": 0,
    "design.missing_visit_probability": 0.5,
    "design.drop_out_probability": 0.9,
    "design.lesion_counts": {"5": 1.0},
    "design.lesion_diameter_cm": [4.0, 5.0],
    "design.margin_cm": 2.0,
    "design.sites": {"liver": 1.0},
    "design.schedules": [[10, 5.0]],
    "design.mg_per_m2_per_day": 75.0,
    "design.amount_per_day": 300.0,
    "design.days_per_pulse": 2,
    "design.interval_days": 28,
    "design.cycles": 1,
    "design.doses_per_day": 3,
    "design.infusion_hours": 2.0,
    "design.bsa_mean": 2.2,
    "design.bsa_sd": 0.01,
    "design.age_mean": 40,
    "design.age_sd": 1,
    "design.per_arm": 7,
    "design.drug": "il7",
    "design.outside_lesions": {"1": 1.0},
    "design.covariates": {"STEROIDS": 4.0},
    "design.events_that_end": ["dropout"],
    "conduct.eligible_lesions": [3, 5],
    "conduct.minimum_baseline_alc": 1.3,
    "conduct.longest_course_days": 5,
    "conduct.fraction_delay_probability": 0.9,
    "conduct.first_atra_day": 3.0,
    "conduct.atra_delay_probability": 0.9,
    "conduct.atra_delay_days": 1,
    "conduct.atra_stop_probability": 0.9,
    "conduct.drop_out_days": [1, 2],
    "conduct.accrual_per_month": 30.0,
    "analysis.n_treated": 12,
    "analysis.n_control": 12,
    "analysis.window_days": 1,
    "analysis.missing_endpoint": "event",
    "analysis.test": "mid-p",
    "analysis.alpha": 0.2,
    "assumptions.control_rate": 0.7,
    "assumptions.treated_rate": 0.2,
    "assumptions.power": 0.6,
    "assumptions.control_beta": [20, 20],
    "assumptions.treated_beta": [1, 9],
    "run_in.rule": "boin",
    "run_in.target": 0.4,
    "run_in.certainty": 0.8,
    "run_in.looks": [3, 4],
    "run_in.window_days": 7,
    "run_in.accrual_per_month": 20.0,
    "axes.control_rates": [0.33, 0.44],
    "axes.treated_rates": [0.11, 0.22],
    "axes.control_patients": [5, 9],
    "axes.lost_per_arm": [5],
    "axes.run_in_rates": [0.05, 0.66],
    "axes.atra_start_days": [-1, 1],
    "axes.endpoint_days": [35, 49],
}
"""By key, another value than that of the shipped file."""


def base() -> dict[str, Any]:
    """The shipped design, made small; every patient may miss visits or drop out."""
    raw = copy.deepcopy(SHIPPED)
    raw["design"] |= {"per_arm": 6, "drop_out_probability": 0.5, "missing_visit_probability": 0.2}
    raw["conduct"] |= {"atra_delay_probability": 0.5, "drop_out_days": [28, 60]}
    raw["assumptions"] |= {"power": 0.3}
    raw["run_in"] |= {"looks": [3]}
    raw["axes"] = {"run_in_rates": [0.3], "lost_per_arm": [1], "control_patients": [6]}
    return raw


def changed(key: str) -> dict[str, Any]:
    raw, (table, _, name) = base(), key.partition(".")
    if not name:
        raw[table] = CHANGES[key]
    else:
        raw[table] = raw.get(table, {}) | {name: CHANGES[key]}
    if name == "amount_per_day":
        del raw["design"]["mg_per_m2_per_day"]
    if table == "analysis" and name.startswith("n_"):  # one arm's size: the other as it was
        del raw["design"]["per_arm"]
        raw["analysis"] = {"n_treated": 6, "n_control": 6} | raw["analysis"]
    return raw


def patients_of(design: VirtualDesign) -> list[np.ndarray]:
    courses = draw_courses(jax.random.key(0), design, Grid(design).pulses)
    return [np.asarray(x) for x in jax.tree.leaves(courses)] + [Grid(design).intakes]


def read_of(design: VirtualDesign) -> list[np.ndarray]:
    """The endpoint of patients whose count falls from day to day."""
    grid = Grid(design)
    courses = draw_courses(jax.random.key(0), design, grid.pulses)
    n = design.n_control + design.n_treated
    alc = jnp.broadcast_to(jnp.linspace(1.2, 0.5, len(grid.days))[:, None], (len(grid.days), n))
    residual = design.truth.true_model().table.residuals["alc"]
    followed = Followed(courses, alc, jnp.asarray([residual.sd]), jnp.asarray([1.0, 0.0]))
    key = jax.random.key(1)
    reading, outcome = (f(key, followed, residual, grid) for f in (read_counts, read_endpoint))
    return [np.asarray(x) for x in jax.tree.leaves((reading, outcome))]


def truth_of(design: VirtualDesign) -> list[Any]:
    table = design.truth.true_model().table
    return [design.truth.seed, repr(table.parameters), repr(table.residuals)]


def entries_of(design: VirtualDesign) -> list[np.ndarray]:
    return [Rehearsal(design, 3)._entries(2, np.random.default_rng(0))]


def report_of(design: VirtualDesign) -> list[str]:
    """What the report says, without its drawings."""
    found = design_contents(design, created="", version="")
    tests = [(row.power, row.size, row.smallest and row.smallest.power) for row in found.tests]
    tables = [table.to_csv() for table in (found.rates, found.sizes, found.pulse_gap)]
    numbers = (found.power, found.assurance, found.missing, found.power_with_missing, found.lost)
    return [repr(tests), repr(numbers), repr(found.run_in), *tables]


def timing_of(design: VirtualDesign) -> list[Any]:
    from lymphokin.trial.report.axes import drug_start_days, endpoint_days

    return [drug_start_days(design), endpoint_days(design)]


RESULTS = {
    "design": (patients_of, read_of),
    "design.per_arm": (report_of,),
    "conduct": (patients_of, entries_of, read_of),
    "analysis": (report_of, read_of),
    "assumptions": (report_of,),
    "run_in": (report_of,),
    "axes": (timing_of, report_of),
}
"""By table or key, results that may change; the cheap ones first."""
REFUSED = {
    "conduct.eligible_lesions": "design.lesion_counts",
    "conduct.longest_course_days": "design.schedules",
    "correlation": "no_such_group",
    "design.drug": "design.drug",
    "design.infusion_hours": "design.infusion_hours",
    "design.outside_lesions": "design.outside_lesions",
    "design.covariates": "design.covariates",
    "design.events_that_end": "design.events_that_end",
}
"""Keys that rule out what the rest of the file says, and what the message then names."""
ELSEWHERE = {"conduct.minimum_baseline_alc": "test_a_limit_on_the_baseline_is_kept"}
"""Keys whose result takes long to compile: another test sees it change."""


def keys() -> list[str]:
    tables = [f"{table}.{f.name}" for table, kind in TABLES.items() for f in fields(kind)]
    return [f.name for f in fields(DesignFile) if f.name not in TABLES] + tables


@pytest.fixture(scope="module", autouse=True)
def few_run_ins():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lymphokin.trial.report.run_in.RUNS", 20)
        yield


@pytest.fixture(scope="module")
def unchanged() -> dict[Any, list[Any]]:
    """Results of the small design by function, each computed once."""
    design = VirtualDesign.of(base(), Path("small.design.toml"))
    functions = {f for own in RESULTS.values() for f in own} | {truth_of}
    return {function: function(design) for function in functions}


def test_every_key_of_the_schema_is_changed_here():
    assert sorted(CHANGES) == sorted(keys())


@pytest.mark.parametrize("key", sorted(set(CHANGES) - set(REFUSED) - set(ELSEWHERE)))
def test_a_changed_key_changes_a_result(key, unchanged):
    design = VirtualDesign.of(changed(key), Path("small.design.toml"))
    functions = RESULTS.get(key) or RESULTS.get(key.partition(".")[0], (truth_of,))
    assert any(different(f(design), unchanged[f]) for f in functions)


@pytest.mark.parametrize(("key", "named"), REFUSED.items())
def test_a_changed_key_that_contradicts_the_file_is_refused(key, named):
    with pytest.raises(BadInput, match=named):
        VirtualDesign.of(changed(key), Path("small.design.toml"))


@pytest.mark.parametrize(("key", "test"), ELSEWHERE.items())
def test_a_key_that_takes_long_is_changed_in_another_test(key, test):
    body = inspect.getsource(getattr(test_virtual, test))
    assert key.partition(".")[2] in body


def different(a: list[Any], b: list[Any]) -> bool:
    """Whether two results differ in shape or value."""
    pairs = zip(a, b, strict=False)
    return len(a) != len(b) or any(not np.array_equal(x, y) for x, y in pairs)
