"""Which plans and persons a folder holds: never added, merged or chosen quietly."""

import shutil
from pathlib import Path

import pytest

from lymphokin.plausible.identifiers import names_nobody
from tests.dose.dicom_phantom import generate_uid, item, write_dose, write_plan, write_structures
from tests.dose.dose_cases import SIZE, STRUCTURES, hill, only, refused, write_course

TWICE = "patient_identity"


def add_plan(folder: Path, name: str, gray: float = 60.0, fractions: int = 5,
             prescribed: float = 50.0, centre=(-19.0, 0.0, 0.0), width: float = 16.0,
             frame: str | None = None, **plan: object) -> str:  # fmt: skip
    """A plan with its dose, in files that begin with `name`."""
    uid = write_plan(folder, fractions, prescribed, name=f"{name}_plan.dcm", **plan)
    more = {} if frame is None else {"frame": frame}
    write_dose(folder, hill(gray, centre, width), plan=uid, name=f"{name}_dose.dcm", **SIZE, **more)
    return uid


@pytest.mark.parametrize(
    ("state", "other"),
    [
        ({"ApprovalStatus": "REJECTED"}, {"ApprovalStatus": "APPROVED"}),
        ({"ApprovalStatus": "REJECTED"}, {}),
        ({"ApprovalStatus": "UNAPPROVED"}, {"ApprovalStatus": "APPROVED"}),
        ({"PlanIntent": "VERIFICATION"}, {}),
        ({"PlanIntent": "MACHINE_QA"}, {"ApprovalStatus": "APPROVED"}),
    ],
)
def test_a_plan_that_was_not_given_is_left_out_and_listed(tmp_path, clean, state, other):
    write_structures(tmp_path, STRUCTURES)
    add_plan(tmp_path, "a", **other)
    add_plan(tmp_path, "b", gray=66, **state)
    result = only(tmp_path)
    assert result.blood_gy == pytest.approx(clean, rel=1e-3)
    assert len(result.left_out) == 1
    assert result.left_out[0].startswith("b_dose.dcm: ")
    assert len(result.plans) == 1


def test_a_rejected_plan_alone_is_refused_unless_it_is_named(tmp_path, clean):
    write_structures(tmp_path, STRUCTURES)
    add_plan(tmp_path, "a", ApprovalStatus="REJECTED")
    assert "a plan that was given" in refused(tmp_path)
    result = only(tmp_path, use=["a_plan.dcm"])
    assert result.blood_gy == pytest.approx(clean, rel=1e-3)
    assert any("rejected" in w for w in result.warnings)


def test_an_unapproved_plan_alone_is_reported(tmp_path):
    write_structures(tmp_path, STRUCTURES)
    add_plan(tmp_path, "a", ApprovalStatus="UNAPPROVED")
    assert any("not approved" in w for w in only(tmp_path).warnings)


@pytest.mark.parametrize(("fractions", "prescribed"), [(5, 50.0), (3, 30.0)])
def test_versions_of_one_plan_are_not_added(tmp_path, clean, fractions, prescribed):
    """A copy, and an adapted plan of the remaining fractions."""
    write_structures(tmp_path, STRUCTURES)
    add_plan(tmp_path, "a")
    add_plan(tmp_path, "b", 1.2 * prescribed, fractions, prescribed, centre=(-17.0, 0.0, 0.0))
    assert "`plan_overlap`" in refused(tmp_path)
    named = only(tmp_path, use=["a_plan.dcm"])
    assert named.blood_gy == pytest.approx(clean, rel=1e-3)
    assert set(named.left_out) == {"b_plan.dcm: not named", "b_dose.dcm: not named"}
    accept = {"plan_overlap": "two phases of one course", "organ_mean_dose": "so"}
    both = only(tmp_path, accept=accept)
    assert both.blood_gy > 1.4 * clean
    assert both.accepted["plan_overlap"] == "two phases of one course"


