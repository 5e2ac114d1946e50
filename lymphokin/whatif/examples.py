"""Questions that between them need every compiled shape, for warming up."""

from __future__ import annotations

from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.limits import LATEST_FRACTION_DAY
from lymphokin.whatif.patient import Count, Patient
from lymphokin.whatif.schedule import PlannedFraction, Pulse, Schedule

BASELINE = Count(day=0.0, value=1.2)


def first_question() -> WhatIfRequest:
    """Fractions and pulses as in the trial, with a count before they begin."""
    usual, bare = _usual_schedules()
    return WhatIfRequest(patient=Patient(counts=(BASELINE,)), a=usual, b=bare)


def later_questions() -> list[WhatIfRequest]:
    """With a count after they have begun, then all that is seldom asked."""
    usual, bare = _usual_schedules()
    later = Patient(counts=(BASELINE, Count(day=14.0, value=0.8)))
    pairs = ((usual, bare), (bare, usual))
    return [*(WhatIfRequest(patient=later, a=a, b=b) for a, b in pairs), *_seldom_questions()]


def _usual_schedules() -> tuple[Schedule, Schedule]:
    fractions = tuple(PlannedFraction(day=d, gy=10.0) for d in range(5))
    pulses = tuple(Pulse(day=21.0 * k) for k in range(4))
    return Schedule(fractions=fractions, atra=pulses), Schedule(fractions=fractions)


def _seldom_questions() -> list[WhatIfRequest]:
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
