"""Doses that do not agree with their prescription are refused: units, sessions, beams, volumes."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.dose.tables import table_doses
from lymphokin.io import BadInput
from tests.dose.dicom_phantom import (
    histogram,
    item,
    of_beams,
    write_dose,
    write_plan,
    write_structures,
)
from tests.dose.dose_cases import SIZE, STRUCTURES, TARGET, hill, only, refused, write_course


@pytest.mark.parametrize("target", [True, False])
def test_a_clean_phantom_passes_without_an_alarm(tmp_path, target):
    write_course(tmp_path, target=target)
    result = only(tmp_path)
    assert result.warnings == []
    assert (result.accepted, result.left_out, result.not_taken) == ({}, [], [])


@given(
    st.one_of(st.floats(0.05, 0.25), st.floats(2.5, 15), st.sampled_from([0.01, 100.0])),
    st.booleans(),
)
@settings(max_examples=6)
def test_a_dose_of_another_unit_than_its_prescription_is_refused(factor, target):
    with tempfile.TemporaryDirectory() as name:
        write_course(Path(name), factor, target=target)
        assert "cGy" in refused(Path(name))


@pytest.mark.parametrize("fractions", [2, 3, 5, 25])
@pytest.mark.parametrize("target", [True, False])
def test_the_dose_of_one_session_is_not_that_of_a_course(tmp_path, fractions, target):
    write_course(tmp_path, 1 / fractions, fractions, target=target)
    assert "session" in refused(tmp_path)


def test_what_is_improbable_is_taken_with_a_reason_which_is_kept(tmp_path, clean):
    write_course(tmp_path, 0.2, target=False)
    message = refused(tmp_path)
    assert "`peak_over_fraction_dose`" in message
    assert "`peak_over_prescription`" in message
    reason = "one of five sessions was given"
    accept = dict.fromkeys(("peak_over_fraction_dose", "peak_over_prescription"), reason)
    result = only(tmp_path, accept=accept)
    assert result.blood_gy == pytest.approx(0.2 * clean, rel=1e-3)
    assert result.as_dict()["accepted"] == accept
    assert sum(reason in warning for warning in result.warnings) == 2


def test_an_impossible_ratio_cannot_be_accepted(tmp_path):
    write_course(tmp_path, 10, prescribed=8, fractions=1)
    accept = dict.fromkeys(("peak_dose", "peak_over_prescription"), "really")
    assert "TargetPrescriptionDose" in refused(tmp_path, accept=accept)


def test_the_dose_of_one_session_counts_once_per_fraction(tmp_path, clean):
    write_course(tmp_path, 0.2, DoseSummationType="FRACTION_SESSION")
    result = only(tmp_path)
    assert result.blood_gy == pytest.approx(clean, rel=1e-3)
    assert any("1 of 5 sessions was taken 5 times" in w for w in result.warnings)


@pytest.mark.parametrize(("sessions", "right"), [(5, True), (2, False), (6, False)])
def test_doses_of_sessions_are_added_when_all_are_there(tmp_path, clean, sessions, right):
    uid = write_plan(tmp_path, 5, 50)
    write_structures(tmp_path, STRUCTURES)
    for k in range(sessions):
        write_dose(tmp_path, hill(12), plan=uid, name=f"s{k}.dcm",
                   DoseSummationType="FRACTION_SESSION", **SIZE)  # fmt: skip
    if right:
        assert only(tmp_path).blood_gy == pytest.approx(clean, rel=1e-3)
    else:
        assert "every session" in refused(tmp_path)


def test_doses_below_zero_are_refused(tmp_path):
    write_course(tmp_path, PixelRepresentation=1)
    assert "a lowest dose of -" in refused(tmp_path)


@pytest.mark.parametrize(
    ("given", "reported"), [((1, 2), ""), ((1,), "1 of 2 fraction groups"), ((1, 1), "once")]
)
def test_every_fraction_group_counts_once(tmp_path, clean, given, reported):
    groups = [item(FractionGroupNumber=n, NumberOfFractionsPlanned=k) for n, k in ((1, 3), (2, 2))]
    uid = write_plan(tmp_path, 5, 50, FractionGroupSequence=groups)
    write_structures(tmp_path, STRUCTURES)
    for k, number in enumerate(given):
        own = [item(ReferencedFractionGroupNumber=number)]
        plan = [item(ReferencedSOPInstanceUID=uid, ReferencedFractionGroupSequence=own)]
        write_dose(tmp_path, hill(36 if k == 0 else 24), name=f"{k}.dcm", **SIZE,
                   DoseSummationType="FRACTION", ReferencedRTPlanSequence=plan)  # fmt: skip
    if reported:
        assert reported in refused(tmp_path)
    else:
        assert only(tmp_path).blood_gy == pytest.approx(clean, rel=1e-3)


def test_a_session_without_a_prescription_to_compare_with_is_refused(tmp_path):
    write_dose(tmp_path, hill(12), DoseSummationType="FRACTION_SESSION", **SIZE)
    write_structures(tmp_path, STRUCTURES)
    assert "an unknown number of sessions" in refused(tmp_path)


@pytest.mark.parametrize("kind", ["CONTROL_POINT", "RECORD", "PLAN_OVERVIEW", "WILD"])
def test_a_dose_of_part_of_a_plan_is_refused(tmp_path, kind):
    write_course(tmp_path, DoseSummationType=kind)
    assert kind in refused(tmp_path)


def beams(folder: Path, given: list[tuple[int, ...]], planned: int = 3, kind: str = "BEAM") -> None:
    """Doses of beams, each of which gives its share of the course."""
    uid = write_plan(folder, 5, 50, beams=planned, beam_gy=10 / planned)
    write_structures(folder, STRUCTURES)
    share = 60 / planned / (5 if kind == "BEAM_SESSION" else 1)
    for k, numbers in enumerate(given):
        write_dose(folder, hill(share * max(len(numbers), 1)), name=f"b{k}.dcm",
                   DoseSummationType=kind, ReferencedRTPlanSequence=of_beams(uid, *numbers),
                   **SIZE)  # fmt: skip


@pytest.mark.parametrize("kind", ["BEAM", "BEAM_SESSION"])
@pytest.mark.parametrize("given", [[(1,), (2,), (3,)], [(1, 2), (3,)], [(1, 2, 3)]])
def test_every_beam_counts_once(tmp_path, clean, kind, given):
    beams(tmp_path, given, kind=kind)
    assert only(tmp_path).blood_gy == pytest.approx(clean, rel=1e-3)


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ([(1,), (2,)], "2 of 3 beams"),
        ([(1, 3)], "2 of 3 beams"),
        ([(1,), (2,), (2,)], "once"),
        ([(1, 2), (2, 3)], "once"),
        ([(), (), (), ()], "once"),
    ],
)
def test_missing_and_doubled_beams_are_refused(tmp_path, given, reported):
    beams(tmp_path, given)
    assert reported in refused(tmp_path)


def test_beams_of_one_session_that_are_not_named_are_refused(tmp_path):
    write_course(tmp_path, 0.2, DoseSummationType="BEAM_SESSION")
    assert "the beams that the dose is of" in refused(tmp_path)


def test_a_prescription_in_centigray_is_refused(tmp_path):
    write_course(tmp_path, prescribed=5000)
    assert "cGy" in refused(tmp_path)


def test_a_prescription_of_one_fraction_is_refused(tmp_path):
    uid = write_plan(tmp_path, 5, 10, beams=2, beam_gy=5)
    write_dose(tmp_path, hill(), plan=uid, **SIZE)
    write_structures(tmp_path, STRUCTURES)
    assert "10 Gy in 5 fractions" in refused(tmp_path)


@pytest.mark.parametrize("gray", [300.0, 0.3])
def test_without_a_plan_a_dose_that_no_course_has_is_refused(tmp_path, gray):
    write_dose(tmp_path, hill(gray), **SIZE)
    write_structures(tmp_path, STRUCTURES)
    assert "`peak_dose`" in refused(tmp_path)


def widths_and_volumes(scale: float = 1.0, volume: float = 1.0) -> dict[str, list[float]]:
    """A histogram of 1 Gy bins, differential and cumulative."""
    part = [5.0, 20.0, 40.0, 25.0, 10.0]
    beyond = [sum(part[k:]) for k in range(5)] + [0.0]
    return {
        "DIFFERENTIAL": [v for p in part for v in (scale, p * volume)],
        "CUMULATIVE": [v for p in beyond for v in (scale, p * volume)],
    }


@pytest.mark.parametrize("kind", ["DIFFERENTIAL", "CUMULATIVE"])
@pytest.mark.parametrize("scaling", [1.0, 0.01, 0.1])
def test_the_scaling_and_the_kind_of_a_histogram_do_not_matter(tmp_path, kind, scaling):
    pairs = widths_and_volumes(1 / scaling)[kind]
    dvh = histogram(1, pairs, kind, DVHDoseScaling=scaling, DVHMeanDose=2.65)
    write_dose(tmp_path, hill(), PixelData=None, DVHSequence=[dvh], **SIZE)
    write_structures(tmp_path, {"Heart": []})
    heart = only(tmp_path).organs["heart"]
    assert heart.mean_gy == pytest.approx(
        (0.5 * 5 + 1.5 * 20 + 2.5 * 40 + 3.5 * 25 + 4.5 * 10) / 100
    )
    assert heart.volume_cm3 == pytest.approx(100)


def test_volumes_in_per_cent_are_not_known(tmp_path):
    pairs = widths_and_volumes()["CUMULATIVE"]
    items = [histogram(n, pairs, DVHVolumeUnits="PERCENT") for n in (1, 2)]
    write_dose(tmp_path, hill(), PixelData=None, DVHSequence=items, **SIZE)
    write_structures(tmp_path, {"External": [], "Heart": []})
    result = only(tmp_path)
    assert result.organs["heart"].volume_cm3 != result.organs["heart"].volume_cm3
    assert any("a lower bound" in w for w in result.warnings)
    assert result.blood_gy == pytest.approx(0.1 * 2.65, rel=1e-3)


def test_volumes_in_per_cent_are_those_of_the_contours_where_they_are_there(tmp_path):
    pairs = widths_and_volumes()["CUMULATIVE"]
    items = [histogram(4, pairs, DVHVolumeUnits="PERCENT")]
    write_dose(tmp_path, hill(), PixelData=None, DVHSequence=items, **SIZE)
    write_structures(tmp_path, STRUCTURES)
    assert only(tmp_path).organs["heart"].volume_cm3 == pytest.approx(18 * 30 * 24 / 1000, rel=0.02)


@pytest.mark.parametrize(
    ("elements", "reported"),
    [
        ({"DVHVolumeUnits": "PER_U"}, "CM3 or PERCENT"),
        ({"DVHDoseScaling": 0}, "DVHDoseScaling"),
        ({"DVHMeanDose": 265.0}, "`dvh_mean_agreement`"),
        ({"DoseUnits": "RELATIVE"}, "dose in GY"),
        ({"kind": "NATURAL"}, "NATURAL"),
    ],
)
def test_a_histogram_that_cannot_be_read_surely_is_refused(tmp_path, elements, reported):
    dvh = histogram(1, widths_and_volumes()["CUMULATIVE"], **elements)
    write_dose(tmp_path, hill(), PixelData=None, DVHSequence=[dvh], **SIZE)
    write_structures(tmp_path, {"Heart": []})
    assert reported in refused(tmp_path)


@pytest.mark.parametrize("total", [100.0, 70.0, 2.5])
def test_a_body_of_histograms_that_is_smaller_than_its_organs_is_refused(tmp_path, total):
    pairs = widths_and_volumes(volume=total / 100)["CUMULATIVE"]
    lungs = widths_and_volumes(volume=35.0)["CUMULATIVE"]
    items = [histogram(1, pairs), histogram(2, lungs)]
    write_dose(tmp_path, hill(), PixelData=None, DVHSequence=items, **SIZE)
    write_structures(tmp_path, {"External": [], "Lungs": []})
    assert "mark of thousands" in refused(tmp_path)


def write_planes(folder: Path, missing: tuple[int, ...] = ()) -> None:
    """The clean phantom's dose in a file per plane, in no order."""
    uid = write_plan(folder, 5, 50)
    write_structures(folder, STRUCTURES | TARGET)
    size, spacing = SIZE["size"], SIZE["spacing"]
    for k in {11, 3, *range(17)} - set(missing):
        write_dose(folder, hill(), centre=(0, 0, -48 + 6 * k), size=(*size[:2], 0), spacing=spacing,
                   plan=uid, name=f"{7 * k % 17:02}.dcm", GridFrameOffsetVector=None)  # fmt: skip


