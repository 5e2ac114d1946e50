"""A synthetic trial from a stated truth: for demonstrations, tests and recovery studies.

The truth is a TOML file: the model, the seed, the typical values, and the design (arms, lesions,
schedules, visits, missingness, assay limits). The same file and seed give the same trial.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from lymphokin.csv_text import neutral_frame
from lymphokin.dose import reference_immune_dose
from lymphokin.files import AnyPath, whole
from lymphokin.io import Cohort, write_events
from lymphokin.model import Model, load_model
from lymphokin.plausible import CHECKS
from lymphokin.population import CohortLikelihood, Hierarchy, pack, regressor, simulate_records
from lymphokin.quantities import DRUG, OBSERVABLES, Vocabulary
from lymphokin.schedule import treatment_days
from lymphokin.shipped import data_path
from lymphokin.trial.declared import planned_drug, planned_pulses
from lymphokin.trial.design_file import OF_SYNTHETIC_TRIALS, closest, quantity_of
from lymphokin.trial.design_tables import Plan
from lymphokin.trial.synthetic_covariates import drawn_covariates
from lymphokin.trial.synthetic_events import event_visits, with_events
from lymphokin.trial.synthetic_lesions import (
    PlannedLesions,
    check_lesions,
    draw_outside,
    individual_values,
    with_sizes,
)

DEMO_TRUTH = "synthetic_sbrt_atra_trial.truth.toml"
CALENDAR_START = date(2025, 1, 6)
"""A Monday; synthetic patients start in the weeks after it."""


def read_toml(path: Path) -> dict[str, Any]:
    """Tables of a TOML file; raises ValueError naming the file when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Truth:
    """What a synthetic trial is made from."""

    model: str
    seed: int
    typical: Mapping[str, float]
    between_subject_sd: Mapping[str, float]
    residual_sd: Mapping[str, float]
    log_ratio: Mapping[str, float]
    design: Mapping[str, Any]
    correlation: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """by group of parameters, correlations below the diagonal, row by row"""

    @classmethod
    def read(cls, path: Path) -> Truth:
        """Read a truth file.

        Raises:
            ValueError: naming what is missing or not known.
        """
        return cls.of(read_toml(path), path)

    @classmethod
    def of(cls, raw: Mapping[str, Any], path: Path) -> Truth:
        """A truth from the tables of its file; raises ValueError as :meth:`read` does."""
        missing = {"model", "seed", "design"} - set(raw)
        unknown = set(raw) - set(cls.__dataclass_fields__)
        if missing or unknown:
            raise ValueError(
                f"{path}: missing {sorted(missing) or 'nothing'}, "
                f"unknown {sorted(unknown) or 'nothing'}"
            )
        known = {f.name for f in fields(Plan)} | set(OF_SYNTHETIC_TRIALS)
        known |= {f"{q}_days" for q in OBSERVABLES} | {f"lloq_{q}" for q in OBSERVABLES}
        for key in sorted(k for k in set(raw["design"]) - known if not quantity_of(k)):
            close = closest(key, known)
            meant = f"; did you mean {close}?" if close else ""
            raise ValueError(f"{path}: [design] has no key {key}{meant}")
        tables = ("typical", "between_subject_sd", "residual_sd", "log_ratio")
        return cls(**{**{name: {} for name in tables}, **raw})

    def true_model(self) -> Model:
        """The model with every population quantity known."""
        model = load_model(self.model)
        table = model.table.without_uncertainty(
            self.typical,
            self.between_subject_sd,
            self.residual_sd,
            self.log_ratio,
            self.correlation,
        )
        return replace(model, table=table)


@dataclass(frozen=True)
class SyntheticTrial:
    """A simulated cohort and, per patient, what is true."""

    cohort: Cohort
    truth: pd.DataFrame
    """index id: endpoint_day, true ALC there, and the individual's parameters in table units"""


