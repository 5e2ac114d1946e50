"""What an event table holds: counts, visits, what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lymphokin.endpoint import GRADE_BELOW
from lymphokin.io.cohort import Cohort
from lymphokin.io.known import has_number, reported
from lymphokin.io.vocabulary import COVARIATES
from lymphokin.quantities import DRUG

DAYS_PER_WEEK = 7


def summarise(cohort: Cohort) -> dict[str, Any]:
    """Numbers of a cohort as plain values.

    `quantities`: per measured quantity its visits, values, results known only to lie below a limit,
    above one or between two, and visits without a result. `weeks`: lymphocyte counts per week from
    day 0 (without those only known to lie above a limit or between two) with their median (1e9/L)
    and how many are CTCAE grade 2 or worse. `missing`:
    patients without each covariate.
    """
    seen, drugs = cohort.observations, cohort.vocabulary.drugs
    quantities = {}
    for name in (*cohort.vocabulary.observables, *cohort.vocabulary.events):
        own = seen[seen["quantity"] == name]
        values = own["value"].notna()
        quantities[name] = {
            "patients": int(own["id"][values].nunique()),
            "visits": len(own),
            "values": int((values & ~own["censored"]).sum()),
            "below_limit": int((own["censored"] & (own["lower"] == 0)).sum()),
            "above_limit": int((own["censored"] & np.isinf(own["upper"])).sum()),
            "between_limits": int(
                (own["censored"] & (own["lower"] > 0) & np.isfinite(own["upper"])).sum()
            ),
            "no_result": int((~values).sum()),
        }
    return {
        "patients": len(cohort),
        "treated": int(cohort.fractions["id"].nunique()),
        "fractions": len(cohort.fractions),
        f"{DRUG}_doses": int((cohort.doses["drug"] == DRUG).sum()),
        "doses": {name: int((cohort.doses["drug"] == name).sum()) for name in drugs},
        "drugs": {name: drug.label for name, drug in drugs.items()},
        "quantities": quantities,
        "weeks": _weeks(seen),
        "missing": {
            name.lower(): int(cohort.patients[name.lower()].isna().sum()) for name in COVARIATES
        },
        "synthetic": cohort.synthetic,
        "warnings": list(cohort.warnings),
    }


def _weeks(seen: pd.DataFrame) -> list[dict[str, Any]]:
    counts = seen[(seen["quantity"] == "alc") & seen["value"].notna()]
    counts = counts[has_number(counts)]
    week = np.floor(counts["day"].to_numpy(float) / DAYS_PER_WEEK).astype(int)
    grade2 = reported(counts, 2) < GRADE_BELOW[2]
    table = pd.DataFrame({"week": week, "value": counts["value"].to_numpy(), "grade2": grade2})
    return [
        {
            "week": int(number),  # type: ignore[arg-type]
            "counts": len(rows),
            "median": round(float(rows["value"].median()), 3),
            "grade2_or_worse": int(rows["grade2"].sum()),
        }
        for number, rows in table.groupby("week")
    ]
