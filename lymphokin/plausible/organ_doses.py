"""What is plausible of organ doses: volumes, mean doses, histograms, the dose to the blood."""

from __future__ import annotations

from lymphokin.plausible.check import Check

CHECKS = (
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
        "organ_over_body_dose",
        "the integral dose of an organ over that of the body outline",
        "",
        (0, 1000),
        (0, 1.05),
        (0, 1),
        "organs lie within the body; above 1 a dose or volume is in another unit, or one of them "
        "is of one session (5 % for rounding, judgement)",
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
        "whole_mean_over_parts",
        "the mean dose of a pair of organs over the mean of left and right",
        "",
        (0, 1e6),
        (0.5, 1.6),
        (0.7, 1.2),
        "judgement: a whole organ is its two sides, less a target of high dose",
    ),
    Check(
        "immune_dose",
        "the mean dose of the course to the blood",
        "Gy",
        (0, 60),
        (0, 12.5),
        (0.05, 12.5),
        "2.1 to 12.2 Gy in long courses to the chest (EDIC in RTOG 0617, Jin et al. 2021, "
        "doi:10.3390/cancers13246193); total body irradiation, 12 to 15 Gy, is to be accepted. "
        "Below 0.05 lies radiosurgery of the brain, or a dose in Gy that was read as cGy "
        "(judgement)",
    ),
    Check(
        "immune_dose_per_prescribed_gy",
        "the mean dose to the blood over the prescribed dose",
        "",
        (0, 1.2),
        (0, 0.3),
        (0.001, 0.15),
        "judgement: 0.024 to 0.05 for one lesion outside the brain (data/immune_dose_by_site.csv), "
        "more for several and for large targets; 1 is total body irradiation, and below 0.001 lies "
        "radiosurgery of the brain, or a dose in Gy that was read as cGy",
    ),
)
