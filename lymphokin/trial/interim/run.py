"""The interim look of a fitted run: risks of its patients on the draws of its posterior.

The fit has seen the data so far and nothing else, so that its joint draws (population and
patients) are the posterior at the look; no weighting is needed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

from lymphokin.endpoint import measured_threshold
from lymphokin.infer import CohortDensity
from lymphokin.infer.density import flat
from lymphokin.infer.evaluated import Evaluated
from lymphokin.infer.latent_draws import flat_latents
from lymphokin.io import Cohort
from lymphokin.population import CohortLikelihood, Hierarchy, Latents, pack, probability_below
from lymphokin.predict.endpoint_draws import log_of
from lymphokin.predict.path_forecast import curve_reader
from lymphokin.run import Fit
from lymphokin.trial.declared import followed_events
from lymphokin.trial.inputs import Demands
from lymphokin.trial.interim.events import seen_and_known, standing_of_event
from lymphokin.trial.interim.future import future_patients
from lymphokin.trial.interim.patients import ARMS, standing, with_planned_pulses
from lymphokin.trial.interim.predictive import ArmSoFar, Predictive, predictive
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.interim.window import shown_to_come, windows_at
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.population import refuse_other_sites

GRADE = 2
SAME_WINDOW_DAYS = 1e-6


@dataclass(frozen=True)
class Look:
    """An interim look at a run."""

    predictive: Predictive
    patients: pd.DataFrame
    """index id: columns of :func:`~lymphokin.trial.interim.patients.standing`, and ``risk``,
    ``risk_q05`` and ``risk_q95`` of those in follow-up: that the count of the planned day is
    reported as grade >= 2, or that visits show the event of a window. Of a window also ``p_true``:
    that it happens on the true curve over days"""
    to_come: tuple[int, int]
    """patients not yet enrolled, per arm"""
    error: float
    """Monte-Carlo standard error of the predictive probability"""


def look_at(
    fit: Fit,
    cohort: Cohort,
    design: VirtualDesign,
    *,
    lost: Collection[str] = (),
    left_out: Collection[str] = (),
    draws: int = 1000,
    seed: int = 0,
) -> Look:
    """Posterior predictive probability that the trial of a run ends significant.

    Args:
        fit: a fit of the data so far.
        cohort: those data.
        design: the design; patients it has beyond those of the run are simulated.
        lost: patients who will have no endpoint.
        left_out: patients outside the comparison; they inform the forecasts.
        draws: posterior draws to use at most.
        seed: of the random numbers.

    Raises:
        BadInput: when the cohort does not have two arms.
        ValueError: when an event of the design ends its records, or the model of the design or the
            run has no hazard of the event that is judged.
    """
    Demands("interim look").want("many", draws=draws).enforce()
    design.require_own_drop_out("an interim look")
    design.require_no_fold("an interim look")
    refuse_other_sites(cohort.sites, design.plan["sites"])
    for model in (design.truth.true_model(), fit.model):
        followed_events(model, {}, design.judged)
    table = standing(cohort, design, lost, left_out)
    x = _thinned(fit, draws)
    flat_x = x.reshape(-1, x.shape[-1])
    waiting = table[table["status"] == "in follow-up"]
    planned = with_planned_pulses(cohort, table, design)
    known = np.broadcast_to(waiting["evaluable"].to_numpy(float), (len(flat_x), len(waiting)))
    if design.judged.on_a_day:
        risk, true = _risks(fit, cohort, planned, waiting, flat_x, seed), None
    elif design.judged.of_event:
        risk, known, true = _event_risks(fit, cohort, planned, design, table, flat_x, seed)
        table.loc[waiting.index, "evaluable"] = known.mean(axis=0)
    else:
        risk, true = _window_risks(fit, cohort, planned, design, waiting, flat_x, seed)
    sizes = dict(zip(ARMS, (design.n_control, design.n_treated), strict=True))
    to_come = tuple(max(0, sizes[arm] - int((table["arm"] == arm).sum())) for arm in ARMS)
    z = flat_x[:, : len(fit.summary)]
    future = future_patients(design, fit.model, z, to_come[0], to_come[1], seed)
    arms = []
    for name, coming in zip(ARMS, future, strict=True):
        own = table[table["arm"] == name]
        counts = own["status"].value_counts()
        events, none = int(counts.get("event", 0)), int(counts.get("no event", 0))
        gone = np.zeros((len(z), int(counts.get("missing", 0))))
        chance = coming.known
        if chance is None:
            mean = evaluable(design, coming.planned_day, 0.0).mean(axis=0)
            chance = np.broadcast_to(mean, coming.risk.shape)
        here = table.loc[waiting.index, "arm"].to_numpy() == name
        risks = np.concatenate([risk[:, here], coming.risk, gone], axis=1)
        chances = np.concatenate([known[:, here], chance, gone], axis=1)
        arms.append(ArmSoFar(events, events + none, risks, chances))
    analysis = design.analysis
    found = predictive(arms[0], arms[1], analysis.test, analysis.alpha, analysis.missing_endpoint)
    by_chain = found.success.reshape(x.shape[:2])
    # Where every draw says the same there is nothing to estimate.
    ess: Any = array_stats.ess(by_chain) if np.ptp(by_chain) > 0 else np.inf
    table = table.join(_summary(risk, waiting.index))
    if true is not None:
        table = table.join(pd.DataFrame({"p_true": true.mean(axis=0)}, index=waiting.index))
    error = float(found.success.std() / np.sqrt(float(ess)))
    return Look(found, table, (to_come[0], to_come[1]), error)


def _thinned(fit: Fit, draws: int) -> NDArray[np.float64]:
    """[chain, draw, latent] evenly spaced draws of every chain."""
    x = flat_latents(fit.draws.children["latents"])
    per_chain = max(1, min(x.shape[1], draws // x.shape[0]))
    return x[:, np.linspace(0, x.shape[1] - 1, per_chain).round().astype(int)]


def _summary(risk: NDArray[np.float64], patients: pd.Index) -> pd.DataFrame:
    low, high = np.quantile(risk, (0.05, 0.95), axis=0)
    columns = {"risk": risk.mean(axis=0), "risk_q05": low, "risk_q95": high}
    return pd.DataFrame(columns, index=patients)


def _risks(
    fit: Fit,
    cohort: Cohort,
    planned: Cohort,
    waiting: pd.DataFrame,
    x: NDArray[np.float64],
    seed: int,
) -> NDArray[np.float64]:
    """[draw, patient] risk of patients in follow-up at their planned visit.

    Args:
        fit: the fit.
        cohort: the cohort it was fitted to.
        planned: the same with the pulses to come.
        waiting: patients in follow-up (index) and their ``planned_day``.
        x: [draw, latent] draws of the fit.
        seed: of what the pulses to come add.
    """
    if waiting.empty:
        return np.zeros((len(x), 0))
    model = fit.model
    day_of = waiting["planned_day"].to_dict()
    wanted = {str(patient): [day] for patient, day in day_of.items()}
    density, parts = _solved(fit, cohort, planned, wanted, x, seed)
    packed, position = density.packed, planned.patients.index.get_indexer(waiting.index)
    nodes = [
        packed.layout.node(packed.arrays.timeline, int(i), float(day))
        for i, day in zip(position, day_of.values(), strict=True)
    ]
    counts = [part.outputs["alc"][:, nodes, position] for part in parts]
    sd = density.residual_sd(x[:, : len(fit.summary)], "alc")[:, None]
    log_threshold = np.log(measured_threshold(GRADE))
    log_count = np.log(np.concatenate(counts))
    residual = model.table.residuals["alc"]
    return probability_below(residual, log_threshold, log_count, sd, np)


def _window_risks(
    fit: Fit,
    cohort: Cohort,
    planned: Cohort,
    design: VirtualDesign,
    waiting: pd.DataFrame,
    x: NDArray[np.float64],
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[draw, patient] of patients in follow-up: probability that visits show the event of a window
    once they make it known, and whether it happens on the true curve; arguments as of
    :func:`_risks`.
    """
    if waiting.empty:
        return np.zeros((len(x), 0)), np.zeros((len(x), 0))
    windows = windows_at(cohort, design)
    wanted = {patient: window.days for patient, window in windows.items()}
    density, parts = _solved(fit, cohort, planned, wanted, x, seed)
    read = curve_reader(density.packed, design.judged, list(windows.values()))
    found = np.concatenate([read(part) for part in parts])
    residual = fit.model.table.residuals["alc"]
    sd = density.residual_sd(x[:, : len(fit.summary)], "alc")
    rng, shown = np.random.default_rng(seed), []
    position = planned.patients.index.get_indexer(waiting.index)
    for i, patient in zip(position, waiting.index, strict=True):
        window = windows[str(patient)]
        log_true = log_of(found[:, i, 2 : 2 + len(window.visits)])
        shown.append(shown_to_come(design, window, log_true, residual, sd, rng))
    return np.stack(shown, axis=1), found[:, position, 1]


