"""Numbers, dates, limits and identities of tables: understood, or asked for, never guessed.

Kinds of trouble that users of NONMEM, nlmixr2, Monolix and spreadsheets report in public; the
inputs are made up.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import BadInput, read_events
from lymphokin.io.convert import convert
from lymphokin.io.convert.date_order import order_of, read_date
from lymphokin.io.number_format import NumberFormat, written
from tests.io.cdisc_study import places

FIXED = settings(max_examples=40)
NONMEM = """[nonmem]
time_unit = "days"
cmt = { "1" = "rt", "2" = "atra" }
dvid = { "1" = "alc", "3" = "atra" }
units = { alc = "UNIT", atra = "ng/mL" }
"""
WIDE = """[wide]
id = "Patient"
unit = "/uL"
visits = { "Baseline" = -1, "Week 2" = 14 }
fraction_days = [0, 1, 2, 3, 4]
fraction_gy = 10
"""
DOSED = "1,-3,0,.,.,1.5,1,{0}\n1,0,1,8,1,.,.,{1}\n1,14,0,.,.,{2},1,{0}\n"


def made(folder: Path, table: str, mapping: str, name: str = "data.csv"):
    (folder / name).write_text(table)
    (folder / "m.toml").write_text(mapping)
    return convert(folder / name, folder / "m.toml")


def refused(folder: Path, table: str, mapping: str, *said: str) -> str:
    with pytest.raises(BadInput) as caught:
        made(folder, table, mapping)
    for words in said:
        assert words in str(caught.value), str(caught.value)
    return str(caught.value)


def nonmem(unit: str = "10^9/L", more: str = "") -> str:
    return NONMEM.replace("UNIT", unit) + more


# Numbers


@given(st.lists(st.integers(0, 999_999), min_size=1, max_size=6), st.integers(0, 3))
@FIXED
def test_a_column_is_read_as_written_or_asked_for(numbers, decimals):
    """Whatever the marks, no number is read as another one."""
    for form in (NumberFormat(), NumberFormat(","), NumberFormat(",", "."), NumberFormat(".", ",")):
        values = [n / 10**decimals for n in numbers]
        words = [
            f"{v:,.{decimals}f}".translate(
                str.maketrans({",": form.thousands or None, ".": form.decimal})
            )
            for v in values
        ]
        found = written(words, comma_separated=False)
        if found.readings is None:
            assert [float(found.plain(w) or "nan") for w in words] == pytest.approx(values)


@pytest.mark.parametrize(
    ("words", "comma_separated", "read"),
    [
        (["1.450", "0.62"], False, [1.45, 0.62]),
        (["1.450", "1.120"], True, [1.45, 1.12]),
        (["1,450", "0,620"], False, [1.45, 0.62]),
        (["1.450", "12.345.678"], False, [1450, 12345678]),
        (["1.450,5"], False, [1450.5]),
        (["1 450", "620"], False, [1450, 620]),
        (["1.4", "1,6"], False, [1.4, 1.6]),
        (["<0,1", "1,5", "BLQ"], False, None),
        (["1.450", "1.120"], False, "asked"),
        (["1.450", "620"], False, "asked"),
        (["1,450"], True, "asked"),
        (["1.450", "1,6"], False, [1450, 1.6]),
    ],
)
def test_marks_of_decimals_and_thousands(words, comma_separated, read):
    found = written(words, comma_separated)
    if read == "asked":
        assert found.readings is not None
        assert found.readings[0] in words
    elif read is None:
        assert [found.plain(w) for w in words] == ["<0.1", "1.5", None]
    else:
        assert [float(found.plain(w) or "nan") for w in words] == read


def test_german_thousands_are_asked_for_with_both_readings_and_the_key(tmp_path):
    table = "Patient;Baseline;Week 2\nP1;1.450;1.120\nP2;1.720;1.040\n"
    refused(tmp_path, table, WIDE, "BASELINE", "1.450 can be read as 1.450 or as 1450",
            '[format] decimal = "." or decimal = ","', "line 2")  # fmt: skip
    done = made(tmp_path, table, WIDE + '[format]\ndecimal = ","\n')
    assert done.cohort.observations["value"].tolist() == [1.45, 1.12, 1.72, 1.04]
    refused(tmp_path, table, WIDE + '[format]\ndecimal = "."\n', "`alc_value`")
    nm = "ID;TIME;EVID;AMT;CMT;DV;DVID\n1;-3;0;.;.;1.450;1\n1;0;1;8;1;.;.\n1;14;0;.;.;1.120;1\n"
    refused(tmp_path, nm, nonmem("/uL"), "DV", "1.450 or as 1450")


def test_an_event_table_shows_both_readings_of_a_comma(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('ID,TIME,EVID,CMT,AMT,DVID,DV\nA,-1,0,,,alc,"1,450"\nA,0,1,rt,8,,\n')
    with pytest.raises(BadInput, match=r"1\.450 or 1450"):
        read_events(path)


# Dates and intervals


@given(st.lists(st.dates(min_value=date(2020, 1, 1),
                         max_value=date(2029, 12, 31)), min_size=1),
       st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"]))  # fmt: skip
@FIXED
def test_a_column_of_dates_is_read_as_written_or_asked_for(dates, form):
    words = [d.strftime(form) for d in dates]
    order = order_of(words)
    if order.pattern:
        assert [read_date(w, order.pattern).date() for w in words] == dates  # type: ignore[union-attr]
    else:
        assert order.readings is not None


DATED = "ID,DATE,TIME,EVID,AMT,CMT,DV,DVID\n"


def test_dates_of_two_readings_are_asked_for(tmp_path):
    table = DATED + (
        "1,02/03/2026,08:00,0,.,.,1.5,1\n1,05/03/2026,09:00,1,8,1,.,.\n"
        "1,09/03/2026,08:30,0,.,.,0.9,1\n"
    )
    mapping = nonmem().replace('time_unit = "days"\n', "")
    refused(tmp_path, table, mapping, "2 March 2026 or as 3 February 2026", "date_format")
    stated = mapping.replace("[nonmem]\n", '[nonmem]\ndate_format = "%d/%m/%Y"\n')
    days = made(tmp_path, table, stated).cohort.observations["day"]
    assert np.floor(days).tolist() == [-3, 4]


def test_two_centres_with_two_orders_of_day_and_month_are_seen(tmp_path):
    table = DATED + (
        "1,02/03/2026,08:00,0,.,.,1.5,1\n1,05/03/2026,09:00,1,8,1,.,.\n"
        "1,19/03/2026,08:30,0,.,.,0.9,1\n2,03/02/2026,08:00,0,.,.,1.7,1\n"
        "2,03/05/2026,09:00,1,8,1,.,.\n2,03/09/2026,08:30,0,.,.,0.8,1\n"
    )
    mapping = nonmem().replace('time_unit = "days"\n', 'date_format = "%d/%m/%Y"\n')
    refused(tmp_path, table, mapping, "DATE", "line 5", "`date_order`")


def test_the_unit_of_ii_beside_dates_is_stated(tmp_path):
    table = (
        "ID,DAT2,TIME,EVID,AMT,II,ADDL,CMT,DV,DVID\n1,2026-03-02,08:00,0,.,.,.,.,1.5,1\n"
        "1,2026-03-09,09:00,1,8,1,4,1,.,.\n1,2026-03-23,08:30,0,.,.,.,.,0.9,1\n"
    )
    mapping = nonmem().replace('time_unit = "days"\n', "")
    refused(tmp_path, table, mapping, "II", "interval_unit", "line 3")
    daily = mapping.replace("[nonmem]\n", '[nonmem]\ninterval_unit = "days"\n')
    days = made(tmp_path, table, daily).cohort.fractions["day"]
    assert np.floor(days).tolist() == [0, 1, 2, 3, 4]
    hourly = daily.replace('"days"', '"hours"')
    refused(tmp_path, table, hourly, "`fraction_spacing`")


def test_a_start_date_is_read_in_the_order_that_its_column_tells(tmp_path):
    table = "Patient,Baseline,Week 2,N,Start\nP1,1400,900,3,05/03/2026\nP2,1600,700,3,13/03/2026\n"
    mapping = WIDE.replace("fraction_days = [0, 1, 2, 3, 4]\n",
                           'fractions_column = "N"\nstart_date_column = "Start"\n')  # fmt: skip
    done = made(tmp_path, table, mapping)
    assert done.cohort.fractions["day"].tolist() == [0, 1, 4, 0, 3, 4]  # Thursday, Friday
    refused(tmp_path, table.splitlines()[0] + "\nP1,1400,900,3,3/2/2026\n", mapping,
            "2 March 2026", '[format] dates = "%d/%m/%Y"')  # fmt: skip


# Limits


def test_cens_and_limit_mean_what_they_mean_in_monolix(tmp_path):
    cases = (  # CENS, Y, LIMIT; the limits that are then known
        ("1", "0.50", "0.20", 0.2, 0.5),
        ("1", "0.50", "0", 0.0, 0.5),
        ("1", "0.50", ".", 0.0, 0.5),
        ("-1", "2.50", ".", 2.5, np.inf),
        ("-1", "2.50", "4", 2.5, 4.0),
        ("0", "0.50", "0", np.nan, np.nan),
    )
    table = "ID,TIME,AMT,ADM,Y,YTYPE,CENS,LIMIT\nA,-2,.,.,1.40,1,0,.\nA,0,8,1,.,.,.,.\n"
    table += "".join(f"A,{day},.,.,{y},1,{cens},{limit}\n"
                     for day, (cens, y, limit, *_) in enumerate(cases, start=7))  # fmt: skip
    done = made(tmp_path, table, nonmem())
    out, _ = done.write(tmp_path / "events.csv")
    for cohort in (done.cohort, read_events(out)):
        seen = cohort.observations.iloc[1:]
        assert len(seen) == len(cases)
        for (_, row), case in zip(seen.iterrows(), cases, strict=True):
            cens, y, _, lower, upper = case
            read = [row["value"], row["lower"], row["upper"], row["censored"]]
            expected = [float(y), lower, upper, cens != "0"]
            np.testing.assert_equal(read, expected, err_msg=str(case))


WORDS = {  # value and whether it is censored, with a limit of 0.1
    "BLQ": (0.1, True),
    "bql": (0.1, True),
    "<LLOQ": (0.1, True),
    "< LOQ": (0.1, True),
    "0": (0.1, True),
    "0.05": (0.1, True),
    "<0.2": (0.2, True),
    "NA": (np.nan, False),
    "ND": (np.nan, False),
    "n.d.": (np.nan, False),
    "0.9": (0.9, False),
}


def test_words_of_results_mean_the_same_in_every_table(tmp_path):
    """NONMEM, a sheet and the event table, with a result of each word on days 14, 15 and so on."""
    days = {word: day for day, word in enumerate(WORDS, start=14)}
    table = "ID,TIME,EVID,AMT,CMT,DV,DVID,LLOQ\n1,-3,0,.,.,1.5,1,0.1\n1,0,1,8,1,.,.,.\n"
    table += "".join(f"1,{day},0,.,.,{word},1,0.1\n" for word, day in days.items())
    visits = ", ".join(f'"V{day}" = {day}' for day in days.values())
    sheet = ",".join(["Patient", "Baseline", *(f"V{day}" for day in days.values())])
    sheet += "\n" + ",".join(["P1", "1.5", *days]) + "\n"
    mapping = WIDE.replace("/uL", "10^9/L").replace("[wide]\n", "[wide]\nlloq = 0.1\n")
    mapping = mapping.replace('"Week 2" = 14', visits)
    path = tmp_path / "t.csv"
    events = "ID,TIME,EVID,CMT,AMT,DVID,DV,LLOQ\nA,-1,0,,,alc,1.5,0.1\nA,0,1,rt,8,,,\n"
    events += "".join(f"A,{day},0,,,alc,{word},0.1\n" for word, day in days.items())
    path.write_text(events)
    of_kind = {
        "NONMEM": made(tmp_path, table, nonmem()).cohort,
        "sheet": made(tmp_path, sheet, mapping).cohort,
        "events": read_events(path),
    }
    for kind, cohort in of_kind.items():
        seen = cohort.observations.set_index("day")
        for word, known in WORDS.items():
            if kind == "sheet" and np.isnan(known[0]):
                assert days[word] not in seen.index, word  # no visit without a result
            else:
                read = seen.loc[days[word], ["value", "censored"]].tolist()
                np.testing.assert_equal(read, list(known), err_msg=f"{kind}: {word}")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("-0.11", "logarithms"),
        ("0.9*", "0.9*"),
        (">100", "`alc_value`"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, word, said):
    refused(tmp_path, "ID,TIME,EVID,AMT,CMT,DV,DVID,LLOQ\n" + DOSED.format("0.1", ".", word),
            nonmem(), said, "line 4")  # fmt: skip


def test_limits_that_contradict_each_other_are_refused(tmp_path):
    cases = (
        ("BLQ,,,", "a limit of quantification"),
        ("0.9,0.1,1,", "to lie below the limit"),
        ("0.5,,1,0.6", "LIMIT below DV"),
        ("2.5,,-1,2.0", "LIMIT below DV"),
        ("2.5,,2,", "CENS 0"),
        ("2.5,,,1", "CENS 1 or -1 beside LIMIT"),
        ("<0.5,,-1,", "not both"),
    )
    path = tmp_path / "t.csv"
    path.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV,LLOQ,CENS,LIMIT\nA,-1,0,,,alc,1.5,,,\n"
                    "A,0,1,rt,8,,,,,\n" + "".join(f"A,{day},0,,,alc,{row}\n"
                    for day, (row, _) in enumerate(cases, start=14)))  # fmt: skip
    with pytest.raises(BadInput) as caught:
        read_events(path)
    found = {row: expected for (_, row, _, _), expected in places(caught.value).items()}
    for line, (row, said) in enumerate(cases, start=4):
        assert said in found.get(line, "nothing"), row
    assert len(found) == len(cases)


def test_limits_of_normal_have_the_unit_of_the_counts(tmp_path):
    table = "ID,TIME,EVID,AMT,CMT,DV,DVID,LLN\n" + DOSED.replace("1.5", "1500").format(
        "1000", ".", "900"
    )
    seen = made(tmp_path, table, nonmem("/uL")).cohort.observations
    assert seen["lln"].tolist() == [1.0, 1.0]
    assert seen["value"].tolist() == [1.5, 0.9]


@pytest.mark.parametrize("column", ["RATE", "DUR", "TINF", "SS"])
def test_an_event_table_refuses_what_it_does_not_know_of_a_dose(tmp_path, column):
    path = tmp_path / "t.csv"
    text = "ID,TIME,EVID,CMT,AMT,DVID,DV,{}\nA,-1,0,,,alc,1.5,0\nA,0,1,rt,8,,,{}\n"
    path.write_text(text.format(column, "0"))
    assert len(read_events(path).fractions) == 1
    path.write_text(text.format(column, "-2"))
    with pytest.raises(BadInput, match=f"(?s){column}.*line 3"):
        read_events(path)


# Who is a patient

TWO = (
    "ID,TIME,EVID,AMT,CMT,DV,DVID\n1,-3,0,.,.,1.50,1\n1,0,1,8,1,.,.\n1,14,0,.,.,0.90,1\n"
    "2,-3,0,.,.,1.70,1\n2,0,1,8,1,.,.\n2,14,0,.,.,1.10,1\n"
    "1,-2,0,.,.,2.60,1\n1,0.5,1,10,1,.,.\n1,13,0,.,.,0.70,1\n"
)


def test_two_blocks_of_one_id_are_two_persons_only_if_the_mapping_says_so(tmp_path):
    refused(tmp_path, TWO, nonmem(), "ID", "line 8", 'same_id = "new person"')
    done = made(tmp_path, TWO, nonmem().replace("[nonmem]\n", '[nonmem]\nsame_id = "new person"\n'))
    assert list(done.cohort.patients.index) == ["1", "2", "1 (2)"]
    assert done.cohort.fractions["prescribed_gy"].tolist() == [8, 8, 10]
    one = made(tmp_path, TWO, nonmem().replace("[nonmem]\n", '[nonmem]\nsame_id = "one person"\n'))
    assert len(one.cohort) == 2


def test_times_that_go_back_within_a_block_are_refused(tmp_path):
    table = TWO.replace("1,14,0,.,.,0.90,1\n", "1,14,0,.,.,0.90,1\n1,7,0,.,.,0.8,1\n")
    table = "".join(table.splitlines(keepends=True)[:8])
    refused(tmp_path, table, nonmem(), "TIME", "go back", "line 5")


TWINS = [("1", "001"), ("p1", "P1"), ("A 1", "A1"), ("S-01", "S-1"), ("7", "7.0"), ("Q-1", "Q1")]


def test_identifiers_that_look_like_one_patient_are_asked_for(tmp_path):
    path = tmp_path / "t.csv"
    ids = [i for twins in TWINS for i in twins]
    rows = "".join(f"{i},-1,0,,,alc,1.5\n{i},0,1,rt,8,,\n" for i in ids)
    path.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV\n" + rows)
    with pytest.raises(BadInput) as caught:
        read_events(path)
    found = {value: expected for (_, _, _, value), expected in places(caught.value).items()}
    for one, other in TWINS:
        assert f"the same patient as {one}?" in found.get(other, "nothing"), other
    assert len(found) == len(TWINS)
    assert len(read_events(path, accept={"similar_ids": "two persons, checked"})) == len(ids)


# Sheets and files as they come


def test_what_excel_adds_to_a_text_file_is_no_record(tmp_path):
    table = "sep=;\nPatient;Baseline;Week 2\nP1;1400;900;;\n"
    assert made(tmp_path, table, WIDE).cohort.observations["value"].tolist() == [1.4, 0.9]
    refused(tmp_path, table.replace("900;;", "900;;7"), WIDE, "5 cells")


def test_units_in_the_names_of_nonmem_columns_lead_to_the_right_mapping(tmp_path):
    table = "ID , TIME (days) ,EVID,AMT [Gy],CMT,DV,DVID\n1,-3,0,.,.,1.5,1\n1,0,1,8,1,.,.\n"
    said = refused(tmp_path, table, nonmem(), '[nonmem] columns = { "TIME (DAYS)" = "TIME"')
    assert "[wide]" not in said
    columns = 'columns = { "TIME (DAYS)" = "TIME", "AMT [GY]" = "AMT" }\n'
    done = made(tmp_path, table, nonmem().replace("[nonmem]\n", "[nonmem]\n" + columns))
    assert len(done.cohort.fractions) == 1


def test_messages_name_the_cell_of_the_users_own_file(tmp_path):
    table = "Patient,Sex,Baseline,Week 2\nP1,male,1.4,0.9\nP2,F,1480,92\n"
    mapping = WIDE.replace("/uL", "10^9/L") + 'covariates = { SEX = "Sex" }\n'
    said = refused(tmp_path, table, mapping, "BASELINE", "line 3: found 1480", "line 2: found male")
    assert said.count("male") == 1
    assert "event table" not in said
