"""Solve a model for many patients at once: the hours clock first, then the days clock it drives.

Arrays have nodes first and lanes (patients, or patients x drug windows) last.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Fraction, Model, ModelError
from lymphokin.model.block import cumulative
from lymphokin.solve.adaptive import advance, solve_adaptively
from lymphokin.solve.clock import Clock, Path, Values, solve_clock
from lymphokin.solve.hand_down import Handed, HoursSolution, hand_down, interval, lag_of
from lymphokin.solve.hardware import in_parts
from lymphokin.solve.structure import structure_of
from lymphokin.solve.system import INFUSION, Events, System
from lymphokin.solve.timeline import DaysArrays, HoursArrays, Timeline


class Solution(NamedTuple):
    """What a solve gives: named outputs of the days blocks and the hours solution behind them."""

    outputs: dict[str, jax.Array]
    """per output of a days block, [node, patient], or [node, lesion, patient] where lesions differ,
    before the event on that node"""
    states: dict[str, jax.Array]
    """per state of a days block, the same; cumulative hazards since the patient was at risk"""
    hours: HoursSolution | None
    hazard_rates: dict[str, jax.Array] = {}
    """per event of a days block, [node, patient] its rate per day before the event on that node"""


def _clock(
    model: Model,
    p: Any,
    clock: Literal["hours", "days"],
    lanes: int,
    present: Any = None,
    resets: bool = False,
) -> Clock:
    blocks = model.on_clock(clock)
    parameters = tuple(parameter.name for parameter in model.table)
    system = System(blocks, p, present)
    rates = tuple(INFUSION + name for name in system.drugs if name in model.infused)
    handed, jumps = rates, frozenset(rates)
    if clock == "days" and (drug := model.on_clock("hours")):
        states = tuple(name for block in drug for name in block.hands_down)
        jumps |= set(states) if resets else structure_of(drug, parameters).jumps & set(states)
        handed = (*states, *rates)
    if clock == "days":
        handed, jumps = (*handed, *model.table.varying), jumps | set(model.table.varying)
    structure = structure_of(blocks, parameters, handed, jumps, resets=resets)
    return Clock(system, structure, lanes)


def _infusions(rates: Mapping[str, Any], given: Clock) -> dict[str, Path]:
    """Paths of the infusions that a clock reads, from their rates [step, lane]."""
    found = {}
    for name in given.structure.handed:
        if name.startswith(INFUSION):
            rate = jnp.asarray(rates[name.removeprefix(INFUSION)])
            none = jnp.zeros_like(rate[:1])
            before, after = jnp.concatenate([none, rate]), jnp.concatenate([rate, none])
            found[name] = Path(before, after, rate)
    return found


def _paths(
    model: Model, clock: Clock, step: Any, events: Any, handed: dict[str, Path]
) -> dict[str, Path]:
    """Paths of a clock's states by the solver of the model."""
    if model.solver is None:
        return solve_clock(clock, step, events, handed)
    return solve_adaptively(model.solver, clock, step, events, handed)


def solve_hours(model: Model, p: Any, hours: HoursArrays) -> HoursSolution:
    """States of the hours blocks in every drug window.

    Args:
        p: parameters by attribute, each a scalar or [lane], in model units.
    """
    clock = _clock(model, p, "hours", hours.step.shape[1])
    rates = _infusions(hours.rate, clock)
    events = Events(None, {n: jnp.asarray(hours.amount[n]) for n in clock.system.drugs})
    paths = _paths(model, clock, jnp.asarray(hours.step), events, rates)
    jumps = clock.structure.jumps
    after = {name: path.after for name, path in paths.items()}
    before = {name: path.before if name in jumps else path.after for name, path in paths.items()}
    slopes = slopes_before = _slopes(clock, after, {n: r.after for n, r in rates.items()})
    bent = {name for name in after if (clock.structure.reads[name] | {name}) & jumps}
    if bent & {name for block in model.on_clock("hours") for name in block.hands_down}:
        ahead = _slopes(clock, before, {n: r.before for n, r in rates.items()})
        slopes_before = {name: (ahead if name in bent else slopes)[name] for name in slopes}
    return HoursSolution(*(tuple(part.values()) for part in (after, slopes, before, slopes_before)))


