"""The lesions of a cohort's patients: how many each has, what each is given, and whose they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.dose import lesion_counts
from lymphokin.io import Cohort
from lymphokin.io.problems import Findings
from lymphokin.model import Model
from lymphokin.population.arrays import LesionArrays
from lymphokin.solve import Timeline


def lesion_doses(cohort: Cohort) -> list[np.ndarray]:
    """Per patient, [fraction, lesion] prescribed Gy to each lesion, 0 to those not irradiated."""
    patients, fractions = cohort.patients.index, cohort.fractions
    owner = patients.get_indexer(fractions["id"].to_numpy())
    lesion, gy = fractions["lesion"].to_numpy(int), fractions["prescribed_gy"].to_numpy(float)
    doses = []
    for patient, count in enumerate(lesion_counts(cohort)):
        own = owner == patient
        to_it = (lesion[own, None] == 0) | (lesion[own, None] == np.arange(1, count + 1))
        doses.append(np.where(to_it, gy[own, None], 0.0))
    return doses


def lesion_volumes(cohort: Cohort) -> list[np.ndarray]:
    """Per patient, [lesion] volume of each lesion in cm3, NaN where none is stated."""
    patients = cohort.patients.index
    volumes = [np.full(count, np.nan) for count in lesion_counts(cohort)]
    owner = patients.get_indexer(cohort.lesions["id"].to_numpy())
    for patient, row in zip(owner, cohort.lesions.itertuples(), strict=True):
        volumes[patient][int(row.lesion) - 1] = row.volume_cm3  # type: ignore[arg-type]
    return volumes


def refuse_without_volume(model: Model, cohort: Cohort) -> None:
    """Refuse irradiated lesions of unknown volume where the model reads it.

    Raises:
        BadInput: with file, patient and what was expected.
    """
    if not model.reads_volumes:
        return
    found = Findings(cohort.source or "the cohort")
    parts = zip(cohort.patients.index, lesion_doses(cohort), lesion_volumes(cohort), strict=True)
    for patient, gy, volume in parts:
        for lesion in np.flatnonzero(np.isnan(volume) & (gy > 0).any(axis=0)):
            expected = f"the volume of every irradiated lesion, which model {model.name} reads"
            where = f"patient {patient}, lesion {lesion + 1}"
            found.add(None, "LESION_CM3", None, expected, where)
    found.raise_if_any()


def lesion_arrays(timeline: Timeline) -> LesionArrays:
    """The lesions that patients have, patient after patient."""
    patient, number = np.nonzero(np.asarray(timeline.days.present).T > 0)
    reached = (np.asarray(timeline.days.lesion_gy) > 0).any(axis=0)
    outside = reached.any(axis=0) & ~reached
    return LesionArrays(patient, number, outside[number, patient].astype(float))


def refuse_misplaced(model: Model, cohort: Cohort) -> None:
    """Refuse records of lesions without a lesion, and those of patients with one.

    A table that was read with the model's words has none.

    Raises:
        BadInput: with file, line, value and what was expected.
    """
    seen, own = cohort.observations, model.lesion_outputs
    if not own and not seen["lesion"].any():
        return
    found = Findings(cohort.source or "the cohort")
    known = seen[seen["quantity"].isin(model.observed)]
    counts = pd.Series(lesion_counts(cohort), cohort.patients.index)
    for row in known.itertuples():
        quantity, lesion, most = str(row.quantity), int(row.lesion), counts[row.id]  # type: ignore[arg-type]
        if quantity in own and not 1 <= lesion <= most:
            expected = f"the number of a lesion of the patient, 1 to {most}, as {quantity} is"
        elif quantity not in own and lesion:
            expected = f"a blank: {quantity} is of the patient, not of a lesion"
        else:
            continue
        where = f"patient {row.id}, day {row.day:g}"
        found.add(int(row.row) or None, "LESION", str(lesion or ""), expected, where)  # type: ignore[arg-type]
    found.raise_if_any()
