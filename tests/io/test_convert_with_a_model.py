"""Other people's files hold what a model declares: drugs, observables, events, covariates."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import lymphokin as lk
from lymphokin.io.template import event_table_template
from lymphokin.quantities import Drug, Observable, VaryingCovariate, Vocabulary


@dataclass(frozen=True)
class Words:
    """A model, as readers of tables know it."""

    vocabulary: Vocabulary


MODEL = Words(
    Vocabulary(
        observables={
            "alc": Observable("alc", "1e9/L", "lymphocytes", "lymphocyte counts"),
            "nk": Observable("nk", "cells/uL", "NK cells", "NK counts"),
            "mab_level": Observable("mab_level", "mg/L", "antibody", "antibody levels"),
            "diameter": Observable("diameter", "mm", "diameter", "diameters", per_lesion=True),
        },
        drugs={
            "mab": Drug("mab", "mg", "antibody", infused=True),
            "boost": Drug("boost", "ug", "booster"),
        },
        model="own",
        varying={"STEROIDS": VaryingCovariate("STEROIDS", "mg", "prednisone a day", 0, 200, 0)},
        events={"relapse": Observable("relapse", "1", "relapse", "relapses", event=True)},
    )
)

NONMEM = """ID,TIME,EVID,CMT,AMT,II,ADDL,RATE,DVID,DV,LESION,SD,PRED
1,-72,0,4,,,,,1,1400,,70,6
1,-72,0,4,,,,,2,0.21,,,6
1,-72,0,4,,,,,4,2.5,2,,6
1,0,1,9,8,24,2,,,,,,
1,24,1,1,0.3,336,1,0.0025,,,,,
1,36,1,2,40,,,,,,,,
1,60,2,,,,,,,,,,20
1,100,0,4,,,,,3,55,,,20
1,336,0,4,,,,,2,<0.06,,,20
1,336,0,4,,,,,7,0,,,20
1,2400,0,4,,,,,7,1,,,0
"""
CODES = """[nonmem]
time_unit = "hours"
interval_unit = "hours"
cmt = { 1 = "mab", 2 = "boost", 9 = "rt" }
dvid = { 1 = "alc", 2 = "NK", 3 = "mab_level", 4 = "diameter", 7 = "relapse" }
columns = { PRED = "STEROIDS" }
units = { alc = "/uL", nk = "10^9/L", mab_level = "ug/mL", diameter = "cm" }
amount_units = { mab = "g", boost = "ug" }
"""


def made(folder: Path, table: str, mapping: str, model: Words | None = MODEL, name="data.csv"):
    (folder / name).write_text(table)
    (folder / "mapping.toml").write_text(mapping)
    return lk.convert(folder / name, folder / "mapping.toml", model=model)


def refused(folder: Path, table: str, mapping: str, *reported: str, model: Words | None = MODEL):
    with pytest.raises(lk.BadInput) as error:
        made(folder, table, mapping, model)
    for word in reported:
        assert word in str(error.value), str(error.value)


def test_a_nonmem_table_becomes_the_cohort_of_the_model(tmp_path):
    done = made(tmp_path, NONMEM, CODES)
    cohort = lk.read_events(done.write(tmp_path / "events.csv")[0], model=MODEL)
    for table in ("patients", "fractions", "doses", "observations", "varying"):
        written, read = getattr(done.cohort, table), getattr(cohort, table)
        columns = [c for c in written if c not in ("row", "start_date")]
        pd.testing.assert_frame_equal(written[columns], read[columns])
    assert cohort.fractions["day"].tolist() == [0, 1, 2]
    doses = cohort.doses[["drug", "day", "amount_mg", "duration"]].values.tolist()
    # 0.3 g at 0.0025 g/h last 120 h; every 336 h
    assert doses == [["mab", 1, 300, 5], ["boost", 1.5, 40, 0], ["mab", 15, 300, 5]]
    seen = cohort.observations
    assert seen.fillna({"value": -1})[["quantity", "day", "value", "lesion"]].values.tolist() == [
        ["alc", -3, 1.4, 0],
        ["nk", -3, 210, 0],
        ["diameter", -3, 25, 2],
        ["alc", 2.5, -1, 0],  # a visit without a result, which states the covariate
        ["mab_level", pytest.approx(100 / 24, abs=1e-6), 55, 0],
        ["nk", 14, 60, 0],
        ["relapse", 14, 0, 0],
        ["relapse", 100, 1, 0],
    ]
    assert seen["quantity"][seen["censored"]].tolist() == ["nk"]
    assert seen["sd"].tolist()[0] == pytest.approx(0.07)
    stated = cohort.varying[["day", "value"]].drop_duplicates().values.tolist()
    assert stated == [
        [-3, 6],
        [2.5, 20],
        [pytest.approx(100 / 24, abs=1e-6), 20],
        [14, 20],
        [100, 0],
    ]
    reported = "\n".join(done.account.lines())
    assert "11 rows = 11 used + 0 dropped" in reported
    assert "2 NK counts" in reported
    assert "2 antibody doses + 1 booster doses" in reported
    assert "1 visits that state a covariate" in reported


def test_without_the_model_the_word_of_the_mapping_is_quoted(tmp_path):
    refused(
        tmp_path, NONMEM, CODES,
        '1 = "mab" of [nonmem.cmt] in the mapping', "one of rt, atra",
        '2 = "NK" of [nonmem.dvid]', "where that model is given", model=None,
    )  # fmt: skip
    refused(
        tmp_path, NONMEM, CODES.replace('"boost"', '"bost"'),
        '2 = "bost" of [nonmem.cmt]', "one of rt, mab, boost, atra", "boost?",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (('nk = "10^9/L"', 'nk = "mg/L"'), ("the unit of nk, which becomes cells/uL", "mg/L")),
        (('mab_level = "ug/mL"', 'mab_level = "nmol/L"'), ("which becomes mg/L", "nmol/L")),
        (('mab = "g"', 'mab = "IU"'), ("the amounts of mab, which become mg", "IU")),
        (('mab = "g", ', ""), ("the amounts of mab, which become mg", "[nonmem.amount_units] mab")),
        (('PRED = "STEROIDS"', 'STEROIDS = "PRED"'), ("STEROIDS", "theirs = ours", '"PRED"')),
        (('mab = "g"', 'rt = "cGy", mab = "g"'), ("amount_units.rt", "fractions are in Gy")),
        (('nk = "10^9/L"', 'NK = "10^9/L"'), ("nonmem.units.NK", "one of alc, nk")),
        (
            ("units = { alc", 'logarithms = { NK = "e" }\nunits = { alc'),
            ("nonmem.logarithms.NK", "one of alc, nk"),
        ),
    ],
)
def test_units_and_names_are_asked_for(change, reported, tmp_path):
    refused(tmp_path, NONMEM, CODES.replace(*change), *reported)


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (("1,2,40,,,,", "1,2,40,,,10,"), ("RATE", "drugs that the model infuses (mab)", "line 7")),
        (("336,1,0.0025", "336,1,-2"), ("RATE", "that a model estimates are not known")),
        ((",7,1,,,0", ",7,2,,,0"), ("DV", "1 (it has happened) or 0", "line 12")),
        ((",3,55,,,20", ",3,55,,,300"), ("STEROIDS", "0 to 200 mg", "line 9")),
        ((",2,<0.06,,,20", ",2,<0.06,,,30"), ("one value per subject, time and test", "line 11")),
        ((",4,2.5,2,", ",4,2.5,,"), ("LESION", "the number of the lesion")),
        ((",2,0.21,,", ",2,0.21,3,"), ("LESION", "the quantity is of the patient")),
    ],
)
def test_what_the_model_does_not_read_is_refused_at_its_row(change, reported, tmp_path):
    assert change[0] in NONMEM
    refused(tmp_path, NONMEM.replace(*change), CODES, *reported)


def test_columns_and_records_that_the_model_does_not_read_are_told(tmp_path):
    table = NONMEM.replace("PRED", "OTHER").replace("1,336,0,4,,,,,7,0", "1,336,0,4,,,,,5,40")
    codes = CODES.replace('columns = { PRED = "STEROIDS" }\n', "")
    codes = codes.replace('7 = "relapse"', '5 = "mdsc", 7 = "relapse"')
    done = made(tmp_path, table, codes.replace('nk = "10', 'mdsc = "/uL", nk = "10'))
    said = "\n".join(done.account.lines())
    assert "columns that are not read: OTHER" in said
    assert "there is no column STEROIDS: it counts as 0 mg" in said
    assert "1 mdsc record(s) are not used: model own does not measure mdsc" in said
    assert "dropped 1: EVID 2" in said


SHEET = """Patient;ALC 0;ALC 6;NK 0;NK 6;L1 0;L2 0;Pred 0;Pred 6;Relapse 6;Relapse 12
A;1400;500;0,2;<0,05;25;12;4;0;0;1
B;1500;;0,3;0,1;30;;;8;0;
"""
COLUMNS = """[wide]
id = "Patient"
unit = "/uL"
visits = { "ALC 0" = -1, "ALC 6" = 42 }
fraction_days = [0, 1]
fraction_gy = 8