def simulate_trial(
    truth: Truth | AnyPath | None = None, seed: int | None = None, **design: Any
) -> SyntheticTrial:
    """Simulate a synthetic trial from a stated truth.

    Args:
        truth: what is true and how the trial is run, or the path of its TOML file; None: the truth
            of the trial that comes with lymphokin, shaped like NCT06439888.
        seed: overrides the truth's own seed (for replicates).
        design: replaces entries of the truth's design, such as ``per_arm=3``.

    Returns:
        the cohort, marked as synthetic, and the truth of every patient.

    Raises:
        ValueError: when the truth cannot be read, or has no such entry in its design.

    Example:
        >>> trial = lk.simulate_trial(seed=5, per_arm=3, run_in=1)
        >>> len(trial.cohort), trial.cohort.synthetic
        (7, True)
    """
    if not isinstance(truth, Truth):
        truth = Truth.read(data_path(DEMO_TRUTH) if truth is None else Path(truth))
    if unknown := set(design) - set(truth.design):
        raise ValueError(f"the truth's design has no {', '.join(sorted(unknown))}")
    truth = replace(truth, design={**truth.design, **design})
    rng = np.random.default_rng(truth.seed if seed is None else seed)
    model = truth.true_model()
    model.require_counts("a synthetic trial")
    _check_quantities(model, truth.design)
    check_lesions(model, truth.design)
    planned, lesions = _planned_cohort(model, truth.design, rng)
    if model.table.varying or "covariate_courses" in truth.design:
        first = planned.observations.groupby("id", sort=False)["day"].min().to_dict()
        varying = drawn_covariates(model, truth.design, first, rng)
        planned = replace(planned, varying=varying)
    endpoint = {
        str(patient): float(days["day"].max()) + truth.design["endpoint_days_after_last_fraction"]
        for patient, days in planned.fractions.groupby("id", sort=False)
    }
    packed = pack(model, planned, {patient: [day] for patient, day in endpoint.items()})
    likelihood = CohortLikelihood(Hierarchy(model))
    key_latents, key_noise = jax.random.split(jax.random.key(int(rng.integers(2**31))))
    latents = likelihood.hierarchy.draw_latents(key_latents, packed.arrays)
    if size := truth.design.get("lesion_size"):
        latents = with_sizes(latents, likelihood.hierarchy, packed, size, lesions)
    values = jax.jit(lambda x, k: simulate_records(likelihood, x, packed, k))(latents, key_noise)
    observed = []
    for quantity, (rows, _) in packed.records.items():
        observed.append(rows.assign(value=np.asarray(values[quantity])).drop(columns="place"))
    observed += list(packed.events.values())
    observations = _reported(pd.concat(observed), model, truth.design, planned, rng)
    _, p, _, solution = jax.jit(likelihood.solution)(latents, packed.arrays)
    happens = pd.DataFrame(index=planned.patients.index)
    if model.hazards:
        observations, happens = with_events(
            observations, model, packed, solution, truth.design, rng
        )
    nodes = packed.nodes(endpoint)
    alc = np.asarray(solution.outputs["alc"])[nodes, np.arange(len(planned))]
    frame = pd.DataFrame(
        {"endpoint_day": list(endpoint.values()), "true_alc_at_endpoint": alc},
        index=planned.patients.index,
    )
    individual = individual_values(likelihood.hierarchy, p, packed)
    frame = frame.join(individual).join(happens)
    return SyntheticTrial(replace(planned, observations=observations), frame)


def _check_quantities(model: Model, design: Mapping[str, Any]) -> None:
    """Refuse keys about quantities that no table and no model knows."""
    known = model.vocabulary.quantities
    for key in sorted(design):
        quantity = quantity_of(key)
        if quantity and quantity not in known and key not in {f.name for f in fields(Plan)}:
            if key in OF_SYNTHETIC_TRIALS:
                continue
            raise ValueError(f"[design] has no key {key}: expected one of {', '.join(known)}")


def _levels_in(model: Model, design: Mapping[str, Any]) -> list[str]:
    """Quantities of the event table whose sampling hours a design states."""
    return [n for n in model.vocabulary.quantities if f"{n}_sample_hours" in design]


