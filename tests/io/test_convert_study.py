"""A small trial with radiotherapy and ATRA as SDTM and ADaM files, and what can be wrong in it."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import BadInput
from lymphokin.io.convert import Conversion, convert
from tests.io.cdisc_study import places

DM = """USUBJID,SITEID,AGE,AGEU,SEX,ARM,RFSTDTC,BRTHDTC,DMNAME
T-01,701,64,YEARS,F,SBRT+ATRA,2026-03-09,1962-01-02,Doe^Jane
T-02,702,58,YEARS,M,SBRT,2026-03-10,1968-05-06,Roe^Jack
"""
LB = """USUBJID,LBTESTCD,LBORRES,LBORRESU,LBSTRESN,LBSTRESU,LBSTNRLO,LBDTC,LBDY,LBBLFL
T-01,LYM,1.42,10^9/L,1.42,GI/L,1.0,2026-03-06T08:30,-3,
T-01,LYM,1400,/uL,1.4,10^9/L,1.0,2026-03-09T07:45,1,Y
T-01,LYM,0.80,10^9/L,0.7999999999999999,GI/L,1.0,2026-03-23,15,
T-01,LYM,<0.1,10^9/L,,GI/L,1.0,2026-04-20T09:00,43,
T-01,WBC,5.2,10^9/L,5.2,GI/L,4,2026-03-06T08:30,-3,
T-02,LYM,1.10,THOU/uL,1.10,GI/L,1.0,2026-03-10,1,Y
T-02,LYM,0.95,THOU/uL,0.95,GI/L,1.0,2026-03,14,
T-02,LYM,,,,,1.0,2026-04-21,43,
"""
PR = """USUBJID,PRTRT,PRCAT,PRDOSE,PRDOSU,PRSTDTC,PRENDTC,PRLOC,PRLAT
T-01,SBRT fraction,RADIOTHERAPY,1000,cGy,2026-03-09,2026-03-09,LIVER,
T-01,SBRT fraction,RADIOTHERAPY,1000,cGy,2026-03-10,2026-03-10,LIVER,
T-01,SBRT fraction,RADIOTHERAPY,9,Gy,2026-03-09,,SPINE,
T-01,Biopsy,SURGERY,,,2026-03-01,,LIVER,
T-02,SBRT fraction,RADIOTHERAPY,8,Gy,2026-03-10T14:00,2026-03-10T14:20,LUNG,LEFT
"""
EX = """USUBJID,EXTRT,EXDOSE,EXDOSU,EXDOSFRQ,EXSTDTC,EXENDTC
T-01,ATRA (tretinoin),90,mg,TID,2026-03-09,2026-03-11
T-01,DEXAMETHASONE,4,mg,QD,2026-03-09,2026-03-11
T-01,ATRA (tretinoin),270,mg,QD,2026-03-30T08:00,2026-03-30T08:00
"""
PC = """USUBJID,PCTESTCD,PCORRES,PCORRESU,PCSTRESN,PCSTRESU,PCDTC,PCLLOQ
T-01,TRETIN,0.402,ug/mL,402,ng/mL,2026-03-09T11:00,10
"""
FILES = {"dm": DM, "lb": LB, "pr": PR, "ex": EX, "pc": PC}


def study(
    folder: Path, mapping: str | None = None, key: bytes | None = None, **changed: str
) -> Conversion:
    for name, text in (FILES | changed).items():
        (folder / f"{name}.csv").write_text(text)
    if mapping is not None:
        (folder.parent / "mapping.toml").write_text(mapping)
        return convert(folder, folder.parent / "mapping.toml", key)
    return convert(folder, None, key)


def refused(folder: Path, *reported: str, mapping: str | None = None, **changed: str) -> str:
    with pytest.raises(BadInput) as error:
        study(folder, mapping, **changed)
    message = str(error.value)
    for word in reported:
        assert word in message, message
    return message


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Conversion:
    """The study as it stands, converted."""
    return study(tmp_path_factory.mktemp("study"))


def test_counts_fractions_doses_and_levels_land_where_they_belong(done):
    seen = done.cohort.observations
    one = seen[seen["id"] == "T-01"]
    counts = one[one["quantity"] == "alc"]
    assert counts["value"].tolist() == [1.42, 1.4, 0.8, 0.1]
    assert counts["censored"].tolist() == [False, False, False, True]
    assert counts["day"].tolist() == pytest.approx([-3 + 8.5 / 24, 0, 14, 42 + 9 / 24], abs=1e-5)
    assert counts["lln"].tolist() == [1.0] * 4
    level = one[one["quantity"] == "atra"]
    assert level["value"].tolist() == [402.0]
    assert level["day"].tolist() == pytest.approx([11 / 24], abs=1e-5)
    two = seen[seen["id"] == "T-02"]
    assert two["day"].tolist() == [0, 13, 42]
    assert two["value"].isna().tolist() == [False, False, True]
    fractions = done.cohort.fractions
    assert fractions["id"].tolist() == ["T-01"] * 3 + ["T-02"]
    assert fractions["day"].tolist() == pytest.approx([0, 0, 1, 14 / 24], abs=1e-5)
    assert fractions["prescribed_gy"].tolist() == [10, 9, 10, 8]
    assert fractions["lesion"].tolist() == [1, 2, 1, 1]
    doses = done.cohort.doses
    assert doses["amount_mg"].tolist() == [90] * 9 + [270]
    assert doses["day"].tolist() == pytest.approx(
        [d + h / 24 for d in range(3) for h in (0, 8, 16)] + [21 + 8 / 24], abs=1e-5
    )


def test_covariates_come_without_names_birth_dates_or_calendar_dates(done, tmp_path):
    patients = done.cohort.patients
    assert patients["arm"].tolist() == ["SBRT+ATRA", "SBRT"]
    assert patients["sex"].tolist() == ["F", "M"]
    assert patients["age"].tolist() == [64, 58]
    assert patients["site"].tolist() == ["liver+spine", "other"]
    assert patients["n_lesions"].tolist() == [2, 1]
    table, account = done.write(tmp_path / "events.csv")
    written = table.read_text() + account.read_text() + "\n".join(done.account.lines())
    for secret in ("Doe", "Roe", "1962", "1968", "2026-"):
        assert secret not in written


def test_everything_that_was_changed_is_reported(done):
    lines = "\n".join(done.account.lines())
    for text in (
        "placed by its study day (LBDY)",
        "count on the day of a treatment without a clock time: taken before it",
        "dose converted to Gy",
        "several doses a day",
        "another treatment than ATRA",
        "another procedure than radiotherapy",
        "more than one unit of the same test",
        "location(s) LUNG taken as site class other",
    ):
        assert text in lines


def test_weekends_are_reported_without_patient_or_date(tmp_path):
    text = "\n".join(study(tmp_path, pr=PR.replace("2026-03-10T", "2026-03-14T")).account.lines())
    assert "1 fraction(s) on a Saturday or Sunday" in text
    assert "T-02" not in text
    assert "2026-" not in text


def test_a_standard_unit_that_is_not_known_is_reported(tmp_path):
    done = study(tmp_path, lb=LB.replace("GI/L", "furlongs"))
    assert "unit furlongs of the standardised result" in "\n".join(done.account.lines())
    assert done.cohort.observations["value"].tolist()[0] == 1.42


def test_pseudonyms_replace_subjects_and_cannot_be_guessed(tmp_path):
    key = b"a secret key of the study"
    first = study(tmp_path, key=key).cohort
    assert set(first.patients.index).isdisjoint({"T-01", "T-02"})
    again = study(tmp_path, key=key)
    assert list(again.cohort.patients.index) == list(first.patients.index)
    other = study(tmp_path, key=b"another key of the study").cohort
    assert set(other.patients.index).isdisjoint(first.patients.index)
    written = "".join(p.read_text() for p in again.write(tmp_path / "e.csv"))
    assert "T-01" not in written


WRONG_CELLS = (  # file, what stands there, what is written instead; row, column, what is expected
    ("lb", "1.42,10^9/L,1.42,GI/L", "1.42,furlongs,1.42,furlongs", 2, "LBORRESU", "a known unit"),
    ("lb", "1400,/uL,1.4,10^9/L", "1400,/uL,14,10^9/L", 3, "LBORRES", "agree within 2 %"),
    ("lb", "0.80,10^9/L,0.7999999999999999,GI/L", "0.80,g/L,0.80,g/L", 4, "LBORRESU",
     "a known unit"),
    ("lb", "2026-04-20T09:00", "20/04/2026", 5, "LBDTC", "an ISO 8601 date"),
    ("lb", "1.10,THOU/uL,1.10,GI/L", "1.10,,1.10,", 7, "LBORRESU", "a unit on every result"),
    ("lb", "0.95,THOU/uL,0.95,GI/L", "many,THOU/uL,,GI/L", 8, "LBORRES", "a number"),
    ("pr", "2026-03-10,2026-03-10", "2026-03-10,2026-03-14", 3, "PRENDTC", "one row per fraction"),
    ("pr", "9,Gy", "9,", 4, "PRDOSU", "Gy or cGy"),
    ("pr", "8,Gy", "900,Gy", 6, "PRDOSE", "is the unit cGy?"),
    ("ex", "TID,2026-03-09", "often,2026-03-09", 2, "EXDOSFRQ", "a frequency"),
    ("ex", "270,mg", "150,mg/m2", 4, "EXDOSU", "body surface area"),
    ("ex", EX[-1:], "\nT-01,ATRA (tretinoin),90,mg,TID,2026-03,2026-03-11\n", 5, "EXSTDTC",
     "the complete date"),
    ("dm", "58,YEARS", "58,MONTHS", 3, "AGEU", "YEARS"),
    ("dm", "Jack\n", "Jack\nT-01,701,64,YEARS,F,SBRT,2026-03-09,,\n", 4, "USUBJID",
     "one row per subject"),
)  # fmt: skip


def test_whatever_is_wrong_is_reported_at_once_with_file_row_and_column(tmp_path):
    texts = dict(FILES)
    for file, right, wrong, *_ in WRONG_CELLS:
        before, found, after = texts[file].rpartition(right)
        assert found
        texts[file] = before + wrong + after
    with pytest.raises(BadInput) as error:
        study(tmp_path, **texts)
    reported = {
        (file, row, column): expected
        for (file, row, column, _), expected in places(error.value).items()
    }
    for case in WRONG_CELLS:
        file, *_, row, column, expected = case
        assert expected in reported.get((f"{file}.csv", row, column), "nothing"), case
    assert len(reported) == len(WRONG_CELLS)
    for word in ("1.42 furlongs", "0.80 g/L", "many", "20/04/2026", "often", "MONTHS"):
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        ({"lb": LB.replace("1400,/uL,1.4,10^9/L", "1400,10^9/L,1400,10^9/L")
          .replace("1.10,THOU/uL,1.10,GI/L", "1.1,/uL,0.0011,10^9/L")},
         ("line 3: found 1400 (is the unit cells/uL?", "line 7: found 0.0011, from 1.1 (",
          "divided by 1000 once too often")),
        ({"lb": LB + "T-01,LYM,1.9,10^9/L,1.9,GI/L,1.0,2026-03-23,15,\n"},
         ("line 10", "1.9 beside 0.8", "duplicate visit")),
        ({"lb": LB.replace("LBTESTCD", "TEST")}, ("LBTESTCD",)),
        ({"lb": LB.replace("USUBJID", "WHO")}, ("USUBJID",)),
        ({"lb": LB.replace("T-01,LYM,1.42", ",LYM,1.42")}, ("subject on every record",)),
        ({"lb": ""}, ("lb.csv", "empty file")),
        ({"lb": LB.replace("2026-03-06T08:30,-3,\nT-01,LYM,1400", "2026-03-12,4,\nT-01,WBC,1400")},
         ("before the first fraction",)),
    ],
)  # fmt: skip
def test_what_concerns_more_than_one_cell_is_reported(changed, reported, tmp_path):
    refused(tmp_path, *reported, **changed)


def test_words_of_the_study_are_named_in_a_mapping(tmp_path):
    mapping = """
