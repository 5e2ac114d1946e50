"""What to know before a number is believed: warnings at the inputs and on the whole."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.pages.messages import Message, say
from lymphokin.population.draws import PopulationDraws
from lymphokin.solve import Treatment
from lymphokin.whatif.answers import Notice
from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.familiar import unfamiliar
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

    def add(field: str, severity: Literal["note", "caution", "strong"], message: Message) -> None:
        notices.append(Notice(field=field, joint=False, severity=severity, message=message))

    if not conditioned.reliable:
        add("patient.counts", "strong", say("counts.unreliable"))
    elif conditioned.method == "mcmc":
        add("patient.counts", "caution", say("notice.unusual_counts"))
    if population.provenance.source == "prior":
        add("", "strong", say("notice.prior"))
    if population.provenance.source == "literature":
        labels = [dose.label or name for name, dose in population.model.drugs.items()]
        rest = say("notice.no_drug_data", drugs=labels) if labels else say("notice.no_trial_data")
        add("", "caution", rest)
    if population.approximation:
        add("", "strong", say("notice.approximation", why=population.approximation))
    if population.provenance.synthetic:
        add("", "strong", say("notice.synthetic"))
    if not patient.counts:
        add("patient.counts", "caution", say("notice.no_count"))
    if patient.n_lesions is None and "+" not in patient.site:
        add("patient.n_lesions", "note", say("notice.one_lesion"))
    if endpoint.lesions == "outside":
        add("patient.n_lesions", "note", say("notice.lesions_outside"))
    of_lesions = dict.fromkeys(patient.site.split("+"))
    sites = [population.sites.by_name[name] for name in of_lesions]
    known = patient.immune_dose_gy is not None or all(
        schedule.immune_dose_gy is not None for schedule, _ in schedules.values()
    )
    published = population.provenance.source == "literature"
    for site in () if known else sites:
        unseen = population.seen_sites is not None and site.name not in population.seen_sites
        if unseen and published:
            key = "notice.unseen_site" if site.judged else "notice.site_not_published"
            add("patient.site", "caution", say(key, site=site.label))
            continue
        if unseen:
            add("patient.site", "caution", say("notice.site_not_seen", site=site.label))
        if site.judged:
            add("patient.site", "caution", say("notice.judged_site", site=site.label))
    last = max((c.day for c in patient.counts), default=-np.inf)
    for name, (schedule, treatment) in schedules.items():
        if _before(schedule, last) != _before(plan, last):
            add(name, "caution", say("notice.other_past", plan=name.upper(), day=float(last)))
        notices += unfamiliar(population, patient, schedule, treatment, name, endpoint)
    unique = {(w.field, w.text): w for w in notices}.values()
    return sorted(unique, key=lambda w: ORDER[w.severity])


def _before(schedule: Schedule, day: float) -> tuple:
    """What a schedule gives before a day."""
    fractions = sorted((f.day, f.lesion, f.gy) for f in schedule.fractions if f.day < day)
    taken = [
        (
            p.day + i,
            p.drug,
            p.mg_per_m2_per_day or 0.0,
            p.amount_per_day or 0.0,
            p.doses_per_day,
            p.infusion_hours,
        )
        for p in schedule.pulses
        for i in range(p.days)
    ]
    return tuple(fractions), tuple(sorted(t for t in taken if t[0] < day))
