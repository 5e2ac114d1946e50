"""What to know before a number is believed: warnings at the inputs and on the whole."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.pages.wording import joined
from lymphokin.population.draws import PopulationDraws
from lymphokin.sites import sites
from lymphokin.solve import Treatment
from lymphokin.whatif.answers import Notice
from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.familiar import unfamiliar
from lymphokin.whatif.judging import window_of
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule

ORDER = {"strong": 0, "caution": 1, "note": 2}


def warnings_of(
    population: PopulationDraws,
    patient: Patient,
    conditioned: Conditioned,
    schedules: dict[str, tuple[Schedule, Treatment]],
    plan: Schedule,
    endpoint: Endpoint,
) -> list[Notice]:
    """Everything to know before the numbers are believed, strongest first.

    Args:
        population: draws of the population.
        patient: the patient.
        conditioned: the patient's draws given the counts so far.
        schedules: schedules and what is given under them, by the names that the question has.
        plan: the schedule that the patient is on.
        endpoint: what is judged.
    """
    notices: list[Notice] = []

    def add(field: str, severity: Literal["note", "caution", "strong"], text: str) -> None:
        notices.append(Notice(field=field, joint=False, severity=severity, text=text))

    if not conditioned.reliable:
        add(
            "patient.counts",
            "strong",
            "the counts so far are unlike what the model expects: do not rely on these numbers",
        )
    elif conditioned.method == "mcmc":
        add(
            "patient.counts",
            "caution",
            "the counts so far are unusual for the model, which took a slower way to use them",
        )
    if population.provenance.source == "prior":
        add("", "strong", "prior, no data: these numbers rest on the priors of the model alone")
    if population.provenance.source == "literature":
        labels = [dose.label or name for name, dose in population.model.drugs.items()]
        none = f", who got no {joined(labels)}" if labels else ""
        add("", "caution", f"no trial data: these numbers rest on published cohorts{none}")
    if population.approximation:
        add("", "strong", f"the fit is an approximation. {population.approximation}")
    if population.provenance.synthetic:
        add("", "strong", "the fit is of synthetic data: these numbers are an exercise")
    if not patient.counts:
        add("patient.counts", "caution", "no count yet: the baseline decides most of the risk")
    if patient.n_lesions is None and "+" not in patient.site:
        add("patient.n_lesions", "note", "number of lesions not given: taken as one")
    judged = [sites()[name] for name in patient.site.split("+") if sites()[name].log_sd is not None]
    for site in judged if patient.immune_dose_gy is None else ():
        unseen = population.provenance.source == "literature"
        why = ", and no published cohort had this site" if unseen else ""
        add("patient.site", "caution", f"{site.label}: the dose to the blood is a judgement{why}")
    last = max((c.day for c in patient.counts), default=-np.inf)
    for name, (schedule, treatment) in schedules.items():
        if _before(schedule, last) != _before(plan, last):
            add(name, "caution", f"{name.upper()} differs from the plan before the last count (day "
                f"{last:g}): the counts are taken as measured under the plan")  # fmt: skip
        until = window_of(endpoint, schedule)[1]
        notices += unfamiliar(population, patient, schedule, treatment, name, until)
    unique = {(w.field, w.text): w for w in notices}.values()
    return sorted(unique, key=lambda w: ORDER[w.severity])


def _before(schedule: Schedule, day: float) -> tuple:
    """What a schedule gives before a day."""
    fractions = sorted((f.day, f.lesion, f.gy) for f in schedule.fractions if f.day < day)
    taken = [
        (p.day + i, p.drug, p.mg_per_m2_per_day or 0.0, p.amount_per_day or 0.0, p.doses_per_day)
        for p in schedule.pulses
        for i in range(p.days)
    ]
    return tuple(fractions), tuple(sorted(t for t in taken if t[0] < day))
