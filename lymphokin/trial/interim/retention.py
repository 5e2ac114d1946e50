"""Who will have an endpoint: drop-out and missed visits as the design says, given follow-up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lymphokin.trial.virtual.design import VirtualDesign


def left_by(design: VirtualDesign, day: NDArray[np.float64]) -> NDArray[np.float64]:
    """[...] probability that a patient has left by a day from the first fraction."""
    first, last = design.conduct.drop_out_days
    share = np.clip((day - first) / (last - first), 0, 1)
    return design.plan["drop_out_probability"] * share


def evaluable(
    design: VirtualDesign, planned_day: ArrayLike, followed: ArrayLike
) -> NDArray[np.float64]:
    """Probability that a patient in follow-up will have a count that makes the endpoint known.

    Patients leave at a uniform day of the design's range with its probability; who is still there
    has not left so far. Each visit is missed with the design's probability; other scheduled counts
    whose day may lie in the window stand in. Of an endpoint of a window, these are its other visits
    that may be as late as the last one, but for its tolerance.

    Args:
        design: the design.
        planned_day: [patient] day of the (last) endpoint visit, from the first fraction.
        followed: [patient] day up to which the patient is known to be in follow-up.
    """
    plan = design.plan
    planned, followed = np.broadcast_arrays(
        np.asarray(planned_day, dtype=float), np.asarray(followed, dtype=float)
    )
    left = left_by(design, np.minimum(followed, planned))
    stays = (1 - left_by(design, planned)) / np.maximum(1 - left, 1e-12)
    jitter = np.arange(-plan["visit_jitter_days"], plan["visit_jitter_days"] + 1)
    missed = np.ones(planned.shape)
    judged = design.judged
    others = [planned + (day - judged.last_visit) for day in judged.visits[:-1]]
    for visit in (planned, *(design.neighbour_days if judged.on_a_day else others)):
        distance = np.asarray(visit)[..., None] + jitter - planned[..., None]
        near = np.abs(distance) if judged.day is not None else -distance
        inside = (near <= judged.window).mean(axis=-1)
        missed = missed * (1 - inside * (1 - plan["missing_visit_probability"]))
    return stays * (1 - missed)
