"""Text that a spreadsheet would run as a formula stays text in every file, and comes back whole."""

import ast

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.csv_text import neutral, neutral_frame, restored
from lymphokin.io import read_events, write_events
from tests.source_code import nodes


@given(st.text(alphabet="=+-@'\t\rA1 .e", max_size=8))
def test_no_written_text_starts_a_formula_and_all_of_it_comes_back(text):
    written = neutral(text)
    assert restored(str(written)) == text
    try:
        float(text)
    except ValueError:
        assert not str(written).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("number", [-3, -0.5, "-3", "+1e-5", None, True])
def test_numbers_and_blanks_stay_as_they_are(number):
    assert neutral(number) is number


def test_a_table_is_neutral_in_its_text_and_index():
    frame = pd.DataFrame({"arm": ["=1+1", "SBRT"], "-day": [-3.0, 2.0]}, index=["@a", "b"])
    text = neutral_frame(frame).to_csv()
    assert text.splitlines()[0] == ",arm,'-day"
    assert text.splitlines()[1:] == ["'@a,'=1+1,-3.0", "b,SBRT,2.0"]


def test_every_table_that_is_written_is_neutral():
    """Also one that holds only numbers today."""
    for file, of_file in nodes().items():
        for node in of_file:
            if isinstance(node, ast.Attribute) and node.attr == "to_csv":
                assert "neutral_frame" in ast.unparse(node.value), f"{file}, line {node.lineno}"


def test_an_event_table_gives_back_ids_and_arms_that_look_like_formulas(tmp_path):
    path = tmp_path / "trial.csv"
    path.write_text(
        "ID,TIME,EVID,CMT,AMT,DVID,DV,ARM\n"
        "-P1,-1,0,,,alc,1.4,@arm\n-P1,0,1,rt,8,,,@arm\n'=B,-1,0,,,alc,1.4,+\n'=B,0,1,rt,8,,,+\n"
    )
    cohort = read_events(path)
    assert list(cohort.patients.index) == ["-P1", "=B"]
    write_events(cohort, tmp_path / "again.csv")
    rows = (tmp_path / "again.csv").read_text().splitlines()[1:]
    assert all(row.startswith("'") for row in rows)
    again = read_events(tmp_path / "again.csv")
    assert list(again.patients.index) == ["-P1", "=B"]
    assert again.patients["arm"].tolist() == ["@arm", "+"]