def _planned_cohort(
    model: Model, design: Mapping[str, Any], rng: np.random.Generator
) -> tuple[Cohort, dict[str, PlannedLesions]]:
    """Patients, courses and planned visits, whose values are placeholders of 1; and lesions."""
    # Without a drug of its own a model has patients who get what any table knows.
    drug = planned_drug(model, design) or DRUG
    treated = f"SBRT+{model.vocabulary.drug(drug).label}"
    arms = [treated] * design["run_in"]
    randomised = ["SBRT", treated] * design["per_arm"]
    arms += [str(arm) for arm in rng.permutation(randomised)]
    patients, fractions, doses, visits = [], [], [], []
    lesions = {}
    for number, arm in enumerate(arms, start=1):
        patient = f"S{number:03d}"
        row, own = _patient(patient, arm, design, rng)
        lesions[patient] = own
        patients.append(row)
        n_fractions, gray = design["schedules"][rng.integers(len(design["schedules"]))]
        start = date.fromisoformat(row["start_date"])
        days = treatment_days(int(n_fractions), start.weekday())
        fractions += own.fractions(patient, days, gray)
        first_dose = 0.0
        if arm == treated:
            given = planned_pulses(model, design, drug, first_dose).doses(row["bsa"])
            doses.append(given.assign(id=patient))
        visits += event_visits(model, design, patient)
        levels = (model.levels_of(drug) or _levels_in(model, design)) if arm == treated else ()
        last = float(days[-1])
        visits += _visits(patient, model, levels, row, last, first_dose, design, rng)
    planned = Cohort(
        patients=pd.DataFrame(patients).set_index("id"),
        fractions=pd.DataFrame(fractions),
        doses=pd.concat(doses, ignore_index=True)
        if doses
        else pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        observations=pd.DataFrame(visits),
        synthetic=True,
        vocabulary=model.vocabulary
        if model.hazards or model.has_lesions or model.table.varying
        else Vocabulary(),
    )
    return _with_supplied_doses(planned, lesions, model, design, rng), lesions


def _with_supplied_doses(
    planned: Cohort,
    lesions: Mapping[str, PlannedLesions],
    model: Model,
    design: Mapping[str, Any],
    rng: np.random.Generator,
) -> Cohort:
    """Give some patients their true immune dose, as a planning system would.

    The model has a parameter for how it differs from the estimate, or it is the estimate. A dose
    that a reader of event tables would ask about stays unsaid.
    """
    scale = next((p for p in model.table if p.only_without == "immune_dose_gy"), None)
    fractions = reference_immune_dose(planned).fractions
    total = fractions.groupby("id", sort=False)["immune_dose_gy"].sum()
    spread = 0.0 if scale is None else scale.between_subject_sd
    log_scale = spread * rng.standard_normal(len(planned))
    irradiated = planned.patients.assign(
        n_lesions=[float(own.irradiated) for own in lesions.values()]
    )
    for effect in scale.covariates if scale else ():
        log_scale = log_scale + effect.coefficient * regressor(irradiated, effect)
    true_dose = (total.reindex(planned.patients.index).to_numpy() * np.exp(log_scale)).round(2)
    supplied = rng.random(len(planned)) < design["immune_dose_supplied_probability"]
    supplied &= true_dose <= CHECKS["immune_dose"].plausible[1]
    patients = planned.patients.assign(immune_dose_gy=np.where(supplied, true_dose, np.nan))
    return replace(planned, patients=patients)


def _patient(
    patient: str, arm: str, design: Mapping[str, Any], rng: np.random.Generator
) -> tuple[dict[str, Any], PlannedLesions]:
    counts = {int(n): p for n, p in design["lesion_counts"].items()}
    irradiated = int(rng.choice(list(counts), p=list(counts.values())))
    outside = draw_outside(design, rng)
    lesions = irradiated + len(outside)
    sites = rng.choice(list(design["sites"]), size=lesions, p=list(design["sites"].values()))
    low, high = np.log(design["lesion_diameter_cm"])
    inside = np.exp(rng.uniform(low, high, irradiated))
    diameters = inside + 2 * design["margin_cm"]
    monday = CALENDAR_START + timedelta(weeks=int(rng.integers(0, 60)))
    row = {
        "id": patient,
        "arm": arm,
        "centre": ("A", "B")[int(rng.integers(2))],
        "site": "+".join(sites),
        "age": float(np.clip(round(rng.normal(design["age_mean"], design["age_sd"])), 25, 90)),
        "sex": ("F", "M")[int(rng.integers(2))],
        "bsa": float(np.clip(round(rng.normal(design["bsa_mean"], design["bsa_sd"]), 2), 1.3, 2.6)),
        "n_lesions": float(lesions),
        "ptv_cm3": float(round((np.pi / 6 * diameters**3).sum(), 1)),
        "start_date": (monday + timedelta(days=int(rng.integers(0, 5)))).isoformat(),
    }
    return row, PlannedLesions(np.concatenate([inside, outside]), irradiated)


