"""The radiotherapy objects of a folder, per patient, without anything that names the patient.

DICOM identifiers (names, numbers, dates of birth, UIDs) are used to put objects together and stay
inside; messages name files by their path within the folder.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

from lymphokin.io.problems import BadInput, Findings

_CLASS = "1.2.840.10008.5.1.4.1.1.481."
_CLASSES = {_CLASS + "2": "RTDOSE", _CLASS + "3": "RTSTRUCT", _CLASS + "5": "RTPLAN",
            _CLASS + "8": "RTPLAN"}  # fmt: skip
"""Storage classes of RT Dose, Structure Set, Plan and Ion Plan (DICOM PS3.4 Annex B)."""
KINDS = ("RTDOSE", "RTSTRUCT", "RTPLAN")
_SUFFIXES = (".dcm", ".dicom", "")


@dataclass(frozen=True)
class Object:
    """One DICOM object: its file's path within the folder, and its data set (pixels not read)."""

    file: str
    path: Path
    data: Any

    @property
    def kind(self) -> str:
        """RTDOSE, RTSTRUCT or RTPLAN; '' for anything else."""
        modality = text(self.data, "Modality")
        return _CLASSES.get(text(self.data, "SOPClassUID"), modality if modality in KINDS else "")

    @property
    def uid(self) -> str:
        return text(self.data, "SOPInstanceUID")

    @property
    def frame(self) -> str:
        """Frame of reference, '' if not stated."""
        return text(self.data, "FrameOfReferenceUID")

    def whole(self) -> Any:
        """The data set with its pixels."""
        return pydicom.dcmread(self.path, force=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from printing values of the files, which may identify somebody."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def text(data: Any, name: str) -> str:
    """An element as text, '' if it is absent, empty or unreadable."""
    try:
        value = data.get(name)
    except Exception:  # pydicom decodes on access and raises many kinds
        return ""
    return "" if value is None else str(value).strip()


def number(data: Any, name: str) -> float | None:
    """An element as a number, None if it is absent, empty or unreadable."""
    try:
        return float(data.get(name))
    except Exception:  # as above
        return None


def items(data: Any, name: str) -> list[Any]:
    """The items of a sequence, empty if it is absent or unreadable."""
    try:
        return list(data.get(name) or [])
    except Exception:  # as above
        return []


def referenced(data: Any, sequence: str) -> set[str]:
    """UIDs of the objects that a sequence refers to."""
    uids = {text(item, "ReferencedSOPInstanceUID") for item in items(data, sequence)}
    return uids - {""}


def read_objects(folder: Path) -> list[Object]:
    """Radiotherapy objects below `folder`, by their path.

    Other files and images are passed over; the same object in two files is read once. Raises
    BadInput when the folder does not exist, holds no RT Dose, a file that should be DICOM cannot
    be read, or two objects share an identifier.
    """
    if not folder.exists():
        problem = Findings(folder.name)
        problem.add(None, None, "no such folder", "a folder of DICOM files", f"looked for {folder}")
        problem.raise_if_any()
    kept: dict[str, Object] = {}
    problems = []
    paths = sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else [folder]
    for path in paths:
        name = str(path.relative_to(folder)) if folder.is_dir() else path.name
        found = Findings(name)
        data = _header(path, found)
        problems += found.problems
        if data is None:
            continue
        made = Object(name, path, data)
        if not made.kind:
            continue
        before = kept.setdefault(made.uid or name, made)
        if before is not made and not _same(before, made):
            found.add(None, "SOPInstanceUID", f"that of {before.file}, and other content",
                      "an identifier of its own for each object",
                      "leave out one of them")  # fmt: skip
            problems += found.problems
    if problems:
        raise BadInput(problems)
    objects = list(kept.values())
    if not any(o.kind == "RTDOSE" for o in objects):
        found = Findings(folder.name)
        what = f"{len(paths)} files, no RT Dose"
        found.add(None, None, what, "at least one DICOM RT Dose")
        found.raise_if_any()
    return objects


def _same(one: Object, other: Object) -> bool:
    try:
        return bool(one.whole() == other.whole())
    except Exception:  # a damaged element cannot be compared
        return False


def _header(path: Path, found: Findings) -> Any:
    """The data set without pixels; None if the file is none, or (a problem) if it is broken."""
    should = path.suffix.lower() in _SUFFIXES[:2]
    try:
        try:
            return pydicom.dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            if path.suffix.lower() not in _SUFFIXES:
                return None
            data = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            if text(data, "Modality") or text(data, "SOPClassUID"):
                return data
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        if should:
            found.add(None, None, type(error).__name__, "a whole DICOM file", "was it cut?")
        return None
    if should:
        found.add(None, None, "no DICOM data set", "a DICOM file")
    return None
