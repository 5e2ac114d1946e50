"""The interim look at an event in time: closed forms of a constant hazard, and who is awaited."""

import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lymphokin.endpoints import Endpoint
from lymphokin.io import Cohort
from lymphokin.model import load_model
from lymphokin.population import Hierarchy, pack
from lymphokin.shipped import data_path
from lymphokin.trial.interim import look_at, standing
from lymphokin.trial.interim.events import last_look, seen_and_known, standing_of_event
from lymphokin.trial.interim.future import future_patients
from lymphokin.trial.synthetic import SyntheticTrial
from lymphokin.trial.virtual import VirtualDesign

MODEL = Path(__file__).parents[2] / "docs" / "examples" / "dropout.py"
RATE = 0.005  # the example's median, of patients whose count does not matter
RUN_IN = ["S001"]
LEAVING, MISSING, DAYS = 0.4, 0.3, (0.0, 100.0)


def design_judging(**endpoint: object) -> VirtualDesign:
    """The shipped design on the model of drop-out, a third of whose patients do not come."""
    raw = tomllib.loads(data_path("nct06439888.design.toml").read_text(encoding="utf-8"))
    for table in ("between_subject_sd", "residual_sd", "correlation"):
        raw.pop(table, None)
    raw |= {"model": str(MODEL), "typical": {"usual_dropout": RATE, "by_count": 0.0}}
    raw["design"] |= {"drop_out_probability": LEAVING, "missing_visit_probability": MISSING}
    raw["conduct"]["drop_out_days"] = list(DAYS)
    declared = {"name": "left", "meaning": "Left", "quantity": "dropout", "what": "event"}
    declared |= {"from": "first_fraction", "until": 80.0, "visits": (30.0, 60.0, 80.0)}
    design = VirtualDesign.of(raw, Path("design.toml"))
    return told_apart(design.judging(Endpoint.model_validate(declared | endpoint)))


def told_apart(design: VirtualDesign, **changed: int) -> VirtualDesign:
    """With other sizes of the arms, which ATRA tells apart, though the model takes none."""
    design = replace(design, analysis=replace(design.analysis, **changed))
    vars(design)["drug"] = "atra"
    return design


def test_the_last_look_is_that_of_simulated_patients():
    design, rng, n = design_judging(), np.random.default_rng(1), 400_000
    looks, followed = np.array([30.0, 60.0, 80.0]), 20.0
    leaves = np.where(rng.random(n) < LEAVING, rng.uniform(*DAYS, n), np.inf)
    there = leaves > followed
    came = (rng.random((n, 3)) >= MISSING) & (leaves[:, None] > looks)
    last = np.where(came.any(axis=1), 3 - came[:, ::-1].argmax(axis=1), 0)[there]
    expected = np.bincount(last, minlength=4) / there.sum()
    np.testing.assert_allclose(last_look(design, looks, followed), expected, atol=3e-3)
    # Who is seen to have the event by then, and of whom it is known.
    happens = rng.exponential(1 / RATE, there.sum())
    since = np.append(0.0, looks - followed)
    seen = happens <= since[last]
    passed, reaches = RATE * since, np.array([False, False, False, True])
    found = seen_and_known(passed[None], last_look(design, looks, followed), reaches)
    assert found[0] == pytest.approx(seen.mean(), abs=3e-3)
    assert found[1] == pytest.approx((seen | (last == 3)).mean(), abs=3e-3)


def test_an_exact_time_is_known_until_the_patient_leaves():
    plan = {"drop_out_probability": LEAVING, "missing_visit_probability": MISSING}
    conduct = SimpleNamespace(drop_out_days=DAYS)
    design = SimpleNamespace(judged_exactly=True, plan=plan, conduct=conduct)
    days = np.arange(1.0, 81.0)
    chance = last_look(design, days, 0.0)  # type: ignore[arg-type]
    stays = 1 - LEAVING * 80 / 100
    assert chance[-1] == pytest.approx(stays)
    seen, known = seen_and_known(RATE * np.append(0, days)[None], chance, np.arange(81) == 80)
    by_day = -np.expm1(-RATE * np.linspace(0, 80, 8001))
    exact = by_day[-1] * stays + np.trapezoid(by_day, dx=0.01) * LEAVING / 100
    assert seen == pytest.approx(exact, rel=0.02)  # who leaves is taken to leave at a day's end
    assert known == pytest.approx(seen + (1 - by_day[-1]) * stays)


def with_records(cohort: Cohort, records: dict[str, list[tuple[float, int]]]) -> Cohort:
    """The cohort with records of leaving."""
    rows = cohort.observations[cohort.observations["quantity"] == "alc"]
    new = [
        {**rows.iloc[0].to_dict(), "id": patient, "day": day, "quantity": "dropout",
         "value": float(value), "lloq": np.nan}
        for patient, own in records.items() for day, value in own
    ]  # fmt: skip
    both = pd.concat([rows, pd.DataFrame(new)], ignore_index=True)
    both = both.sort_values(["id", "day"], kind="stable").reset_index(drop=True)
    return replace(cohort, observations=both, vocabulary=load_model(MODEL).vocabulary)


@pytest.fixture(scope="module")
def cohort(small_trial: SyntheticTrial) -> Cohort:
    """Everybody is followed to day 24 only; the event was looked for in some."""
    whole = small_trial.cohort
    ids = [str(i) for i in whole.patients.index]
    seen = whole.observations[whole.observations["day"] <= 24]
    early = replace(whole, observations=seen, doses=whole.doses[whole.doses["day"] <= 24])
    records = {ids[1]: [(10, 0), (30, 1)], ids[2]: [(10, 0)], ids[3]: [(30, 0), (78, 0), (95, 0)]}
    return with_records(early, records)