[wide.more.NK]
unit = "10^9/L"
visits = { "NK 0" = -1, "NK 6" = 42 }

[wide.more.diameter]
unit = "mm"
visits = { "L1 0" = -2, "L2 0" = -2 }
lesions = { "L1 0" = 1, "L2 0" = 2 }

[wide.more.STEROIDS]
unit = "mg"
visits = { "Pred 0" = -1, "Pred 6" = 21 }

[wide.more.relapse]
visits = { "Relapse 6" = 42, "Relapse 12" = 84 }
"""


def test_a_sheet_holds_all_that_the_model_measures(tmp_path):
    done = made(tmp_path, SHEET, COLUMNS)
    cohort = lk.read_events(done.write(tmp_path / "events.csv")[0], model=MODEL)
    seen = cohort.observations.dropna(subset=["value"])
    records = seen[["id", "quantity", "day", "value", "lesion"]].values.tolist()
    assert sorted(records) == [
        ["A", "alc", -1, 1.4, 0],
        ["A", "alc", 42, 0.5, 0],
        ["A", "diameter", -2, 12, 2],
        ["A", "diameter", -2, 25, 1],
        ["A", "nk", -1, 200, 0],
        ["A", "nk", 42, 50, 0],
        ["A", "relapse", 42, 0, 0],
        ["A", "relapse", 84, 1, 0],
        ["B", "alc", -1, 1.5, 0],
        ["B", "diameter", -2, 30, 1],
        ["B", "nk", -1, 300, 0],
        ["B", "nk", 42, 100, 0],
        ["B", "relapse", 42, 0, 0],
    ]
    assert seen["censored"].sum() == 1
    stated = cohort.varying[["id", "day", "value"]].values.tolist()
    assert stated == [["A", -1, 4], ["A", 21, 0], ["B", 21, 8]]


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (
            (', "L2 0" = 2 }', " }"),
            ("lesion that was measured", "[wide.more.diameter.lesions]"),
        ),
        (("more.NK", "more.nkk"), ("nkk", "one of alc, nk, mab_level, diameter, relapse")),
        (('unit = "10^9/L"', 'unit = "mg/L"'), ('[wide.more.NK] unit = "cells/uL"', "mg/L")),
        (('unit = "mm"', 'units = "mm"'), ("wide.more.diameter.units", "unit?")),
    ],
)
def test_a_column_of_a_visit_needs_its_quantity_unit_and_lesion(change, reported, tmp_path):
    assert change[0] in COLUMNS
    refused(tmp_path, SHEET, COLUMNS.replace(*change), *reported)


STUDY = {
    "dm": """USUBJID,ARM,RFSTDTC,RFXSTDTC,WEIGHTBL
