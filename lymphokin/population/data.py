"""A cohort as the arrays that the likelihood needs: courses, covariates and observations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.dose import reference_immune_dose
from lymphokin.io import Cohort
from lymphokin.io.problems import Findings
from lymphokin.model import CategoryEffect, DelayEffect, Model, ModelError, Residual
from lymphokin.population.arrays import RECORDS_UNIT, CohortArrays, EventRecords, Measured, Records
from lymphokin.population.covariates import check_covariates, covariate_arrays
from lymphokin.population.events import at_risk_days, event_records, event_rows
from lymphokin.population.lesions import (
    lesion_arrays,
    lesion_doses,
    lesion_volumes,
    refuse_misplaced,
    refuse_without_volume,
)
from lymphokin.population.resets import around_resets
from lymphokin.population.steady import with_doses_before
from lymphokin.population.varying import changes_of, unstated
from lymphokin.quantities import VaryingCovariate
from lymphokin.solve import Layout, StepRule, Treatment, build_timeline, following


@dataclass(frozen=True)
class PackedCohort:
    """A cohort, its arrays, and where each patient, record and day is in them."""

    cohort: Cohort
    arrays: CohortArrays
    layout: Layout
    records: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]
    """per quantity, the rows of ``cohort.observations`` behind quantified and below"""
    warnings: tuple[str, ...]
    """what the user must know: records left out, covariates assumed; one sentence each"""
    events: Mapping[str, pd.DataFrame]
    """per event, the rows of ``cohort.observations`` that say whether it has happened"""

    def weighing(self, spoken: Callable[[pd.DataFrame], pd.Series]) -> CohortArrays:
        """Arrays in which other records weigh nothing; they keep their shapes.

        Args:
            spoken: of rows of ``cohort.observations``, which ones count.
        """

        def weighed[R: (Records, EventRecords)](records: R, rows: pd.DataFrame) -> R:
            weight = np.zeros(len(records.weight))
            weight[: len(rows)] = spoken(rows)
            return records._replace(weight=jnp.asarray(weight))

        measured = {
            quantity: Measured(
                *(weighed(*pair) for pair in zip(both, self.records[quantity], strict=True))
            )
            for quantity, both in self.arrays.measured.items()
        }
        events = {n: weighed(own, self.events[n]) for n, own in self.arrays.events.items()}
        return self.arrays._replace(measured=measured, events=events)

    def nodes(self, day_of: Mapping[str, float]) -> np.ndarray:
        """[patient] node of each patient's day of interest."""
        timeline = self.arrays.timeline
        return np.asarray(
            [
                self.layout.node(timeline, i, day_of[patient])
                for i, patient in enumerate(self.cohort.patients.index)
            ]
        )


def treatments_of(
    cohort: Cohort,
    days: Mapping[str, Sequence[float]],
    with_lesions: bool = False,
    varying: Mapping[str, VaryingCovariate] | None = None,
    at_risk_from: Mapping[str, float] | None = None,
) -> list[Treatment]:
    """Treatment of every patient.

    Args:
        cohort: the cohort.
        days: per patient, extra days at which the solution is wanted.
        with_lesions: whether lesions are distinguished.
        varying: covariates that change within a patient, by name.
        at_risk_from: per patient, the day from which events can happen, where it is not that on
            which the solution begins.
    """
    at_risk_from = at_risk_from or {}
    patients = cohort.patients.index
    fractions = reference_immune_dose(cohort).fractions
    fraction_days, immune_dose, share = (
        _by_patient(patients, fractions, name) for name in ("day", "immune_dose_gy", "share")
    )
    dose_days, amount = (_by_patient(patients, cohort.doses, n) for n in ("day", "amount_mg"))
    drug = _by_patient(patients, cohort.doses, "drug", object)
    duration = _by_patient(patients, cohort.doses, "duration")
    record_days = _by_patient(patients, cohort.observations, "day")
    lesion_gy = lesion_doses(cohort) if with_lesions else [None] * len(patients)
    lesion_cm3 = lesion_volumes(cohort) if with_lesions else [None] * len(patients)
    resets = _by_patient(patients, cohort.resets, "day")
    changes = {name: changes_of(cohort, c) for name, c in (varying or {}).items()}
    treatments = []
    for i, patient in enumerate(patients):
        wanted = np.concatenate([record_days[i], np.asarray(days.get(patient, ()), dtype=float)])
        treatments.append(
            Treatment(
                fraction_days=fraction_days[i],
                immune_dose=immune_dose[i],
                share=share[i],
                dose_days=dose_days[i],
                amount=amount[i],
                days=wanted if len(wanted) else np.zeros(1),
                drug=drug[i],
                duration=duration[i],
                lesion_gy=lesion_gy[i],
                lesion_cm3=lesion_cm3[i],
                resets=resets[i],
                varying={name: own[i] for name, own in changes.items()},
                at_risk_from=at_risk_from.get(patient),
            )
        )
    return treatments


