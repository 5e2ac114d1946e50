"""How files write dates, clock times and numbers: understood, asked for or stated in [format]."""

import io
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import BadInput, read_events
from lymphokin.io.convert import convert
from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.clock import clock_question, seconds_of
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.date_order import order_of
from lymphokin.io.convert.mapping import merge
from lymphokin.io.convert.written_dates import in_iso
from lymphokin.io.number_format import NumberFormat, StatedFormat, without_flag
from lymphokin.io.problems import Findings
from tests.io.cdisc_study import DM, LB, PR, account, counts, done, problems, refused
from tests.io.test_read_by_column import DATED, made, nonmem
from tests.io.test_read_by_column import refused as refused_table

FIXED = settings(max_examples=60)
COLUMNS = settings(max_examples=20)
DATES = st.dates(min_value=date(2024, 1, 1), max_value=date(2026, 12, 31))


# Clock times


@given(st.times(), st.sampled_from(["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S%p"]))
@FIXED
def test_a_clock_time_is_read_as_it_is_written(time, form):
    time = time.replace(microsecond=0, second=time.second if "%S" in form else 0)
    seconds = time.hour * 3600 + time.minute * 60 + time.second
    assert seconds_of(time.strftime(form)) == seconds
    assert seconds_of(time.strftime(form.replace(":", "")), form.replace(":", "")) == seconds


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("24:00", 86_400), ("24:01", None), ("9:00 AM", 32_400), ("12:30 am", 1_800),
     ("12:00 p.m.", 43_200), ("13:00 PM", None), ("0:00 AM", None), ("8", 28_800), ("8.5", 30_600),
     ("14:60", None), ("", 0), ("noon", None), ("1430", None)],
)  # fmt: skip
def test_midnight_ends_a_day_and_half_days_have_their_names(word, seconds):
    np.testing.assert_equal(seconds_of(word), np.nan if seconds is None else seconds)


@given(st.lists(st.times(), min_size=1, max_size=5))
@FIXED
def test_clocks_with_a_point_are_asked_for_unless_one_cell_tells(times):
    """`9.30` is half past nine, or 9 hours and 18 minutes; `9.75` can only be hours."""
    words = [f"{time.hour}.{time.minute:02d}" for time in times]
    assert bool(clock_question(words)) == any(time.minute for time in times)
    assert clock_question([*words, "9.75"]) == ""
    assert clock_question([*words, "9:30"]) == ""


def test_the_mapping_says_what_a_point_in_a_clock_time_means(tmp_path):
    table = DATED.replace("DATE", "DAT2") + (
        "1,2026-03-02,8.10,0,.,.,1.5,1\n1,2026-03-05,9.30,1,8,1,.,.\n"
    )
    mapping = nonmem().replace('time_unit = "days"\n', "")
    refused_table(tmp_path, table, mapping, "8.10 can be read as 8:10 or as 8.10 hours, 8:06",
                  '[format] times = "%H.%M" or "hours"')  # fmt: skip
    for form, day in (("%H.%M", 9.5 / 24), ("hours", 9.3 / 24)):
        read = made(tmp_path, table, f'{mapping}[format]\ntimes = "{form}"\n').cohort
        assert read.fractions["day"].tolist() == pytest.approx([day], abs=1e-6)


# Dates


def read_column(words: list, dates: str = "") -> tuple[list, str]:
    """Words of a column of dates as they are read, and what is refused."""
    data = Dataset("lb.csv", pd.DataFrame({"LBDTC": words}), np.arange(2, len(words) + 2))
    bench = Bench(merge({"format": {"dates": dates}}, Findings("m.toml")))
    read = in_iso(bench, data, "LBDTC").tolist()
    try:
        bench.raise_if_any()
    except BadInput as error:
        return read, str(error)
    return read, ""


FORMS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d%b%Y", "%d-%b-%Y", "%d %B %Y", "%d/%m/%Y", "%m/%d/%Y",
         "%d.%m.%Y", "%d.%m.%y", "%m/%d/%y", "%y-%m-%d")  # fmt: skip


@given(st.lists(DATES, min_size=1, max_size=12), st.sampled_from(FORMS))
@COLUMNS
def test_dates_of_a_column_are_read_as_written_or_asked_for(days, form):
    words = [day.strftime(form) for day in days]
    read, problem = read_column(words)
    iso = [day.isoformat() for day in days]
    assert read == iso or "can be read as" in problem
    stated, problem = read_column(words, form)
    assert (stated, problem) == (iso, "")


@given(st.lists(DATES, min_size=1, max_size=12), st.sampled_from(["SAS", "Excel"]))
@COLUMNS
def test_numbers_of_days_are_asked_for_with_both_readings(days, kind):
    first = {"SAS": date(1960, 1, 1), "Excel": date(1899, 12, 30)}[kind]
    words = [str((day - first).days) for day in days]
    read, problem = read_column(words)
    assert read == words
    assert f"{days[0].isoformat()} ({kind})" in problem
    assert '[format] dates = "SAS" or "Excel"' in problem
    assert read_column(words, kind) == ([day.isoformat() for day in days], "")


