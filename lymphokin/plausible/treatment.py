"""What is plausible of a treatment: fractions of radiotherapy."""

from __future__ import annotations

from lymphokin.plausible.check import Check

CHECKS = (
    Check(
        "fraction_dose",
        "the prescribed dose of one fraction",
        "Gy",
        (0, 100),
        (0.4, 40),
        (1, 34),
        "stereotactic fractions are 6 to 30 Gy, conventional ones 1.8 to 3 Gy (AAPM TG-101, "
        "Benedict et al. 2010, doi:10.1118/1.3438081); 34 Gy is the largest of RTOG 0915 (Videtic "
        "et al. 2015, doi:10.1016/j.ijrobp.2015.07.2260), 0.5 Gy the smallest that is usual, "
        "against inflammation (Niewald et al. 2015, doi:10.1186/s13014-015-0471-z). Radiosurgery "
        "of nerves, up to 90 Gy, is to be accepted. Above 100 the dose is in cGy, below 0.4 it was "
        "divided by 100 once too often (judgement)",
    ),
    Check(
        "total_dose",
        "the prescribed dose of all fractions to one lesion",
        "Gy",
        (0, 400),
        (0.5, 120),
        (4, 90),
        "from 4 Gy in 2 fractions against lymphoma (FoRT, Hoskin et al. 2014, "
        "doi:10.1016/S1470-2045(14)70036-1) to 60 Gy in 3 fractions (RTOG 0236, Timmerman et al. "
        "2010, doi:10.1001/jama.2010.261) and 81.6 Gy in 68 (see fraction_count); 120 Gy leaves "
        "room for a second course (judgement)",
    ),
    Check(
        "fraction_count",
        "the number of fractions to one lesion",
        "",
        (1, 1000),
        (1, 80),
        (1, 45),
        "68 fractions, twice a day, of RTOG 9003 (Fu et al. 2000, "
        "doi:10.1016/S0360-3016(00)00663-5); conventional courses have up to 45 (judgement)",
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
        "two fractions of a day are 6 hours (0.25 days) apart, as in RTOG 9003 (see "
        "fraction_count); 0.15 leaves room for a machine that was late (judgement)",
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
)
