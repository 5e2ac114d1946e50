"""The blocks of one clock as functions of all their states by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Block, Flow, Fraction, State, initial_state, state_type
from lymphokin.model.block import LESION
from lymphokin.model.block import upstream as seen_by_blocks

INFUSION = "infusion of "
"""Before a drug's name: its rate among the values that are handed to a clock."""


class Events(NamedTuple):
    """What happens on the nodes of a clock."""

    fraction: Fraction | None
    """None on the hours clock"""
    doses: Mapping[str, Any]
    """amount of each drug that the clock's blocks take"""
    reset: Any = None
    """1.0 where all states go back to those of an untreated patient first; None where none ever do
    """


class System:
    """Blocks of one clock with one set of parameters; values may have any common shape.

    ``present`` [lesion, lane]: 1.0 where the patient has such a lesion, else 0.0; None where the
    model knows none. With it the values of a patient are [..., 1, lane], those of lesions [...,
    lesion, lane].
    """

    def __init__(self, blocks: Sequence[Block], p: Any, present: Any = None) -> None:
        self.blocks: tuple[Block, ...] = tuple(blocks)
        self.p = p
        self.present = present
        self.names: tuple[str, ...] = tuple(name for block in blocks for name in block.states)
        self.drugs: tuple[str, ...] = tuple(
            dict.fromkeys(name for block in blocks for name in block.drugs)
        )
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"two blocks share the name of a state: {sorted(self.names)}")

    def _seen(self, upstream: Mapping[str, Any]) -> SimpleNamespace:
        """What the first block sees of values that are handed to the clock."""
        rates = {n: v for n, v in upstream.items() if n.startswith(INFUSION)}
        others = {n: v for n, v in upstream.items() if n not in rates}
        by_drug = {n.removeprefix(INFUSION): v for n, v in rates.items()}
        return seen_by_blocks(others, self.drugs, by_drug, self.present)

    def _own(self, block: Block, y: Mapping[str, Any]) -> Any:
        return state_type(block)(*(y[name] for name in block.states))

    def initial(self, lanes: int) -> dict[str, jax.Array]:
        """States of untreated patients, [lane] each, or [lesion or 1, lane] among lesions."""
        return {
            name: jnp.broadcast_to(
                jnp.asarray(value, dtype=float), (*self._rows(block.states[name]), lanes)
            )
            for block in self.blocks
            for name, value in initial_state(block, self.p)._asdict().items()
        }

    def _rows(self, state: State) -> tuple[int, ...]:
        """What comes before the lanes in the shape of a state."""
        if self.present is None:
            return ()
        return (self.present.shape[0],) if state.per == LESION else (1,)

    def outputs(self, y: Mapping[str, Any], upstream: Mapping[str, Any]) -> dict[str, Any]:
        """Everything the blocks show; ``upstream`` is what is handed to the clock."""
        seen = self._seen(upstream)
        shown: dict[str, Any] = {}
        for block in self.blocks:
            own = block.outputs(self._own(block, y), self.p, seen)
            shown |= own
            vars(seen).update(own)
        return shown

    def hazard_rates(self, y: Mapping[str, Any], upstream: Mapping[str, Any]) -> dict[str, Any]:
        """Rate per day of every event that the blocks declare; arguments as of :meth:`outputs`."""
        seen = self._seen(upstream)
        rates: dict[str, Any] = {}
        for block in self.blocks:
            own = self._own(block, y)
            if block.hazards:
                rates |= block.hazard_rates(own, self.p, seen)
            vars(seen).update(block.outputs(own, self.p, seen))
        return rates

    def flows(
        self,
        y: Mapping[str, Any],
        upstream: Mapping[str, Any],
        wanted: Collection[str] | None = None,
    ) -> dict[str, Flow]:
        """Inflow and loss of every state, or of the ``wanted`` ones."""
        seen = self._seen(upstream)
        missing = set(self.names if wanted is None else wanted)
        flows: dict[str, Flow] = {}
        for block in self.blocks:
            own = self._own(block, y)
            if missing & set(block.states):
                flows |= block.every_flow(own, self.p, seen)
                missing -= flows.keys()
            if not missing:
                break
            vars(seen).update(block.outputs(own, self.p, seen))
        return flows

    def changes(self, y: Mapping[str, Any], events: Events) -> dict[str, Any]:
        """States that events change, with their new values: a reset comes first, then a fraction,
        then a dose.
        """
        changed: dict[str, Any] = {}
        if events.reset is not None:
            rest = self.initial(jnp.shape(events.reset)[-1])
            y = {n: jnp.where(events.reset > 0, rest[n], v) for n, v in y.items() if n in rest}
            changed = dict(y)
        for block in self.blocks:
            if events.fraction is not None:
                changed |= block.on_fraction(self._own(block, y), self.p, events.fraction)
            if block.drugs:
                own = self._own(block, {**y, **changed})
                changed |= block.dosed(own, self.p, events.doses)
        return changed
