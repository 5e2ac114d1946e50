"""Virtual trials: patients, endpoint, solver, and that results do not depend on the way there."""

import subprocess
import sys
import time
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import fisher_exact

from lymphokin.endpoints import read_endpoint as read_endpoint_named
from lymphokin.io.problems import BadInput
from lymphokin.jobs import Executor
from lymphokin.model import load_model
from lymphokin.population import Hierarchy
from lymphokin.predict.windows import Window, of_values
from lymphokin.schedule import treatment_days
from lymphokin.shipped import data_path
from lymphokin.solve import Treatment, build_timeline, solve
from lymphokin.trial.assurance import assurance, population_rates
from lymphokin.trial.design_tables import Plan
from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.interim import evaluable
from lymphokin.trial.synthetic import Truth
from lymphokin.trial.virtual import Outcome, PriorPopulation, Simulator, VirtualDesign
from lymphokin.trial.virtual.counts import Followed, _arrays, follow
from lymphokin.trial.virtual.courses import draw_courses
from lymphokin.trial.virtual.endpoint import read_endpoint
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.operating import operating_characteristics, p_values
from lymphokin.trial.virtual.sweep import Sweep, run_sweeps, shard_path
from tests.solve.test_hand_down import load_drug

SHIPPED = data_path("nct06439888.design.toml")


def made(**tables: dict) -> VirtualDesign:
    """The shipped design with some values changed, e.g. ``design={"per_arm": 4}``."""
    raw = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    return VirtualDesign.of(
        raw | {name: raw[name] | values for name, values in tables.items()}, Path("design.toml")
    )


@pytest.fixture(scope="module")
def small() -> VirtualDesign:
    return made(design={"per_arm": 6})


@pytest.fixture(scope="module")
def simulator(small: VirtualDesign) -> Simulator:
    return Simulator(small, devices=1)


def courses_of(design: VirtualDesign, seed: int = 0):
    return draw_courses(jax.random.key(seed), design, Grid(design).pulses)


def test_fractions_follow_the_calendar():
    design = made(
        design={"per_arm": 200, "schedules": [[8, 6.0]]}, conduct={"fraction_delay_probability": 0}
    )
    days = np.asarray(courses_of(design).fraction_day).T
    allowed = {tuple(treatment_days(8, weekday)) for weekday in range(5)}
    assert {tuple(map(int, row)) for row in days} == allowed


def test_delays_move_fractions_and_pulses_but_not_the_first():
    design = made(
        design={"per_arm": 200},
        conduct={"fraction_delay_probability": 0.3, "atra_delay_probability": 0.5},
    )
    found = courses_of(design)
    assert (np.asarray(found.fraction_day[0]) == 0).all()
    assert (np.asarray(found.last_fraction) <= design.last_fraction_days[1]).all()
    gaps = np.diff(np.asarray(found.pulse_day), axis=0)
    assert set(np.unique(gaps)) == {21.0 + d for d in range(8)}
    assert (np.asarray(found.pulse_day[0]) == 0).all()
    assert (np.diff(np.asarray(found.taken), axis=0) <= 0).all()


def test_patients_are_as_the_design_says():
    found = courses_of(made(design={"per_arm": 200}))
    lesions = np.asarray(found.covariates["n_lesions"])
    assert set(lesions) == {2.0, 3.0, 4.0, 5.0}
    assert (lesions == 2).mean() == pytest.approx(0.55, abs=0.11)
    sphere = np.pi / 6 * (np.array([1.5, 5.0]) + 1.0) ** 3
    each = np.asarray(found.covariates["ptv_per_lesion_cm3"])
    assert sphere[0] <= each.min()
    assert each.max() <= sphere[1]


