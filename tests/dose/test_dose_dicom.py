"""Organ doses from DICOM: phantoms with analytic answers, broken files, real examples."""

import json
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from lymphokin.dose.dicom.course import folder_doses
from lymphokin.io import BadInput
from tests.dose.dicom_phantom import (
    BIRTH,
    NAME,
    NUMBER,
    box,
    rotation,
    write_dose,
    write_plan,
    write_structures,
)

WITHIN = 0.01


def linear(points):
    """A dose with a gradient along every axis: its mean over a body is that at its centre."""
    return 20 + points @ np.array([0.05, -0.03, 0.08])


def one(folder: Path):
    (result,) = folder_doses(folder)
    return result


def test_a_box_in_a_linear_dose(tmp_path):
    uid = write_plan(tmp_path, 5, 50)
    write_dose(tmp_path, linear, plan=uid)
    write_structures(tmp_path, {"Heart": box((-30, -20, -30), (10, 40, 30))})
    result = one(tmp_path)
    heart = result.organs["heart"]
    assert heart.mean_gy == pytest.approx(linear(np.array([-10, 10, 0])), rel=WITHIN)
    assert heart.volume_cm3 == pytest.approx(40 * 60 * 60 / 1000, rel=WITHIN)
    assert result.plans == [{"fractions": 5, "prescribed_gy": 50.0}]
    assert result.source == "dicom"


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("spacing", [(2, 2, 2), (5, 3, 4), (2.5, 2.5, 6)])
def test_grid_spacing_and_depth_do_not_matter(spacing, bits, tmp_path):
    write_dose(tmp_path, linear, spacing=spacing, size=(150, 150, 150), bits=bits)
    write_structures(tmp_path, {"Liver": box((-31, -22, -30), (17, 43, 30), spacing=2.5)})
    liver = one(tmp_path).organs["liver"]
    assert liver.mean_gy == pytest.approx(linear(np.array([-7, 10.5, 0])), rel=WITHIN)
    assert liver.volume_cm3 == pytest.approx(48 * 65 * 60 / 1000, rel=WITHIN)


@pytest.mark.parametrize("degrees", [0, 17, 90, 180])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_orientation_of_the_grid_does_not_matter(degrees, axis, tmp_path):
    write_dose(tmp_path, linear, axes=rotation(degrees, axis), size=(200, 200, 200))
    write_structures(tmp_path, {"Liver": box((-31, -22, -30), (17, 43, 30))})
    expected = linear(np.array([-7, 10.5, 0]))
    assert one(tmp_path).organs["liver"].mean_gy == pytest.approx(expected, rel=WITHIN)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_rotated_structure(axis, tmp_path):
    """Turned about z it is a diamond in each slice, about x or y its planes are oblique."""
    axes = rotation(30, axis)
    write_dose(tmp_path, linear, size=(200, 200, 200))
    contours = box((-20, -30, -15), (40, 10, 45), axes=axes)
    write_structures(tmp_path, {"Spleen": contours})
    spleen = one(tmp_path).organs["spleen"]
    assert spleen.mean_gy == pytest.approx(linear(np.array([10, -10, 15]) @ axes), rel=WITHIN)
    assert spleen.volume_cm3 == pytest.approx(60 * 40 * 60 / 1000, rel=WITHIN)


def test_several_contours_in_a_slice_and_holes(tmp_path):
    """A box of 20 Gy with a hole, beside a box of 5 Gy."""
    write_dose(tmp_path, lambda p: np.where(p[..., 0] < 0, 20.0, 5.0), spacing=(2, 2, 2))
    outer, hole = box((-50, -20, -30), (-10, 20, 30)), box((-40, -10, -30), (-20, 10, 30))
    other = box((10, -10, -30), (30, 10, 30))
    write_structures(tmp_path, {"Liver": [*outer, *hole, *other]})
    liver = one(tmp_path).organs["liver"]
    left, right = (40 * 40 - 20 * 20) * 60, 20 * 20 * 60
    assert liver.volume_cm3 == pytest.approx((left + right) / 1000, rel=WITHIN)
    assert liver.mean_gy == pytest.approx((20 * left + 5 * right) / (left + right), rel=WITHIN)


