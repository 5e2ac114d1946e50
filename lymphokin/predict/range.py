"""What a fit has seen, and where a patient or a schedule lies outside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from lymphokin.dose import reference_immune_dose
from lymphokin.io import Cohort
from lymphokin.population.seen import DAILY_DOSE, NAMES
from lymphokin.quantities import DRUG


def features(cohort: Cohort, visits: pd.DataFrame) -> pd.DataFrame:
    """What describes a patient's course, by id; see ``NAMES``."""
    fractions = reference_immune_dose(cohort).fractions.groupby("id", sort=False)
    doses = cohort.doses_of(DRUG)
    daily = doses.assign(date=doses["day"].astype(float) // 1)
    daily = daily.groupby(["id", "date"], sort=False)["amount_mg"].sum()
    table = pd.DataFrame(
        {
            "fractions": fractions.size(),
            "prescribed_gy": fractions["prescribed_gy"].sum(),
            "immune_dose_gy": fractions["immune_dose_gy"].sum(),
            DAILY_DOSE: daily.groupby("id").max() if len(daily) else pd.Series(dtype=float),
        }
    )
    table = table.reindex(cohort.patients.index).fillna(0.0)
    table["baseline_alc"] = cohort.last_baseline("alc")
    return table.join(visits["endpoint_day"])


def seen_ranges(cohort: Cohort, visits: pd.DataFrame) -> dict[str, list[float]]:
    """Smallest and largest value of each feature in the fitted cohort."""
    table = features(cohort, visits)
    return {name: [float(table[name].min()), float(table[name].max())] for name in NAMES}


def seen_until(cohort: Cohort) -> dict[str, float]:
    """Last day, from the first fraction, on which each quantity was measured in anybody, or each
    event looked for.
    """
    known = cohort.observations.dropna(subset=["value"])
    return {str(name): float(day) for name, day in known.groupby("quantity")["day"].max().items()}


def outside(
    cohort: Cohort,
    visits: pd.DataFrame,
    seen: Mapping[str, Any],
    seen_sites: Collection[str] | None = None,
) -> pd.Series:
    """Why each patient lies outside what the fit has seen; empty if inside.

    A site matters where the immune dose is estimated from it.
    """
    table = features(cohort, visits)
    reasons: list[list[str]] = [[] for _ in table.index]
    for name, text in NAMES.items():
        low, high = seen[name]
        for of_patient, value in zip(reasons, table[name], strict=True):
            if pd.notna(value) and not low - 1e-9 <= value <= high + 1e-9:
                of_patient.append(f"{text} {value:.3g} is outside {low:.3g} to {high:.3g}")
    estimated = cohort.patients["immune_dose_gy"].isna()
    for of_patient, site, asked in zip(reasons, cohort.patients["site"], estimated, strict=True):
        own = cohort.sites.of_lesions(site) if asked and seen_sites is not None else []
        labels = [s.label for s in own if s.name not in (seen_sites or ())]
        of_patient += [f"no patient had the site {label}" for label in dict.fromkeys(labels)]
    return pd.Series(["; ".join(r) for r in reasons], index=table.index, dtype=object)
