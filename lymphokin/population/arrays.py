"""The arrays that the likelihood needs of a cohort: treatments, covariates and observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.population.joint_prior import JointPrior
from lymphokin.solve import Timeline

RECORDS_UNIT = 32
"""Numbers of records are rounded up to a multiple of this."""


class MissingCovariate(NamedTuple):
    """Patients without a number: each has a latent for it, log-normal as in the others."""

    patient: jax.Array | np.ndarray
    """[missing] position among all patients"""
    log_sd: jax.Array | np.ndarray
    """SD of its logarithm among the patients who have it"""


class LesionArrays(NamedTuple):
    """The lesions of all patients, patient after patient."""

    patient: jax.Array | np.ndarray
    """[lesion] position of its patient"""
    number: jax.Array | np.ndarray
    """[lesion] its number among the patient's, from 0"""
    outside: jax.Array | np.ndarray
    """[lesion] 1.0 of one that no fraction reaches, of a patient of whom others are irradiated"""


class Records(NamedTuple):
    """Observations of one quantity."""

    patient: jax.Array | np.ndarray
    """[record]"""
    place: jax.Array | np.ndarray
    """[record] node of the days clock, or drug window (lane) of the hours clock"""
    day: jax.Array | np.ndarray
    """[record] days from the first fraction"""
    log_value: jax.Array | np.ndarray
    """[record] natural log of the value, or of the limit where only limits are known"""
    category: jax.Array | np.ndarray
    """[effect, record] 1.0 where the record is of that category"""
    weight: jax.Array | np.ndarray
    """[record] 1.0, or 0.0 for padding: array sizes are rounded up so that compiled code serves
    another cohort of about the same size"""
    log_limits: tuple[jax.Array | np.ndarray, jax.Array | np.ndarray] | None = None
    """[record] natural logs of the lower and upper limits, infinite where there is none; None where
    every record lies below its limit and nothing else is known"""
    sd: jax.Array | np.ndarray | None = None
    """[record] the record's own SD; None where all share one"""
    lesion: jax.Array | np.ndarray | None = None
    """[record] number of the lesion among the patient's, from 0; None of a patient's quantity"""


class Measured(NamedTuple):
    """Records of one quantity with a value, and those of which only limits are known: below a
    limit of quantification, above one, or between two."""

    quantified: Records
    below: Records


class EventRecords(NamedTuple):
    """Visits at which it was recorded whether an event has happened."""

    patient: jax.Array | np.ndarray
    """[record]"""
    place: jax.Array | np.ndarray
    """[record] node of the days clock"""
    before: jax.Array | np.ndarray
    """[record] node of the patient's record before, or of the start"""
    happened: jax.Array | np.ndarray
    """[record] 1.0 where it has happened since then, else 0.0"""
    weight: jax.Array | np.ndarray
    """[record] 1.0, or 0.0 for padding"""


class CohortArrays(NamedTuple):
    """Everything about a cohort that the log density needs; a pytree of arrays."""

    timeline: Timeline
    regressors: Mapping[str, jax.Array | np.ndarray]
    """by name (:attr:`PowerCovariate.regressor`), [patient] ln(value / reference), or 1.0 in the
    category and 0.0 outside; the mean of the others where a number is missing"""
    without: Mapping[str, jax.Array | np.ndarray]
    """per column, [patient] 1.0 where the column is missing"""
    sd_ratio: Mapping[str, jax.Array | np.ndarray]
    """per column, [patient] SD between subjects over the table's: 1.0 where the column is missing
    (more for a site whose dose is known less well), 0.0 where it is known, between with an error"""
    measured: dict[str, Measured]
    treated_patient: jax.Array | np.ndarray
    """[treated patient] position among all patients"""
    missing: dict[str, MissingCovariate] = {}
    """per column, who lacks it"""
    prior: JointPrior | None = None
    """of the population's latents; None: a standard normal each, as the parameter table has it"""
    lesions: LesionArrays | None = None
    """None of a model that does not distinguish lesions"""
    events: Mapping[str, EventRecords] = {}
    """per event that the model has a hazard of"""

    @property
    def patients(self) -> int:
        """Number of patients."""
        return self.timeline.days.node_day.shape[1]

    @property
    def lacking(self) -> jax.Array | np.ndarray:
        """[missing] patient of each missing covariate, column after column."""
        every = [m.patient for m in self.missing.values()]
        return jnp.concatenate(every) if every else np.zeros(0, int)

    @property
    def treated(self) -> int:
        """Number of patients with drug doses."""
        return self.treated_patient.shape[0]
