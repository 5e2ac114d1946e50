"""NONMEM, nlmixr2 and Monolix tables, and spreadsheets with a column per visit."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import BadInput, read_events
from lymphokin.io.convert import convert
from lymphokin.io.convert.datasets import read_dataset
from lymphokin.io.convert.wide import guessed_mapping

NONMEM = """C,ID,TIME,EVID,CMT,AMT,II,ADDL,DVID,DV,MDV,LLOQ,ARM,AGE
.,1,-48,0,.,.,.,.,1,1400,0,100,SBRT,60
.,1,24,1,1,8,24,2,.,.,1,.,SBRT,60
C,1,30,0,.,.,.,.,1,9999,0,100,SBRT,60
.,1,360,0,.,.,.,.,1,50,0,100,SBRT,60
.,1,400,2,.,.,.,.,1,.,1,.,SBRT,60
.,1,1032,0,.,.,.,.,1,.,1,100,SBRT,60
.,2,0,0,.,.,.,.,1,1100,0,100,SBRT+ATRA,50
.,2,0,1,1,10,.,.,.,.,1,.,SBRT+ATRA,50
.,2,0,1,2,270,.,.,.,.,1,.,SBRT+ATRA,50
.,2,3,0,.,.,.,.,3,402,0,10,SBRT+ATRA,50
"""
CODES = """[nonmem]
time_unit = "hours"
cmt = { "1" = "rt", "2" = "atra" }
dvid = { "1" = "alc", "3" = "atra" }
units = { alc = "/uL", atra = "ng/mL" }
"""


def made(folder: Path, table: str, mapping: str, name: str = "data.csv"):
    (folder / name).write_text(table)
    (folder / "mapping.toml").write_text(mapping)
    return convert(folder / name, folder / "mapping.toml")


def refused(folder: Path, table: str, mapping: str, *reported: str) -> None:
    with pytest.raises(BadInput) as error:
        made(folder, table, mapping)
    for word in reported:
        assert word in str(error.value), str(error.value)


def test_nonmem_codes_units_and_clock(tmp_path):
    done = made(tmp_path, NONMEM, CODES)
    cohort = done.cohort
    one = cohort.observations.query("id == '1'")
    assert one["day"].tolist() == [-3, 14, 42]  # from the first fraction, on day 1 of their clock
    assert one["value"].tolist()[:2] == [1.4, 0.1]
    assert one["censored"].tolist() == [False, True, False]
    assert one["value"].isna().tolist() == [False, False, True]
    assert cohort.fractions["day"].tolist() == [0, 1, 2, 0]
    assert cohort.fractions["prescribed_gy"].tolist() == [8, 8, 8, 10]
    assert cohort.doses[["id", "day", "amount_mg"]].values.tolist() == [["2", 0, 270]]
    level = cohort.observations.query("quantity == 'atra'")
    assert level[["day", "value"]].values.tolist() == [[0.125, 402]]
    assert cohort.patients["arm"].tolist() == ["SBRT", "SBRT+ATRA"]
    assert cohort.patients["age"].tolist() == [60, 50]
    reported = "\n".join(done.account.lines())
    assert "10 rows = 8 used + 2 dropped" in reported
    assert "marked to be ignored" in reported
    assert "time counted from the day of the first fraction" in reported
    assert "ADDL unfolded" in reported


@pytest.mark.parametrize(
    ("mapping", "reported"),
    [
        ("", ("time_unit",)),
        (CODES.replace('"1" = "rt", ', ""), ("CMT", "rt, atra", "[nonmem.cmt]")),
        (CODES.replace('"1" = "alc", ', ""), ("DVID", "[nonmem.dvid]")),
        (CODES.replace('alc = "/uL", ', ""), ("the unit of alc",)),
    ],
)
def test_codes_and_units_are_never_guessed(mapping, reported, tmp_path):
    refused(tmp_path, NONMEM, mapping, *reported)


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ((",8,24,2,", ",8,,2,"), ("ADDL", "line 3")),
        (("C,1,30,0", ".,1,30,5"), ("EVID", "3 (reset) or 4")),
        ((".,1,24,1,1", "1,1,24,1,1"), ("line 3", "a steady state of ATRA only")),
        (("1,50,0,100", "1,50,0,low"), ("LLOQ", "low", "line 5")),
    ],
)
def test_what_a_nonmem_table_has_that_is_not_known_is_refused(change, reported, tmp_path):
    table = NONMEM.replace(*change)
    table = table.replace("C,ID", "SS,ID") if change[1].startswith("1,1,24") else table
    refused(tmp_path, table, CODES, *reported)


def test_steady_states_and_resets_are_those_of_the_event_table(tmp_path):
    table = """ID,TIME,EVID,CMT,AMT,II,ADDL,SS,DVID,DV
