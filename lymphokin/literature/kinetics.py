"""A drug's kinetics against their own literature: its published studies as virtual cohorts.

Studies of one drug may disagree by an order of magnitude, as about how much it induces its own
metabolism. So each has some parameters of its own around those of the population of studies, with
spreads that are estimated; a new study, such as a trial, is one more of them. Which parameters,
and of which drug, the file of studies says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy.stats import norm, qmc

from lymphokin.literature.sampler import approximate, sample
from lymphokin.model import Model
from lymphokin.population import CohortArrays, Hierarchy, Latents
from lymphokin.shipped import data_path
from lymphokin.solve import COARSE_STEPS, Treatment, build_timeline, following, solve_hours
from lymphokin.solve.system import System

FOLDER = "literature"
FILES = "*_studies.toml"
"""Files of studies; those that name a drug are about its kinetics."""
PATIENTS = 64
SEED = 20260102
REPRODUCED = 200


@dataclass(frozen=True)
class Mean:
    """A published mean over patients; without a number it is predicted only."""

    day: int
    what: str
    mean: float | None = None
    relative_se: float | None = None


@dataclass(frozen=True)
class KineticStudy:
    """A published study of a drug's kinetics."""

    name: str
    source: str
    mg_per_m2: float
    dosing_days: tuple[int, ...]
    means: tuple[Mean, ...]
    intakes_per_day: int = 1
    role: str = "calibration"
    doi: str = ""
    assumed: str = ""

    @property
    def intake_days(self) -> np.ndarray:
        """[intake] days since the first one."""
        within = np.arange(self.intakes_per_day) / self.intakes_per_day
        return (np.asarray(self.dosing_days, float)[:, None] + within).ravel()


@dataclass(frozen=True)
class KineticStudies:
    """The studies of one drug, and what differs between them.

    Attributes:
        drug: its word in CMT.
        amount: the state of the level whose means are published, in mg.
        volume: the parameter that it is distributed in, in L.
        body_surface_m2: of every patient.
        between_studies: per parameter that differs between studies, the median of its SD on the
            log scale, a proposed prior.
        between_studies_log_sd: our uncertainty about those SDs, on the log scale.
        studies: the studies.
        file: where they are from.
    """

    drug: str
    amount: str
    volume: str
    body_surface_m2: float
    between_studies: Mapping[str, float]
    between_studies_log_sd: float
    studies: tuple[KineticStudy, ...]
    file: str

    def of(self, model: Model) -> bool:
        """Whether a model has the kinetics that the studies are about."""
        taking = [b for b in model.on_clock("hours") if self.drug in b.drugs]
        asked = {self.volume, *self.between_studies}
        return (
            bool(taking) and self.amount in taking[0].states and asked <= {*model.table.parameters}
        )

    def mg(self, study: KineticStudy) -> float:
        """mg per intake."""
        return study.mg_per_m2 * self.body_surface_m2


def read_kinetic_studies(path: Path) -> KineticStudies:
    """Studies of a file.

    Raises:
        ValueError: naming the entry that cannot be used.
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    studies = []
    for entry in tables.pop("study"):
        try:
            means = tuple(Mean(**raw) for raw in entry["means"])
            days = tuple(entry["dosing_days"])
            studies.append(KineticStudy(**{**entry, "means": means, "dosing_days": days}))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: study {entry.get('name')}: {error}") from error
    try:
        return KineticStudies(**tables, studies=tuple(studies), file=path.name)
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from error


def shipped_kinetic_studies() -> dict[str, KineticStudies]:
    """The studies that ship with lymphokin, by drug."""
    files = sorted(data_path(FOLDER).glob(FILES))
    about_drugs = [f for f in files if "drug" in tomllib.loads(f.read_text(encoding="utf-8"))]
    return {found.drug: found for found in map(read_kinetic_studies, about_drugs)}


def kinetic_studies_of(model: Model) -> KineticStudies | None:
    """The shipped studies of a drug whose kinetics a model has, if there are any."""
    return next((s for s in shipped_kinetic_studies().values() if s.of(model)), None)


class KineticDraws(NamedTuple):
    """Draws of the drug's population, [draw, ...]."""

    z: np.ndarray
    """[draw, quantity] population latents; what is not of the drug is zero"""
    offset: dict[str, np.ndarray]
    """per parameter that differs between studies, [draw, study] offset on the log scale"""
    spread: dict[str, np.ndarray]
    """[draw] its SD between studies"""
    acceptance: float


