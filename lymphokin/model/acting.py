"""Which parameters act where: found by differentiating the blocks of a model.

A parameter may change nothing in a patient without the drug, or act only on what a block above
shows; records that speak of it are then those of the block above as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from lymphokin.model.block import Block, Fraction, state_type
from lymphokin.model.block import upstream as seen_by_blocks
from lymphokin.model.model import Model

_PLACES = 3
"""Random states at which a block is tried: a derivative that is zero at all of them is zero."""
_NOTHING = 1e-9
"""Change of what a block does per doubling of a parameter below which the parameter does not act:
outputs at rest are kept above zero by a billionth."""


def drug_parameters(model: Model) -> frozenset[str]:
    """Find the parameters that change nothing in a patient who never gets the drug.

    They are those that only the drug's own blocks read, and those of other blocks that
    act on what the drug hands down alone.
    """
    reads = model.reads()
    rng = np.random.default_rng(0)
    acting: set[str] = set()
    handed = {name: 0.0 for b in model.on_clock("hours") for name in (*b.hands_down, *b.shows)}
    for block in model.on_clock("days"):
        acting |= _acting(model, block, reads[block.name], handed, rng)
        handed |= {name: float(rng.uniform(0.3, 2.0)) for name in block.shows}
    read_by_days = {name for b in model.on_clock("days") for name in reads[b.name]}
    return model.exposure_only | frozenset(read_by_days - acting)


def unmeasured_parameters(model: Model, measured: Collection[str]) -> frozenset[str]:
    """Find the parameters of which no record of their own block speaks.

    A block that shows no measured quantity is seen through the blocks that read it. A parameter
    that acts only on what the blocks above show, such as the strength of a link, needs records of
    those blocks, too.

    Args:
        model: the model.
        measured: quantities of which there are records.
    """
    if {*model.observed, *model.hazards} <= set(measured):
        return frozenset()
    resting, rng = model.at_rest(), np.random.default_rng(0)
    owner = {name: b.name for b in model.blocks for name in (*b.hands_down, *b.shows)}
    seen: dict[str, bool] = {}
    for block in reversed(model.blocks):
        own = set(block.shows) & set(model.observed) | set(block.hazards)
        below = [name for name, rest in resting.items() if block.name in map(owner.get, rest.above)]
        seen[block.name] = bool(own & set(measured)) if own else any(seen[b] for b in below)
    found: set[str] = set()
    for block in model.blocks:
        reads, above = resting[block.name].reads, resting[block.name].above
        if not seen[block.name]:
            continue
        acting = _acting(model, block, reads, above, rng) if above else set(reads)
        found |= acting | block.lags
        if all(seen[owner[name]] for name in above):
            found |= reads
    return frozenset(p.name for p in model.table) - found


def _acting(
    model: Model,
    block: Block,
    reads: Collection[str],
    above: Mapping[str, float],
    rng: np.random.Generator,
) -> set[str]:
    """Parameters that change what a block does where the blocks above show ``above``."""
    own = {name: model.table[name].median * model.table[name].per_day for name in reads}
    # Where all act: some do nothing at the value that counts until one is stated.
    changing = {n: 0.5 * (c.lowest + c.highest) for n, c in model.table.varying.items()}
    acting: set[str] = set()
    for _ in range(_PLACES):
        state = {name: float(rng.uniform(0.3, 2.0)) for name in block.states}
        slopes = jax.jacfwd(_acts(block, state, above, changing))(own)
        for acted in jax.tree.leaves(slopes, is_leaf=lambda leaf: isinstance(leaf, dict)):
            acting |= {
                name
                for name, slope in acted.items()
                if np.any(np.abs(np.asarray(slope) * own[name]) > _NOTHING)
            }
    return acting


def _acts(
    block: Block,
    state: dict[str, float],
    upstream: Mapping[str, float],
    changing: Mapping[str, float],
) -> Any:
    """Make the function that computes all that a block does from its parameters by name."""

    def function(values: dict[str, Any]) -> list[Any]:
        y, p = state_type(block)(**state), SimpleNamespace(**values)
        u = seen_by_blocks({**changing, **upstream}, block.drugs)
        initial = [s.initial(p) for s in block.states.values() if callable(s.initial)]
        changed = block.on_fraction(y, p, Fraction(0.3, 0.2, 2.0, 1.5))
        parts = [initial, list(block.every_flow(y, p, u).values()), changed, block.outputs(y, p, u)]
        return [jax.numpy.asarray(part, float) for part in jax.tree.leaves(parts)]

    return function
