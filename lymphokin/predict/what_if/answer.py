"""Puts the answer about one schedule together: risks, comparators, curves, drivers, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lymphokin.predict.what_if.condition import Conditioned, reliable
from lymphokin.predict.what_if.contract import (
    Comparators,
    Curves,
    Schedule,
    ScheduleAnswer,
    Warning_,
    WhatIfRequest,
)
from lymphokin.predict.what_if.courses import doses_of, endpoint_day, irradiation
from lymphokin.predict.what_if.drivers import drivers
from lymphokin.predict.what_if.familiar import unfamiliar
from lymphokin.predict.what_if.lanes import Solved
from lymphokin.predict.what_if.risk import (
    COUNT_DECIMALS,
    MDSC_DECIMALS,
    fan,
    middle,
    noise_of,
    risk,
)
from lymphokin.predict.what_if.source import PosteriorSource

if TYPE_CHECKING:
    from lymphokin.predict.what_if.engine import Engine

TUMOUR, LATE = 10.0, 3.0
"""alpha/beta (Gy) of tumours and of late-reacting tissue, by convention (Fowler 1989,
doi:10.1259/0007-1285-62-740-679)."""


def bed(schedule: Schedule, alpha_beta: float) -> float:
    """Biologically effective dose (Gy) of the most heavily treated lesion: sum d (1 + d/(a/b))."""
    common = sum(_effect(f.gy, alpha_beta) for f in schedule.fractions if f.lesion == 0)
    own: dict[int, float] = {}
    for f in schedule.fractions:
        if f.lesion:
            own[f.lesion] = own.get(f.lesion, 0.0) + _effect(f.gy, alpha_beta)
    return common + max(own.values(), default=0.0)


def _effect(gy: float, alpha_beta: float) -> float:
    return gy * (1 + gy / alpha_beta)


def eqd2(schedule: Schedule, alpha_beta: float) -> float:
    """Dose in 2 Gy fractions (Gy) with the same biologically effective dose."""
    return bed(schedule, alpha_beta) / (1 + 2 / alpha_beta)


def schedule_answer(
    engine: Engine, request: WhatIfRequest, schedule: Schedule, solved: Solved, known: Conditioned
) -> ScheduleAnswer:
    """Everything about one schedule, rounded."""
    residual = engine.source.model.table.residuals["alc"]
    sd = engine.source.residual_sd["alc"][known.draws.atom]
    noise = noise_of(residual, known.draws.noise, sd)
    at, rest = np.asarray(solved.at), np.asarray(solved.rest)

    def comparators(version: int) -> Comparators:
        planned, bare = (risk(residual, at[version + i, -1], sd, noise) for i in (0, 1))
        return Comparators(
            planned=planned, no_atra=bare, no_treatment=risk(residual, rest, sd, noise)
        )

    mdsc = np.asarray(solved.mdsc)[:-1]
    days = at.shape[1] - 1
    curves = Curves(
        alc=fan(at[0, :-1], COUNT_DECIMALS),
        alc_measured=fan(at[0, :-1] + noise, COUNT_DECIMALS),
        mdsc=fan(mdsc, MDSC_DECIMALS) if np.isfinite(mdsc).all() else None,
        alc_no_atra_q50=middle(at[1, :-1]),
        alc_no_treatment_q50=middle(rest[None]) * days,
    )
    given = irradiation(request.patient, schedule, request.a)
    return ScheduleAnswer(
        endpoint_day=endpoint_day(schedule),
        total_gy=round(sum(f.gy for f in schedule.fractions), 1),
        bed10_gy=round(bed(schedule, TUMOUR), 1),
        eqd2_10_gy=round(eqd2(schedule, TUMOUR), 1),
        bed3_gy=round(bed(schedule, LATE), 1),
        eqd2_3_gy=round(eqd2(schedule, LATE), 1),
        immune_dose_gy=round(float(given.immune_dose.sum()), 2),
        atra_mg=round(float(doses_of(schedule, request.patient.bsa)[1].sum()), 0),
        fitted=comparators(0),
        gamma_zero=comparators(2) if engine.solver.has_suppression else None,
        curves=curves,
        drivers=drivers(engine.solver, np.asarray(solved.own), at[0, -1]),
    )


def warnings_of(
    source: PosteriorSource, request: WhatIfRequest, known: Conditioned
) -> list[Warning_]:
    """Everything to know before the numbers are believed, strongest first."""
    found = []

    def add(field: str, severity: str, text: str, joint: bool = False) -> None:
        found.append(Warning_(field=field, joint=joint, severity=severity, text=text))  # type: ignore[arg-type]

    if not reliable(known):
        add("patient.counts", "strong", f"the counts so far are unlike what the model expects "
            f"(Pareto k {known.pareto_k:.2f}, reliable up to 0.7): do not rely on these numbers")  # fmt: skip
    if source.provenance.source == "prior":
        add("", "strong", "prior, no data: these numbers rest on the priors of the model alone")
    if source.provenance.synthetic:
        add("", "strong", "the fit is of synthetic data: these numbers are an exercise")
    if not request.patient.counts:
        add("patient.counts", "caution", "no count yet: the baseline decides most of the risk")
    last = max((c.day for c in request.patient.counts), default=-np.inf)
    if _before(request.a, last) != _before(request.b, last):
        add("b", "caution", f"A and B differ before the last count (day {last:g}): the counts are "
            "taken as measured under A")  # fmt: skip
    if request.patient.n_lesions is None and "+" not in request.patient.site:
        add("patient.n_lesions", "note", "number of lesions not given: taken as one")
    for letter, schedule in (("a", request.a), ("b", request.b)):
        given = irradiation(request.patient, schedule, request.a)
        found += unfamiliar(source, request.patient, schedule, given, letter)
    order = {"strong": 0, "caution": 1, "note": 2}
    return sorted(_unique(found), key=lambda w: order[w.severity])


def _before(schedule: Schedule, day: float) -> tuple:
    """What a schedule gives before a day."""
    fractions = sorted((f.day, f.lesion, f.gy) for f in schedule.fractions if f.day < day)
    taken = [
        (p.day + i, p.mg_per_m2_per_day, p.doses_per_day)
        for p in schedule.atra
        for i in range(p.days)
    ]
    return tuple(fractions), tuple(sorted(t for t in taken if t[0] < day))


def _unique(warnings: list[Warning_]) -> list[Warning_]:
    """Each text once: what A and B share about the patient is said once."""
    return list({(w.field, w.text): w for w in warnings}.values())
