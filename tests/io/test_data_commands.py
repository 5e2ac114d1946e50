"""`lymphokin data` and `lymphokin dose` as a user meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lymphokin.cli import main
from lymphokin.commands import data
from lymphokin.io import BadInput, read_events
from lymphokin.io.convert import convert
from lymphokin.io.convert.datasets import read_dataset
from lymphokin.shipped import data_path
from tests.dose.dicom_phantom import (
    BIRTH,
    NAME,
    NUMBER,
    box,
    write_dose,
    write_plan,
    write_structures,
)
from tests.io.test_convert_pilot import _as_json, _as_xpt, lymphocytes
from tests.io.test_convert_study import FILES


class Done:
    """A command run in this process."""

    def __init__(self, returncode: int, stdout: str, stderr: str) -> None:
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


@pytest.fixture
def lymphokin(capsys, monkeypatch):
    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["lymphokin", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as left:
            main()
        reported = capsys.readouterr()
        return Done(int(left.value.code or 0), reported.out, reported.err)

    return run


@pytest.fixture
def sdtm(tmp_path: Path) -> Path:
    folder = tmp_path / "sdtm"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_convert_writes_the_table_and_its_account(lymphokin, sdtm, tmp_path):
    (tmp_path / "key").write_bytes(os.urandom(32))
    (tmp_path / "doses.csv").write_text(
        "ID,IMMUNE_DOSE_GY,IMMUNE_DOSE_SOURCE\nT-01,1.3,dicom\nX-99,2,dicom\n"
    )
    done = lymphokin(
        "data", "convert", sdtm, "--out", tmp_path / "events.csv", "--hash-key", tmp_path / "key",
        "--immune-dose", tmp_path / "doses.csv", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout)
    cohort = read_events(tmp_path / "events.csv")
    assert reported["event_table"]["records"] == len(cohort.to_events())
    assert cohort.patients["immune_dose_gy"].tolist()[0] == 1.3
    assert cohort.patients["immune_dose_source"].tolist() == ["dicom", None]
    doses = next(s for s in reported["sources"] if s["file"] == "doses.csv")
    assert (doses["rows"], doses["used"], doses["dropped"]) == (2, 1, 1)
    everything = done.stdout + done.stderr + "".join(
        p.read_text() for p in tmp_path.glob("events*")
    )  # fmt: skip
    for secret in ("T-01", "Doe", "1962", "2026-"):
        assert secret not in everything


def test_bad_input_writes_nothing_and_ends_with_2(lymphokin, sdtm, tmp_path):
    (sdtm / "lb.csv").write_text(
        FILES["lb"].replace("GI/L", "furlongs").replace("10^9/L", "furlongs")
    )
    done = lymphokin("data", "convert", sdtm, "--out", tmp_path / "events.csv")
    assert done.returncode == 2
    assert "furlongs" not in "".join(map(str, tmp_path.iterdir()))
    assert {p.name for p in tmp_path.iterdir()} == {"sdtm"}
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "reported"),
    [("nowhere", "no such file"), ("notes.doc", "one of .xpt"), (".", "neither LB nor ADLB")],
)
def test_a_source_that_is_none(lymphokin, source, reported, tmp_path):
    (tmp_path / "notes.doc").write_text("x")
    done = lymphokin("data", "convert", tmp_path / source, "--out", tmp_path / "events.csv")
    assert done.returncode == 2
    assert reported in done.stderr
    assert not (tmp_path / "events.csv").exists()


def test_a_sheet_without_a_mapping_leads_to_the_command_that_writes_one(tmp_path, capfd):
    sheet = tmp_path / "counts.csv"
    sheet.write_text("Patient,Baseline,Day 14\nP1,1.4,0.9\n")
    with pytest.raises(BadInput):
        data.convert(sheet, tmp_path / "events.csv")
    assert f"lymphokin data template {sheet} --out mapping.toml" in capfd.readouterr().err


def test_validate_tells_every_problem(lymphokin, tmp_path):
    table = tmp_path / "trial.csv"
    table.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV\n1,-3,0,,,alc,1450\n1,0,1,rt,8,,\n1,1,1,rt,,,\n")
    done = lymphokin("data", "validate", table, "--json")
    assert done.returncode == 2
    reported = json.loads(done.stdout)
    assert not reported["usable"]
    assert {(p["row"], p["column"]) for p in reported["problems"]} == {(2, "DV"), (4, "AMT")}
    assert "write 1.45" in reported["problems"][0]["hint"]
    done = lymphokin("data", "validate", table)
    assert done.returncode == 2
    assert "line 2" in done.stderr
    table.write_text("ID,TIME,EVID,CMT,AMT,DVID,DV\n1,-3,0,,,alc,1.45\n1,0,1,rt,8,,\n")
    assert lymphokin("data", "validate", table).returncode == 0


def test_the_template_is_an_empty_table_that_can_be_filled_in(lymphokin, tmp_path):
    done = lymphokin("data", "template", "--out", tmp_path / "trial.csv")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "trial.csv").read_text()
    with pytest.raises(BadInput, match="at least one record"):
        read_events(tmp_path / "trial.csv")
    example = [line[2:] for line in text.splitlines() if line.startswith("# P01")]
    assert len(example) == 4
    (tmp_path / "trial.csv").write_text(text + "\n".join(example) + "\n")
    cohort = read_events(tmp_path / "trial.csv")
    assert (len(cohort.fractions), len(cohort.doses), len(cohort.observations)) == (5, 3, 2)


def test_the_mapping_template_is_a_mapping_of_defaults(tmp_path):
    from lymphokin.io.convert.mapping import read_mapping
    from lymphokin.io.convert.mapping_defaults import DEFAULTS
    from lymphokin.io.template import mapping_template

    lines = [line.removeprefix("# ") for line in mapping_template().splitlines()]
    kept = [line for line in lines if line.startswith("[") or " = " in line]
    (tmp_path / "mapping.toml").write_text("\n".join(line for line in kept if "theirs" not in line))
    assert read_mapping(tmp_path / "mapping.toml") == DEFAULTS


RESULTS = ("values", "below_limit", "above_limit", "between_limits", "no_result")


def test_summary_counts_and_draws(lymphokin, tmp_path):
    small_table = data_path("synthetic_sbrt_atra_trial.csv")
    done = lymphokin("data", "summary", small_table, "--out", tmp_path / "counts.png", "--json")
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout)
    cohort = read_events(small_table)
    seen = cohort.observations.query("quantity == 'alc'")
    row = reported["quantities"]["alc"]
    assert row["visits"] == len(seen)
    assert sum(row[name] for name in RESULTS) == len(seen)
    assert sum(w["counts"] for w in reported["weeks"]) == int(seen["value"].notna().sum())
    of_week = seen["value"][seen["value"].notna() & (seen["day"] // 7 == 2)]
    week = next(w for w in reported["weeks"] if w["week"] == 2)
    assert week["median"] == pytest.approx(of_week.median(), abs=6e-4)
    assert week["grade2_or_worse"] == (of_week.round(2) < 0.80).sum()
    assert (tmp_path / "counts.png").read_bytes().startswith(b"\x89PNG")


def test_dose_of_a_folder_goes_into_the_event_table_without_the_patient(lymphokin, tmp_path):
    folder = tmp_path / "dicom"
    folder.mkdir()
    uid = write_plan(folder, 5, 50)
    write_dose(folder, lambda p: 20.0 + 0 * p[..., 0], plan=uid)
    write_structures(folder, {"Heart": box((-30, -20, -30), (10, 40, 30))})
    done = lymphokin("dose", folder, "--json", "--out", tmp_path / "d.csv", "--subject", "T-01")
    assert done.returncode == 0, done.stderr
    (patient,) = json.loads(done.stdout)["patients"]
    assert patient["organs"]["heart"]["mean_gy"] == pytest.approx(20, rel=0.01)
    row = (tmp_path / "d.csv").read_text().splitlines()[1].split(",")
    assert row[0] == "T-01"
    assert float(row[1]) == pytest.approx(patient["immune_dose_gy"], abs=1e-3)
    assert row[2] == "dicom"
    for secret in (*NAME.split("^"), NUMBER, BIRTH, uid):
        assert secret not in done.stdout + done.stderr + (tmp_path / "d.csv").read_text()
    done = lymphokin("dose", folder)
    assert done.returncode == 0
    assert "patient 1" in done.stdout


def test_a_broken_dose_ends_with_2_and_writes_nothing(lymphokin, tmp_path):
    folder = tmp_path / "dicom"
    folder.mkdir()
    write_dose(folder, lambda p: 4.0 + 0 * p[..., 0], DoseUnits="RELATIVE")
    done = lymphokin("dose", folder, "--out", tmp_path / "d.csv")
    assert done.returncode == 2
    assert "RELATIVE" in done.stderr
    assert not (tmp_path / "d.csv").exists()
    assert NUMBER not in done.stderr
    assert lymphokin("dose", tmp_path / "nowhere").returncode == 2


@pytest.mark.parametrize(
    "command", [("dose",), *(("data", c) for c in ("convert", "validate", "template", "summary"))]
)
def test_every_command_explains_itself(lymphokin, command):
    done = lymphokin(*command, "--help")
    assert done.returncode == 0
    assert f"lymphokin {' '.join(command)}" in done.stdout


@pytest.mark.parametrize("cut", [80, 400, 4000, 80 * 137, -80 * 3, -7])
def test_a_cut_transport_file_is_never_taken_for_a_shorter_one(cut, tmp_path):
    # At 4000 bytes all is there but the records: an empty data set, which has no counts.
    _as_xpt(lymphocytes().reset_index(drop=True), tmp_path / "lb.xpt")
    whole = (tmp_path / "lb.xpt").read_bytes()
    (tmp_path / "lb.xpt").write_bytes(whole[:cut])
    with pytest.raises(BadInput, match=r"cut|damaged|no lymphocyte counts"):
        convert(tmp_path / "lb.xpt")


def test_a_cut_dataset_json_is_reported(tmp_path):
    _as_json(lymphocytes().head(20), tmp_path / "lb.ndjson")
    lines = (tmp_path / "lb.ndjson").read_text().splitlines()
    (tmp_path / "lb.ndjson").write_text("\n".join(lines[:-1]))
    with pytest.raises(BadInput, match="20 rows, as `records` says"):
        convert(tmp_path / "lb.ndjson")
    _as_json(lymphocytes().head(20), tmp_path / "lb.json")
    text = (tmp_path / "lb.json").read_text()
    (tmp_path / "lb.json").write_text(text[:-30])
    with pytest.raises(BadInput, match="was the file cut"):
        read_dataset(tmp_path / "lb.json")


@pytest.mark.slow
def test_the_largest_inputs_need_little_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "benchmarks/large_inputs.py"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    rows, grid = (json.loads(line[line.index("{") :].replace("'", '"'))
                  for line in done.stdout.splitlines())  # fmt: skip
    assert rows["peak_gb"] < 2
    assert grid["peak_gb"] < 2


@pytest.mark.slow
def test_a_real_plan_of_another_package(tmp_path):
    """The breast plan in the source of dicompyler-core, against the histograms it comes with."""
    import pydicom

    from lymphokin.dose.dicom.course import folder_doses
    from lymphokin.dose.histogram import from_cumulative

    got = subprocess.run(
        ["uv", "run", "--no-project", "--with", "pip", "python", "-m", "pip", "download", "-q",
         "--no-deps", "--no-binary", ":all:", "-d", str(tmp_path), "dicompyler-core==0.5.6"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if got.returncode:
        pytest.skip("the source of dicompyler-core cannot be fetched")
    archive = next(tmp_path.glob("*.tar.gz"))
    subprocess.run(["tar", "xzf", archive, "-C", tmp_path], check=True)
    folder = next(tmp_path.rglob("example_data"))
    (result,) = folder_doses(folder)
    assert not any("prescribed" in warning or "usual" in warning for warning in result.warnings)
    dose = pydicom.dcmread(folder / "rtdose.dcm")
    names = {r.ROINumber: r.ROIName
             for r in pydicom.dcmread(folder / "rtss.dcm").StructureSetROISequence}  # fmt: skip
    for item in dose.DVHSequence:
        name = names[item.DVHReferencedROISequence[0].ReferencedROINumber]
        if name == "Heart":
            pairs = np.array(item.DVHData, float).reshape(-1, 2)
            edges = np.concatenate([[0.0], np.cumsum(pairs[:, 0])[:-1]]) * item.DVHDoseScaling
            theirs = from_cumulative(edges, pairs[:, 1])
            assert result.organs["heart"].mean_gy == pytest.approx(theirs.mean_gy, rel=0.03)
            assert result.organs["heart"].volume_cm3 == pytest.approx(theirs.total, rel=0.03)