@given(DATES, st.times(), st.sampled_from(["%d%b%Y:%H:%M:%S", "%d-%b-%Y %H:%M", "%Y/%m/%d %I:%M %p",
                                           "%Y%m%dT%H:%M"]))  # fmt: skip
@COLUMNS
def test_a_clock_time_beside_a_date_is_kept(day, time, form):
    moment = datetime.combine(day, time.replace(microsecond=0, second=0))
    (read,), problem = read_column([moment.strftime(form)])
    assert not problem
    assert datetime.fromisoformat(read) == moment


def test_a_moment_of_sas_or_excel_is_one_of_seconds_or_parts_of_a_day():
    moment = datetime(2026, 3, 2, 14, 30)
    seconds = int((moment - datetime(1960, 1, 1)).total_seconds())
    assert read_column([str(seconds)], "SAS")[0] == ["2026-03-02T14:30:00"]
    days = (moment - datetime(1899, 12, 30)) / timedelta(days=1)
    assert read_column([f"{days:.9f}"], "Excel")[0] == ["2026-03-02T14:30:00"]


@pytest.mark.parametrize(
    "word", ["2026-03", "2026", "--03-02", "2026-03-02T14", "UNK", "", "2026-02-30"]
)
def test_what_is_partial_or_no_date_stays_as_it_is(word):
    assert read_column([word, "2026-03-02"]) == ([word, "2026-03-02"], "")


def test_one_cell_does_not_change_the_form_of_a_column():
    assert read_column(["2026-03-02", "20/04/2026"])[0] == ["2026-03-02", "20/04/2026"]


def test_a_year_of_two_digits_that_may_stand_first_is_asked_for():
    question = order_of(["26-03-02", "26-03-09"]).question("[format] dates")
    assert question.startswith("26-03-02 can be read as 26 March 2002 or as 2 March 2026")
    assert '[format] dates = "%d/%m/%y", "%m/%d/%y" or "%y-%m-%d"' in question
    days = ["02.03.26", "19.03.26", "20.03.26", "27.03.26"]
    assert order_of(days).pattern == "%d-%m-%Y"


def test_dates_of_all_data_sets_of_a_study_follow_the_mapping(tmp_path):
    """SAS, month names and days first, in LB, PR and DM: the same table as with ISO dates."""
    right = done(tmp_path).cohort.to_events()
    for form in ("%d%b%Y", "%d/%m/%Y", "%m/%d/%Y"):
        changed = {}
        for name, text in (("dm", DM), ("lb", LB), ("pr", PR)):
            for day in pd.date_range("2026-02-27", "2026-03-16"):
                text = text.replace(f"{day:%Y-%m-%d}", day.strftime(form))
            changed[name] = text
        mapping = f'[format]\ndates = "{form}"\n'
        made_of_other = done(tmp_path, mapping, **changed)
        pd.testing.assert_frame_equal(made_of_other.cohort.to_events(), right)
        assert "2026" not in account(made_of_other)  # a date of a patient stays out of it
    refused(
        tmp_path, "RFXSTDTC", "can be read as", **{"dm": DM.replace("2026-03-02", "02/03/2026")}
    )


def test_times_of_a_nonmem_table_may_be_days_by_number_or_whole_dates(tmp_path):
    by_number = DATED + "1,1,08:00,0,.,.,1.5,1\n1,4,9:00 AM,1,8,1,.,.\n1,17,24:00,0,.,.,0.9,1\n"
    mapping = nonmem().replace('time_unit = "days"\n', "")
    read = made(tmp_path, by_number, mapping)
    assert read.cohort.observations["day"].tolist() == pytest.approx([-3 + 8 / 24, 14], abs=1e-6)
    assert "DATE counts days" in account(read)
    whole = "ID,TIME,EVID,AMT,CMT,DV,DVID\n" + (
        "1,2026-03-02T08:00,0,.,.,1.5,1\n1,2026-03-05 9:00 AM,1,8,1,.,.\n"
        "1,2026-03-18T24:00,0,.,.,0.9,1\n"
    )
    same = made(tmp_path, whole, mapping)
    pd.testing.assert_frame_equal(same.cohort.to_events(), read.cohort.to_events())
    odd = by_number.replace("1,17,", "1,0305,")
    refused_table(tmp_path, odd, mapping, "DATE", '"day number"')


def test_a_number_as_time_is_exact_also_on_the_day_of_a_dose(tmp_path):
    table = "ID,TIME,EVID,AMT,CMT,DV,DVID\n1,-3,0,.,.,1.5,1\n1,0,1,8,1,.,.\n1,0.25,0,.,.,1.2,1\n"
    assert made(tmp_path, table, nonmem()).cohort.observations["day"].tolist() == [-3, 0.25]


# Numbers


