"""Forecasts of new patients from what was known on chosen days: endpoint, and every later count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from lymphokin.criticism.forecasts.benchmarks import Forecasts
from lymphokin.criticism.forecasts.cases import Cases
from lymphokin.criticism.forecasts.event_cases import EventCases
from lymphokin.criticism.forecasts.held_out import HeldOut
from lymphokin.criticism.forecasts.scores import Floats, crps
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.evaluated import Evaluated, counts_on
from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.population import (
    PackedCohort,
    draw_measured,
    log_density,
    log_probability_below,
)
from lymphokin.predict.endpoint_draws import (
    POPULATION_DRAWS,
    EndpointDraws,
    WeightedDraws,
    arrays_used,
    chosen_draws_of,
    log_of,
    records_used,
    weighted_draws,
)
from lymphokin.predict.event_forecast import Known, chances, days_of, hazards_on, known_of
from lymphokin.predict.path_forecast import curve_reader, measured_numbers
from lymphokin.predict.windows import windows_of

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
COUNT_COLUMNS = ("id", "day", "value", "q05", "q25", "q50", "q75", "q95", "pit", "crps",
                 "log_score", "pareto_k")  # fmt: skip
NO_COUNTS = ("id", "day", "censored", "lower", "place")


class Look(NamedTuple):
    """What was forecast from the records up to a day."""

    endpoint: HeldOut
    """of the judged patients, in their order"""
    counts: pd.DataFrame
    """one row per later lymphocyte count: ``id``, ``day``, ``value``, quantiles ``q05`` ...
    ``q95`` of the count as measured (1e9/L), ``pit`` (its place among them), ``crps``,
    ``log_score`` (minus ln density of ln count, or minus ln probability of a value below its
    limit) and ``pareto_k`` of the patient's weights"""


def forecasts_at_looks(
    density: CohortDensity,
    population_z: Floats,
    cases: Cases | EventCases,
    looks: Sequence[float],
    seed: int,
    *,
    in_fit: bool = False,
) -> dict[float, Look]:
    """Forecast every patient from each look, all from one solution of the equations.

    Args:
        density: the new patients under the model; its nodes hold the days of the endpoint.
        population_z: [draw, quantity] population latents.
        cases: who is judged.
        looks: records up to each of these days are known.
        seed: of the random numbers.
        in_fit: whether the draws have seen the patients: what the records of each have taught them
            is then taken out.

    Raises:
        NoForecastError: when the model has no number for a patient.
    """
    z = chosen_draws_of(population_z, POPULATION_DRAWS, seed)
    packed = density.packed
    known = _known_at(packed, cases, looks)
    of_endpoint = _endpoint_reader(packed, cases, known)
    records, of_counts = _counts_reader(density)

    def read(part: Evaluated) -> np.ndarray:
        return np.concatenate([of_counts(part), of_endpoint(part)], axis=2)

    arrays = {look: arrays_used(packed, None, look) for look in looks}
    weighed = weighted_draws(density, z, arrays, read, in_fit=in_fit, seed=seed)
    most = int(records["slot"].max()) + 1 if len(records) else 0
    result = {}
    for place, (look, drawn) in enumerate(weighed.items()):
        counts, rest = drawn.read[..., :most], drawn.read[..., most:]
        if isinstance(cases, EventCases):
            rest = rest[..., 3 * place : 3 * place + 3]
            endpoint = _of_event(density, drawn._replace(read=rest), cases, known[look])
        else:
            endpoint = _of_endpoint(density, drawn._replace(read=rest), cases, look, z, seed)
        later = records[records["day"] > look]
        table = _of_counts(density, drawn._replace(read=counts), later, z, seed)
        result[look] = Look(endpoint, table)
    return result


def unreliable(pareto_k: Floats) -> np.ndarray:
    """Whether weights rest on a few draws."""
    return pareto_k > UNRELIABLE_PARETO_K


