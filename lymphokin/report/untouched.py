"""Population quantities that a cohort says nothing about, which its report leaves out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from lymphokin.io import Cohort
from lymphokin.model import Block, Fraction, Model, state_type
from lymphokin.population.quantities import Quantity, sampled_quantities

_PLACES = 3
"""Random states at which a block is tried: a derivative that is zero at all of them is zero."""


def untouched_quantities(model: Model, cohort: Cohort) -> list[str]:
    """Name the quantities of the drug where nobody got it, and of assays without a sample.

    Their posterior is their prior.
    """
    drug = frozenset() if len(cohort.doses) else drug_parameters(model)
    seen = cohort.observations.loc[cohort.observations["value"].notna(), "quantity"]
    return [q.name for q in sampled_quantities(model) if _is_untouched(q, model, drug, set(seen))]


def _is_untouched(quantity: Quantity, model: Model, drug: frozenset[str], seen: set[str]) -> bool:
    match quantity.kind:
        case "residual_sd" | "proportional_sd":
            return quantity.key not in seen
        case "log_ratio":
            return quantity.key[0] not in seen
        case "correlation":
            group = model.table.correlations[quantity.key[0]].parameters
            return set(group) <= drug
        case "covariate":
            return quantity.key[0] in drug
        case _:
            return quantity.key in drug


def drug_parameters(model: Model) -> frozenset[str]:
    """Find the parameters that change nothing in a patient who never gets the drug.

    They are those that only the drug's own blocks read, and those of other blocks that
    act on what the drug hands down alone, found by differentiating each block without it.
    """
    acting: set[str] = set()
    reads = model.reads()
    upstream = {name: 0.0 for b in model.on_clock("hours") for name in (*b.hands_down, *b.shows)}
    rng = np.random.default_rng(0)
    medians = {p.name: p.median * p.per_day for p in model.table}
    for block in model.on_clock("days"):
        own = {name: medians[name] for name in reads[block.name]}
        for _ in range(_PLACES):
            state = {name: float(rng.uniform(0.3, 2.0)) for name in block.states}
            slopes = jax.jacfwd(_acts(block, state, upstream))(own)
            for acted in jax.tree.leaves(slopes, is_leaf=lambda leaf: isinstance(leaf, dict)):
                acting |= {name for name, slope in acted.items() if np.any(np.asarray(slope) != 0)}
        upstream |= {name: float(rng.uniform(0.3, 2.0)) for name in block.shows}
    read_by_days = {name for b in model.on_clock("days") for name in reads[b.name]}
    return model.exposure_only | frozenset(read_by_days - acting)


def _acts(block: Block, state: dict[str, float], upstream: dict[str, float]) -> Any:
    """Make the function that computes all that a block does from its parameters by name."""

    def function(values: dict[str, Any]) -> list[Any]:
        y, p, u = state_type(block)(**state), SimpleNamespace(**values), SimpleNamespace(**upstream)
        initial = [s.initial(p) for s in block.states.values() if callable(s.initial)]
        changed = block.on_fraction(y, p, Fraction(0.3, 0.2))
        parts = [initial, list(block.flows(y, p, u).values()), changed, block.outputs(y, p, u)]
        return [jax.numpy.asarray(part, float) for part in jax.tree.leaves(parts)]

    return function
