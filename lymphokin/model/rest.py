"""An untreated patient at the medians: what each block reads there, says and does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from lymphokin.model.block import (
    Block,
    Flow,
    Fraction,
    ModelError,
    cumulative,
    dose_type,
    initial_state,
    state_type,
    sum_over_lesions,
)


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
    shown: Mapping[str, float]
    by_volume: bool
    """whether what a fraction does depends on the volume of a lesion"""


class NotThereError(AttributeError):
    """A block asked for a name that nothing has."""


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
            raise NotThereError(self._where + name) from None
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
            except Exception as error:
                raise ModelError(f"{where} {_failure(block, error)}") from error
    return found


def _failure(block: Block, error: Exception) -> str:
    """How a block failed, in words."""
    if isinstance(error, NotThereError):
        if str(error).startswith("rate."):
            known = ", ".join(f"u.rate.{drug}" for drug in block.drugs)
            return f"asks for u.{error}: expected {known or 'that of a drug that it takes'}"
        return (
            f"asks for {error}, which is neither a parameter of the table nor a state or output of "
            "a block above it"
        )
    if isinstance(error, AttributeError) and (kind := _named(block, error.obj)):
        known = ", ".join(f"{kind}.{name}" for name in getattr(error.obj, "_fields", ()))
        asked = f"asks for {kind}.{error.name}"
        return f"{asked}: expected {known}" if known else f"{asked}, but it has no states"
    return f"fails at the medians: {type(error).__name__}: {error}"


def _named(block: Block, value: Any) -> str:
    """What blocks call a named tuple that they are given; empty for anything else."""
    if isinstance(value, Fraction):
        return "fraction"
    if block.takes and isinstance(value, dose_type(tuple(block.takes))):
        return "dose"
    return "y" if isinstance(value, state_type(block)) else ""


def _run_once(
    where: str,
    block: Block,
    values: Mapping[str, float],
    seen: dict[str, Any],
    varying: Mapping[str, float],
) -> AtRest:
    """Run one block and add what it shows and hands down to ``seen``."""
    if lost := [lag for lag in sorted(block.lags) if lag not in values]:
        raise ModelError(f"{where}: its lag {', '.join(map(repr, lost))} is not in the table")
    rate = Recorder(dict.fromkeys(block.drugs, 0.0), "rate.")
    around = {"rate": rate, "sum_over_lesions": sum_over_lesions}
    p, u = Recorder(values), Recorder({**seen, **around, **varying})
    y = initial_state(block, p)
    rates = block.hazard_rates(y, p, u) if block.hazards else {}
    if problems := _rate_problems(block, rates):
        raise ModelError(f"{where}: " + "; ".join(problems))
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
    problems = problems or _value_problems(y, flows, rates, shown)
    if problems:
        raise ModelError(f"{where}: " + "; ".join(problems))
    seen |= {name: np.float64(value) for name, value in shown.items()}
    seen |= {name: np.float64(getattr(y, name)) for name in block.hands_down}
    reads, changing = frozenset(p.read | block.lags), frozenset(u.read & set(varying))
    by_volume = bool(vars(fraction))
    plain = {name: float(value) for name, value in shown.items()}
    return AtRest(reads, above, frozenset(rate.read), changing, y, flows, plain, by_volume)


def _rate_problems(block: Block, rates: Any) -> list[str]:
    """A rate of every event that the block declares, and of no other."""
    if not isinstance(rates, dict):
        return [f"hazard_rates must be a dict with a rate of every event, not {rates!r}"]
    return [
        *(f"hazard_rates lack {name!r}" for name in block.hazards if name not in rates),
        *(
            f"hazard_rates name {n!r}, which is not in hazards"
            for n in rates
            if n not in block.hazards
        ),
    ]


def _value_problems(
    y: Any, flows: Mapping[str, Flow], rates: Mapping[str, Any], shown: Mapping[str, Any]
) -> list[str]:
    """Values at the medians that are no finite numbers."""
    hazards = {cumulative(name) for name in rates}
    values = {
        **{f"initial value of {name!r}": value for name, value in y._asdict().items()},
        **{
            f"{part} of {name!r}": value
            for name, flow in flows.items()
            for part, value in flow._asdict().items()
            if name not in hazards
        },
        **{f"hazard rate of {name!r}": value for name, value in rates.items()},
        **{f"output {name!r}": value for name, value in shown.items()},
    }
    return [
        f"the {what} is {_shown(value)} at the medians: expected a finite number"
        for what, value in values.items()
        if not _is_finite(value)
    ]


def _is_finite(value: Any) -> bool:
    try:
        return bool(np.isfinite(np.asarray(value, dtype=float)).all())
    except (TypeError, ValueError):
        return False


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str | None) else str(value)


def _flow_problems(block: Block, flows: Any) -> list[str]:
    if not isinstance(flows, dict):
        return [f"flows must be a dict with a Flow of every state, not {type(flows).__name__}"]
    own = [n for n in block.states if n not in map(cumulative, block.hazards)]
    return [
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