class KineticMetaAnalysis:
    """The posterior of the drug's population given published means."""

    def __init__(self, model: Model, published: KineticStudies) -> None:
        studies = published.studies
        self.model = model
        self.published: KineticStudies = published
        self.studies: tuple[KineticStudy, ...] = studies
        self.hierarchy: Hierarchy = Hierarchy(model)
        names = self.hierarchy.population_names
        quantities = self.hierarchy.quantities
        drug = [q.kind == "typical" and q.name in model.exposure_only for q in quantities]
        taking = next(b for b in model.blocks if published.drug in b.drugs)
        hours = model.reads()[taking.name]
        self.sampled: np.ndarray = np.flatnonzero(
            [of_drug and name in hours for of_drug, name in zip(drug, names, strict=True)]
        )
        none, start = np.zeros(0), np.zeros(1)
        courses = []
        for study in studies:
            days = study.intake_days
            amount = np.full(len(days), published.mg(study))
            given = np.full(len(days), published.drug)
            courses += [Treatment(none, none, none, days, amount, start, given)] * PATIENTS
        timeline, layout = build_timeline(courses, following(COARSE_STEPS, model))
        assert timeline.hours is not None
        total, lanes = len(courses), len(layout.lane_windows)
        assert lanes == total, "every study must be one drug window"
        regressors = {c.regressor for p in model.table for c in p.covariates}
        without = {p.only_without: jnp.ones(total) for p in model.table if p.only_without}
        typical = {name: jnp.zeros(total) for name in regressors}
        arrays = CohortArrays(timeline, typical, without, without, {}, layout.treated)  # type: ignore[arg-type]
        self.arrays: CohortArrays = jax.tree.map(jnp.asarray, arrays)
        self.study_of: np.ndarray = np.repeat(np.arange(len(studies)), PATIENTS)
        effects = len(self.hierarchy.treated_effects), len(self.hierarchy.occasion_effects)
        normal = norm.ppf(qmc.Sobol(sum(effects), seed=SEED).random(PATIENTS))
        normal = (normal - normal.mean(axis=0)) / normal.std(axis=0)
        deviates = np.tile(normal.T, (1, len(studies)))
        self.treated: np.ndarray = deviates[: effects[0]]
        self.occasion: np.ndarray = deviates[effects[0] :]
        self._compiled = jax.jit(jax.value_and_grad(self._log_density))

    @cached_property
    def _areas(self) -> list[list[tuple[np.ndarray, np.ndarray, float]]]:
        """Per study and mean, nodes of the intake's interval, weights of their area, mg."""
        hours = self.arrays.timeline.hours
        assert hours is not None
        result = []
        for i, study in enumerate(self.studies):
            offset = np.asarray(hours.offset)[:, i * PATIENTS]
            rows = []
            for mean in study.means:
                start, end = float(mean.day), mean.day + 1 / study.intakes_per_day
                inside = np.flatnonzero((offset >= start - 1e-9) & (offset <= end + 1e-9))
                step = np.diff(offset[inside]) * 24
                weight = (np.append(step, 0) + np.insert(step, 0, 0)) / 2
                rows.append((inside, weight, self.published.mg(study)))
            result.append(rows)
        return result

    def individual(self, z: Any, offset: dict[str, Any]) -> list[list[Any]]:
        """Per study and mean, [patient] the quantity whose mean is published.

        Args:
            z: [quantity] population latents.
            offset: per parameter that differs between studies, [study] offset on the log scale.
        """
        population = self.hierarchy.population(z)
        mean, _ = self.hierarchy.subject_prior(population, self.arrays)
        latents = Latents(z, mean, jnp.asarray(self.treated), jnp.asarray(self.occasion))
        _, p = self.hierarchy.individuals(population, latents, self.arrays)
        moved = {n: getattr(p, n) * jnp.exp(v)[self.study_of] for n, v in offset.items()}
        p = p._replace(**moved)
        hours = self.arrays.timeline.hours
        assert hours is not None
        solution = solve_hours(self.model, p, hours)
        at = System(self.model.on_clock("hours"), p).names.index(self.published.amount)
        # mg/L to ng/mL
        level = 1000 * solution.states[at] / getattr(p, self.published.volume)
        result = []
        for i, study in enumerate(self.studies):
            own = level[:, self.study_of == i]
            values = []
            for mean, (nodes, weight, mg) in zip(study.means, self._areas[i], strict=True):
                area = weight @ own[nodes]
                clearance = 1000 * mg / area
                wanted = {"auc": area, "cmax": own[nodes].max(axis=0), "clearance": clearance}
                values.append(wanted[mean.what])
            result.append(values)
        return result

    def _parts(self, x: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Population latents, offsets and spreads of the flat vector."""
        k, s = len(self.sampled), len(self.studies)
        z = jnp.zeros(len(self.hierarchy.quantities)).at[self.sampled].set(x[:k])
        spread = {
            name: median * jnp.exp(self.published.between_studies_log_sd * x[k + i])
            for i, (name, median) in enumerate(self.published.between_studies.items())
        }
        begin = k + len(spread)
        offset = {
            name: spread[name] * x[begin + i * s : begin + (i + 1) * s]
            for i, name in enumerate(spread)
        }
        return z, offset, spread

    @property
    def _size(self) -> int:
        return len(self.sampled) + len(self.published.between_studies) * (1 + len(self.studies))

    def _log_density(self, x: Any) -> Any:
        z, offset, _ = self._parts(x)
        value = -0.5 * jnp.sum(x**2)
        for study, values in zip(self.studies, self.individual(z, offset), strict=True):
            if study.role != "calibration":
                continue
            for mean, own in zip(study.means, values, strict=True):
                if mean.mean is None or mean.relative_se is None:
                    continue
                error = (np.log(mean.mean) - jnp.log(own.mean())) / mean.relative_se
                value = value - 0.5 * error**2
        return value

    def sample(
        self,
        draws: int,
        seed: int,
        on_progress: Callable[[int, int], Any] = lambda done, total: None,
    ) -> KineticDraws:
        """Draws of the posterior."""

        def density(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = self._compiled(jnp.asarray(x))
            return float(value), np.asarray(gradient)

        found = approximate(density, np.zeros(self._size))
        rng = np.random.default_rng([seed, 3000])
        chain = sample(density, found, 60, 30, draws, rng, on_progress)
        z, offset, spread = jax.tree.map(np.asarray, jax.vmap(self._parts)(jnp.asarray(chain.x)))
        return KineticDraws(z, offset, spread, chain.acceptance)

    def new_study(self, draws: KineticDraws, rng: np.random.Generator) -> np.ndarray:
        """[draw, quantity] population latents of a study that is not among the published ones."""
        z = np.array(draws.z)
        for name, spread in draws.spread.items():
            slot = self.hierarchy.population_names.index(name)
            scale = self.model.table[name].population_sd
            z[:, slot] += spread * rng.standard_normal(len(z)) / scale
        return z


def reproduce_kinetics(analysis: KineticMetaAnalysis, draws: KineticDraws) -> pd.DataFrame:
    """Published means beside the model's, and the checks that were never fitted.

    Returns:
        study, role, day, what, observed (NaN for a check that has no such number), relative_se,
        q05, q50, q95: equal-tailed quantiles of the cohort's mean, for checks of a study that is
        new.
    """
    every = max(1, len(draws.z) // REPRODUCED)
    offset = {name: np.array(v[::every]) for name, v in draws.offset.items()}
    values = jax.jit(lambda z, o: jax.lax.map(lambda part: analysis.individual(*part), (z, o)))(
        jnp.asarray(draws.z[::every]), jax.tree.map(jnp.asarray, offset)
    )
    rows = []
    for study, own in zip(analysis.studies, values, strict=True):
        found = [np.asarray(v) for v in own]
        for mean, value in zip(study.means, found, strict=True):
            rows.append(_row(study, mean.day, mean.what, mean, value.mean(axis=1)))
        if study.role == "check":
            first, last = found[0], found[-1]
            ratio = last.mean(axis=1) / first.mean(axis=1)
            day = study.means[-1].day
            rows.append(_row(study, day, "auc over day 0's, of means", None, ratio))
            falls = (last < 0.5 * first).mean(axis=1)
            rows.append(_row(study, day, "share with less than half of day 0's", None, falls))
    return pd.DataFrame(rows)


def _row(
    study: KineticStudy, day: int, what: str, mean: Mean | None, values: np.ndarray
) -> dict[str, Any]:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    observed = np.nan if mean is None or mean.mean is None else mean.mean
    error = np.nan if mean is None or mean.relative_se is None else mean.relative_se
    return {"study": study.name, "role": study.role, "day": day, "what": what,
            "observed": observed, "relative_se": error, "q05": low, "q50": middle,
            "q95": high}  # fmt: skip
