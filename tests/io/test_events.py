"""Reading event tables: what they mean, and every way they can be wrong."""

import math
import re

import pytest

from lymphokin.io import BadInput, Cohort, read_events

HEADER = "ID,TIME,EVID,CMT,AMT,II,ADDL,DVID,DV,LLOQ,SITE,LESION,TUBE"
BASELINE = "A,-3,0,,,,,alc,1.4,,liver,,"
FRACTION = "A,0,1,rt,10,,,,,,liver,,"
GOOD = [BASELINE, FRACTION]


@pytest.fixture
def read(tmp_path):
    """Read a table given as rows below HEADER, or as a whole text or bytes."""

    def read_table(content, mapping=None) -> Cohort:
        if isinstance(content, list):
            content = "\n".join([HEADER, *content]) + "\n"
        path = tmp_path / "trial.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_events(path, mapping)

    return read_table


@pytest.fixture
def problems(read):
    """The problems of a table, which must have some."""

    def problems_of(content, mapping=None):
        with pytest.raises(BadInput) as caught:
            read(content, mapping)
        return caught.value.problems

    return problems_of


# What a table means


def test_comments_case_and_order_of_columns_do_not_matter(read):
    cohort = read(
        "# A SYNTHETIC trial, nobody real\n\n"
        "dv,dvid,amt,cmt,evid,time,id,Arm\n1.4,ALC,,,0,-3,A,x\n,,10,RT,1,0,A,x\n"
    )
    assert cohort.synthetic
    assert cohort.observations["row"].tolist() == [4]
    assert cohort.patients.loc["A", "arm"] == "x"
    assert cohort.fractions["prescribed_gy"].tolist() == [10]


def test_additional_doses_are_unfolded(read):
    cohort = read([BASELINE, "A,0,1,rt,10,1,4,,,,liver,2,", "A,0.1,1,atra,270,21,3,,,,liver,,"])
    assert cohort.fractions["day"].tolist() == [0, 1, 2, 3, 4]
    assert set(cohort.fractions["lesion"]) == {2}
    assert cohort.doses["day"].tolist() == pytest.approx([0.1, 21.1, 42.1, 63.1])


@pytest.mark.parametrize(
    ("dv", "lloq", "value", "censored"),
    [
        ("0.7", "0.05", 0.7, False),
        ("0.05", "0.05", 0.05, False),
        ("0.01", "0.05", 0.05, True),
        ("0", "0.05", 0.05, True),
        ("<0.1", "0.05", 0.1, True),
        ("< 0.1", "", 0.1, True),
        ("", "", math.nan, False),
        (".", "0.05", math.nan, False),
        ("NA", "0.05", math.nan, False),
        ("n.d.", "", math.nan, False),
        ("BLQ", "0.05", 0.05, True),
        ("<LLOQ", "0.05", 0.05, True),
        (">10", "0.05", 10, True),
    ],
)
def test_missing_and_censored_values(read, dv, lloq, value, censored):
    row = read([*GOOD, f"A,9,0,,,,,alc,{dv},{lloq},liver,,"]).observations.iloc[-1]
    assert row["value"] == pytest.approx(value, nan_ok=True)
    assert row["censored"] == censored


def test_mdv_takes_a_value_away(read):
    cohort = read("ID,TIME,EVID,CMT,AMT,DVID,DV,MDV\nA,0,0,,,alc,1.4,0\nA,7,0,,,alc,9.9,1\n")
    assert cohort.observations["value"].isna().tolist() == [False, True]


def test_dates_become_days_from_the_first_fraction(read):
    cohort = read(
        [
            "A,2026-03-02,0,,,,,alc,1.4,,liver,,",
            "A,2026-03-09T10:00,1,rt,10,1,1,,,,liver,,",
            "A,2026-03-09T12:00,1,atra,270,,,,,,liver,,",
            "A,2026-03-23 10:00:00,0,,,,,alc,0.9,,liver,,",
        ]
    )
    assert cohort.observations["day"].tolist() == pytest.approx([-7 - 10 / 24, 14])
    assert cohort.fractions["day"].tolist() == [0, 1]
    assert cohort.doses["day"].tolist() == pytest.approx([2 / 24])
    assert cohort.patients.loc["A", "start_date"] == "2026-03-09"


def test_numeric_codes_through_a_mapping(read):
    text = "ID,TIME,EVID,CMT,AMT,DVID,DV\nA,0,0,3,,1.0,1.4\nA,0,1,1,10,,\nA,0,1,2,270,,\n"
    mapping = {"CMT": {1: "rt", "2": "atra"}, "DVID": {1: "alc"}}
    cohort = read(text, mapping)
    assert (len(cohort.fractions), len(cohort.doses), len(cohort.observations)) == (1, 1, 1)


