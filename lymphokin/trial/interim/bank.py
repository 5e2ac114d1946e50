"""The posterior at an interim look of a virtual trial, fast: a bank of virtual patients.

Many populations are drawn from the prior, and many patients of each. The likelihood of a patient's
counts so far under a population is their mean likelihood over the patients of that population, so
that populations weigh by the product over the trial (importance sampling with an unbiased estimate
of the likelihood); the patient's own risk is the mean over the patients of the population,
weighted by how well each explains the counts. No step is approximate but for the numbers drawn.
Of an endpoint of a window, the visits that are past are the patient's own and those to come are of
each patient of the bank; they are read together. Of an event in time, what looks have found so far
joins the counts. A patient is known by arm and counts; courses and
other cells are not used, which loses information but not calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from numpy.typing import NDArray

from lymphokin.endpoint import measured_threshold
from lymphokin.endpoints import Endpoint
from lymphokin.model import Residual
from lymphokin.population import log_density, probability_below
from lymphokin.trial.interim.observed import Observed
from lymphokin.trial.interim.predictive import ArmSoFar
from lymphokin.trial.interim.reading import WindowVisits
from lymphokin.trial.interim.rehearsed_events import EventSoFar, under_bank
from lymphokin.trial.virtual.window import reaches, shown

GRADE = 2
TINY = 1e-30
"""Instead of a sum of weights that is 0: nobody of a population comes to the last visit."""


class Passed(NamedTuple):
    """The hazard of an event in time in virtual patients."""

    by_look: jax.Array
    """[look, population, patient] cumulative, by each look"""


class BankArm(NamedTuple):
    """Virtual patients of one arm."""

    log_true: jax.Array
    """[visit, population, patient]"""
    risk: jax.Array | WindowVisits | Passed
    """[population, patient] probability that the endpoint is reported below 0.80; or the visits of
    an endpoint of a window, [visit, population, patient]; or the hazard of an event in time"""
    residual_sd: jax.Array
    """[population, component]"""


@dataclass(frozen=True)
class Bank:
    """Virtual patients of many populations of the prior."""

    control: BankArm
    treated: BankArm
    residual: Residual
    window: Endpoint | None = None
    """the endpoint, where it is one of a window"""

    @classmethod
    def of(
        cls,
        observed: Observed,
        populations: int,
        n_control: int,
        residual: Residual,
        window: Endpoint | None = None,
    ) -> Bank:
        """A bank from trials of ``populations`` populations, those of one together."""
        arms = []
        for part in (slice(0, n_control), slice(n_control, None)):
            visits = observed.log_true[:, :, part].swapaxes(0, 1)
            log_true = jnp.asarray(visits.reshape(visits.shape[0], populations, -1))
            trials = observed.residual_sd.shape[0] // populations
            sd = jnp.asarray(observed.residual_sd[::trials])
            if observed.looks is not None:
                passed = observed.looks.passed[:, :, part].swapaxes(0, 1)
                risk = Passed(jnp.asarray(passed.reshape(len(passed), populations, -1)))
            elif window is None:
                threshold = np.float32(np.log(measured_threshold(GRADE)))
                risk = probability_below(residual, threshold, log_true[-1], sd[:, None])
                risk = risk.astype(jnp.float32)
            else:
                risk = WindowVisits(
                    *(
                        jnp.asarray(x[:, :, part].reshape(len(x), populations, -1))
                        for x in WindowVisits.of(window, observed)
                    )
                )
            arms.append(BankArm(log_true, risk, sd))
        return cls(arms[0], arms[1], residual, window)


@partial(jax.jit, static_argnums=(0, 1))
def _weigh(
    residual: Residual,
    window: Endpoint | None,
    bank: BankArm,
    log_count: jax.Array,
    known: jax.Array,
    so_far: Any,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """[patient, population] log likelihood of each patient's records, the patient's risk, and, of
    an event in time, the probability that the endpoint will be known.

    Args:
        log_count: [patient, visit] ln of the counts.
        known: [patient, visit] 1.0 where there is a count.
        so_far: as of :func:`posterior_at`, the patient first.
    """
    sd = bank.residual_sd[:, None]

    def one(patient: tuple[jax.Array, jax.Array, Any]) -> tuple[jax.Array, ...]:
        counts, there, own_visits = patient
        total = jnp.zeros_like(bank.log_true[0])
        for visit in range(bank.log_true.shape[0]):
            own = log_density(residual, counts[visit], bank.log_true[visit], sd)
            total = total + there[visit] * own
        if isinstance(bank.risk, Passed):
            of_event, event, reached = under_bank(bank.risk.by_look, own_visits)
            total = total + of_event
        elif isinstance(bank.risk, WindowVisits):
            assert window is not None
            event, reached = _together(window, bank.risk, own_visits)
            event &= reached
        likelihood = logsumexp(total, axis=1) - np.log(total.shape[1])
        share = jax.nn.softmax(total, axis=1)
        if not isinstance(bank.risk, Passed | WindowVisits):
            return likelihood, (share * bank.risk).sum(axis=1), jnp.ones_like(likelihood)
        known = (share * reached).sum(axis=1)
        return likelihood, (share * event).sum(axis=1) / jnp.maximum(known, TINY), known

    return jax.lax.map(one, (log_count, known, so_far))


def _together(
    window: Endpoint, to_come: WindowVisits, own: tuple[WindowVisits, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    """[population, patient of the bank] whether a patient's visits that are past and the others of
    each patient of the bank show the event, and whether they make it known.
    """
    past = own[1][:, None, None]
    day, value, taken = (
        jnp.where(past, mine[:, None, None], other)
        for mine, other in zip(own[0], to_come, strict=True)
    )
    # A visit to come that the bank's patient had early comes after those that are past.
    day = jnp.maximum(day, jnp.where(own[1], own[0].day, window.begin).max())
    day = jnp.where(past, own[0].day[:, None, None], day)
    return shown(window, day, value, taken), reaches(window, day, taken)


class LookPosterior(NamedTuple):
    """The posterior at a look: draws of the population with everybody's risk."""

    risk: tuple[NDArray[np.float64], NDArray[np.float64]]
    """per arm, [draw, patient]"""
    known: tuple[NDArray[np.float64], NDArray[np.float64]]
    """per arm, [draw, patient] probability that the endpoint will be known; of an event in time"""
    effective: float
    """effective number of populations of the bank"""


