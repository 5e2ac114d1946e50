"""What differs from lesion to lesion of a patient, found by the shapes that come out of the blocks.

States declared per lesion, the Gy of a fraction and parameters with a spread between lesions do;
what is computed of them does, until it is summed. A patient's own states must not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model.block import LESION, Block, Fraction, ModelError, state_type, upstream
from lymphokin.model.parameters import ParameterTable

LESIONS = 2
"""Of the patient who is tried: a length that nothing else has."""
PATIENT, OF_LESIONS = (1, 1), (LESIONS, 1)
"""[lesion, lane] of the patient's values, and of those of lesions."""


class Levels(NamedTuple):
    """Which outputs differ from lesion to lesion, and what of the patient's would."""

    outputs: frozenset[str]
    problems: tuple[str, ...]


def declares_lesions(blocks: Sequence[Block], table: ParameterTable) -> bool:
    """Whether anything is declared to differ from lesion to lesion."""
    states = any(s.per == LESION for block in blocks for s in block.states.values())
    return states or any(p.between_lesion_sd > 0 for p in table)


def levels_of(blocks: Sequence[Block], table: ParameterTable) -> Levels:
    """Trace every block with two lesions.

    Args:
        blocks: in order of flow.
        table: the parameters.
    """
    p = {q.name: OF_LESIONS if q.between_lesion_sd > 0 else (1,) for q in table}
    seen: dict[str, tuple[int, ...]] = dict.fromkeys(table.varying, PATIENT)
    problems: list[str] = []
    for block in blocks:
        states = {n: OF_LESIONS if s.per == LESION else PATIENT for n, s in block.states.items()}
        if block.clock == "hours" and OF_LESIONS in states.values():
            problems.append(f"block {block.name} has states per lesion, which need the days clock")
            states = dict.fromkeys(states, PATIENT)
        shapes = {"y": states, "p": p, "u": dict(seen)}
        problems += _problems(block, shapes, states)
        shown = _shapes(lambda y, p, u, own=block: own.outputs(y, p, u), block, shapes)
        seen |= {n: OF_LESIONS if _differs(shape) else PATIENT for n, shape in shown.items()}
        seen |= dict.fromkeys(block.hands_down, PATIENT)
        lags = [lag for lag in block.lags if p.get(lag) == OF_LESIONS]
        problems += [f"parameters.{lag}: a lag cannot have a between_lesion_sd" for lag in lags]
    return Levels(frozenset(n for n, shape in seen.items() if _differs(shape)), tuple(problems))


def _problems(
    block: Block, shapes: Mapping[str, Mapping[str, Any]], states: Mapping[str, Any]
) -> Iterator[str]:
    """States of the patient into which something of a single lesion goes."""
    drugs = dict.fromkeys(block.drugs, 1.0)

    def flow(y: Any, p: Any, u: Any) -> dict[str, Any]:
        flows = block.every_flow(y, p, u)
        return {name: flow.inflow + flow.loss for name, flow in flows.items()}

    def initial(y: Any, p: Any, u: Any) -> dict[str, Any]:
        return {n: s.initial(p) for n, s in block.states.items() if callable(s.initial)}

    def fraction(y: Any, p: Any, u: Any) -> dict[str, Any]:
        return dict(
            block.on_fraction(y, p, Fraction(1.0, 1.0, jnp.ones(OF_LESIONS), jnp.ones(OF_LESIONS)))
        )

    def dose(y: Any, p: Any, u: Any) -> dict[str, Any]:
        return dict(block.dosed(y, p, drugs))

    parts = {"flow": flow, "initial value": initial, "value after a dose": dose}
    if block.clock == "days":
        parts["value after a fraction"] = fraction
    for what, function in parts.items():
        for name, shape in _shapes(function, block, shapes).items():
            if _differs(shape) and states[name] == PATIENT:
                yield (
                    f"{block.name}.{name} is a state of the patient, but its {what} differs from "
                    f"lesion to lesion: expected u.sum_over_lesions(...), or state(..., "
                    f'per="{LESION}")'
                )


def _differs(shape: tuple[int, ...]) -> bool:
    return shape[-2:] == OF_LESIONS


def _shapes(
    function: Callable[[Any, Any, Any], dict[str, Any]],
    block: Block,
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]],
) -> dict[str, tuple[int, ...]]:
    """Shape of every value that a function of a block gives."""

    def run(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        y, p = state_type(block)(**values["y"]), SimpleNamespace(**values["p"])
        u = upstream(values["u"], block.drugs, present=jnp.ones(OF_LESIONS))
        return {name: jnp.asarray(value) for name, value in function(y, p, u).items()}

    given = jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, float),
        {key: dict(of) for key, of in shapes.items()},
        is_leaf=lambda leaf: isinstance(leaf, tuple),
    )
    try:
        return {name: value.shape for name, value in jax.eval_shape(run, given).items()}
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(
            f"block {block.name} fails on arrays of patients and lesions: {type(error).__name__}: "
            f"{reason} What depends on a value is written with jnp.where, not with if"
        ) from error