def test_a_file_per_plane_is_stacked(tmp_path, clean):
    write_planes(tmp_path)
    assert only(tmp_path).blood_gy == pytest.approx(clean, rel=1e-3)


def test_a_missing_plane_of_a_stack_is_reported(tmp_path):
    write_planes(tmp_path, missing=(8,))
    assert "is the file of a plane missing?" in refused(tmp_path)


TABLE = "ORGAN,MEAN_DOSE_GY,VOLUME_CM3,PRESCRIBED_GY\n"


def table(folder: Path, lungs: tuple, heart: tuple, body: tuple, prescribed: str = "50") -> Path:
    path = folder / "organs.csv"
    rows = zip(("Lungs", "Heart", "Body"), (lungs, heart, body), strict=True)
    path.write_text(TABLE + "".join(f"{n},{d},{v},{prescribed}\n" for n, (d, v) in rows))
    return path


def test_a_clean_table_passes_without_an_alarm(tmp_path):
    (result,) = table_doses(table(tmp_path, (6.5, 3200), (4.2, 600), (2.1, 70_000)))
    assert result.warnings == []
    assert result.plans == [{"fractions": None, "prescribed_gy": 50.0}]


@pytest.mark.parametrize(
    ("rows", "check"),
    [
        ("Lungs,20,3200\nBody,0.2,70000\n", "organ_over_body_dose"),
        ("Lung_L,12,1500\nLung_R,1,1700\nLungs,12,3200\nBody,2,70000\n", "whole_mean_over_parts"),
    ],
)
def test_doses_of_organs_that_contradict_each_other_are_refused(tmp_path, rows, check):
    path = tmp_path / "t.csv"
    path.write_text("ORGAN,MEAN_DOSE_GY,VOLUME_CM3\n" + rows)
    with pytest.raises(BadInput, match=f"`{check}`"):
        table_doses(path)
    assert list(table_doses(path, accept={check: "checked"})[0].accepted) == [check]


