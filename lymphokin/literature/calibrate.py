"""Calibrate a model to published cohorts: sample, judge, reproduce, leave each study out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base.array import array_stats

from lymphokin.infer.diagnostics import ESS_BAD, ESS_GOOD, RHAT_BAD, RHAT_GOOD
from lymphokin.literature.meta_analysis import Draws, MetaAnalysis, Settings, Unknowns
from lymphokin.literature.posterior import LiteraturePosterior, provenance, seen_in
from lymphokin.literature.reproduction import new_offsets, reproduce
from lymphokin.literature.studies import STUDIES_FILE, read_studies
from lymphokin.model import load_model
from lymphokin.shipped import data_path

REPRODUCED_DRAWS = 400
COVERAGE = 0.90
SHORT = 5
"""A study is left out with this many times fewer draws."""


@dataclass(frozen=True)
class Calibration:
    """A calibrated model, and how well it says what was published.

    ``reproduction``: the published summaries beside what the posterior predicts for them, see
    :func:`lymphokin.literature.reproduction.reproduce`. ``left_out``: the same, each study
    predicted from the others alone; None when that was not asked for.
    """

    posterior: LiteraturePosterior
    reproduction: pd.DataFrame
    left_out: pd.DataFrame | None

    def write(self, folder: Path) -> list[Path]:
        """Write MODEL.nc, MODEL.reproduction.csv and MODEL.left_out.csv; existing ones go."""
        name = self.posterior.dataset.attrs["model"]
        paths = [folder / f"{name}.nc"]
        self.posterior.write(paths[0])
        for kind in ("reproduction", "left_out"):
            table, path = getattr(self, kind), folder / f"{name}.{kind}.csv"
            if table is None:
                continue
            table.to_csv(path, index=False, float_format="%.4g")
            paths.append(path)
        return paths


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
    loaded = load_model(model)
    analysis = MetaAnalysis(loaded, read_studies(path))
    draws = analysis.sample(
        settings, on_progress=lambda done, total: on_progress("sampling", done, total)
    )
    names = tuple(study.name for study in analysis.studies)
    unknowns = _flat(draws)
    z = analysis.new_study(unknowns, np.random.default_rng([settings.seed, 1000]))
    reproduction = reproduce(analysis, _some(unknowns), names, settings.seed)
    details = {
        "settings": asdict(settings),
        "convergence": _convergence(analysis, draws),
        "studies": _offsets(analysis, unknowns),
        "coverage_of_fitted": coverage(reproduction),
        "seen": seen_in(analysis.studies),
    }
    left_out = _leave_one_out(analysis, settings, on_progress) if leave_one_out else None
    if left_out is not None:
        details["coverage_left_out"] = coverage(left_out)
    dataset = xr.Dataset(
        {
            "z_new_study": (("draw", "quantity"), z),
            "baseline_spread": ("draw", unknowns.baseline_spread),
            "dose_spread": ("draw", unknowns.dose_spread),
        },
        {"quantity": list(analysis.hierarchy.population_names)},
        provenance(loaded, path, details),
    )
    return Calibration(LiteraturePosterior(dataset), reproduction, left_out)


def _flat(draws: Draws) -> Unknowns:
    """All chains one after the other."""
    return jax.tree.map(lambda v: v.reshape(-1, *v.shape[2:]), draws.unknowns)


def _some(unknowns: Unknowns) -> Unknowns:
    """Evenly spaced draws, at most REPRODUCED_DRAWS."""
    every = max(1, len(unknowns.z) // REPRODUCED_DRAWS)
    return jax.tree.map(lambda v: v[::every], unknowns)


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


def _leave_one_out(
    analysis: MetaAnalysis, settings: Settings, on_progress: Callable[[str, int, int], Any]
) -> pd.DataFrame:
    shorter = Settings(
        1, settings.pilot, settings.warmup, max(1, 2 * settings.draws // SHORT), settings.seed
    )
    tables = []
    for i, study in enumerate(analysis.studies):
        stage = f"without {study.name} ({i + 1} of {len(analysis.studies)})"
        draws = analysis.sample(
            shorter, study.name, lambda done, total, s=stage: on_progress(s, done, total)
        )
        rng = np.random.default_rng([settings.seed, 2000 + i])
        unknowns = new_offsets(analysis, _flat(draws), study, rng)
        tables.append(reproduce(analysis, unknowns, (study.name,), settings.seed))
    return pd.concat(tables, ignore_index=True)