def test_a_gap_between_slices_is_not_filled(tmp_path):
    write_dose(tmp_path, lambda p: np.where(p[..., 2] < 0, 20.0, 5.0), spacing=(2, 2, 2))
    parts = box((-20, -20, -60), (20, 20, -30)) + box((-20, -20, 30), (20, 20, 45))
    write_structures(tmp_path, {"Liver": parts})
    liver = one(tmp_path).organs["liver"]
    assert liver.volume_cm3 == pytest.approx(40 * 40 * 45 / 1000, rel=WITHIN)
    assert liver.mean_gy == pytest.approx((20 * 30 + 5 * 15) / 45, rel=WITHIN)


def test_a_cylinder_in_a_gaussian_dose(tmp_path):
    """Mean of a exp(-r2/2s2) over a disc of radius R: a 2 s2/R2 (1 - exp(-R2/2s2))."""
    s, radius = 30.0, 40.0
    write_dose(tmp_path, lambda p: 30 * np.exp(-(p[..., 0] ** 2 + p[..., 1] ** 2) / 2 / s**2),
               spacing=(2, 2, 3))  # fmt: skip
    a = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    ring = np.column_stack([radius * np.cos(a), radius * np.sin(a)])
    slices = [np.column_stack([ring, np.full(180, z)]) for z in np.arange(-28.5, 30, 3)]
    write_structures(tmp_path, {"Brain": slices})
    expected = 30 * 2 * s**2 / radius**2 * (1 - np.exp(-(radius**2) / 2 / s**2))
    brain = one(tmp_path).organs["brain"]
    assert brain.mean_gy == pytest.approx(expected, rel=WITHIN)
    assert brain.volume_cm3 == pytest.approx(np.pi * radius**2 * 60 / 1000, rel=WITHIN)


def test_the_reported_histogram_has_the_mean_and_volume(tmp_path):
    from lymphokin.dose.histogram import from_cumulative

    write_dose(tmp_path, linear)
    write_structures(tmp_path, {"Heart": box((-30, -20, -30), (10, 40, 30))})
    result = one(tmp_path)
    shown = result.histograms["heart"]
    again = from_cumulative(shown["dose_gy"], shown["volume_cm3"])
    assert again.mean_gy == pytest.approx(result.organs["heart"].mean_gy, rel=WITHIN)
    assert again.total == pytest.approx(result.organs["heart"].volume_cm3, rel=1e-3)


def test_lungs_are_joined_and_the_body_gives_the_integral_dose(tmp_path):
    write_dose(tmp_path, lambda p: np.where(p[..., 0] < 0, 20.0, 5.0), centre=(1, 0, 0),
               spacing=(2, 2, 2))  # fmt: skip
    write_structures(
        tmp_path,
        {
            "Poumon G": box((-50, -20, -30), (-10, 20, 30)),
            "Lung_R": box((10, -20, -30), (30, 20, 30)),
            "External": box((-60, -60, -60), (60, 60, 60)),
            "Ring_2cm": box((-60, -60, -60), (60, 60, 60)),
        },
    )
    result = one(tmp_path)
    assert result.organs["lungs"].mean_gy == pytest.approx((20 * 40 + 5 * 20) / 60, rel=WITHIN)
    assert result.integral_gy_cm3 == pytest.approx(12.5 * 120**3 / 1000, rel=WITHIN)
    assert result.unknown == ["Ring_2cm"]
    rest = (12.5 * 1728 - (20 * 96 + 5 * 48)) / (73_000 - 144)
    assert result.rest_gy == pytest.approx(rest, rel=WITHIN)


def test_beams_and_plans_are_added(tmp_path):
    first, second = write_plan(tmp_path, 5, 25), write_plan(tmp_path, 3, 27, name="plan2.dcm")
    for beam in (1, 2):
        write_dose(tmp_path, lambda p: 12.5 + 0 * p[..., 0], plan=first, name=f"b{beam}.dcm",
                   DoseSummationType="BEAM")  # fmt: skip
    write_dose(tmp_path, linear, plan=second, spacing=(5, 5, 5), name="d2.dcm")
    write_structures(tmp_path, {"Heart": box((-30, -30, -30), (30, 30, 30))})
    result = one(tmp_path)
    assert result.organs["heart"].mean_gy == pytest.approx(25 + 20, rel=WITHIN)
    assert result.plans == [
        {"fractions": 5, "prescribed_gy": 25.0},
        {"fractions": 3, "prescribed_gy": 27.0},
    ]


