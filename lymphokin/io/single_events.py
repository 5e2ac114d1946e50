"""Events that happen once in a patient, such as a progression: 1 where it has happened, else 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lymphokin.io.records import Mask, Numbers, Records
from lymphokin.io.sheet import Sheet


def check_single_events(records: Records, sheet: Sheet) -> None:
    """An event is the last record of its kind, and lies after the patient came to be at risk.

    A patient is at risk from the first fraction or dose on, or from the first record where there is
    none, or the model says so.
    """
    known = records.is_event & records.timed & (records.patient >= 0) & ~np.isnan(records.value)
    start = _at_risk_from(records)
    happened = known & (records.value == 1)
    early = np.zeros(len(sheet), bool)
    early[happened] = records.day[happened] <= start[records.patient[happened]]
    sheet.flag(
        early,
        "TIME",
        "an event after the patient came to be at risk, which is at the first fraction or dose, or "
        "at the first record where there is none or the model begins there",
    )
    first = np.full((len(records.words.quantities), len(records.ids)), np.inf)
    where = records.quantity[happened], records.patient[happened]
    np.minimum.at(first, where, records.day[happened])
    after = np.zeros(len(sheet), bool)
    after[known] = records.day[known] > first[records.quantity[known], records.patient[known]]
    expected = "no record of an event after it has happened: it happens once"
    sheet.flag(after, "DVID", expected)
    _check_ends(records, sheet, happened)


def _check_ends(records: Records, sheet: Sheet, happened: Mask) -> None:
    """Nothing is measured or given after an event that ends a patient's records."""
    measured = records.is_dose | (records.is_observation & ~np.isnan(records.value))
    measured &= records.timed & (records.patient >= 0)
    for event, known in records.words.events.items():
        if not known.ends_records:
            continue
        code = records.words.quantities.index(event)
        ended = _earliest(records, happened & (records.quantity == code))
        after = np.zeros(len(sheet), bool)
        after[measured] = records.day[measured] > ended[records.patient[measured]]
        # A second record of the event itself is found above.
        after &= ~(records.is_observation & (records.quantity == code))
        sheet.flag(after, "TIME", f"no measurement or dose after the patient's {event} = 1")


def _at_risk_from(records: Records) -> NDArray[np.float64]:
    """[patient] day from which an event can happen."""
    usable = records.timed & (records.patient >= 0)
    first = _earliest(records, usable)
    if records.words.begins_with_first_record:
        return first
    given = _earliest(records, usable & records.is_dose)
    return np.where(np.isfinite(given), given, first)


def _earliest(records: Records, rows: Mask) -> Numbers:
    """[patient] day of the first of some rows, infinite without one."""
    day = np.full(len(records.ids), np.inf)
    np.minimum.at(day, records.patient[rows], records.day[rows])
    return day
