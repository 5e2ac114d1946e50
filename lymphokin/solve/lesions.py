"""Lesions of many patients as arrays: which there are, and how large each is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lymphokin.solve.treatment import Treatment


def present_lesions(treatments: Sequence[Treatment]) -> np.ndarray | None:
    """[lesion, patient] which lesions there are; None where they are not distinguished."""
    counts = [0 if t.lesion_gy is None else t.lesion_gy.shape[1] for t in treatments]
    most = max(counts, default=0)
    return (np.arange(most)[:, None] < np.asarray(counts)).astype(float) if most else None


def lesion_volumes(treatments: Sequence[Treatment]) -> np.ndarray | None:
    """[lesion, patient] volume of each lesion; as of :func:`present_lesions`."""
    present = present_lesions(treatments)
    if present is None:
        return None
    volume = np.ones(present.shape)
    for patient, treatment in enumerate(treatments):
        if treatment.lesion_cm3 is not None:
            own = np.where(np.isnan(treatment.lesion_cm3), 1.0, treatment.lesion_cm3)
            volume[: len(own), patient] = own
    return volume
