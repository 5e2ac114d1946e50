"""B compared with A in what is judged, on the same draws of everything unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lymphokin.pages.messages import Message, say
from lymphokin.whatif.answers import Difference, WhatIfRequest
from lymphokin.whatif.judging import scale_of, visit_of

if TYPE_CHECKING:
    from lymphokin.whatif.engine import Engine


def differences(engine: Engine, request: WhatIfRequest) -> tuple[Difference, Difference | None]:
    """A minus B, and the same without the disputed link if the model has one."""

    def between(version: int, assumption: Message | None = None) -> Difference:
        return _between(engine, request, version, assumption)

    link = engine.solver.contrast
    if link is None:
        return between(0), None
    without = between(2)
    known = engine.population.provenance.gamma_known_from_people
    a, b = (s.pulses_of(link.drug) for s in (request.a, request.b))
    unseen = not known and a != b
    if not unseen:
        return between(0), without
    assumption = say("assumption.alone", assumes=link.assumes)
    if without.verdict != "same" and (without.low or without.high):
        left = {"left": abs(without.shown), "unit": scale_of(request.endpoint).unit}
        key = "assumption.left_fewer" if without.shown > 0 else "assumption.left_more"
        assumption = say(key, assumes=link.assumes, **left)
    return between(0, assumption), without


def _between(
    engine: Engine, request: WhatIfRequest, version: int, assumption: Message | None
) -> Difference:
    """A minus B in one version of both."""
    patient, plan, draws, endpoint = (
        request.patient, request.a, request.draws, request.endpoint
    )  # fmt: skip
    intervals = engine.intervals(engine.condition(patient, plan, draws))
    both = (request.a, request.b)
    if endpoint.on_a_day:
        a, b = (
            np.asarray(engine.solve(patient, s, plan, draws, visit_of(endpoint, s)).at)[version, -1]
            for s in both
        )
        return intervals.difference(a, b, assumption)
    a, b = (engine.read_curves(patient, s, plan, draws, endpoint)[version].judged for s in both)
    scale = scale_of(endpoint)
    # Other steps of the solver move a number by less than what is shown.
    same = np.allclose(a, b, rtol=0.0, atol=scale.shown(1) / 2)
    return intervals.between(a, b, scale, same=same, assumption=assumption)
