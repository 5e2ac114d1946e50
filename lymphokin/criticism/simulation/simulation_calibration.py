"""Simulation-based calibration: does the fit know the truth as well as it says?

A truth is drawn from the prior, a trial is simulated from it, and the trial is fitted. Over many
such trials the rank of the truth among the posterior draws is uniform for every quantity, if and
only if the sampler draws from the posterior of the model that simulates (Talts et al. 2018,
arXiv:1804.06788). The log density of the data is ranked too: it sees errors that no single
parameter shows (Modrák et al. 2023, doi:10.1214/23-BA1404).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.criticism.data.uniformity import Uniformity, uniformity
from lymphokin.criticism.forecasts.refit import SETTINGS, agreement, fit_again
from lymphokin.endpoint import measured_threshold
from lymphokin.infer import Checkpoint, CohortDensity, HmcSettings
from lymphokin.infer.density import density_of, flat
from lymphokin.infer.diagnostics import RHAT_BAD
from lymphokin.infer.sampler import Sampler, compile_sampler
from lymphokin.io.visits import endpoint_visits
from lymphokin.population import (
    CohortArrays,
    CohortLikelihood,
    Measured,
    probability_below,
    simulate_log_values,
)
from lymphokin.population.arrays import EventRecords
from lymphokin.population.events import simulate_events
from lymphokin.progress import Reporter
from lymphokin.solve import StepRule

RANKED = 99
"""Draws of each fit among which the truth is ranked, evenly spaced: nearly independent, and with
the truth as many as are evaluated at once."""
RISK, DENSITY = "risk_of_grade_2", "log_density"


@dataclass(frozen=True)
class SimulationCalibration:
    """Where the truth lay in each simulated trial.

    ``ranks``: one row per trial, one column per quantity: how many of :data:`RANKED` draws lie
    below the truth. ``fits``: per trial ``rhat_max``, ``ess_bulk_min`` and ``divergences`` over
    the population quantities. ``kinds``: what each column is (population, individual, endpoint,
    or data).
    """

    ranks: pd.DataFrame
    fits: pd.DataFrame
    kinds: dict[str, str]
    uniformity: dict[str, Uniformity]

    @property
    def failed(self) -> int:
        """Trials whose chains did not agree, or never moved and have no R-hat."""
        return int((~(self.fits["rhat_max"] <= RHAT_BAD)).sum())


class SimulatedFits:
    """Fits of trials that are simulated from the prior; each depends on its own number alone.

    Args:
        density: cohort whose patients, courses, visits and limits every simulated trial has, and
            the model that simulates and fits.
        seed: of all random numbers.
        settings: of the fits.
        rule: step sizes of the solver, if not the default ones.
    """

    def __init__(
        self,
        density: CohortDensity,
        seed: int,
        settings: HmcSettings = SETTINGS,
        rule: StepRule | None = None,
    ) -> None:
        self.density: CohortDensity = density
        self.seed: int = seed
        self._settings, self._rule = settings, rule

    @cached_property
    def _design(self) -> _Design:
        return _design_of(self.density, self._rule)

    @cached_property
    def _sampler(self) -> Sampler:
        return compile_sampler(self._design.accurate, self._design.coarse, self._settings)

    def name(self, trial: int) -> str:
        """Under which a trial is kept."""
        return f"trial_{trial:05d}"

    def fit(self, trial: int) -> dict[str, np.ndarray]:
        """Ranks of the truth, and how well the chains agree."""
        return _one_trial(self._design, self._sampler, trial, self.seed, self._settings)


def calibrate_by_simulation(
    fits: SimulatedFits, trials: int, checkpoint: Checkpoint, reporter: Reporter
) -> SimulationCalibration:
    """Fit trials that are simulated from the prior, and judge the ranks of the truth.

    Args:
        fits: of the trials.
        trials: how many.
        checkpoint: where finished trials are kept.
        reporter: receives how many trials are done.
    """
    names = ranked_quantities(fits.density)
    results = []
    for trial in range(trials):
        results.append(checkpoint.recall(fits.name(trial), partial(fits.fit, trial)))
        reporter.counting(trial + 1, trials)
    ranks = pd.DataFrame(np.stack([r["ranks"] for r in results]), columns=list(names))
    convergence = pd.DataFrame(
        {k: [r[k].item() for r in results] for k in ("rhat_max", "ess_bulk_min", "divergences")}
    )
    return assess(ranks, convergence, names, fits.seed)


def assess(
    ranks: pd.DataFrame, fits: pd.DataFrame, kinds: dict[str, str], seed: int
) -> SimulationCalibration:
    """Compare ranks with uniform ones; see :class:`SimulationCalibration`."""
    rng = np.random.default_rng(seed)
    places = (ranks + rng.uniform(size=ranks.shape)) / (RANKED + 1)
    return SimulationCalibration(
        ranks, fits, kinds, {name: uniformity(places[name].to_numpy()) for name in kinds}
    )


def ranked_quantities(density: CohortDensity) -> dict[str, str]:
    """Names of what is ranked, in order, and the kind of each."""
    hierarchy = density.hierarchy
    population = dict.fromkeys(hierarchy.population_names, "population")
    individual = {f"individual_{p.name}": "individual" for p in hierarchy.subject_effects}
    return population | individual | {RISK: "endpoint", DENSITY: "data"}


class _Design(NamedTuple):
    """Courses, visits and limits that all simulated trials share."""

    accurate: CohortDensity
    coarse: CohortDensity
    """the same with long steps"""
    log_lloq: dict[str, jax.Array]
    """per quantity, [record] ln of the limit of quantification; minus infinity where none is"""
    endpoint_node: np.ndarray
    """[patient] node of the endpoint visit"""


def _design_of(density: CohortDensity, rule: StepRule | None) -> _Design:
    cohort = density.packed.cohort
    # Which records are censored changes from trial to trial, the shapes of the arrays may not: as
    # if all were quantified, with room for all of them among the censored.
    observations = cohort.observations.assign(censored=False)
    accurate = density_of(
        density.likelihood.model, replace(cohort, observations=observations), rule
    )
    log_lloq = {}
    for quantity, (rows, _) in accurate.packed.records.items():
        room = accurate.arrays.measured[quantity].quantified.day.shape[0]
        limit = np.zeros(room)
        limit[: len(rows)] = rows["lloq"].fillna(0.0).to_numpy(float)
        log_lloq[quantity] = jnp.asarray(np.log(limit, where=limit > 0, out=np.full(room, -np.inf)))
    visits = endpoint_visits(cohort)
    nodes = accurate.packed.nodes({str(i): day for i, day in visits["endpoint_day"].items()})
    any_records = {name: jnp.zeros_like(limit) for name, limit in log_lloq.items()}
    coarse = _with_records(accurate.with_long_steps(), any_records, log_lloq)
    return _Design(_with_records(accurate, any_records, log_lloq), coarse, log_lloq, nodes)


def _with_records(
    density: CohortDensity,
    log_value: dict[str, jax.Array],
    log_lloq: dict[str, jax.Array],
    events: Mapping[str, EventRecords] | None = None,
) -> CohortDensity:
    """The cohort with simulated records [record] in place of its own."""
    measured = {}
    for quantity, (records, _) in density.arrays.measured.items():
        value, limit = log_value[quantity], log_lloq[quantity]
        hidden = value < limit
        # A weight of zero does not hide an infinite term.
        at_limit = jnp.where(hidden, limit, value)
        measured[quantity] = Measured(
            records._replace(log_value=value, weight=records.weight * ~hidden),
            records._replace(log_value=at_limit, weight=records.weight * hidden),
        )
    arrays = density.arrays._replace(measured=measured)
    if events:  # the nodes are the cohort's own
        seen = {
            name: own._replace(
                happened=events[name].happened,
                weight=events[name].weight,
                place=events[name].place,
            )
            for name, own in arrays.events.items()
        }
        arrays = arrays._replace(events=seen)
    return CohortDensity(density.likelihood, replace(density.packed, arrays=arrays))


def _on_nodes_of(
    density: CohortDensity, other: CohortDensity, records: EventRecords
) -> EventRecords:
    """Records of events on nodes of another density, on the nearest ones of a density."""
    mine, theirs = (
        jnp.asarray(d.arrays.timeline.days.node_day)[:, records.patient] for d in (density, other)
    )
    day = jnp.take_along_axis(theirs, records.place[None], axis=0)
    return records._replace(place=jnp.abs(mine - day).argmin(axis=0))


@partial(jax.jit, static_argnums=0)
def _simulated(
    likelihood: CohortLikelihood, key: jax.Array, arrays: CohortArrays
) -> tuple[jax.Array, dict[str, jax.Array], dict[str, EventRecords]]:
    """[latent] a truth from the prior; per quantity [record] ln of what was measured; events."""
    for_latents, for_noise = jax.random.split(key)
    latents = likelihood.hierarchy.draw_latents(for_latents, arrays)
    values = simulate_log_values(likelihood, latents, arrays, for_noise)
    if not arrays.events:
        return flat(latents), values, {}
    for_events = jax.random.fold_in(key, 1)
    solution = likelihood.solution(latents, arrays)[-1]
    events = simulate_events(likelihood.model, solution, arrays, for_events)
    return flat(latents), values, events


def _one_trial(
    design: _Design, sampler: Sampler, trial: int, seed: int, settings: HmcSettings
) -> dict[str, np.ndarray]:
    """Simulate and fit one trial: ranks of the truth, and how well the chains agree."""
    key = jax.random.fold_in(jax.random.key(seed), trial)
    truth, log_value, events = _simulated(design.accurate.likelihood, key, design.accurate.arrays)
    accurate = _with_records(design.accurate, log_value, design.log_lloq, events)
    moved = {n: _on_nodes_of(design.coarse, design.accurate, own) for n, own in events.items()}
    coarse = _with_records(design.coarse, log_value, design.log_lloq, moved)
    draws = fit_again(accurate, coarse, sampler, replace(settings, seed=seed + trial))
    x = draws.x.reshape(-1, draws.x.shape[-1])
    chosen = x[np.linspace(0, len(x) - 1, RANKED).round().astype(int)]
    patient = trial % accurate.arrays.patients
    values = _values(accurate, np.vstack([chosen, truth]), patient, design.endpoint_node)
    ranks = ranks_of(values[-1], values[:-1], np.random.default_rng([seed, trial]))
    agreed = {name: np.asarray(value) for name, value in agreement(accurate, draws).items()}
    return {"ranks": ranks, **agreed}


def ranks_of(truth: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[quantity] how many of the draws [draw, quantity] lie below the truth [quantity].

    Ties are broken at random: a quantity that is known, as an immune dose that was supplied, says
    nothing, and its rank may be any.
    """
    return (draws < truth).sum(axis=0) + rng.integers((draws == truth).sum(axis=0) + 1)


