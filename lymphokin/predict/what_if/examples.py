"""Questions that between them need every compiled shape, for warming up."""

from __future__ import annotations

from lymphokin.predict.what_if.contract import (
    LATEST_FRACTION_DAY,
    Count,
    Patient,
    PlannedFraction,
    Pulse,
    Schedule,
    WhatIfRequest,
)

BASELINE = Count(day=0.0, value=1.2)


def usual_questions() -> list[WhatIfRequest]:
    """Fractions and pulses as in the trial, with counts before and after they begin."""
    fractions = tuple(PlannedFraction(day=d, gy=10.0) for d in range(5))
    pulses = tuple(Pulse(day=21.0 * k) for k in range(4))
    usual, bare = Schedule(fractions=fractions, atra=pulses), Schedule(fractions=fractions)
    later = Patient(counts=(BASELINE, Count(day=14.0, value=0.8)))
    pairs = ((Patient(counts=(BASELINE,)), usual, bare), (later, usual, bare), (later, bare, usual))
    return [WhatIfRequest(patient=patient, a=a, b=b) for patient, a, b in pairs]


def seldom_questions() -> list[WhatIfRequest]:
    """Many fractions, many pulses, and drug courses of two weeks."""
    many = tuple(PlannedFraction(day=2 * d, gy=2.0) for d in range(38))
    often = tuple(Pulse(day=12.0 * k, days=1, doses_per_day=3) for k in range(8))
    bare = Schedule(fractions=many)
    late = Patient(
        counts=(BASELINE, *(Count(day=float(d), value=0.8) for d in (7, 21, LATEST_FRACTION_DAY)))
    )
    return [
        WhatIfRequest(patient=late, a=plan, b=bare)
        for plan in (
            bare,
            Schedule(fractions=many[:20], atra=often),
            Schedule(fractions=many, atra=(Pulse(day=0.0, days=14),)),
        )
    ]
