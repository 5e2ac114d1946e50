"""Which contours are an organ: by content, listed when not taken, never outside the dose."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLossless

from lymphokin.dose.dicom.course import folder_doses
from lymphokin.dose.structure_names import Part
from lymphokin.dose.tables import read_own_names
from lymphokin.io import BadInput
from tests.dose.dicom_phantom import (
    box,
    generate_uid,
    histogram,
    item,
    write_dose,
    write_plan,
    write_structures,
)
from tests.dose.dose_cases import SIZE, STRUCTURES, hill, only

EXTERNAL, HEART = STRUCTURES["External"], STRUCTURES["Heart"]
LUNGS = [*STRUCTURES["Lung_L"], *STRUCTURES["Lung_R"]]
SMALL = box((-9, -30, -12), (9, -20, 12), spacing=12)


def write(folder: Path, structures: dict, kinds: dict[str, str] | None = None) -> None:
    """A plan with its dose, and these structures."""
    write_dose(folder, hill(), plan=write_plan(folder, 5, 50), **SIZE)
    write_structures(folder, structures, kinds=kinds)


def refused(folder: Path, **more) -> str:
    with pytest.raises(BadInput) as caught:
        folder_doses(folder, **more)
    return str(caught.value)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    write(folder, STRUCTURES)
    return only(folder)


def test_a_contoured_organ_goes_before_an_empty_template(tmp_path, clean):
    structures = {"External": EXTERNAL, "Lungs": [], "Heart": [], "Lungs-GTV": LUNGS, "Herz": HEART}
    write(tmp_path, structures)
    result = only(tmp_path)
    # Both lungs in one structure are sampled with other points than each of its own.
    assert result.blood_gy == pytest.approx(clean.blood_gy, rel=5e-3)
    assert result.not_taken == ["Lungs (no closed contours)", "Heart (no closed contours)"]
    assert result.warnings == []


def test_a_structure_with_a_histogram_goes_before_one_without(tmp_path):
    pairs = [v for volume in (100.0, 60.0, 20.0, 0.0) for v in (2.0, volume)]
    dvh = [histogram(2, pairs)]
    write_dose(tmp_path, hill(), PixelData=None, DVHSequence=dvh, **SIZE)
    write_structures(tmp_path, {"Heart": [], "Herz": []})
    result = only(tmp_path)
    assert result.organs["heart"].mean_gy == pytest.approx((1 * 40 + 3 * 40 + 5 * 20) / 100)
    assert result.not_taken == ["Heart (no histogram)"]


def test_an_outline_by_type_does_not_stand_before_one_by_name(tmp_path, clean):
    write(tmp_path, {**STRUCTURES, "Couch": HEART}, {"Couch": "EXTERNAL", "External": "EXTERNAL"})
    result = only(tmp_path)
    assert result.blood_gy == pytest.approx(clean.blood_gy)
    assert result.not_taken == ["Couch (External is body)"]
    own = {"couch": Part("none", "whole")}
    assert only(tmp_path, own_names=own).unknown == ["Couch"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_contours_of_about_one_size_the_standard_name_is_taken_whatever_the_order(
    tmp_path, clean, order
):
    names = {"Heart": HEART, "Herz": HEART, "Heart_AI": box((-9, -30, -12), (9, 1, 12), spacing=12)}
    structures = dict([*STRUCTURES.items(), *names.items()][::order])
    write(tmp_path, structures)
    result = only(tmp_path)
    assert result.organs["heart"].mean_gy == pytest.approx(clean.organs["heart"].mean_gy)
    assert sorted(result.not_taken) == ["Heart_AI (Heart is heart)", "Herz (Heart is heart)"]


def test_contours_of_one_organ_that_differ_are_asked_about(tmp_path, clean):
    write(tmp_path, {**STRUCTURES, "Heart": SMALL, "Herz": HEART})
    message = refused(tmp_path)
    assert "one structure that is heart" in message
    assert "Herz" in message
    own = {"heart": Part("none", "whole")}
    assert only(tmp_path, own_names=own).blood_gy == pytest.approx(clean.blood_gy, rel=1e-3)
    own = {"herz": Part("heart", "whole")}
    assert only(tmp_path, own_names=own).blood_gy == pytest.approx(clean.blood_gy, rel=1e-3)


def test_a_table_of_names_may_say_that_a_structure_is_no_organ(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("NAME,ORGAN\nHeart,none\nCuore 2,heart\n")
    assert read_own_names(path) == {"heart": Part("none", "whole"),
                                    "cuore2": Part("heart", "whole")}  # fmt: skip


def test_a_whole_organ_that_is_one_side_is_refused(tmp_path):
    write(tmp_path, {**STRUCTURES, "Lung": STRUCTURES["Lung_L"]})
    assert "`whole_over_parts`" in refused(tmp_path)


@pytest.mark.parametrize("kind", ["GTV", "PTV", "BOLUS", "CAVITY"])
def test_a_structure_of_another_type_is_no_organ(tmp_path, kind):
    place = box((-25, -6, -6), (-13, 6, 6), spacing=3)
    write(tmp_path, {"External": EXTERNAL, "Liver": place}, {"Liver": kind})
    result = only(tmp_path)
    assert "liver" not in result.organs
    assert result.unknown == ["Liver"]


def test_the_body_is_known_by_its_type(tmp_path, clean):
    structures = {("Umriss 3" if n == "External" else n): c for n, c in STRUCTURES.items()}
    write(tmp_path, structures, {"Umriss 3": "EXTERNAL"})
    assert only(tmp_path).blood_gy == pytest.approx(clean.blood_gy)


def test_skin_that_is_the_outline_of_the_body_is_the_body(tmp_path, clean):
    structures = {("Skin" if n == "External" else n): c for n, c in STRUCTURES.items()}
    write(tmp_path, structures)
    result = only(tmp_path)
    assert "skin" not in result.organs
    assert result.blood_gy == pytest.approx(clean.blood_gy)


def test_skin_that_is_a_shell_is_skin(tmp_path):
    inner = box((-38, -38, -24), (38, 38, 24), spacing=12)
    write(tmp_path, {**STRUCTURES, "Skin": [*EXTERNAL, *inner]})
    skin = only(tmp_path).organs["skin"]
    # The shell is five points thick.
    assert skin.volume_cm3 == pytest.approx((84**2 - 76**2) * 48 / 1000, rel=0.06)


def test_a_structure_on_another_frame_is_not_taken(tmp_path):
    data = write_structures(tmp_path, STRUCTURES)
    data.StructureSetROISequence[3].ReferencedFrameOfReferenceUID = generate_uid()
    data.save_as(tmp_path / "structures.dcm")
    write_dose(tmp_path, hill(), plan=write_plan(tmp_path, 5, 50), **SIZE)
    result = only(tmp_path)
    assert result.not_taken == ["Heart (on another frame of reference)"]
    assert "heart" not in result.organs


def two_sets(folder: Path, second: dict, plan: str = "", dose: str = "") -> None:
    """Two structure sets on one frame; plan or dose may refer to `old` or `new`."""
    uids = {"old": write_structures(folder, STRUCTURES, name="a_old.dcm").SOPInstanceUID,
            "new": write_structures(folder, second, name="b_new.dcm").SOPInstanceUID}  # fmt: skip
    of_plan, of_dose = (
        {"ReferencedStructureSetSequence": [item(ReferencedSOPInstanceUID=uids[n])]} if n else {}
        for n in (plan, dose)
    )
    uid = write_plan(folder, 5, 50, **of_plan)
    write_dose(folder, hill(), plan=uid, **SIZE, **of_dose)


OTHER = {**STRUCTURES, "Heart": box((-30, -30, -12), (-9, 0, 12), spacing=12)}


@pytest.mark.parametrize(("plan", "dose"), [("new", ""), ("", "new"), ("new", "new")])
def test_the_structure_set_that_plan_or_dose_refer_to_is_used(tmp_path, clean, plan, dose):
    two_sets(tmp_path, OTHER, plan, dose)
    assert only(tmp_path).organs["heart"].mean_gy > 1.2 * clean.organs["heart"].mean_gy


@pytest.mark.parametrize(("plan", "dose"), [("", ""), ("old", "new")])
def test_several_structure_sets_on_one_frame_are_asked_about(tmp_path, clean, plan, dose):
    two_sets(tmp_path, OTHER, plan, dose)
    message = refused(tmp_path)
    assert "a_old.dcm, b_new.dcm" in message
    named = only(tmp_path, use=["a_old.dcm"])
    assert named.blood_gy == pytest.approx(clean.blood_gy)
    assert named.left_out == ["b_new.dcm: not named"]


def test_a_structure_set_exported_twice_is_one(tmp_path, clean):
    two_sets(tmp_path, STRUCTURES)
    assert only(tmp_path).blood_gy == pytest.approx(clean.blood_gy)


def test_structures_outside_the_dose_grid_are_refused(tmp_path):
    write_dose(tmp_path, hill(centre=(981, 0, 0)), centre=(1000, 0, 0),
               plan=write_plan(tmp_path, 5, 50), **SIZE)  # fmt: skip
    write_structures(tmp_path, STRUCTURES)
    assert "structures within the dose grid" in refused(tmp_path)


@pytest.mark.parametrize(("shift", "reported"), [(100.0, "left out"), (35.0, "`outside_grid`")])
def test_an_organ_outside_the_grid_has_no_dose_of_zero(tmp_path, shift, reported):
    brain = [c + np.array([0, 0, 40 + shift / 2]) for c in box((-9, -9, -20), (9, 9, 20), 4.0)]
    write(tmp_path, {**STRUCTURES, "Brain": brain})
    if reported == "left out":
        result = only(tmp_path)
        assert "brain" not in result.organs
        assert "brain: outside the dose grid, left out" in result.warnings
    else:
        assert reported in refused(tmp_path)
        result = only(tmp_path, accept={"outside_grid": "the head gets none"})
        assert result.organs["brain"].mean_gy < 1


def test_an_organ_that_one_plan_lacks_is_left_out_of_the_sum(tmp_path):
    other = generate_uid()
    fewer = {n: c for n, c in STRUCTURES.items() if n != "Heart"}
    for name, structures, frame, x in (("a", STRUCTURES, other, -19.0),
                                       ("b", fewer, generate_uid(), 19.0)):  # fmt: skip
        write_structures(tmp_path, structures, frame=frame, name=f"{name}_s.dcm")
        uid = write_plan(tmp_path, 5, 50, name=f"{name}_p.dcm")
        write_dose(tmp_path, hill(centre=(x, 0, 0)), plan=uid, frame=frame, name=f"{name}_d.dcm",
                   **SIZE)  # fmt: skip
    result = only(tmp_path, accept={"planning_images": "two lesions"})
    assert "heart" not in result.organs
    assert "heart: not in the structures of every plan, left out" in result.warnings


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP", "sagittal", "descending"])
def test_the_position_of_the_patient_and_of_the_grid_do_not_matter(tmp_path, clean, position):
    axes = {
        "HFS": np.eye(3),
        "HFP": np.diag([-1.0, -1.0, 1.0]),
        "FFS": np.diag([-1.0, 1.0, -1.0]),
        "FFP": np.diag([1.0, -1.0, -1.0]),
        "sagittal": np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]]),
        "descending": np.eye(3),
    }[position]
    data = write_dose(tmp_path, hill(), axes=axes, plan=write_plan(tmp_path, 5, 50), **SIZE)
    if position == "descending":
        frames = data.pixel_array[::-1]
        data.PixelData = frames.tobytes()
        data.ImagePositionPatient = [-48, -48, 48]
        data.GridFrameOffsetVector = [-6.0 * k for k in range(17)]
        data.save_as(tmp_path / "dose.dcm")
    write_structures(tmp_path, STRUCTURES)
    assert only(tmp_path).blood_gy == pytest.approx(clean.blood_gy, rel=2e-3)


def test_pixels_that_cannot_be_decoded_are_reported_as_compressed(tmp_path):
    data = write_dose(tmp_path, hill(), **SIZE)
    data.file_meta.TransferSyntaxUID = JPEGLossless
    data.PixelData = encapsulate([b"\0\0"] * 17)
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "dose.dcm")
    assert "export it without compression" in refused(tmp_path)