def _event_risks(
    fit: Fit,
    cohort: Cohort,
    planned: Cohort,
    design: VirtualDesign,
    table: pd.DataFrame,
    x: NDArray[np.float64],
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """[draw, patient] of patients in follow-up: probability that the event is seen where the
    endpoint becomes known, that it becomes known, and that the event happens by the end.

    Args:
        fit, cohort, planned, design, x, seed: as of :func:`_window_risks`.
        table: where every patient stands.
    """
    left = table.index[table["status"] != "in follow-up"]
    followed = table["followed"].drop(left)
    _, waiting = standing_of_event(cohort, design, followed, set())
    if not waiting:
        none = np.zeros((len(x), 0))
        return none, none, none
    wanted = {patient: [*own.day, own.end] for patient, own in waiting.items()}
    density, parts = _solved(fit, cohort, planned, wanted, x, seed)
    hazard = np.concatenate([part.hazards[design.judged.quantity] for part in parts])
    packed, found = density.packed, []
    for patient, own in waiting.items():
        i = int(planned.patients.index.get_indexer(pd.Index([patient]))[0])
        days = np.array([own.since, own.since, *own.day, own.end])
        nodes = packed.layout.nodes(packed.arrays.timeline, i, days)
        passed = hazard[:, nodes[1:], i] - hazard[:, nodes[:1], i]
        seen, known = seen_and_known(passed[:, :-1], own.chance, own.reaches)
        found.append((seen / np.maximum(known, 1e-12), known, -np.expm1(-passed[:, -1])))
    risk, known, true = (np.stack(part, axis=1) for part in zip(*found, strict=True))
    return risk, known, true


def _solved(
    fit: Fit,
    cohort: Cohort,
    planned: Cohort,
    days: dict[str, list[float]],
    x: NDArray[np.float64],
    seed: int,
) -> tuple[CohortDensity, list[Evaluated]]:
    """The density of the cohort with the pulses to come, whose nodes hold some days of patients,
    and what each draw says about it.
    """
    likelihood = CohortLikelihood(Hierarchy(fit.model))
    packed = pack(fit.model, planned, days)
    density = CohortDensity(likelihood, packed)
    fitted = CohortDensity(likelihood, pack(fit.model, cohort))
    latents = _with_new_pulses(fitted, density, x, seed)
    return density, list(density.evaluate(latents, packed.arrays))


def _with_new_pulses(
    fitted: CohortDensity, density: CohortDensity, x: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Draws of a fit for the same patients with more pulses; what these add is drawn afresh."""
    unravel, hierarchy = fitted.unravel(), density.hierarchy
    old, new = (_places(p) for p in (fitted, density))
    treated = [old[0].get(key, -1) for key in new[0]]
    lanes = [old[1].get(key, -1) for key in new[1]]

    def one(v: jax.Array, key: jax.Array) -> jax.Array:
        known = unravel(v)
        fresh = hierarchy.draw_latents(key, density.arrays, known.population)
        return flat(
            Latents(
                known.population,
                known.subject,
                _kept(known.treated, fresh.treated, np.asarray(treated, int)),
                _kept(known.occasion, fresh.occasion, np.asarray(lanes, int)),
                known.covariate,
                known.lesion,
            )
        )

    keys = jax.random.split(jax.random.key(seed), len(x))
    return np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(x), keys))


def _kept(known: jax.Array, fresh: jax.Array, place: NDArray[np.int64]) -> jax.Array:
    """Columns of ``known`` at each place, and those of ``fresh`` where the place is -1."""
    if not (known.size and fresh.size):
        return fresh
    return jnp.where(place >= 0, known[:, np.maximum(place, 0)], fresh)


def _places(density: CohortDensity) -> tuple[dict[int, int], dict[tuple[int, float], int]]:
    """Place of each treated patient, and of each drug window by patient and first day."""
    layout = density.packed.layout
    treated = {int(patient): i for i, patient in enumerate(layout.treated)}
    lanes = {
        (patient, round(start / SAME_WINDOW_DAYS)): i
        for i, (patient, start, _) in enumerate(layout.lane_windows)
    }
    return treated, lanes  # type: ignore[return-value]
