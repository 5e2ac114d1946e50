"""What the calibrated model says the published numbers should be, sampling error included."""

from __future__ import annotations

import jax
import numpy as np
import pandas as pd

from lymphokin.literature.meta_analysis import MetaAnalysis, Unknowns
from lymphokin.literature.studies import Counts, Study
from lymphokin.population import draw_measured

CREDIBLE = (0.05, 0.25, 0.5, 0.75, 0.95)


def new_offsets(
    analysis: MetaAnalysis, unknowns: Unknowns, study: Study, rng: np.random.Generator
) -> Unknowns:
    """The draws with one study's offsets drawn anew, as if it had not been published."""
    i = [s.name for s in analysis.studies].index(study.name)
    draws = len(unknowns.z)
    of_baseline, of_dose = np.array(unknowns.log_baseline), np.array(unknowns.log_dose)
    of_baseline[:, i] = unknowns.baseline_spread * rng.standard_normal(draws)
    spread = np.hypot(unknowns.dose_spread, study.extra_log_sd)
    of_dose[:, i] = spread * rng.standard_normal(draws)
    return unknowns._replace(log_baseline=of_baseline, log_dose=of_dose)


def reproduce(
    analysis: MetaAnalysis, unknowns: Unknowns, names: tuple[str, ...], seed: int
) -> pd.DataFrame:
    """Published summaries beside what the draws predict for them, one row per number.

    Args:
        unknowns: draws, each entry [draw, ...].
        names: studies to predict.

    Returns:
        study, of, days, statistic, unit, n, observed, q05, q25, q50, q75, q95 (equal-tailed
        quantiles of the predicted number in a cohort of that size), tail (probability of a
        predicted number below the published one).
    """
    log_true, sd = analysis.true_counts(unknowns)
    residual = analysis.model.table.residuals["alc"]
    key = jax.random.key(seed)
    log_measured = np.asarray(draw_measured(residual, key, log_true, sd[:, None, None, :]))
    rng = np.random.default_rng(seed)
    rows = []
    for i, study in enumerate(analysis.studies):
        if study.name not in names:
            continue
        own = analysis.cohorts.study_of == i
        measured = np.exp(log_measured[:, :, own])
        for counts, nodes in zip(study.counts, analysis.cohorts.nodes[i], strict=True):
            seen = _cohort(counts, measured[:, nodes], study.n, rng)
            for label, unit, observed, values in _statistics(counts, seen):
                quantiles = np.quantile(values, CREDIBLE)
                rows.append(
                    {
                        "study": study.name,
                        "of": counts.of,
                        "days": "-".join(f"{d:g}" for d in counts.days),
                        "statistic": label,
                        "unit": unit,
                        "n": study.n,
                        "observed": observed,
                        **{
                            f"q{round(100 * q):02d}": value
                            for q, value in zip(CREDIBLE, quantiles, strict=True)
                        },
                        "tail": float((values < observed).mean()),
                    }
                )
    return pd.DataFrame(rows)


def _cohort(counts: Counts, measured: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """[draw, patient] counts of a cohort of n, drawn from [draw, visit, virtual patient]."""
    draws, visits, patients = measured.shape
    who = rng.integers(patients, size=(draws, n))
    if counts.of == "lowest":
        return np.take_along_axis(measured.min(axis=1), who, axis=1)
    when = rng.integers(visits, size=(draws, n))
    return measured[np.arange(draws)[:, None], when, who]


def _statistics(counts: Counts, seen: np.ndarray) -> list[tuple[str, str, float, np.ndarray]]:
    """Name, unit, published value and [draw] predicted values of each number."""
    if counts.mean is not None:
        return [("mean", "1e9/L", counts.mean, seen.mean(axis=1))]
    if counts.quantiles:
        names = {0.25: "lower quartile", 0.5: "median", 0.75: "upper quartile"}
        return [
            (names[share], "1e9/L", value, np.quantile(seen, share, axis=1))
            for value, share in zip(counts.below, counts.share, strict=True)
        ]
    return [
        (f"share below {threshold:g}", "1", share, (seen < threshold).mean(axis=1))
        for threshold, share in zip(counts.below, counts.share, strict=True)
    ]
