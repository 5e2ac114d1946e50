"""What decides a patient's count at a visit: quadratic surfaces over the latents.

They only say along what draws are spread evenly. No number is read off them, so that a poor
surface costs evenness and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RIDGE = 1e-3
CURVED = 12
"""Latents whose squares and products are in it: those with the largest slopes."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A number as a function of latents of population and patient."""

    middle: np.ndarray
    """[latent, 1] mean of each latent, of the population first"""
    scale: np.ndarray
    """[latent, 1] its SD"""
    slopes: np.ndarray
    """[latent] of a plane, per unit of the latent"""
    curved: np.ndarray
    """[latent of the quadratic part]"""
    weights: np.ndarray
    """[1 + latents + products]"""

    @classmethod
    def fit(cls, x: np.ndarray, y: np.ndarray) -> Surface:
        """The surface through values [draw] at latents [latent, draw]."""
        middle, sd = x.mean(axis=1, keepdims=True), x.std(axis=1, keepdims=True)
        scale = np.where(sd > 1e-12, sd, np.inf)  # what does not vary decides nothing
        plane = ridge((x - middle) / scale, y)[1:]
        curved = np.argsort(-np.abs(plane))[:CURVED]
        features = _features((x - middle) / scale, curved)
        return cls(middle, scale, plane / scale[:, 0], curved, ridge(features, y))

    def __call__(self, z: np.ndarray, w: np.ndarray) -> np.ndarray:
        """[lane] the number for latents of population and patient, lanes last."""
        x = (np.vstack([z, w]) - self.middle) / self.scale
        return self.weights[0] + self.weights[1:] @ _features(x, self.curved)

    def split(self, quantities: int) -> tuple[np.ndarray, np.ndarray]:
        """Slopes along the latents of a population of some quantities, and of the patient."""
        return self.slopes[:quantities], self.slopes[quantities:]


def evenly(surfaces: Sequence[np.ndarray], weight: np.ndarray, count: int) -> np.ndarray:
    """An order of weighted draws in which every part of it holds all values of all surfaces.

    By the first surface alone it is sorted. A second one is sorted by within as many strata of the
    first as make both equally fine, forwards and backwards in turn.

    Args:
        surfaces: [lane] each, one or two.
        weight: [lane] adds up to anything.
        count: of draws that will be taken.
    """
    first, *second = surfaces
    order = np.argsort(first)
    if not second:
        return order
    up_to = np.cumsum(weight[order])
    stratum = np.floor(up_to / up_to[-1] * math.isqrt(count))
    along = second[0][order] * np.where(stratum % 2, -1.0, 1.0)
    return order[np.lexsort((along, stratum))]


def _features(x: np.ndarray, curved: np.ndarray) -> np.ndarray:
    some = x[curved]
    first, second = np.triu_indices(len(some))
    return np.vstack([x, some[first] * some[second]])


def ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[..., 1 + feature] intercept and slopes of numbers ``y`` [..., draw] over features ``x``
    [feature, draw], the slopes slightly shrunk.
    """
    x = np.vstack([np.ones(x.shape[1]), x])
    penalty = RIDGE * x.shape[1] * np.eye(len(x))
    penalty[0, 0] = 0.0
    return np.linalg.solve(x @ x.T + penalty, x @ y.T).T
