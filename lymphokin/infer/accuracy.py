"""How accurate the solver was over a posterior: the same draws solved again with halved steps."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.posterior import Posterior
from lymphokin.population import pack
from lymphokin.solve import StepRule


def solver_error(posterior: Posterior, x: np.ndarray) -> dict[str, float]:
    """Worst relative error of each observed quantity at the cohort's records.

    Args:
        x: [draw, latent] flat posterior draws.
    """
    model, cohort = posterior.likelihood.model, posterior.packed.cohort
    fine = pack(model, cohort, rule=replace(StepRule(), refine=2))
    unravel = posterior.unravel()

    def log_ratio(v: jax.Array) -> dict[str, jax.Array]:
        coarse = posterior.likelihood.predictions(unravel(v), posterior.arrays)
        exact = posterior.likelihood.predictions(unravel(v), fine.arrays)
        return {
            quantity: jnp.max(jnp.abs(jnp.concatenate(coarse[quantity]) - jnp.concatenate(values)))
            for quantity, values in exact.items()
            if sum(v.size for v in values)
        }

    worst = jax.jit(lambda v: jax.lax.map(log_ratio, v))(jnp.asarray(x))
    return {quantity: float(np.max(value)) for quantity, value in worst.items()}
