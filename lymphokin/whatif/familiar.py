"""Where a patient or a schedule lies outside what was seen, field by field and jointly."""

from __future__ import annotations

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.pages.messages import Message, say
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.seen import DAILY_DOSE, NAMES
from lymphokin.quantities import DRUG
from lymphokin.schedule import SATURDAY
from lymphokin.solve import Treatment
from lymphokin.whatif.answers import Notice
from lymphokin.whatif.judging import SIX_WEEKS, window_of
from lymphokin.whatif.limits import COUNTED
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule

FIELDS = {
    "fractions": "{s}.fractions",
    "prescribed_gy": "{s}.fractions",
    "immune_dose_gy": "{s}.fractions",
    "baseline_alc": "patient.counts",
    "endpoint_day": "{s}.fractions",
    DAILY_DOSE: "{s}.pulses",
}
"""Where on the form each feature of a course comes from."""


JOINT = ("fractions", "prescribed_gy", "immune_dose_gy", "baseline_alc", DAILY_DOSE)
"""Features whose combination is compared."""
IMMATERIAL = 0.1
"""Relative difference that is none: trials repeat few schedules, which would make the least
deviation from them look unheard of."""
PLANS = ("a", "schedule")
"""What questions call the schedule that the patient is on."""
TOO_FAR = 3.0
"""Times the largest value seen, or part of the smallest, from which on no number is given
(judgement). What nobody had at all, such as a drug, has no such limit; nor has no treatment, whose
number stands beside every other one."""
FEWEST_PATIENTS = 12
"""Below this many the joint check says nothing."""


def course_features(
    patient: Patient, schedule: Schedule, treatment: Treatment, until: float
) -> dict[str, float]:
    """The features of a course that :mod:`lymphokin.predict.range` compares; NaN if not known.

    Args:
        patient: the patient.
        schedule: the schedule.
        treatment: what is given under it.
        until: last day that is judged.
    """
    own = treatment.of_doses(treatment.is_of((DRUG,)))
    day, amount = own.dose_days, own.amount
    daily = np.bincount((day - day.min()).astype(int), amount).max() if len(day) else 0.0
    first = schedule.first_fraction_day
    before = [c for c in patient.counts if c.quantity == COUNTED and c.day <= first]
    baseline = max(before, key=lambda c: c.day).value if before else np.nan
    return {
        "fractions": float(len(schedule.fraction_days)),
        "prescribed_gy": schedule.total_gy,
        "immune_dose_gy": float(treatment.immune_dose.sum()),
        "baseline_alc": baseline,
        "endpoint_day": float(until) - first,
        DAILY_DOSE: float(daily),
    }


def unfamiliar(
    population: PopulationDraws,
    patient: Patient,
    schedule: Schedule,
    treatment: Treatment,
    name: str,
    endpoint: Endpoint,
) -> list[Notice]:
    """Warnings about one schedule of a patient; ``name`` is what the question calls it, and
    ``endpoint`` what is judged.
    """
    features = course_features(patient, schedule, treatment, window_of(endpoint, schedule)[1])
    warnings = []
    for feature, (low, high) in _seen(population, endpoint).items():
        value = features[feature]
        if np.isfinite(value) and not low - 1e-9 <= value <= high + 1e-9:
            beyond = value > TOO_FAR * high > 0 or 0 < value < low / TOO_FAR
            values = {"value": _short(value), "low": _short(low), "high": _short(high)}
            seen = "notice.outside" if high else "notice.never"
            message = say(seen, what=NAMES[feature], **values)
            if beyond:
                message = say("notice.beyond", what=NAMES[feature], **values, times=TOO_FAR)
            warnings.append(
                Notice(
                    field=_field(feature, patient, schedule, name),
                    joint=False,
                    severity="strong" if beyond else "caution",
                    message=message,
                    outside=True,
                    beyond=beyond,
                )
            )
    if population.seen:
        for drug in sorted(
            {p.drug for p in schedule.pulses} & set(population.model.drugs) - {DRUG}
        ):
            label = population.model.drugs[drug].label or drug
            warnings.append(
                Notice(
                    field=f"{name}.pulses",
                    joint=False,
                    severity="caution",
                    message=say("notice.unknown_doses", drug=label),
                    outside=True,
                )
            )
    joint = None if warnings else _jointly(population, features)
    if joint:
        warnings.append(
            Notice(field=name, joint=True, severity="caution", message=joint, outside=True)
        )
    return warnings + _calendar(schedule, name)


def _seen(population: PopulationDraws, endpoint: Endpoint) -> dict[str, tuple[float, float]]:
    """Ranges of the features seen; another endpoint than the usual visit was seen up to the last
    count, or the last look for its event.
    """
    seen = dict(population.seen or {})
    last = (population.seen_until or {}).get(endpoint.quantity)
    if seen and last is not None and endpoint != SIX_WEEKS:
        usual = 0.0 if endpoint.of_event else seen["endpoint_day"][1]
        seen["endpoint_day"] = 0.0, max(last, usual)
    return seen


def _field(feature: str, patient: Patient, schedule: Schedule, name: str) -> str:
    """The input that a feature comes from; an immune dose of the patient belongs to the plan."""
    if feature == "immune_dose_gy" and schedule.immune_dose_gy is not None:
        return f"{name}.immune_dose_gy"
    if feature == "immune_dose_gy" and patient.immune_dose_gy is not None and name in PLANS:
        return "patient.immune_dose_gy"
    return FIELDS[feature].format(s=name)


def _jointly(population: PopulationDraws, features: dict[str, float]) -> Message | None:
    """Whether the combination lies further out than every patient seen (Mahalanobis distance)."""
    table = population.seen_patients
    if table is None or len(table) < FEWEST_PATIENTS:
        return None
    names = [n for n in JOINT if np.isfinite(features[n]) and table[n].std() > 0]
    seen = np.log1p(table[names].dropna().to_numpy(float))
    if len(seen) < FEWEST_PATIENTS:
        return None
    centre, covariance = seen.mean(axis=0), np.cov(seen, rowvar=False).reshape(len(names), -1)
    inverse = np.linalg.inv(covariance + IMMATERIAL**2 * np.eye(len(names)))
    here = np.log1p([features[n] for n in names]) - centre
    distances = np.einsum("ij,jk,ik->i", seen - centre, inverse, seen - centre)
    if here @ inverse @ here <= distances.max():
        return None
    return say("notice.combination", what=[NAMES[n] for n in names])


def _short(value: float) -> float:
    """Three significant digits."""
    return float(f"{value:.3g}")


def _calendar(schedule: Schedule, name: str) -> list[Notice]:
    weekend = [
        f.day for f in schedule.fractions if (schedule.start_weekday + f.day) % 7 >= SATURDAY
    ]
    if not weekend:
        return []
    message = say("notice.weekend", days=sorted(set(weekend))[:5])
    return [Notice(field=f"{name}.fractions", joint=False, severity="note", message=message)]
