"""An untreated patient at the medians: what each block reads there, says and does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from lymphokin.model.block import (
    LESION,
    Block,
    Dose,
    Flow,
    Fraction,
    Hazard,
    ModelError,
    cumulative,
    initial_state,
    sum_over_lesions,
)
from lymphokin.quantities import OBSERVABLES


class AtRest(NamedTuple):
    """One block in an untreated patient at the medians."""

    reads: frozenset[str]
    """parameters that the block asks for"""
    above: Mapping[str, float]
    """what it asks of the blocks above, with the values there"""
    infused: frozenset[str]
    """drugs whose infusion it asks for"""
    varying: frozenset[str]
    """covariates that change within a patient and that it asks for"""
    state: Any
    flows: Mapping[str, Flow]
    by_volume: bool
    """whether what a fraction does depends on the volume of a lesion"""


class Recorder:
    """Stands for the parameters or outputs and remembers which were read."""

    def __init__(self, values: Mapping[str, Any], where: str = "") -> None:
        self._values = values
        self._where = where
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._values[name]
        except KeyError:
            raise AttributeError(self._where + name) from None
        self.read.add(name)
        return value


class _Watched(Fraction):
    """A fraction that remembers whether its volume was read."""

    @property
    def volume_cm3(self) -> Any:  # type: ignore[override]
        """Of a lesion of 1 cm3."""
        vars(self)["read"] = True
        return 1.0


def at_rest(
    model: str,
    blocks: Iterable[Block],
    values: Mapping[str, float],
    varying: Mapping[str, float] | None = None,
) -> dict[str, AtRest]:
    """Run every block once in an untreated patient.

    Args:
        model: name of the model, for messages.
        blocks: in order of flow.
        values: parameters in model units.
        varying: what counts of covariates that change within a patient until one is stated; blocks
            on the days clock may ask for it.

    Returns:
        by name of the block, in order.

    Raises:
        ModelError: naming the first block that asks for what is not there, fails, or does not say
            all it should; the blocks below depend on it.
    """
    seen: dict[str, Any] = {}
    found: dict[str, AtRest] = {}
    with jax.ensure_compile_time_eval():
        for block in blocks:
            where = f"block {block.name} of model {model}"
            try:
                own = varying if varying and block.clock == "days" else {}
                found[block.name] = _run_once(where, block, values, seen, own)
            except ModelError:
                raise
            except AttributeError as error:
                raise ModelError(
                    f"{where} asks for {error}, which is neither a parameter of the table nor a "
                    "state or output of a block above it"
                ) from error
            except Exception as error:
                raise ModelError(
                    f"{where} fails at the medians: {type(error).__name__}: {error}"
                ) from error
    return found


def _run_once(
    where: str,
    block: Block,
    values: Mapping[str, float],
    seen: dict[str, Any],
    varying: Mapping[str, float],
) -> AtRest:
    """Run one block and add what it shows and hands down to ``seen``."""
    if problems := _declaration_problems(block, values):
        raise ModelError(f"{where}: " + "; ".join(problems))
    rate = Recorder(dict.fromkeys(block.drugs, 0.0), "rate.")
    around = {"rate": rate, "sum_over_lesions": sum_over_lesions}
    p, u = Recorder(values), Recorder({**seen, **around, **varying})
    y = initial_state(block, p)
    flows = block.every_flow(y, p, u)
    fraction = _Watched(immune_dose=1.0, share=1.0, gy=1.0)
    changed = {
        "on_fraction": block.on_fraction(y, p, fraction),
        "on_dose": block.dosed(y, p, dict.fromkeys(block.drugs, 1.0)),
    }
    shown = block.outputs(y, p, u)
    above = {name: float(seen[name]) for name in sorted(u.read - {*around, *varying})}
    problems = _flow_problems(block, flows)
    problems += _name_problems(block, changed, shown)
    if problems:
        raise ModelError(f"{where}: " + "; ".join(problems))
    seen |= {name: np.float64(value) for name, value in shown.items()}
    seen |= {name: np.float64(getattr(y, name)) for name in block.hands_down}
    reads, changing = frozenset(p.read | block.lags), frozenset(u.read & set(varying))
    by_volume = bool(vars(fraction))
    return AtRest(reads, above, frozenset(rate.read), changing, y, flows, by_volume)


def _declaration_problems(block: Block, values: Mapping[str, float]) -> list[str]:
    problems = [
        f'state {name!r} is per {declared.per!r}: expected "{LESION}", or nothing for the patient'
        for name, declared in block.states.items()
        if declared.per not in ("", LESION)
    ]
    if block.clock not in ("days", "hours"):
        problems.append(f'clock must be "days" or "hours", not {block.clock!r}')
    problems += _drug_problems(block, values)
    problems += _hazard_problems(block)
    problems += [
        f"hands down {name!r}, which is not one of its states"
        for name in block.hands_down
        if name not in block.states
    ]
    return problems


def _hazard_problems(block: Block) -> list[str]:
    """What is wrong with the events that a block declares."""
    problems = [
        f"hazards[{name!r}] must be Hazard(meaning, ...), not {hazard!r}"
        for name, hazard in block.hazards.items()
        if not isinstance(hazard, Hazard)
    ]
    problems += [
        f"hazards names {name!r}, which cannot be a word of DVID: expected letters, digits and _, "
        "and a word of its own"
        for name in block.hazards
        if not name.isidentifier() or name in {*block.shows, *OBSERVABLES}
    ]
    if block.hazards and block.clock == "hours":
        problems.append('has hazards, which need clock = "days"')
    return problems


def _drug_problems(block: Block, values: Mapping[str, float]) -> list[str]:
    """What is wrong with the drugs that a block takes."""
    problems = [
        f"takes[{name!r}] must be Dose(unit, ...), not {dose!r}"
        for name, dose in block.takes.items()
        if not isinstance(dose, Dose)
    ]
    problems += [
        f"takes {name!r}, which cannot be a word of CMT: expected letters, digits and _, and not rt"
        for name in block.takes
        if not name.isidentifier() or name.lower() == "rt"
    ]
    if problems:
        return problems
    if block.takes and block.lag:
        problems.append(f'has lag = {block.lag!r}: write Dose(..., lag="{block.lag}") in takes')
    for lag in sorted(block.lags):
        if lag not in values:
            problems.append(f"its lag {lag!r} is not in the table")
        if block.clock == "days":
            problems.append(f'has a lag, {lag!r}, which needs clock = "hours"')
    reserved = {"rate": "the infusions", "sum_over_lesions": "the sum over lesions"}
    problems += [
        f"calls something {name}, which is {meaning} (u.{name}): use another name"
        for name, meaning in reserved.items()
        if name in {*block.shows, *block.hands_down}
    ]
    return problems


def _flow_problems(block: Block, flows: Any) -> list[str]:
    if not isinstance(flows, dict):
        return [f"flows must be a dict with a Flow of every state, not {type(flows).__name__}"]
    own = [n for n in block.states if n not in map(cumulative, block.hazards)]
    return [
        *(f"hazard_rates lack {name!r}" for name in block.hazards if cumulative(name) not in flows),
        *(f"flows lack state {name!r}" for name in own if name not in flows),
        *(
            f"flows name {name!r}, which is not a state"
            for name in flows
            if name not in block.states
        ),
        *(
            f"the flow of {name!r} must be Flow(inflow, loss), not {type(flow).__name__}"
            for name, flow in flows.items()
            if not isinstance(flow, Flow)
        ),
    ]


def _name_problems(block: Block, changed: Mapping[str, Any], shown: Any) -> list[str]:
    """What an event changes are states, and the outputs are all that ``shows`` promises."""
    problems = []
    for event, new in changed.items():
        if not isinstance(new, dict):
            problems.append(f"{event} must give a dict of new states, not {type(new).__name__}")
            continue
        problems += [
            f"{event} changes {name!r}, which is not a state"
            for name in new
            if name not in block.states
        ]
    if not isinstance(shown, dict):
        problems.append(f"outputs must be a dict, not {type(shown).__name__}")
    else:
        problems += [
            f"shows {name!r}, but its outputs lack it" for name in block.shows if name not in shown
        ]
    return problems
