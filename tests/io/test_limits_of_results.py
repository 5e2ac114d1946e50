"""Results beyond their limits are read by one rule, whatever kind of file they stand in."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import BadInput, Cohort, read_events
from lymphokin.io.censoring import read_word
from lymphokin.io.convert import convert
from lymphokin.io.convert.mapping import merge
from lymphokin.io.problems import Findings
from tests.io.cdisc_study import LB, account, done, refused

LLOQ, ULOQ = 0.1, 9.0
ACCEPT = dict.fromkeys(("patient_median", "count_within_patient", "atra_highest"), "made up")


@dataclass(frozen=True)
class Case:
    """A result as it is written, with the columns beside it, and what is then known."""

    word: str
    value: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    cens: str = ""
    limit: str = ""

    @property
    def censored(self) -> bool:
        return not np.isnan(self.upper)


NUMBERS, SMALL = (st.integers(20, most).map(lambda n: n / 100) for most in (800, 90))
FROM_TO = st.sampled_from(["{}-{}", "{} – {}", "{} to {}", "{}..{}"])
BELOW = st.sampled_from(["BLQ", "<LLOQ", "< BLQ", "bql", "not detected", "below LLOQ"])


@st.composite
def cases(draw: st.DrawFn) -> list[Case]:
    """A result of every kind, in any order."""
    number, limit = draw(NUMBERS), draw(SMALL)
    text, small = f"{number:.2f}", f"{limit:.2f}"
    return draw(st.permutations([
        Case(text, number),
        Case(f"<{small}", limit, 0, limit),
        Case(f"<= {small}", limit, 0, limit),
        Case(f"> {text}", number, number, np.inf),
        Case(f"BLQ (<{small})", limit, 0, limit),
        Case(f"<LLOQ({small})", limit, 0, limit),
        Case(draw(FROM_TO).format(f"{number / 2:.3f}", text), number, number / 2, number),
        Case(f"0-{small}", limit, 0, limit),
        Case("0.05", LLOQ, 0, LLOQ),
        Case("12", ULOQ, ULOQ, np.inf),
        Case(draw(BELOW), LLOQ, 0, LLOQ),
        Case(">ULOQ", ULOQ, ULOQ, np.inf),
        Case(draw(st.sampled_from(["NA", "ND", "n.d.", "", "not done"]))),
    ]))  # fmt: skip


@st.composite
def flagged(draw: st.DrawFn) -> list[Case]:
    """A result of every kind whose limits stand in CENS and LIMIT, in any order."""
    number = draw(SMALL)
    text, half, double = f"{number:.2f}", f"{number / 2:.3f}", f"{2 * number:.2f}"
    return draw(st.permutations([
        Case(text, number, cens="0"),
        Case(text, number, 0, number, cens="1"),
        Case(text, number, 0, number, cens="1", limit="0"),
        Case(text, number, float(half), number, cens="1", limit=half),
        Case(text, number, number, np.inf, cens="-1"),
        Case(text, number, number, float(double), cens="-1", limit=double),
    ]))  # fmt: skip


def agrees(cohort: Cohort, quantity: str, made: list[Case]) -> None:
    """The cohort holds what is known of each case, those without a result apart."""
    seen = cohort.observations
    seen = seen[(seen["quantity"] == quantity) & (seen["day"] > 0)]
    known = [case for case in made if not np.isnan(case.value)]
    seen = seen[seen["value"].notna()]
    np.testing.assert_allclose(seen["value"], [c.value for c in known], rtol=1e-12)
    assert seen["censored"].tolist() == [c.censored for c in known]
    np.testing.assert_allclose(seen["lower"], [c.lower for c in known], rtol=1e-12)
    np.testing.assert_allclose(seen["upper"], [c.upper for c in known], rtol=1e-12)


def as_events(made: list[Case]) -> str:
    rows = [f'A,{n},0,,,alc,"{c.word}",{"" if c.cens else LLOQ},{c.cens},{c.limit}\n'
            for n, c in enumerate(made, start=1)]  # fmt: skip
    start = "A,-1,0,,,alc,1.5,,,\nA,0,1,rt,8,,,,,\nA,0,1,atra,100,,,,,\n"
    return "ID,TIME,EVID,CMT,AMT,DVID,DV,LLOQ,CENS,LIMIT\n" + start + "".join(rows)


def as_nonmem(made: list[Case]) -> str:
    """In cells/uL, with limits in columns."""

    def scaled(text: str) -> str:
        number, other = read_word(text).number, read_word(text).other
        if other:
            return f"{1000 * float(other):.10g}-{1000 * float(number):.10g}"
        return text.replace(number, f"{1000 * float(number):.10g}") if number else text

    rows = [f'A,{n},0,,,1,"{scaled(c.word)}",{"," if c.cens else "100,9000"},'
            f"{c.cens},{scaled(c.limit)}\n" for n, c in enumerate(made, start=1)]  # fmt: skip
    start = "A,-1,0,,,1,1500,,,,\nA,0,1,8,1,,,,,,\n"
    return "ID,TIME,EVID,AMT,CMT,DVID,DV,LLOQ,ULOQ,CENS,LIMIT\n" + start + "".join(rows)


NONMEM = {"time_unit": "days", "cmt": {"1": "rt"}, "dvid": {"1": "alc"}, "units": {"alc": "/uL"}}


def in_folder(files: dict[str, str], mapping: dict | None = None) -> Cohort:
    stated = merge({"accept": ACCEPT, **(mapping or {})}, Findings("m.toml"))
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text)
        source = folder / next(iter(files)) if len(files) == 1 else folder
        return convert(source, stated).cohort


@pytest.mark.long
@given(cases())
@settings(max_examples=2)
def test_words_and_limits_mean_the_same_in_every_kind_of_file(made):
    """The event table, NONMEM, a sheet, SDTM LB and PC, ADaM ADLB and ADPPK."""
    above = [c for c in made if c.word != "12"]
    with TemporaryDirectory() as name:  # an event table has no column of upper limits
        path = Path(name) / "t.csv"
        without = [c for c in above if c.word != ">ULOQ"]
        path.write_text(as_events(without))
        agrees(read_events(path, accept=ACCEPT), "alc", without)
    agrees(in_folder({"data.csv": as_nonmem(made)}, {"nonmem": NONMEM}), "alc", made)
    visits = {f"V{n}": n for n, _ in enumerate(made, start=1)}
    sheet = ",".join(["ID", "V0", *visits]) + "\n" + ",".join(["A", "1.5", *(c.word for c in made)])
    wide = {
        "id": "ID",
        "unit": "10^9/L",
        "visits": {"V0": -1, **visits},
        "lloq": LLOQ,
        "uloq": ULOQ,
    }
    agrees(in_folder({"sheet.csv": sheet + "\n"}, {"wide": wide}), "alc", made)
    dm = "USUBJID,SEX,RFXSTDTC\nA,F,2026-03-02\n"
    days = pd.date_range("2026-03-03", periods=len(made)).strftime("%Y-%m-%dT09:00")
    lb = [
        f"A,LYM,{c.word},10^9/L,,{LLOQ},{ULOQ},{day}\n" for c, day in zip(made, days, strict=True)
    ]
    columns = "USUBJID,LBTESTCD,LBORRES,LBORRESU,LBSTRESN,LBLLOQ,LBULOQ,LBDTC\n"
    first = f"A,LYM,1.5,10^9/L,1.5,{LLOQ},{ULOQ},2026-03-01\n"
    study = {"dm.csv": dm, "lb.csv": columns + first + "".join(lb)}
    agrees(in_folder(study), "alc", made)
    adlb = study["lb.csv"].replace("LBTESTCD,LBORRES,LBORRESU,LBSTRESN", "PARAMCD,AVALC,AVALU,AVAL")
    agrees(in_folder({"adlb.csv": adlb}), "alc", made)
    pc = columns.replace("LB", "PC") + "".join(lb).replace("10^9/L", "ng/mL").replace("LYM", "ATRA")
    agrees(in_folder({**study, "pc.csv": pc}), "atra", made)
    ppk = "USUBJID,PARAMCD,PARAM,EVID,ADTM,DV,AVALU,ALLOQ,AULOQ\n" + "".join(
        f"A,ATRA,ATRA,0,{day},{c.word},ng/mL,{LLOQ},{ULOQ}\n"
        for c, day in zip(made, days, strict=True)
    )
    agrees(in_folder({**study, "adppk.csv": ppk}), "atra", made)


@given(flagged())
@settings(max_examples=2)
def test_cens_and_limit_mean_the_same_in_every_kind_of_table(made):
    """The event table, NONMEM and ADPPK; the limits pass through the table that is written."""
    with TemporaryDirectory() as name:
        path = Path(name) / "t.csv"
        path.write_text(as_events(made))
        agrees(read_events(path, accept=ACCEPT), "alc", made)
    agrees(in_folder({"data.csv": as_nonmem(made)}, {"nonmem": NONMEM}), "alc", made)
    lb = "USUBJID,LBTESTCD,LBORRES,LBORRESU,LBDTC\nA,LYM,1.5,10^9/L,2026-03-01\n"
    ppk = "USUBJID,PARAMCD,PARAM,EVID,ADTM,DV,AVALU,CENS,LIMIT\n" + "".join(
        f"A,ATRA,ATRA,0,2026-03-{n:02d}T09:00,{c.word},ng/mL,{c.cens},{c.limit}\n"
        for n, c in enumerate(made, start=3)
    )
    files = {"lb.csv": lb, "dm.csv": "USUBJID,RFXSTDTC\nA,2026-03-02\n", "adppk.csv": ppk}
    agrees(in_folder(files), "atra", made)


def test_the_account_says_how_many_results_were_taken_as_what(tmp_path):
    rows = "".join(
        f"X-1,{n},LYM,{word},10^9/L,,,10^9/L,2026-03-{n:02d}\n"
        for n, word in enumerate(
            ["<0.1", "<0.1", "BLQ", ">9", "NA", "ND", "ND", "n.d.", ""], start=17
        )
    )
    read = done(tmp_path, "[lab]\nlloq = 0.1\n", lb=LB + rows)
    reported = account(read)
    assert "changed 3: taken as below a limit: <0.1 (2), BLQ (1)" in reported
    assert "changed 1: taken as above a limit: >9 (1)" in reported
    assert "changed 4: taken as no result: ND (2), NA (1), n.d. (1)" in reported
    assert "lb.csv: ND (2), n.d. (1) taken as not done" in reported
    assert read.account.made["visits without a result"] == 5
    below = done(tmp_path, '[lab]\nlloq = 0.1\nbelow = ["ND", "n.d."]\n', lb=LB + rows)
    assert "taken as below a limit: <0.1 (2), ND (2), BLQ (1), n.d. (1)" in account(below)
    assert "taken as not done" not in account(below)


def test_an_event_table_warns_of_words_that_may_mean_not_detected(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(as_events([Case("ND"), Case("NA"), Case("n.d.")]))
    assert "DV: 2 x ND taken as not done; write BLQ for not detected" in read_events(path).warnings


def test_limits_of_all_records_stand_in_the_mapping(tmp_path):
    row = "X-1,{},LYM,{},10^9/L,,,10^9/L,2026-03-{}\n"
    lb = LB + row.format(4, ">ULOQ", 17) + row.format(5, "BLQ", 18)
    refused(tmp_path, "BLQ", ">ULOQ", "[lab] lloq, uloq", lb=lb)
    seen = done(tmp_path, "[lab]\nlloq = 0.05\nuloq = 8\n", lb=lb).cohort.observations
    assert seen[seen["id"] == "X-1"]["value"].tolist() == [1.42, 0.71, 8, 0.05]


@pytest.mark.parametrize("base", ["e", "10", "2"])
def test_logarithms_are_read_where_the_mapping_says_so(base, tmp_path):
    number = {"e": np.e, "10": 10.0, "2": 2.0}[base]

    def log(value: float) -> str:
        return f"{np.log(value) / np.log(number):.12f}"

    rows = [("1.5", "0"), ("0.8", "7"), ("<0.3", "14"), ("0.05", "21")]
    table = "ID,TIME,EVID,AMT,CMT,DVID,DV,LLOQ\nA,0,1,8,1,,,\n" + "".join(
        f"A,{day},0,,,1,{'<' * (dv[0] == '<')}{log(float(dv.strip('<')))},{log(0.1)}\n"
        for dv, day in rows
    )
    table += f"A,28,0,,,1,{log(1.2)}-{log(1.4)},\n"
    nonmem = {**NONMEM, "units": {"alc": "10^9/L"}}
    with pytest.raises(BadInput, match=r"not its logarithm[\s\S]*\[nonmem\.logarithms\]"):
        in_folder({"data.csv": table}, {"nonmem": nonmem})
    seen = in_folder({"data.csv": table}, {"nonmem": {**nonmem, "logarithms": {"alc": base}}})
    np.testing.assert_allclose(seen.observations["value"], [1.5, 0.8, 0.3, 0.1, 1.4], rtol=1e-9)
    assert seen.observations["censored"].tolist() == [False, False, True, True, True]
    assert seen.observations["lower"].iloc[-1] == pytest.approx(1.2)
    with pytest.raises(BadInput, match="base"):
        in_folder({"data.csv": table}, {"nonmem": {**nonmem, "logarithms": {"alc": "7"}}})


def samples(*cases: tuple[str, str]) -> str:
    """LB with shares (%) and leukocytes of X-1 on days 18, 19 and so on, and a share alone."""
    row = "X-1,{},{},{},{},,,,2026-03-{}\n"
    lb = LB + row.format(6, "LYMLE", "20", "%", 19)
    for day, (share, leukocytes) in enumerate(cases, start=20):
        lb += row.format(4, "LYMLE", share, "%", day)
        lb += row.format(5, "WBC", leukocytes, "10^9/L", day)
    return lb


def test_a_share_below_a_limit_gives_a_count_below_one(tmp_path):
    unlimited = (np.nan, np.nan)
    cases = {  # the limits between which the count then lies
        ("14", "5.0"): unlimited,
        ("<14", "5.0"): (0, 0.7),
        ("14", "<5.0"): (0, 0.7),
        (">14", "5.0"): (0.7, np.inf),
    }
    mapping = "[lab]\nuse_fraction_with_leukocytes = true\n"
    read = done(tmp_path, mapping, lb=samples(*cases, ("NA", "5.0")))
    seen = read.cohort.observations
    by_day = seen[seen["id"] == "X-1"].set_index("day")
    assert by_day.index.tolist() == [-3, 14, 18, 19, 20, 21]  # not of the share alone, nor of NA
    for day, (case, limits) in enumerate(cases.items(), start=18):
        row = by_day.loc[day]
        assert (row["value"], row["censored"]) == (0.7, limits is not unlimited), case
        np.testing.assert_equal([row["lower"], row["upper"]], limits, str(case))
    refused(tmp_path, "opposite", mapping=mapping, lb=samples(("<14", ">5.0")))