def test_adppk_names_and_hours(read):
    cohort = read(
        "USUBJID,AFRLT,FRLTU,EVID,CMT,AMT,II,ADDL,DVID,DV,ALLOQ,SITEID\n"
        "A,-24,h,0,,,,,alc,1.4,,01\nA,0,h,1,rt,10,24,2,,,,01\nA,3,h,0,,,,,atra,200,5,01\n"
    )
    assert cohort.observations["day"].tolist() == pytest.approx([-1, 0.125])
    assert cohort.fractions["day"].tolist() == pytest.approx([0, 1, 2])
    assert cohort.observations["lloq"].tolist()[1] == 5
    assert cohort.patients.loc["A", "centre"] == "01"


def test_patients_keep_the_order_of_the_file_and_may_be_untreated(read):
    cohort = read(["Z,0,0,,,,,alc,1.1,,,,", *GOOD])
    assert cohort.patients.index.tolist() == ["Z", "A"]
    assert any("without any fraction" in warning for warning in cohort.warnings)


def test_a_covariate_may_stand_in_some_records_only(read):
    cohort = read([BASELINE, "A,0,1,rt,10,,,,,,,,"])
    assert cohort.patients.loc["A", "site"] == "liver"


def test_a_fraction_on_a_weekend_is_a_warning(read):
    rows = ["A,2026-03-12,0,,,,,alc,1.4,,,,", "A,2026-03-13,1,rt,10,1,1,,,,,,"]
    (warning,) = read(rows).warnings
    assert "weekend" in warning
    assert "2026-03-14" in warning
    numbered = "ID,TIME,EVID,CMT,AMT,DVID,DV,START_DATE\n{0},0,0,,,alc,1.4,{1}\n{0},0,1,rt,10,,,{1}"
    assert "weekend" in read(numbered.format("A", "2026-03-14")).warnings[0]
    assert not read(numbered.format("A", "2026-03-13")).warnings


def test_a_column_that_is_not_read_is_a_warning(read):
    text = "ID,TIME,EVID,CMT,AMT,DVID,DV,IMMUNE_DOSE\nA,0,0,,,alc,1.4,3\nA,0,1,rt,10,,,3\n"
    (warning,) = read(text).warnings
    assert "IMMUNE_DOSE_GY?" in warning


# Every way a table can be wrong: rows to add to GOOD, line, column, value, words of the message


@pytest.mark.parametrize(
    ("row", "column", "value", "expected"),
    [
        ("A,9,0,,,,,alc,1400,,liver,,", "DV", "1400", "at most 100.*cells/uL. write 1.4"),
        ('A,9,0,,,,,alc,"1,4",,liver,,', "DV", "1,4", "number.*decimal comma. write 1.4"),
        ("A,9,0,,,,,alc,later,,liver,,", "DV", "later", "number.*blank"),
        ("A,9,0,,,,,alc,inf,,liver,,", "DV", "inf", "finite"),
        ("A,9,0,,,,,alc,1e999,,liver,,", "DV", "1e999", "finite"),
        ("A,9,0,,,,,alc,-0.7,,liver,,", "DV", "-0.7", "above 0"),
        ("A,9,0,,,,,alc,0,,liver,,", "DV", "0", "above 0"),
        ("A,9,0,,,,,acl,1.1,,liver,,", "DVID", "acl", "one of alc, mdsc, atra.*alc"),
        ("A,9,0,,,,,1,1.1,,liver,,", "DVID", "1", "mapping"),
        ("A,9,0,,,,,,1.1,,liver,,", "DVID", "", "every observation"),
        ("A,9,0,,5,,,alc,1.1,,liver,,", "AMT", "5", "no amount on an observation"),
        ("A,9,0,,,,,alc,1.1,-1,liver,,", "LLOQ", "-1", "above 0"),
        ("A,9,1,xx,10,,,,,,liver,,", "CMT", "xx", "one of rt, atra"),
        ("A,9,1,,10,,,,,,liver,,", "CMT", "", "every dose"),
        ("A,9,1,rt,,,,,,,liver,,", "AMT", "", "amount on every dose"),
        ("A,9,1,rt,0,,,,,,liver,,", "AMT", "0", "above 0"),
        ("A,9,1,rt,1000,,,,,,liver,,", "AMT", "1000", "cGy. write 10"),
        ("A,9,1,atra,270,,2,,,,liver,,", "ADDL", "2", "interval II"),
        ("A,9,1,atra,270,21,1.5,,,,liver,,", "ADDL", "1.5", "whole number"),
        ("A,9,1,atra,270,,,,1.2,,liver,,", "DV", "1.2", "no value on a dose"),
        ("A,9,2,,,,,alc,1.1,,liver,,", "EVID", "2", "one of 0, 1"),
        ("A,9,,,,,,alc,1.1,,liver,,", "EVID", "", "every record"),
        ("A,,0,,,,,alc,1.1,,liver,,", "TIME", "", "time on every record"),
        ("A,week 2,0,,,,,alc,1.1,,liver,,", "TIME", "week 2", "days from the first fraction"),
        ("A,09/03/2026,0,,,,,alc,1.1,,liver,,", "TIME", "09/03/2026", "YYYY-MM-DD"),
        ("A,9999,0,,,,,alc,1.1,,liver,,", "TIME", "9999", "days from the first fraction"),
        ("A,20260309,0,,,,,alc,1.1,,liver,,", "TIME", "20260309", "2026-03-09"),
        ("A,2026-03-09,0,,,,,alc,1.1,,liver,,", "TIME", "2026-03-09", "throughout the file"),
        ("A,-1,0,,,,,alc,1.1,,liver,,", "TIME", "-1", "do not go back.*sort"),
        (",9,0,,,,,alc,1.1,,liver,,", "ID", "", "identifier on every record"),
        ("A,0,1,rt,10,,,,,,liver,,", "TIME", "0", "one dose per patient.*duplicate"),
        ("A,9,0,,,,,alc,1.1,,spine,,", "SITE", "spine", "same value in all records"),
        ("A,9,0,,,,,alc,1.1,,liver+livr,,", "SITE", "liver+livr", "one per lesion.*liver"),
        ("A,9,0,,,,,mdsc,1.1,,liver,,citrate", "TUBE", "citrate", "one of heparin, edta"),
        ("A,9,1,rt,10,,,,,,liver,0,", "LESION", "0", "number of a lesion"),
        ("A,9,0,,,,,alc", None, "8 cells", "13 cells"),
    ],
)
def test_one_bad_record(problems, row, column, value, expected):
    (problem,) = problems([*GOOD, row])
    assert (problem.file, problem.row) == ("trial.csv", 4)
    assert (problem.column, problem.value) == (column, value)
    assert re.search(expected, f"{problem.expected} ({problem.hint})")


