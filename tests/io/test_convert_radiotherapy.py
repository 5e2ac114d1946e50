"""What a row of radiotherapy means: a fraction or a course, of which study, day and lesion."""

import re
from datetime import date, timedelta
from itertools import cycle

import pytest

from tests.io.cdisc_study import (
    DAYS,
    LB,
    PR,
    account,
    done,
    fractions,
    patients,
    problems,
    refused,
)

COLUMNS = "USUBJID,PRSEQ,PRTRT,PRCAT,PRDOSE,PRDOSU,PRSTDTC,PRENDTC,PRLOC,PRDOSTOT,NFRACT\n"


def course(dose: object, total: object = "", number: object = "", start: str = DAYS[0],
           end: str = "", who: str = "X-1") -> str:  # fmt: skip
    cells = (who, 1, "SBRT", "RADIOTHERAPY", dose, "Gy", start, end, "LIVER", total, number)
    return ",".join(map(str, cells)) + "\n"


def test_radiotherapy_of_another_course_is_left_out_and_reported(tmp_path):
    earlier = (
        ("RADIOTHERAPY", "PRIOR CANCER RADIOTHERAPY", "2025-05-06"),
        ("Previous radiation therapy", "RADIOTHERAPY", "2024"),
        ("SBRT", "Radiotherapy history", ""),
    )
    later = (
        ("SBRT", "SUBSEQUENT ANTI-CANCER RADIOTHERAPY", "2026-08-06"),
        ("Post-study palliative radiotherapy", "RADIOTHERAPY", "2026-07"),
    )
    pr = PR + "".join(f"X-1,6,{name},{category},50,Gy,{day},BREAST\n"
                      for name, category, day in earlier + later)  # fmt: skip
    old = LB + "X-1,9,LYM,1.90,10^9/L,1.90,1.90,10^9/L,2025-10-27\n"
    conversion = done(tmp_path, pr=pr, lb=old)
    assert [day for day, _, _ in fractions(conversion)] == [0, 1, 2, 3, 4]
    assert conversion.cohort.patients["n_lesions"].tolist() == [1, 1]
    reported = account(conversion)
    assert ("earlier radiotherapy, not of the study: PRIOR CANCER RADIOTHERAPY, Previous radiation "
            "therapy, Radiotherapy history (rows 12, 13, 14)") in reported  # fmt: skip
    assert ("later radiotherapy, not of the study: Post-study palliative radiotherapy, SUBSEQUENT "
            "ANTI-CANCER RADIOTHERAPY (rows 15, 16)") in reported  # fmt: skip


def test_fractions_far_from_the_study_treatment_are_asked_for(tmp_path):
    study = patients(3)  # whose fractions stand in lines 2 to 16
    cases = ("2025-05-06", "2026-01-20", "2026-06-20")
    for who, day in enumerate(cases, start=1):
        study["pr"] += f"X-{who},6,SBRT,RADIOTHERAPY,8,Gy,{day},BREAST\n"
    found = problems(tmp_path, **study)
    far = {("pr.csv", row, "PRSTDTC", day) for row, day in enumerate(cases, start=17)}
    before_the_pause = ("pr.csv", 2, "PRSTDTC", DAYS[0])
    assert set(found) == far | {before_the_pause}
    assert all("[radiotherapy] days" in expected for expected in found.values()), found
    conversion = done(tmp_path, "[radiotherapy]\ndays = [-28, 60]", **study)
    for who in ("X-1", "X-2", "X-3"):
        assert [day for day, _, _ in fractions(conversion, who)] == [0, 1, 2, 3, 4], who
    assert "outside the days -28 to 60 of the mapping (rows 17, 18, 19)" in account(conversion)


def test_a_course_near_the_start_of_treatment_is_that_of_the_study(tmp_path):
    cases = (-28, -27, -1, 0, 1, 27, 28)  # days from the first fraction to the start of treatment
    study = patients(len(cases))
    starts = [str(date.fromisoformat(DAYS[0]) + timedelta(days)) for days in cases]
    dates = "2026-03-02,2026-03-10,2026-03-02"
    study["dm"] = study["dm"].replace(dates, "{0},,{0}")
    for start in starts:
        study["dm"] = study["dm"].replace("{0},,{0}", f"{start},,{start}", 1)
    study["lb"] = study["lb"].replace("2026-02-27", "2026-01-02")
    conversion = done(tmp_path, **study)
    for who, days in enumerate(cases, start=1):
        assert len(fractions(conversion, f"X-{who}")) == 5, days