@pytest.mark.parametrize("ids", [("1", "01"), ("P1", "p-1"), ("ANON", "P2")])
def test_identifiers_of_a_dose_table_are_those_of_patients(tmp_path, ids):
    path = tmp_path / "t.csv"
    path.write_text("ID,ORGAN,MEAN_DOSE_GY\n" + "".join(f"{i},Lungs,6.5\n" for i in ids))
    with pytest.raises(BadInput, match=r"`similar_ids`|`no_identifier`"):
        table_doses(path)
    reasons = dict.fromkeys(("similar_ids", "no_identifier"), "checked")
    assert [d.patient for d in table_doses(path, accept=reasons)] == list(ids)


@given(st.floats(1, 7), st.floats(0.5, 5), st.floats(0.3, 2.2))
@settings(max_examples=8)
def test_centigray_named_gray_are_refused(lungs, heart, body):
    with tempfile.TemporaryDirectory() as name:
        rows = (100 * lungs, 3200), (100 * heart, 600), (100 * body, 70_000)
        with pytest.raises(BadInput, match="cGy"):
            table_doses(table(Path(name), *rows, prescribed=""))


@given(st.floats(2, 7), st.sampled_from(["", "50"]))
@settings(max_examples=8)
def test_gray_named_centigray_are_warned_of(lungs, prescribed):
    """A hundredth of the dose is no dose that courses outside the brain give to the blood."""
    with tempfile.TemporaryDirectory() as name:
        rows = (lungs / 100, 3200), (lungs / 150, 600), (lungs / 300, 70_000)
        (result,) = table_doses(table(Path(name), *rows, prescribed=prescribed))
        assert any(
            w.startswith("the mean dose of the course to the blood") for w in result.warnings
        )
        reported = any("over the prescribed dose" in w for w in result.warnings)
        assert reported == bool(prescribed)


