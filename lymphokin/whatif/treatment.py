"""What is given to a patient under a schedule: immune dose of each fraction, and each intake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from lymphokin.dose.immune import per_lesion
from lymphokin.io.vocabulary import NUMERIC_COVARIATES, TEXT_COVARIATES
from lymphokin.model import Dose, Model
from lymphokin.pages.messages import RefusedError, say
from lymphokin.quantities import HOURS_PER_DAY
from lymphokin.sites import SiteTable
from lymphokin.solve import Treatment
from lymphokin.whatif.covariates import CovariateError, held
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Pulse, Schedule

PATIENT = "patient"


def treatment_of(
    patient: Patient,
    schedule: Schedule,
    plan: Schedule,
    sites: SiteTable,
    drugs: Mapping[str, Dose] | None = None,
) -> Treatment:
    """What the patient is given under a schedule.

    A schedule has the immune dose that it states. One that states none gets its part of the plan's
    in proportion to the estimates from the site, as the dose to the blood is linear in the dose;
    where that of the plan is not known either, the estimate.

    Args:
        patient: site, lesions, immune dose and body surface area count.
        schedule: what is to be given.
        plan: the schedule that the patient is on.
        sites: what the patient's site classes mean.
        drugs: those of the model, in whose units doses are; None: all in mg.

    Raises:
        CovariateError: when the site is not one of those.
        ValueError: when a fraction treats a lesion that the patient has not, or a dose per m2 is of
            a drug whose unit is no mass.
    """
    immune_dose, share = _immune_dose(patient, schedule, plan, sites)
    dose_days, amount, drug, duration = _intakes(schedule, patient.bsa, drugs or {})
    days = np.array([float(f.day) for f in schedule.fractions])
    return Treatment(
        days,
        immune_dose,
        share,
        dose_days,
        amount,
        drug=drug,
        duration=duration,
        lesion_gy=_lesion_gy(patient, schedule, sites),
    )


def _lesion_gy(patient: Patient, schedule: Schedule, sites: SiteTable) -> np.ndarray:
    """[fraction, lesion] Gy to each of the patient's lesions, 0 to those not irradiated."""
    _, lesions = _per_gy(patient.site, patient.n_lesions, sites)
    number = np.array([f.lesion for f in schedule.fractions], int)[:, None]
    gray = np.array([f.gy for f in schedule.fractions])[:, None]
    return gray * ((number == 0) | (number == np.arange(1, lesions + 1)))


def _immune_dose(
    patient: Patient, schedule: Schedule, plan: Schedule, sites: SiteTable
) -> tuple[np.ndarray, np.ndarray]:
    """Immune dose (Gy) and share of the prescribed dose, per fraction."""
    estimate, share = _estimates(patient, schedule, sites)
    known = known_immune_dose(patient, plan)
    if schedule.immune_dose_gy is not None:
        known, plan = schedule.immune_dose_gy, schedule
    if known is None or not schedule.fractions:
        return estimate, share
    of_plan, _ = _estimates(patient, plan, sites)
    ratio = 1.0
    if plan.fractions:
        total = of_plan.sum()
        ratio = estimate.sum() / total if total > 0 else schedule.total_gy / plan.total_gy
    split = estimate / estimate.sum() if estimate.sum() > 0 else share
    return known * ratio * split, share


def known_immune_dose(patient: Patient, plan: Schedule) -> float | None:
    """Immune dose of the plan (Gy), as it or the patient states it; None where neither does."""
    return patient.immune_dose_gy if plan.immune_dose_gy is None else plan.immune_dose_gy