def test_the_dose_of_a_whole_course_is_not_one_fraction(tmp_path):
    rows = COLUMNS + course(50, 50) + course(50, 50, who="X-2")
    refused(tmp_path, "pr.csv", "line 2", "PRDOSE", "the total of a course?", pr=rows)
    refused(tmp_path, "the total of a course?", pr=COLUMNS + course(20) + course(20, who="X-2"))
    one = done(tmp_path, '[radiotherapy]\nrow = "fraction"', pr=rows.replace(",50,", ",25,"))
    assert fractions(one) == [(0, 25, 1)]
    refused(tmp_path, "number of fractions", mapping='[radiotherapy]\nrow = "course"', pr=rows)
    five = done(tmp_path, '[radiotherapy]\nrow = "course"\nfractions = 5', pr=rows)
    assert fractions(five) == [(n, 10, 1) for n in range(5)]
    assert "laid out daily on weekdays" in account(five)


def test_a_large_dose_that_stands_alone_among_smaller_ones_is_asked_for(tmp_path):
    others = "".join(line + "\n" for line in PR.splitlines() if not line.startswith("X-1"))
    refused(
        tmp_path, "the total of a course?", pr=others + "X-1,1,SBRT,RT,50,Gy,2026-03-02,LIVER\n"
    )
    alike = done(tmp_path, pr=others + "X-1,1,SBRT,RT,12,Gy,2026-03-02,LIVER\n")
    assert fractions(alike) == [(0, 12, 1)]


@pytest.mark.parametrize("dose", ["8", "1.5"])
def test_a_usual_single_fraction_is_not_asked_for(dose, tmp_path):
    rows = COLUMNS + course(dose) + course(dose, who="X-2")
    assert fractions(done(tmp_path, pr=rows)) == [(0, float(dose), 1)]


def test_courses_are_laid_out_over_the_weekdays_up_to_their_end(tmp_path):
    mapping = '[radiotherapy]\nrow = "course"\nfractions_column = "nfract"'
    rows = COLUMNS + course(30, "", 3, end="2026-03-06") + course(10, 50, 5, "2026-03-05",
                                                                  "2026-03-11", "X-2")  # fmt: skip
    conversion = done(tmp_path, mapping, pr=rows)
    assert fractions(conversion) == [(0, 10, 1), (2, 10, 1), (4, 10, 1)]
    assert fractions(conversion, "X-2") == [(d, 10, 1) for d in (0, 1, 4, 5, 6)]  # no weekend
    reported = account(conversion)
    assert "a course laid out evenly over the weekdays up to its end" in reported


LAID_OUT = '[radiotherapy]\nrow = "course"\nfractions_column = "NFRACT"'


def test_a_course_keeps_its_total_and_stays_off_weekends(tmp_path):
    cases = list(zip(range(1, 36), cycle([1.8, 2.0, 2.75, 5.0, 10.0, 12.5]), strict=False))
    accepted = '\n[accept]\ntotal_dose = "a test"\nfraction_count = "a test"\n'
    study = patients(len(cases))
    study["pr"] = COLUMNS + "".join(course(round(number * single, 4), "", number, who=f"X-{number}")
                                    for number, single in cases)  # fmt: skip
    conversion = done(tmp_path, LAID_OUT + accepted, **study)
    for number, single in cases:
        given = fractions(conversion, f"X-{number}")
        assert len(given) == number
        total = sum(gray for _, gray, _ in given)
        assert total == pytest.approx(number * single, abs=1e-3), (number, single)
        assert all(day % 7 < 5 for day, _, _ in given), number  # day 0 is a Monday