def test_copies_of_a_dose_without_a_plan_are_not_added(tmp_path):
    write_structures(tmp_path, STRUCTURES)
    for k in range(2):
        write_dose(tmp_path, hill(), plan=generate_uid(), name=f"{k}.dcm", **SIZE)
    assert "`plan_overlap`" in refused(tmp_path)


@pytest.mark.parametrize("relation", ["PREDECESSOR", "PRIOR", "ALTERNATIVE"])
def test_a_plan_that_replaces_another_is_not_added_to_it(tmp_path, relation):
    write_structures(tmp_path, STRUCTURES)
    first = add_plan(tmp_path, "a")
    related = [item(ReferencedSOPInstanceUID=first, RTPlanRelationship=relation)]
    add_plan(tmp_path, "b", 36, 3, 30, centre=(19.0, 0.0, 0.0), ReferencedRTPlanSequence=related)
    assert "adapted or alternative" in refused(tmp_path)
    assert len(only(tmp_path, use=["a_plan.dcm", "b_plan.dcm"]).plans) == 2


def test_a_boost_is_added_to_its_plan(tmp_path, clean):
    write_structures(tmp_path, STRUCTURES)
    add_plan(tmp_path, "a")
    add_plan(tmp_path, "b", 19, 2, 16, width=7.0)
    result = only(tmp_path)
    assert clean < result.blood_gy < 1.2 * clean
    assert [plan["prescribed_gy"] for plan in result.plans] == [50, 16]
    assert not any("two plans in one place" in w for w in result.warnings)


def test_plans_of_three_lesions_on_different_days_are_added(tmp_path, clean):
    write_structures(tmp_path, STRUCTURES)
    places = [(-25.0, 20.0, 15.0), (25.0, 20.0, 0.0), (25.0, -20.0, -20.0)]
    for k, centre in enumerate(places):
        add_plan(tmp_path, f"p{k}", centre=centre, width=10.0, RTPlanDate=f"202603{1 + 9 * k:02}",
                 ApprovalStatus="APPROVED")  # fmt: skip
    result = only(tmp_path)
    assert result.warnings == []
    assert len(result.plans) == 3


def test_courses_a_year_apart_are_not_one(tmp_path, clean):
    write_structures(tmp_path, STRUCTURES)
    add_plan(tmp_path, "a", RTPlanDate="20250301")
    add_plan(tmp_path, "b", centre=(19.0, 0.0, 0.0), RTPlanDate="20260301")
    message = refused(tmp_path)
    assert "365 days" in message
    assert "`plan_dates_apart`" in message
    assert only(tmp_path, use=["a_plan.dcm"]).blood_gy == pytest.approx(clean, rel=1e-3)


def test_plans_of_two_planning_images_are_asked_about_then_added_organ_by_organ(tmp_path, clean):
    other = generate_uid()
    write_structures(tmp_path, STRUCTURES)
    write_structures(tmp_path, STRUCTURES, frame=other, name="s2.dcm")
    add_plan(tmp_path, "a")
    add_plan(tmp_path, "b", centre=(19.0, 0.0, 0.0), frame=other)
    assert "`planning_images`" in refused(tmp_path)
    reason = "two lesions, two planning images, one course"
    result = only(tmp_path, accept={"planning_images": reason})
    assert result.blood_gy == pytest.approx(2 * clean, rel=0.01)
    assert result.accepted == {"planning_images": reason}


def write_sum(folder: Path, grays: tuple[float, float], total: float | None) -> None:
    """Two plans, and the sum of plans with `total` times their dose."""
    write_structures(folder, STRUCTURES)
    places = (-19.0, 0.0, 0.0), (19.0, 0.0, 0.0)
    uids = [add_plan(folder, f"p{k}", gray, centre=place, width=10.0)
            for k, (gray, place) in enumerate(zip(grays, places, strict=True))]  # fmt: skip
    if total is not None:
        plans = [item(ReferencedSOPInstanceUID=uid) for uid in uids]
        shapes = [
            hill(gray * total, place, 10.0) for gray, place in zip(grays, places, strict=True)
        ]
        write_dose(folder, lambda p: shapes[0](p) + shapes[1](p), name="sum.dcm",
                   DoseSummationType="MULTI_PLAN", ReferencedRTPlanSequence=plans,
                   **SIZE)  # fmt: skip