def _known_at(
    packed: PackedCohort, cases: Cases | EventCases, looks: Sequence[float]
) -> dict[float, list[Known]]:
    """By look, what is known of every patient of an event in time; empty of a count."""
    if not isinstance(cases, EventCases):
        return {}
    rows = packed.events[cases.endpoint.quantity]
    patients = list(map(str, packed.cohort.patients.index))
    found = {}
    for look in looks:
        so_far = dict(list(rows[records_used(rows, None, look)].groupby("id", sort=False)))
        found[look] = [known_of(so_far.get(patient, rows.iloc[:0])) for patient in patients]
    return found


def _endpoint_reader(
    packed: PackedCohort, cases: Cases | EventCases, known: Mapping[float, list[Known]]
) -> Callable[[Evaluated], np.ndarray]:
    windows = windows_of(packed.cohort, cases.endpoint) if not cases.endpoint.on_a_day else {}
    if isinstance(cases, EventCases):
        days = np.concatenate([days_of(of_look, windows) for of_look in known.values()], axis=1)
        return hazards_on(packed, cases.endpoint.quantity, days)
    if cases.endpoint.on_a_day:
        return counts_on(packed, cases.known_on)
    return curve_reader(packed, cases.endpoint, list(windows.values()))


def _counts_reader(
    density: CohortDensity,
) -> tuple[pd.DataFrame, Callable[[Evaluated], np.ndarray]]:
    """Counts that have a value or lie below a limit, and what reads the true ones, [draw, patient,
    slot]; patients with fewer than others repeat their first node.
    """
    packed, counted = density.packed, density.likelihood.model.counts_lymphocytes
    rows = pd.concat(packed.records["alc"]) if counted else pd.DataFrame(columns=NO_COUNTS)
    rows = rows[~rows["censored"].astype(bool) | (rows["lower"] == 0)]
    patient = packed.cohort.patients.index.get_indexer(rows["id"].to_numpy())
    rows = rows.assign(patient=patient, slot=rows.groupby("id").cumcount())
    if rows.empty:
        return rows, lambda part: np.zeros((*part.own_log_density.shape, 0))
    nodes = np.zeros((len(packed.cohort), int(rows["slot"].max()) + 1), int)
    nodes[rows["patient"], rows["slot"]] = rows["place"]
    patients = np.arange(len(nodes))[:, None]
    return rows, lambda part: part.outputs["alc"][:, nodes, patients]


def _of_event(
    density: CohortDensity, drawn: WeightedDraws, cases: EventCases, known: list[Known]
) -> HeldOut:
    """Forecasts of an event in the judged patients; of a chance there are no draws of a number."""
    packed, endpoint = density.packed, cases.endpoint
    exact = density.likelihood.model.hazards[endpoint.quantity].exact
    p = chances(drawn.read, known, windows_of(packed.cohort, endpoint), exact)
    places = packed.cohort.patients.index.get_indexer(cases.patients.index)
    risk = np.minimum((drawn.weights * p).sum(axis=(0, 1)), 1.0)[places]
    none = np.zeros((len(places), 0))
    return HeldOut(Forecasts(risk, none, none), drawn.pareto_k[places])


def _of_endpoint(
    density: CohortDensity, drawn: WeightedDraws, cases: Cases, look: float, z: Floats, seed: int
) -> HeldOut:
    """Forecasts of the judged patients."""
    cohort, quantity = density.packed.cohort, cases.endpoint.quantity
    places = cohort.patients.index.get_indexer(cases.patients.index)
    residual = density.likelihood.model.table.residuals[quantity]
    sd, k = density.residual_sd(z, quantity), drawn.pareto_k[places]
    if cases.endpoint.on_a_day:
        own = drawn._replace(read=drawn.read[:, :, places], weights=drawn.weights[:, :, places])
        draws = EndpointDraws(log_of(own.read[..., 0]), sd, residual, own.weights, k)
        counts, weights = (_by_patient(v) for v in (draws.measured(seed), draws.weights))
        return HeldOut(Forecasts(draws.risk(2), counts, weights), k)
    rng = np.random.default_rng(seed)
    decimals = density.likelihood.model.observables[quantity].decimals
    windows = list(windows_of(cohort, cases.endpoint).values())
    numbers, risks, weights = [], [], []
    for place in map(int, places):
        number, event, weight = measured_numbers(
            cases.endpoint, drawn, place, windows[place], residual, sd, look, rng, decimals
        )
        assert event is not None
        numbers.append(number)
        least = 0.5 / len(weight)  # no draw with the event is not a risk of 0
        risks.append(float(np.clip(weight @ event, least, 1 - least)))
        weights.append(weight)
    return HeldOut(Forecasts(np.array(risks), np.array(numbers), np.array(weights)), k)


