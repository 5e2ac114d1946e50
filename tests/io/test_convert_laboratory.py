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
from tests.io.cdisc_study import DM, account, counts, done, refused

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


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("LBSPEC", "PLEURAL FLUID"), ("LBSPEC", "CEREBROSPINAL FLUID"), ("LBSPEC", "Bone marrow"),
        ("LBSPEC", "ASCITES"), ("LBSPEC", "CORD BLOOD"), ("LBLOC", "PLEURAL CAVITY"),
        ("LBCAT", "CSF ANALYSIS"), ("LBCAT", "URINALYSIS"), ("LBTEST", "Lymphocytes BAL"),
    ],
)  # fmt: skip
def test_a_count_of_another_specimen_is_left_out_and_reported(column, cell, tmp_path):
    lb = table(LATE, column=column, cells=("", "", cell))
    conversion = done(tmp_path, lb=lb)
    assert counts(conversion) == [1.42]
    assert f"not a specimen of blood: {cell}" in account(conversion)


@pytest.mark.parametrize("cell", ["BLOOD", "Whole blood", "VENOUS BLOOD", "BLOOD (EDTA)"])
def test_blood_is_read_however_it_is_called(cell, tmp_path):
    lb = table(LATE, column="LBSPEC", cells=("BLOOD", "", cell))
    conversion = done(tmp_path, lb=lb)
    assert counts(conversion) == [1.42, 0.42]
    assert "no specimen (LBSPEC): taken as BLOOD" in account(conversion)


def test_a_specimen_that_is_neither_is_asked_for(tmp_path):
    lb = table(LATE, column="LBSPEC", cells=("BLOOD", "BLOOD", "SERUM"))
    refused(tmp_path, "lb.csv", "line 4", "LBSPEC", "SERUM", "[lab] specimens", lb=lb)
    taken = done(tmp_path, '[lab]\nspecimens = ["BLOOD", "SERUM"]', lb=lb)
    assert counts(taken) == [1.42, 0.42]


@pytest.mark.parametrize("name", ["CD4 Lymphocytes", "Atypical lymphocytes", "Lymphocytes CD8+"])
def test_a_part_of_the_lymphocytes_is_left_out_and_reported(name, tmp_path):
    names = ("Lymphocytes", "Lymphocytes", name)
    conversion = done(tmp_path, lb=table(LATE, column="LBTEST", cells=names))
    assert counts(conversion) == [1.42]
    assert f"a part of the lymphocytes: {name}" in account(conversion)


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


@pytest.mark.parametrize("unit", ["%", "percent", "fraction"])
def test_a_share_under_the_code_of_the_count_is_left_out_and_reported(unit, tmp_path):
    row = f"X-1,3,LYM,0.28,{unit},0.28,0.28,{unit},2026-03-12"
    conversion = done(tmp_path, lb=table(row))
    assert counts(conversion) == [1.42]
    assert "a share of leukocytes, not a count" in account(conversion)


@pytest.mark.parametrize(
    ("value", "unit", "count"),
    [(28, "%", 1.4), (0.28, "fraction", 1.4), (28, "fraction", None), (128, "%", None),
     (0.28, "%", None), (-3, "%", None)],
)  # fmt: skip
def test_a_percentage_that_cannot_be_one_is_refused(value, unit, count, tmp_path):
    mapping = "[lab]\nuse_fraction_with_leukocytes = true"
    lb = table(
        f"X-1,3,LYMLE,{value},{unit},{value},{value},{unit},2026-03-12",
        "X-1,4,WBC,5,10^9/L,5,5,10^9/L,2026-03-12",
    )
    if count is None:
        refused(tmp_path, "line 4", "LBORRES", mapping=mapping, lb=lb)
    else:
        assert counts(done(tmp_path, mapping, lb=lb)) == [1.42, count]


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


@pytest.mark.parametrize(
    ("rule", "value"),
    [("first", 0.71), ("last", 0.79), ("mean", 0.75), ("lowest", 0.71), ("highest", 0.79)],
)
def test_repeats_on_a_day_are_refused_without_a_rule(rule, value, tmp_path):
    lb = table(*AGAIN)
    refused(tmp_path, "line 5", "0.71 beside 0.75", "[lab] repeats", lb=lb)
    conversion = done(tmp_path, f'[lab]\nrepeats = "{rule}"', lb=lb)
    assert counts(conversion) == [1.42, pytest.approx(value)]
    reported = account(conversion)
    assert f"the {rule} counts, as the mapping says" in reported
    assert "lb.csv: 5 rows = 3 used + 2 dropped" in reported


@given(st.lists(st.integers(30, 300), min_size=2, max_size=6, unique=True), st.randoms())
@settings(max_examples=6)
def test_a_rule_for_repeats_is_that_of_the_numbers_in_their_sequence(cells, random):
    values = [n / 100 for n in cells]
    truth = {"first": values[0], "last": values[-1], "lowest": min(values),
             "highest": max(values), "mean": sum(values) / len(values)}  # fmt: skip
    rows = list(enumerate(values))
    random.shuffle(rows)
    sequence, shuffled = zip(*rows, strict=True)
    data = Dataset("lb.csv", pd.DataFrame(index=range(len(rows))), np.arange(len(rows)))
    ids = pd.Series(["X-1"] * len(rows))
    records = draft(data, "alc", ids, day=14.0, value=shuffled, sequence=sequence)
    for rule, value in truth.items():
        bench = Bench(merge({"lab": {"repeats": rule}}, Findings("")))
        assert without_repeats(bench, records)["value"].tolist() == [pytest.approx(value)]
        assert bench.account.dropped_of("lb.csv") == len(rows) - 1


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
    "word", ["HEMOLYZED", "Haemolysed sample", "clotted", "NOT DONE", "QNS", "ND", "NA", "n.d."]
)
def test_words_of_no_result_are_missing_and_reported(word, tmp_path):
    conversion = done(tmp_path, lb=table(f"X-1,3,LYM,{word},,,,,2026-03-12"))
    seen = conversion.cohort.observations.query("id == 'X-1'")
    assert seen["value"].isna().tolist() == [False, True]
    assert f"no result: {word}" in account(conversion)


def test_a_number_beside_a_word_of_no_result_is_refused(tmp_path):
    lb = table("X-1,3,LYM,HEMOLYZED,10^9/L,0.7,0.7,10^9/L,2026-03-12")
    refused(tmp_path, "line 4", "no standardised number where there is no result", lb=lb)


def test_another_word_is_asked_for(tmp_path):
    lb = table("X-1,3,LYM,some,10^9/L,,,,2026-03-12")
    refused(tmp_path, "line 4", "LBORRES", "some", "[lab] missing", lb=lb)
    conversion = done(tmp_path, '[lab]\nmissing = ["some"]', lb=lb)
    assert conversion.cohort.observations["value"].isna().sum() == 1


@pytest.mark.parametrize(
    ("word", "standard"),
    [("BLQ", ""), ("<BLQ", ""), ("<LLOQ", "0"), ("BQL", "0.05"), ("< LLOQ", "0.05")],
)
def test_a_word_below_the_limit_is_censored_at_the_limit_of_its_column(word, standard, tmp_path):
    row = f"X-1,3,LYM,{word},10^9/L,{word},{standard},10^9/L,2026-03-12"
    lb = table(row, column="LBLLOQ", cells=("", "", "0.1"))
    seen = done(tmp_path, lb=lb).cohort.observations.query("id == 'X-1'")
    assert seen["value"].tolist() == [1.42, 0.1]
    assert seen["censored"].tolist() == [False, True]


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
