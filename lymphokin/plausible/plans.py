"""What is plausible of treatment plans: dose grids, prescriptions, beams, several plans."""

from __future__ import annotations

from lymphokin.plausible.check import Check

CHECKS = (
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
)