1,-48,0,.,.,.,.,.,1,1400
1,0,1,2,135,12,1,1,.,.
1,0,1,1,8,.,.,.,.,.
1,240,3,.,.,.,.,.,.,.
1,480,4,2,270,.,.,.,.,.
1,480,0,.,.,.,.,.,1,900
"""
    done = made(tmp_path, table, CODES)
    own = tmp_path / "own.csv"
    own.write_text("""ID,TIME,EVID,CMT,AMT,II,ADDL,SS,DVID,DV
1,-2,0,.,.,.,.,.,alc,1.4
1,0,1,atra,135,0.5,1,1,.,.
1,0,1,rt,8,.,.,.,.,.
1,10,3,.,.,.,.,.,.,.
1,20,0,.,.,.,.,.,alc,0.9
1,20,4,atra,270,.,.,.,.,.
""")
    expected = read_events(own)
    again = read_events(done.write(tmp_path / "written.csv")[0])
    for found in (done.cohort, again):
        pd.testing.assert_frame_equal(found.resets, expected.resets)
        columns = ["id", "day", "drug", "amount_mg", "steady"]
        pd.testing.assert_frame_equal(found.doses[columns], expected.doses[columns])
        assert found.observations["day"].tolist() == [-2, 20]
    assert done.account.made["resets"] == 2
    assert done.account.made["visits without a result"] == 0
    refused(tmp_path, table.replace(",135,12,1,1,", ",135,.,.,1,"), CODES, "II", "beside SS 1")
    refused(tmp_path, table.replace(",12,1,1,", ",12,1,2,"), CODES, "SS", "steady state")


def test_dates_and_clock_times(tmp_path):
    table = """ID DATE TIME EVID CMT AMT DVID DV
1 3/6/2026 08:00 0 . . 1 1.4
1 3/9/2026 14:00 1 1 8 . .
1 3/23/2026 08:00 0 . . 1 0.9
"""
    mapping = CODES.replace("/uL", "10^9/L").replace('time_unit = "hours"\n', "")
    done = made(tmp_path, table, mapping)
    assert done.cohort.observations["day"].tolist() == pytest.approx(
        [-3 + 1 / 3, 14 + 1 / 3], abs=1e-5
    )
    assert done.cohort.fractions["day"].tolist() == pytest.approx([14 / 24], abs=1e-5)
    other = done.cohort.observations
    swapped = table.replace("DATE", "DAT1")
    for american, european in (("3/6/", "6/3/"), ("3/9/", "9/3/"), ("3/23/", "23/3/")):
        swapped = swapped.replace(american, european)
    done = made(tmp_path, swapped, mapping)
    pd.testing.assert_frame_equal(done.cohort.observations, other)
    refused(tmp_path, table.replace("3/23/", "23/3/"), mapping, "DATE", "23/3/2026", "line 4")


def test_monolix_spellings(tmp_path):
    table = """ID;TIME;AMT;ADM;Y;YTYPE;CENS;LIMIT
