"""The blocks of one clock as functions of all their states by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from lymphokin.model import Block, Flow, initial_state, state_type


class System:
    """Blocks of one clock with one set of parameters; values may have any common shape."""

    def __init__(self, blocks: Sequence[Block], p: Any) -> None:
        self.blocks: tuple[Block, ...] = tuple(blocks)
        self.p = p
        self.names: tuple[str, ...] = tuple(name for block in blocks for name in block.states)
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"two blocks share the name of a state: {sorted(self.names)}")

    def _own(self, block: Block, y: Mapping[str, Any]) -> Any:
        return state_type(block)(*(y[name] for name in block.states))

    def initial(self, lanes: int) -> dict[str, jax.Array]:
        """States of untreated patients, [lane] each."""
        return {
            name: jnp.broadcast_to(jnp.asarray(value, dtype=float), (lanes,))
            for block in self.blocks
            for name, value in initial_state(block, self.p)._asdict().items()
        }

    def outputs(self, y: Mapping[str, Any], upstream: Mapping[str, Any]) -> dict[str, Any]:
        """Everything the blocks show; ``upstream`` are states that an earlier clock hands down."""
        seen = SimpleNamespace(**upstream)
        shown: dict[str, Any] = {}
        for block in self.blocks:
            own = block.outputs(self._own(block, y), self.p, seen)
            shown |= own
            vars(seen).update(own)
        return shown

    def flows(
        self,
        y: Mapping[str, Any],
        upstream: Mapping[str, Any],
        wanted: Collection[str] | None = None,
    ) -> dict[str, Flow]:
        """Inflow and loss of every state, or of the ``wanted`` ones."""
        seen = SimpleNamespace(**upstream)
        missing = set(self.names if wanted is None else wanted)
        flows: dict[str, Flow] = {}
        for block in self.blocks:
            own = self._own(block, y)
            if missing & set(block.states):
                flows |= block.flows(own, self.p, seen)
                missing -= flows.keys()
            if not missing:
                break
            vars(seen).update(block.outputs(own, self.p, seen))
        return flows

    def changes(self, y: Mapping[str, Any], event: Any) -> dict[str, Any]:
        """States that an event changes, with their new values.

        Args:
            event: milligrams of drug on the hours clock, a :class:`Fraction` on the days clock.
        """
        changed: dict[str, Any] = {}
        for block in self.blocks:
            happens = block.on_dose if block.clock == "hours" else block.on_fraction
            changed |= happens(self._own(block, y), self.p, event)
        return changed
