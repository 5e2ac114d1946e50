"""Calibrate a model to published cohorts: sample, judge, reproduce, leave each study out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base.array import array_stats

from lymphokin.csv_text import neutral_frame
from lymphokin.files import whole, write_texts
from lymphokin.infer.diagnostics import ESS_BAD, ESS_GOOD, RHAT_BAD, RHAT_GOOD
from lymphokin.literature.kinetics import (
    KineticDraws,
    KineticMetaAnalysis,
    kinetic_studies_of,
    reproduce_kinetics,
)
from lymphokin.literature.meta_analysis import Draws, MetaAnalysis, Settings, Unknowns
from lymphokin.literature.posterior import draws_of_posterior
from lymphokin.literature.record import attributes, seen_in, write_posterior
from lymphokin.literature.reproduction import new_offsets, reproduce
from lymphokin.literature.studies import STUDIES_FILE, read_studies
from lymphokin.model import Model, load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.shipped import data_path

REPRODUCED_DRAWS = 200
COVERAGE = 0.90
LEFT_OUT_DRAWS = 200


@dataclass(frozen=True)
class Calibration:
    """A calibrated model, and how well it says what was published.

    ``reproduction``: the published summaries beside what the posterior predicts for them, see
    :func:`lymphokin.literature.reproduction.reproduce`. ``left_out``: the same, each study
    predicted from the others alone. ``kinetics``: the same for the kinetics of ``drug``, see
    :func:`lymphokin.literature.kinetics.reproduce_kinetics`. None where not asked for or not in the
    model.
    ``posterior``: as in its file, see :mod:`lymphokin.literature.posterior`.
    """

    posterior: xr.Dataset
    reproduction: pd.DataFrame
    left_out: pd.DataFrame | None
    kinetics: pd.DataFrame | None
    model: Model
    drug: str = ""

    @property
    def population(self) -> PopulationDraws:
        """The population of a new study."""
        z = self.posterior["z_new_study"].to_numpy().astype(float)
        return draws_of_posterior(z, self.posterior.attrs, model=self.model)

    def write(self, folder: Path) -> list[Path]:
        """Write MODEL.nc, MODEL.reproduction.csv, MODEL.left_out.csv and MODEL.DRUG.csv of a drug.

        Files of the same names are replaced: all of them or none.
        """
        name = self.posterior.attrs["model"]
        kinds = {
            "reproduction": self.reproduction,
            "left_out": self.left_out,
            self.drug: self.kinetics,
        }
        tables = {
            folder / f"{name}.{kind}.csv": neutral_frame(table).to_csv(
                index=False, float_format="%.4g"
            )
            for kind, table in kinds.items()
            if table is not None
        }
        posterior = folder / f"{name}.nc"
        with whole(posterior) as temporary:
            write_posterior(self.posterior, temporary)
            return [posterior, *write_texts(tables)]


def coverage(table: pd.DataFrame) -> float:
    """Part of the published numbers inside their 90 % equal-tailed predictive interval."""
    return float(table["observed"].between(table["q05"], table["q95"]).mean())


def calibrate(
    model: str = "myeloid_lymphoid",
    studies: Path | None = None,
    settings: Settings | None = None,
    leave_one_out: bool = False,
    on_progress: Callable[[str, int, int], Any] = lambda stage, done, total: None,
) -> Calibration:
    """Calibrate a model to published cohorts.

    Args:
        model: shipped model or path of a model file.
        studies: file of studies; by default those that ship with lymphokin.
        settings: of the sampler.
        leave_one_out: whether to predict each study from the others as well.
        on_progress: called with the stage, the draws done and the draws in total.

    Raises:
        ValueError: for a file of studies or a model that cannot be used.
    """
    settings = settings or Settings()
    path = studies or data_path(STUDIES_FILE)
    analysis = MetaAnalysis(load_model(model), read_studies(path))
    draws = analysis.sample(settings, partial(on_progress, "counts"))
    drug = None
    published = kinetic_studies_of(analysis.model)
    if published is not None:
        drug_analysis = KineticMetaAnalysis(analysis.model, published)
        count, label = settings.chains * settings.draws, _label(analysis.model, published.drug)
        stage = partial(on_progress, f"kinetics of {label}")
        drug = drug_analysis, drug_analysis.sample(count, settings.seed, stage)
    left_out = left_out_studies(analysis, settings.seed, on_progress) if leave_one_out else None
    return assemble(analysis, draws, drug, left_out, settings, path)


def _label(model: Model, drug: str) -> str:
    return model.vocabulary.drug(drug).label


def assemble(
    analysis: MetaAnalysis,
    draws: Draws,
    drug: tuple[KineticMetaAnalysis, KineticDraws] | None,
    left_out: pd.DataFrame | None,
    settings: Settings,
    studies: Path,
) -> Calibration:
    """The calibration that belongs to draws."""
    names = tuple(study.name for study in analysis.studies)
    unknowns = _flat(draws)
    rng = np.random.default_rng([settings.seed, 1000])
    z = analysis.new_study(unknowns, rng)
    kinetics = None
    if drug is not None:
        own = drug[0].new_study(drug[1], rng)
        z[:, drug[0].sampled] = own[: len(z), drug[0].sampled]
        kinetics = reproduce_kinetics(*drug)
    reproduction = reproduce(analysis, _some(unknowns), names, settings.seed)
    details: dict[str, Any] = {
        "settings": asdict(settings),
        "convergence": _convergence(analysis, draws),
        "studies": _offsets(analysis, unknowns),
        "coverage_of_fitted": coverage(reproduction),
        "seen": seen_in(analysis.studies),
        "seen_sites": sorted({study.site for study in analysis.studies if study.site}),
    }
    if left_out is not None:
        details["coverage_left_out"] = coverage(left_out)
    dataset = xr.Dataset(
        {
            "z_new_study": (("draw", "quantity"), z),
            "baseline_spread": ("draw", unknowns.baseline_spread),
            "dose_spread": ("draw", unknowns.dose_spread),
        },
        {"quantity": list(analysis.hierarchy.population_names)},
        attributes(analysis.model, studies, details),
    )
    name = drug[0].published.drug if drug is not None else ""
    return Calibration(dataset, reproduction, left_out, kinetics, analysis.model, name)


def _flat(draws: Draws) -> Unknowns:
    """All chains one after the other."""
    return jax.tree.map(lambda v: v.reshape(-1, *v.shape[2:]), draws.unknowns)


def _some(unknowns: Unknowns) -> Unknowns:
    """Evenly spaced draws, at most REPRODUCED_DRAWS."""
    which = np.linspace(0, len(unknowns.z) - 1, min(REPRODUCED_DRAWS, len(unknowns.z))).astype(int)
    return jax.tree.map(lambda v: v[which], unknowns)


def _convergence(analysis: MetaAnalysis, draws: Draws) -> dict[str, Any]:
    statistics: Any = array_stats
    free = np.ones(draws.x.shape[-1], dtype=bool)
    free[: len(analysis.informed)] = analysis.informed
    x = draws.x[..., free]
    rhat = max(float(statistics.rhat(x[..., i])) for i in range(x.shape[-1]))
    ess = min(float(statistics.ess(x[..., i], method="bulk")) for i in range(x.shape[-1]))
    bad, good = rhat > RHAT_BAD or ess < ESS_BAD, rhat <= RHAT_GOOD and ess >= ESS_GOOD
    return {
        "rhat_max": round(rhat, 4),
        "ess_bulk_min": round(ess),
        "acceptance": [round(float(a), 3) for a in draws.acceptance],
        "level": "bad" if bad else "good" if good else "caution",
    }


def _offsets(analysis: MetaAnalysis, unknowns: Unknowns) -> dict[str, Any]:
    """Per study, median and 90 % interval of its offsets, as ratios."""
    quantiles = (0.05, 0.5, 0.95)
    result = {}
    for i, study in enumerate(analysis.studies):
        result[study.name] = {
            name: [round(float(q), 3) for q in np.exp(np.quantile(values[:, i], quantiles))]
            for name, values in (
                ("baseline_ratio", unknowns.log_baseline),
                ("dose_ratio", unknowns.log_dose),
            )
        }
    return result


def left_out_studies(
    analysis: MetaAnalysis,
    seed: int,
    on_progress: Callable[[str, int, int], Any] = lambda stage, done, total: None,
) -> pd.DataFrame:
    """Every study predicted from the others alone; see :func:`reproduce` for the columns."""
    tables = []
    for i, study in enumerate(analysis.studies):
        on_progress(f"without {study.name}", i, len(analysis.studies))
        rng = np.random.default_rng([seed, 2000 + i])
        others = analysis.sample_without(study.name, LEFT_OUT_DRAWS, rng)
        unknowns = new_offsets(analysis, others, study, rng)
        tables.append(reproduce(analysis, unknowns, (study.name,), seed))
    return pd.concat(tables, ignore_index=True)