def posterior_at(
    bank: Bank,
    log_count: NDArray[np.float32],
    known: NDArray[np.bool_],
    n_control: int,
    draws: int,
    rng: np.random.Generator,
    so_far: tuple[WindowVisits, NDArray[np.bool_]] | EventSoFar | None = None,
) -> LookPosterior:
    """Posterior of a trial's risks given the counts so far.

    Args:
        bank: virtual patients of the prior.
        log_count: [visit, patient] ln of the counts; any number where it is not known.
        known: [visit, patient] whether the count is known at the look.
        n_control: patients of the control arm, which come first.
        draws: draws to take.
        rng: random numbers of the draws.
        so_far: of an endpoint of a window, the patients' own visits and which of them are past,
            [visit, patient] each; they are the last of ``log_count``. Of an event in time, what is
            known of it.
    """
    log_weight, found = 0.0, []
    counts = np.where(known, log_count, 0.0).astype(np.float32).T
    there = known.T.astype(np.float32)
    parts = (slice(0, n_control), slice(n_control, None))
    for arm, part in zip((bank.control, bank.treated), parts, strict=True):
        own = jax.tree.map(lambda x: x[..., part].T, so_far)  # noqa: B023
        likelihood, *chances = _weigh(
            bank.residual, bank.window, arm, counts[part], there[part], own
        )
        log_weight = log_weight + np.asarray(likelihood, dtype=float).sum(axis=0)
        found.append([np.clip(np.asarray(x, dtype=float).T, 0.0, 1.0) for x in chances])
    weight = np.exp(log_weight - np.max(log_weight))
    weight /= weight.sum()
    # Systematic draws: evenly spaced through the cumulative weights, one random offset.
    spots = (rng.random() + np.arange(draws)) / draws
    chosen = np.searchsorted(np.cumsum(weight), spots).clip(max=len(weight) - 1)
    risk, will_be_known = zip(*([x[chosen] for x in arm] for arm in found), strict=True)
    return LookPosterior(risk, will_be_known, float(1 / (weight**2).sum()))


def arm_so_far(
    event: NDArray[np.bool_],
    settled: NDArray[np.bool_],
    risk: NDArray[np.float64],
    evaluable: NDArray[np.float64],
) -> ArmSoFar:
    """One arm at the look.

    Args:
        event: [patient] whether the known endpoint is an event.
        settled: [patient] whether the endpoint is known.
        risk: [draw, patient]
        evaluable: [patient], or [draw, patient], probability of an endpoint.
    """
    known = int(settled.sum())
    events = int((event & settled).sum())
    return ArmSoFar(events, known, risk[:, ~settled], evaluable[..., ~settled])