[lab]
lymphocytes = ["ALC"]
units = { "theirs" = "10^9/L" }
[radiotherapy.sites]
LUNG = "lung_central"
[subject]
exclude = ["T-02"]
"""
    folder = tmp_path / "sdtm"
    folder.mkdir()
    done = study(folder, mapping, lb=LB.replace(",LYM,", ",ALC,").replace("GI/L", "theirs"))
    assert list(done.cohort.patients.index) == ["T-01"]
    assert any("excluded by the mapping" in e.why for e in done.account.entries)


@pytest.mark.parametrize(
    ("mapping", "reported"),
    [
        ("[lab]\nlymphocites = []", ("lab.lymphocites", "lymphocytes?")),
        ("[labs]\n", ("[labs]", "lab?")),
        ("[lab]\nlymphocytes = 3", ("a list",)),
        ("[lab", ("TOML",)),
    ],
)
def test_a_wrong_mapping_is_reported(mapping, reported, tmp_path):
    folder = tmp_path / "sdtm"
    folder.mkdir()
    refused(folder, "mapping.toml", *reported, mapping=mapping)


def test_both_sdtm_and_adam_are_not_added_together(tmp_path):
    (tmp_path / "adlb.csv").write_text("USUBJID,PARAMCD,AVAL\nT-01,LYM,1\n")
    refused(tmp_path, "LB and ADLB", "twice")


def test_adam_gives_unit_in_parameter_and_flags_imputed_dates(tmp_path):
    (tmp_path / "adlb.csv").write_text(
        "USUBJID,PARAMCD,PARAM,AVAL,ADT,ADTF,DTYPE,TRTSDT,ANRLO,ATOXGR,ABLFL\n"
        "A,LYM,Lymphocytes (cells/uL),1400,2026-03-06,,,2026-03-09,1000,0,Y\n"
        "A,LYM,Lymphocytes (cells/uL),700,2026-03-20,,,2026-03-09,1000,1,Y\n"
        "A,LYM,Lymphocytes (cells/uL),650,2026-04-01,D,,2026-03-09,1000,,\n"
        "A,LYM,Lymphocytes (cells/uL),1050,2026-04-01,,AVERAGE,2026-03-09,1000,,\n"
    )
    done = convert(tmp_path)
    assert done.cohort.observations["value"].tolist() == [1.4, 0.7]
    assert done.cohort.observations["day"].tolist() == [-3, 11]
    assert done.cohort.observations["lln"].tolist() == [1.0, 1.0]
    text = "\n".join(done.account.lines())
    assert "1 of 2 grades in ATOXGR" in text
    assert "1 of 2 records flagged as baseline (ABLFL) lie after" in text
    assert "partial or imputed date" in text
    assert "derived record" in text


def test_levels_and_doses_of_adppk(tmp_path):
    (tmp_path / "adlb.csv").write_text(
        "USUBJID,PARAMCD,AVAL,AVALC,AVALU,ADT,TRTSDT\n"
        "A,LYM,1.4,1.40,GI/L,2026-03-06,2026-03-09\nA,LYM,,<0.2,GI/L,2026-03-29,2026-03-09\n"
    )
    (tmp_path / "adppk.csv").write_text(
        "USUBJID,PARAMCD,PARAM,EVID,AFRLT,DV,AVALU,ALLOQ,BLQFL,MDV,AMT,II,ADDL\n"
        "A,DOSE,Tretinoin dose,1,0,,,,,1,270,24,2\n"
        "A,TRETIN,Tretinoin,0,3,0.402,ug/mL,0.01,N,0,,,\n"
        "A,TRETIN,Tretinoin,0,71,0,ug/mL,0.01,Y,0,,,\n"
        "A,XAN,Xanomeline,0,3,1,ug/mL,0.01,N,0,,,\n"
    )
    done = convert(tmp_path)
    assert done.cohort.doses["day"].tolist() == [0, 1, 2]
    assert done.cohort.doses["amount_mg"].tolist() == [270] * 3
    levels = done.cohort.observations.query("quantity == 'atra'")
    assert levels["value"].tolist() == [402, 10]
    assert levels["censored"].tolist() == [False, True]
    counts = done.cohort.observations.query("quantity == 'alc'")
    assert counts["value"].tolist() == [1.4, 0.2]
    assert counts["censored"].tolist() == [False, True]
    (tmp_path / "ex.csv").write_text(EX.replace("T-01", "A"))
    again = convert(tmp_path)
    assert len(again.cohort.doses) == 10
    assert any("EX) has too" in e.why for e in again.account.entries)


def test_a_count_of_zero_needs_a_limit(tmp_path):
    zero = LB.replace("0.80,10^9/L,0.7999999999999999", "0.00,10^9/L,0")
    refused(tmp_path, "limit of quantification", "line 4", lb=zero)
    folder = tmp_path / "again"
    folder.mkdir()
    done = study(folder, "[lab]\nlloq = 0.05\n", lb=zero)
    counts = done.cohort.observations.query("quantity == 'alc' and id == 'T-01'")
    assert counts["censored"].tolist() == [False, False, True, True]
    assert counts["value"].tolist()[2] == 0.05


CELLS = ["", ".", "LYM", "LYMLE", "1.4", "0.8", "-1", "1e400", "nan", "<0.1", "10^9/L", "/uL", "Y",
         "2026-03-09", "2026-03", "9999-12-31T24:00", "0001-01-01", "T-01", "\u2028", "1,4",
         "é"]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(CELLS) | st.text(max_size=4), min_size=10, max_size=10),
                max_size=20))  # fmt: skip
@settings(max_examples=8)
def test_whatever_the_cells_they_are_accounted_for_or_refused(tmp_path, rows):
    header = LB.splitlines()[0].split(",")
    pd.DataFrame(rows, columns=pd.Index(header)).to_csv(tmp_path / "lb.csv", index=False)
    try:
        done = convert(tmp_path / "lb.csv")
    except BadInput:
        return
    done.account.balance()
    assert done.account.rows["lb.csv"] <= len(rows)


CUTS = st.tuples(st.integers(0, 600), st.integers(0, 20), st.sampled_from(CELLS))


@given(st.dictionaries(st.sampled_from(["dm", "lb", "pr", "ex", "pc"]), CUTS, min_size=1))
@settings(max_examples=8)
def test_a_damaged_study_is_accounted_for_or_refused(tmp_path, cuts):
    changed = {
        name: FILES[name][:at] + insert + FILES[name][at + length :]
        for name, (at, length, insert) in cuts.items()
    }
    try:
        done = study(tmp_path, **changed)
    except BadInput:
        return
    done.account.balance()