def test_duplicates(problems):
    twice = "A,9,0,,,,,alc,1.1,,liver,,"
    (problem,) = problems([*GOOD, twice, twice.replace("1.1", "1.2")])
    assert (problem.row, problem.column) == (5, "TIME")
    (problem,) = problems([*GOOD, "A,0,1,atra,270,21,1,,,,liver,,", "A,21,1,atra,270,,,,,,liver,,"])
    assert (problem.row, problem.value) == (5, "21")
    assert "ADDL" in problem.hint


def test_other_lesions_and_quantities_at_the_same_time_are_no_duplicates(read):
    cohort = read(
        [
            BASELINE,
            "A,0,0,,,,,mdsc,20,,,,edta",
            "A,0,0,,,,,alc,1.4,,,,",
            "A,0,1,rt,10,,,,,,,1,",
            "A,0,1,rt,10,,,,,,,2,",
            "A,0,1,atra,10,,,,,,,,",
        ]
    )
    assert len(cohort.fractions) == 2


def test_a_treated_patient_needs_a_count_before_the_first_fraction(problems, read):
    late = ["B,0,1,rt,10,,,,,,,,", "B,1,0,,,,,alc,1.4,,,,"]
    (problem,) = problems([*GOOD, *late])
    assert (problem.row, problem.value) == (4, "B")
    assert "before the first fraction" in problem.expected
    missing = ["B,0,0,,,,,alc,,,,,", "B,0,1,rt,10,,,,,,,,"]
    (problem,) = problems([*GOOD, *missing])
    assert problem.value == "B"
    same_time = ["B,0,1,rt,10,,,,,,,,", "B,0,0,,,,,alc,1.4,,,,"]
    assert len(read([*GOOD, *same_time])) == 2


@pytest.mark.parametrize("day", ["21", "1", "-0.5"])
def test_the_first_fraction_is_on_day_zero(problems, day):
    (problem,) = problems(["A,-3,0,,,,,alc,1.4,,,,", f"A,{day},1,rt,10,,,,,,,,"])
    assert (problem.row, problem.column, problem.value) == (3, "TIME", day)
    assert f"subtract {day}" in problem.hint


def test_a_clock_time_on_day_zero_is_fine(read):
    assert read([BASELINE, "A,0.4,1,rt,10,,,,,,,,"]).fractions["day"].tolist() == [0.4]


def test_lesions_must_agree(problems):
    text = "ID,TIME,EVID,CMT,AMT,DVID,DV,SITE,N_LESIONS,LESION\nA,0,0,,,alc,1.4,{},{},\n"
    text += "A,0,1,rt,10,,,,,{}\n"
    (problem,) = problems(text.format("liver+spine", 3, ""))
    assert (problem.row, problem.column) == (2, "SITE")
    (problem,) = problems(text.format("liver", 2, 3))
    assert (problem.row, problem.column, problem.value) == (3, "LESION", "3")


