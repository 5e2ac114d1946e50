"""Who is a patient: one identifier over all data sets, never two persons under one."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lymphokin.io import BadInput, read_events
from lymphokin.io.convert import Conversion, convert
from lymphokin.plausible.identifiers import spelling
from tests.io.cdisc_study import (
    DM,
    LB,
    PR,
    account,
    counts,
    done,
    fractions,
    patients,
    problems,
    refused,
)


def test_identifiers_that_are_almost_the_same_are_asked_for(tmp_path):
    cases = {"x-1": "lb", "X-02": "pr", "X-3 .": "dm", "X4": "lb", "X - 5": "pr", "X_6": "dm"}
    study = patients(len(cases))
    for n, (other, file) in enumerate(cases.items(), start=1):
        study[file] = study[file].replace(f"X-{n},", f"{other},")
    found = problems(tmp_path, **study)
    assert len(found) == len(cases)
    asked = "\n".join(f"{value} ({hint})" for (_, _, _, value), hint in found.items())
    for n, (other, file) in enumerate(cases.items(), start=1):
        one, two = (f"X-{n}", other) if file == "dm" else (other, f"X-{n}")  # dm says who there is
        assert f"subject {one} beside {two} of dm.csv" in asked, other
        assert f'[subject.rename] "{one}" = "{two}"' in asked, other
    names = "".join(f'"{other}" = "X-{n}"\n' for n, other in enumerate(cases, start=1))
    conversion = done(tmp_path, f"[subject.rename]\n{names}", **study)
    known = [f"X-{n}" for n in range(1, len(cases) + 1)]
    assert list(conversion.cohort.patients.index) == known
    for who in known:
        assert len(fractions(conversion, who)) == 5, who


identifiers = st.from_regex(r"[A-Z]{1,3}-[1-9]\d{0,2}-[1-9]\d{0,3}", fullmatch=True)


@given(identifiers, identifiers, st.integers(0, 3), st.booleans())
def test_typing_changes_no_identifier_and_other_identifiers_stay_apart(one, other, zeros, lower):
    typed = re.sub(r"-(\d)", "-" + "0" * zeros + r"\1", one)
    typed = typed.lower() if lower else typed
    assert spelling(typed) == spelling(f" {typed.replace('-', ' ')} ") == spelling(one)
    assume(one != other)
    assert spelling(one) != spelling(other)


BY_NUMBER = {
    "dm": "STUDYID,SITEID,SUBJID,ARM,AGE,SEX,RFSTDTC\n"
    "S,01,001,A,61,F,2026-03-02\nS,02,001,A,58,M,2026-03-09\n",
    "lb": "STUDYID,SITEID,SUBJID,LBTESTCD,LBORRES,LBORRESU,LBDTC\n"
    "S,01,001,LYM,1.4,10^9/L,2026-02-27\nS,02,001,LYM,2.4,10^9/L,2026-03-06\n",
    "pr": "STUDYID,SITEID,SUBJID,PRTRT,PRDOSE,PRDOSU,PRSTDTC\n"
    "S,01,001,SBRT,8,Gy,2026-03-02\nS,02,001,SBRT,8,Gy,2026-03-09\n",
}


def test_a_number_used_in_two_sites_is_joined_with_the_site(tmp_path):
    conversion = done(tmp_path, **BY_NUMBER)
    assert counts(conversion, "01-001") == [1.4]
    assert counts(conversion, "02-001") == [2.4]
    assert "SITEID and SUBJID joined by -" in account(conversion)


def test_data_sets_without_the_site_that_is_needed_are_refused(tmp_path):
    lacking = {file: re.sub(r"(?m)^([^,]*),[^,]*,", r"\1,", BY_NUMBER[file])
               for file in ("lb", "pr")}  # fmt: skip
    found = problems(tmp_path, **BY_NUMBER | lacking)
    assert {file for file, *_ in found} == {"lb.csv", "pr.csv"}
    assert all("SITEID beside SUBJID" in expected for expected in found.values()), found


def test_a_number_used_once_is_the_identifier(tmp_path):
    once = {name: text.replace("S,02,001", "S,02,002") for name, text in BY_NUMBER.items()}
    conversion = done(tmp_path, **once)
    assert counts(conversion, "001") == [1.4]
    assert counts(conversion, "002") == [2.4]


def test_a_number_without_any_site_is_reported(tmp_path):
    lb = "SUBJID,LBTESTCD,LBORRES,LBORRESU,LBDTC\n1,LYM,1.4,10^9/L,2026-02-27\n"
    reported = account(done(tmp_path, dm=None, pr=None, lb=lb))
    assert "SUBJID alone tells subjects apart" in reported


def test_data_sets_with_different_identifiers_are_joined_by_the_subjects_file(tmp_path):
    dm = DM.replace("USUBJID,", "USUBJID,SUBJID,").replace("X-1,", "X-1,001,")
    dm = dm.replace("X-2,", "X-2,002,")
    pr = PR.replace("USUBJID", "SUBJID").replace("X-1,", "001,").replace("X-2,", "002,")
    conversion = done(tmp_path, dm=dm, pr=pr)
    assert len(fractions(conversion)) == len(fractions(conversion, "X-2")) == 5
    assert "pr.csv has no USUBJID" in account(conversion)
    refused(tmp_path, "pr.csv", "SUBJID", pr=pr)
    refused(tmp_path, "pr.csv", "more than once", dm=dm.replace("002", "001"), pr=pr)


def test_two_persons_under_one_identifier_are_refused(tmp_path):
    """Every patient has one record whose sex, site or study is not that of DM."""
    study = patients(3)
    study["dm"] = study["dm"].replace("USUBJID,", "STUDYID,USUBJID,").replace("X-", "S,X-")
    head, *rows = study["lb"].splitlines()
    lb = [f"{head},SEX,SITEID,STUDYID", *(f"{row},M,02,S" for row in rows)]
    assert len(done(tmp_path, **study | {"lb": "\n".join(lb)}).cohort) == 3
    for line, cells in ((2, "F,02,S"), (4, "M,01,S"), (6, "M,02,T")):
        lb[line - 1] = lb[line - 1].replace("M,02,S", cells)
    found = problems(tmp_path, **study | {"lb": "\n".join(lb)})
    assert {(row, column): value for _, row, column, value in found} == {
        (2, "SEX"): "F beside M of dm.csv",
        (4, "SITEID"): "01 beside 02 of dm.csv",
        (6, "STUDYID"): "T beside S of dm.csv",
    }


def test_two_sexes_among_the_records_of_one_subject_are_refused(tmp_path):
    adlb = (
        "USUBJID,PARAMCD,AVAL,AVALU,ADT,SEX\nA,LYM,1.4,10^9/L,2026-03-02,F\n"
        "A,LYM,1.1,10^9/L,2026-03-09,M\n"
    )
    refused(tmp_path, "adlb.csv", "M beside F", dm=None, pr=None, lb=None, adlb=adlb)


def test_data_sets_without_a_common_subject_are_refused(tmp_path):
    pr = PR.replace("X-1", "Q-7").replace("X-2", "Q-8")
    refused(tmp_path, "pr.csv", "Q-7", "X-1", "no subject is in both", pr=pr)


def test_patients_whom_a_join_loses_are_named(tmp_path):
    pr = PR + "Z-9,1,SBRT,RADIOTHERAPY,10,Gy,2026-03-02,LIVER\n"
    lost = LB + "Y-5,1,LYM,1.1,10^9/L,1.1,1.1,10^9/L,2026-03-02\n"
    reported = account(done(tmp_path, '[subject]\nexclude = ["Z-9"]', pr=pr, lb=lost))
    assert "treated subject(s) without any lymphocyte count: Z-9" in reported
    assert "without any fraction, taken as untreated: Y-5" in reported
    assert "not in DM or ADSL: Y-5, Z-9" in reported


def test_an_immune_dose_names_whom_it_does_not_find_on_either_side(tmp_path):
    done(tmp_path)
    folder, table = tmp_path / "study0", tmp_path / "doses.csv"
    table.write_text("ID,IMMUNE_DOSE_GY\nX-1,2.5\nQ-4,1.0\n")
    reported = account(convert(folder, immune_dose=table))
    assert "doses.csv: 1 subject(s) with records have no dose in it: X-2" in reported
    assert "doses.csv: 1 patient(s) in it have no records: Q-4" in reported
    pseudonyms = account(convert(folder, key=b"a secret key of the study", immune_dose=table))
    assert "X-2" not in pseudonyms
    assert "Q-4" not in pseudonyms
    table.write_text("ID,IMMUNE_DOSE_GY\nX-01,2.5\n")
    with pytest.raises(Exception, match=r"X-01 \(is it X-1\?"):
        convert(folder, immune_dose=table)
    mapping = tmp_path / "rename.toml"
    mapping.write_text('[subject.rename]\n"X-01" = "X-1"')
    assert convert(folder, mapping, immune_dose=table).cohort.patients.loc["X-1"][
        "immune_dose_gy"
    ] == pytest.approx(2.5)


def test_what_was_accepted_of_an_immune_dose_stays_with_the_result(tmp_path):
    done(tmp_path)
    folder, table = tmp_path / "study0", tmp_path / "doses.csv"
    rows = "ID,IMMUNE_DOSE_GY,IMMUNE_DOSE_SOURCE\nX-1,13,dicom\nX-2,1.2,dicom\n"
    table.write_text(rows)
    with pytest.raises(BadInput, match="`immune_dose`"):
        convert(folder, immune_dose=table)
    reasons = {"immune_dose": "total body, in the chart", "planning_images": "two lesions"}
    table.write_text("".join(f"# accepted {n}: {why}\n" for n, why in reasons.items()) + rows)
    conversion = convert(folder, immune_dose=table)
    assert conversion.account.accepted == conversion.cohort.accepted == reasons
    out, _ = conversion.write(tmp_path / "events.csv")
    assert read_events(out).accepted == {"immune_dose": reasons["immune_dose"]}
    for name, why in reasons.items():
        assert f"# accepted {name}: {why}" in out.read_text()


def test_a_start_of_another_year_is_asked_for(tmp_path):
    """The start of DM, moved by some days against the only records: counts of days -3 and 14."""
    asked, warned, silent = (-64, 75, 380), (-63, -34, 74), (-33, 0, 44)
    starts = {days: str(date(2026, 3, 2) + timedelta(days)) for days in (*asked, *warned, *silent)}
    study = patients(len(starts)) | {"pr": None}
    for line, start in enumerate(starts.values(), start=2):
        before, _, after = study["dm"].partition(f"X-{line - 1},SBRT,58,M,02,2026-03-02")
        study["dm"] = f"{before}X-{line - 1},SBRT,58,M,02,{start}{after}"
    found = problems(tmp_path, **study)
    far = {2: "61 days", 3: "61 days", 4: "366 days"}
    assert set(found) == {("dm.csv", line, "RFXSTDTC", text) for line, text in far.items()}
    assert all("`treatment_start`" in expected for expected in found.values()), found
    reported = account(done(tmp_path, '[accept]\ntreatment_start = "as it is"\n', **study))
    told = re.findall(r"the nearest count, fraction or dose \((\w+).*?\): (.*)", reported)
    assert told == [
        ("accepted", "line 2 RFXSTDTC 61 days; line 3 RFXSTDTC 61 days; line 4 RFXSTDTC 366 days"),
        ("usual", "line 5 RFXSTDTC 60 days; line 6 RFXSTDTC 31 days; line 7 RFXSTDTC 60 days"),
    ]
    for start in starts.values():
        assert start not in reported


@pytest.mark.parametrize(("key", "arms"), [("", ["SBRT", "SBRT"]), ("planned", ["SBRT", "SBRT"]),
                                           ("actual", ["SBRT+ATRA", "sbrt"])])  # fmt: skip
def test_a_planned_arm_that_is_not_the_actual_one_is_reported(tmp_path, key, arms):
    dm = DM.replace("ARM", "ARM,ACTARM").replace("SBRT,61", "SBRT,SBRT+ATRA,61")
    dm = dm.replace("SBRT,58", "SBRT,sbrt,58")
    read = done(tmp_path, f'[subject]\narm = "{key}"\n', dm=dm)
    assert read.cohort.patients["arm"].tolist() == arms
    reported = "the planned arm of 1 subject(s) is not the actual one (X-1)" in account(read)
    assert reported == (not key)


def test_a_data_set_in_two_files_is_refused(tmp_path):
    done(tmp_path)
    folder = tmp_path / "study0"
    (folder / "lb.txt").write_text(LB)
    with pytest.raises(Exception, match=r"lb.csv, lb.txt"):
        convert(folder)


def test_covariates_that_two_data_sets_state_otherwise_are_reported(tmp_path):
    adsl = "USUBJID,ARM,AGE\nX-1,SBRT,62\nX-2,SBRT,58\n"
    reported = account(done(tmp_path, adsl=adsl))
    assert "adsl.csv: the age of 1 subject(s) is not that of the data set before" in reported


@pytest.fixture(scope="module")
def in_order(tmp_path_factory) -> Conversion:
    """The study as it stands, converted."""
    return done(tmp_path_factory.mktemp("study"))


@pytest.mark.parametrize("name", ["dm", "lb", "pr"])
def test_the_order_of_rows_decides_nothing(name, in_order, tmp_path):
    texts = {"dm": DM, "lb": LB, "pr": PR}
    head, *rows = texts[name].splitlines()
    changed = done(tmp_path, **{name: "\n".join([head, *reversed(rows)])})
    for who in ("X-1", "X-2"):
        assert counts(changed, who) == counts(in_order, who)
        assert fractions(changed, who) == fractions(in_order, who)
