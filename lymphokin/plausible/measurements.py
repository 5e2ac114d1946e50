"""What is plausible of measurements: lymphocyte counts beside others, and samples of blood."""

from __future__ import annotations

import math

from lymphokin.plausible.check import Check

CHECKS = (
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
        (0.33, 3),
        "judgement: medians of centres with 3 or more patients differ by less than a factor of "
        "2, units by 10 or more",
    ),
)
