"""What a row of drug exposure means: drug or placebo, route, frequency, end, amount."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.io.convert.mapping_defaults import DEFAULTS
from lymphokin.io.convert.treatment_names import INERT, OTHER, UNCLEAR, WANTED, Names, holds
from tests.io.cdisc_study import DM, EX_COLUMNS, account, done, doses, patients, problems, refused


def ex(treatment: str = "ATRA", amount: object = 140, unit: str = "mg", often: str = "BID",
       route: str = "ORAL", start: str = "2026-03-02", end: str = "2026-03-04",
       who: str = "X-1", number: int = 1) -> str:  # fmt: skip
    cells = (who, number, treatment, amount, unit, often, route, start, end)
    return ",".join(map(str, cells)) + "\n"


NAMES = Names.of(DEFAULTS["atra"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, INERT) for name in (
            "ATRA PLACEBO", "PLACEBO FOR TRETINOIN", "Placebo to match ATRA", "ATRA-PBO",
            "PLACEBO (TRETINOIN)", "TRETINOIN PLACEBO CAPSULE", "Double dummy ATRA", "ATRA plb")),
        *((name, OTHER) for name in (
            "PLACEBO", "ISOTRETINOIN", "ATRACURIUM", "ATRASENTAN", "ALITRETINOIN",
            "9-CIS-RETINOIC ACID", "DEXAMETHASONE")),
        *((name, WANTED) for name in (
            "ATRA", "Tretinoin (ATRA) capsules", "all-trans retinoic acid", "VESANOID 10 MG")),
        *((name, UNCLEAR) for name in ("ATRA/PLACEBO", "ATRA OR PBO", "Placebo + ATRA")),
    ],
)  # fmt: skip
def test_a_treatment_is_known_by_whole_words_of_its_name(name, kind):
    assert NAMES.kind(name) == kind


def test_a_placebo_and_another_drug_are_no_doses_and_are_listed(tmp_path):
    names = ("ATRA PLACEBO", "ISOTRETINOIN", "DEXAMETHASONE", "ATRA10")
    zero = ex("ATRA", 0) + ex("PLACEBO", 0)  # written so of a placebo, too
    conversion = done(tmp_path, ex=EX_COLUMNS + "".join(map(ex, names)) + zero)
    assert doses(conversion) == []
    text = account(conversion)
    assert "dropped 1: a placebo, not ATRA: ATRA PLACEBO (rows 2)" in text
    assert "another treatment than ATRA: ATRA10, DEXAMETHASONE, ISOTRETINOIN" in text
    assert "dropped 1: a dose of 0 (rows 6)" in text
    assert "PLACEBO (rows 3, 4, 5, 7)" in text
    assert "ATRA10, ISOTRETINOIN taken as another drug" in text


def test_a_treatment_that_was_not_given_is_no_dose(tmp_path):
    names = ("ATRA HELD", "ATRA - not given", "Tretinoin (omitted)")
    found = problems(tmp_path, ex=EX_COLUMNS + "".join(map(ex, names)))
    assert set(found) == {("ex.csv", row, "EXTRT", name) for row, name in enumerate(names, start=2)}
    assert all("[atra.treatments]" in expected for expected in found.values()), found
    conversion = done(tmp_path, ex=EX_COLUMNS + "".join(ex(name, amount="") for name in names))
    assert doses(conversion) == []
    assert f"dropped 3: not given: {', '.join(sorted(names))} (rows 2, 3, 4)" in account(conversion)


def test_a_name_of_both_drug_and_placebo_is_asked_for(tmp_path):
    names = ("ATRA/PLACEBO", "ATRA OR PBO")
    rows = EX_COLUMNS + ex(names[0], who="X-1") + ex(names[1], who="X-2")
    found = problems(tmp_path, ex=rows)
    assert set(found) == {("ex.csv", 2, "EXTRT", names[0]), ("ex.csv", 3, "EXTRT", names[1])}
    assert all("[atra.treatments]" in expected for expected in found.values()), found
    stated = f'[atra.treatments]\n"{names[0]}" = "yes"\n"{names[1]}" = "placebo"'
    conversion = done(tmp_path, stated, ex=rows)
    assert len(doses(conversion, "X-1")) == 6
    assert doses(conversion, "X-2") == []


words = st.text(st.characters(categories=("L",), max_codepoint=0x17F), min_size=1, max_size=6)


@given(words, words, st.sampled_from(["ATRA", "tretinoin", "all-trans retinoic acid"]))
def test_names_are_found_as_whole_words_and_never_inside_others(before, after, name):
    names = ["ATRA", "TRETINOIN", "ALL-TRANS RETINOIC ACID"]
    assert holds(f"{before} {name}; {after}", names)
    inside = f"{before}{name}{after}".replace(" ", "x").replace("-", "x")
    assert not holds(inside, names)


def test_what_is_not_taken_by_mouth_is_left_out_and_reported(tmp_path):
    rows = ex("TRETINOIN", route="TOPICAL") + ex("TRETINOIN", route="CUTANEOUS")
    rows += ex("TRETINOIN CREAM 0.05 %", route="")
    conversion = done(tmp_path, ex=EX_COLUMNS + rows)
    assert doses(conversion) == []
    reported = "not taken by mouth:  | TRETINOIN CREAM 0.05 %, CUTANEOUS, TOPICAL (rows 2, 3, 4)"
    assert reported in account(conversion)


def test_a_cream_that_is_said_to_be_swallowed_is_asked_for(tmp_path):
    refused(tmp_path, "EXROUTE", "line 2: found ORAL", ex=EX_COLUMNS + ex("TRETINOIN CREAM"))


def test_another_route_is_asked_for_and_none_is_assumed_and_reported(tmp_path):
    rows = EX_COLUMNS + ex(route="INTRAVENOUS", who="X-1") + ex(route="", who="X-2")
    found = problems(tmp_path, ex=rows)
    assert set(found) == {("ex.csv", 2, "EXROUTE", "INTRAVENOUS")}
    assert "[atra] routes" in found["ex.csv", 2, "EXROUTE", "INTRAVENOUS"]
    conversion = done(tmp_path, '[atra]\nroutes = ["INTRAVENOUS"]', ex=rows)
    assert len(doses(conversion, "X-1")) == len(doses(conversion, "X-2")) == 6
    assert "the route is not stated: taken as oral (rows 3)" in account(conversion)


def test_amounts_per_body_surface_are_multiplied_with_that_of_each_patient(tmp_path):
    rows = "".join(
        ex("ATRA", 150, "mg/m2", "QD", end="2026-03-02", who=who) for who in ("X-1", "X-2")
    )
    conversion = done(tmp_path, ex=EX_COLUMNS + rows)
    assert doses(conversion, "X-1") == [(0, pytest.approx(270))]
    assert doses(conversion, "X-2") == [(0, pytest.approx(300))]
    assert "mg/m2 times the body surface area" in account(conversion)


def test_amounts_per_body_surface_need_one_in_m2(tmp_path):
    study = patients(3)
    study["dm"] = study["dm"].replace(",2.0\n", ",{}\n").format("", "180", "0.18")
    rows = "".join(ex("ATRA", 150, "mg/m2", who=f"X-{n}") for n in (1, 2, 3))
    found = problems(tmp_path, **study, ex=EX_COLUMNS + rows)
    assert "the body surface area of the subject" in found["ex.csv", 2, "EXDOSU", "mg/m2"]
    assert "0.2 to 4 m2" in found["dm.csv", 3, "BSABL", "180"]
    assert "0.2 to 4 m2" in found["dm.csv", 4, "BSABL", "0.18"]


def days_of(folder, *periods: str) -> list[list[float]]:
    """Days of the doses of each row of exposure, which is that of a patient of its own."""
    rows = (re.sub("^X-1", f"X-{n}", row) for n, row in enumerate(periods, start=1))
    conversion = done(folder, **patients(len(periods)), ex=EX_COLUMNS + "".join(rows))
    every = [doses(conversion, f"X-{n}") for n in range(1, len(periods) + 1)]
    return [[day for day, _ in of_one] for of_one in every]


def test_a_frequency_spaces_the_doses_of_a_period(tmp_path):
    cases = {
        "QD": [0, 1, 2],
        "BID": [0, 0.5, 1, 1.5, 2, 2.5],
        "QOD": [0, 2],
        "QW": [0],
        "Q8H": [n / 3 for n in range(9)],
    }
    every = days_of(tmp_path, *(ex(often=often) for often in cases))
    for days, (often, expected) in zip(every, cases.items(), strict=True):
        assert days == pytest.approx(expected, abs=1e-4), often


def test_a_period_without_a_frequency_that_is_understood_is_asked_for(tmp_path):
    cases = ("", "PRN", "ONCE", "2/day")
    found = problems(tmp_path, ex=EX_COLUMNS + "".join(ex(often=often) for often in cases))
    for row, often in enumerate(cases, start=2):
        assert ("ex.csv", row, "EXDOSFRQ", often) in found, often


def test_a_frequency_left_blank_is_that_of_the_mapping(tmp_path):
    conversion = done(tmp_path, '[atra]\nfrequency = "QD"', ex=EX_COLUMNS + ex(often=""))
    assert len(doses(conversion)) == 3
    assert "no frequency: taken as QD" in account(conversion)


def test_clock_times_of_start_and_end_count_the_doses_between(tmp_path):
    cases = (
        ("2026-03-02T20:00", "2026-03-04T08:00", "BID", 4),  # evening to morning
        ("2026-03-02T08:00", "2026-03-04T20:00", "BID", 6),
        ("2026-03-02T09:00", "2026-03-04T08:30", "QD", 3),  # the last a little early
        ("2026-03-02T00:00", "2026-03-04T23:59", "QD", 3),  # imputed clocks
        ("2026-03-02T08:00", "2026-03-04", "BID", 6),
    )
    rows = (ex(start=start, end=end, often=often) for start, end, often, _ in cases)
    for days, case in zip(days_of(tmp_path, *rows), cases, strict=True):
        assert len(days) == case[-1], case


def test_an_open_end_is_asked_for_and_may_be_the_last_exposure(tmp_path):
    rows = EX_COLUMNS + ex(end="")
    refused(tmp_path, "ex.csv", "line 2", "EXENDTC", "[atra] open_end", ex=rows)
    one = done(tmp_path, '[atra]\nopen_end = "single_day"', ex=rows)
    assert [day for day, _ in doses(one)] == [0, 0.5]
    last = done(tmp_path, '[atra]\nopen_end = "last_exposure"', ex=rows)
    assert len(doses(last)) == 2 * 9  # to 2026-03-10, RFXENDTC
    assert "no end of the period" in account(last)
    without = DM.replace("2026-03-10", "")
    refused(tmp_path, "RFXENDTC", mapping='[atra]\nopen_end = "last_exposure"', ex=rows, dm=without)


def test_the_duration_of_a_period_is_an_end(tmp_path):
    columns = EX_COLUMNS.strip() + ",EXDUR\n"
    conversion = done(tmp_path, ex=columns + ex(end="").strip() + ",P1W\n")
    assert len(doses(conversion)) == 14


def test_a_row_without_end_and_frequency_is_a_single_dose_and_reported(tmp_path):
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(often="", end=""))
    assert doses(conversion) == [(0, 140)]
    assert "taken as a single dose" in account(conversion)


def test_a_total_of_the_day_is_compared_with_the_single_doses(tmp_path):
    columns = EX_COLUMNS.strip() + ",EXDOSTOT\n"

    def row(who, amount, total):
        return ex(amount=amount, who=who).strip() + f",{total}\n"

    conversion = done(tmp_path, ex=columns + row("X-1", 140, 280) + row("X-2", "", 280))
    assert doses(conversion, "X-1")[0] == (0, 140)
    assert doses(conversion, "X-2")[0] == (0, 140)
    twice = columns + row("X-1", 280, 280)
    refused(tmp_path, "EXDOSTOT", "dose of a day or a single one", ex=twice)


def test_a_unit_of_capsules_is_what_the_mapping_says(tmp_path):
    rows = EX_COLUMNS + ex(amount=14, unit="CAPSULE")
    refused(tmp_path, "EXDOSU", "CAPSULE", '[atra.units] CAPSULE = "10 mg"', ex=rows)
    conversion = done(tmp_path, '[atra.units]\nCapsule = "10 mg"', ex=rows)
    assert doses(conversion)[0] == (0, 140)


def test_an_amount_in_another_unit_is_refused(tmp_path):
    units = ("mg/m2/week", "mg/kg", "mL", "")  # the weight of nobody is stated
    found = problems(tmp_path, ex=EX_COLUMNS + "".join(ex(unit=unit) for unit in units))
    for row, unit in enumerate(units, start=2):
        assert ("ex.csv", row, "EXDOSU", unit) in found, unit


OFTEN = {"QD": 1, "BID": 2, "TID": 3, "Q6H": 4}


def test_an_amount_a_day_or_per_body_is_what_one_dose_holds(tmp_path):
    """mg, mg/m2, mg/kg, each once or a day, are the same milligrams for every patient."""
    cases = list(product(OFTEN, ("mg", "g", "mcg"), ("", "/m2", "/kg"), (False, True)))
    study = patients(len(cases))
    bodies = [(1.5 + n / 100, 50.0 + n) for n in range(len(cases))]
    blank = study["dm"].replace("BSABL", "BSABL,WEIGHTBL").replace(",2.0\n", ",{:.2f},{:.0f}\n")
    study["dm"] = blank.format(*(size for body in bodies for size in body))
    rows = ""
    for n, ((often, mg, per, a_day), (area, weight)) in enumerate(
        zip(cases, bodies, strict=True), start=1
    ):
        size = {"": 1, "/m2": area, "/kg": weight}[per]
        single = {"mg": 1, "g": 1000, "mcg": 0.001}[mg] * size / (OFTEN[often] if a_day else 1)
        unit = mg + per + "/day" * a_day
        rows += ex("ATRA", f"{(40 + n) / single:.9f}", unit, often, who=f"X-{n}")
    conversion = done(tmp_path, **study, ex=EX_COLUMNS + rows)
    for n, case in enumerate(cases, start=1):
        a_day = OFTEN[case[0]]
        expected = [(pytest.approx(k / a_day, abs=1e-4), pytest.approx(40 + n, rel=1e-6))
                    for k in range(3 * a_day)]  # fmt: skip
        assert doses(conversion, f"X-{n}") == expected, case
    divided = "the amount of a day (EXDOSU) divided by the doses of the day"
    assert divided in account(conversion)


def test_an_amount_a_day_needs_a_dose_on_every_day(tmp_path):
    rows = EX_COLUMNS + ex("ATRA", 140, "mg/day", "QOD")
    refused(tmp_path, "EXDOSFRQ", "a dose on every day", ex=rows)


def test_an_amount_per_kilogram_needs_a_weight_in_kilograms(tmp_path):
    study = patients(3)
    weights = study["dm"].replace("BSABL", "BSABL,WEIGHTBL").replace(",2.0\n", ",2.0,{}\n")
    study["dm"] = weights.format("", "7", "72000")
    rows = "".join(ex("ATRA", 2, "mg/kg", who=f"X-{n}") for n in (1, 2, 3))
    found = problems(tmp_path, **study, ex=EX_COLUMNS + rows)
    assert "WEIGHTBL" in found["ex.csv", 2, "EXDOSU", "mg/kg"]
    assert "`body_weight`" in found["dm.csv", 3, "WEIGHTBL", "7"]
    assert "400 kg" in found["dm.csv", 4, "WEIGHTBL", "72000"]


def test_two_rows_of_one_time_are_strengths_or_repeats_as_the_mapping_says(tmp_path):
    rows = EX_COLUMNS + ex(amount=100) + ex(amount=40, number=2)
    refused(tmp_path, "EXSTDTC", "[atra] same_time", ex=rows)
    added = done(tmp_path, '[atra]\nsame_time = "add"', ex=rows)
    assert doses(added) == [(n / 2, 140) for n in range(6)]
    first = done(tmp_path, '[atra]\nsame_time = "first"', ex=rows)
    assert doses(first) == [(n / 2, 100) for n in range(6)]


def test_rows_that_differ_in_their_sequence_number_are_not_repeats(tmp_path):
    refused(tmp_path, "[atra] same_time", ex=EX_COLUMNS + ex(number=1) + ex(number=2))
    same = done(tmp_path, ex=EX_COLUMNS + ex(number=1) + ex(number=1))
    assert len(doses(same)) == 6
    assert "the same in every column" in account(same)
    columns = EX_COLUMNS.replace("EXSEQ,", "")
    bare = re.sub(r"^X-1,1,", "X-1,", ex())
    assert "without EXSEQ" in account(done(tmp_path, ex=columns + bare + bare))


def test_drug_in_a_placebo_arm_is_refused_and_none_in_a_drug_arm_is_reported(tmp_path):
    arms = DM.replace("X-1,SBRT,", "X-1,SBRT + placebo,").replace("X-2,SBRT,", "X-2,SBRT + ATRA,")
    refused(tmp_path, "ex.csv", "arm SBRT + placebo", ex=EX_COLUMNS + ex(), dm=arms)
    reported = account(done(tmp_path, ex=EX_COLUMNS + ex("ATRA PLACEBO"), dm=arms))
    assert "1 subject(s) of an arm with ATRA have no dose of it: X-2" in reported


PC = "USUBJID,PCTESTCD,PCORRES,PCORRESU,PCSTRESN,PCSTRESU,PCSPEC,PCDTC\n"


def test_a_level_needs_a_clock_time_and_doses_without_one_are_reported(tmp_path):
    pc = (
        PC
        + "X-1,TRETIN,412,ng/mL,412,ng/mL,PLASMA,2026-03-02\n"
        + (
            "X-1,TRETIN,203,ng/mL,203,ng/mL,PLASMA,2026-03-03T11:00\n"
            "X-1,TRETIN,9,ng/mL,9,ng/mL,URINE,2026-03-03T12:00\n"
        )
    )
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(), pc=pc)
    levels = conversion.cohort.observations.query("quantity == 'atra'")
    assert levels["value"].tolist() == [203]
    reported = account(conversion)
    assert "a level without a clock time" in reported
    assert "not a specimen of plasma: URINE" in reported
    assert "no clock time: doses counted from midnight of the day" in reported