def test_patients_stand_where_their_records_say(cohort: Cohort):
    design, ids = design_judging(), [str(i) for i in cohort.patients.index]
    table = standing(cohort, design, lost=[ids[4]], left_out=RUN_IN)
    assert table.loc[ids[1:5], "status"].tolist() == [
        "event",
        "in follow-up",
        "no event",
        "missing",
    ]
    assert table.loc[ids[1:5:2], "evaluable"].tolist() == [1.0, 1.0]
    assert (table["planned_day"] == 80).all()
    _, waiting = standing_of_event(cohort, design, table["followed"], set())
    assert waiting[ids[2]].since == 10
    assert waiting[ids[5]].since == -np.inf
    assert waiting[ids[2]].day.tolist() == [30, 60, 80]


@pytest.mark.parametrize(
    ("counted", "status"), [(80.0, "in follow-up"), (83.0, "in follow-up"), (88.0, "missing")]
)
def test_the_last_look_can_come_after_a_count_in_its_window(cohort: Cohort, counted, status):
    patient = str(cohort.patients.index[5])
    rows = cohort.observations
    one = rows[(rows["id"] == patient) & (rows["quantity"] == "alc")].head(1).assign(day=counted)
    late = replace(cohort, observations=pd.concat([rows, one], ignore_index=True))
    design = design_judging(window=7)
    followed = pd.Series({patient: counted})
    table, waiting = standing_of_event(late, design, followed, set())
    assert table.loc[patient, "status"] == status
    if status == "in follow-up":
        assert waiting[patient].day.tolist() == [counted]
        assert table.loc[patient, "evaluable"] == pytest.approx(1 - MISSING)


class OneDraw:
    """Stands in for a fit of the model of drop-out: the medians of its prior, twice."""

    def __init__(self, cohort: Cohort) -> None:
        self.hierarchy, self.model = Hierarchy(load_model(MODEL)), load_model(MODEL)
        self.summary = list(self.hierarchy.quantities)
        drawn = self.hierarchy.draw_latents(jax.random.key(0), pack(self.model, cohort).arrays)
        kept = {name: np.zeros(np.shape(part)) for name, part in drawn._asdict().items()}
        latents = xr.Dataset(
            {
                name: (
                    ("chain", "draw", *(f"{name}_{i}" for i in range(part.ndim))),
                    np.broadcast_to(part, (1, 2, *part.shape)).copy(),
                )
                for name, part in kept.items()
            }
        )
        self.draws = xr.DataTree.from_dict({"latents": latents})


@pytest.mark.long
def test_a_look_forecasts_the_event_of_who_is_in_follow_up(cohort: Cohort):
    design = design_judging()
    design = told_apart(design, n_treated=4, n_control=4)
    look = look_at(OneDraw(cohort), cohort, design, left_out=RUN_IN, draws=2)  # type: ignore[arg-type]
    table, ids = look.patients, [str(i) for i in cohort.patients.index]
    _, waiting = standing_of_event(cohort, design, table["followed"], set())
    for patient in table.index[table["status"] == "in follow-up"]:
        own, row = waiting[str(patient)], table.loc[patient]
        # Patients are at risk from the first fraction or dose on.
        doses = cohort.doses[cohort.doses["id"] == patient]["day"]
        since = max(own.since, min([0.0, *doses]))
        passed = RATE * np.append(0.0, own.day - since)
        seen, known = seen_and_known(passed[None], own.chance, own.reaches)
        assert row["evaluable"] == pytest.approx(float(known[0]))
        assert row["risk"] == pytest.approx(float((seen / known)[0]))
        assert row["p_true"] == pytest.approx(-np.expm1(-RATE * (80 - since)))
    assert table.loc[ids[1], ["risk"]].isna().all()
    assert look.to_come == (1, 1)
    assert 0 <= look.predictive.probability <= 1


def test_patients_to_come_have_the_hazard_of_the_model():
    design = design_judging()
    model = load_model(MODEL)
    z = np.zeros((2, len(Hierarchy(model).quantities)))
    control, _ = future_patients(design, model, z, 3, 2, seed=1)
    looks = np.array([30.0, 60.0, 80.0])
    passed = RATE * np.append(0.0, looks)[None]
    expected = seen_and_known(passed, last_look(design, looks, 0.0), np.arange(4) == 3)
    assert control.known is not None
    np.testing.assert_allclose(control.known, float(expected[1][0]), rtol=1e-6)
    np.testing.assert_allclose(control.risk, float((expected[0] / expected[1])[0]), rtol=1e-6)


def test_an_event_of_no_model_and_records_that_one_ends_are_refused(cohort: Cohort):
    unknown = told_apart(design_judging(quantity="death"))
    with pytest.raises(ValueError, match="found death, expected one of the hazards"):
        look_at(OneDraw(cohort), cohort, unknown, left_out=RUN_IN)  # type: ignore[arg-type]
    design = design_judging()
    ending = {**design.plan, "events_that_end": ["dropout"]}
    other = told_apart(replace(design, truth=replace(design.truth, design=ending)))
    with pytest.raises(ValueError, match="events_that_end names dropout"):
        look_at(OneDraw(cohort), cohort, other, left_out=RUN_IN)  # type: ignore[arg-type]