def _slopes(clock: Clock, states: dict[str, Any], rates: dict[str, Any]) -> dict[str, Any]:
    """Time derivatives per day at given states and infusions."""
    flows = clock.flows({**states, **rates})
    return {name: flows[name].inflow - flows[name].loss * y for name, y in states.items()}


def solve(model: Model, p: Any, p_lanes: Any, timeline: Timeline) -> Solution:
    """Solve the model for every patient of a timeline.

    Args:
        model: the model.
        p: parameters by attribute, each a scalar or [patient], in model units (days, Gy, mg).
        p_lanes: the same per drug window, each a scalar or [lane] (occasions differ); unused when
            nobody gets a drug.
        timeline: from :func:`lymphokin.solve.build_timeline`.
    """
    days = timeline.days
    patients = days.step.shape[1]
    hours_solution = None
    if timeline.hours is not None and model.on_clock("hours"):
        hours_solution = solve_hours(model, p_lanes, timeline.hours)
    if not model.on_clock("days"):
        return Solution({}, {}, hours_solution)
    if hours_solution is not None:
        handed = hand_down(model, p_lanes, timeline, hours_solution)
    else:
        zero = jnp.zeros(days.node_day.shape)
        rest = Handed(zero, zero, jnp.zeros(days.step.shape))
        handed = {name: rest for b in model.on_clock("hours") for name in b.hands_down}
    present, varying = _present(model, days), _varying(model, days)
    clock = _clock(model, p, "days", patients, present, days.reset is not None)
    fractions = Fraction(jnp.asarray(days.immune_dose), jnp.asarray(days.share))
    reset = None if days.reset is None else jnp.asarray(days.reset)
    events = Events(fractions, {n: jnp.asarray(days.amount[n]) for n in clock.system.drugs}, reset)
    given = {name: Path(*h) for name, h in handed.items()} | _infusions(days.rate, clock)
    given |= varying
    step = jnp.asarray(days.step)
    if present is not None:
        step, events, given = jax.tree.map(lambda x: x[:, None], (step, events, given))
        gy = jnp.asarray(days.lesion_gy)
        fraction = events.fraction._replace(gy=gy, volume_cm3=_volumes(model, days, gy))
        events = events._replace(fraction=fraction)
    paths = _paths(model, clock, step, events, given)
    states = {name: path.before for name, path in paths.items()}
    upstream = {name: path.before for name, path in given.items()}
    outputs = clock.system.outputs(states, upstream)
    rates = clock.system.hazard_rates(states, upstream) if model.hazards else {}
    if present is not None:
        shape = (len(days.node_day), len(present), patients)
        outputs, states, rates = (_by_level(model, v, shape) for v in (outputs, states, rates))
    if days.at_risk is not None:
        states |= _since_at_risk(model, states, jnp.asarray(days.at_risk))
    return Solution(outputs, states, hours_solution, rates)


def _since_at_risk(model: Model, states: Values, at_risk: jax.Array) -> dict[str, jax.Array]:
    """Cumulative hazards [node, patient] since the node from which each patient is at risk; before
    it they are 0.
    """
    patients = jnp.arange(len(at_risk))
    found = {}
    for name in map(cumulative, model.hazards):
        passed = states[name] - states[name][at_risk, patients]
        found[name] = jnp.where(jnp.arange(len(passed))[:, None] < at_risk, 0.0, passed)
    return found