def test_start_date_must_be_the_first_fraction(problems):
    text = "ID,TIME,EVID,CMT,AMT,DVID,DV,START_DATE\nA,2026-03-08,0,,,alc,1.4,2026-03-08\n"
    (problem,) = problems(text + "A,2026-03-09,1,rt,10,,,2026-03-08\n")
    assert (problem.column, problem.value) == ("START_DATE", "2026-03-08")
    assert "2026-03-09" in problem.hint


def test_missing_columns_are_reported_together_with_bad_cells(problems):
    found = problems("ID,TIME,EVID,CMT,AMT,DVIDD\nA,0,0,,,x\nA,y,0,,,x\n")
    assert {(p.column, p.value) for p in found} == {("DVID", None), ("DV", None), ("TIME", "y")}
    assert "DVIDD" in next(p for p in found if p.column == "DVID").hint


def test_a_column_twice(problems):
    found = problems("ID,TIME,EVID,CMT,AMT,DVID,DV,dv\nA,0,0,,,alc,1,1\n")
    assert [(p.column, p.row) for p in found] == [("DV", 1)]


def test_a_year_typed_wrong(problems):
    rows = ["A,2026-03-02,0,,,,,alc,1.4,,,,", "A,2026-03-09,1,rt,10,,,,,,,,"]
    (problem,) = problems([*rows, "A,2062-03-23,0,,,,,alc,0.9,,,,"])
    assert (problem.row, problem.value) == (4, "2062-03-23")


def test_a_bad_mapping(problems):
    found = problems(GOOD, {"CMT": {1: "radiotherapy"}, "ID": {1: "A"}})
    assert {p.value for p in found} == {"1 -> radiotherapy", "a mapping of ID"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b" \n\n", "empty file"),
        (b"# only a comment\n", "only comments"),
        (b"PK\x03\x04\x14\x00\x06\x00", "Excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (b"\x00\x01\x02", "binary"),
        (b"\x89PNG\r\n\x1a\n\x00", "binary"),
        (b"hello world\n", "hello world"),
        (b"ID;TIME;EVID\nA;0;0\n", "semicolons"),
        (b"ID\tTIME\tEVID\n", "tabs"),
        (HEADER.encode() + b"\n", "no records"),
        (HEADER.encode() + b'\nA,0,"0,,\n', "quotes"),
        (b"a,b\n1,2\n", "a column ID"),
    ],
)
def test_files_that_are_no_event_table(read, content, words):
    with pytest.raises(BadInput, match=words):
        read(content)


def test_latin_1_names_the_line_and_the_letter(problems):
    text = "\n".join([HEADER.replace("TUBE", "CENTRE"), BASELINE + "Orléans", FRACTION])
    (problem,) = problems(text.encode("latin-1"))
    assert (problem.row, problem.value) == (2, "byte 0xE9")
    assert "'é'" in problem.hint


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadInput, match=r"(?s)missing\.csv.*no such file"):
        read_events(tmp_path / "missing.csv")
    with pytest.raises(BadInput, match="a folder"):
        read_events(tmp_path)


def test_byte_order_mark_windows_line_ends_and_quoted_line_breaks(read, problems):
    text = "\n".join([HEADER, *GOOD]).replace("\n", "\r\n")
    assert len(read(b"\xef\xbb\xbf" + text.encode()).fractions) == 1
    notes = "\n".join(["# note", HEADER + ",NOTE", BASELINE + ',"two\nlines"', FRACTION + ","])
    assert len(read(notes).fractions) == 1
    (problem,) = problems(notes + "\nA,5,0,,,,,alc,x,,,,,\n")
    assert problem.row == 6


def test_all_problems_are_in_one_message(problems, read):
    rows = [*GOOD, *[f"A,{9 + i},0,,,,,alc,{1000 + i},,liver,," for i in range(1, 501)]]
    rows += ["A,700,0,,,,,alc,x,,liver,,"]
    found = problems(rows)
    assert sum(1 + p.more for p in found) == 501
    with pytest.raises(BadInput) as caught:
        read(rows)
    message = str(caught.value)
    assert "trial.csv: 501 problems" in message
    assert "line 4: found 1001 (cells/uL? write 1.001)" in message
    assert "... and 495 more" in message
    assert "line 504: found x" in message
    assert len(message.splitlines()) < 12


def test_a_range_written_high_low_is_refused_with_how_ranges_are_written(problems):
    (problem,) = problems([BASELINE, FRACTION, "A,9,0,,,,,alc,2.0-1.5,,liver,,"])
    assert problem.hint == "a range, which DV may be, is written low-high: 1.5-2.0"
