"""`lymphokin dose` at the command line: files named, checks accepted, reasons kept."""

import json
import re

from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.dose.organs import share_of
from lymphokin.io.convert.datasets import read_dataset
from tests.dose.dicom_phantom import write_plan, write_structures
from tests.dose.dose_cases import STRUCTURES, write_course

RUNNER = CliRunner()
REASON = "one of five sessions was given"
ACCEPT = [f"--accept={name}={REASON}" for name in ("target_over_prescription",)]


def test_an_accepted_check_stays_in_the_table_and_the_json(tmp_path):
    write_course(tmp_path, 0.2)
    out = tmp_path / "doses.csv"
    refused = RUNNER.invoke(app, ["dose", str(tmp_path), "--out", str(out)])
    assert refused.exit_code != 0
    assert not out.exists()
    done = RUNNER.invoke(app, ["dose", str(tmp_path), "--out", str(out), "--json", *ACCEPT])
    assert done.exit_code == 0, done.output
    (patient,) = json.loads(done.stdout)["patients"]
    assert patient["accepted"] == {"target_over_prescription": REASON}
    assert out.read_text().startswith(f"# accepted target_over_prescription: {REASON}\nID,")
    assert read_dataset(out).numbers("IMMUNE_DOSE_GY").tolist() == [patient["immune_dose_gy"]]


def test_a_file_is_named_with_an_option_that_the_refusal_speaks_of(tmp_path):
    write_course(tmp_path)
    write_structures(tmp_path, {"External": STRUCTURES["External"]}, name="other.dcm")
    refused = RUNNER.invoke(app, ["dose", str(tmp_path)])
    assert refused.exit_code != 0
    assert "--use FILE" in refused.output
    done = RUNNER.invoke(app, ["dose", str(tmp_path), "--use", "structures.dcm"])
    assert done.exit_code == 0
    assert "Left out: other.dcm: not named" in done.stdout


def test_what_was_left_out_and_not_taken_is_shown(tmp_path):
    write_course(tmp_path)
    (tmp_path / "structures.dcm").unlink()
    write_structures(tmp_path, {**STRUCTURES, "Herz": []})
    write_plan(tmp_path, 1, 8, name="theirs.dcm", PatientID="other")
    done = RUNNER.invoke(app, ["dose", str(tmp_path)])
    assert done.exit_code == 0
    assert "Not taken: Herz (no closed contours)" in done.stdout
    assert "another patient identifier" in done.stdout.replace("\n", " ")


def test_an_organ_has_each_number_in_its_column(tmp_path):
    path = tmp_path / "organs.csv"
    path.write_text("ID,ORGAN,MEAN_DOSE_GY,VOLUME_CM3,SEX\nP1,Heart,4,600,M\nP1,Liver,2,1500,M\n")
    done = RUNNER.invoke(app, ["dose", str(path)], catch_exceptions=False)
    lines = done.stdout.splitlines()
    rows = [[cell.strip() for cell in re.findall("[^│┃]+", line)] for line in lines]
    for organ, gray, volume in (("heart", 4, 600), ("liver", 2, 1500)):
        adds = share_of(organ, "M") * gray
        assert [organ, f"{gray}", f"{volume:.3g}", f"{adds:.3g}"] in rows


def test_a_file_of_a_folder_cannot_be_named_for_a_table(tmp_path):
    path = tmp_path / "organs.csv"
    path.write_text("ORGAN,MEAN_DOSE_GY\nHeart,4\n")
    refused = RUNNER.invoke(app, ["dose", str(path), "--use", "a.dcm"])
    assert isinstance(refused.exception, ValueError)
