"""The page of a validation of an event in time: what holds, for whom, and beside which rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.event_cases import EventCases
from lymphokin.criticism.forecasts.event_quality import EXPECTED
from lymphokin.criticism.forecasts.event_sections import sections_of_event
from lymphokin.criticism.forecasts.prediction_quality import PredictionQuality
from lymphokin.criticism.sections import Section, Table
from lymphokin.pages.wording import fixed
from lymphokin.validation.judgement import AT_A_LOOK, look_in_words
from lymphokin.validation.sections import patients_section
from lymphokin.verdict import Verdict


def event_sections(
    quality: PredictionQuality,
    cases: EventCases,
    verdicts: tuple[Verdict, ...],
    groups: pd.DataFrame,
    differences: tuple[tuple[str, str, str], ...],
    patients: str,
) -> list[Section]:
    """All sections, in order."""
    found = [
        _verdict(verdicts),
        _patients(cases, differences, patients),
        *(
            replace(section, text=f"{section.text} TRIPOD+AI items 12e, 23a.")
            for section in sections_of_event(quality, (), look_in_words)
        ),
    ]
    return [*found, _groups(groups)] if len(groups) else found


def _verdict(verdicts: tuple[Verdict, ...]) -> Section:
    return Section(
        "verdict",
        "May it be used here?",
        "The rule: a fault is called at a look when observed over expected events, the calibration "
        "slope, the mean place of later counts in their forecasts or the share of them in 90 % "
        "intervals differs from what is right, or the log score from that of the share of the "
        "other patients of the arm, by more than chance would bring one time in ten over all "
        "faults and looks together (Bonferroni). No fault: the model holds, as far as these "
        "patients can show. A fault: update it first. It is not used here where its 90 % intervals "
        "hold less than half of the later counts. TRIPOD+AI items 12e, 12f, 24, 25.",
        tuple(v for v in verdicts if v.check == AT_A_LOOK),
        (),
    )


def _patients(
    cases: EventCases, differences: tuple[tuple[str, str, str], ...], patients: str
) -> Section:
    return patients_section(
        f"{patients} {cases.endpoint.meaning}. At a look, patients are judged in whom the event "
        "has not been seen so far and is looked for later. Who is not followed to the end counts "
        "by a pseudo-value (Andersen, Klein and Rosthoj 2003, doi:10.1093/biomet/90.1.15): when "
        "somebody looks must have nothing to do with the event. TRIPOD+AI items 5a, 8a, 11, 12a, "
        "20a, 20b.",
        differences,
    )


def _groups(groups: pd.DataFrame) -> Section:
    rows = []
    for row in groups.to_dict("records"):
        cells = []
        for name in (EXPECTED, "brier"):
            value, low, high = (row[name + part] for part in ("", "_q05", "_q95"))
            shown = f"{fixed(value)} ({fixed(low)}, {fixed(high)})"
            cells.append("–" if np.isnan(value) else fixed(value) if np.isnan(low) else shown)
        label = f"{row['by']} {row['group']}, day {row['day']:g}"
        rows.append((label, str(row["patients"]), str(row["events"]), *cells))
    columns = ("", "patients", "seen with the event", "observed / expected", "Brier score")
    return Section(
        "groups",
        "By centre, site and arm",
        "Differences between small groups are mostly chance: look at the intervals. TRIPOD+AI "
        "items 14, 23a, 23b.",
        (),
        (),
        tables=(Table("Groups with 90 % intervals", columns, tuple(rows)),),
    )
