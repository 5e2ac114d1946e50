"""How far scores and their differences are from chance: 90 % intervals over patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from lymphokin.criticism.forecasts.scores import Flags, Floats, auc

PROBABILITY = 0.90
RESAMPLES = 2000
TAIL = (1 - PROBABILITY) / 2
Z90 = float(norm.ppf(1 - TAIL))


class Estimate(NamedTuple):
    """A number with its equal-tailed 90 % interval."""

    value: float
    q05: float
    q95: float


def mean_of(values: Floats) -> Estimate:
    """Mean over patients, with the interval of Student's t.

    Given the differences of two scores of the same patients, it is the paired difference. An
    infinite score makes the mean infinite and its interval NaN.
    """
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        return Estimate(float(values.mean()) if n else np.nan, np.nan, np.nan)
    middle = float(values.mean())
    half = float(t.ppf(1 - TAIL, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(middle, middle - half, middle + half)


def auc_of(risk: Floats, happened: Flags, seed: int) -> Estimate:
    """Area under the ROC curve, with the percentile bootstrap over patients."""
    return bootstrapped(auc(risk, happened), auc(*_resampled(risk, happened, seed)))


def auc_difference(risk: Floats, other: Floats, happened: Flags, seed: int) -> Estimate:
    """AUC of ``risk`` less that of ``other``, the same patients resampled for both."""
    value = auc(risk, happened) - auc(other, happened)
    resampled = [auc(*_resampled(r, happened, seed)) for r in (risk, other)]
    return bootstrapped(value, resampled[0] - resampled[1])


def scaled_brier_of(risk: Floats, happened: Flags, seed: int) -> Estimate:
    """Share of the Brier score of everybody's prevalence that the risks save: 1 is perfect, 0 no
    better than the prevalence of these very patients; with the percentile bootstrap over patients.
    """

    def scaled(risk: Floats, happened: Flags) -> Floats:
        prevalence = happened.mean(axis=-1)
        by_chance = prevalence * (1 - prevalence)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = 1 - ((risk - happened) ** 2).mean(axis=-1) / by_chance
        return np.where(by_chance > 0, found, np.nan)

    return bootstrapped(scaled(risk, happened), scaled(*_resampled(risk, happened, seed)))


def ratio_of(values: Floats, patient: NDArray[np.int64], seed: int) -> Estimate:
    """Mean of values of which a patient may have several, with the percentile bootstrap over
    patients.

    Args:
        values: [value].
        patient: [value] number of the patient, from 0 without a gap.
        seed: of the bootstrap.
    """
    total, count = np.bincount(patient, values), np.bincount(patient)
    n = len(count)
    chosen = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
    resampled = total[chosen].sum(axis=1) / count[chosen].sum(axis=1)
    return bootstrapped(np.asarray(values.mean()), resampled)


def _resampled(risk: Floats, happened: Flags, seed: int) -> tuple[Floats, Flags]:
    """[resample, patient] risks and outcomes of patients drawn with replacement."""
    n = len(risk)
    chosen = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
    return risk[chosen], happened[chosen]


def bootstrapped(value: Floats, resampled: Floats) -> Estimate:
    """A number with the interval of its resampled values; unknown where it is."""
    if np.isnan(value):
        return Estimate(np.nan, np.nan, np.nan)
    low, high = np.nanquantile(resampled, (TAIL, 1 - TAIL))
    return Estimate(float(value), float(low), float(high))
