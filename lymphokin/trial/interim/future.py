"""Patients who are not enrolled yet: virtual patients of the design, on draws of the population."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from lymphokin.model import Model
from lymphokin.population import Hierarchy
from lymphokin.trial.interim.events import (
    last_look,
    looks_of,
    reaching,
    seen_and_known,
)
from lymphokin.trial.virtual.counts import follow
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.endpoint import planned_day, risk_on, shown_and_known
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.window import reference_day

DRAWS_AT_ONCE = 8
"""Draws of the population computed side by side."""
READS = 8
"""Random courses of a virtual patient's visits, for the share that shows an event of a window."""


class FutureArm(NamedTuple):
    """Patients of one arm who are not enrolled yet."""

    risk: NDArray[np.float64]
    """[draw, patient] probability that the count of the planned day is reported below 0.80; of an
    endpoint of a window, that the visits show the event once they make it known"""
    planned_day: NDArray[np.float64]
    """[draw, patient] planned day of the (last) endpoint visit"""
    known: NDArray[np.float64] | None = None
    """[draw, patient] probability that the endpoint will be known, of an event in time, on which
    that depends"""


def future_patients(
    design: VirtualDesign,
    model: Model,
    z: NDArray[np.float64],
    n_control: int,
    n_treated: int,
    seed: int,
) -> tuple[FutureArm, FutureArm]:
    """New patients of both arms for each draw of the population.

    Given the population they are independent, so that other patients may be drawn for every draw.

    Args:
        design: eligibility, courses and the drug; its own population is not used.
        model: the model of the draws.
        z: [draw, quantity] population latents.
        n_control: patients to come in the control arm; may be 0.
        n_treated: patients to come in the treated arm; may be 0.
        seed: of the random numbers.

    Returns:
        control and treated patients.
    """
    # An arm of the engine has at least one patient; one nobody asked for is left out again.
    sizes = max(1, n_control), max(1, n_treated)
    arms = replace(design.analysis, n_control=sizes[0], n_treated=sizes[1])
    run = partial(_risks, replace(design, analysis=arms), model)
    found = jax.jit(run)(jnp.asarray(z), jax.random.split(jax.random.key(seed), len(z)))
    read, planned = (np.asarray(part) for part in found)
    if design.judged.of_event:
        # Of every look the hazard passed until it, [draw, look, patient].
        looks = looks_of(design)
        day = planned[..., None] - looks[-1] + looks
        passed = np.concatenate([np.zeros_like(read[:, :1]), read], axis=1).swapaxes(1, 2)
        tells = np.append(False, reaching(design, looks))
        seen, known = seen_and_known(passed, last_look(design, day, 0.0), tells)
        parts = seen / np.maximum(known, 1e-12), planned, known
    else:
        parts = read, planned
    cut = (slice(0, n_control), slice(sizes[0], sizes[0] + n_treated))
    control, treated = (FutureArm(*(part[:, s] for part in parts)) for s in cut)
    return control, treated


def _risks(
    design: VirtualDesign, model: Model, z: jax.Array, keys: jax.Array
) -> tuple[jax.Array, jax.Array]:
    hierarchy, grid = Hierarchy(model), Grid.of(design, model)
    residual = model.table.residuals["alc"]

    def one(draw: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        followed = follow(draw[1], draw[0], hierarchy, grid, {})
        day = planned_day(followed, grid)
        if design.judged.of_event:
            own = reference_day(followed, grid) + jnp.asarray(looks_of(design))[:, None]
            passed = followed.events[design.judged.quantity].passed
            return passed[grid.node(own), jnp.arange(day.shape[0])], day
        if design.judged.on_a_day:
            return risk_on(day, followed, residual, grid), day
        read = partial(shown_and_known, followed=followed, residual=residual, grid=grid)
        # Patients take the numbers 0 to 2 of their key.
        event, known = jax.vmap(read)(jax.random.split(jax.random.fold_in(draw[1], 3), READS))
        return (event & known).sum(axis=0) / jnp.maximum(known.sum(axis=0), 1), day

    return jax.lax.map(one, (z, keys), batch_size=DRAWS_AT_ONCE)
