"""Whether an event happened by a day, of patients of whom not all are followed so far.

A patient's pseudo-value is n F - (n - 1) F', F being the share of n patients with the event by the
day (Turnbull, or Kaplan and Meier where times are known) and F' that share without the patient
(Andersen, Klein and Rosthoj 2003, doi:10.1093/biomet/90.1.15). All are moved by what their mean
lacks to F: Turnbull's estimate may jump where a patient is left out, and F itself scatters less. It
is 1 or 0 where everybody's state is known. On average over patients it is what it stands for, as
long as when patients are looked at has nothing to do with the event; so scores that are linear in
the outcome are judged by it without leaving out who is not followed to the end (Cortese, Gerds and
Andersen 2013, doi:10.1002/sim.5958).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from lymphokin.criticism.forecasts.calibration import MOST_EXTREME, UNKNOWN
from lymphokin.criticism.forecasts.intervals import Z90, Estimate, bootstrapped
from lymphokin.criticism.forecasts.scores import Floats
from lymphokin.predict.turnbull import turnbull

FEWEST_FOLLOWED = 2
"""Patients followed as long as all who were lost before the last day, below which the share with
the event by then is not in the records: it has to be there without each of them, too."""
FEWEST_OF_ARM = 5
"""Patients below which an arm has no share of its own (judgement)."""
NEWTON_STEPS = 50
LARGEST_SLOPE = 50.0
RESAMPLES = 500


class PseudoValues(NamedTuple):
    """What stands for the outcome of each patient, and the others' share, [patient] each."""

    value: Floats
    others: Floats
    """share of the other patients of the arm with the event, by the rule of succession"""


def share_by(after: Floats, until: Floats, end: float) -> float:
    """Share of patients with the event by day ``end``, straight within the days of a fall.

    Args:
        after: [patient] last day without the event.
        until: [patient] day by which it happened, the same of a known time; infinite where it is
            not known to have happened.
        end: the day.
    """
    steps = turnbull(after, until)
    before = np.concatenate([[1.0], steps.survival[:-1]])
    width = np.where(np.isfinite(steps.end), steps.end - steps.begin, np.inf)
    fallen = np.where(width > 0, (end - steps.begin) / np.maximum(width, 1e-12), end >= steps.begin)
    return float(((before - steps.survival) * np.clip(fallen, 0.0, 1.0)).sum())


def followed_to(after: Floats, until: Floats, end: float) -> float:
    """Last day by which the share with the event is in the records, up to ``end``."""
    lost = (after < end) & np.isinf(until)
    if not lost.any() or (after[~lost] >= after[lost].max()).sum() >= FEWEST_FOLLOWED:
        return end
    return float(np.sort(after)[-FEWEST_FOLLOWED:].min())


def taken_together(arm: np.ndarray) -> np.ndarray:
    """[patient] number of the patients among whom the share with the event is estimated: those of
    the arm. Small arms are taken together, and with the largest one where they are few so, too.
    """
    _, number, sizes = np.unique(arm, return_inverse=True, return_counts=True)
    small = (sizes < FEWEST_OF_ARM)[number]
    into = sizes.argmax() if small.sum() < FEWEST_OF_ARM else -1
    return np.where(small, into, number)


def pseudo_values(after: Floats, until: Floats, end: float, arm: np.ndarray) -> PseudoValues:
    """Pseudo-values by arm, small ones as of :func:`taken_together`.

    Args:
        after, until, end: as of :func:`share_by`.
        arm: [patient] the arm's name.
    """
    together = taken_together(arm)
    value, others = np.empty(len(after)), np.empty(len(after))
    for name in np.unique(together):
        own = np.flatnonzero(together == name)
        n, whole = len(own), share_by(after[own], until[own], end)
        for patient in own:
            rest = own[own != patient]
            share = share_by(after[rest], until[rest], end)
            value[patient] = n * whole - (n - 1) * share
            others[patient] = ((n - 1) * share + 1) / (n + 1)
        value[own] += whole - value[own].mean()
    return PseudoValues(value, others)


def brier(risk: Floats, value: Floats) -> Floats:
    """[patient] squared distance of risk and outcome, linear in the outcome."""
    return risk**2 + value * (1 - 2 * risk)


def log_score(risk: Floats, value: Floats) -> Floats:
    """[patient] minus ln of the probability that was given to the outcome."""
    return -(value * np.log(risk) + (1 - value) * np.log1p(-risk))


def calibration_slope(risk: Floats, value: Floats) -> Estimate:
    """Slope of the outcome on the log-odds of the risk, with the interval of the sandwich variance;
    unknown where the outcomes do not determine it.
    """
    log_odds = logit(np.clip(risk, MOST_EXTREME, 1 - MOST_EXTREME))
    inputs = np.column_stack([np.ones(len(risk)), log_odds])
    at = np.array([0.0, 1.0])
    for _ in range(NEWTON_STEPS):
        p = expit(inputs @ at)
        information = inputs.T @ ((p * (1 - p))[:, None] * inputs)
        if np.linalg.cond(information) > 1e10:
            return UNKNOWN
        move = np.linalg.solve(information, inputs.T @ (value - p))
        at = at + move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-8:
            break
    else:
        return UNKNOWN
    if abs(at[1]) > LARGEST_SLOPE:
        return UNKNOWN
    off = inputs * (value - expit(inputs @ at))[:, None]
    inverse = np.linalg.inv(information)
    error = float(np.sqrt((inverse @ (off.T @ off) @ inverse)[1, 1]))
    return Estimate(float(at[1]), float(at[1] - Z90 * error), float(at[1] + Z90 * error))


def auc(risk: Floats, value: Floats, seed: int) -> Estimate:
    """Probability that who had the event was given the higher risk, with the percentile bootstrap
    over patients; unknown where pseudo-values make less than one pair of patients with and without.
    """
    above = (risk[:, None] > risk) + 0.5 * (risk[:, None] == risk)

    def of(chosen: np.ndarray) -> float:
        apart = chosen[:, None] != chosen
        pairs = np.outer(value[chosen], 1 - value[chosen]) * apart
        if pairs.sum() < 1:
            return np.nan
        share = (pairs * above[np.ix_(chosen, chosen)]).sum() / pairs.sum()
        return float(np.clip(share, 0.0, 1.0))

    n, rng = len(risk), np.random.default_rng(seed)
    resampled = np.array([of(rng.integers(n, size=n)) for _ in range(RESAMPLES)])
    return bootstrapped(np.asarray(of(np.arange(n))), resampled)
