"""Named checks of plausibility: which numbers are usual, improbable or impossible, and why.

A number outside the possible range is refused. Outside the plausible range it is refused unless
the user accepts the check by its name with a reason. Outside the usual range it is warned of.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """How far a number lies from what is usual."""

    USUAL = 0
    UNUSUAL = 1
    IMPROBABLE = 2
    IMPOSSIBLE = 3


@dataclass(frozen=True)
class Check:
    """One check of plausibility.

    Attributes:
        name: Name by which a user accepts an improbable number.
        compared: What is compared, as a noun phrase.
        unit: Unit of the number, empty for a ratio.
        possible: Range outside which the number is refused, limits included.
        plausible: Range outside which the number is refused unless accepted.
        usual: Range outside which the number is warned of.
        source: Citation, or "judgement" with its reason.
    """

    name: str
    compared: str
    unit: str
    possible: tuple[float, float]
    plausible: tuple[float, float]
    usual: tuple[float, float]
    source: str

    def __post_init__(self) -> None:
        ranges = (self.possible, self.plausible, self.usual)
        for wide, narrow in itertools.pairwise(ranges):
            if not wide[0] <= narrow[0] < narrow[1] <= wide[1]:
                raise ValueError(f"{self.name}: {narrow} does not lie within {wide}")

    def verdict(self, number: float) -> Verdict:
        """Where `number` lies; NaN (nothing to compare) is usual."""
        if math.isnan(number):
            return Verdict.USUAL
        ranges = (self.usual, self.plausible, self.possible)
        inside = [low <= number <= high for low, high in ranges]
        return Verdict(inside.index(True)) if any(inside) else Verdict.IMPOSSIBLE

    def range_text(self, limits: tuple[float, float]) -> str:
        """A range in words, such as `0.1 to 40 Gy`."""
        low, high = limits
        if math.isinf(low) and math.isinf(high):
            return "any"
        if math.isinf(high):
            text = f"{low:g} or more"
        else:
            text = f"at most {high:g}" if low in (0, -math.inf) else f"{low:g} to {high:g}"
        return f"{text} {self.unit}".rstrip()


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            "fraction_dose",
            "the prescribed dose of one fraction",
            "Gy",
            (0, 100),
            (0.1, 40),
            (1, 34),
            "34 Gy in one fraction is the largest dose of RTOG 0915 (Videtic et al. 2015, "
            "doi:10.1016/j.ijrobp.2015.07.2260); radiosurgery of nerves, up to 90 Gy, is to be "
            "accepted. Above 100 the dose is in cGy (judgement)",
        ),
        Check(
            "total_dose",
            "the prescribed dose of all fractions to one lesion",
            "Gy",
            (0, 400),
            (0.5, 120),
            (4, 90),
            "60 Gy in 3 fractions (RTOG 0236, Timmerman et al. 2010, doi:10.1001/jama.2010.261) "
            "and about 80 Gy in 2 Gy fractions are the largest usual courses; 120 Gy leaves room "
            "for a second one (judgement)",
        ),
        Check(
            "fraction_count",
            "the number of fractions to one lesion",
            "",
            (1, 1000),
            (1, 80),
            (1, 45),
            "judgement: conventional courses have up to 45 fractions, twice daily ones up to 70",
        ),
        Check(
            "fraction_spacing",
            "the median interval between successive fractions to one lesion",
            "days",
            (0, 3653),
            (0.15, 10),
            (0.25, 8),
            "judgement: from twice a day with 6 hours between to once a week; courses with longer "
            "pauses between pulses (Moore et al. 2021, doi:10.1016/j.ijrobp.2021.03.047) are to be "
            "accepted. 24 is hours taken for days",
        ),
        Check(
            "fraction_interval",
            "the shortest interval between fractions to one lesion",
            "days",
            (0, 3653),
            (0.15, 3653),
            (0.24, 3653),
            "judgement: twice-daily courses keep at least 6 hours (0.25 days) for repair",
        ),
        Check(
            "course_gap",
            "the longest pause between fractions to one lesion",
            "days",
            (0, 3653),
            (0, 3653),
            (0, 21),
            "judgement: a longer pause means two courses, which one course of the table may not be",
        ),
        Check(
            "visit_day",
            "the day of a measurement or dose, from the first fraction",
            "days",
            (-math.inf, math.inf),
            (-400, 1000),
            (-120, 550),
            "judgement: trials follow counts for one or two years; days beyond are hours or "
            "another year",
        ),
        Check(
            "peak_dose",
            "the highest dose of a plan",
            "Gy",
            (0, 1000),
            (0.5, 150),
            (2, 120),
            "judgement: 120 Gy (see total_dose) prescribed to the 80 % isodose; above it the grid "
            "is in cGy",
        ),
        Check(
            "peak_over_prescription",
            "the highest dose over the prescribed dose",
            "",
            (0.02, 20),
            (0.33, 2.2),
            (0.95, 2),
            "judgement: prescription isodoses of 50 % (radiosurgery) to 95 % give 1.05 to 2; "
            "below 1 a beam, a session or the target is missing, near 100 one of both is in cGy",
        ),
        Check(
            "peak_over_fraction_dose",
            "the highest dose over the prescribed dose of one of several fractions",
            "",
            (0, 1e6),
            (1.75, 1e6),
            (1.75, 1e6),
            "judgement: a single fraction has 0.95 to 1.7 (see peak_over_prescription), a course "
            "as many times more as it has fractions",
        ),
        Check(
            "target_over_prescription",
            "the mean dose to the target over the prescribed dose",
            "",
            (0.02, 20),
            (0.85, 1.7),
            (0.95, 1.45),
            "judgement: the target gets the prescribed dose and, with stereotactic prescription "
            "isodoses of 60 to 90 %, up to 1.4 times it",
        ),
        Check(
            "beams_over_prescription",
            "the doses of the beams over all fractions over the prescribed dose",
            "",
            (0, 1e6),
            (0.1, 10),
            (0.5, 2),
            "judgement: beam doses are stated at points, which the prescription need not be; a "
            "factor of 100 is cGy, that of the fractions a prescription of one fraction",
        ),
        Check(
            "beams_with_dose",
            "the share of the planned beams or fraction groups whose dose is there",
            "",
            (0, 1),
            (0.999, 1),
            (0.999, 1),
            "the dose of a plan is the sum over its beams (DICOM PS3.3 C.8.8.3)",
        ),
        Check(
            "plan_overlap",
            "the shared part of the high-dose volumes of two plans with one prescription",
            "",
            (0, 1),
            (0, 0.5),
            (0, 0.5),
            "judgement: versions of one plan treat the same volume with the same dose, a boost a "
            "smaller one, plans of other lesions another one",
        ),
        Check(
            "plan_dates_apart",
            "the time between the first and the last plan that are added",
            "days",
            (0, 36525),
            (0, 120),
            (0, 60),
            "judgement: plans of one course are made within weeks; a year apart they are courses",
        ),
        Check(
            "planning_images",
            "the number of frames of reference (planning images) whose doses are added",
            "",
            (0, 100),
            (0, 1),
            (0, 1),
            "judgement: another planning image means a replanning, another course or another "
            "person as often as another lesion",
        ),
        Check(
            "patient_identity",
            "the number of persons that the identifying elements of one patient speak of",
            "",
            (0, 1000),
            (0, 1),
            (0, 1),
            "a person has one date of birth and one sex (DICOM PS3.3 C.7.1.1)",
        ),
        Check(
            "outside_grid",
            "the part of an organ outside every dose grid",
            "",
            (0, 1),
            (0, 0.5),
            (0, 0.5),
            "judgement: the dose outside the grid counts with 0 Gy, which is low for the mean",
        ),
        Check(
            "body_outside_grid",
            "the part of the body outline outside every dose grid",
            "",
            (0, 0.999),
            (0, 0.95),
            (0, 0.9),
            "judgement: outlines of a whole scan of a metre around a grid of some centimetres",
        ),
        Check(
            "body_volume",
            "the volume of the body outline",
            "cm3",
            (500, 400_000),
            (3000, 250_000),
            (5000, 150_000),
            "judgement: reference adults have 60,000 and 73,000 cm3 (ICRP Publication 89, "
            "doi:10.1016/S0146-6453(03)00002-2), of which a scan shows a part; below are litres "
            "and per cent, above mm3",
        ),
        Check(
            "organs_over_body",
            "the volume of all organs over that of the body outline",
            "",
            (0, 1000),
            (0, 1),
            (0, 0.8),
            "organs lie within the body; above 1 a volume is in per cent or another unit",
        ),
        Check(
            "organ_mean_dose",
            "the mean dose of the course to an organ",
            "Gy",
            (0, 150),
            (0, 50),
            (0, 40),
            "the organs here tolerate mean doses of 20 to 45 Gy (QUANTEC, Marks et al. 2010, "
            "doi:10.1016/j.ijrobp.2009.07.1754); above them the dose is in cGy (judgement)",
        ),
        Check(
            "body_mean_dose",
            "the mean dose of the course to the body",
            "Gy",
            (0, 60),
            (0, 25),
            (0, 20),
            "judgement: total body irradiation gives 12 to 15 Gy, other courses below 5; short "
            "outlines around the target have more",
        ),
        Check(
            "organ_over_prescription",
            "the highest mean dose to an organ over the prescribed dose",
            "",
            (0, 20),
            (0, 1.2),
            (0, 1),
            "judgement: only an organ that is the target gets the prescribed dose in the mean",
        ),
        Check(
            "dvh_mean_agreement",
            "the mean dose of a histogram over the mean dose stated with it",
            "",
            (0, 1e6),
            (0.8, 1.25),
            (0.95, 1.05),
            "judgement: both are the same quantity (DICOM PS3.3 C.8.8.4) but for the bin width",
        ),
        Check(
            "grid_over_histogram",
            "the mean dose on the grid over that of the histogram in the same file",
            "",
            (0, 1e6),
            (0.7, 1.4),
            (0.9, 1.1),
            "judgement: both are of one structure; small ones differ by their sampling",
        ),
        Check(
            "dvh_tail",
            "the part of the volume beyond the last dose of a cumulative histogram",
            "",
            (0, 1),
            (0, 0.1),
            (0, 0.05),
            "judgement: what lies beyond counts with the last dose, which is low for the mean",
        ),
        Check(
            "whole_over_parts",
            "the volume of a pair of organs over the sum of left and right",
            "",
            (0, 1e6),
            (0.6, 1.3),
            (0.8, 1.1),
            "judgement: a whole organ is its two sides, less a target of up to a third",
        ),
        Check(
            "immune_dose",
            "the mean dose of the course to the blood",
            "Gy",
            (0, 60),
            (0, 12.5),
            (0, 8),
            "2.1 to 12.2 Gy in long courses to the chest (EDIC in RTOG 0617, Jin et al. 2021, "
            "doi:10.3390/cancers13246193); total body irradiation, 12 to 15 Gy, is to be accepted",
        ),
        Check(
            "immune_dose_per_prescribed_gy",
            "the mean dose to the blood over the prescribed dose",
            "",
            (0, 1.2),
            (0, 0.3),
            (0, 0.15),
            "judgement: 0 to 0.05 for one lesion (data/immune_dose_by_site.csv), more for several "
            "and for large targets; 1 is total body irradiation",
        ),
        Check(
            "alc_value",
            "a lymphocyte count",
            "1e9/L",
            (0, 100),
            (0.01, 15),
            (0.04, 8),
            "reference range 1.0 to 4.8; grade 4 lies below 0.2 (CTCAE v5.0). Above 15 a patient "
            "has a lymphoproliferative disease, or the number is per cent or cells/uL (judgement)",
        ),
        Check(
            "alc_limit",
            "a limit of quantification of lymphocyte counts",
            "1e9/L",
            (0, 3),
            (0, 1),
            (0, 0.5),
            "judgement: analysers report to 0.01 or 0.1; 100 is a limit in cells/uL",
        ),
        Check(
            "lower_limit_of_normal",
            "a lower limit of normal of lymphocyte counts",
            "1e9/L",
            (0, 3),
            (0.3, 3),
            (0.6, 2),
            "judgement: laboratories of adults state 0.8 to 1.5",
        ),
        Check(
            "mdsc_value",
            "a count of monocytic MDSC",
            "cells/uL",
            (0, 100_000),
            (0, 5_000),
            (0, 1_500),
            "judgement: all monocytes of blood are 200 to 800 cells/uL",
        ),
        Check(
            "mdsc_limit",
            "a limit of quantification of MDSC",
            "cells/uL",
            (0, 1_000),
            (0, 100),
            (0, 20),
            "judgement: flow cytometry counts to about 1 cell/uL",
        ),
        Check(
            "atra_level",
            "a plasma level of ATRA",
            "ng/mL",
            (0, 100_000),
            (0, 10_000),
            (0, 4_000),
            "peaks of about 350 ng/mL after 45 mg/m2 (Muindi et al. 1992, PMID 1373358); levels in "
            "ng/L or pmol/L are a thousand times larger (judgement)",
        ),
        Check(
            "atra_limit",
            "a limit of quantification of ATRA levels",
            "ng/mL",
            (0, 1_000),
            (0, 100),
            (0, 50),
            "judgement: chromatography quantifies to 0.5 to 10 ng/mL",
        ),
        Check(
            "count_within_patient",
            "a lymphocyte count as a part of the patient's median",
            "",
            (0, math.inf),
            (1 / 200, math.inf),
            (1 / 200, math.inf),
            "radiotherapy to lesions takes at most some nine tenths of the lymphocytes, a slip of "
            "units a factor of 1000 (judgement); only where the median is above 0.2",
        ),
        Check(
            "patient_median",
            "a patient's median lymphocyte count as a multiple of the other patients' median",
            "",
            (0, math.inf),
            (1 / 20, 20),
            (1 / 10, 10),
            "judgement: patients differ by a factor of 10 at most, units by 100 (per cent, shares) "
            "or 1000 (cells/uL)",
        ),
        Check(
            "centre_median",
            "a centre's median lymphocyte count before treatment as a multiple of the others'",
            "",
            (0, math.inf),
            (1 / 5, 5),
            (1 / 3, 3),
            "judgement: medians of centres with 3 or more patients differ by less than a factor of "
            "2, units by 10 or more",
        ),
        Check(
            "drug_dose",
            "one dose of ATRA",
            "mg",
            (0, 3_000),
            (5, 600),
            (10, 450),
            "45 mg/m2 a day in halves is 20 to 50 mg, 150 mg/m2 a day 200 to 345 mg (Kurzrock et "
            "al. 1993, PMID 8501489: up to 150 mg/m2); grams and micrograms lie beyond (judgement)",
        ),
        Check(
            "drug_dose_per_m2",
            "one dose of ATRA over the body surface area",
            "mg/m2",
            (0, 3_000),
            (5, 250),
            (10, 200),
            "as drug_dose; AMT in mg/m2 is smaller by the body surface area (judgement)",
        ),
        Check(
            "age",
            "an age",
            "years",
            (0, 120),
            (1, 105),
            (18, 100),
            "judgement: trials of adults; months or years of birth lie beyond",
        ),
        Check(
            "body_surface_area",
            "a body surface area",
            "m2",
            (0.2, 4),
            (0.5, 3.2),
            (1.3, 2.6),
            "judgement: 1.9 m2 of reference men, 1.66 of women (ICRP Publication 89)",
        ),
        Check(
            "target_volume",
            "the planning target volume of all lesions together",
            "cm3",
            (0, 30_000),
            (0.05, 6_000),
            (0.3, 2_000),
            "judgement: a sphere of 0.8 to 16 cm; mm3 lie beyond",
        ),
        Check(
            "date_order",
            "the days that a patient's dates span over those of the other order of day and month",
            "",
            (0, math.inf),
            (0, 8),
            (0, 3),
            "judgement: read in the wrong order, visits of a few weeks spread over a year",
        ),
        Check(
            "similar_ids",
            "identifiers that differ only in case, blanks or leading zeros",
            "",
            (0, math.inf),
            (0, 0.5),
            (0, 0.5),
            "judgement: `1` and `001`, `p1` and `P1` are one patient in most files",
        ),
    )
}
"""Every check by its name."""

LARGEST_FRACTION_GY = CHECKS["fraction_dose"].possible[1]
"""Largest possible prescribed dose of one fraction in Gy; above it the dose is in cGy."""

LARGEST_ALC = 100.0
"""Largest possible lymphocyte count in 1e9/L; a solid-tumour patient above it is in cells/uL."""

LARGEST_LLN = 3.0
"""Largest possible lower limit of normal of a lymphocyte count in 1e9/L (usual: 0.8-1.5)."""

LONGEST_DELAY_HOURS = 168.0
"""Longest possible time from drawing to processing a blood sample, a week; above it the delay is
not in hours (judgement)."""


def checked_reasons(accept: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Accepted checks with their reasons, and what is wrong as (found, expected, hint)."""
    reasons, wrong = {}, []
    for name, reason in accept.items():
        if name not in CHECKS:
            close = difflib.get_close_matches(str(name), CHECKS, n=1)
            hint = f"{close[0]}?" if close else ""
            wrong.append((str(name), "the name of a check of plausibility to accept", hint))
        elif not str(reason).strip() or not str(reason).isprintable():
            wrong.append((f"{name} without a reason", "a reason, in one line, for what is accepted",
                          f'such as {name} = "checked in the chart"'))  # fmt: skip
        else:
            reasons[name] = str(reason).strip()
    return reasons, wrong
