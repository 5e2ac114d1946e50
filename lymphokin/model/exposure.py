"""Which blocks of the hours clock follow the same doses.

A drug has windows of its own around its doses, in which time counts from the dose plus the drug's
lag. Blocks that read each other, or take the same drug, share them; drugs with nothing in common
have windows, lags and steps apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lymphokin.model.block import Block
from lymphokin.model.rest import AtRest


@dataclass(frozen=True)
class Exposure:
    """Blocks of the hours clock that follow the same doses, delayed by the same lag."""

    blocks: tuple[Block, ...]
    drugs: tuple[str, ...]
    lags: tuple[str, ...]
    """names of the parameters that delay its doses: one, or none; more cannot be solved together"""
    undelayed: bool
    """whether a block takes a drug without a lag"""

    @property
    def lag(self) -> str | None:
        """Name of the parameter by which its doses are delayed."""
        return self.lags[0] if self.lags else None

    @property
    def problem(self) -> str:
        """Why it cannot be solved; empty where it can."""
        if len(self.lags) + self.undelayed < 2 or not self.lags:
            return ""
        names = ", ".join(block.name for block in self.blocks)
        lags = ", ".join([*self.lags, *(["no lag"] if self.undelayed else [])])
        return (
            f"blocks {names} of the hours clock follow the drugs {', '.join(self.drugs)} together, "
            f"with different lags ({lags}): expected one. Let a block on the days clock join them, "
            "which reads what each hands down"
        )


def exposures_of(blocks: Sequence[Block], resting: Mapping[str, AtRest]) -> tuple[Exposure, ...]:
    """The exposures of the blocks of the hours clock, in their order.

    Args:
        blocks: of the hours clock.
        resting: every block in an untreated patient, by name.
    """
    groups: list[list[Block]] = []
    for block in blocks:
        joined = [group for group in groups if any(_share(block, b, resting) for b in group)]
        kept = [group for group in groups if group not in joined]
        groups = [*kept, [*(b for group in joined for b in group), block]]
    order = list(blocks)
    ordered = sorted((sorted(g, key=order.index) for g in groups), key=lambda g: order.index(g[0]))
    return tuple(_exposure(group) for group in ordered)


def _share(block: Block, earlier: Block, resting: Mapping[str, AtRest]) -> bool:
    """Whether a block reads what an earlier one shows or hands down, or takes its drug."""
    shown = {*earlier.shows, *earlier.hands_down}
    return bool(shown & set(resting[block.name].above) or set(block.drugs) & set(earlier.drugs))


def _exposure(group: Sequence[Block]) -> Exposure:
    drugs = dict.fromkeys(name for block in group for name in block.drugs)
    lags = [dose.lag for block in group for dose in block.takes.values()]
    lags += [block.lag for block in group if block.lag]
    return Exposure(
        tuple(group),
        tuple(drugs),
        tuple(dict.fromkeys(lag for lag in lags if lag)),
        None in lags,
    )
