"""What a block declares, before it is run: the kind of every declaration, names and units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lymphokin.model.block import LESION, Block, Dose, Hazard, Output, State
from lymphokin.model.units import unknown_unit
from lymphokin.model.words import unusable_names

_KINDS = {"shows": Output, "hazards": Hazard, "takes": Dose}
_FIRST = {Output: "unit", Hazard: "meaning", Dose: "unit"}


def declaration_problems(block: Block) -> list[str]:
    """Everything wrong with what a block declares, with what was found and expected."""
    problems = [*_not_collections(block)]
    if problems:
        return problems
    for name, declared in block.states.items():
        problems += _of_state(name, declared)
    for kind in _KINDS:
        for name, declared in getattr(block, kind).items():
            problems += _entry(kind, name, declared)
    problems += unusable_names(block)
    if block.clock not in ("days", "hours"):
        problems.append(f'clock must be "days" or "hours", not {block.clock!r}')
    if all(isinstance(dose, Dose) for dose in block.takes.values()):
        problems += _of_drugs(block)
    problems += _of_hazards(block)
    problems += [
        f"hands down {name!r}, which is not one of its states"
        for name in block.hands_down
        if name not in block.states
    ]
    return problems


def _not_collections(block: Block) -> Iterator[str]:
    """Declarations that have no names at all."""
    for key, kind in _KINDS.items():
        declared = getattr(block, key)
        if not isinstance(declared, Mapping):
            yield f'{key} must be a dict such as {{"name": {_as_written(kind)}}}, not {declared!r}'
        elif unnamed := [name for name in declared if not isinstance(name, str)]:
            yield f"{key} must have names, not {unnamed[0]!r}"
    if not isinstance(block.hands_down, tuple | list):
        yield f'hands_down must be a tuple of names, as ("x",), not {block.hands_down!r}'


def _as_written(kind: type) -> str:
    return f"{kind.__name__}({_FIRST[kind]}, ...)"


def _entry(key: str, name: str, declared: Any) -> Iterator[str]:
    """What is wrong with one output, event or drug."""
    where, kind = f"{key}[{name!r}]", _KINDS[key]
    if isinstance(declared, kind):
        yield from _fields(where, declared)
    else:
        yield f"{where} must be {_as_written(kind)}, not {declared!r}"


def _fields(where: str, declared: Any) -> Iterator[str]:
    """Texts, units, decimals and yes or no of one declaration."""
    for field, value in vars(declared).items():
        if field in ("unit", "meaning", "label") and not isinstance(value, str):
            yield f"{where}: {field} must be text, not {value!r}"
        elif field == "unit":
            yield from (f"{where}: {p}" for p in [unknown_unit(value)] if p)
        elif field in ("exact", "ends_records") and not isinstance(value, bool):
            yield f"{where}: {field} must be True or False, not {value!r}"
        elif field == "lag" and not isinstance(value, str | None):
            yield f"{where}: lag must be the name of a parameter, not {value!r}"
        elif field == "decimals" and value is not None:
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                yield f"{where}: decimals must be a whole number from 0 on, not {value!r}"
        elif field == "at_most" and value is not None and not _is_positive(value):
            yield f"{where}: at_most must be a number above 0, not {value!r}"


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _of_state(name: str, declared: State) -> Iterator[str]:
    yield from _fields(f"state {name!r}", declared)
    if declared.per not in ("", LESION):
        yield (
            f'state {name!r} is per {declared.per!r}: expected "{LESION}", or nothing for the '
            "patient"
        )
    if isinstance(declared.initial, str):
        yield (
            f"state {name!r}: its initial value must be a number or a function of the parameters, "
            f"not {declared.initial!r}"
        )


def _of_hazards(block: Block) -> Iterator[str]:
    """What is wrong with the events that a block declares."""
    if block.hazards and type(block).hazard_rates is Block.hazard_rates:
        yield (
            f"hazards names {', '.join(map(repr, block.hazards))} and the block has no "
            "hazard_rates: expected one, which gives the rate of each per day"
        )
    if block.hazards and block.clock == "hours":
        yield 'has hazards, which need clock = "days"'


def _of_drugs(block: Block) -> Iterator[str]:
    """What is wrong with the drugs that a block takes."""
    if block.takes and type(block).on_dose is Block.on_dose:
        yield (
            f"takes {', '.join(map(repr, block.takes))} and has no on_dose: expected one, which "
            "says what a dose changes"
        )
    if block.takes and block.lag:
        yield f'has lag = {block.lag!r}: write Dose(..., lag="{block.lag}") in takes'
    if block.clock == "days":
        for lag in sorted(block.lags):
            yield f'has a lag, {lag!r}, which needs clock = "hours"'
    reserved = {"rate": "the infusions", "sum_over_lesions": "the sum over lesions"}
    for name, meaning in reserved.items():
        if name in {*block.shows, *block.hands_down}:
            yield f"calls something {name}, which is {meaning} (u.{name}): use another name"
