"""An endpoint of a window of days at a look at a run: what was seen so far, and what is to come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.endpoints import Endpoint
from lymphokin.io import Cohort
from lymphokin.model import Residual
from lymphokin.population import draw_measured
from lymphokin.predict.windows import Window, of_values, windows_of
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.window import log_reported, reaches

REPEATS = 20
"""Random courses of the visits to come for each draw of a patient's curve."""


def windows_at(cohort: Cohort, design: VirtualDesign) -> dict[str, Window]:
    """The window of every patient: the counts so far, and the planned visits that are to come.

    A planned visit is to come where it lies further after the last count than a visit is early or
    late. A count after the window, but within the endpoint's tolerance of the last planned visit,
    is taken as that of the window's last day, as in virtual trials.
    """
    judged = design.judged
    apart = min(judged.window, float(design.plan["visit_jitter_days"]))
    return windows_of(_in_time(cohort, judged), judged.model_copy(update={"window": apart}))


def _in_time(cohort: Cohort, judged: Endpoint) -> Cohort:
    start, rows = judged.reference_day(cohort), cohort.observations
    assert judged.until is not None
    begin = rows["id"].map(start)
    end, closes = begin + judged.until, begin + judged.closes
    late = (rows["quantity"] == judged.quantity) & (rows["day"] > end) & (rows["day"] <= closes)
    # Of several counts of one day the last stands: one of that day itself, else the first late one.
    moved = rows[late].assign(day=end[late])[::-1]
    in_order = pd.concat([moved, rows[~late]]).sort_values(["id", "day"], kind="stable")
    return replace(cohort, observations=in_order.reset_index(drop=True))


def standing_in_window(
    cohort: Cohort, design: VirtualDesign, followed: pd.Series, lost: set[str]
) -> pd.DataFrame:
    """Where every patient stands: ``planned_day`` of the last visit, ``status``, ``evaluable``.

    The endpoint is known where a count is as late as the last planned visit, but for the endpoint's
    tolerance, and no visit is to come.

    Args:
        cohort: the data so far.
        design: the design, whose endpoint is one of a window.
        followed: day of each patient's last record, index id.
        lost: patients who will not come again.
    """
    judged, rows = design.judged, []
    windows = windows_at(cohort, design)
    for patient, last in followed.items():
        window = windows[str(patient)]
        first = window.begin - judged.begin
        seen = ~np.isnan(window.values)
        reached = bool(reaches(judged, window.visits - first, seen))
        over = patient in lost or last > first + judged.closes or bool(seen.all())
        due = first + judged.last_visit
        if not over:
            chance = 1.0 if reached else float(evaluable(design, due, last))
            rows.append((due, "in follow-up", chance))
        elif not reached:
            rows.append((due, "missing", 0.0))
        else:
            days, values = window.visits[seen], log_reported(np.log(window.values[seen]))
            event = of_values(judged, values[None], replace(window, visits=days))[1][0]
            rows.append((due, "event" if event else "no event", 1.0))
    return pd.DataFrame(rows, followed.index, ["planned_day", "status", "evaluable"])


def shown_to_come(
    design: VirtualDesign,
    window: Window,
    log_true: NDArray[np.float64],
    residual: Residual,
    sd: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """[draw] probability that the visits show the event, once they make the endpoint known.

    Counts so far are as measured; of the visits to come, on their planned days, some are missed.

    Args:
        design: the design, whose endpoint is one of a window.
        window: of the patient, from :func:`windows_at`.
        log_true: [draw, visit] ln of the true counts on its visits.
        residual: of the count.
        sd: [draw, component] its SDs.
        rng: of the measurements and of who misses which visit.
    """
    judged, seen = design.judged, ~np.isnan(window.values)
    start = window.begin - judged.begin
    many = np.repeat(log_true, REPEATS, axis=0)
    value = draw_measured(residual, rng, many, np.repeat(sd, REPEATS, axis=0)[:, None])
    value[:, seen] = np.log(window.values[seen])
    value = log_reported(value)
    missed = rng.random(value.shape) < design.plan["missing_visit_probability"]
    taken = seen | ~missed
    reached = reaches(judged, (window.visits - start)[:, None], taken.T)
    event = np.zeros(len(value), dtype=bool)
    patterns, which = np.unique(taken[reached], axis=0, return_inverse=True)
    for i, visits in enumerate(patterns):
        rows = np.flatnonzero(reached)[which == i]
        of_pattern = replace(window, visits=window.visits[visits])
        event[rows] = of_values(judged, value[rows][:, visits], of_pattern)[1]
    events, known = (x.reshape(-1, REPEATS).sum(axis=1) for x in (event, reached))
    return events / np.maximum(known, 1)