def _values(
    density: CohortDensity, x: np.ndarray, patient: int, endpoint_node: np.ndarray
) -> np.ndarray:
    """[draw, quantity] what is ranked, for flat draws ``x``; of one patient where individual."""
    hierarchy = density.hierarchy
    unravel = density.unravel()

    def of_latents(x: jax.Array) -> tuple[jax.Array, list[jax.Array], jax.Array]:
        latents = unravel(x)
        population = hierarchy.population(latents.population)
        p, _ = hierarchy.individuals(population, latents, density.arrays)
        effects = hierarchy.subject_effects  # of the first lesion where lesions differ
        individual = [jnp.atleast_2d(getattr(p, e.name))[0, patient] for e in effects]
        return latents.population, individual, population.residual_sd["alc"]

    z, individual, sd = jax.vmap(of_latents)(jnp.asarray(x))
    parts = list(density.evaluate(x, density.arrays))
    alc = np.concatenate([part.outputs["alc"] for part in parts])
    count = alc[:, endpoint_node[patient], patient]
    risk = probability_below(
        hierarchy.model.table.residuals["alc"],
        np.log(measured_threshold(2)),
        jnp.log(count),
        sd,
    )
    log_density = np.concatenate([part.own_log_density.sum(axis=1) for part in parts])
    return np.column_stack([z, *individual, risk, log_density])
