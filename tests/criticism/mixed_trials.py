"""Trials of a linear mixed model with its posterior, quick enough to fit hundreds.

ln of a measurement is the level and slope of the arm, those of the patient, and noise. The
posterior is importance sampling: the fixed effects are integrated out, the three SDs proposed
around their mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats
from threadpoolctl import threadpool_limits

from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.data.visual_check import Kind, judge_visual_checks, visual_checks
from lymphokin.model import Residual

DAYS = np.array([-7.0, 0.0, 14.0, 28.0, 49.0, 84.0])
TIME = DAYS / DAYS[-1]
PATIENTS, DRAWS = 60, 500
MEAN = np.array([0.0, -0.8, -0.8])
"""Prior means of the level and of the slope in each arm."""
SD = np.array([0.4, 0.3, 0.15])
"""Prior medians of the SDs: of levels and slopes between patients, and of the noise."""
HELD = 0.08
"""Prior SD of ln of an SD, or of a slope, that the model believes to know."""
CASES = ("right", "noise", "spread", "trend", "recovery", "outliers")


@dataclass(frozen=True)
class MixedModel:
    """Prior SDs of the three fixed effects, and of ln of the three SDs."""

    effects: tuple[float, float, float] = (1.0, 0.7, 0.7)
    log_sds: tuple[float, float, float] = (0.5, 0.5, 0.5)

    @property
    def design(self) -> np.ndarray:
        """[arm, day, effect]"""
        level, zero = np.ones_like(TIME), np.zeros_like(TIME)
        return np.stack([np.stack([level, TIME, zero], -1), np.stack([level, zero, TIME], -1)])

    def log_posterior(self, u: np.ndarray, mean: list, scatter: list, size: list) -> tuple:
        """[...] ln posterior of SDs, in prior SDs ``u`` [..., 3], and moments of the effects."""
        sd = SD * np.exp(np.clip(u * self.log_sds, -4, 4))
        shapes = np.stack([np.ones((len(TIME),) * 2), np.outer(TIME, TIME), np.eye(len(TIME))])
        covariance = np.einsum("...k,kst->...st", sd**2, shapes)
        inverse = np.linalg.inv(covariance)
        prior = np.diag(np.asarray(self.effects) ** -2.0)
        precision, shift, square = prior, prior @ MEAN, 0.0
        for x, m, s, n in zip(self.design, mean, scatter, size, strict=True):
            precision = precision + n * np.einsum("sk,...st,tl->...kl", x, inverse, x)
            shift = shift + n * np.einsum("sk,...st,t->...k", x, inverse, m)
            square = square + np.einsum("...st,st->...", inverse, s + n * np.outer(m, m))
        effects = np.linalg.solve(precision, shift[..., None])[..., 0]
        logs = sum(size) * np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(precision)[1]
        squares = square - (shift * effects).sum(-1) + (u**2).sum(-1)
        return -0.5 * (logs + squares), effects, precision

    def posterior(self, y: np.ndarray, arm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """[draw, 6] effects and ln SDs given a trial ``y`` [patient, day]."""
        mean = [y[arm == a].mean(axis=0) for a in (0, 1)]
        away = [y[arm == a] - m for a, m in enumerate(mean)]
        known = mean, [e.T @ e for e in away], [len(e) for e in away]

        def minus(u: np.ndarray) -> float:
            return -float(self.log_posterior(u, *known)[0])

        simplex = np.vstack([np.zeros(3), np.eye(3)])
        settings = {"initial_simplex": simplex, "xatol": 0.01, "fatol": 0.01}
        mode = optimize.minimize(minus, np.zeros(3), method="Nelder-Mead", options=settings).x
        step = 0.05 * np.eye(3)
        curvature = [
            [minus(mode + a + b) - minus(mode + a - b) - minus(mode - a + b) + minus(mode - a - b)
             for b in step] for a in step
        ]  # fmt: skip
        values, vectors = np.linalg.eigh(np.asarray(curvature) / 0.1**2)
        z = rng.standard_t(8, (6 * DRAWS, 3))
        u = mode + z @ (1.15 * vectors / np.sqrt(np.maximum(values, 0.5))).T
        log_density, effects, precision = self.log_posterior(u, *known)
        log_weight = log_density - stats.t.logpdf(z, 8).sum(axis=1)
        weight = np.exp(log_weight - log_weight.max())
        kept = rng.choice(len(u), DRAWS, p=weight / weight.sum())
        root = np.linalg.cholesky(np.linalg.inv(precision[kept]))
        drawn = effects[kept] + np.einsum("dkl,dl->dk", root, rng.standard_normal((DRAWS, 3)))
        return np.concatenate([drawn, np.log(SD) + u[kept] * self.log_sds], axis=1)

    def simulate(self, draws: np.ndarray, arm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """[draw, patient, day] trials of ``draws`` [draw, 6], with patients drawn anew."""
        level, slope, noise = np.exp(draws[:, 3:]).T[:, :, None, None]
        y = np.einsum("pte,de->dpt", self.design[arm], draws[:, :3])
        n = len(draws), len(arm), 1
        y = y + level * rng.standard_normal(n) + slope * rng.standard_normal(n) * TIME
        return y + noise * rng.standard_normal(y.shape)


FREE = MixedModel()
MODELS = {
    "noise": MixedModel(log_sds=(0.5, 0.5, HELD)),
    "spread": MixedModel(log_sds=(HELD, 0.5, 0.5)),
    "trend": MixedModel(effects=(1.0, HELD, HELD)),
}
"""Models that believe to know what is wrong in the trials of that name; else the free one."""


def trial(case: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """ln of measurements [patient, day] and the arm [patient] of a trial that is wrong in one way.

    The truth of the right one is drawn from the free model's prior; of the others it is its centre,
    with noise or levels twice as wide, slopes 0.5 lower, a faster fall that turns into a recovery
    after day 34, or one measurement in ten three times too high or too low.
    """
    arm = np.arange(PATIENTS) % 2
    truth = np.concatenate([MEAN, np.log(SD)])
    if case == "right":
        truth += np.concatenate([FREE.effects, FREE.log_sds]) * rng.standard_normal(6)
    truth[[3, 5]] += np.log(2) * np.array([case == "spread", case == "noise"])
    truth[1:3] -= 0.5 * (case == "trend")
    y = FREE.simulate(truth[None], arm, rng)[0]
    if case == "recovery":
        y = y + np.where(TIME > 0.4, 1.2 * (TIME - 0.4), 0.0) - 0.8 * np.clip(TIME, 0.0, 0.4)
    if case == "outliers":
        y = y + np.log(3) * rng.choice([-1, 0, 1], y.shape, p=[0.05, 0.9, 0.05])
    return y, arm


def replicates(case: str, seed: int) -> Replicates:
    """A trial, fitted and simulated again from each draw."""
    rng = np.random.default_rng([CASES.index(case), seed])
    y, arm = trial(case, rng)
    model = MODELS.get(case, FREE)
    draws = model.posterior(y, arm, rng)
    typical = np.einsum("pte,de->dpt", model.design[arm], draws[:, :3]).reshape(DRAWS, -1)
    new = model.simulate(draws, arm, rng).reshape(DRAWS, -1)
    records = pd.DataFrame(
        {
            "id": np.repeat([f"P{i:02d}" for i in range(PATIENTS)], len(DAYS)),
            "arm": np.repeat(np.where(arm, "B", "A"), len(DAYS)),
            "day": np.tile(DAYS, PATIENTS),
            "value": np.exp(y.ravel()),
            "lloq": np.nan,
            "censored": False,
        }
    )
    residual = Residual("alc", "normal", float(SD[2]), "estimated")
    sd = np.exp(draws[:, 5])[:, None, None]
    # No check of new patients looks at what is predicted for the same ones.
    return Replicates("alc", records, residual, sd, typical, typical, new, new, draws, False)


@threadpool_limits.wrap(1, user_api="blas")
def probabilities(case: str, trials: int, kinds: tuple[Kind, ...]) -> dict[Kind, np.ndarray]:
    """[trial] of each kind of visual check, the probability that it gives."""
    found: dict[Kind, list[float]] = {kind: [] for kind in kinds}
    for seed in range(trials):
        r = replicates(case, seed)
        for kind in kinds:
            verdict = judge_visual_checks(visual_checks(r, kind), r.population)
            found[kind].append(verdict.numbers["p"])
    return {kind: np.asarray(p) for kind, p in found.items()}
