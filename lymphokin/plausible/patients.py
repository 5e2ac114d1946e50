"""What is plausible of a patient: who it is, age, body and lesions."""

from __future__ import annotations

import math

from lymphokin.plausible.check import FLAG, Check

CHECKS = (
    Check(
        "similar_ids",
        "identifiers that differ only in case, blanks, marks or leading zeros",
        "",
        (-math.inf, math.inf),
        FLAG,
        FLAG,
        "judgement: `1`, `001` and `1.0`, `p1` and `P-1` are one patient in most files",
    ),
    Check(
        "no_identifier",
        "identifiers that name no patient, such as `ANON` or `Mean`",
        "",
        (-math.inf, math.inf),
        FLAG,
        FLAG,
        "judgement: what anonymising leaves behind may stand for several persons, and rows below a "
        "table sum up the others",
    ),
    Check(
        "similar_names",
        "arms or centres whose names differ only in case, blanks or leading zeros",
        "",
        (-math.inf, math.inf),
        FLAG,
        FLAG,
        "judgement: `SBRT` and `sbrt `, `Centre 1` and `Centre 01` are one arm, one centre",
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
        "1.9 m2 of reference men, 1.66 of women, 0.24 of the newborn (ICRP Publication 89, "
        "doi:10.1016/S0146-6453(03)00002-2); by Mosteller's formula (N Engl J Med 1987;317:1098) "
        "1.3 are 145 cm and 42 kg, 2.6 are 195 cm and 125 kg, 3.2 are 195 cm and 190 kg",
    ),
    Check(
        "body_weight",
        "a body weight",
        "kg",
        (2, 400),
        (20, 250),
        (30, 180),
        "73 kg of reference men, 60 of women (ICRP Publication 89); adults of 30 to 180 kg "
        "(judgement); grams lie beyond, and pounds of most",
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
)
