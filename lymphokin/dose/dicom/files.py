"""The radiotherapy objects of a folder, per patient, without anything that names the patient.

DICOM identifiers (names, numbers, dates of birth, UIDs) are used to put objects together and stay
inside; messages name files by their path within the folder.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

from lymphokin.io.problems import BadInput, Findings

_MODALITIES = ("RTDOSE", "RTSTRUCT", "RTPLAN")
_SUFFIXES = (".dcm", ".dicom", "")


@dataclass(frozen=True)
class Object:
    """One DICOM object: its file's path within the folder, and its data set (pixels not read)."""

    file: str
    path: Path
    data: Any

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


@dataclass
class PatientObjects:
    """The objects of one patient. `key`: the identifier in the files; it must not be shown."""

    key: str
    sex: str | None
    doses: list[Object] = field(default_factory=list)
    structures: list[Object] = field(default_factory=list)
    plans: list[Object] = field(default_factory=list)
    _words: set[str] = field(default_factory=set)

    def shown(self, name: str) -> str:
        """A structure's name, hidden if it holds a word of the patient's name or number."""
        words = {w for w in re.split(r"[^0-9a-z]+", name.lower()) if w}
        return "(hidden: names the patient)" if words & self._words else name


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


def read_folder(folder: Path) -> list[PatientObjects]:
    """Radiotherapy objects below `folder`, per patient, in the order of their identifiers.

    Other files and images are passed over. Raises BadInput when the folder does not exist, holds
    no RT Dose, or a file that should be DICOM cannot be read.
    """
    if not folder.exists():
        problem = Findings(folder.name)
        problem.add(None, None, "no such folder", "a folder of DICOM files", f"looked for {folder}")
        problem.raise_if_any()
    patients: dict[str, PatientObjects] = {}
    problems = []
    paths = sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else [folder]
    for path in paths:
        name = str(path.relative_to(folder)) if folder.is_dir() else path.name
        found = Findings(name)
        data = _header(path, found)
        problems += found.problems
        if data is None:
            continue
        modality = text(data, "Modality")
        if modality not in _MODALITIES:
            continue
        key = text(data, "PatientID") or "-"
        own = patients.setdefault(key, PatientObjects(key, _sex(data)))
        own.sex = own.sex or _sex(data)
        own._words |= _identifying(data)
        kept = {"RTDOSE": own.doses, "RTSTRUCT": own.structures, "RTPLAN": own.plans}[modality]
        if not any(o.uid and o.uid == text(data, "SOPInstanceUID") for o in kept):
            kept.append(Object(name, path, data))
    if problems:
        raise BadInput(problems)
    if not any(p.doses for p in patients.values()):
        found = Findings(folder.name)
        what = f"{len(paths)} files, no RT Dose"
        found.add(None, None, what, "at least one DICOM RT Dose")
        found.raise_if_any()
    return [patients[key] for key in sorted(patients) if patients[key].doses]


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


def _sex(data: Any) -> str | None:
    sex = text(data, "PatientSex").upper()
    return sex if sex in ("F", "M") else None


def _identifying(data: Any) -> set[str]:
    """Words of names and numbers of the patient, to keep them out of what is shown."""
    words = " ".join(text(data, n) for n in ("PatientName", "PatientID", "OtherPatientIDs"))
    return {w for w in re.split(r"[^0-9a-z]+", words.lower()) if len(w) >= 3}
