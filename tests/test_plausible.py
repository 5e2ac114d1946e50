"""Improbable numbers are refused unless accepted by name with a reason, which is kept."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.io import BadInput, read_events, write_events
from lymphokin.io.convert import convert
from lymphokin.io.convert.mapping import read_mapping
from lymphokin.io.problems import Findings
from lymphokin.plausible import CHECKS, Verdict

HEADER = "ID,TIME,EVID,CMT,AMT,DVID,DV\n"


def table(folder: Path, gray: float, comment: str = "") -> Path:
    path = folder / "trial.csv"
    path.write_text(f"{comment}{HEADER}P1,-1,0,,,alc,1.4\nP1,0,1,rt,{gray:g},,\n")
    return path


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda c: c.name)
def test_a_check_states_nested_ranges_what_it_compares_and_its_source(check):
    assert check.compared
    assert check.source
    assert check.possible[0] <= check.plausible[0] <= check.usual[0]
    assert check.usual[1] <= check.plausible[1] <= check.possible[1]


@given(st.sampled_from(sorted(CHECKS)), st.floats(-1e6, 1e6))
def test_a_verdict_is_worse_the_further_a_number_lies_outside(name, number):
    check = CHECKS[name]
    usual = sum(check.usual) / 2 if check.usual[1] < 1e6 else check.usual[0]
    nearer = check.verdict(usual + 0.5 * (number - usual))
    assert check.verdict(usual) is Verdict.USUAL
    assert nearer <= check.verdict(number)


def test_an_improbable_number_is_refused_and_the_message_names_the_check(tmp_path):
    with pytest.raises(BadInput) as caught:
        read_events(table(tmp_path, 60))
    assert "line 3: found 60" in str(caught.value)
    assert "accept it as `fraction_dose` with a reason" in str(caught.value)
    assert caught.value.problems[0].check == "fraction_dose"


def test_an_accepted_number_is_a_warning_that_quotes_the_reason_and_stays_with_the_cohort(tmp_path):
    reason = "radiosurgery of the trigeminal nerve"
    cohort = read_events(table(tmp_path, 60), accept={"fraction_dose": reason})
    assert cohort.accepted == {"fraction_dose": reason}
    assert any(reason in warning and "line 3" in warning for warning in cohort.warnings)


def test_a_written_table_keeps_what_was_accepted(tmp_path):
    cohort = read_events(table(tmp_path, 60), accept={"fraction_dose": "checked: chart, page 3"})
    write_events(cohort, tmp_path / "again.csv")
    again = read_events(tmp_path / "again.csv")
    assert again.accepted == cohort.accepted
    assert again.fractions["prescribed_gy"].tolist() == [60]


def test_an_impossible_number_cannot_be_accepted(tmp_path):
    with pytest.raises(BadInput, match="cGy"):
        read_events(table(tmp_path, 800), accept={"fraction_dose": "really"})


def test_an_unusual_number_is_warned_of(tmp_path):
    cohort = read_events(table(tmp_path, 36))
    assert any("prescribed dose of one fraction" in w and "line 3" in w for w in cohort.warnings)
    assert not cohort.accepted


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ({"fraction_dos": "x"}, "fraction_dose?"),
        ({"fraction_dose": " "}, "without a reason"),
        ({"fraction_dose": "two\nlines"}, "one line"),
    ],
)
def test_an_unknown_check_or_a_missing_reason_is_a_problem(tmp_path, accept, said):
    with pytest.raises(BadInput) as caught:
        read_events(table(tmp_path, 8), accept=accept)
    assert said in str(caught.value)


def test_the_mapping_of_a_conversion_accepts_too_and_the_account_says_so(tmp_path):
    source = tmp_path / "nm.csv"
    source.write_text("ID,TIME,EVID,CMT,AMT,DV\n1,-1,0,1,.,1.4\n1,0,1,1,60,.\n")
    words = (
        '[nonmem]\ntime_unit = "days"\ncmt = { "1" = "rt" }\ndvid = { "1" = "alc" }\n'
        'units = { alc = "10^9/L" }\n'
    )
    mapping = tmp_path / "m.toml"
    mapping.write_text(words)
    with pytest.raises(BadInput, match="`fraction_dose`"):
        convert(source, mapping)
    mapping.write_text(words + '[accept]\nfraction_dose = "one shot"\n')
    done = convert(source, mapping)
    table, account = done.write(tmp_path / "out.csv")
    assert json.loads(account.read_text())["accepted"] == {"fraction_dose": "one shot"}
    assert "# accepted fraction_dose: one shot" in table.read_text()
    assert read_events(table).accepted == {"fraction_dose": "one shot"}


def test_a_mapping_that_accepts_an_unknown_check_is_refused(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('[accept]\nfraction_doses = "x"\n')
    with pytest.raises(BadInput, match="fraction_dose"):
        read_mapping(path)


def test_many_remarkable_numbers_of_one_check_are_one_warning():
    found = Findings("a.csv")
    for row in range(10):
        found.judge("fraction_dose", 35.0, row + 2, "AMT", "35")
    assert len(found.warnings) == 1
    assert "and 7 more" in found.warnings[0]


def test_the_page_of_checks_shows_every_check_as_it_is():
    """Write it again with: uv run python docs/make_data_checks.py."""
    root = Path(__file__).parents[1]
    page = (root / "docs" / "data_checks.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == list(CHECKS)
    for (_, compared, *ranges, source), check in zip(rows, CHECKS.values(), strict=True):
        limits = (check.possible, check.plausible, check.usual)
        assert (compared, source) == (check.compared, check.source)
        assert ranges == [check.range_text(pair) for pair in limits]