def test_a_sum_of_plans_beside_its_plans_counts_once_and_must_agree(tmp_path):
    for name, total in (("plans", None), ("both", 1.0), ("wrong", 0.5)):
        (tmp_path / name).mkdir()
        write_sum(tmp_path / name, (60.0, 55.0), total)
    alone = only(tmp_path / "plans").blood_gy
    both = only(tmp_path / "both")
    assert both.blood_gy == pytest.approx(alone)
    assert both.left_out == ["sum.dcm: a sum of plans beside the plans"]
    assert "a sum of plans that is the sum" in refused(tmp_path / "wrong")
    by_name = only(tmp_path / "both", use=["sum.dcm"])
    assert by_name.blood_gy == pytest.approx(alone, rel=1e-3)
    assert by_name.plans == [{"fractions": 10, "prescribed_gy": 100.0}]


def test_a_sum_of_plans_exported_twice_counts_once(tmp_path):
    write_sum(tmp_path, (60.0, 55.0), 1.0)
    shutil.copy(tmp_path / "sum.dcm", tmp_path / "copy.dcm")
    assert only(tmp_path).left_out == ["copy.dcm: a sum of plans beside the plans"]
    data = write_dose(tmp_path, hill(), name="other.dcm", **SIZE)
    shutil.copy(tmp_path / "other.dcm", tmp_path / "third.dcm")
    data.SOPInstanceUID = generate_uid()
    data.save_as(tmp_path / "third.dcm")
    assert "is it the same dose twice?" in refused(tmp_path)


def test_one_identifier_of_two_objects_is_reported(tmp_path):
    write_course(tmp_path)
    data = write_dose(tmp_path, hill(40), name="b.dcm", **SIZE)
    data.SOPInstanceUID = write_dose(tmp_path, hill(), name="a.dcm", **SIZE).SOPInstanceUID
    data.save_as(tmp_path / "b.dcm")
    assert "SOPInstanceUID" in refused(tmp_path)


def test_a_dose_of_a_plan_that_is_not_there_is_not_compared_with_another_plan(tmp_path):
    write_structures(tmp_path, STRUCTURES)
    write_plan(tmp_path, 1, 8)
    write_dose(tmp_path, hill(), plan=generate_uid(), **SIZE)
    result = only(tmp_path)
    assert result.plans == [{"fractions": None, "prescribed_gy": None}]
    assert any("cannot be compared with a prescription" in w for w in result.warnings)


def test_a_plan_without_a_dose_is_reported(tmp_path):
    write_course(tmp_path)
    write_plan(tmp_path, 2, 16, name="boost.dcm")
    (warning,) = only(tmp_path).warnings
    assert warning == "boost.dcm: an RT Plan without an RT Dose, which is not in the sum"


def two_persons(folder: Path, same_frame: bool, first: dict, second: dict) -> None:
    """Two courses in folders of their own, with identifying elements."""
    for name, who in (("A", first), ("B", second)):
        own = folder / name
        own.mkdir()
        frame = {} if same_frame else {"frame": generate_uid()}
        uid = write_plan(own, 5, 50, **who)
        centre = (-19.0 if name == "A" else 19.0, 0.0, 0.0)
        write_dose(own, hill(centre=centre, width=10.0), plan=uid, **SIZE, **frame, **who)
        write_structures(own, STRUCTURES, **frame, **who)