def _by_patient(
    patients: pd.Index, table: pd.DataFrame, column: str, kind: type = float
) -> list[np.ndarray]:
    """The values of a column of a cohort's table, one array per patient; the table is sorted."""
    position = patients.get_indexer(table["id"].to_numpy())
    bounds = np.searchsorted(position, np.arange(1, len(patients)))
    return np.split(table[column].to_numpy(kind), bounds)


def pack(
    model: Model,
    cohort: Cohort,
    days: Mapping[str, Sequence[float]] | None = None,
    rule: StepRule | None = None,
) -> PackedCohort:
    """Arrays of a cohort for a model.

    Args:
        model: the model, which says which covariates and quantities matter.
        cohort: validated patients, courses and observations.
        days: per patient, extra days at which the solution is wanted (e.g. the endpoint visit).
        rule: step sizes of the solver; drugs are followed for as long as they last.
    """
    first_row = cohort.observations.groupby("id")["row"].min().to_dict()
    check_covariates(model, cohort.patients, cohort.patients.index, cohort.source, first_row)
    steps = following(rule or StepRule(), model)
    varying = model.table.varying
    treated = around_resets(model, with_doses_before(model, cohort, steps.tolerance))
    at_risk_from = at_risk_days(model, cohort)
    treatments = treatments_of(treated, days or {}, model.has_lesions, varying, at_risk_from)
    timeline, layout = build_timeline(treatments, steps)
    _refuse_other_units(model, cohort)
    _refuse_infusions(model, cohort)
    refuse_misplaced(model, cohort)
    refuse_without_volume(model, cohort)
    position = {patient: i for i, patient in enumerate(cohort.patients.index)}
    covariates = covariate_arrays(model, _with_irradiated_lesions(cohort), cohort.sites)
    warnings = [*_not_in_model(model, cohort), *covariates.warnings]
    warnings += [w for c in varying.values() for w in unstated(cohort, c)]
    measured, records = {}, {}
    exposure_of = {
        name: i for i, e in enumerate(model.exposures) for block in e.blocks for name in block.shows
    }
    for quantity, residual in model.table.residuals.items():
        rows = cohort.observations.query("quantity == @quantity")
        rows = rows[rows["value"].notna()]
        places = []
        for i, own in enumerate(_by_patient(cohort.patients.index, rows, "day")):
            if quantity in exposure_of:
                lanes = [layout.lane(i, day, exposure_of[quantity]) for day in own]
                places.append(np.asarray([-1 if lane is None else lane for lane in lanes], int))
            elif len(own):
                places.append(layout.nodes(timeline, i, own))
        rows = rows.assign(place=np.concatenate([np.zeros(0, int), *places]).astype(int))
        outside = rows[rows["place"] < 0]
        if len(outside):
            warnings.append(
                f"{len(outside)} {quantity} record(s) outside any drug window were left out "
                f"(first: patient {outside['id'].iloc[0]}, day {outside['day'].iloc[0]:g})"
            )
            rows = rows[rows["place"] >= 0]
        if residual.sd_column:
            _refuse_without_sd(rows, cohort.source, residual)
        rows = rows.assign(centre=rows["id"].map(cohort.patients["centre"]))
        warnings += _unknown_effects(quantity, residual, rows)
        below = rows["censored"].to_numpy(bool)
        records[quantity] = (rows[~below], rows[below])
        measured[quantity] = Measured(
            *(
                _records(own, residual, position, quantity in model.lesion_outputs)
                for own in (rows[~below], rows[below])
            )
        )
    events = event_rows(model, cohort)
    arrays = CohortArrays(
        timeline,
        covariates.regressors,
        covariates.without,
        covariates.sd_ratio,
        measured,
        layout.treated,
        covariates.missing,
        lesions=lesion_arrays(timeline) if model.has_lesions else None,
        events=event_records(events, cohort, timeline, layout),
    )
    arrays = jax.device_put(arrays)
    return PackedCohort(cohort, arrays, layout, records, tuple(warnings), events)


def _refuse_other_units(model: Model, cohort: Cohort) -> None:
    """Refuse a cohort that was read in other units than the model's."""
    own, read = model.vocabulary, cohort.vocabulary
    seen, given = set(cohort.observations["quantity"]), set(cohort.doses["drug"])
    unlike = [
        f"{what.name} is read in {what.unit}, and model {model.name} has it in {mine.unit}"
        for words, of_cohort, of_model in (
            (seen, read.observable, own.observables),
            (given, read.drug, own.drugs),
        )
        for what, mine in ((of_cohort(w), of_model[w]) for w in sorted(words & set(of_model)))
        if what.unit != mine.unit
    ]
    if unlike:
        raise ModelError(f"{'; '.join(unlike)}: read the event table with the model")


def _refuse_infusions(model: Model, cohort: Cohort) -> None:
    """Refuse infusions of drugs that the model takes at once."""
    infused = set(cohort.doses.loc[cohort.doses["duration"] > 0, "drug"]) & set(model.drugs)
    if unknown := sorted(infused - model.infused):
        raise ModelError(
            f"the cohort has infusions of {', '.join(unknown)}, and no block of model {model.name} "
            "reads them (u.rate)"
        )


