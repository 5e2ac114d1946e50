"""Improbable numbers of an event table are asked for by the name of their check, all at once."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import BadInput, read_events
from lymphokin.plausible import CHECKS
from lymphokin.plausible.identifiers import names_no_patient
from lymphokin.shipped import data_path
from tests.io.cdisc_study import PR, refused
from tests.io.test_read_by_column import WIDE, made

FIXED = settings(max_examples=8)


def test_the_shipped_trial_raises_no_alarm():
    assert read_events(data_path("synthetic_sbrt_atra_trial.csv")).warnings == ()


EVENTS = "ID,TIME,EVID,CMT,AMT,II,ADDL,DVID,DV\n"


@pytest.mark.parametrize(
    ("rows", "checks"),
    [
        ("P1,-72,0,,,,,alc,1.5\nP1,0,1,rt,8,24,4,,\nP1,336,0,,,,,alc,0.9\nP1,1104,0,,,,,alc,0.7\n",
         ["fraction_spacing", "interval_in_hours", "times_in_hours", "visit_day"]),
        ("P1,-3,0,,,,,alc,1.5\nP1,0,1,rt,50,1,4,,\n", ["fraction_dose"]),
        ("P1,-3,0,,,,,alc,1.5\nP1,0,1,rt,30,1,4,,\n", ["total_dose"]),
        ("P1,-3,0,,,,,alc,1.5\nP1,0,1,rt,2,1,99,,\n", ["fraction_count", "total_dose"]),
        ("P1,-3,0,,,,,alc,1.5\nP1,0,1,rt,8,30,2,,\n", ["fraction_spacing"]),
        ("P1,-3,0,,,,,alc,1.5\nP1,0,1,rt,8,0.04,4,,\n", ["fraction_interval", "fraction_spacing"]),
        ("P1,-3,0,,,,,alc,0.00145\nP1,0,1,rt,8,,,,\nP2,-3,0,,,,,alc,1.45\nP2,0,1,rt,8,,,,\n",
         ["alc_value"]),
        ("P1,-3,0,,,,,alc,0.05\nP1,0,1,rt,8,,,,\nP2,-3,0,,,,,alc,1.45\nP2,0,1,rt,8,,,,\n",
         ["patient_median"]),
        ("P1,-3,0,,,,,alc,7.2\nP2,-3,0,,,,,alc,6.8\nP3,-3,0,,,,,alc,7.3\n", ["usual_count"]),
        ("P1,-3,0,,,,,alc,12\nP2,-3,0,,,,,alc,9\nP3,-3,0,,,,,alc,14\n", ["usual_count"]),
        ("ANON,-3,0,,,,,alc,1.5\nANON,0,1,rt,8,1,4,,\n", ["no_identifier"]),
        ("P1,-3,0,,,,,alc,1.5\nMean,-3,0,,,,,alc,1.5\n", ["no_identifier"]),
        ("P1,-3,0,,,,,alc,28\nP1,0,1,rt,8,,,,\n", ["alc_value"]),
        ("P1,-3,0,,,,,alc,1.5\nP1,0,1,rt,8,,,,\nP1,1,1,atra,0.27,,,,\n", ["drug_dose"]),
    ],
)  # fmt: skip
def test_improbable_numbers_are_refused_by_the_name_of_their_check(tmp_path, rows, checks):
    path = tmp_path / "t.csv"
    path.write_text(EVENTS + rows)
    with pytest.raises(BadInput) as caught:
        read_events(path)
    assert sorted({p.check for p in caught.value.problems}) == checks
    accepted = read_events(path, accept=dict.fromkeys(CHECKS, "checked"))
    assert set(checks) <= set(accepted.accepted)


def test_a_limit_in_cells_per_microlitre_does_not_censor_every_count(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV,LLOQ\nA,-1,0,,,alc,1.5,100\nA,0,1,rt,8,,,\n")
    with pytest.raises(BadInput, match=r"limit of quantification of lymphocyte counts, at most 3"):
        read_events(path)


def test_a_limit_far_below_all_counts_was_scaled_once_too_often(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "ID,TIME,EVID,CMT,AMT,DVID,DV,LLOQ\nA,-1,0,,,alc,1.5,0.0001\nA,7,0,,,alc,BLQ,0.0001\n"
    )
    assert asked(path) == ["alc_limit"]


@pytest.mark.parametrize("name", ["S01", "Contest", "TCGA-05", "0", "X", "Minna", "anon-7", "1234"])
def test_an_identifier_that_may_be_somebody_s_is_no_alarm(name):
    assert not names_no_patient(name)


def test_a_centre_in_another_unit_stands_out_among_the_centres(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{c}{n},{d},{e},{t},{a},{v},{c}\n"
            for c, scale in (("A", 1.0), ("B", 0.13), ("C", 1.1)) for n in range(3)
            for d, e, t, a, v in ((-1, 0, "", "", f"alc,{scale * (1.3 + n / 10):.3f}"),
                                  (0, 1, "rt", 8, ","))]  # fmt: skip
    path.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV,CENTRE\n" + "".join(rows))
    with pytest.raises(BadInput, match="`centre_median`"):
        read_events(path)


def asked(path) -> list[str]:
    """The checks for which a table is refused."""
    with pytest.raises(BadInput) as caught:
        read_events(path)
    return sorted({p.check for p in caught.value.problems})


@given(st.floats(1, 24), st.integers(1, 5))
@FIXED
def test_a_fraction_divided_by_100_once_too_often_is_refused(tmp_path, gray, count):
    """From 1 to 24 Gy, each as it is and as a hundredth; 0.5 Gy against inflammation passes."""
    path = tmp_path / "t.csv"
    rows = "P1,-3,0,,,,,alc,1.5\nP1,0,1,rt,{:.6g},1,{},,\n"
    path.write_text(EVENTS + rows.format(gray, count - 1))
    assert len(read_events(path).fractions) == count
    path.write_text(EVENTS + rows.format(gray / 100, count - 1))
    assert "fraction_dose" in asked(path)
    path.write_text(EVENTS + rows.format(0.5, 5))
    assert any("prescribed dose of one fraction" in w for w in read_events(path).warnings)


def test_what_is_improbable_is_said_beside_what_cannot_be_read(tmp_path):
    """One message: a cell that is no number, and what the other cells say of each other."""
    path = tmp_path / "t.csv"
    path.write_text(
        EVENTS.replace("DV\n", "DV,AGE\n")
        + "P1,-3,0,,,,,alc,l.5,61\nP1,0,1,rt,8,24,4,,,61\n"
        + "P2,-3,0,,,,,alc,1.4,610\nP2,0,1,rt,30,1,4,,,610\n"
        + "P3,-3,0,,,,,alc,1.4,58\nP3,0,1,rt,8 Gy,1,0,,,58\nP3,1,1,rt,8,,,,,58\n"
        + "P3,14,1,rt,8,,,,,58\n"
    )
    with pytest.raises(BadInput) as caught:
        read_events(path)
    reported = {(p.row, p.column, p.check) for p in caught.value.problems}
    assert reported == {
        (2, "DV", ""),
        (3, "II", "fraction_spacing"),
        (3, "II", "interval_in_hours"),
        (4, "AGE", ""),
        (5, "AMT", "total_dose"),
        (7, "AMT", ""),  # and nothing of the course of P3, of which a fraction is not known
    }


@given(st.sampled_from(["rt", "atra"]), st.sampled_from([6, 8, 12, 24, 48]), st.booleans(),
       st.integers(1, 3))  # fmt: skip
@FIXED
def test_an_interval_that_is_usual_in_hours_is_asked_for_with_both_readings(
    tmp_path, drug, hours, dated, more
):
    """II counts days, beside calendar dates too; hours for the whole table pass as they are."""
    path = tmp_path / "t.csv"
    times = ("2026-03-02", "2026-03-05T09:00") if dated else ("-3", "0")
    amount = 8 if drug == "rt" else 140
    rows = f"P1,{times[0]},0,,,,,alc,1.5\nP1,{times[1]},1,rt,8,,,,\n"
    repeated = f"P1,{times[1]},1,{drug},{amount},{{}},{more},,\n"
    rows = rows.replace(f"P1,{times[1]},1,rt,8,,,,\n", "") if drug == "rt" else rows
    path.write_text(EVENTS + rows + repeated.format(hours))
    with pytest.raises(BadInput) as caught:
        read_events(path)
    (reported,) = [p for p in caught.value.problems if p.check == "interval_in_hours"]
    assert f"every {hours} days, or every {hours} hours ({hours / 24:.4g} days)?" in reported.hint
    path.write_text(EVENTS + rows + repeated.format(f"{hours / 24:.9f}"))
    assert len(read_events(path)) == 1
    path.write_text(EVENTS + rows + repeated.format(7))
    assert len(read_events(path)) == 1


def test_doses_an_hour_apart_are_days_taken_for_hours(tmp_path):
    path = tmp_path / "t.csv"
    text = ("USUBJID,AFRLT,EVID,CMT,AMT,II,ADDL,DVID,DV\nA,-72,0,,,,,alc,1.5\nA,0,1,rt,8,,,,\n"
            "A,0,1,atra,140,{},2,,\n")  # fmt: skip
    path.write_text(text.format(24))
    assert read_events(path).doses["day"].tolist() == [0, 1, 2]
    path.write_text(text.format(1))
    assert asked(path) == ["dose_interval"]


@given(st.lists(st.integers(1, 10), min_size=3, max_size=6, unique=True))
@FIXED
def test_times_that_are_whole_days_in_hours_are_asked_for(tmp_path, days):
    path = tmp_path / "t.csv"
    head = EVENTS + "P1,0,0,,,,,alc,1.5\nP1,0,1,rt,8,,,,\n"
    path.write_text(head + "".join(f"P1,{24 * d},0,,,,,alc,1.1\n" for d in sorted(days)))
    assert asked(path) == ["times_in_hours"]
    path.write_text(head + "".join(f"P1,{7 * d},0,,,,,alc,1.1\n" for d in sorted(days)))
    assert read_events(path).warnings == ()


@pytest.mark.parametrize(("delay", "asks"), [("24", False), ("60", False), ("120", True)])
def test_a_delay_in_minutes_is_asked_for(tmp_path, delay, asks):
    path = tmp_path / "t.csv"
    path.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV,DELAY\nA,-1,0,,,alc,1.5,\nA,0,1,rt,8,,,\n"
                    f"A,7,0,,,mdsc,12,{delay}\n")  # fmt: skip
    if asks:
        with pytest.raises(BadInput, match=r"minutes\? 2"):
            read_events(path)
        return
    warned = [w for w in read_events(path).warnings if "processing a blood sample" in w]
    assert len(warned) == (delay == "60")


def test_levels_that_are_logarithms_are_asked_for(tmp_path):
    path = tmp_path / "t.csv"
    head = "ID,TIME,EVID,CMT,AMT,DVID,DV\nA,-1,0,,,alc,1.5\nA,0,1,rt,8,,\nA,0,1,atra,270,,\n"
    levels = (402.0, 310.0, 120.0, 44.0, 12.0)
    rows = "".join(f"A,{0.1 + n / 10:.1f},0,,,atra,{{{n}:.3f}}\n" for n in range(5))
    path.write_text(head + rows.format(*levels))
    assert read_events(path).warnings == ()
    path.write_text(head + rows.format(*map(math.log, levels)))
    assert asked(path) == ["atra_highest"]


@given(st.sampled_from(["ARM", "CENTRE"]),
       st.sampled_from([("SBRT", "sbrt"), ("Arm 1", "Arm 01"), ("A + B", "A+B")]))  # fmt: skip
@FIXED
def test_names_of_arms_and_centres_that_look_alike_are_asked_for(tmp_path, column, names):
    path = tmp_path / "t.csv"
    rows = "".join(f"P{n},-1,0,,,alc,1.5,{name}\nP{n},0,1,rt,8,,,{name}\n"
                   for n, name in enumerate((names[0], "other", names[0], names[1])))  # fmt: skip
    path.write_text(f"ID,TIME,EVID,CMT,AMT,DVID,DV,{column}\n{rows}")
    with pytest.raises(BadInput) as caught:
        read_events(path)
    (reported,) = caught.value.problems
    assert (reported.check, reported.row, reported.value) == ("similar_names", 8, names[1])
    assert f"the same as {names[0]}?" in reported.hint
    path.write_text(path.read_text().replace(names[1], names[0]))
    assert read_events(path).warnings == ()


@pytest.mark.parametrize(
    ("cell", "others"),
    [("l.5", {(3, "WEEK 2", "alc_value")}), ("1.450", set())],
)
def test_what_is_improbable_of_other_patients_is_said_with_what_cannot_be_read(
    tmp_path, cell, others
):
    """A sheet of which one cell is no number; nothing where a column has two readings."""
    table = f"Patient;Baseline;Week 2\nP1;{cell};0.91\nP2;1.400;28.5\nP3;1.600;1.1\n"
    mapping = WIDE.replace("/uL", "10^9/L")
    if cell == "l.5":
        mapping += '[format]\ndecimal = "."\n'
    with pytest.raises(BadInput) as caught:
        made(tmp_path, table, mapping)
    reported = {(p.row, p.column, p.check) for p in caught.value.problems}
    assert reported == {(2, "BASELINE", ""), *others}


def test_data_sets_of_a_study_are_compared_although_a_cell_cannot_be_read(tmp_path):
    pr = PR.replace("X-1,1,SBRT,RADIOTHERAPY,10,", "X-1,1,SBRT,RADIOTHERAPY,ten,")
    pr = pr.replace("X-2,2,SBRT,RADIOTHERAPY,10,", "X-2,2,SBRT,RADIOTHERAPY,0.1,")
    said = refused(tmp_path, "line 2: found ten", "line 8: found 0.1", "`fraction_dose`", pr=pr)
    assert said.count("line") == 2