def test_a_course_that_contradicts_itself_is_refused(tmp_path):
    cases = (
        (course(50, 50, 5.5, who="X-1"), "NFRACT", "5.5"),
        (course(50, 50, 0, who="X-2"), "NFRACT", "0"),
        (course(10, 50, 4, who="X-3"), "PRDOSTOT", "50"),
        (course(50, 50, 5, end="2026-03-04", who="X-4"), "PRENDTC", "2026-03-04"),
        (course("", "", 5, who="X-5"), "PRDOSE", ""),
        (course(50, 50, 5, end="2026-02-04", who="X-6"), "PRENDTC", "2026-02-04"),
    )
    study = patients(len(cases)) | {"pr": COLUMNS + "".join(row for row, _, _ in cases)}
    found = problems(tmp_path, LAID_OUT, **study)
    assert set(found) == {("pr.csv", line, column, value)
                          for line, (_, column, value) in enumerate(cases, start=2)}  # fmt: skip
    assert "not before the start" in found["pr.csv", 7, "PRENDTC", "2026-02-04"]


def test_a_total_that_is_not_the_sum_of_the_fractions_is_refused(tmp_path):
    columns = PR.replace("PRLOC\n", "PRLOC,PRDOSTOT\n")
    rows = re.sub(r"LIVER\n", "LIVER,50\n", columns)
    assert len(fractions(done(tmp_path, pr=rows))) == 5
    refused(tmp_path, "PRDOSTOT", pr=rows.replace("LIVER,50", "LIVER,60"))


def test_a_row_of_several_fractions_is_asked_for(tmp_path):
    rows = "USUBJID,PRTRT,PRDOSE,PRDOSU,PRSTDTC,PRENDTC,PRDOSFRQ\n"
    rows += "X-1,SBRT,10,Gy,2026-03-02,2026-03-06,\nX-2,SBRT,10,Gy,2026-03-02,,BID\n"
    found = problems(tmp_path, pr=rows)
    for place in (("pr.csv", 2, "PRENDTC", "2026-03-06"), ("pr.csv", 3, "PRDOSFRQ", "BID")):
        assert "one row per fraction" in found[place]
        assert 'row = "course"' in found[place]


def test_two_fractions_of_one_day_are_lesions_twice_a_day_or_repeats(tmp_path):
    head = "USUBJID,PRSEQ,PRTRT,PRDOSE,PRDOSU,PRSTDTC\n"
    rows = "".join(f"X-1,{n},SBRT,10,Gy,{DAYS[n // 2]}\n" for n in range(6))
    refused(tmp_path, "line 2", "PRSTDTC", "[radiotherapy] same_day", pr=head + rows)
    lesions = done(tmp_path, '[radiotherapy]\nsame_day = "lesions"', pr=head + rows)
    assert fractions(lesions) == [(d, 10, k) for d in range(3) for k in (1, 2)]
    assert lesions.cohort.patients.loc["X-1", "n_lesions"] == 2
    twice = done(tmp_path, '[radiotherapy]\nsame_day = "twice_a_day"', pr=head + rows)
    assert [d for d, _, _ in fractions(twice)] == [0, 0.25, 1, 1.25, 2, 2.25]
    assert "6 h after the first" in account(twice)
    first = done(tmp_path, '[radiotherapy]\nsame_day = "first"', pr=head + rows)
    assert [d for d, _, _ in fractions(first)] == [0, 1, 2]


def test_locations_and_clock_times_tell_fractions_of_a_day_apart(tmp_path):
    head = "USUBJID,PRSEQ,PRTRT,PRDOSE,PRDOSU,PRSTDTC,PRLOC\n"
    two = "X-1,1,SBRT,10,Gy,2026-03-02,LIVER\nX-1,2,SBRT,10,Gy,2026-03-02,SPINE\n"
    conversion = done(tmp_path, '[radiotherapy]\nrow = "fraction"', pr=head + two)
    assert fractions(conversion) == [(0, 10, 1), (0, 10, 2)]
    assert conversion.cohort.patients.loc["X-1", "site"] == "liver+spine"
    clocks = "".join(f"X-1,{h},SBRT,150,cGy,2026-03-02T{h}:00,LIVER\n" for h in ("08", "15"))
    bid = fractions(done(tmp_path, pr=head + clocks))
    assert [gray for _, gray, _ in bid] == [1.5, 1.5]
    assert [day for day, _, _ in bid] == pytest.approx([8 / 24, 15 / 24], abs=1e-4)