def test_the_dose_of_a_plan_is_not_added_twice(tmp_path):
    uid = write_plan(tmp_path, 5, 40)
    for name in ("one.dcm", "two.dcm"):
        write_dose(tmp_path, linear, plan=uid, name=name)
    with pytest.raises(BadInput, match="one dose of type PLAN per RT Plan"):
        folder_doses(tmp_path)


def test_beams_beside_a_plan_are_not_added_to_it(tmp_path):
    uid = write_plan(tmp_path, 5, 40)
    write_dose(tmp_path, lambda p: 40.0 + 0 * p[..., 0], plan=uid)
    write_dose(tmp_path, lambda p: 20.0 + 0 * p[..., 0], plan=uid, name="b.dcm",
               DoseSummationType="BEAM")  # fmt: skip
    write_structures(tmp_path, {"Heart": box((-30, -30, -30), (30, 30, 30))})
    result = one(tmp_path)
    assert result.organs["heart"].mean_gy == pytest.approx(40, rel=WITHIN)
    assert result.left_out == ["BEAM dose beside the PLAN dose of one plan"]


def test_histograms_serve_where_there_are_no_pixels(tmp_path):
    from tests.dose.dicom_phantom import item

    pairs = [v for k in range(20) for v in (1.0, 100.0 - 5 * k)]
    dvh = item(DVHType="CUMULATIVE", DoseUnits="GY", DoseType="PHYSICAL", DVHDoseScaling=1,
                 DVHVolumeUnits="CM3", DVHNumberOfBins=20, DVHData=pairs,
                 DVHReferencedROISequence=[item(ReferencedROINumber=1,
                                                 DVHROIContributionType="INCLUDED")])  # fmt: skip
    write_dose(tmp_path, linear, PixelData=None, DVHSequence=[dvh])
    write_structures(tmp_path, {"Heart": box((-30, -30, -30), (30, 30, 30))})
    result = one(tmp_path)
    assert result.source == "dvh"
    # 5 cm3 in each of the bins [0, 1] ... [18, 19], and the last 5 cm3 at 19 Gy or more
    assert result.organs["heart"].mean_gy == pytest.approx((sum(range(19)) + 9.5 + 19) / 20)
    assert result.organs["heart"].volume_cm3 == pytest.approx(100)


def test_nothing_of_the_patient_is_shown(tmp_path):
    uid = write_plan(tmp_path, 5, 20)
    data = write_dose(tmp_path, linear, plan=uid)
    write_structures(
        tmp_path,
        {"Heart": box((-30, -20, -30), (10, 40, 30)), "GTV Secret": box((0, 0, 0), (9, 9, 9))},
    )
    text = json.dumps(one(tmp_path).as_dict())
    for secret in (
        *NAME.split("^"),
        NUMBER,
        BIRTH,
        data.SOPInstanceUID,
        data.StudyInstanceUID,
        uid,
    ):
        assert str(secret) not in text
    assert "hidden" in text


def test_patients_of_a_folder_are_kept_apart(tmp_path):
    write_dose(tmp_path, lambda p: 8.0 + 0 * p[..., 0], PatientID="B", name="b.dcm")
    write_dose(tmp_path, lambda p: 2.0 + 0 * p[..., 0], PatientID="A", name="a.dcm")
    first, second = folder_doses(tmp_path)
    assert (first.patient, second.patient) == ("patient 1", "patient 2")
    assert second.integral_gy_cm3 == pytest.approx(4 * first.integral_gy_cm3)


