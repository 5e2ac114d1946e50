"""What a table states in two columns agrees, and a row is a dose or a result."""

import pytest

from lymphokin.io import BadInput, read_events
from tests.io.test_read_by_column import made, nonmem, refused

ROWS = ("1,-3,0,.,.,1.5,1{}\n", "1,0,1,8,1,.,.{}\n", "1,14,0,.,.,0.9,1{}\n")


def table(name: str = "", *cells: str) -> str:
    """A NONMEM table of one patient, with a further column."""
    head = f"ID,TIME,EVID,AMT,CMT,DV,DVID{f',{name}' if name else ''}\n"
    more = [f",{cell}" for cell in cells] or ["", "", ""]
    return head + "".join(row.format(cell) for row, cell in zip(ROWS, more, strict=True))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (("Y", "1.5", ".", "0.4"), ("line 4: found 0.4 (which counts? [nonmem] columns",)),
        (("USUBJID", "A", "A", "B"), ("line 4: found B (two persons? [nonmem] columns",)),
        (("BLQ", "0", "", "2"), ("BLQ: expected 1 (below the limit), 0 or a blank",)),
        (("DVU", "10^9/L", "", "/uL"), ("DVU: expected 10^9/L", "line 4: found /uL")),
        (("UNIT", "GI/L", "cGy", "K/uL"), ("UNIT: expected AMT in Gy", "line 3: found cGy")),
        (("AMTU", "", "rad", ""), ("AMTU: expected AMT in Gy",)),
    ],
)
def test_columns_of_nonmem_that_contradict_what_is_read_are_refused(tmp_path, column, said):
    refused(tmp_path, table(*column), nonmem(), *said)


@pytest.mark.parametrize(
    "column",
    [("Y", "1.5", ".", "0.9"), ("USUBJID", "A", "A", "A"), ("UNIT", "GI/L", "Gy", "x10^9/l")],
)
def test_columns_of_nonmem_that_agree_are_no_alarm(tmp_path, column):
    seen = made(tmp_path, table(*column), nonmem()).cohort.observations
    assert seen["value"].tolist() == [1.5, 0.9]


def test_the_column_that_the_mapping_names_goes_before_one_of_that_name(tmp_path):
    mapping = nonmem(more='columns = { "Y" = "DV" }\n').replace("[nonmem]\n", "[nonmem]\n")
    seen = made(tmp_path, table("Y", "1.1", ".", "0.4"), mapping).cohort.observations
    assert seen["value"].tolist() == [1.1, 0.4]


@pytest.mark.parametrize("name", ["BLQ", "BLOQ", "BQL", "BLLOQ"])
def test_a_flag_of_results_below_their_limit_has_several_names(tmp_path, name):
    rows = table(name, "0", "", "1").replace("DVID", "DVID,LLOQ").replace(",1,0\n", ",1,0.1,0\n")
    rows = rows.replace(".,.,\n", ".,.,.,\n").replace("0.9,1,1", "0.05,1,0.1,1")
    seen = made(tmp_path, rows, nonmem()).cohort.observations
    assert seen["censored"].tolist() == [False, True]
    assert seen["upper"].tolist()[1] == 0.1


def test_a_row_is_a_dose_or_a_result(tmp_path):
    both = table().replace("1,-3,0,.", "1,-3,0,8")
    refused(tmp_path, both, nonmem(), "AMT: expected no amount on an observation", "line 2")
    beside = table().replace("1,0,1,8,1,.,.", "1,0,1,8,1,1.2,1")
    account = "\n".join(made(tmp_path, beside, nonmem()).account.lines())
    assert "assumed 1: DV beside a dose is not read" in account
    unsure = "ID,TIME,AMT,CMT,DV,DVID\n1,-3,.,.,1.5,1\n1,0,8,1,1.2,1\n1,14,.,.,0.9,1\n"
    refused(tmp_path, unsure, nonmem(), "DV: expected a dose or a result in a row", "line 3")


def test_r_writes_na_in_what_a_row_does_not_have(tmp_path):
    table = "ID,TIME,EVID,AMT,CMT,DV,DVID,MDV\n1,-3,0,NA,NA,1.5,1,0\n1,0,1,8,1,NA,NA,NA\n"
    seen = made(tmp_path, table + "1,14,0,NA,NA,0.9,1,0\n", nonmem()).cohort
    assert seen.observations["value"].tolist() == [1.5, 0.9]
    assert len(seen.fractions) == 1


EVENTS = "ID,TIME,EVID,CMT,AMT,DVID,DV,{}\n1,-3,0,,,alc,1.5,{}\n1,0,1,rt,8,,,{}\n1,9,0,,,alc,1,{}\n"


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (("DVU", "10^9/L", "", "10^6/L"), "DVU: expected DV in 1e9/L\n    line 4"),
        (("AMTU", "", "cGy", ""), "AMTU: expected AMT in Gy\n    line 3"),
        (("USUBJID", "A", "A", "B"), "USUBJID: expected one USUBJID under an ID\n    line 4"),
    ],
)
def test_columns_of_an_event_table_that_contradict_what_is_read_are_refused(tmp_path, column, said):
    path = tmp_path / "t.csv"
    path.write_text(EVENTS.format(*column))
    with pytest.raises(BadInput) as caught:
        read_events(path)
    assert said in str(caught.value)


def test_a_second_name_of_a_column_is_reported(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(EVENTS.format("AFRLT", "-72", "0", "9"))
    assert "column AFRLT is not read, as TIME is there" in read_events(path).warnings
    path.write_text(EVENTS.format("UNIT", "G/L", "Gy", "GI/L"))
    assert read_events(path).warnings == ()