@pytest.mark.parametrize(
    ("prescribed", "fractions", "asked"),
    [("50", "5", ""), ("50", "100", "fraction_count"), ("6", "30", "fraction_dose"),
     ("50", "1", "fraction_dose")],
)  # fmt: skip
def test_the_fractions_of_a_table_have_a_dose_that_fractions_have(
    tmp_path, prescribed, fractions, asked
):
    path = tmp_path / "organs.csv"
    path.write_text(
        "ORGAN,MEAN_DOSE_GY,PRESCRIBED_GY,FRACTIONS\n"
        f"Lungs,1.5,{prescribed},{fractions}\nHeart,1,{prescribed},{fractions}\n"
    )
    if not asked:
        assert not any("fraction" in warning for warning in table_doses(path)[0].warnings)
        return
    with pytest.raises(BadInput, match=f"`{asked}`"):
        table_doses(path)


@pytest.mark.parametrize("body_alone", [False, True])
@pytest.mark.parametrize("factor", [1e-3, 1e3, 100 / 70_000])
def test_volumes_of_another_unit_than_cm3_are_refused(tmp_path, factor, body_alone):
    """Litres, mm3, per cent; of all organs or of the body alone."""
    organs = 1.0 if body_alone else factor
    rows = (6.5, 3200 * organs), (4.2, 600 * organs), (2.1, 70_000 * factor)
    with pytest.raises(BadInput, match="thousands"):
        table_doses(table(tmp_path, *rows))