@pytest.mark.slow
def test_counts_agree_with_the_solver_of_fits(small: VirtualDesign):
    """The same individuals on the shared coarse grid and on every patient's own fine one."""
    hierarchy = Hierarchy(small.truth.true_model())
    model = hierarchy.model
    grid = Grid.of(small, model)
    courses = courses_of(small, 3)
    arrays = _arrays(model, grid, courses)
    latents = hierarchy.draw_latents(jax.random.key(1), arrays)
    p, p_lanes = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
    coarse = jax.jit(lambda: solve(model, p, p_lanes, arrays.timeline).outputs["alc"])()
    wanted = [7.0, 14.0, 45.0, 56.0, 63.0]
    patients = []
    for i in range(small.n_control + small.n_treated):
        n = int(courses.given[:, i].sum())
        t = i - small.n_control
        taken = np.asarray(courses.pulse_day[:, t]) if t >= 0 else np.zeros(0)
        dose_days = np.concatenate([start + grid.intakes for start in taken] or [np.zeros(0)])
        mg = np.repeat(np.asarray(courses.taken[:, t] * courses.dose_mg[t]), len(grid.intakes))
        patients.append(
            Treatment(
                fraction_days=np.asarray(courses.fraction_day[:n, i]),
                immune_dose=np.full(n, float(courses.immune_dose[i])),
                share=np.full(n, 1 / n),
                dose_days=dose_days,
                amount=mg if t >= 0 else np.zeros(0),
                days=np.asarray(wanted),
            )
        )
    timeline, layout = build_timeline(patients)
    fine = jax.jit(lambda: solve(model, p, p_lanes, timeline).outputs["alc"])()
    for day in wanted:
        own = [layout.node(timeline, i, day) for i in range(len(patients))]
        reference = np.asarray(fine)[own, np.arange(len(patients))]
        found = np.asarray(coarse)[int(grid.node(day))]  # type: ignore[arg-type]
        assert found == pytest.approx(reference, rel=2e-3), day


def followed_at(design: VirtualDesign, alc: np.ndarray) -> Followed:
    """Patients whose true count is constant, measured almost without error."""
    courses = courses_of(design)
    counts = jnp.broadcast_to(jnp.asarray(alc), (len(Grid(design).days), len(alc)))
    return Followed(courses, counts, jnp.asarray([1e-9]), jnp.asarray([1.0, 0.0]))


def read(design: VirtualDesign, alc: np.ndarray) -> Outcome:
    residual = design.truth.true_model().table.residuals["alc"]
    return read_endpoint(jax.random.key(0), followed_at(design, alc), residual, Grid(design))


def test_the_endpoint_is_a_reported_count_below_0_80():
    design = made(design={"per_arm": 4, "missing_visit_probability": 0, "drop_out_probability": 0})
    found = read(design, np.array([0.7949, 0.7951, 0.80, 0.20, 0.79, 0.795001, 1.4, 2.0]))
    assert np.asarray(found.events).tolist() == [2, 1]
    assert np.asarray(found.analysed).tolist() == [4, 4]
    assert np.asarray(found.p_measured) == pytest.approx([0.5, 0.25])
    assert np.asarray(found.p_true).tolist() == [0.75, 0.5]


@pytest.mark.parametrize(
    ("rule", "events", "analysed"), [("excluded", 0, 0), ("event", 4, 4), ("no event", 0, 4)]
)
def test_patients_without_an_endpoint_count_as_the_protocol_says(rule, events, analysed):
    design = made(
        design={"per_arm": 4, "missing_visit_probability": 1},
        analysis={"missing_endpoint": rule},
    )
    found = read(design, np.full(8, 0.5))
    assert np.asarray(found.events).tolist() == [events] * 2
    assert np.asarray(found.analysed).tolist() == [analysed] * 2
    assert np.asarray(found.missing).tolist() == [4, 4]


def test_who_drops_out_before_the_visit_has_no_endpoint():
    design = made(
        design={"per_arm": 200, "missing_visit_probability": 0, "drop_out_probability": 1},
        conduct={"drop_out_days": [28, 29]},
    )
    assert np.asarray(read(design, np.full(400, 0.5)).missing).tolist() == [200, 200]


def test_who_drops_out_after_the_visit_has_an_endpoint():
    design = made(
        design={"per_arm": 4, "missing_visit_probability": 0, "drop_out_probability": 1},
        conduct={"drop_out_days": [90, 100]},
    )
    assert np.asarray(read(design, np.full(8, 0.5)).missing).tolist() == [0, 0]
    days = np.arange(*design.last_fraction_days) + 42.0
    assert evaluable(design, days, 0.0) == pytest.approx(1.0)