@pytest.mark.parametrize(
    ("elements", "reported"),
    [
        ({"PixelData": None}, ("PixelData", "histograms")),
        ({"DoseUnits": "RELATIVE"}, ("DoseUnits", "RELATIVE", "in Gy")),
        ({"DoseUnits": None}, ("DoseUnits", "GY")),
        ({"frame": "1.2.3"}, ("frame of reference", "structures.dcm")),
        ({"PixelSpacing": None}, ("PixelSpacing",)),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, ("ImageOrientationPatient",)),
        ({"GridFrameOffsetVector": [0, 1]}, ("GridFrameOffsetVector",)),
        ({"DoseGridScaling": "0"}, ("DoseGridScaling",)),
        ({"DoseGridScaling": "1"}, ("is it in cGy?",)),
        ({"PixelData": b"\0" * 100}, ("PixelData", "decoded")),
    ],
)
def test_what_is_wrong_is_reported(elements, reported, tmp_path):
    write_dose(tmp_path, linear, **elements)
    write_structures(tmp_path, {"Heart": box((-30, -20, -30), (10, 40, 30))})
    with pytest.raises(BadInput) as error:
        folder_doses(tmp_path)
    for word in reported:
        assert word in str(error.value), str(error.value)
    assert "1.2." not in str(error.value)


@pytest.mark.parametrize("size", [0, 100, 600, 5000])
def test_a_cut_file_is_reported(size, tmp_path):
    write_dose(tmp_path, linear)
    content = (tmp_path / "dose.dcm").read_bytes()
    (tmp_path / "dose.dcm").write_bytes(content[:size])
    with pytest.raises(BadInput):
        folder_doses(tmp_path)


@given(st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=6)), max_size=12))
@settings(max_examples=20)
def test_damaged_files_are_read_or_refused(tmp_path, cuts):
    if not (tmp_path / "good").exists():
        (tmp_path / "good").mkdir()
        (tmp_path / "bad").mkdir()
        write_dose(tmp_path / "good", linear, size=(20, 20, 20), spacing=(5, 5, 5))
        write_structures(tmp_path / "good", {"Heart": box((-9, -9, -9), (9, 9, 9))})
    for path in (tmp_path / "good").iterdir():
        content = bytearray(path.read_bytes())
        for at, insert in cuts:
            content[at % len(content) : at % len(content) + len(insert)] = insert
        (tmp_path / "bad" / path.name).write_bytes(content)
    try:
        folder_doses(tmp_path / "bad")
    except BadInput:
        return


EXAMPLES = ["rtdose.dcm", "rtdose_1frame.dcm", "rtdose_rle.dcm", "rtdose_rle_1frame.dcm",
            "rtdose_expb.dcm", "rtdose_expb_1frame.dcm"]  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_files_of_pydicom(name, tmp_path):
    """They are in relative units, which is refused; as Gy they are read."""
    path = get_testdata_file(name, download=False)
    (tmp_path / name).write_bytes(Path(str(path)).read_bytes())
    for other in ("rtplan.dcm", "rtstruct.dcm", "CT_small.dcm"):
        (tmp_path / other).write_bytes(
            Path(str(get_testdata_file(other, download=False))).read_bytes()
        )
    with pytest.raises(BadInput, match="RELATIVE"):
        folder_doses(tmp_path)
    data = pydicom.dcmread(tmp_path / name)
    data.DoseUnits = "GY"
    data.save_as(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydicom's warnings quote identifiers of the file
        result = folder_doses(tmp_path)[0]
    pixels = data.pixel_array.astype(float) * float(data.DoseGridScaling)
    thick = 5.0 if pixels.ndim == 3 else 10.0
    assert result.integral_gy_cm3 == pytest.approx(pixels.sum() * 10 * 10 * thick / 1000, rel=1e-3)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_contours_that_cross_each_other_are_their_union_and_holes_stay_holes(order, tmp_path):
    """Two boxes of 40 mm that share 20 mm, one drawn twice, with a hole in the shared part."""
    write_dose(tmp_path, lambda p: 18.0 + 0 * p[..., 0], spacing=(2, 2, 2))
    boxes = [box((-30, -20, -30), (10, 20, 30)), box((-10, -20, -30), (30, 20, 30)),
             box((-5, -10, -30), (5, 10, 30))]  # fmt: skip
    drawn = [contour for k in order for contour in boxes[k]] + boxes[0]
    write_structures(tmp_path, {"Liver": drawn})
    liver = one(tmp_path).organs["liver"]
    assert liver.volume_cm3 == pytest.approx((60 * 40 - 10 * 20) * 60 / 1000, rel=WITHIN)
