"""Adaptive diffrax, vmapped over patients, differentiated through its checkpointed loop."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import diffrax
import jax
import jax.numpy as jnp

from contenders.trial import FAR, Trial
from lymphokin.model import Fraction
from lymphokin.solve.system import System

MAX_STEPS = 16**4
"""From one stop to the next; a solve that needs more gives no number."""
DRUG_AT_REST = ("gut", "central", "message", "enzyme")
"""States that start from rest with every drug window."""


class AdaptiveDiffrax:
    """The log posterior density, each patient's ten equations solved as one adaptive system."""

    def __init__(self, trial: Trial, rtol: float, solver: Any, max_steps: int = MAX_STEPS) -> None:
        self.trial = trial
        self.max_steps = max_steps
        self.controller = diffrax.PIDController(rtol=rtol, atol=1e-3 * rtol)
        self.solver = solver

    def _segment(self, y: Any, p: Any, start: Any, end: Any) -> Any:
        """States at ``end``; the system is the model's own, in one piece."""
        blocks = self.trial.density.likelihood.model.blocks

        def slope(_: Any, y: Any, p: Any) -> Any:
            flows = System(blocks, SimpleNamespace(**p)).flows(y, {"signal": y["signal"]})
            return {name: flows[name].inflow - flows[name].loss * y[name] for name in y}

        found = diffrax.diffeqsolve(
            diffrax.ODETerm(slope),
            self.solver,
            start,
            end,
            None,
            y,
            p,
            stepsize_controller=self.controller,
            adjoint=diffrax.RecursiveCheckpointAdjoint(),
            max_steps=self.max_steps,
            throw=False,
        )
        return jax.tree.map(lambda v: v[-1], found.ys)

    def _patient(self, p: Any, of_windows: Any, first_lane: Any, first_day: Any, s: Any) -> Any:
        """[stop, ...] outputs of one patient at each stop, before what happens there."""
        model = self.trial.density.likelihood.model
        lag = {k: v[s["lane"]] for k, v in of_windows.items()}["absorption_lag"]
        day = jnp.maximum(s["day"] + s["is_dose"] * lag, first_day)
        order = jnp.argsort(day, stable=True)
        stops = {**jax.tree.map(lambda v: v[order], s), "day": day[order]}
        rest = System(model.blocks, SimpleNamespace(**p)).initial(1)
        rest = {name: value[0] for name, value in rest.items()}

        def to_next(carry: Any, stop: Any) -> Any:
            y, lane, now = carry
            own = p | {k: v[lane] for k, v in of_windows.items()}
            end = jnp.where(stop["day"] < FAR, stop["day"], now)
            moves = end > now
            moved = self._segment(y, own, now, jnp.where(moves, end, now + 1e-6))
            y = {name: jnp.where(moves, moved[name], y[name]) for name in y}
            shown = System(model.blocks, SimpleNamespace(**own)).outputs(y, {"signal": y["signal"]})
            opens = stop["opens"] > 0
            y = y | {k: jnp.where(opens, rest[k], y[k]) for k in DRUG_AT_REST}
            lane = jnp.where(opens, stop["lane"], lane)
            after = y | {"gut": y["gut"] + stop["amount"]}
            fraction = Fraction(stop["immune_dose"], stop["share"])
            for block in model.on_clock("days"):
                own_states = SimpleNamespace(**{k: y[k] for k in block.states})
                after |= block.on_fraction(own_states, SimpleNamespace(**own), fraction)
            return (after, lane, end), {k: shown[k] for k in ("alc", "mdsc", "atra")}

        _, shown = jax.lax.scan(to_next, (rest, first_lane, first_day), stops)
        return {name: jnp.zeros_like(v).at[order].set(v) for name, v in shown.items()}

    def predictions(self, x: Any) -> Any:
        """Per quantity, log predictions of quantified and censored records; see the likelihood."""
        trial, stops = self.trial, self.trial.stops
        patients = trial.density.arrays.patients
        p, lanes = trial.individuals(x)
        p = {k: jnp.broadcast_to(v, (patients,)) for k, v in p.items()}
        lanes = {k: jnp.broadcast_to(v, trial.density.arrays.timeline.hours.start.shape)
                 for k, v in lanes.items() if k not in p}  # fmt: skip
        names = ("day", "is_dose", "amount", "opens", "lane", "immune_dose", "share")
        s = {name: jnp.asarray(getattr(stops, name)) for name in names}
        shown = jax.vmap(self._patient, in_axes=(0, None, 0, 0, 0))(
            p, lanes, jnp.asarray(stops.first_lane), jnp.asarray(stops.first_day), s
        )
        return trial.read(shown, x)

    def density_and_predictions(self, x: Any) -> tuple[Any, Any]:
        """Log posterior density, and the predictions behind it."""
        predicted = self.predictions(x)
        return self.trial.log_density(x, predicted), predicted
