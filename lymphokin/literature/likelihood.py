"""How likely published summaries are, given what the model says of a whole cohort.

A published quantile or event fraction says that some of n patients lie below a count. The model
says with which probability a patient of that cohort is measured below it: the mean over virtual
patients of the noise's distribution function, which is smooth. So quartiles and fractions alike are
multinomial counts. Lowest counts are minima over the visits, with noise of their own at each.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from lymphokin.literature.cohorts import Cohorts
from lymphokin.literature.studies import Counts
from lymphokin.model import Residual
from lymphokin.population import probability_below, scale_at

SMALLEST = 1e-9
"""A probability is not let below this."""


def measured_moments(residual: Residual, log_true: Any, sd: Any) -> tuple[Any, Any]:
    """Mean and variance of measured counts over patients and visits, given the true ones."""
    noise = scale_at(residual, log_true, sd) ** 2
    if residual.distribution == "student_t":
        noise = noise * residual.degrees_of_freedom / (residual.degrees_of_freedom - 2)
    true = jnp.exp(log_true)
    if residual.error != "log_normal":
        return true.mean(), (true**2 + noise).mean() - true.mean() ** 2
    mean = true.mean() * jnp.exp(noise / 2)
    return mean, (true**2).mean() * jnp.exp(2 * noise) - mean**2


def share_below(residual: Residual, counts: Counts, log_true: Any, sd: Any) -> Any:
    """[threshold] probability that a patient's published count lies below each threshold.

    Args:
        log_true: [visit, patient] ln true counts.
    """
    log_threshold = jnp.log(jnp.asarray(counts.below))[:, None, None]
    below = probability_below(residual, log_threshold, log_true, sd)
    if counts.of == "lowest":
        return 1 - jnp.prod(1 - below, axis=1).mean(axis=-1)
    return below.mean(axis=(1, 2))


def log_likelihood(residual: Residual, counts: Counts, n: int, log_true: Any, sd: Any) -> Any:
    """Log likelihood of one published summary of ``n`` patients; see :func:`share_below`."""
    if counts.mean is not None:
        mean, variance = measured_moments(residual, log_true, sd)
        log_sd = jnp.sqrt(variance / n) / mean
        error = (np.log(counts.mean) - jnp.log(mean)) / log_sd
        return counts.weight * (-0.5 * error**2 - jnp.log(log_sd))
    edges = share_below(residual, counts, log_true, sd)
    cells = jnp.diff(jnp.concatenate([jnp.zeros(1), edges, jnp.ones(1)]))
    observed = np.diff([0.0, *counts.share, 1.0])
    return counts.weight * n * jnp.sum(observed * jnp.log(jnp.maximum(cells, SMALLEST)))


def log_likelihood_by_study(cohorts: Cohorts, log_true: Any, sd: Any) -> Any:
    """[study] log likelihood of all that is published of each study.

    Args:
        log_true: [node, patient] ln true counts of all virtual patients.
    """
    residual = cohorts.hierarchy.model.table.residuals["alc"]
    values = []
    for i, study in enumerate(cohorts.studies):
        own = log_true[:, cohorts.study_of == i]
        values.append(
            sum(
                log_likelihood(residual, counts, study.n, own[nodes], sd)
                for counts, nodes in zip(study.counts, cohorts.nodes[i], strict=True)
            )
        )
    return jnp.stack([jnp.asarray(value) for value in values])