def _varying(model: Model, days: DaysArrays) -> dict[str, Path]:
    """Paths of the covariates that change within a patient, each constant from node to node."""
    if lacking := sorted(set(model.table.varying) - set(days.varying)):
        raise ModelError(
            f"model {model.name} reads {', '.join(lacking)} as it changes, and this treatment does "
            "not say how"
        )
    paths = {}
    for name in model.table.varying:
        value = jnp.asarray(days.varying[name])
        before, after = jnp.concatenate([value[:1], value]), jnp.concatenate([value, value[-1:]])
        paths[name] = Path(before, after, value)
    return paths


def _present(model: Model, days: DaysArrays) -> Any:
    """[lesion, patient] which lesions there are; None of a model that does not tell them apart."""
    if not model.has_lesions:
        return None
    if days.present is None:
        raise ModelError(
            f"model {model.name} follows every lesion of a patient, and this treatment does not "
            "say what is given to which"
        )
    return jnp.asarray(days.present)


def _volumes(model: Model, days: DaysArrays, gy: jax.Array) -> jax.Array:
    """[node, lesion, patient] volume of each lesion, 1.0 where nothing asks for it."""
    if days.lesion_cm3 is not None:
        return jnp.broadcast_to(jnp.asarray(days.lesion_cm3), gy.shape)
    if model.reads_volumes:
        raise ModelError(
            f"model {model.name} reads the volume of each lesion, and this treatment has none"
        )
    return jnp.ones_like(gy)


def _by_level(
    model: Model, values: Mapping[str, Any], shape: tuple[int, int, int]
) -> dict[str, Any]:
    """Values [node, lesion, patient] where lesions differ, [node, patient] elsewhere.

    Args:
        model: the model.
        values: outputs or states by name.
        shape: nodes, lesions and patients.
    """
    states = {n for block in model.blocks for n, state in block.states.items() if state.per}
    differing = {n: n in states | model.lesion_outputs for n in values}
    full = {
        n: jnp.broadcast_to(value, shape if differing[n] else (shape[0], 1, shape[2]))
        for n, value in values.items()
    }
    return {n: value if differing[n] else value[:, 0] for n, value in full.items()}


def hours_output_at(
    model: Model, p: Any, hours: HoursArrays, solution: HoursSolution, lane: Any, day: Any
) -> dict[str, jax.Array]:
    """Outputs of the hours blocks at given days, by one partial step from the node before.

    A sample at the time of a dose is taken before it.

    Args:
        p: parameters, each a scalar or [lane].
        lane: [record] lane whose window covers the day.
        day: [record] days from the first fraction.

    Returns:
        Per output, [record]; what the blocks show at rest before the drug has arrived.
    """

    names = getattr(p, "_fields", None) or tuple(vars(p))
    values = {name: jnp.asarray(getattr(p, name)) for name in names}
    shared = {name: value for name, value in values.items() if value.ndim == 0}
    own = {name: value[lane] for name, value in values.items() if value.ndim}
    offset = jnp.asarray(hours.offset)[:, lane]
    exposure = jnp.asarray(hours.exposure)[lane]
    elapsed = day - hours.start[lane] - lag_of(model, SimpleNamespace(**own, **shared), exposure)
    index = interval(offset, elapsed[None, :], "left")[0]
    states = tuple(state[index, lane] for state in solution.states)
    since = elapsed - offset[index, jnp.arange(len(lane))]
    rates = {INFUSION + n: jnp.asarray(rate)[index, lane] for n, rate in hours.rate.items()}

    def move(part: Any) -> dict[str, jax.Array]:
        states, elapsed, since, own, rates = part
        clock = _clock(model, SimpleNamespace(**own, **shared), "hours", len(since))
        before = elapsed <= 0
        step = jnp.where(before, 0.0, since)
        start = {
            name: jnp.where(before, clock.rest[name], state)
            for name, state in zip(clock.system.names, states, strict=True)
        }
        if model.solver is None:
            return clock.system.outputs(clock.step(start, step, rates), rates)
        end = advance(model.solver, clock, start, step, (rates, rates, rates))
        return clock.system.outputs(end, rates)

    return in_parts(move, (states, elapsed, since, own, rates))