def study(folder: Path, ending: str, lb: str) -> Path:
    """A study whose LB is a CSV, parquet or Dataset-JSON file of texts."""
    folder.mkdir(parents=True)
    (folder / "dm.csv").write_text(DM)
    frame = pd.read_csv(io.StringIO(lb), dtype=str, keep_default_na=False)
    path = folder / f"lb.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "parquet":
        frame.to_parquet(path)
    else:
        rows = {"datasetJSONVersion": "1.1.0", "records": len(frame), "rows": frame.values.tolist(),
                "columns": [{"name": name} for name in frame.columns]}  # fmt: skip
        path.write_text(json.dumps(rows))
    return folder


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_the_stated_format_reaches_data_sets_of_every_kind(tmp_path, ending):
    collected = re.sub(r",(\d)\.(\d\d),10\^9/L,.*?,.*?,10\^9/L,", r',"\1,\2",10^9/L,,,,', LB)
    source = study(tmp_path / "study", ending, collected)
    stated = merge({"format": {"decimal": ","}}, Findings("m.toml"))
    assert counts(convert(source, stated)) == [1.42, 0.71]


def test_the_stated_format_reaches_the_table_of_immune_doses(tmp_path):
    source = study(tmp_path / "study", "csv", LB)
    doses = tmp_path / "doses.csv"
    doses.write_text("ID;IMMUNE_DOSE_GY\nX-1;2.500\nX-2;1.500\n")
    with pytest.raises(BadInput, match=r"2\.500 can be read as 2\.500 or as 2500"):
        convert(source, immune_dose=doses)
    stated = merge({"format": {"decimal": "."}}, Findings("m.toml"))
    patients = convert(source, stated, immune_dose=doses).cohort.patients
    assert patients["immune_dose_gy"].tolist() == [2.5, 1.5]


def test_a_flag_beside_a_number_is_refused_until_the_mapping_names_it(tmp_path):
    words = ("0.71*", "0.72 (L)", "L 0.73", "0.74 L", "[l] 0.75")
    lb = LB + "".join(f"X-1,{n},LYM,{word},10^9/L,,,,2026-03-{n}\n"
                      for n, word in enumerate(words, start=17))  # fmt: skip
    found = problems(tmp_path, lb=lb)
    assert {row for _, row, _, _ in found} == {6, 7, 8, 9, 10}
    for row, word in enumerate(words, start=6):
        assert ("lb.csv", row, "LBORRES", f"{word} 10^9/L") in found
    assert all('[format] flags = ["*"]' in expected for expected in found.values()), found
    read = done(tmp_path, '[format]\nflags = ["*", "L"]\n', lb=lb)
    assert counts(read) == [1.42, 0.71, 0.71, 0.72, 0.73, 0.74, 0.75]
    left_out = ", ".join(f"{word} (1)" for word in words)
    assert f"flags of LBORRES left out as the mapping says: {left_out} (rows 6" in account(read)


def test_flags_of_other_tables_are_left_out_alike(tmp_path):
    table = (
        "ID,TIME,EVID,AMT,CMT,DV,DVID\n1,-3,0,.,.,1.5 H,1\n1,0,1,8 Gy,1,.,.\n1,14,0,.,.,<0.5*,1\n"
    )
    refused_table(tmp_path, table, nonmem(), "1.5 H", "8 Gy", "[format] flags")
    read = made(tmp_path, table, nonmem() + '[format]\nflags = ["H", "*", "Gy"]\n').cohort
    assert read.fractions["prescribed_gy"].tolist() == [8]
    assert read.observations["upper"].tolist()[1:] == [0.5]
    assert read.observations["value"].tolist() == [1.5, 0.5]


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["1.450", "12.300"], ["1450", "12300"]),  # as stated
        (["1,45", "0,6"], ["1.45", "0.6"]),
        (["1.45", "0.62"], ["1.45", "0.62"]),  # cannot be as stated
        (["1,45", "0.62"], ["1.45", "0.62"]),  # each is clear
        (["1.450", "1.5", "BLQ"], ["1.450", "1.5", None]),
        (["1'450"], ["1450"]),
    ],
)
def test_a_column_is_written_as_stated_unless_it_cannot_be(words, read):
    form = StatedFormat(NumberFormat(",", ".")).of(words, comma_separated=False)
    assert [form.plain(word) for word in words] == read


@given(st.floats(0.01, 9.99), st.sampled_from(["*", "L", "H", "#", "!", "Gy"]), st.booleans(),
       st.sampled_from(["{} {}", "{}{}", "{} ({})", "{}[{}]"]),
       st.sampled_from(["", "<", "> "]))  # fmt: skip
@FIXED
def test_only_the_named_flag_is_taken_from_a_number(number, flag, named, form, sign):
    bare = f"{sign}{number:.2f}"
    word = form.format(bare, flag)
    assert without_flag(word, [flag.lower()] if named else ["§"]) == (bare if named else word)
    assert without_flag(f"{flag}NA", [flag]) == f"{flag}NA"


@pytest.mark.parametrize("flag", ["0", "1*", ".", ",", "-", "<", " ", ""])
def test_a_flag_is_no_part_of_a_number(flag):
    found = Findings("m.toml")
    merge({"format": {"flags": [flag]}}, found)
    assert "format.flags" in str(found.problems[0].value)


def test_an_event_table_shows_the_number_beside_a_flag(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV\nA,-1,0,,,alc,0.9*\nA,0,1,rt,8,,\n")
    with pytest.raises(BadInput, match=r"write the number alone: 0\.9"):
        read_events(path)