a;-2;.;.;1,4;1;0;.
a;0;8;1;.;.;.;.
a;14;.;.;0,1;1;1;.
"""
    done = made(tmp_path, table, CODES.replace("hours", "days").replace("/uL", "GI/L"))
    seen = done.cohort.observations
    assert seen["value"].tolist() == [1.4, 0.1]
    assert seen["censored"].tolist() == [False, True]
    assert done.cohort.fractions["prescribed_gy"].tolist() == [8]


WIDE = pd.DataFrame(
    {
        "Patient": ["A", "B", "C"],
        "Arm": ["SBRT", "SBRT+ATRA", "SBRT"],
        "Start": ["2026-03-12", "2026-03-09", "2026-03-10"],
        "Fractions": [3, 5, 5],
        "Baseline": [1400, 1100, None],
        "Day 14": [900, "<100", None],
        "Week 6": [None, 800, None],
    }
)
SHEET = """[wide]
id = "Patient"
unit = "/uL"
fractions_column = "Fractions"
start_date_column = "Start"
fraction_gy = 10
visits = { "Baseline" = -1, "Day 14" = 14, "Week 6" = 42 }
covariates = { ARM = "Arm" }
"""


def write_wide(path: Path, frame: pd.DataFrame = WIDE) -> Path:
    if path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_csv(path, index=False, sep=";", decimal=",", encoding="cp1252")
    return path


@pytest.mark.parametrize("name", ["counts.xlsx", "counts.csv"])
def test_a_column_per_visit(name, tmp_path):
    (tmp_path / "mapping.toml").write_text(SHEET)
    frame = WIDE.drop(index=2)
    done = convert(write_wide(tmp_path / name, frame), tmp_path / "mapping.toml")
    seen = done.cohort.observations
    assert seen["value"].tolist() == [1.4, 0.9, 1.1, 0.1, 0.8]
    assert seen["day"].tolist() == [-1, 14, -1, 14, 42]
    assert seen["censored"].tolist() == [False, False, False, True, False]
    # A starts on a Thursday: the third fraction waits for Monday.
    assert done.cohort.fractions["day"].tolist() == [0, 1, 4, 0, 1, 2, 3, 4]
    assert done.cohort.patients["arm"].tolist() == ["SBRT", "SBRT+ATRA"]
    assert "blank cell(s)" in "\n".join(done.account.lines())


def test_a_patient_without_counts_is_reported(tmp_path):
    (tmp_path / "mapping.toml").write_text(SHEET)
    with pytest.raises(BadInput, match="at least one alc count of the patient"):
        convert(write_wide(tmp_path / "counts.xlsx"), tmp_path / "mapping.toml")
    (tmp_path / "mapping.toml").write_text(SHEET + '[subject]\nexclude = ["C"]\n')
    done = convert(tmp_path / "counts.xlsx", tmp_path / "mapping.toml")
    assert len(done.cohort) == 2


@pytest.mark.parametrize(
    ("mapping", "reported"),
    [
        ("", ("a mapping with [wide] id", "one to fill in")),
        (SHEET.replace('"/uL"', '""'), ("unit",)),
        (SHEET.replace('"Day 14"', '"Day 15"'), ("DAY 15",)),
        (SHEET.replace("ARM", "COLOUR"), ("COLOUR",)),
        (SHEET.replace("= 14", '= "later"'), ("later",)),
    ],
)
def test_a_sheet_is_never_guessed(mapping, reported, tmp_path):
    (tmp_path / "mapping.toml").write_text(mapping)
    with pytest.raises(BadInput) as error:
        convert(write_wide(tmp_path / "counts.xlsx", WIDE.drop(index=2)), tmp_path / "mapping.toml")
    for word in reported:
        assert word in str(error.value)


def test_the_guessed_mapping_needs_only_the_unit(tmp_path):
    text = guessed_mapping(read_dataset(write_wide(tmp_path / "counts.xlsx", WIDE.drop(index=2))))
    assert '"DAY 14" = 14' in text
    assert '"WEEK 6" = 42' in text
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(text)
    with pytest.raises(BadInput, match="known unit"):
        convert(tmp_path / "counts.xlsx", mapping)
    mapping.write_text(text.replace('unit = ""', 'unit = "/uL"'))
    done = convert(tmp_path / "counts.xlsx", mapping)
    assert done.cohort.observations["value"].tolist() == [1.4, 0.9, 1.1, 0.1, 0.8]


@given(
    st.sampled_from([NONMEM, WIDE.to_csv(index=False)]),
    st.lists(
        st.tuples(
            st.integers(0, 500),
            st.integers(0, 12),
            st.sampled_from(["", ",", ";", "\n", '"', "C", ".", "1e9", "-", "<", "nan", "é", "\0"]),
        ),
        max_size=4,
    ),
)
@settings(max_examples=30)
def test_damaged_tables_are_accounted_for_or_refused(tmp_path, table, cuts):
    for at, length, insert in cuts:
        table = table[:at] + insert + table[at + length :]
    try:
        done = made(tmp_path, table, CODES + SHEET)
    except BadInput:
        return
    done.account.balance()


@given(
    st.binary(max_size=300), st.sampled_from(["xpt", "json", "ndjson", "parquet", "csv", "xlsx"])
)
@settings(max_examples=50)
def test_random_bytes_are_bad_input(tmp_path, content, ending):
    path = tmp_path / f"lb.{ending}"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        convert(path)
