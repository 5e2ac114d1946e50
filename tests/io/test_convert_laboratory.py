"""What a laboratory record means: specimen, test, unit, rounding, words, repeats, dates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io.convert.bench import Bench, draft
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.mapping import merge
from lymphokin.io.convert.repeats import without_repeats
from lymphokin.io.convert.results import Reading, Result, Rounding
from lymphokin.io.problems import Findings
from lymphokin.lab_units import count_factor
from tests.io.cdisc_study import DM, account, counts, done, problems, refused

HEAD = "USUBJID,LBSEQ,LBTESTCD,LBORRES,LBORRESU,LBSTRESC,LBSTRESN,LBSTRESU,LBDTC"
BEFORE = "X-1,1,LYM,1.42,10^9/L,1.42,1.42,10^9/L,2026-02-27"
X2 = "X-2,1,LYM,1.60,10^9/L,1.60,1.60,10^9/L,2026-02-27"


def table(*rows: str, column: str = "", cells: tuple[str, ...] = ()) -> str:
    """An LB data set of a first count of both patients and `rows`, with a further column."""
    lines = [BEFORE, X2, *rows]
    extra = cells or ("",) * len(lines)
    body = [f"{line},{cell}" if column else line for line, cell in zip(lines, extra, strict=True)]
    return "\n".join([HEAD + (f",{column}" if column else ""), *body, ""])


LATE = "X-1,3,LYM,0.42,10^9/L,0.42,0.42,10^9/L,2026-03-12"


def later(*cases: str) -> list[str]:
    """A record of X-1 for each case (from LBTESTCD to LBSTRESU), on days 8, 9 and so on.

    They stand in line 4 and those after it.
    """
    return [f"X-1,{n},{case},2026-03-{n:02d}" for n, case in enumerate(cases, start=10)]


COUNT = "LYM,0.42,10^9/L,0.42,0.42,10^9/L"


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("LBSPEC", ("ASCITES", "Bone marrow", "CEREBROSPINAL FLUID", "CORD BLOOD",
                    "PLEURAL FLUID")),
        ("LBLOC", ("PLEURAL CAVITY",)),
        ("LBCAT", ("CSF ANALYSIS", "URINALYSIS")),
        ("LBTEST", ("Lymphocytes BAL",)),
    ],
)  # fmt: skip
def test_a_count_of_another_specimen_is_left_out_and_reported(column, cells, tmp_path):
    lb = table(*later(*(COUNT for _ in cells)), column=column, cells=("", "", *cells))
    conversion = done(tmp_path, lb=lb)
    assert counts(conversion) == [1.42]
    left_out = f"dropped {len(cells)}: not a specimen of blood: {', '.join(cells)} (rows "
    assert left_out in account(conversion)


def test_blood_is_read_however_it_is_called(tmp_path):
    names = ("BLOOD", "Whole blood", "VENOUS BLOOD", "BLOOD (EDTA)")
    rows = later(*(f"LYM,0.4{n},10^9/L,,,10^9/L" for n, _ in enumerate(names)))
    conversion = done(tmp_path, lb=table(*rows, column="LBSPEC", cells=("BLOOD", "", *names)))
    assert counts(conversion) == [1.42, 0.4, 0.41, 0.42, 0.43]
    assert "no specimen (LBSPEC): taken as BLOOD (rows 3)" in account(conversion)


def test_a_specimen_that_is_neither_is_asked_for(tmp_path):
    lb = table(LATE, column="LBSPEC", cells=("BLOOD", "BLOOD", "SERUM"))
    refused(tmp_path, "lb.csv", "line 4", "LBSPEC", "SERUM", "[lab] specimens", lb=lb)
    taken = done(tmp_path, '[lab]\nspecimens = ["BLOOD", "SERUM"]', lb=lb)
    assert counts(taken) == [1.42, 0.42]


def test_a_part_of_the_lymphocytes_is_left_out_and_reported(tmp_path):
    parts = ("Atypical lymphocytes", "CD4 Lymphocytes", "Lymphocytes CD8+")
    names = ("Lymphocytes", "Lymphocytes", *parts)
    lb = table(*later(*(COUNT for _ in parts)), column="LBTEST", cells=names)
    conversion = done(tmp_path, lb=lb)
    assert counts(conversion) == [1.42]
    reported = f"a part of the lymphocytes: {', '.join(parts)} (rows 4, 5, 6)"
    assert reported in account(conversion)


def test_several_methods_are_reported_and_the_mapping_chooses(tmp_path):
    methods = ("AUTOMATED", "AUTOMATED", "FLOW CYTOMETRY")
    lb = table(LATE, column="LBMETHOD", cells=methods)
    both = done(tmp_path, lb=lb)
    assert "several methods of one test: AUTOMATED (2), FLOW CYTOMETRY (1)" in account(both)
    one = done(tmp_path, '[lab]\nmethods = ["Automated"]', lb=lb)
    assert counts(one) == [1.42]


def test_a_result_of_a_test_that_was_not_done_is_refused(tmp_path):
    lb = table(LATE, column="LBSTAT", cells=("", "", "NOT DONE"))
    refused(tmp_path, "line 4", "LBSTAT", lb=lb)
    blank = table("X-1,3,LYM,,,,,,2026-03-12", column="LBSTAT", cells=("", "", "NOT DONE"))
    assert counts(done(tmp_path, lb=blank))[0] == 1.42


def test_a_share_under_the_code_of_the_count_is_left_out_and_reported(tmp_path):
    units = ("%", "percent", "fraction")
    rows = later(*(f"LYM,0.28,{unit},0.28,0.28,{unit}" for unit in units))
    conversion = done(tmp_path, lb=table(*rows))
    assert counts(conversion) == [1.42]
    reported = account(conversion)
    assert "dropped 3: a share of leukocytes, not a count" in reported
    assert "use_fraction_with_leukocytes = true) (rows 4, 5, 6)" in reported


def shares(*cases: tuple[float, str]) -> str:
    """Shares of lymphocytes and their unit, each of a sample with 5e9/L leukocytes, from line 4."""
    parts = later(*(f"LYMLE,{value},{unit},{value},{value},{unit}" for value, unit in cases))
    return table(*parts, *later(*("WBC,5,10^9/L,5,5,10^9/L" for _ in cases)))


def test_a_percentage_that_cannot_be_one_is_refused(tmp_path):
    mapping = "[lab]\nuse_fraction_with_leukocytes = true"
    right = done(tmp_path, mapping, lb=shares((28, "%"), (0.28, "fraction")))
    assert counts(right) == [1.42, 1.4, 1.4]
    wrong = problems(tmp_path, mapping, lb=shares((28, "fraction"), (128, "%"), (-3, "%")))
    assert set(wrong) == {("lb.csv", row, "LBORRES", value)
                          for row, value in ((4, "28"), (5, "128"), (6, "-3"))}  # fmt: skip
    all_below_1 = problems(tmp_path, mapping, lb=shares((0.28, "%")))
    assert set(all_below_1) == {("lb.csv", 4, "LBORRES", "0.28")}


def test_a_share_with_two_leukocyte_counts_of_its_sample_is_left_out_and_reported(tmp_path):
    lb = table(
        "X-1,3,LYMLE,28,%,28,28,%,2026-03-12",
        "X-1,4,WBC,5,10^9/L,5,5,10^9/L,2026-03-12",
        "X-1,5,WBC,7,10^9/L,7,7,10^9/L,2026-03-12",
    )
    conversion = done(tmp_path, "[lab]\nuse_fraction_with_leukocytes = true", lb=lb)
    assert counts(conversion) == [1.42]
    assert "without one leukocyte count of the same sample" in account(conversion)


def read(*cells: tuple[str, str, float, str]) -> list[Result]:
    """Results of a test from collected number and unit, standardised number and unit."""
    rounding = Rounding.of(cells, [""] * len(cells), -1)
    reading = Reading(count_factor, {}, "", -1, rounding)
    return [reading(*cell) for cell in cells]


@given(st.lists(st.integers(30, 4000), min_size=1, max_size=8), st.integers(1, 3))
def test_standard_results_agree_within_their_printed_decimals(cells, decimals):
    rows = [(str(n), "/uL", round(n / 1000, decimals), "10^9/L") for n in cells]
    assert [r.value for r in read(*rows)] == [n / 1000 for n in cells]


@given(st.integers(100, 4000), st.sampled_from([0.001, 0.1, 10, 1000, 1.3, 0.7]))
def test_standard_results_that_are_something_else_disagree(cells, factor):
    shown = round(cells * factor / 1000, 4)
    (result,) = read((str(cells), "/uL", shown, "10^9/L"))
    rounding = 0.5 * 10.0 ** -len(repr(shown).partition(".")[2])
    far = abs(shown - cells / 1000) > rounding + 0.02 * cells * max(1, factor) / 1000
    assert (result.problem == "disagree") or not far


def test_the_decimals_of_standard_results_are_those_of_all_records_of_a_unit(tmp_path):
    rows = ("X-1,3,LYM,440,/uL,0.4,0.4,10^9/L,2026-03-12",
            "X-1,4,LYM,1430,/uL,1.43,1.43,10^9/L,2026-03-16")  # fmt: skip
    refused(tmp_path, "line 4", "[lab] standard_decimals", lb=table(*rows))
    stated = done(tmp_path, "[lab]\nstandard_decimals = 1", lb=table(*rows))
    assert counts(stated) == [1.42, 0.44, 1.43]


@pytest.mark.parametrize("text", ["1.450", "12.500", "1.234.567"])
def test_a_count_of_cells_that_can_be_read_two_ways_is_refused(text, tmp_path):
    row = f"X-1,3,LYM,{text},/uL,,,,2026-03-12"
    refused(tmp_path, "line 4", "LBORRES", text, lb=table(row))


def test_a_limit_of_another_unit_is_refused_and_a_translated_unit_keeps_its_limits(tmp_path):
    lb = table(LATE, column="LBLLOQ", cells=("0.1", "0.1", "100"))
    refused(tmp_path, "line 4", "LBLLOQ", lb=lb)
    theirs = table(LATE, column="LBLLOQ", cells=("0.5", "0.5", "0.5")).replace("10^9/L", "giga")
    conversion = done(tmp_path, '[lab.units]\ngiga = "10^9/L"', lb=theirs)
    seen = conversion.cohort.observations.query("id == 'X-1'")
    assert seen["censored"].tolist() == [False, True]
    assert seen["value"].tolist() == [1.42, 0.5]


AGAIN = ("X-1,5,LYM,0.75,10^9/L,0.75,0.75,10^9/L,2026-03-16",
         "X-1,4,LYM,0.71,10^9/L,0.71,0.71,10^9/L,2026-03-16",
         "X-1,6,LYM,0.79,10^9/L,0.79,0.79,10^9/L,2026-03-16")  # fmt: skip


def test_repeats_on_a_day_are_refused_without_a_rule(tmp_path):
    lb = table(*AGAIN)
    refused(tmp_path, "line 5", "0.71 beside 0.75", "[lab] repeats", lb=lb)
    for rule, value in (("first", 0.71), ("mean", 0.75)):
        conversion = done(tmp_path, f'[lab]\nrepeats = "{rule}"', lb=lb)
        assert counts(conversion) == [1.42, pytest.approx(value)], rule
        reported = account(conversion)
        assert f"the {rule} counts, as the mapping says" in reported
        assert "lb.csv: 5 rows = 3 used + 2 dropped" in reported


several_counts = st.lists(st.integers(30, 300), min_size=2, max_size=6, unique=True)


@given(st.lists(several_counts, min_size=3, max_size=6), st.randoms())
@settings(max_examples=2)
def test_a_rule_for_repeats_is_that_of_the_numbers_in_their_sequence(patients, random):
    """Each patient has some counts of one day, which stand in the file in any order."""
    truth = {"first": lambda v: v[0], "last": lambda v: v[-1], "lowest": min, "highest": max,
             "mean": lambda v: sum(v) / len(v)}  # fmt: skip
    rows = [(f"X-{who}", at, cells / 100)
            for who, of_one in enumerate(patients) for at, cells in enumerate(of_one)]  # fmt: skip
    random.shuffle(rows)
    ids, sequence, shuffled = zip(*rows, strict=True)
    data = Dataset("lb.csv", pd.DataFrame(index=range(len(rows))), np.arange(len(rows)))
    records = draft(data, "alc", pd.Series(ids), day=14.0, value=shuffled, sequence=sequence)
    for rule, value in truth.items():
        bench = Bench(merge({"lab": {"repeats": rule}}, Findings("")))
        left = without_repeats(bench, records).set_index("id")["value"]
        assert len(left) == len(patients), rule
        for who, of_one in enumerate(patients):
            expected = value([cells / 100 for cells in of_one])
            assert left[f"X-{who}"] == pytest.approx(expected), (rule, of_one)
        assert bench.account.dropped_of("lb.csv") == len(rows) - len(patients)
        assert f"the {rule} counts, as the mapping says" in bench.account.entries[0].why


def test_an_unknown_rule_is_refused_with_the_known_ones(tmp_path):
    refused(tmp_path, "mapping.toml", "first, last, mean", mapping='[lab]\nrepeats = "median"')


def test_study_days_count_from_their_own_day_1_not_from_the_first_exposure(tmp_path):
    """RFSTDTC is the consent here, ten days before the first exposure (RFXSTDTC)."""
    dm = DM.replace("2026-03-10,2026-03-02", "2026-03-10,2026-02-20")
    partial = "X-1,3,LYM,0.71,10^9/L,0.71,0.71,10^9/L,2026-03"
    lb = table(partial, column="LBDY", cells=("", "", "25"))
    seen = done(tmp_path, dm=dm, lb=lb).cohort.observations.query("id == 'X-1'")
    assert seen["day"].tolist() == [-3, 14]  # 2026-02-20 + 24 days = 2026-03-16
    lb = table(partial, column="LBDY", cells=("8", "8", "25"))
    seen = done(tmp_path, lb=lb).cohort.observations.query("id == 'X-1'")
    assert seen["day"].tolist() == [-3, 14]  # the dated record says what day 1 is


def test_study_days_that_contradict_each_other_are_reported(tmp_path):
    lb = table(LATE, column="LBDY", cells=("-3", "-3", "99"))
    reported = account(done(tmp_path, lb=lb))
    assert "study days count from several days in 1 subject(s) (X-1)" in reported


def test_two_date_columns_that_differ_are_refused(tmp_path):
    adlb = "USUBJID,PARAMCD,AVAL,AVALU,ADTM,ADT\nA,LYM,1.4,10^9/L,2026-03-02T08:00,2026-03-{}\n"
    assert done(tmp_path, dm=None, pr=None, lb=None, adlb=adlb.format("02"))
    refused(tmp_path, "ADT", "the day of ADTM", dm=None, pr=None, lb=None, adlb=adlb.format("03"))


def test_tests_that_are_called_lymphocytes_under_another_code_are_named(tmp_path):
    row = LATE.replace(",LYM,", ",LYMPHO,")
    lb = table(row, column="LBTEST", cells=("Lymphocytes", "Lymphocytes", "Lymphocytes Abs"))
    reported = account(done(tmp_path, lb=lb))
    assert "LYMPHO not read, though their names speak of lymphocytes" in reported
    assert counts(done(tmp_path, '[lab]\nlymphocytes = ["LYM", "LYMPHO"]', lb=lb)) == [1.42, 0.42]


@pytest.mark.parametrize(
    "words",
    [("HEMOLYZED", "Haemolysed sample", "clotted", "QNS"), ("NOT DONE", "ND", "NA", "n.d.")],
)
def test_words_of_no_result_are_missing_and_reported(words, tmp_path):
    conversion = done(tmp_path, lb=table(*later(*(f"LYM,{word},,,," for word in words))))
    seen = conversion.cohort.observations.query("id == 'X-1'")
    assert seen["day"].tolist() == [-3, 8, 9, 10, 11]
    assert seen["value"].isna().tolist() == [False, True, True, True, True]
    reported = ", ".join(f"{word} (1)" for word in words)
    assert f"no result: {reported} (rows 4, 5, 6, 7)" in account(conversion)


def test_a_number_beside_a_word_of_no_result_is_refused(tmp_path):
    lb = table("X-1,3,LYM,HEMOLYZED,10^9/L,0.7,0.7,10^9/L,2026-03-12")
    refused(tmp_path, "line 4", "no standardised number where there is no result", lb=lb)


def test_another_word_is_asked_for(tmp_path):
    lb = table("X-1,3,LYM,some,10^9/L,,,,2026-03-12")
    refused(tmp_path, "line 4", "LBORRES", "some", "[lab] missing", lb=lb)
    conversion = done(tmp_path, '[lab]\nmissing = ["some"]', lb=lb)
    assert conversion.cohort.observations["value"].isna().sum() == 1


def test_a_word_below_the_limit_is_censored_at_the_limit_of_its_column(tmp_path):
    cases = (("BLQ", ""), ("<BLQ", ""), ("<LLOQ", "0"), ("BQL", "0.05"), ("< LLOQ", "0.05"))
    rows = later(*(f"LYM,{word},10^9/L,{word},{standard},10^9/L" for word, standard in cases))
    limits = [f"0.1{n}" for n, _ in enumerate(cases)]
    lb = table(*rows, column="LBLLOQ", cells=("", "", *limits))
    seen = done(tmp_path, lb=lb).cohort.observations.query("id == 'X-1'").iloc[1:]
    read = zip(seen["value"], seen["censored"], strict=True)
    for case, limit, found in zip(cases, limits, read, strict=True):
        assert found == (float(limit), True), case


def test_a_word_below_a_limit_that_stands_nowhere_is_asked_for(tmp_path):
    row = "X-1,3,LYM,BLQ,10^9/L,BLQ,0.05,10^9/L,2026-03-12"
    refused(tmp_path, "line 4", "[lab] lloq", lb=table(row))
    stated = done(tmp_path, "[lab]\nlloq = 0.2", lb=table(row)).cohort.observations
    assert stated.query("id == 'X-1'")["value"].tolist() == [1.42, 0.2]


def test_a_number_beside_its_sign_is_the_limit_whatever_stands_beside_it(tmp_path):
    rows = ("X-1,3,LYM,<0.2,10^9/L,<0.2,0.1,10^9/L,2026-03-12",
            "X-1,4,LYM,>10,10^9/L,>10,10,10^9/L,2026-03-16")  # fmt: skip
    seen = done(tmp_path, lb=table(*rows)).cohort.observations.query("id == 'X-1'")
    assert seen["value"].tolist() == [1.42, 0.2, 10]
    assert seen["censored"].tolist() == [False, True, True]


def test_levels_below_their_limit_are_censored_as_counts_are(tmp_path):
    pc = (
        "USUBJID,PCTESTCD,PCORRES,PCORRESU,PCSTRESC,PCSTRESN,PCSTRESU,PCLLOQ,PCDTC\n"
        "X-1,TRETIN,<BLQ,ug/mL,<BLQ,,ug/mL,0.01,2026-03-02T07:50\n"
        "X-1,TRETIN,<BLQ,ug/mL,<BLQ,0,ug/mL,0.01,2026-03-02T08:00\n"
        "X-1,TRETIN,0.412,ug/mL,0.412,0.412,ug/mL,0.01,2026-03-02T11:00\n"
    )
    seen = done(tmp_path, pc=pc).cohort.observations.query("quantity == 'atra'")
    assert seen["value"].tolist() == [10, 10, 412]
    assert seen["censored"].tolist() == [True, True, False]
    bare = pc.replace(",0.01,", ",,")
    refused(tmp_path, "pc.csv", "line 2", "[atra] lloq", pc=bare)
    seen = done(tmp_path, "[atra]\nlloq = 5", pc=bare).cohort.observations
    assert seen.query("quantity == 'atra'")["value"].tolist() == [5, 5, 412]
