"""A table of sites of a hospital's own: read, refused, and followed by cohorts and conversions."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.dose import immune_dose_log_sd, reference_immune_dose
from lymphokin.io.sites import read_saved, read_sites
from lymphokin.shipped import data_path
from lymphokin.sites import COLUMNS, shipped_sites
from tests.io.cdisc_study import FILES

OWN = Path(__file__).parents[2] / "docs" / "examples" / "own_sites.csv"
HEAD = "site,label,reference_course,reference_prescribed_gy,immune_dose_gy,log_sd,source,synonyms\n"
EVENTS = """ID,TIME,EVID,CMT,AMT,DVID,DV,SITE
A,-1,0,,,alc,1.5,Station 7
A,0,1,rt,8,,,
B,-1,0,,,alc,1.2,hepatic+spine
B,0,1,rt,8,,,
"""


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(EVENTS)
    return path


def problems(path: Path, text: str, encoding: str = "utf-8", **settings) -> str:
    path.write_text(text, encoding=encoding)
    with pytest.raises(lk.BadInput) as refused:
        read_sites(path, **settings)
    return str(refused.value)


def test_a_row_adds_a_site_or_stands_for_a_shipped_one_and_says_so():
    table = read_sites(OWN)
    assert [n for n in table.by_name if n not in shipped_sites().by_name] == ["mediastinal_node"]
    assert table.by_name["mediastinal_node"].immune_dose_per_gy == 2.8 / 40
    assert table.notes == ("liver: 0.061 Gy per Gy from own_sites.csv instead of 0.05 Gy per Gy",)
    assert table.class_of("Mediastinum + HEPATIC") == "mediastinal_node+liver"
    assert table.labels("fr")["mediastinal lymph node"] == "ganglion médiastinal"
    assert shipped_sites().class_of("mediastinum") is None


def test_the_shipped_table_keeps_to_the_rules_of_own_ones_and_is_written_back_as_it_is(tmp_path):
    shipped = data_path("immune_dose_by_site.csv")
    table = read_sites(shipped)
    assert dict(table.by_name) == dict(shipped_sites().by_name)
    assert not table.notes
    assert pd.read_csv(shipped).columns.drop("label_fr").tolist() == list(COLUMNS)
    (tmp_path / "saved.csv").write_text(read_sites(OWN).as_text(), encoding="utf-8")
    again = read_saved(tmp_path / "saved.csv", "own_sites.csv", "its hash")
    assert dict(again.by_name) == dict(read_sites(OWN).by_name)
    assert (again.file, again.sha256) == ("own_sites.csv", "its hash")


def test_everything_wrong_with_a_table_is_reported_at_once(tmp_path):
    said = problems(tmp_path / "ours.csv", HEAD.replace("\n", ",logsd\n") + (
        "Hilum,h,5x8 Gy,40,2.8,0.3,x,a+b,\n"
        "hilum,h,5x8 Gy,0,-1,0,,hepatic,\n"
        "dome,dome,5 times 8,40,,60,y,station|Hilum,\n"
        "node,,5x7 Gy,36,x,,=1+1,station|LIVER,\n"
    ))  # fmt: skip
    expected = (
        *("ours.csv: ", "LOGSD (log_sd?)", "line 2: found Hilum (hilum?)", "line 2: found a+b"),
        *(
            "line 3: found 0",
            "line 3: found -1",
            "above 0, at most 2",
            "line 4: found 60 (percent?)",
        ),
        *("line 3: found hepatic (that of liver)", "line 3: found h (that of line 2)"),
        *("line 4: found 5 times 8", "line 4: found hilum (that of line 3)"),
        *("a label of the site", "35 of 5x7 Gy", "line 5: found x", "line 5: found =1+1"),
        *("line 5: found station (that of line 4)", "line 5: found liver (that of liver)"),
    )
    assert [text for text in expected if text not in said] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "an empty file"),
        (HEAD, "at least one site"),
        ("site,label\nhilum,h\n", "a column immune_dose_gy"),
        (HEAD + "hilum,h,5x8 Gy,40,20,,x,\n", "immune_dose_per_prescribed_gy"),
        (HEAD + "hilum,h\n", "8 cells in a row"),
        (HEAD + "hilum,liver,5x8 Gy,40,2,,x,\n", "that of liver"),
    ],
)
def test_what_is_no_table_of_sites_is_refused(tmp_path, text, expected):
    assert expected in problems(tmp_path / "ours.csv", text)


def test_a_table_is_read_as_spreadsheets_write_it(tmp_path):
    """Semicolons, decimal commas, a byte-order mark, Windows letters: as other people's files."""
    text = HEAD.replace(",", ";") + "hilum;hile gauche é;5x7,25 Gy;36,25;2,5;0,4;made up;hile\n"
    for encoding in ("utf-8-sig", "cp1252"):
        (tmp_path / "ours.csv").write_text(text, encoding=encoding)
        site = read_sites(tmp_path / "ours.csv").by_name["hilum"]
        assert (site.immune_dose_per_gy, site.log_sd) == (2.5 / 36.25, 0.4)
        assert site.label == "hile gauche é"