def _estimates(
    patient: Patient, schedule: Schedule, sites: SiteTable
) -> tuple[np.ndarray, np.ndarray]:
    """Immune dose estimated from the site (Gy) and share of the prescribed dose, per fraction."""
    per_gy, lesions = _per_gy(patient.site, patient.n_lesions, sites)
    lesion = np.array([f.lesion for f in schedule.fractions], int)
    gray = np.array([f.gy for f in schedule.fractions])
    if lesion.max(initial=0) >= len(per_gy):
        raise RefusedError("error.lesion", lesion=int(lesion.max()), lesions=len(per_gy) - 1)
    irradiated = gray * np.where(lesion == 0, lesions, 1)
    share = irradiated / irradiated.sum() if len(gray) else irradiated
    return gray * per_gy[lesion], share


@lru_cache(maxsize=256)
def _per_gy(site: str, n_lesions: int | None, sites: SiteTable) -> tuple[np.ndarray, int]:
    """Immune dose per prescribed Gy to all lesions (first) and to each, and how many there are."""
    if not sites.knows(site):
        refused = say("error.site", known=list(sites.by_name))
        raise CovariateError([("patient.site", refused)])
    lesions = n_lesions or site.count("+") + 1
    stated, highest = np.array([float(lesions)]), np.array([lesions])
    ratio, _ = per_lesion([site], stated, highest, [PATIENT], sites)
    return ratio[0], lesions


def _intakes(schedule: Schedule, bsa: float, drugs: Mapping[str, Dose]) -> list[np.ndarray]:
    """Day, amount in the drug's unit, drug, and duration in days of every intake."""

    def of_pulse(pulse: Pulse) -> tuple[np.ndarray, ...]:
        count = pulse.days * pulse.doses_per_day
        days = pulse.day + np.arange(count) / pulse.doses_per_day
        unit = drugs[pulse.drug].unit if pulse.drug in drugs else "mg"
        amount = np.full(count, pulse.amount(bsa, unit) / pulse.doses_per_day)
        duration = np.full(count, pulse.infusion_hours / HOURS_PER_DAY)
        return days, amount, np.full(count, pulse.drug, dtype=object), duration

    none = np.zeros(0), np.zeros(0), np.zeros(0, dtype=object), np.zeros(0)
    pulses = sorted(schedule.pulses, key=lambda p: p.day)
    parts = zip(none, *(of_pulse(p) for p in pulses), strict=True)
    return [np.concatenate(part) for part in parts]


def as_read(treatment: Treatment, patient: Patient, model: Model) -> Treatment:
    """A treatment as a model reads it: of the drugs and infusions that it takes, with lesions and
    covariates that change if it knows them.

    Raises:
        CovariateError: when a covariate that changes is not stated of the patient.
    """
    infusible = treatment.at_once | treatment.is_of(model.infused)
    return replace(
        treatment.of_doses(treatment.is_of(model.drugs) & infusible),
        lesion_gy=treatment.lesion_gy if model.has_lesions else None,
        varying=held(patient, model),
    )


def first_record(patient: Patient, model: Model) -> list[float]:
    """Day on which a patient leaves the initial values, where a model begins with a record."""
    return [min([0.0, *(c.day for c in patient.counts)])] if model.begins else []


def given(treatment: Treatment) -> tuple[Any, ...]:
    """What tells treatments apart that have been given."""
    gy = np.zeros(0) if treatment.lesion_gy is None else treatment.lesion_gy
    parts = (treatment.fraction_days, treatment.immune_dose, treatment.share, gy,
             treatment.dose_days, treatment.amount, treatment.dose_ends)  # fmt: skip
    drugs = () if treatment.drug is None else tuple(treatment.drug)
    return (drugs, *(part.tobytes() for part in parts))


def columns_of(patient: Patient) -> dict[str, list[Any]]:
    """The patient as columns of one row, named as the covariates of an event table."""
    blank: dict[str, list[Any]] = {name.lower(): [None] for name in TEXT_COVARIATES}
    blank |= {name.lower(): [np.nan] for name in NUMERIC_COVARIATES}
    stated = patient.model_dump(exclude={"counts", "covariates"}, exclude_none=True)
    words = {n.lower(): [v] for n, v in patient.covariates if isinstance(v, str)}
    return blank | words | {name: [value] for name, value in stated.items()}