def test_a_scheduled_count_in_the_window_stands_in_for_a_missed_visit():
    plan = {"per_arm": 200, "missing_visit_probability": 0.5, "drop_out_probability": 0}
    alone = read(made(design=plan | {"alc_days": [14]}), np.full(400, 0.5))
    helped = read(made(design=plan | {"alc_days": [14, 49, 56]}), np.full(400, 0.5))
    assert np.asarray(alone.missing).mean() == pytest.approx(100, abs=25)
    assert np.asarray(helped.missing).sum() < 0.8 * np.asarray(alone.missing).sum()


WINDOWS = ("grade3_lowest", "recovery", pytest.param("long", marks=pytest.mark.slow))
LONG = """
[endpoints.long]
meaning = "At least 30 days below 0.8"
what = "time_below"
from = "first_fraction"
until = 105
below = 0.8
at_least = 30
visits = [0, 28, 56, 105]
"""


def in_a_window(name: str, tmp_path: Path, **design: object) -> VirtualDesign:
    (tmp_path / "long.toml").write_text(LONG)
    known = {"drop_out_probability": 0, "missing_visit_probability": 0, "visit_jitter_days": 0}
    asked = tmp_path / "long.toml" if name == "long" else name
    return made(design=known | design).judging(asked)


def read_whole(design: VirtualDesign, followed: Followed) -> Outcome:
    residual, grid = design.truth.true_model().table.residuals["alc"], Grid(design)
    return jax.jit(lambda f: read_endpoint(jax.random.key(0), f, residual, grid))(followed)


def wavy(design: VirtualDesign) -> Followed:
    """Counts that fall and come back, deeper and later from patient to patient."""
    days = Grid(design).days[:, None]
    depth = np.linspace(0.4, 3.0, 52)
    late = np.where(np.arange(52) % 2, 35.0, 10.0)
    alc = 1.5 * np.exp(-depth * np.exp(-(((days - 15 - late * depth) / (8 + 4 * depth)) ** 2)))
    return followed_at(design, np.ones(52))._replace(alc=jnp.asarray(alc))


@pytest.mark.long
@pytest.mark.parametrize("name", WINDOWS)
def test_an_endpoint_of_a_window_is_read_off_the_visits_and_off_the_true_curve(name, tmp_path):
    design = in_a_window(name, tmp_path)
    judged, followed = design.judged, wavy(design)
    found = read_whole(design, followed)
    expected = {"visits": [], "true": []}
    for i, last in enumerate(np.asarray(followed.courses.last_fraction)):
        start = last if judged.reference == "last_fraction" else 0.0
        window = Window(start + judged.begin, start + judged.until, start + np.array(judged.visits),
                        np.full(len(judged.visits), np.nan),
                        np.tile([0.0, np.inf], (len(judged.visits), 1)))  # fmt: skip
        alc = np.asarray(followed.alc)[:, i]
        seen = np.round(alc[window.visits.astype(int)], 2)
        expected["visits"].append(of_values(judged, np.log(seen)[None] + 1e-9, window)[1][0])
        days = np.arange(window.begin, window.end + 1)
        true = judged.summarise(np.log(alc[days.astype(int)])[None], days)[1][0]
        expected["true"].append(true)
    visits, true = (np.reshape(expected[k], (2, -1)) for k in ("visits", "true"))
    assert 0 < visits.sum() < 52
    assert np.asarray(found.events).tolist() == visits.sum(axis=1).tolist()
    assert np.asarray(found.p_measured) == pytest.approx(visits.mean(axis=1))
    assert np.asarray(found.p_true) == pytest.approx(true.mean(axis=1))
    # A lowest count over visits is not the lowest count.
    assert (visits != true).any() or name == "recovery"
    assert np.asarray(found.missing).tolist() == [0, 0]
    gone = replace(design, conduct=replace(design.conduct, drop_out_days=(3.0, 4.0)))
    gone = replace(gone, truth=replace(gone.truth, design={**gone.plan, "drop_out_probability": 1}))
    if name == "recovery":
        lost = read_whole(gone, followed)
        assert np.asarray(lost.missing).tolist() == [26, 26]
        assert np.asarray(lost.p_true) == pytest.approx(true.mean(axis=1))


