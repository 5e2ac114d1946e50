"""Posterior predictive probability that a trial ends significant, given what is known now.

The draws of a posterior carry the correlation between patients: given a draw, patients are
independent, and two arms of one draw share its population. So for every draw the number of events
at the end is the sum of independent events with the patients' own risks; its distribution is
listed in full, and nothing is simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.exact import TESTS
from lymphokin.trial.inputs import Demands

NEGLIGIBLE = 1e-12
"""Numbers of analysed patients less likely than this are left out."""


@dataclass(frozen=True)
class ArmSoFar:
    """One arm at the look: endpoints that are known, and everybody who has none yet."""

    events: int
    """known endpoints with the event"""
    known: int
    """known endpoints"""
    risk: NDArray[np.float64]
    """[draw, patient] risk of each patient without an endpoint, in follow-up or not yet enrolled"""
    evaluable: NDArray[np.float64]
    """[patient], or [draw, patient], probability that the patient will have an endpoint; 0 where
    that is ruled out"""

    def __post_init__(self) -> None:
        demands = Demands("interim look")
        demands.that(0 <= self.events <= self.known, "events", self.events,
                     f"from 0 to the number of known endpoints ({self.known})")  # fmt: skip
        for name, values in (("risk", self.risk), ("evaluable", self.evaluable)):
            outside = values[~((values >= 0) & (values <= 1))]
            found = outside[0] if outside.size else None
            demands.that(found is None, name, found, "a probability")
        patients = self.evaluable.shape[-1]
        same = (
            self.risk.ndim == 2 and self.risk.shape[-self.evaluable.ndim :] == self.evaluable.shape
        )
        demands.that(same, "risk", self.risk.shape, f"[draw, {patients} patients]")
        demands.enforce()

    @property
    def patients(self) -> int:
        """Patients of the arm at the end, with or without an endpoint."""
        return self.known + self.evaluable.shape[-1]


@dataclass(frozen=True)
class Predictive:
    """What the end of the trial may look like."""

    success: NDArray[np.float64]
    """[draw] probability of a significant result"""
    weight: NDArray[np.float64]
    """[draw] sums to 1"""
    final: tuple[NDArray[np.float64], NDArray[np.float64]]
    """per arm (control, treated), [analysed, events] probability of that many at the end"""
    rates: NDArray[np.float64]
    """[draw, arm] expected event rate at the end among patients with an endpoint"""

    @property
    def probability(self) -> float:
        """Posterior predictive probability of a significant result."""
        return float(self.weight @ self.success)

    @property
    def final_events(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Per arm, [events] probability of each number of events at the end."""
        return self.final[0].sum(axis=0), self.final[1].sum(axis=0)

    def final_rates(self, arm: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Observed rates that the arm may end with, rising, and their probabilities.

        Endings without any endpoint are left out.
        """
        analysed, events = np.nonzero(self.final[arm][1:] > 0)
        chance = self.final[arm][1:][analysed, events]
        rate, place = np.unique(events / (analysed + 1), return_inverse=True)
        return rate, np.bincount(place, chance) / chance.sum()


def predictive(
    control: ArmSoFar,
    treated: ArmSoFar,
    test: str,
    alpha: float,
    missing: str = "excluded",
    weight: NDArray[np.float64] | None = None,
) -> Predictive:
    """Posterior predictive distribution of the result at the end of the trial.

    Args:
        control: the control arm; its draws are those of the treated arm.
        treated: the treated arm.
        test: name of an exact test.
        alpha: its nominal one-sided level.
        missing: what a patient without an endpoint is: excluded, event, or no event.
        weight: [draw] importance of each draw; equal by default.
    """
    draws = len(control.risk)
    same = len(treated.risk) == draws > 0
    Demands("interim look").that(same, "draws", len(treated.risk), f"{draws}, as control").enforce()
    weight = np.full(draws, 1 / draws) if weight is None else np.asarray(weight) / np.sum(weight)
    ends = [_ends(arm, missing) for arm in (control, treated)]
    final = tuple(np.einsum("d,dae->ae", weight, end) for end in ends)
    success = np.zeros(draws)
    likely = [np.flatnonzero(table.sum(axis=1) > NEGLIGIBLE) for table in final]
    for n_control in likely[0]:
        for n_treated in likely[1]:
            if min(n_control, n_treated) == 0:
                continue
            rejects = _rejects(test, int(n_treated), int(n_control), alpha)
            of_treated = ends[1][:, n_treated, : n_treated + 1]
            of_control = ends[0][:, n_control, : n_control + 1]
            success += ((of_treated @ rejects) * of_control).sum(axis=1)
    rates = np.stack([_expected_rate(arm, missing) for arm in (control, treated)], axis=1)
    return Predictive(success, weight, (final[0], final[1]), rates)


@lru_cache(maxsize=4096)
def _rejects(test: str, n_treated: int, n_control: int, alpha: float) -> NDArray[np.float64]:
    return TESTS[test].rejects(n_treated, n_control, alpha).astype(float)


def _chances(arm: ArmSoFar, missing: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[draw, patient] chance to be analysed, and to be analysed with the event."""
    event, there = arm.evaluable * arm.risk, np.broadcast_to(arm.evaluable, arm.risk.shape)
    if missing == "excluded":
        return there, event
    lost = 1 - there if missing == "event" else 0.0
    return np.ones_like(there), event + lost


def _ends(arm: ArmSoFar, missing: str) -> NDArray[np.float64]:
    """[draw, analysed, events] probability of each end of one arm."""
    analysed, event = _chances(arm, missing)
    size = arm.patients + 1
    state = np.zeros((len(arm.risk), size, size))
    state[:, arm.known, arm.events] = 1.0
    for i in range(analysed.shape[1]):
        chance, with_event = analysed[:, i, None, None], event[:, i, None, None]
        moved = state[:, :-1] * (chance - with_event)
        moved[:, :, 1:] += state[:, :-1, :-1] * with_event
        state *= 1 - chance
        state[:, 1:] += moved
    return state


def _expected_rate(arm: ArmSoFar, missing: str) -> NDArray[np.float64]:
    """[draw] expected events over expected patients analysed."""
    analysed, event = _chances(arm, missing)
    return (arm.events + event.sum(axis=1)) / np.maximum(
        arm.known + analysed.sum(axis=1), NEGLIGIBLE
    )
