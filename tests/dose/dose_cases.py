"""A small treated phantom: a target of 50 Gy in 5 fractions between lungs and heart."""

from pathlib import Path

import numpy as np
import pytest

from lymphokin.dose.course import CourseDose
from lymphokin.dose.dicom.course import folder_doses
from lymphokin.io import BadInput
from tests.dose.dicom_phantom import box, write_dose, write_plan, write_structures

SIZE = {"size": (96.0, 96.0, 96.0), "spacing": (6.0, 6.0, 6.0)}
STRUCTURES = {
    "External": box((-42, -42, -24), (42, 42, 24), spacing=12),
    "Lung_L": box((-40, -30, -18), (-10, 30, 18), spacing=12),
    "Lung_R": box((10, -30, -18), (40, 30, 18), spacing=12),
    "Heart": box((-9, -30, -12), (9, 0, 12), spacing=12),
}
TARGET = {"PTV": box((-25, -6, -6), (-13, 6, 6), spacing=3)}


def hill(gray: float = 60.0, centre=(-19.0, 0.0, 0.0), width: float = 16.0):
    """A dose with its peak of `gray` at `centre` (mm), Gaussian with SD `width` (mm)."""
    return lambda p: gray * np.exp(-((p - np.asarray(centre)) ** 2).sum(axis=-1) / 2 / width**2)


def write_course(
    folder: Path, factor: float = 1.0, fractions: int = 5, prescribed: float = 50.0,
    target: bool = True, **dose: object,
) -> str:  # fmt: skip
    """A plan, its dose times `factor`, and structures; returns the plan's UID."""
    uid = write_plan(folder, fractions, prescribed)
    write_dose(folder, hill(60 * factor), plan=uid, **{**SIZE, **dose})
    write_structures(folder, STRUCTURES | (TARGET if target else {}))
    return uid


def only(folder: Path, **more) -> CourseDose:
    """The result of a folder of one patient."""
    (result,) = folder_doses(folder, **more)
    return result


def refused(folder: Path, **more) -> str:
    """The message that refuses a folder of doses."""
    with pytest.raises(BadInput) as caught:
        folder_doses(folder, **more)
    return str(caught.value)