def test_a_count_on_another_day_is_judged_there(tmp_path):
    design = in_a_window("week15", tmp_path)
    grid = Grid(design)
    assert grid.days[-1] == 105
    late = np.where(grid.days[:, None] > 100, 0.5, 1.5) * np.ones(52)
    followed = followed_at(design, np.ones(52))._replace(alc=jnp.asarray(late))
    assert np.asarray(read_whole(design, followed).events).tolist() == [26, 26]
    early = followed._replace(alc=2.0 - followed.alc)
    assert np.asarray(read_whole(design, early).events).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("endpoint", "reported"),
    [
        ("days_below_0.8", "is a number and no event: .* needs at_least"),
        ({"quantity": "mdsc"}, "is about mdsc"),
        ({"visits": (1.5,)}, "whole days"),
    ],
)
def test_an_endpoint_that_a_trial_cannot_judge_is_refused(endpoint, reported):
    if not isinstance(endpoint, str):
        endpoint = read_endpoint_named("grade3_lowest").model_copy(update=endpoint)
    with pytest.raises(ValueError, match=reported):
        made().judging(endpoint)


@pytest.mark.long
def test_a_trial_is_the_same_in_any_chunk(simulator: Simulator):
    size = simulator.trials_per_block
    whole = simulator.run(5, 0, 2 * size)
    part = simulator.run(5, size - 3, 7)
    for a, b in zip(whole, part, strict=True):
        assert np.array_equal(np.asarray(a)[size - 3 : size + 4], np.asarray(b))
    other = simulator.run(6, 0, size)
    assert not np.array_equal(np.asarray(other.p_measured), np.asarray(whole.p_measured)[:size])


@pytest.mark.slow
def test_a_trial_is_the_same_on_any_number_of_devices(simulator: Simulator):
    if len(jax.devices()) < 2:
        pytest.skip("one device only")
    count = 20 * simulator.trials_per_block
    one = simulator.run(5, 0, count)
    two = replace(simulator, devices=2).run(5, 0, count)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.slow
def test_gamma_of_zero_makes_both_arms_alike(small: VirtualDesign):
    null = Simulator(small, fixed={"suppression": 0.0}, devices=1)
    found = np.asarray(null.run(1, 0, 1500).p_measured)
    difference = found[:, 1] - found[:, 0]
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(difference))


@pytest.mark.slow
def test_twins_differ_by_the_drug_alone(small: VirtualDesign):
    population = PriorPopulation(load_model(small.truth.model))
    null = population_rates(small, population, {"suppression": 0.0}, 20, 30, 0)
    assert null[:, 0] == pytest.approx(null[:, 1], abs=1e-9)
    design = Design(TESTS["fisher"], 26, 26, 0.07)
    assert assurance(VirtualDesign.read(SHIPPED), null).power.value <= design.size.value
    strong = population_rates(small, population, {"suppression": 1.5}, 20, 30, 0)
    assert (strong[:, 1] <= strong[:, 0] + 1e-9).all()


@pytest.mark.slow
def test_a_limit_on_the_baseline_is_kept(small: VirtualDesign):
    design = replace(small, conduct=replace(small.conduct, minimum_baseline_alc=1.0))
    hierarchy = Hierarchy(design.truth.true_model())
    grid = Grid.of(design, hierarchy.model)
    trial = jax.jit(jax.vmap(lambda k: follow(k, jnp.zeros(0), hierarchy, grid, {})))
    found = trial(jax.random.split(jax.random.key(0), 20))
    start = np.asarray(found.alc)[:, 0]
    assert np.median(start) > 1.4  # typical of all comers: 1.40
    assert 1.2 < float(found.screened[:, 0].mean()) < 2.0
    assert float(found.screened[:, 1].sum()) == 0


def binomial_outcome(rates: tuple[float, float], n: int, trials: int) -> Outcome:
    rng = np.random.default_rng(0)
    events = np.stack([rng.binomial(n, rate, trials) for rate in rates], axis=1)
    flat = np.broadcast_to(np.asarray(rates), (trials, 2))
    zero = np.zeros((trials, 2))
    return Outcome(
        events, np.full((trials, 2), n), zero, flat, flat, zero + np.array([1.0, 0.0]), zero
    )


@pytest.mark.parametrize("test", ["fisher", "boschloo"])
def test_simulated_power_agrees_with_exact_power_at_fixed_rates(test):
    outcome = binomial_outcome((0.5, 0.15), 26, 20_000)
    found = operating_characteristics(outcome, test, 0.07)["power"]
    exact = float(Design(TESTS[test], 26, 26, 0.07).power(0.5, 0.15))
    assert found.value == pytest.approx(exact, abs=4 * found.error)
    assert found.error == pytest.approx(np.sqrt(exact * (1 - exact) / 20_000), rel=0.05)