@pytest.mark.parametrize(
    ("lungs", "body", "right"),
    [("3200", "70000", True), ("3.200,5", "70.000,0", True), ("3.200", "70.000", False)],
)
def test_a_mark_of_thousands_that_may_be_decimal_is_asked_about(tmp_path, lungs, body, right):
    path = tmp_path / "organs.csv"
    path.write_text(f"ORGAN;MEAN_DOSE_GY;VOLUME_CM3\nLungs;6,5;{lungs}\nBody;2,1;{body}\n")
    if right:
        (result,) = table_doses(path)
        assert result.organs["body"] == (2.1, 70_000)
    else:
        with pytest.raises(BadInput, match=r"3\.200 can be read as 3\.200 or as 3200"):
            table_doses(path)


def test_organ_doses_above_the_prescription_are_refused(tmp_path):
    with pytest.raises(BadInput, match="organ_over_prescription"):
        table_doses(table(tmp_path, (12.0, 3200), (4.2, 600), (2.1, 70_000), prescribed="8"))


@pytest.mark.parametrize(
    ("rows", "reported"),
    [
        ("Heart,5,600\nHeart,10,300\nHeart,20,0\n", "from 0 Gy"),
        ("Heart,0,600\nHeart,5,300\nHeart,10,200\n", "`dvh_tail`"),
    ],
)
def test_a_cumulative_histogram_that_is_cut_is_refused(tmp_path, rows, reported):
    path = tmp_path / "dvh.csv"
    path.write_text("ORGAN,DOSE_GY,VOLUME_CM3\n" + rows)
    with pytest.raises(BadInput, match=reported):
        table_doses(path)


@pytest.mark.parametrize(("target", "right"), [("55", True), ("11", False), ("5500", False)])
def test_the_target_of_a_table_is_compared_with_its_prescription(tmp_path, target, right):
    path = table(tmp_path, (6.5, 3200), (4.2, 600), (2.1, 70_000))
    path.write_text(f"{path.read_text()}PTV,{target},40,50\n")
    if right:
        assert table_doses(path)[0].unknown == ["PTV"]
    else:
        with pytest.raises(BadInput, match="target"):
            table_doses(path)


@pytest.mark.parametrize(("mean", "right"), [(2.65, True), (53.0, False)])
def test_the_target_of_histograms_is_compared_with_the_prescription(tmp_path, mean, right):
    """A session of 2.65 Gy of 20, and of 1."""
    pairs = widths_and_volumes()["CUMULATIVE"]
    uid = write_plan(tmp_path, 20 if not right else 1, mean if not right else 2.65)
    items = [histogram(1, pairs), histogram(2, pairs)]
    write_dose(tmp_path, hill(), plan=uid, PixelData=None, DVHSequence=items, **SIZE)
    write_structures(tmp_path, {"Heart": [], "PTV": []})
    if right:
        assert only(tmp_path).organs["heart"].mean_gy == pytest.approx(2.65)
    else:
        assert "`target_over_prescription`" in refused(tmp_path)


@pytest.mark.parametrize(("factor", "right"), [(1.0, True), (0.5, False), (100.0, False)])
def test_the_dose_on_a_grid_is_compared_with_the_histograms_beside_it(tmp_path, factor, right):
    write_course(tmp_path)
    heart = only(tmp_path).organs["heart"].mean_gy
    pairs = [v for volume in (100.0, 100.0, 0.0) for v in (heart * factor / 1.5, volume)]
    dvh = histogram(4, pairs)
    uid = write_plan(tmp_path, 5, 50)
    write_dose(tmp_path, hill(), plan=uid, DVHSequence=[dvh], **SIZE)
    if right:
        assert only(tmp_path).warnings == []
    else:
        assert "`grid_over_histogram`" in refused(tmp_path)