PLACEHOLDERS = ["ANON", "", "ANONYMOUS", "anonymized", "0", "000", "TEST", "Test Patient",
                "N/A", "NONE", "unknown", "X", "xxx", "PHANTOM", "de-identified", "1234",
                "-"]  # fmt: skip


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_placeholders_name_nobody(name):
    assert names_nobody(name)


@pytest.mark.parametrize("name", ["HOSP4711", "TCGA-05-4244", "P01", "Contest", "1042", "Anna"])
def test_other_identifiers_name_somebody(name):
    assert not names_nobody(name)


@pytest.mark.parametrize("name", ["ANON", "", "TEST"])
def test_two_frames_of_reference_under_a_placeholder_are_not_one_patient(tmp_path, name):
    who = {"PatientID": name, "PatientName": name}
    two_persons(tmp_path, False, who, who)
    message = refused(tmp_path)
    assert f"`{TWICE}`" in message
    assert "folder of its own" in message
    assert only(tmp_path / "A").blood_gy == pytest.approx(only(tmp_path / "B").blood_gy, rel=0.05)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"PatientBirthDate": "19500102"}, {"PatientBirthDate": "19610203"}),
        ({"PatientSex": "F"}, {"PatientSex": "M"}),
        ({"PatientName": "Miller^Ann"}, {"PatientName": "Smith^Bob"}),
        ({"IssuerOfPatientID": "A"}, {"IssuerOfPatientID": "B"}),
        ({"PatientID": "0042"}, {"PatientID": "42"}),
        ({"PatientID": "ab-7"}, {"PatientID": "AB7"}),
    ],
)
def test_two_persons_under_one_identifier_are_not_added(tmp_path, first, second):
    """And one identifier in two spellings is not two patients quietly."""
    two_persons(tmp_path, True, first, second)
    message = refused(tmp_path)
    assert f"`{TWICE}`" in message
    for secret in ("19500102", "Miller", "Smith", "0042", "AB7"):
        assert secret not in message
    shutil.rmtree(tmp_path / "B")
    assert only(tmp_path).warnings == []


def test_what_is_one_person_after_all_is_accepted(tmp_path):
    two_persons(tmp_path, True, {"PatientID": "0042"}, {"PatientID": "42"})
    (tmp_path / "B" / "structures.dcm").unlink()
    reason = "the number was written twice, checked in the chart"
    result = only(tmp_path, accept={TWICE: reason})
    assert len(result.plans) == 2
    assert result.accepted == {TWICE: reason}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"PatientName": "Miller^Ann"}, {"PatientName": "MILLER^ANN^^^"}),
        ({"PatientName": "Miller^Ann"}, {"PatientName": "Smith-Miller^Ann"}),
        ({"PatientName": "Miller^Ann"}, {"PatientName": "Anonymous"}),
        ({"PatientBirthDate": "19500102"}, {"PatientBirthDate": ""}),
        ({"PatientSex": "F"}, {"PatientSex": "O"}),
    ],
)
def test_spellings_and_blanks_of_one_person_are_no_alarm(tmp_path, first, second):
    two_persons(tmp_path, True, first, second)
    (tmp_path / "B" / "structures.dcm").unlink()
    assert len(only(tmp_path).plans) == 2


def test_a_plan_under_another_identifier_is_not_passed_over(tmp_path):
    uid = write_plan(tmp_path, 5, 50, PatientID="other")
    write_dose(tmp_path, hill(), plan=uid, **SIZE)
    write_structures(tmp_path, STRUCTURES)
    assert f"`{TWICE}`" in refused(tmp_path)


def test_objects_of_somebody_without_a_dose_are_reported(tmp_path):
    write_course(tmp_path)
    write_plan(tmp_path, 5, 50, name="theirs.dcm", PatientID="other")
    assert any("another patient identifier" in w for w in only(tmp_path).warnings)


def test_a_file_to_use_that_is_not_there_is_refused(tmp_path):
    write_course(tmp_path)
    assert "a radiotherapy file of the folder" in refused(tmp_path, use=["plans.dcm"])