def test_each_trial_is_tested_with_the_patients_it_has():
    events = np.array([[9, 2], [5, 5], [3, 0], [0, 0]])
    analysed = np.array([[20, 22], [24, 26], [4, 9], [0, 26]])
    blank = np.zeros((4, 2))
    found = p_values("fisher", Outcome(events, analysed, *(5 * [blank])))
    for p, (c, t), (nc, nt) in zip(found, events, analysed, strict=True):
        table = [[t, c], [nt - t, nc - c]]
        expected = 1.0 if min(nc, nt) == 0 else fisher_exact(table, alternative="less").pvalue
        assert p == pytest.approx(expected)


class NumberedTrials:
    """Stands in for the simulator: cheap trials that know their seed and number."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def run(self, seed: int, first: int, count: int) -> Outcome:
        number = np.arange(first, first + count)[:, None] + np.array([0, 1])
        return Outcome(*(np.sin(seed + i + number) for i in range(len(Outcome._fields))))


def test_an_interrupted_sweep_goes_on_and_ends_bit_identical(
    small: VirtualDesign, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr("lymphokin.trial.virtual.sweep.Simulator", NumberedTrials)
    sweep = Sweep(small, trials=70, seed=2, shard_size=34)
    here = Executor("debug")
    reported: list[tuple[int, int]] = []
    (whole,) = run_sweeps({tmp_path / "a": sweep}, here, lambda *x: reported.append(x)).values()
    assert reported[-1] == (3, 3)
    run_sweeps({tmp_path / "b": sweep}, here, lambda *_: None)
    shard_path(tmp_path / "b", 1).unlink()  # as if killed before this shard
    untouched = shard_path(tmp_path / "b", 0).stat().st_mtime_ns
    (resumed,) = run_sweeps({tmp_path / "b": sweep}, here, lambda *_: None).values()
    assert shard_path(tmp_path / "b", 0).stat().st_mtime_ns == untouched
    for a, b in zip(whole, resumed, strict=True):
        assert len(a) == 70
        assert np.array_equal(a, b)
    with pytest.raises(FileExistsError, match=r"another sweep.*seed"):
        run_sweeps({tmp_path / "b": replace(sweep, seed=3)}, here, lambda *_: None)


def test_an_extended_sweep_is_one_made_at_once(small: VirtualDesign, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("lymphokin.trial.virtual.sweep.Simulator", NumberedTrials)
    here, reported = Executor("debug"), lambda *_: None
    sweep = Sweep(small, trials=90, seed=2, shard_size=34)
    (whole,) = run_sweeps({tmp_path / "whole": sweep}, here, reported).values()
    for trials in (10, 34, 50, 90, 20):  # into a shard, to its end, into the next, beyond, back
        part = replace(sweep, trials=trials)
        (found,) = run_sweeps({tmp_path / "grown": part}, here, reported).values()
        for a, b in zip(whole, found, strict=True):
            assert np.array_equal(a[:trials], b)


@pytest.mark.parametrize(
    ("tables", "reported"),
    [
        ({"design": {"lesion_counts": {"1": 1.0}}}, "eligible_lesions"),
        ({"design": {"lesion_counts": {"2": 0.5}}}, "sum to 1"),
        ({"design": {"sites": {"elbow": 1.0}}}, "elbow"),
        ({"design": {"schedules": [[15, 4.0]]}}, "longest_course_days"),
        ({"design": {"schedules": []}}, "schedules"),
        ({"design": {"interval_days": 7}}, "interval_days"),
        ({"design": {"per_arm": 0}}, "per_arm"),
        ({"design": {"missing_visit_probability": 1.5}}, "missing_visit_probability"),
        ({"conduct": {"drop_out_days": [90, 30]}}, "drop_out_days"),
        ({"conduct": {"atra_delay_probability": -0.1}}, "atra_delay_probability"),
        ({"conduct": {"delay": 1}}, "unknown key"),
        ({"conduct": {"longest_course_days": "two weeks"}}, "whole number"),
        ({"analysis": {"alpha": 1.0}}, "alpha"),
        ({"analysis": {"test": "logrank"}}, "logrank"),
        ({"analysis": {"missing_endpoint": "imputed"}}, "missing_endpoint"),
        ({"typical": {"charm": 1.0}}, "charm"),
        ({"residual_sd": {"atra": 0.4}}, "measure nothing else"),
        ({"design": {"lesion_diameter_cm": [5.0, 1.5]}}, "smallest diameter first"),
        ({"design": {"lesion_counts": {"two": 1.0}}}, "by number of lesions"),
        ({"analysis": {"n_control": 30}}, "analysis.n_treated"),
        ({"analysis": {"n_treated": 52, "n_control": 26}}, "design.per_arm"),
        ({"assumptions": {"treated_rate": 0.5}}, "swapped"),
        ({"assumptions": {"treated_beta": [17, 3]}}, "swapped"),
        ({"run_in": {"looks": [3, 3]}}, "run_in.looks"),
        ({"run_in": {"rule": "simon"}}, "beta-binomial or boin"),
    ],
)
def test_a_design_that_contradicts_itself_is_refused(tables, reported):
    with pytest.raises(BadInput, match=reported):
        made(**tables)


@pytest.mark.parametrize(
    ("table", "key", "meant"),
    [
        ("design", "n_control", "analysis.n_control"),
        ("design", "arms", "analysis.n_treated and analysis.n_control"),
        ("design", "dropout_probability", "design.drop_out_probability"),
        ("design", "dropout_rate", "design.drop_out_probability"),
        ("design", "allocation_ratio", "analysis.n_treated and analysis.n_control"),
        ("design", "per-arm", "design.per_arm"),
        ("design", "Cycles", "design.cycles"),
        ("conduct", "alpha", "analysis.alpha"),
        ("conduct", "eligible_lesion", "conduct.eligible_lesions"),
        ("analysis", "window_day", "analysis.window_days"),
        ("assumptions", "control", "assumptions.control_rate"),
        ("run_in", "window", "run_in.window_days"),
        ("design", "mdsc_days", "synthetic trials have it"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(table, key, meant):
    with pytest.raises(BadInput) as refused:
        made(**{table: {key: 1}})
    (problem,) = refused.value.problems
    assert problem.column == f"{table}.{key}"
    assert meant in problem.hint


@pytest.mark.parametrize(
    ("table", "key", "reported"),
    [
        ("design", "mdsc_day", "did you mean mdsc_days"),
        ("design", "dropout_probability", "did you mean drop_out_probability"),
        ("log_ratio", "mdsc_citrate", "mdsc_citrate"),
    ],
)
def test_a_truth_of_a_synthetic_trial_has_no_unknown_key_either(table, key, reported):
    raw = tomllib.loads(data_path("synthetic_sbrt_atra_trial.truth.toml").read_text())
    raw[table] |= {key: 1.0}
    with pytest.raises(ValueError, match=reported):
        Truth.of(raw, Path("truth.toml")).true_model()


def test_an_unknown_table_is_refused_with_the_key_that_was_meant():
    for table, meant in (("alpha", "analysis.alpha"), ("log_ratio", "synthetic"), ("analyses", "")):
        raw = tomllib.loads(SHIPPED.read_text(encoding="utf-8")) | {table: {}}
        with pytest.raises(BadInput, match=f"{table}(.|\n)*{meant}"):
            VirtualDesign.of(raw, Path("design.toml"))


def test_arms_of_two_sizes_are_read_where_per_arm_is_left_out():
    raw = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    del raw["design"]["per_arm"]
    with pytest.raises(BadInput, match="per_arm"):
        VirtualDesign.of(raw, Path("design.toml"))
    raw["analysis"] |= {"n_treated": 52, "n_control": 26}
    design = VirtualDesign.of(raw, Path("design.toml"))
    assert (design.n_treated, design.n_control) == (52, 26)


def test_everything_wrong_with_a_design_is_reported_at_once():
    with pytest.raises(BadInput) as refused:
        made(design={"per_arm": 0, "margin_cm": -1}, analysis={"alpha": "small"})
    assert len(refused.value.problems) == 3


@pytest.mark.slow
def test_type_one_error_under_gamma_zero_is_the_exact_one():
    """2 x 26 patients, everything as shipped; the exact probability for the patients analysed."""
    design = VirtualDesign.read(SHIPPED)
    outcome = Simulator(design, fixed={"suppression": 0.0}).run(11, 0, 6000)
    found = operating_characteristics(outcome, "fisher", 0.07)["power"]
    rate = np.asarray(outcome.events).sum() / np.asarray(outcome.analysed).sum()
    pairs, counts = np.unique(np.asarray(outcome.analysed), axis=0, return_counts=True)
    exact = [
        float(Design(TESTS["fisher"], int(t), int(c), 0.07).power(rate, rate)) for c, t in pairs
    ]
    expected = np.average(exact, weights=counts)
    assert found.value == pytest.approx(expected, abs=3 * found.error)


@pytest.mark.slow
def test_virtual_trials_agree_with_the_trial_simulated_record_by_record():
    from lymphokin.io.visits import endpoint_visits
    from lymphokin.trial.synthetic import simulate_trial

    raw = tomllib.loads(data_path("synthetic_sbrt_atra_trial.truth.toml").read_text())
    raw["design"] |= {"run_in": 0, "per_arm": 600}
    trial = simulate_trial(Truth.of(raw, Path("truth.toml")), 7)
    virtual_keys = {f.name for f in fields(Plan)}
    plan = {key: value for key, value in raw["design"].items() if key in virtual_keys}
    residual_sd = {"alc": raw["residual_sd"]["alc"]}
    del raw["log_ratio"]
    design = VirtualDesign.of(raw | {"design": plan, "residual_sd": residual_sd}, Path("d.toml"))
    arm = trial.cohort.patients["arm"]
    visits = endpoint_visits(trial.cohort)["observed_grade2"].dropna().astype(float)
    true = (trial.truth["true_alc_at_endpoint"] < 0.8).groupby(arm).mean()
    measured = visits.groupby(arm.loc[visits.index]).mean()
    smaller = replace(design, analysis=replace(design.analysis, n_control=26, n_treated=26))
    virtual = Simulator(smaller).run(3, 0, 1024)
    rate = np.asarray(virtual.events).sum(0) / np.asarray(virtual.analysed).sum(0)
    for i, name in enumerate(("SBRT", "SBRT+ATRA")):
        error = np.sqrt(0.25 / 600)
        assert measured[name] == pytest.approx(rate[i], abs=3.5 * error)
        assert true[name] == pytest.approx(np.asarray(virtual.p_true)[:, i].mean(), abs=3.5 * error)


@pytest.mark.slow
def test_a_killed_sweep_resumes_and_ends_bit_identical(tmp_path: Path):
    """Real processes: the command is killed once a shard is there, and run again."""
    command = [sys.executable, "-c", "from lymphokin.cli import main; main()", "trial", "simulate"]
    options = ["--trials", "32", "--shard-size", "16", "--workers", "1", "--json", "--out"]
    whole = subprocess.run([*command, *options, str(tmp_path / "whole")], check=True)
    assert whole.returncode == 0
    killed = subprocess.Popen([*command, *options, str(tmp_path / "killed")])
    first = shard_path(tmp_path / "killed" / "as_stated", 0)
    while not first.exists() and killed.poll() is None:
        time.sleep(0.1)
    killed.kill()
    killed.wait()
    assert not (tmp_path / "killed" / "characteristics.json").exists()
    subprocess.run([*command, *options, str(tmp_path / "killed")], check=True)
    for case in ("as_stated", "gamma_zero"):
        for shard in range(2):
            a, b = (shard_path(tmp_path / run / case, shard) for run in ("whole", "killed"))
            with np.load(a) as x, np.load(b) as y:
                assert all(np.array_equal(x[name], y[name]) for name in Outcome._fields)
    a, b = ((tmp_path / run / "characteristics.json").read_text() for run in ("whole", "killed"))
    assert a == b


def test_a_drug_that_is_still_there_at_the_next_pulse_is_refused(small, tmp_path):
    """Every three weeks for two days: gone after 4 days, not after a half-life of two."""
    fast = load_drug(tmp_path, "gut")
    assert Grid.of(small, fast).window == Grid(small).window
    slow = load_drug(tmp_path, "central", elimination_rate=np.log(2) / 48)
    with pytest.raises(ValueError, match=r"drug of model central lasts \d+ days.*next pulse"):
        Grid.of(small, slow)