def _not_in_model(model: Model, cohort: Cohort) -> list[str]:
    """Sentences on what the model says nothing about, where the reader of the table said none."""
    if cohort.vocabulary.model == model.name:
        return []
    values = cohort.observations["value"].notna()
    return model.vocabulary.silent_on(
        cohort.observations.loc[values, "quantity"],
        [*cohort.doses["drug"], *["rt"] * len(cohort.fractions)],
    )


def _refuse_without_sd(rows: pd.DataFrame, source: str, residual: Residual) -> None:
    """Refuse measurements without an SD of their own, where the model asks for it."""
    found = Findings(source or "the cohort")
    for row in rows[rows["sd"].isna()].itertuples():
        where = f"patient {row.id}, day {row.day:g}"
        expected = f"the SD of every measurement of {residual.quantity}"
        found.add(int(row.row) or None, residual.sd_column, None, expected, where)  # type: ignore[arg-type]
    found.raise_if_any()


def _times(rows: pd.DataFrame, effect: CategoryEffect | DelayEffect) -> np.ndarray:
    """[record] what the log-ratio of an effect is multiplied with."""
    if isinstance(effect, DelayEffect):
        return rows["delay"].fillna(0.0).to_numpy(float)
    return (rows[effect.column] == effect.category).to_numpy(float)


def _unknown_effects(quantity: str, residual: Residual, rows: pd.DataFrame) -> list[str]:
    """Sentences on records of which an effect is not known, or that no effect is for."""
    sentences = []
    if any(isinstance(e, DelayEffect) for e in residual.effects):
        blank = int(rows["delay"].isna().sum())
        if blank:
            sentences.append(f"DELAY is blank for {blank} {quantity} record(s): processed at once")
    categories = [e for e in residual.effects if isinstance(e, CategoryEffect)]
    for column in dict.fromkeys(e.column for e in categories):
        own = [e for e in categories if e.column == column]
        known = [own[0].reference, *(e.category for e in own)]
        values = rows[column].dropna()
        others = sorted(set(values[~values.isin(known)]))
        if others:
            sentences.append(
                f"{column.upper()} {', '.join(map(str, others))}: the model has no ratio of "
                f"{quantity} for it; such records count as {own[0].reference}"
            )
    return sentences


def _records(
    rows: pd.DataFrame, residual: Residual, position: Mapping[str, int], of_lesions: bool
) -> Records:
    n = len(rows)
    size = -(-n // RECORDS_UNIT) * RECORDS_UNIT
    category = [_times(rows, effect) for effect in residual.effects]
    log_lower, log_upper = log_limits_of(rows)
    simple = not rows["censored"].any() or bool((np.isneginf(log_lower)).all())

    def padded(values: np.ndarray) -> np.ndarray:
        return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, size - n)], mode="edge")

    return Records(
        patient=padded(rows["id"].map(position).to_numpy(int) if n else np.zeros(0, int)),
        place=padded(rows["place"].to_numpy(int)),
        day=padded(rows["day"].to_numpy(float)),
        log_value=padded(np.log(limit_of(rows))),
        category=padded(np.asarray(category).reshape(len(residual.effects), n)),
        weight=(np.arange(size) < n).astype(float),
        log_limits=None if simple else (padded(log_lower), padded(log_upper)),
        sd=padded(rows["sd"].to_numpy(float)) if residual.sd_column else None,
        lesion=padded(rows["lesion"].to_numpy(int) - 1) if of_lesions else None,
    )


def limit_of(rows: pd.DataFrame) -> np.ndarray:
    """[record] the value of each observation; where it is censored its upper limit, else lower."""
    upper = rows["upper"].to_numpy(float)
    limit = np.where(np.isfinite(upper), upper, rows["lower"].to_numpy(float))
    return np.where(rows["censored"].to_numpy(bool), limit, rows["value"].to_numpy(float))


def log_limits_of(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """[record] natural logs of the limits of censored observations, infinite without one."""
    with np.errstate(divide="ignore"):
        return np.log(rows["lower"].to_numpy(float)), np.log(rows["upper"].to_numpy(float))


def _with_irradiated_lesions(cohort: Cohort) -> pd.DataFrame:
    """The patients with the number of lesions that share their target volume.

    Where lesions are observed one by one, N_LESIONS counts those outside the field, too.
    """
    patients, fractions = cohort.patients, cohort.fractions
    if not (cohort.observations["lesion"] > 0).any():
        return patients
    by_patient = fractions.groupby("id")["lesion"]
    irradiated = by_patient.nunique().where(by_patient.min() > 0)  # LESION 0 is every lesion
    irradiated = irradiated.reindex(patients.index)
    return patients.assign(n_lesions=irradiated.fillna(patients["n_lesions"]))
