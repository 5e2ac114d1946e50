"""The cohort as a value: tables in order, selections, and the way to a file and back."""

import string
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import Cohort, read_events, write_events
from lymphokin.io.summary import summarise
from lymphokin.plausible import CHECKS
from lymphokin.sites import shipped_sites

positive = st.floats(1e-3, 90)
names = st.text(string.ascii_letters + string.digits + "-_é,\"' #", min_size=1).filter(
    lambda s: s == s.strip()
)


@st.composite
def cohorts(draw) -> Cohort:
    """Any cohort that the event table can state."""
    patients, fractions, doses, observations = {}, [], [], []
    for who in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        patients[who] = {
            "arm": draw(st.none() | names),
            "site": draw(st.none() | st.sampled_from(list(shipped_sites().by_name))),
            "age": draw(st.just(np.nan) | st.floats(18, 99)),
            "sex": draw(st.none() | st.sampled_from("FM")),
            "n_lesions": draw(st.just(np.nan) | st.integers(2, 5)),
            "immune_dose_gy": draw(st.just(np.nan) | st.floats(0, 1e-3)),
            "start_date": draw(st.none() | st.just("2026-03-09")),
        }
        for day in range(draw(st.integers(0, 3))):
            fractions.append((who, float(day), draw(positive), draw(st.integers(0, 2))))
        for day in range(draw(st.integers(0, 3))):
            doses.append((who, day + draw(st.floats(0, 0.9)), "atra", draw(positive)))
        observations.append((who, -1.5, "alc", draw(positive), np.nan, False, None, np.nan))
        for day in range(draw(st.integers(0, 4))):
            quantity = draw(st.sampled_from(["alc", "mdsc", "atra"]))
            lloq = draw(st.just(np.nan) | st.floats(1e-6, 1e-4))
            censored = not np.isnan(lloq) and draw(st.booleans())
            value = lloq if censored else draw(st.just(np.nan) | positive)
            tube = draw(st.sampled_from([None, "heparin", "edta"]))
            delay = draw(st.just(np.nan) | st.floats(0, 100))
            observations.append((who, float(day), quantity, value, lloq, censored, tube, delay))
    return Cohort(
        patients=pd.DataFrame.from_dict(patients, orient="index"),
        fractions=pd.DataFrame(fractions, columns=["id", "day", "prescribed_gy", "lesion"]),
        doses=pd.DataFrame(doses, columns=["id", "day", "drug", "amount_mg"]),
        observations=pd.DataFrame(
            observations,
            columns=["id", "day", "quantity", "value", "lloq", "censored", "tube", "delay"],
        ),
        synthetic=draw(st.booleans()),
    )


def assert_same(one: Cohort, other: Cohort) -> None:
    pd.testing.assert_frame_equal(one.patients, other.patients, check_exact=True)
    pd.testing.assert_frame_equal(one.fractions, other.fractions, check_exact=True)
    pd.testing.assert_frame_equal(one.doses, other.doses, check_exact=True)
    pd.testing.assert_frame_equal(
        one.observations.drop(columns="row"),
        other.observations.drop(columns="row"),
        check_exact=True,
    )


@settings(max_examples=15)
@given(cohorts())
def test_what_is_written_is_read_back(tmp_path, cohort):
    path = tmp_path / "events.csv"
    write_events(cohort, path, ["of no patients", "two\nlines"])
    again = read_events(path, accept=dict.fromkeys(CHECKS, "drawn at random"))
    assert_same(again, cohort)
    assert again.synthetic == cohort.synthetic
    assert again.source == "events.csv"
    again = replace(again, accepted={})
    write_events(again, tmp_path / "again.csv", ["of no patients", "two\nlines"])
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


@pytest.fixture
def cohort() -> Cohort:
    return Cohort(
        patients=pd.DataFrame({"arm": ["x", "y"]}, index=["B", "A"]),
        fractions=pd.DataFrame(
            {"id": ["A", "B", "B"], "day": [0.0, 1.0, 0.0], "prescribed_gy": 10.0}
        ),
        doses=pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        observations=pd.DataFrame(
            {
                "id": ["A", "B", "B"],
                "day": [0.0, 14.0, 0.0],
                "quantity": "alc",
                "value": [1.0, 0.7, 1.2],
            }
        ),
    )


def test_tables_are_completed_and_sorted_by_patient_and_day(cohort):
    assert len(cohort) == 2
    assert cohort.fractions["id"].tolist() == ["B", "B", "A"]
    assert cohort.fractions["day"].tolist() == [0, 1, 0]
    assert cohort.fractions["lesion"].tolist() == [0, 0, 0]
    assert cohort.observations["day"].tolist() == [0, 14, 0]
    assert cohort.patients["site"].tolist() == [None, None]
    assert cohort.patients["bsa"].isna().all()


def test_select_keeps_the_given_order(cohort):
    chosen = cohort.select(["A", "B"])
    assert chosen.patients.index.tolist() == ["A", "B"]
    assert chosen.observations["id"].tolist() == ["A", "B", "B"]
    assert len(cohort.select(["A"]).fractions) == 1
    with pytest.raises(ValueError, match="no such patient: C"):
        cohort.select(["C"])


def test_until_drops_later_observations_and_keeps_treatment(cohort):
    early = cohort.until(0)
    assert early.observations["value"].tolist() == [1.2, 1.0]
    assert len(early.fractions) == 3
    assert len(early) == 2


def test_events_put_the_observation_before_the_fraction(cohort):
    events = cohort.to_events()
    first = events[(events["ID"] == "B") & (events["TIME"] == 0)]
    assert first["EVID"].tolist() == [0, 1]


def test_tables_that_do_not_fit_are_refused(cohort):
    with pytest.raises(ValueError, match="lacks the column"):
        Cohort(cohort.patients, cohort.fractions[["id"]], cohort.doses, cohort.observations)
    with pytest.raises(ValueError, match="not in `patients`"):
        Cohort(cohort.patients.loc[["A"]], cohort.fractions, cohort.doses, cohort.observations)


def test_a_week_has_its_median_and_counts_grade_2_apart_from_grade_1(tmp_path):
    """Of 0.70, 0.90 and 2.00 one is grade 2; 0.90 is grade 1 where normal begins at 1.0."""
    path = tmp_path / "t.csv"
    rows = ["ID,TIME,EVID,CMT,AMT,DVID,DV,LLN"]
    for who, count in zip("ABC", (0.7, 0.9, 2.0), strict=True):
        rows += [f"{who},-1,0,,,alc,1.5,1.0", f"{who},0,1,rt,8,,,", f"{who},15,0,,,alc,{count},1.0"]
    path.write_text("\n".join(rows) + "\n")
    weeks = {week["week"]: week for week in summarise(read_events(path))["weeks"]}
    assert weeks[2] == {"week": 2, "counts": 3, "median": 0.9, "grade2_or_worse": 1}
