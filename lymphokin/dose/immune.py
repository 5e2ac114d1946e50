"""Reference immune dose of each fraction, from the columns an event table has.

The immune dose is the mean dose to the circulating blood. Without organ doses it is known only
to an order of magnitude: the cohort's table of sites (shipped: `data/immune_dose_by_site.csv`,
computed with assumed mean organ doses) gives it for a reference course to one lesion of each.
The dose to the blood is linear in the prescription, so one fraction to one lesion gives

    prescribed_gy * immune_dose_gy / reference_prescribed_gy      (of that lesion's site)

and the lesions treated at a fraction add. The spread around this reference value (log-SD about
0.5 for a course) is not here: it is a latent quantity of the population model.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lymphokin.shipped import data_path
from lymphokin.sites import UNKNOWN, SiteTable

if TYPE_CHECKING:  # a second to import; one patient does without tables
    import pandas as pd

    from lymphokin.io.cohort import Cohort


class ImmuneDose(NamedTuple):
    """Reference immune dose of a cohort.

    `fractions`: the cohort's fractions, in their order, with two more columns:
        immune_dose_gy: reference immune dose of that fraction in Gy.
        share: part of the patient's irradiation given by that fraction, in proportion to
            prescribed dose x lesions treated; sums to 1 per patient. (A target volume per
            patient would cancel here.)
    `supplied`: per patient (index `id`), whether IMMUNE_DOSE_GY was given: the course total is
        then known and not estimated from the site.
    """

    fractions: pd.DataFrame
    supplied: pd.Series


@cache
def log_sd_by_source() -> dict[str, float]:
    """Log-SD of the true immune dose around a given one, by where that one comes from."""
    with data_path("immune_dose_uncertainty.csv").open(encoding="utf-8", newline="") as file:
        return {row["source"]: float(row["log_sd"]) for row in csv.DictReader(file)}


def immune_dose_log_sd(
    patients: Mapping[str, Any] | pd.DataFrame, sites: SiteTable
) -> NDArray[np.float64]:
    """Log-SD of each patient's true immune dose around the given one, `[patient]`.

    `patients`: columns immune_dose_gy, immune_dose_source and site, one value per patient.
    `sites`: what the site classes mean.
    By IMMUNE_DOSE_SOURCE; 0 where a dose is given without a source, as it is then taken for
    known. Where none is given, the dose is estimated from the site: that of the least known site
    of the patient, NaN where the model's parameter table says how well. Raises ValueError for a
    source that the table does not know.
    """
    sizes = log_sd_by_source()
    given = ~np.isnan(np.asarray(patients["immune_dose_gy"], float))
    sources = list(patients["immune_dose_source"])
    unknown = sorted({s for s in sources if s is not None and s not in sizes})
    if unknown:
        raise ValueError(f"unknown source of the immune dose: {', '.join(unknown)}")
    log_sd = np.array([0.0 if s is None else sizes[s] for s in sources], float)
    of_site = [_log_sd_of_sites(site, sites) for site in patients["site"]]
    return np.where(given, log_sd, np.array(of_site, float))


def _log_sd_of_sites(site: str | None, sites: SiteTable) -> float:
    names = (site or UNKNOWN).split("+")
    known = (sites.by_name[name].log_sd for name in names if name in sites.by_name)
    return max((sd for sd in known if sd is not None), default=np.nan)


def reference_immune_dose(cohort: Cohort) -> ImmuneDose:
    """Reference immune dose and share of every fraction of `cohort`.

    A fraction of lesion 0 treats every lesion of the patient: N_LESIONS, else as many as SITE
    names, else as LESION numbers among fractions and observations. A site that is not stated
    counts as "other". Where the course total is supplied, it is split over the fractions in
    proportion to their estimates (to their shares where these are all zero, as for brain). Raises
    ValueError when SITE names another number of lesions than N_LESIONS, or a site that the table
    does not know.
    """
    import pandas as pd

    fractions = cohort.fractions
    patients = cohort.patients
    patient = patients.index.get_indexer(fractions["id"].to_numpy())
    lesion = fractions["lesion"].to_numpy()
    prescribed = fractions["prescribed_gy"].to_numpy()

    ratio, lesions = _per_lesion_of(cohort)
    estimate = prescribed * ratio[patient, lesion]
    irradiation = prescribed * np.where(lesion == 0, lesions[patient], 1)
    share = irradiation / _total(irradiation, patient, len(patients))[patient]

    total = _total(estimate, patient, len(patients))[patient]
    with np.errstate(invalid="ignore"):
        split = np.where(total > 0, estimate / total, share)
    given = patients["immune_dose_gy"].to_numpy()
    dose = np.where(np.isnan(given[patient]), estimate, given[patient] * split)
    return ImmuneDose(
        fractions.assign(immune_dose_gy=dose, share=share),
        pd.Series(~np.isnan(given), index=patients.index, name="immune_dose_supplied"),
    )


def lesion_counts(cohort: Cohort) -> NDArray[np.int64]:
    """Number of lesions of each patient, `[patient]`; see `reference_immune_dose`."""
    return _per_lesion_of(cohort)[1]


def _per_lesion_of(cohort: Cohort) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    patients = cohort.patients
    stated, named = patients["n_lesions"].to_numpy(), patients["site"].tolist()
    return per_lesion(named, stated, _highest_lesion(cohort), patients.index, cohort.sites)


def _highest_lesion(cohort: Cohort) -> NDArray[np.int64]:
    """Largest LESION among the fractions and the observations of each patient, `[patient]`."""
    highest = np.zeros(len(cohort.patients), np.int64)
    for table in (cohort.fractions, cohort.observations):
        patient = cohort.patients.index.get_indexer(table["id"].to_numpy())
        np.maximum.at(highest, patient, table["lesion"].to_numpy())
    return highest


def per_lesion(
    named: Sequence[str | None],
    stated: NDArray[np.float64],
    highest: NDArray[np.int64],
    ids: Sequence[Any] | pd.Index,
    sites: SiteTable,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Immune Gy per prescribed Gy `[patient, lesion]` and the number of lesions `[patient]`.

    Column 0 is the sum over the patient's lesions. `named`: each patient's site classes. `stated`:
    number of lesions, NaN if unknown. `highest`: largest LESION of each patient. `sites`: what the
    classes mean. Raises ValueError as `reference_immune_dose` does, with the patient as `ids` has
    it.
    """
    names = [site or UNKNOWN for site in named]
    several = np.array([site.count("+") + 1 for site in names], np.int64)
    count = np.where(np.isnan(stated), np.maximum(several, highest), stated).astype(np.int64)
    unlike = ((several > 1) & (several != count)) | (highest > count)
    if unlike.any():
        who = np.asarray(ids)[unlike][0]
        raise ValueError(f"patient {who}: SITE, LESION and N_LESIONS do not agree")
    ratio = np.zeros((len(names), int(count.max(initial=0)) + 1))
    for text in dict.fromkeys(names):
        classes = [site.immune_dose_per_gy for site in sites.of_lesions(text)]
        rows = np.array([name == text for name in names])
        if len(classes) == 1:
            ratio[rows, 1:] = classes[0]
            ratio[rows, 0] = classes[0] * count[rows]
        else:
            ratio[rows, 1 : len(classes) + 1] = classes
            ratio[rows, 0] = sum(classes)
    return ratio, count


def _total(
    values: NDArray[np.float64], patient: NDArray[np.int64], n_patients: int
) -> NDArray[np.float64]:
    """Sum of `values` per patient."""
    return np.bincount(patient, weights=values, minlength=n_patients)