X-1,A,2026-03-02,2026-03-02,70
X-2,B,2026-03-02,2026-03-02,80
""",
    "lb": """USUBJID,LBSEQ,LBTESTCD,LBORRES,LBORRESU,LBDTC,LBSPEC
X-1,1,LYM,1.4,10^9/L,2026-02-27,BLOOD
X-1,2,NKC,0.21,10^9/L,2026-02-27,BLOOD
X-1,3,NKC,90,/uL,2026-03-16T09:00,BLOOD
X-1,4,PRED,0.02,g,2026-03-16T09:00,
X-1,5,GLUC,5,mmol/L,2026-03-16T09:00,BLOOD
X-2,1,LYM,1.6,10^9/L,2026-02-27,BLOOD
X-2,2,PRED,8,mg,2026-02-27,
""",
    "pc": """USUBJID,PCSEQ,PCTESTCD,PCORRES,PCORRESU,PCDTC,PCSPEC
X-1,1,MABX,55,ug/mL,2026-03-03T12:00,SERUM
X-1,2,MABX,40,ug/mL,2026-03-05,SERUM
""",
    "pr": """USUBJID,PRSEQ,PRTRT,PRDOSE,PRDOSU,PRSTDTC
X-1,1,SBRT,8,Gy,2026-03-02
X-2,1,SBRT,8,Gy,2026-03-02
""",
    "ex": """USUBJID,EXSEQ,EXTRT,EXDOSE,EXDOSU,EXDOSFRQ,EXROUTE,EXSTDTC,EXENDTC