def test_a_comment_about_sites_asks_for_no_table(tmp_path):
    path = tmp_path / "events.csv"
    rows = "ID,TIME,EVID,CMT,AMT,DVID,DV\nA,-3,0,,,alc,1.4\nA,0,1,rt,8,,\n"
    path.write_text("# sites of metastases as coded by the physician\n" + rows)
    assert len(lk.read_events(path)) == 1


def test_an_improbable_dose_is_accepted_by_name_and_stays_accepted(tmp_path):
    comment = "# accepted immune_dose_per_prescribed_gy: total marrow\n"
    path = tmp_path / "ours.csv"
    path.write_text(comment + HEAD + "marrow,marrow,5x2 Gy,10,5,,made up,\n")
    table = read_sites(path)
    assert table.accepted == {"immune_dose_per_prescribed_gy": "total marrow"}
    (tmp_path / "saved.csv").write_text(table.as_text())
    assert read_saved(tmp_path / "saved.csv", "", "").accepted == table.accepted


def test_the_sites_of_a_run_keep_their_numbers(tmp_path):
    run = read_sites(OWN)
    row = "liver,liver,5x10 Gy,50,2.5,,made up,hepatic\n"
    assert "0.061 Gy per Gy, with which the run was made" in problems(
        tmp_path / "ours.csv", HEAD + row, of_run=run
    )
    further = HEAD + "hilum,hilum,5x8 Gy,40,2,0.4,made up,\n" + row.replace("2.5", "3.05")
    (tmp_path / "ours.csv").write_text(further)
    table = read_sites(tmp_path / "ours.csv", of_run=run)
    assert {"hilum", "mediastinal_node"} <= set(table.by_name)
    assert table.file == "own_sites.csv, ours.csv"


def test_a_cohort_carries_its_sites_to_every_dose(events, tmp_path):
    with pytest.raises(lk.BadInput, match="Station 7") as refused:
        lk.read_events(events)
    assert "a table of your own" in str(refused.value)
    cohort = lk.read_events(events, sites=OWN)
    assert cohort.patients["site"].tolist() == ["mediastinal_node", "liver+spine"]
    assert cohort.warnings[-1].startswith("liver: 0.061 Gy per Gy from own_sites.csv instead of")
    doses = reference_immune_dose(cohort).fractions["immune_dose_gy"]
    assert doses.tolist() == pytest.approx([8 * 2.8 / 40, 8 * (3.05 / 50 + 0.95 / 27)])
    log_sd = immune_dose_log_sd(cohort.patients, cohort.sites)
    assert log_sd[0] == 0.3
    assert cohort.select(["B"]).until(0).sites is cohort.sites
    copy = tmp_path / "copy.csv"
    lk.write_events(cohort, copy)
    with pytest.raises(lk.BadInput, match=r"the table of sites own_sites\.csv"):
        lk.read_events(copy)
    again = lk.read_events(copy, sites=read_sites(OWN))
    assert reference_immune_dose(again).fractions["immune_dose_gy"].tolist() == doses.tolist()
    other = tmp_path / "other_sites.csv"
    other.write_text(OWN.read_text(encoding="utf-8").replace("2.8", "2.9"), encoding="utf-8")
    assert any("another own_sites.csv" in w for w in lk.read_events(copy, sites=other).warnings)


def test_a_conversion_knows_the_words_of_own_sites(tmp_path):
    head = "USUBJID,PRSEQ,PRTRT,PRDOSE,PRDOSU,PRSTDTC,PRLOC\n"
    rows = "X-1,1,SBRT,10,Gy,2026-03-02,MEDIASTINUM\nX-1,2,SBRT,10,Gy,2026-03-02,LIVER\n"
    folder = tmp_path / "study"
    folder.mkdir()
    for name, text in (FILES | {"pr": head + rows}).items():
        (folder / f"{name}.csv").write_text(text)
    command = ["data", "convert", str(folder), "--out", str(tmp_path / "e.csv"), "--json"]
    mapping = tmp_path / "m.toml"
    mapping.write_text('[radiotherapy]\nrow = "fraction"\n')
    command += ["--mapping", str(mapping), "--sites", str(OWN)]
    ran = CliRunner().invoke(app, command, catch_exceptions=False)
    assert '"own_sites.csv"' in ran.stdout
    assert "instead of 0.05 Gy per Gy" in ran.stdout
    table = lk.read_events(tmp_path / "e.csv", sites=OWN)
    assert table.patients.loc["X-1", "site"] == "mediastinal_node+liver"
    shown = CliRunner().invoke(app, ["data", "validate", str(tmp_path / "e.csv")])
    assert isinstance(shown.exception, lk.BadInput)
    command = ["data", "validate", str(tmp_path / "e.csv"), "--sites", str(OWN)]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
