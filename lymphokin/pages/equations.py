"""The equations of a model as text, read off its blocks by tracing them, never written twice.

What a block computes is traced with every input a symbol (the table's symbols for parameters) and
printed as an expression; so the table cannot say anything else than the code does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax

from lymphokin.model import Block, Fraction, Model, state_type
from lymphokin.model.block import SUM_OVER_LESIONS
from lymphokin.model.block import upstream as seen_by_blocks

SUM, PRODUCT, SIGN, POWER, ATOM = 1, 2, 3, 4, 5
INFIX = {"add": (" + ", SUM), "sub": (" - ", SUM), "mul": (" * ", PRODUCT), "div": (" / ", PRODUCT)}
COMPARE = {"gt": ">", "lt": "<", "ge": ">=", "le": "<="}
SAME = ("convert_element_type", "copy", "stop_gradient", "broadcast_in_dim", "squeeze", "reshape")
FUNCTIONS = {"log": "ln", "logistic": "sigmoid"}
KNOWN = {math.log(2): "ln 2"}


class Equation(NamedTuple):
    """One line of the table of equations."""

    block: str
    left: str
    """d(state)/dt, "state at a fraction", "state at a dose", or an output"""
    right: str


class _Text(NamedTuple):
    text: str
    level: int

    def at(self, level: int) -> str:
        """In brackets unless it binds as tightly as ``level``."""
        return self.text if self.level >= level else f"({self.text})"


def _number(value: Any) -> _Text:
    value = float(value)
    for known, name in KNOWN.items():
        if math.isclose(value, known, rel_tol=1e-6):
            return _Text(name, ATOM)
    return _Text(f"{value:g}", ATOM if value >= 0 else SIGN)


def _apply(name: str, params: Mapping[str, Any], ins: list[_Text]) -> _Text:
    """Text of one primitive operation."""
    if name in SAME:
        return ins[0]
    if name in INFIX:
        sign, level = INFIX[name]
        if name == "mul" and "1" in (ins[0].text, ins[1].text):
            return ins[1] if ins[0].text == "1" else ins[0]
        right = level + 1 if name in ("sub", "div") else level
        return _Text(ins[0].at(level) + sign + ins[1].at(right), level)
    if name == "neg":
        return _Text("-" + ins[0].at(PRODUCT + 1), SIGN)
    if name == "integer_pow":
        return _Text(f"{ins[0].at(ATOM)}^{params['y']}", POWER)
    if name == "square":
        return _Text(f"{ins[0].at(ATOM)}^2", POWER)
    if name == "pow":
        return _Text(f"{ins[0].at(ATOM)}^{ins[1].at(ATOM)}", POWER)
    if name in COMPARE:
        return _Text(f"{ins[0].at(SUM)} {COMPARE[name]} {ins[1].at(SUM)}", 0)
    if name == "select_n" and len(ins) == 3:
        return _Text(f"({ins[2].text} if {ins[0].text}, else {ins[1].text})", ATOM)
    return _Text(f"{FUNCTIONS.get(name, name)}({', '.join(i.text for i in ins)})", ATOM)


def _texts(jaxpr: Any, consts: Any, ins: list[_Text]) -> list[_Text]:
    """Text of every output of a traced function."""
    known = dict(zip(jaxpr.invars, ins, strict=True))
    known |= {v: _number(c) for v, c in zip(jaxpr.constvars, consts, strict=True)}

    def of(atom: Any) -> _Text:
        return _number(atom.val) if hasattr(atom, "val") else known[atom]

    for eqn in jaxpr.eqns:
        own = [of(atom) for atom in eqn.invars]
        inner = eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr")
        if inner is not None and eqn.params.get("name") == SUM_OVER_LESIONS:
            outs = [_Text(f"sum over lesions({own[0].text})", ATOM)]
        elif inner is not None:
            outs = _texts(inner.jaxpr, inner.consts, own)
        else:
            outs = [_apply(eqn.primitive.name, eqn.params, own)]
        known.update(zip(eqn.outvars, outs, strict=True))
    return [of(atom) for atom in jaxpr.outvars]


def expressions(
    function: Callable[[dict[str, Any]], dict[str, Any]], symbols: Mapping[str, str]
) -> dict[str, str]:
    """Text of every output of ``function({name: number})``, its inputs by their symbols."""
    names: list[str] = []

    def flat(*values: Any) -> list[Any]:
        result = function(dict(zip(symbols, values, strict=True)))
        names[:] = list(result)
        return [jax.numpy.asarray(value, dtype=float) for value in result.values()]

    traced = jax.make_jaxpr(flat)(*(1.0 for _ in symbols))
    texts = _texts(traced.jaxpr, traced.consts, [_Text(s, ATOM) for s in symbols.values()])
    return dict(zip(names, (t.text for t in texts), strict=True))


def equations(model: Model) -> tuple[Equation, ...]:
    """Every equation of a model, block after block: flows, events, outputs.

    Time is in days. A flow is written as inflow - loss * state.
    """
    shown = {name: name for name in model.table.varying}
    result: list[Equation] = []
    for block in model.blocks:
        handed = {name: name for b in model.on_clock("hours") for name in b.hands_down}
        result += _of_block(model, block, {**handed, **shown})
        shown |= {name: name for name in block.shows}
    return tuple(result)


def _of_block(model: Model, block: Block, upstream: Mapping[str, str]) -> list[Equation]:
    states = {name: name for name in block.states}
    parameters = {f"p.{p.name}": p.symbol for p in model.table}
    outer = {f"u.{name}": text for name, text in upstream.items()}
    fraction = {"e.dose": "d", "e.share": "w", "e.gy": "gy", "e.volume": "cm3"}
    fraction = fraction if block.clock == "days" else {}
    several = len(model.drugs) > 1
    doses = {f"dose {n}": f"dose of {n}" if several else "dose" for n in block.drugs}
    rates = {f"rate {n}": f"infusion of {n}" if several else "infusion" for n in block.drugs}
    symbols = states | parameters | outer | fraction | doses | rates

    def with_parts(act: Callable[[Any, Any, Any, Any], dict[str, Any]]) -> dict[str, str]:
        def function(values: dict[str, Any]) -> dict[str, Any]:
            y = state_type(block)(*(values[name] for name in block.states))
            p = SimpleNamespace(**{p.name: values[f"p.{p.name}"] for p in model.table})
            seen = {name: values[f"u.{name}"] for name in upstream}
            running = {name: values[f"rate {name}"] for name in block.drugs}
            u = seen_by_blocks(seen, block.drugs, running)
            return act(y, p, u, values)

        return expressions(function, symbols)

    flows = with_parts(
        lambda y, p, u, e: {
            f"{part} {name}": getattr(flow, part)
            for name, flow in block.every_flow(y, p, u).items()
            for part in ("inflow", "loss")
        }
    )
    result = [
        Equation(block.name, f"d {s}/dt", _flow(s, flows[f"inflow {s}"], flows[f"loss {s}"]))
        for s in block.states
    ]
    happening: dict[str, Callable[[Any, Any, Any, Any], dict[str, Any]]] = {}
    if fraction:
        happening["a fraction"] = lambda y, p, u, e: block.on_fraction(
            y, p, Fraction(*(e[name] for name in fraction))
        )
    if doses:
        happening["a dose"] = lambda y, p, u, e: block.dosed(
            y, p, {name: e[f"dose {name}"] for name in block.drugs}
        )
    for when, act in happening.items():
        jumps = with_parts(act)
        result += [Equation(block.name, f"{s} at {when}", text) for s, text in jumps.items()]
    outputs = with_parts(lambda y, p, u, e: block.outputs(y, p, u))
    return result + [Equation(block.name, name, text) for name, text in outputs.items()]


def _flow(state: str, inflow: str, loss: str) -> str:
    lost = f"({loss}) * {state}" if " + " in loss or " - " in loss else f"{loss} * {state}"
    if loss == "0":
        return inflow
    return f"-{lost}" if inflow == "0" else f"{inflow} - {lost}"
