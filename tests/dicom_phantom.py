"""DICOM radiotherapy objects of a box phantom, written with pydicom, with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

NAME, NUMBER, BIRTH = "Secret^Person", "HOSP4711", "19500102"
FRAME = generate_uid()
_CLASSES = {
    "RTDOSE": "1.2.840.10008.5.1.4.1.1.481.2",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
    "RTPLAN": "1.2.840.10008.5.1.4.1.1.481.5",
}


def _object(modality: str, uid: str, patient: str = NUMBER) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _CLASSES[modality]
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = _CLASSES[modality], uid, modality
    data.PatientName, data.PatientID, data.PatientBirthDate = NAME, patient, BIRTH
    data.PatientSex = "M"
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    return data


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return item


def rotation(degrees: float, axis: int) -> np.ndarray:
    """Rotation about a coordinate axis."""
    a = np.radians(degrees)
    i, j = [k for k in range(3) if k != axis]
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = (
        np.cos(a),
        -np.sin(a),
        np.sin(a),
        np.cos(a),
    )
    return matrix


def write_dose(
    folder: Path,
    gray,
    centre=(0.0, 0.0, 0.0),
    size=(160.0, 160.0, 160.0),
    spacing=(4.0, 4.0, 4.0),
    axes: np.ndarray | None = None,
    frame: str = FRAME,
    plan: str = "",
    bits: int = 32,
    name: str = "dose.dcm",
    **elements: object,
) -> FileDataset:
    """An RT Dose with `gray(points)` at its voxels; `axes`: columns, rows, frames as unit rows."""
    axes = np.eye(3) if axes is None else axes
    counts = [round(s / d) + 1 for s, d in zip(size, spacing, strict=True)]
    steps = [(np.arange(n) - (n - 1) / 2) * d for n, d in zip(counts, spacing, strict=True)]
    f, r, c = np.meshgrid(steps[2], steps[1], steps[0], indexing="ij")
    points = np.asarray(centre) + np.stack([c, r, f], axis=-1) @ axes
    dose = np.maximum(gray(points), 0)
    data = _object("RTDOSE", generate_uid(), str(elements.pop("PatientID", NUMBER)))
    scale = max(float(dose.max()), 1e-9) / (2**bits - 2)
    data.Rows, data.Columns, data.NumberOfFrames = counts[1], counts[0], counts[2]
    data.PixelSpacing = [spacing[1], spacing[0]]
    data.ImageOrientationPatient = [*axes[0], *axes[1]]
    data.ImagePositionPatient = list(points[0, 0, 0])
    data.GridFrameOffsetVector = list(np.arange(counts[2]) * spacing[2])
    data.FrameOfReferenceUID = frame
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    data.DoseGridScaling = f"{scale:.10e}"
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, 0
    data.PixelData = np.round(dose / scale).astype(f"<u{bits // 8}").tobytes()
    if plan:
        data.ReferencedRTPlanSequence = Sequence([_item(ReferencedSOPInstanceUID=plan)])
    for element, value in elements.items():
        if value is None:
            delattr(data, element)
        else:
            setattr(data, element, value)
    data.save_as(folder / name)
    return data


def box(low, high, spacing: float = 3.0, axes: np.ndarray | None = None) -> list[np.ndarray]:
    """Contours of a box: rectangles in planes along the third of its axes, at slice centres."""
    axes = np.eye(3) if axes is None else axes
    slices = np.arange(low[2] + spacing / 2, high[2], spacing)
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    return [np.column_stack([corners, np.full(4, z)]) @ axes for z in slices]


def write_structures(folder: Path, structures: dict[str, list[np.ndarray]], frame: str = FRAME,
                     name: str = "structures.dcm") -> FileDataset:  # fmt: skip
    """An RT Structure Set of closed planar contours."""
    data = _object("RTSTRUCT", generate_uid())
    data.StructureSetLabel = "phantom"
    data.ReferencedFrameOfReferenceSequence = Sequence([_item(FrameOfReferenceUID=frame)])
    rois, shapes = [], []
    for number, (label, contours) in enumerate(structures.items(), start=1):
        rois.append(_item(ROINumber=number, ROIName=label, ReferencedFrameOfReferenceUID=frame))
        planes = [
            _item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(c),
                  ContourData=[f"{v:.4f}" for v in c.ravel()])
            for c in contours
        ]  # fmt: skip
        shapes.append(_item(ReferencedROINumber=number, ContourSequence=Sequence(planes)))
    data.StructureSetROISequence, data.ROIContourSequence = Sequence(rois), Sequence(shapes)
    data.save_as(folder / name)
    return data


def write_plan(folder: Path, fractions: int, gray: float, name: str = "plan.dcm") -> str:
    """An RT Plan; returns its UID."""
    uid = generate_uid()
    data = _object("RTPLAN", uid)
    data.FractionGroupSequence = Sequence(
        [_item(FractionGroupNumber=1, NumberOfFractionsPlanned=fractions)]
    )
    target = _item(DoseReferenceNumber=1, DoseReferenceType="TARGET", TargetPrescriptionDose=gray)
    data.DoseReferenceSequence = Sequence([target])
    data.save_as(folder / name)
    return uid