def procedures(*cases: tuple[str, str]) -> str:
    """PR with further rows of a name and a dose, from line 12, on days of their own."""
    return PR + "".join(f"X-1,9,{name},PROCEDURE,{dose},Gy,2026-03-{day:02d},LIVER\n"
                        for day, (name, dose) in enumerate(cases, start=9))  # fmt: skip


def test_what_only_looks_like_a_fraction_is_left_out(tmp_path):
    cases = (("Radiotherapy planning CT", ""), ("Stereotactic biopsy", ""),
             ("Radiation dermatitis treatment", "0"), ("Sham radiotherapy", "10"))  # fmt: skip
    conversion = done(tmp_path, pr=procedures(*cases))
    assert len(fractions(conversion)) == 5
    left_out = [e for e in conversion.account.entries if e.what == "dropped"]
    assert [(e.rows, e.why.partition(":")[0]) for e in left_out] == [
        ((15,), "sham radiotherapy"), ((12, 13, 14), "no radiotherapy fraction")]  # fmt: skip
    for name, _ in cases:
        assert name in account(conversion)


def test_what_may_be_a_fraction_is_asked_for(tmp_path):
    names = ("Brachytherapy (radiotherapy)", "MRI-guided radiotherapy", "Photons")
    pr = procedures(*((name, "7") for name in names))
    found = problems(tmp_path, pr=pr)
    assert set(found) == {("pr.csv", row, "PRTRT", name)
                          for row, name in enumerate(names, start=12)}  # fmt: skip
    assert all("[radiotherapy.treatments]" in expected for expected in found.values()), found
    for says, days in (("yes", [7, 8, 9]), ("no", [])):
        stated = "".join(f'"{name}" = "{says}"\n' for name in names)
        conversion = done(tmp_path, f"[radiotherapy.treatments]\n{stated}", pr=pr)
        assert [day for day, _, _ in fractions(conversion)] == [0, 1, 2, 3, 4, *days], says


def test_a_fraction_of_0_gray_was_not_given(tmp_path):
    conversion = done(tmp_path, pr=PR + "X-1,6,SBRT,RADIOTHERAPY,0,Gy,2026-03-09,LIVER\n")
    assert len(fractions(conversion)) == 5
    assert "a dose of 0" in account(conversion)


def test_radiotherapy_among_the_exposures_is_read_but_not_twice(tmp_path):
    as_exposure = re.sub(r"\bPR", "EX", PR)
    conversion = done(tmp_path, pr=None, ex=as_exposure)
    assert fractions(conversion) == [(n, 10, 1) for n in range(5)]
    refused(tmp_path, "fractions of a subject in one data set", ex=as_exposure)


def test_a_patient_without_a_count_before_the_first_fraction_is_named_with_the_row(tmp_path):
    late = LB.replace("X-1,1,LYM,1.42,10^9/L,1.42,1.42,10^9/L,2026-02-27", "X-1,1,WBC,,,,,,")
    refused(tmp_path, "pr.csv", "line 2", "X-1", "before the first fraction", lb=late)
    left = done(tmp_path, '[subject]\nexclude = ["X-1"]', lb=late)
    assert list(left.cohort.patients.index) == ["X-2"]


def test_a_word_of_another_course_on_a_day_of_the_study_is_asked_for(tmp_path):
    cases = (("Salvage SBRT", DAYS[4]), ("SBRT, previous plan", "2026-03-09"))
    pr = PR + "".join(f'X-{who},6,"{word}",RADIOTHERAPY,10,Gy,{day},SPINE\n'
                      for who, (word, day) in enumerate(cases, start=1))  # fmt: skip
    found = problems(tmp_path, pr=pr)
    assert len(found) == len(cases)
    for row, (word, day) in enumerate(cases, start=12):
        assert word in found["pr.csv", row, "PRSTDTC", day]
        assert "[radiotherapy.treatments]" in found["pr.csv", row, "PRSTDTC", day]
    for says, number in (("yes", 6), ("no", 5)):
        stated = "".join(f'"{word}" = "{says}"\n' for word, _ in cases)
        conversion = done(tmp_path, f"[radiotherapy.treatments]\n{stated}", pr=pr)
        for who, (word, _) in enumerate(cases, start=1):
            assert len(fractions(conversion, f"X-{who}")) == number, (word, says)
