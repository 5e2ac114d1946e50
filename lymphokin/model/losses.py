"""Whether a loss or a hazard can turn negative: a state that was meant to decay would grow without
a word, and an event would be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

from lymphokin.model.block import (
    Block,
    Fraction,
    ModelError,
    cumulative,
    initial_state,
    upstream,
)
from lymphokin.model.individuals import individuals
from lymphokin.model.model import Model
from lymphokin.model.rest import Recorder

IMMUNE_DOSE_GY = 1.0
"""Of the fraction that is tried: a whole course gives the blood a few Gy (judgement)."""
LESION_GY = 8.0
"""Prescribed dose of that fraction to a lesion: one of SBRT (judgement)."""
LESION_CM3 = 10.0
"""Volume of that lesion: a sphere of 2.7 cm (judgement)."""
AMOUNT = 100.0
"""Of the dose that is tried, in the drug's unit: those of the default model are 70 to 300 mg."""
ROUNDING = 1e-9
"""Losses per day that are nothing but rounding."""

_sound: set[str] = set()
"""Models, by the hash of their files, whose losses were tried in this process."""


def refuse_negative_losses(model: Model) -> Model:
    """Try a model on individuals of its prior: untreated, after a fraction, after a dose.

    Raises:
        ModelError: naming each state whose loss is negative, and each negative hazard, with the
            parameters that it had then.
    """
    if model.sha256 in _sound:
        return model
    found: dict[str, str] = {}
    with jax.ensure_compile_time_eval():
        for values in individuals(model):
            for when, happens in SITUATIONS.items():
                for which, varying in _covariates(model).items():
                    for state, problem in _negative(model, values, happens, varying):
                        found.setdefault(state, f"{problem} {when}{which}")
    if found:
        raise ModelError(
            f"{model.name}.py: a loss or a hazard is negative at plausible parameters: "
            + "; ".join(found.values())
            + ". Write as inflow what makes a state grow, let no hazard fall below 0, or narrow "
            "the priors"
        )
    _sound.add(model.sha256)
    return model


def _covariates(model: Model) -> dict[str, dict[str, float]]:
    """Values of covariates that change within a patient: until one is stated, and the extremes."""
    every = model.table.varying.values()
    if not every:
        return {"": {}}
    return {
        "": {c.name: c.missing for c in every},
        " at the lowest covariates": {c.name: c.lowest for c in every},
        " at the highest covariates": {c.name: c.highest for c in every},
    }


def _fraction(block: Block, y: Any, p: Any) -> Mapping[str, Any]:
    return block.on_fraction(y, p, Fraction(IMMUNE_DOSE_GY, 1.0, LESION_GY, LESION_CM3))


def _dose(block: Block, y: Any, p: Any) -> Mapping[str, Any]:
    return block.dosed(y, p, dict.fromkeys(block.drugs, AMOUNT))


SITUATIONS: dict[str, Callable[[Block, Any, Any], Mapping[str, Any]]] = {
    "in an untreated patient": lambda block, y, p: {},
    f"after a fraction of {IMMUNE_DOSE_GY:g} Gy": _fraction,
    f"after a dose of {AMOUNT:g}": _dose,
}


def _negative(
    model: Model, values: Mapping[str, float], happens: Any, varying: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """States of one individual whose loss is negative, negative hazards, and how that is said."""
    seen: dict[str, Any] = dict(varying)
    for block in model.blocks:
        p, u = Recorder(values), upstream(seen, block.drugs)
        y = initial_state(block, p)
        y = y._replace(**happens(block, y, p))
        flows = block.every_flow(y, p, u)
        hazards = {cumulative(name): name for name in block.hazards}
        for name, flow in flows.items():
            hazard = hazards.get(name)
            value = float(flow.loss if hazard is None else flow.inflow)
            if value < -ROUNDING:
                name = hazard or name
                shown = ", ".join(
                    f"{q.name} = {values[q.name] / q.per_day:.4g}"
                    for q in model.table
                    if q.name in p.read
                )
                yield (
                    f"{block.name}.{name}",
                    f"{block.name}.{name} has {value:.3g} per day at {shown}",
                )
        seen |= block.outputs(y, p, u) | {name: getattr(y, name) for name in block.hands_down}