def _by_patient(draws: np.ndarray) -> Floats:
    """[patient, draw] of [population draw, draw, patient]."""
    populations, own, patients = draws.shape  # of nobody, a size cannot be inferred
    return draws.reshape(populations * own, patients).T


def _of_counts(
    density: CohortDensity, drawn: WeightedDraws, rows: pd.DataFrame, z: Floats, seed: int
) -> pd.DataFrame:
    """Every count of ``rows`` beside its forecast.

    A laboratory that reports nothing below a limit reports the limit: forecasts are cut there too.
    """
    if rows.empty:
        return pd.DataFrame(columns=COUNT_COLUMNS)
    sd = density.residual_sd(z, "alc")
    model, rng = density.likelihood.model, np.random.default_rng(seed)
    residual, decimals = model.table.residuals["alc"], model.observables["alc"].decimals
    patient, slot = rows["patient"].to_numpy(), rows["slot"].to_numpy()
    log_true = log_of(drawn.read[:, :, patient, slot])
    weights = _by_patient(drawn.weights[:, :, patient])
    scale = sd[:, None, None]
    below = rows["censored"].to_numpy(bool)
    limit = np.where(below, rows["upper"], rows["lloq"].fillna(0.0)).astype(float)
    observed = np.where(below, limit, np.maximum(rows["value"].to_numpy(float), limit))
    measured = np.exp(draw_measured(residual, rng, log_true, scale))
    measured = np.maximum(_by_patient(np.round(measured, decimals)), limit[:, None])
    log_observed = np.log(observed)
    density_of = np.asarray(log_density(residual, log_observed, log_true, scale))
    if below.any():
        tail = log_probability_below(residual, log_observed, log_true, scale)
        density_of = np.where(below, np.asarray(tail), density_of)
    with np.errstate(divide="ignore"):
        score = -logsumexp(_by_patient(density_of) + np.log(weights), axis=1)
    lower, same = measured < observed[:, None], measured == observed[:, None]
    place = (weights * lower).sum(axis=1) + rng.random(len(rows)) * (weights * same).sum(axis=1)
    quantiles = weighted_quantiles(measured, weights, QUANTILES)
    table = rows[["id", "day"]].assign(value=observed)
    for q, values in zip(QUANTILES, quantiles, strict=True):
        table[f"q{round(100 * q):02d}"] = values
    return table.assign(
        pit=place,
        crps=crps(measured, observed, weights),
        log_score=score,
        pareto_k=drawn.pareto_k[patient],
    ).reset_index(drop=True)


def weighted_quantiles(values: Floats, weights: Floats, shares: Sequence[float]) -> Floats:
    """[share, case] quantiles of weighted draws [case, draw]."""
    order = np.argsort(values, axis=1)
    cumulative = np.cumsum(np.take_along_axis(weights, order, 1), axis=1)
    wanted = np.asarray(shares)[:, None, None] * cumulative[:, -1:]
    place = (cumulative < wanted).sum(axis=2)
    ordered = np.take_along_axis(values, order, 1)
    last = values.shape[1] - 1
    return np.stack([ordered[np.arange(len(values)), np.minimum(p, last)] for p in place])
