"""Schedules as arrays: doses as elsewhere in the package, and shapes that hold them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lymphokin.dose import reference_immune_dose
from lymphokin.io import BadInput, Cohort
from lymphokin.io.vocabulary import COVARIATES
from lymphokin.regimens import usual_pulses
from lymphokin.sites import shipped_sites
from lymphokin.whatif.answers import Estimate
from lymphokin.whatif.dose import bed, eqd2, gy_for
from lymphokin.whatif.familiar import course_features, unfamiliar
from lymphokin.whatif.judging import SIX_WEEKS, visit_of
from lymphokin.whatif.patient import Count, Patient
from lymphokin.whatif.questions.options import OptionsRequest, options
from lymphokin.whatif.questions.scan import label_of, with_fractions, with_pulses
from lymphokin.whatif.schedule import PlannedFraction, Pulse, Schedule, schedule_of
from lymphokin.whatif.shapes import SHAPES, STEPS, arrays_of
from lymphokin.whatif.treatment import columns_of, treatment_of

SITES = shipped_sites()
PLAN = Schedule(fractions=tuple(PlannedFraction(day=d, gy=8.0) for d in (0, 2, 4)))


def as_cohort(patient: Patient, plan: Schedule) -> Cohort:
    """The patient as an event table has it."""
    fractions = pd.DataFrame(
        [("P", float(f.day), f.gy, f.lesion) for f in plan.fractions],
        columns=["id", "day", "prescribed_gy", "lesion"],
    )
    patients = pd.DataFrame(columns_of(patient), index=pd.Index(["P"], name="id"))
    doses = pd.DataFrame({"id": [], "day": [], "drug": [], "amount_mg": []})
    observations = pd.DataFrame({"id": [], "day": [], "quantity": [], "value": []})
    return Cohort(patients, fractions, doses, observations)


def test_doses_are_those_of_the_trials_regimen():
    regimen = replace(usual_pulses("atra"), cycles=3, doses_per_day=2).doses(1.7)
    pulses = tuple(Pulse(day=21.0 * k, doses_per_day=2) for k in (2, 0, 1))
    plan = Schedule(pulses=pulses)
    treatment = treatment_of(Patient(bsa=1.7), plan, plan, SITES)
    np.testing.assert_allclose(treatment.dose_days, regimen["day"])
    np.testing.assert_allclose(treatment.amount, regimen["amount_mg"])


@pytest.mark.parametrize(
    "patient",
    [
        Patient(site="liver", n_lesions=3),
        Patient(site="liver+spine"),
        Patient(site="brain", n_lesions=2, immune_dose_gy=0.4),
        Patient(site="spine", immune_dose_gy=1.9, immune_dose_source="dvh"),
    ],
)
def test_immune_dose_is_that_of_an_event_table(patient):
    found = treatment_of(patient, PLAN, PLAN, SITES)
    table = reference_immune_dose(as_cohort(patient, PLAN)).fractions
    np.testing.assert_allclose(found.immune_dose, table["immune_dose_gy"])
    np.testing.assert_allclose(found.share, table["share"])


def test_a_known_immune_dose_follows_the_prescription_to_another_schedule():
    patient = Patient(site="spine", immune_dose_gy=1.2)
    other = Schedule(fractions=(PlannedFraction(day=0, gy=12.0),))
    assert treatment_of(patient, other, PLAN, SITES).immune_dose.sum() == pytest.approx(0.6)
    assert treatment_of(patient, PLAN, PLAN, SITES).immune_dose.sum() == pytest.approx(1.2)


def test_each_schedule_may_state_its_own_immune_dose():
    patient = Patient(site="liver", n_lesions=2, immune_dose_gy=2.0)
    other = Schedule(fractions=tuple(PlannedFraction(day=d, gy=5.0) for d in range(4)))
    protons = other.model_copy(update={"immune_dose_gy": 0.7})
    own_plan = PLAN.model_copy(update={"immune_dose_gy": 3.0})

    def dose(schedule: Schedule, plan: Schedule) -> float:
        return float(treatment_of(patient, schedule, plan, SITES).immune_dose.sum())

    assert dose(protons, PLAN) == pytest.approx(0.7)
    assert dose(PLAN, PLAN) == pytest.approx(2.0)  # the patient's is that of the plan
    assert dose(own_plan, own_plan) == pytest.approx(3.0)
    assert dose(other, own_plan) == pytest.approx(3.0 * 20 / 24)  # in proportion to the Gy
    assert dose(with_fractions(own_plan, 5, 6.0), own_plan) == pytest.approx(3.0 * 30 / 24)
    seen = SimpleNamespace(
        seen={"immune_dose_gy": (1.0, 2.5)},
        seen_patients=None,
        seen_until=None,
        model=SimpleNamespace(drugs={}),
    )
    given = treatment_of(patient, protons, PLAN, SITES)
    (notice,) = unfamiliar(seen, patient, protons, given, "b", SIX_WEEKS)  # type: ignore[arg-type]
    assert notice.field == "b.immune_dose_gy"


def test_lesions_that_are_treated_apart_are_counted_once():
    """One of two lesions gets half the estimate; a scan keeps to it; the Gy are of one lesion."""
    patient = Patient(site="lung_peripheral", n_lesions=2)
    both, first = PLAN, Schedule(fractions=tuple(
        PlannedFraction(day=f.day, gy=f.gy, lesion=1) for f in PLAN.fractions))  # fmt: skip
    apart = Schedule(fractions=tuple(
        PlannedFraction(day=f.day, gy=f.gy, lesion=n) for f in PLAN.fractions for n in (1, 2)
    ))  # fmt: skip
    of = {s: treatment_of(patient, s, s, SITES).immune_dose.sum() for s in (both, first, apart)}
    assert of[first] == pytest.approx(of[both] / 2)
    assert of[apart] == pytest.approx(of[both])
    assert apart.fraction_days == both.fraction_days == [0, 2, 4]
    assert apart.total_gy == both.total_gy == 24
    features = course_features(patient, apart, treatment_of(patient, apart, apart, SITES), 46.0)
    assert (features["fractions"], features["prescribed_gy"]) == (3, 24)
    assert with_fractions(apart, 4, 6.0).lesions == [1, 2]
    assert label_of(apart, {}) == label_of(both, {})
    with pytest.raises(ValueError, match="outside the limits"):
        with_fractions(apart, 21, 2.0)  # 42 fractions


def test_a_lesion_that_the_patient_has_not_is_refused():
    plan = Schedule(fractions=(PlannedFraction(day=0, gy=10.0, lesion=3),))
    with pytest.raises(ValueError, match="lesion 3, but the patient has 2"):
        treatment_of(Patient(n_lesions=2), plan, plan, SITES)


pulses = st.builds(
    Pulse,
    day=st.integers(-28, 90).map(float),
    days=st.integers(1, 5),
    doses_per_day=st.integers(1, 2),
)


@settings(max_examples=40)
@given(
    days=st.sets(st.integers(0, 77), max_size=40),
    atra=st.lists(pulses, max_size=5),
)
def test_schedules_fit_a_shape_and_lose_nothing(days, atra):
    try:
        plan = Schedule(
            fractions=tuple(PlannedFraction(day=d, gy=2.0) for d in days), pulses=tuple(atra)
        )
    except BadInput:
        return  # overlapping pulses
    found = treatment_of(Patient(), plan, plan, SITES)
    try:
        arrays = arrays_of(found, [visit_of(SIX_WEEKS, plan), 126.0], STEPS)
    except ValueError:
        assume(False)  # pulses too close together for too long: refused
    assert arrays.shape in SHAPES
    assert arrays.immune_dose.sum() == pytest.approx(found.immune_dose.sum())
    assert sum(v.sum() for v in arrays.amount.values()) == pytest.approx(found.amount.sum())
    assert (arrays.step >= 0).all()
    assert set(np.flatnonzero(arrays.immune_dose)) <= set(np.flatnonzero(arrays.share))


def test_drug_courses_without_a_pause_are_refused_as_too_long():
    plan = Schedule(pulses=tuple(Pulse(day=7.0 * k, days=5, doses_per_day=2) for k in range(8)))
    with pytest.raises(ValueError, match="too long"):
        arrays_of(treatment_of(Patient(), plan, plan, SITES), [126.0], STEPS)


def test_the_trials_schedules_take_a_small_shape():
    plan = schedule_of("5x10 + 4x3")
    arrays = arrays_of(treatment_of(Patient(), plan, plan, SITES), [46.0, 126.0], STEPS)
    assert arrays.shape == SHAPES[3]


def test_biologically_effective_dose():
    plan = schedule_of("5x10")
    assert bed(plan, 10.0) == pytest.approx(100.0)
    assert eqd2(plan, 10.0) == pytest.approx(83.33, abs=0.01)
    assert gy_for(100.0, 5, 10.0) == pytest.approx(10.0)
    parts = (PlannedFraction(day=0, gy=20.0, lesion=1), PlannedFraction(day=0, gy=10.0, lesion=2))
    assert bed(Schedule(fractions=parts), 10.0) == pytest.approx(60.0)


def test_words_become_schedules_on_weekdays():
    assert [f.day for f in schedule_of("6x8").fractions] == [0, 1, 2, 3, 4, 7]
    assert [f.day for f in schedule_of("3x18/2").fractions] == [0, 2, 4]
    assert [p.day for p in schedule_of("none + 2x3@-7/14:100").pulses] == [-7.0, 7.0]
    for wrong in ("5*10", "x10", "5x"):
        with pytest.raises(ValueError, match="expected COUNTxGY"):
            schedule_of(wrong)


def test_scans_give_back_the_plan_itself_and_keep_off_weekends():
    assert with_fractions(PLAN, 3, 8.0) is PLAN
    assert [f.day for f in with_fractions(PLAN, 4, 6.0).fractions] == [0, 2, 4, 7]
    pulsed = with_pulses(PLAN, "atra", 7, 2)
    assert [p.day for p in pulsed.pulses] == [7.0, 28.0]
    assert with_pulses(pulsed, "atra", 7, 2) is pulsed
    assert with_pulses(pulsed, "atra", 0, 0).pulses == ()


def test_an_option_says_how_many_more_of_100_and_how_long_it_takes(population):
    """Made-up risks of 10 of 100 for every fraction; the plan has three."""

    def risk_of(_, schedule: Schedule, *__) -> Estimate:
        number = 10 * len(schedule.fractions)
        return Estimate(p=number / 100, low=0.0, high=1.0, of_100=number)

    engine = SimpleNamespace(
        risk_of=risk_of,
        population=population,
        countable=frozenset(),
        treatment=lambda *given: treatment_of(*given, SITES),
        condition=lambda *_: SimpleNamespace(reliable=True),
    )
    request = OptionsRequest(
        patient=Patient(), schedule=PLAN, bed10_gy=(0, 1000), fractions=(2, 6), gy=(8, 8)
    )
    found = [
        (len(o.schedule.fractions), o.course_days, o.difference, o.bed10_gy)
        for o in options(engine, request).options  # type: ignore[arg-type]
    ]
    assert (2, 2, -10, 28.8) in found
    assert (6, 8, 30, 86.4) in found  # from Monday over a weekend


def test_the_patient_has_every_column_of_an_event_table():
    columns = columns_of(Patient(site="liver", age=70, sex="F", bsa=1.9, ptv_cm3=40))
    assert set(columns) == {name.lower() for name in COVARIATES}
    assert [columns[n] for n in ("site", "age", "sex", "bsa", "ptv_cm3")] == [
        ["liver"], [70], ["F"], [1.9], [40],
    ]  # fmt: skip
    assert np.isnan(columns["immune_dose_gy"]).all()
    assert columns["arm"] == [None]


def test_what_is_given_on_the_day_of_a_count_comes_after_it():
    """Fractions and pulses on days 0, 2 and 4: until the count of day 2 only day 0 was given."""
    plan = PLAN.model_copy(update={"pulses": tuple(Pulse(day=d, days=1) for d in (0.0, 2.0, 4.0))})
    treatment = treatment_of(Patient(), plan, plan, SITES)
    assert treatment.before(2.0).fraction_days.tolist() == [0.0]
    assert treatment.before(2.0).dose_days.tolist() == [0.0]
    assert treatment.before(2.5).fraction_days.tolist() == [0.0, 2.0]
    assert treatment.before(0.0).fraction_days.tolist() == []
    np.testing.assert_array_equal(treatment.before(3.0).amount, treatment.amount[:2])
    np.testing.assert_array_equal(treatment.before(3.0).immune_dose, treatment.immune_dose[:2])


def test_a_schedule_is_compared_with_what_was_seen_by_the_mg_of_a_day():
    """Two doses of 127.5 mg on each day of two pulses, for a body surface of 1.7 m2."""
    plan = PLAN.model_copy(update={"pulses": tuple(Pulse(day=d, doses_per_day=2) for d in (0, 21))})
    patient = Patient(bsa=1.7, counts=(Count(day=-9, value=1.4), Count(day=-2, value=1.2)))
    found = course_features(patient, plan, treatment_of(patient, plan, plan, SITES), 46)
    assert found["atra_mg"] == pytest.approx(255.0)
    assert found["baseline_alc"] == 1.2
    assert (found["fractions"], found["prescribed_gy"]) == (3, 24.0)
    assert found["endpoint_day"] == 46
