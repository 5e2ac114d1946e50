"""Workbooks as they come: what nobody sees, or sees otherwise, is no number."""

from pathlib import Path

import openpyxl
import pytest

from lymphokin.io import BadInput
from lymphokin.io.convert import convert
from tests.io.test_read_by_column import WIDE


def workbook(path: Path, rows: list[list], merge: str = "") -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    if merge:
        book.active.merge_cells(merge)  # type: ignore[union-attr]
    book.save(path)
    return path


HEAD = ["Patient", "Baseline", "Week 2"]


@pytest.mark.parametrize(
    ("rows", "merge", "said"),
    [
        ([[*HEAD, "Week 2"], ["P1", 1400, None, 500]], "", "the column twice"),
        ([["Trial X", None, None], HEAD, ["P1", 1400, 900]], "A1:C1", "header_row = 2"),
        ([HEAD, ["P1", "=700*2", 900]], "", "=700*2"),
        ([HEAD, ["P1", "1.450", 900], ["P2", "1.720", 700]], "", "1.450 or as 1450"),
        ([HEAD, ["P1", "1,4", 900]], "", "1,4"),
    ],
)
def test_a_workbook_that_can_be_misread_is_refused(tmp_path, rows, merge, said):
    (tmp_path / "m.toml").write_text(WIDE)
    with pytest.raises(BadInput) as caught:
        convert(workbook(tmp_path / "c.xlsx", rows, merge), tmp_path / "m.toml")
    assert said in str(caught.value)


@pytest.mark.parametrize(("form", "cell", "said"), [("0%", 0.28, "28%"), ('0.0"%"', 12, "12%")])
def test_a_cell_shown_as_per_cent_is_no_count(tmp_path, form, cell, said):
    (tmp_path / "m.toml").write_text(WIDE)
    path = workbook(tmp_path / "c.xlsx", [HEAD, ["P1", 1400, cell]])
    book = openpyxl.load_workbook(path)
    book.active["C2"].number_format = form  # type: ignore[index]
    book.save(path)
    with pytest.raises(BadInput, match=f"WEEK 2[\\s\\S]*row 2: found {said}"):
        convert(path, tmp_path / "m.toml")


def test_what_a_workbook_strikes_out_or_hides_is_not_read_quietly(tmp_path):
    (tmp_path / "m.toml").write_text(WIDE)
    path = workbook(tmp_path / "c.xlsx", [HEAD, ["P1", 1400, 900], ["P2", 1500, 800]])
    book = openpyxl.load_workbook(path)
    sheet = book.active
    sheet.row_dimensions[3].hidden = sheet.column_dimensions["C"].hidden = True  # type: ignore[union-attr]
    book.create_sheet("Notes").append(["made by", "me"])
    book["Notes"].append(["on", "Monday"])
    book.save(path)
    warned = convert(path, tmp_path / "m.toml").account.warnings
    assert "c.xlsx: hidden rows are read: 3" in warned
    assert "c.xlsx: hidden columns are read: C" in warned
    assert "c.xlsx: of the sheets Sheet, Notes only the first is read" in warned
    sheet["C3"].font = openpyxl.styles.Font(strike=True)  # type: ignore[index]
    book.save(path)
    with pytest.raises(BadInput, match="struck out"):
        convert(path, tmp_path / "m.toml")


def test_one_of_two_sheets_alike_is_not_chosen(tmp_path):
    path = workbook(tmp_path / "c.xlsx", [HEAD, ["P1", 1400, 900]])
    book = openpyxl.load_workbook(path)
    for row in (HEAD, ["P2", 1500, 800]):
        (book["Arm B"] if "Arm B" in book.sheetnames else book.create_sheet("Arm B")).append(row)
    book.save(path)
    (tmp_path / "m.toml").write_text(WIDE)
    with pytest.raises(BadInput, match=r"sheets Sheet, Arm B \(name it in the mapping"):
        convert(path, tmp_path / "m.toml")
    (tmp_path / "m.toml").write_text(WIDE.replace("[wide]\n", '[wide]\nsheet = "Arm B"\n'))
    assert list(convert(path, tmp_path / "m.toml").cohort.patients.index) == ["P2"]


def test_a_header_below_a_title_is_read_where_the_mapping_says(tmp_path):
    (tmp_path / "m.toml").write_text(WIDE.replace("[wide]\n", "[wide]\nheader_row = 2\n"))
    path = workbook(tmp_path / "c.xlsx", [["Trial X", None, None], HEAD, ["P1", 1400, 900]])
    done = convert(path, tmp_path / "m.toml")
    assert done.cohort.observations["value"].tolist() == [1.4, 0.9]