def _visits(
    patient: str,
    model: Model,
    levels: Sequence[str],
    about: Mapping[str, Any],
    last_fraction: float,
    first_dose: float,
    design: Mapping[str, Any],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    def jittered(day: float) -> float:
        wide = int(design["visit_jitter_days"])
        return day + (float(rng.integers(-wide, wide + 1)) if day >= 7 else 0.0)

    endpoint = jittered(last_fraction + design["endpoint_days_after_last_fraction"])
    weekly = np.arange(7.0, last_fraction + 0.5, 7.0).tolist()
    alc = {float(day) for day in design["screening_days"]} | {endpoint}
    alc |= {*weekly} if design["alc_weekly_during_radiotherapy"] else set()
    alc |= {jittered(day) for day in design["alc_days"]}
    rows = [{"id": patient, "day": day, "quantity": "alc", "tube": None} for day in sorted(alc)]
    tube = "heparin" if about["centre"] == "A" else "edta"
    for name in model.vocabulary.quantities:
        if name in model.lesion_outputs:
            rows += [
                {"id": patient, "day": float(day), "quantity": name, "tube": None, "lesion": lesion}
                for day in design.get(f"{name}_days", ())
                for lesion in range(1, int(about["n_lesions"]) + 1)
            ]
        elif name != "alc" and f"{name}_days" in design:
            sampled = sorted({float(day) for day in design[f"{name}_days"]} | {endpoint})
            rows += [{"id": patient, "day": d, "quantity": name, "tube": tube} for d in sampled]
    for name in levels:
        day = first_dose + design[f"{name}_sample_hours"] / 24
        rows.append({"id": patient, "day": day, "quantity": name, "tube": None})
    return [{"lesion": 0, **row, "value": 1.0} for row in rows]


def _reported(
    observed: pd.DataFrame,
    model: Model,
    design: Mapping[str, Any],
    planned: Cohort,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """What the laboratory reports: rounded, below the limit of quantification, missing."""
    table = observed.sort_values(["id", "day", "quantity"], kind="stable").reset_index(drop=True)
    words, present = model.vocabulary, table["quantity"].unique()
    limits = {q: design[f"lloq_{q}"] for q in present if not words.observable(q).event}
    lloq = table["quantity"].map(limits).astype(float)
    value = table["value"].to_numpy(float, copy=True)
    for quantity in present:
        rows = (table["quantity"] == quantity).to_numpy()
        value[rows] = np.round(value[rows], words.observable(quantity).decimals)
    table["censored"] = value < lloq.to_numpy()
    table["value"] = np.where(table["censored"], lloq, value)
    table["lloq"] = lloq
    visits = table[["id", "day"]].drop_duplicates()
    missed = visits[rng.random(len(visits)) < design["missing_visit_probability"]]
    missed = missed[missed["day"] != design["screening_days"][-1]]
    gone = {
        patient: rng.uniform(28, 105) if rng.random() < design["drop_out_probability"] else np.inf
        for patient in planned.patients.index
    }
    keys = pd.MultiIndex.from_frame(table[["id", "day"]])
    table.loc[keys.isin(pd.MultiIndex.from_frame(missed)), "value"] = np.nan
    table.loc[table["value"].isna(), "censored"] = False
    return table[table["day"] < table["id"].map(gone)].reset_index(drop=True)


def write_trial(trial: SyntheticTrial, path: Path, truth_name: str) -> tuple[Path, Path]:
    """Write the event table and, beside it, the truth per patient; returns both paths."""
    header = [
        "SYNTHETIC DATA: a simulated trial, no real patients. Shaped like NCT06439888.",
        f"Made by lymphokin simulate from {truth_name}; the truth per patient is in "
        f"{path.stem}.truth.csv",
    ]
    beside = path.with_suffix(".truth.csv")
    with whole(beside) as temporary:
        table = neutral_frame(trial.truth).to_csv()
        temporary.write_text(f"# {header[0]}\n{table}", encoding="utf-8", newline="")
        write_events(trial.cohort, path, header)
    return path, beside
