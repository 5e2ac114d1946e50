"""An endpoint that compares a day with the time before treatment, read off virtual patients.

The quantity is measured before treatment and at one visit after it, each time with its own error
and as it is reported; of a quantity that every lesion has, the sum over the lesions that the
endpoint names. A patient without such a lesion is not judged.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Residual
from lymphokin.population import draw_measured
from lymphokin.trial.virtual.counts import Followed
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.window import leaving_day, reference_day

LOWEST = 1e-9
"""True values are kept above this, in the unit of the quantity, before their logarithm is taken."""


class FoldReading(NamedTuple):
    """A fold of every virtual patient, [patient] each."""

    event: jax.Array
    """whether the visit that takes place shows the event"""
    known: jax.Array
    """whether it does take place"""
    complete: jax.Array
    """whether a visit on the planned day would show the event"""
    true: jax.Array
    """whether the event happens on the true curve on that day"""
    judged: jax.Array
    """whether the patient has what the endpoint counts"""


def read_fold(key: jax.Array, followed: Followed, residual: Residual, grid: Grid) -> FoldReading:
    """Measure everybody before treatment and at a visit that is early, late, missed or lost.

    Args:
        key: of the random numbers.
        followed: the patients.
        residual: of the quantity.
        grid: of the design.
    """
    assert followed.fold is not None
    judged, plan, curve = grid.design.judged, grid.design.plan, followed.fold
    keys, n = jax.random.split(key, 7), followed.alc.shape[1]
    patients = jnp.arange(n)
    planned = reference_day(followed, grid) + judged.last_visit
    jitter = int(plan["visit_jitter_days"])
    moved = jax.random.randint(keys[0], (n,), -jitter, jitter + 1)
    taken = jax.random.uniform(keys[1], (n,)) >= plan["missing_visit_probability"]
    leaves = leaving_day(keys[2], keys[3], followed, grid)
    has = jnp.ones(n, bool) if curve.counted is None else curve.counted.any(axis=0)
    known = has & taken & (jnp.abs(moved) <= judged.window) & (planned + moved < leaves)

    def log_total(day: jax.Array | None, error: jax.Array | None = None) -> jax.Array:
        """[patient] ln of the sum; None: before treatment, and what is true."""
        node = jnp.zeros(n, int) if day is None else grid.node(day)
        value = jnp.moveaxis(curve.value, -1, 1)[node, patients].T
        if error is not None:
            log_true = jnp.log(jnp.maximum(value, LOWEST))
            measured = jnp.exp(draw_measured(residual, error, log_true, curve.residual_sd))
            value = jnp.maximum(jnp.round(measured, grid.decimals), 0.1**grid.decimals)
        if curve.counted is not None:
            value = jnp.where(has, (value * curve.counted).sum(axis=0), 1.0)
        return jnp.log(jnp.maximum(value, LOWEST))

    before = log_total(None, keys[4])
    return FoldReading(
        judged.of_folds(log_total(planned + moved, keys[5]) - before),
        known,
        judged.of_folds(log_total(planned, keys[6]) - before),
        judged.of_folds(log_total(planned) - log_total(None)),
        has,
    )
