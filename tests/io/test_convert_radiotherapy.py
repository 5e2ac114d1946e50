"""What a row of radiotherapy means: a fraction or a course, of which study, day and lesion."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.io.cdisc_study import DAYS, DM, LB, PR, account, done, fractions, refused

SPARE = settings(max_examples=4)
COLUMNS = "USUBJID,PRSEQ,PRTRT,PRCAT,PRDOSE,PRDOSU,PRSTDTC,PRENDTC,PRLOC,PRDOSTOT,NFRACT\n"


def course(dose: object, total: object = "", number: object = "", start: str = DAYS[0],
           end: str = "", who: str = "X-1") -> str:  # fmt: skip
    cells = (who, 1, "SBRT", "RADIOTHERAPY", dose, "Gy", start, end, "LIVER", total, number)
    return ",".join(map(str, cells)) + "\n"


@pytest.mark.parametrize(
    ("category", "name", "date"),
    [
        ("PRIOR CANCER RADIOTHERAPY", "RADIOTHERAPY", "2025-05-06"),
        ("RADIOTHERAPY", "Previous radiation therapy", "2024"),
        ("Radiotherapy history", "SBRT", ""),
        ("SUBSEQUENT ANTI-CANCER RADIOTHERAPY", "SBRT", "2026-08-06"),
        ("RADIOTHERAPY", "Post-study palliative radiotherapy", "2026-07"),
    ],
)
def test_radiotherapy_of_another_course_is_left_out_and_reported(category, name, date, tmp_path):
    pr = PR + f"X-1,6,{name},{category},50,Gy,{date},BREAST\n"
    old = LB + "X-1,9,LYM,1.90,10^9/L,1.90,1.90,10^9/L,2025-10-27\n"
    conversion = done(tmp_path, pr=pr, lb=old)
    assert [day for day, _, _ in fractions(conversion)] == [0, 1, 2, 3, 4]
    assert conversion.cohort.patients["n_lesions"].tolist() == [1, 1]
    assert "not of the study" in account(conversion)


@pytest.mark.parametrize("date", ["2025-05-06", "2026-01-20", "2026-06-20"])
def test_fractions_far_from_the_study_treatment_are_asked_for(date, tmp_path):
    pr = PR + f"X-1,6,SBRT,RADIOTHERAPY,8,Gy,{date},BREAST\n"
    refused(tmp_path, "pr.csv", "line ", "PRSTDTC", "[radiotherapy] days", pr=pr)
    conversion = done(tmp_path, "[radiotherapy]\ndays = [-28, 60]", pr=pr)
    assert [day for day, _, _ in fractions(conversion)] == [0, 1, 2, 3, 4]
    assert "outside the days -28 to 60" in account(conversion)


@given(st.integers(-28, 28))
@SPARE
def test_a_course_near_the_start_of_treatment_is_that_of_the_study(tmp_path, days):
    start = f"2026-03-{2 + max(0, days):02d}" if days >= 0 else f"2026-02-{2 + 28 + days:02d}"
    dm = DM.replace("2026-03-02,2026-03-10,2026-03-02,1.8", f"{start},,{start},1.8")
    early = LB.replace("2026-02-27", "2026-01-02")
    assert len(fractions(done(tmp_path, dm=dm, lb=early))) == 5


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


@given(st.integers(1, 35), st.sampled_from([1.8, 2.0, 2.75, 5.0, 10.0]))
@SPARE
def test_a_course_keeps_its_total_and_stays_off_weekends(tmp_path, number, single):
    mapping = '[radiotherapy]\nrow = "course"\nfractions_column = "NFRACT"'
    rows = COLUMNS + course(round(number * single, 4), "", number)
    conversion = done(tmp_path, mapping + _all_accepted(), pr=rows)
    given_ = fractions(conversion)
    assert len(given_) == number
    assert sum(gray for _, gray, _ in given_) == pytest.approx(number * single, abs=1e-3)
    assert all(day % 7 < 5 for day, _, _ in given_)  # day 0 is a Monday


def _all_accepted() -> str:
    return '\n[accept]\ntotal_dose = "a test"\nfraction_count = "a test"\n'


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (course(50, 50, 5.5), "NFRACT"),
        (course(50, 50, 0), "NFRACT"),
        (course(10, 50, 4), "PRDOSTOT"),
        (course(50, 50, 5, end="2026-03-04"), "PRENDTC"),
        (course("", "", 5), "PRDOSE"),
        (course(50, 50, 5, end="2026-02-04"), "PRENDTC"),
    ],
)
def test_a_course_that_contradicts_itself_is_refused(row, word, tmp_path):
    mapping = '[radiotherapy]\nrow = "course"\nfractions_column = "NFRACT"'
    refused(tmp_path, "line 2", word, mapping=mapping, pr=COLUMNS + row)


def test_a_total_that_is_not_the_sum_of_the_fractions_is_refused(tmp_path):
    columns = PR.replace("PRLOC\n", "PRLOC,PRDOSTOT\n")
    rows = re.sub(r"LIVER\n", "LIVER,50\n", columns)
    assert len(fractions(done(tmp_path, pr=rows))) == 5
    refused(tmp_path, "PRDOSTOT", pr=rows.replace("LIVER,50", "LIVER,60"))


@pytest.mark.parametrize("column", ["PRENDTC", "PRDOSFRQ"])
def test_a_row_of_several_fractions_is_asked_for(column, tmp_path):
    cell = {"PRENDTC": "2026-03-06", "PRDOSFRQ": "BID"}[column]
    rows = f"USUBJID,PRTRT,PRDOSE,PRDOSU,PRSTDTC,{column}\nX-1,SBRT,10,Gy,2026-03-02,{cell}\n"
    refused(tmp_path, column, "one row per fraction", 'row = "course"', pr=rows)


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


@pytest.mark.parametrize(
    ("name", "dose", "out"),
    [
        ("Radiotherapy planning CT", "", True),
        ("Stereotactic biopsy", "", True),
        ("Sham radiotherapy", "10", True),
        ("Radiation dermatitis treatment", "0", True),
        ("Brachytherapy (radiotherapy)", "7", False),
        ("MRI-guided radiotherapy", "7", False),
        ("Photons", "7", False),
    ],
)
def test_what_only_looks_like_a_fraction_is_left_out_or_asked_for(name, dose, out, tmp_path):
    pr = PR + f"X-1,9,{name},PROCEDURE,{dose},Gy,2026-03-09,LIVER\n"
    if out:
        conversion = done(tmp_path, pr=pr)
        assert len(fractions(conversion)) == 5
        assert name in account(conversion)
        return
    refused(tmp_path, "line 12", "PRTRT", "[radiotherapy.treatments]", pr=pr)
    yes = done(tmp_path, f'[radiotherapy.treatments]\n"{name}" = "yes"', pr=pr)
    assert len(fractions(yes)) == 6
    no = done(tmp_path, f'[radiotherapy.treatments]\n"{name}" = "no"', pr=pr)
    assert len(fractions(no)) == 5


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


@pytest.mark.parametrize(
    ("word", "date"), [("Salvage SBRT", DAYS[4]), ("SBRT, previous plan", "2026-03-09")]
)
def test_a_word_of_another_course_on_a_day_of_the_study_is_asked_for(word, date, tmp_path):
    pr = PR + f'X-1,6,"{word}",RADIOTHERAPY,10,Gy,{date},SPINE\n'
    refused(tmp_path, "line 12", "PRSTDTC", word, "[radiotherapy.treatments]", pr=pr)
    for says, number in (("yes", 6), ("no", 5)):
        conversion = done(tmp_path, f'[radiotherapy.treatments]\n"{word}" = "{says}"', pr=pr)
        assert len(fractions(conversion)) == number
