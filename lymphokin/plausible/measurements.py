"""What is plausible of measurements: counts, levels, and their limits."""

from __future__ import annotations

import math

from lymphokin.plausible.check import Check

CHECKS = (
    Check(
        "alc_value",
        "a lymphocyte count",
        "1e9/L",
        (0, 100),
        (0.01, 15),
        (0.04, 8),
        "reference range 1.0 to 4.8; below 0.2 is grade 4 of a decreased count, above 20 grade 3 "
        "of an increased one (CTCAE v5.0). Above 15 a patient has a lymphoproliferative disease, "
        "or the number is per cent or cells/uL (judgement)",
    ),
    Check(
        "alc_limit",
        "a limit of quantification of lymphocyte counts",
        "1e9/L",
        (0, 3),
        (0.001, 1),
        (0.005, 0.5),
        "judgement: analysers report to 0.01 or 0.1; 100 is a limit in cells/uL, 0.0001 one in "
        "1e9/L that was divided by 1000",
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
        (0.001, 100),
        (0.01, 20),
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
        "atra_highest",
        "the highest ATRA level of all patients",
        "ng/mL",
        (0, math.inf),
        (10, math.inf),
        (20, math.inf),
        "judgement, of five levels or more: peaks are some hundred ng/mL (see atra_level), their "
        "logarithms 4 to 7, and levels in ug/mL below 1",
    ),
    Check(
        "atra_limit",
        "a limit of quantification of ATRA levels",
        "ng/mL",
        (0, 1_000),
        (0.01, 100),
        (0.1, 50),
        "judgement: chromatography quantifies to 0.5 to 10 ng/mL",
    ),
    Check(
        "processing_delay",
        "the time from drawing to processing a blood sample",
        "hours",
        (0, 168),
        (0, 72),
        (0, 48),
        "judgement: cells are counted on the day of the draw or after a shipment over night; "
        "longer delays are minutes",
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
        "usual_count",
        "the median of all patients' counts before treatment",
        "1e9/L",
        (0, 100),
        (0.1, 5),
        (0.3, 3.5),
        "reference range 1.0 to 4.8, and less in patients (judgement, of three patients or more); "
        "logarithms of cells/uL are about 7, shares in per cent 5 to 40",
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
)