X-1,1,MABX,0.3,g,ONCE,INTRAVENOUS,2026-03-03T06:00,2026-03-03T12:00
X-1,2,MABX,4,mg/kg,ONCE,INTRAVENOUS,2026-03-17T06:00,2026-03-17T09:00
X-2,1,BOOST,40,ug,QD,ORAL,2026-03-04,2026-03-05
X-2,2,ASPIRIN,100,mg,QD,ORAL,2026-03-04,2026-03-04
""",
    "adtte": """USUBJID,PARAMCD,AVAL,CNSR,ADT
X-1,PFS,100,0,2026-06-10
X-1,OS,200,1,2026-09-18
X-2,PFS,30,1,2026-04-01
""",
}
NAMES = """[lab.tests]
nk = ["NKC"]
mab_level = ["MABX"]
STEROIDS = ["PRED"]

[drugs.mab]
names = ["MABX"]

[events]
relapse = ["PFS"]
"""


def study(folder: Path, mapping: str = NAMES, model: Words | None = MODEL, **changed: str):
    (folder / "study").mkdir()
    for name, text in (STUDY | changed).items():
        (folder / "study" / f"{name}.csv").write_text(text)
    (folder / "mapping.toml").write_text(mapping)
    return lk.convert(folder / "study", folder / "mapping.toml", model=model)


def test_data_sets_of_a_study_become_the_cohort_of_the_model(tmp_path):
    done = study(tmp_path)
    cohort = lk.read_events(done.write(tmp_path / "events.csv")[0], model=MODEL)
    doses = cohort.doses[["id", "drug", "day", "amount_mg", "duration"]].values.tolist()
    assert doses == [
        ["X-1", "mab", 1.25, 300, 0.25],
        ["X-1", "mab", 15.25, 280, 0.125],  # 4 mg/kg of 70 kg
        ["X-2", "boost", 2, 40, 0],
        ["X-2", "boost", 3, 40, 0],
    ]
    seen = cohort.observations.dropna(subset=["value"])
    assert seen[["id", "quantity", "day", "value"]].values.tolist() == [
        ["X-1", "alc", -3, 1.4],
        ["X-1", "nk", -3, 210],
        ["X-1", "mab_level", 1.5, 55],
        ["X-1", "nk", 14.375, 90],
        ["X-1", "relapse", 100, 1],
        ["X-2", "alc", -3, 1.6],
        ["X-2", "relapse", 30, 0],
    ]
    varying = cohort.varying[["id", "day", "value"]].values.tolist()
    assert varying == [["X-1", 14.375, 20], ["X-2", -3, 8]]
    said = "\n".join(done.account.lines())
    assert "another treatment than antibody or booster or ATRA: ASPIRIN" in said
    assert "a level without a clock time" in said
    assert "no event of the model (relapse) by [events] of the mapping: OS" in said
    assert "antibody by any route: INTRAVENOUS" in said


ROW = "X-1,1,MABX,0.3,g,{often},INTRAVENOUS,{start},{end},{lasts}"
"""Of EX, with EXDUR."""
INFUSIONS = {
    ("ONCE", "2026-03-03T06:00", "2026-03-03T12:00", ""): 0.25,
    ("Q3W", "2026-03-03T08:00", "2026-03-03T09:30", ""): 0.0625,
    ("", "2026-03-03T23:30", "2026-03-04T01:00", ""): 0.0625,
    ("ONCE", "2026-03-03", "2026-03-03", "PT1.5H"): 0.0625,
    ("ONCE", "2026-03-03", "2026-03-03", "P0DT90M"): 0.0625,
    ("ONCE", "2026-03-03", "2026-03-03", "PT5400S"): 0.0625,
    ("ONCE", "2026-03-03", "2026-03-03", ""): 0.0,
    ("ONCE", "2026-03-03", "2026-03-03", "90 min"): "EXDUR: expected a duration of ISO 8601",
    ("ONCE", "2026-03-03T09:30", "2026-03-03T08:00", ""): "EXENDTC: expected an end after the",
    ("", "2026-03-03T08:00", "2026-03-20T08:00", ""): "the frequency of doses over several days",
}
"""By frequency, start, end and EXDUR: days of the infusion, or why it is refused."""


@pytest.mark.parametrize("stated", INFUSIONS, ids=lambda stated: " ".join(filter(None, stated)))
def test_an_infusion_lasts_as_long_as_its_row_says(stated, tmp_path):
    row = ROW.format(**dict(zip(("often", "start", "end", "lasts"), stated, strict=True)))
    ex = STUDY["ex"].splitlines()[0] + f",EXDUR\n{row}\n"
    if isinstance(INFUSIONS[stated], str):
        with pytest.raises(lk.BadInput, match=INFUSIONS[stated]):
            study(tmp_path, ex=ex)
    else:
        (duration,) = study(tmp_path, ex=ex).cohort.doses["duration"]
        assert duration == pytest.approx(INFUSIONS[stated])


@pytest.mark.parametrize(
    ("model", "change", "reported"),
    [
        (MODEL, ("lb", "90,/uL", "90,mg/L"), ("LBORRESU", "a unit that becomes cells/uL")),
        (MODEL, ("lb", "0.02,g,", "0.02,mL,"), ("LBORRESU", "a unit that becomes mg")),
        (MODEL, ("ex", "40,ug", "40,IU"), ("EXDOSU", "ug, the unit of booster", "IU")),
        (MODEL, ("adtte", "30,1,", "30,,"), ("CNSR", "0 (an event)")),
        (MODEL, ("mapping", "[drugs.mab]", "[drugs.mabx]"), ("drugs.mabx", "mab, boost")),
        (MODEL, ("mapping", "names = [", "open_end = ["), ("text in drugs.mab.open_end",)),
        (None, ("lb", "", ""), ("lab.tests.nk", "drugs.mab", "events.relapse", "that model")),
    ],
)
def test_a_study_is_refused_where_words_or_units_are_not_the_models(
    model, change, reported, tmp_path
):
    name, old, new = change
    mapping = NAMES.replace(old, new) if name == "mapping" else NAMES
    changed = {} if name == "mapping" else {name: STUDY[name].replace(old, new)}
    with pytest.raises(lk.BadInput) as error:
        study(tmp_path, mapping, model, **changed)
    for word in reported:
        assert word in str(error.value), str(error.value)


def test_an_empty_table_is_one_for_the_model(tmp_path):
    text = event_table_template(MODEL.vocabulary)
    assert "# CMT: of a dose: rt (radiotherapy fraction) or mab or boost\n" in text
    assert "# AMT: of a dose: Gy of that fraction, mg of mab, ug of boost\n" in text
    assert "nk (cells/uL), mab_level (mg/L), diameter (mm, per lesion), relapse (1: it" in text
    header = text.splitlines()[-1].split(",")
    row = {"ID": "1", "TIME": "0", "EVID": "0", "DVID": "diameter", "DV": "12", "LESION": "2"}
    row |= {"STEROIDS": "4"}
    (tmp_path / "filled.csv").write_text(text + ",".join(row.get(n, "") for n in header) + "\n")
    cohort = lk.read_events(tmp_path / "filled.csv", model=MODEL)
    assert cohort.observations[["quantity", "value", "lesion"]].values.tolist() == [
        ["diameter", 12, 2]
    ]
    assert cohort.varying["value"].tolist() == [4]
