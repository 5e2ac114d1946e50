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


def _object(modality: str, uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _CLASSES[modality]
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = _CLASSES[modality], uid, modality
    data.PatientName, data.PatientID, data.PatientBirthDate = NAME, NUMBER, BIRTH
    data.PatientSex = "M"
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    return data


def item(**elements: object) -> Dataset:
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
    data = _object("RTDOSE", generate_uid())
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
        data.ReferencedRTPlanSequence = Sequence([item(ReferencedSOPInstanceUID=plan)])
    return _save(data, folder / name, elements)


def _save(data: FileDataset, path: Path, elements: dict[str, object]) -> FileDataset:
    """Write an object with further elements, without those that are None."""
    for element, value in elements.items():
        if value is None:
            delattr(data, element)
        else:
            setattr(data, element, value)
    data.save_as(path)
    return data


def box(low, high, spacing: float = 3.0, axes: np.ndarray | None = None) -> list[np.ndarray]:
    """Contours of a box: rectangles in planes along the third of its axes, at slice centres."""
    axes = np.eye(3) if axes is None else axes
    slices = np.arange(low[2] + spacing / 2, high[2], spacing)
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    return [np.column_stack([corners, np.full(4, z)]) @ axes for z in slices]


def write_structures(
    folder: Path,
    structures: dict[str, list[np.ndarray]],
    frame: str = FRAME,
    name: str = "structures.dcm",
    kinds: dict[str, str] | None = None,
    **elements: object,
) -> FileDataset:
    """An RT Structure Set of closed planar contours; `kinds`: types of structures by name."""
    data = _object("RTSTRUCT", generate_uid())
    data.StructureSetLabel = "phantom"
    data.ReferencedFrameOfReferenceSequence = Sequence([item(FrameOfReferenceUID=frame)])
    rois, shapes, types = [], [], []
    for number, (label, contours) in enumerate(structures.items(), start=1):
        rois.append(item(ROINumber=number, ROIName=label, ReferencedFrameOfReferenceUID=frame))
        planes = [
            item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(c),
                  ContourData=[f"{v:.4f}" for v in c.ravel()])
            for c in contours
        ]  # fmt: skip
        shapes.append(item(ReferencedROINumber=number, ContourSequence=Sequence(planes)))
        kind = (kinds or {}).get(label, "")
        types.append(item(ReferencedROINumber=number, RTROIInterpretedType=kind))
    data.StructureSetROISequence, data.ROIContourSequence = Sequence(rois), Sequence(shapes)
    if kinds:
        data.RTROIObservationsSequence = Sequence(types)
    return _save(data, folder / name, elements)


def write_plan(
    folder: Path,
    fractions: int | None,
    gray: float,
    name: str = "plan.dcm",
    beams: int = 0,
    beam_gy: float | None = None,
    **elements: object,
) -> str:
    """An RT Plan; returns its UID. `beams`: their number, `beam_gy`: Gy of each per fraction."""
    uid = generate_uid()
    data = _object("RTPLAN", uid)
    group = item(FractionGroupNumber=1, NumberOfFractionsPlanned=fractions)
    numbers = range(1, beams + 1)
    if beams:
        data.BeamSequence = Sequence([item(BeamNumber=n) for n in numbers])
        group.ReferencedBeamSequence = Sequence(
            [item(ReferencedBeamNumber=n, BeamDose=beam_gy) for n in numbers]
        )
    data.FractionGroupSequence = Sequence([group])
    target = item(DoseReferenceNumber=1, DoseReferenceType="TARGET", TargetPrescriptionDose=gray)
    data.DoseReferenceSequence = Sequence([target])
    _save(data, folder / name, elements)
    return uid


def of_beams(plan: str, *beams: int) -> Sequence:
    """A reference to some beams of a plan, for `write_dose(ReferencedRTPlanSequence=...)`."""
    numbers = Sequence([item(ReferencedBeamNumber=n) for n in beams])
    group = item(ReferencedFractionGroupNumber=1, ReferencedBeamSequence=numbers)
    groups = Sequence([group])
    return Sequence([item(ReferencedSOPInstanceUID=plan, ReferencedFractionGroupSequence=groups)])


def histogram(
    roi: int, pairs: list[float], kind: str = "CUMULATIVE", **elements: object
) -> Dataset:
    """An item of DVHSequence; `pairs`: width of a bin and volume, in turn."""
    reference = item(ReferencedROINumber=roi, DVHROIContributionType="INCLUDED")
    stated = {"DoseUnits": "GY", "DoseType": "PHYSICAL", "DVHDoseScaling": 1,
              "DVHVolumeUnits": "CM3", **elements}  # fmt: skip
    return item(DVHType=kind, DVHNumberOfBins=len(pairs) // 2, DVHData=pairs,
                DVHReferencedROISequence=Sequence([reference]), **stated)  # fmt: skip
