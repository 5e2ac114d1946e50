"""A joint prior of the population made of draws: what an earlier posterior says, as a density.

Each quantity's latent becomes a normal score by a curve of four numbers (sinh-arcsinh; Jones and
Pewsey 2009, doi:10.1093/biomet/asp053), which follows skewness and tails; the scores together are
normal with the draws' own correlations. What draws say beyond that (dependence that is curved in
the scores) is lost.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

LARGEST_SKEW, TAILS = 2.0, (0.4, 2.5)
"""Bounds of the curve's skewness and of its tails: beyond them a few far draws decide."""
PLACES = np.linspace(0.02, 0.98, 49)
"""Shares at which :meth:`JointPrior.misfit` compares quantiles."""


class JointPrior(NamedTuple):
    """Density of the population's latents. Its methods take arrays of NumPy or JAX."""

    location: Any
    """[quantity]"""
    scale: Any
    """[quantity]"""
    skew: Any
    """[quantity] 0 without"""
    tail: Any
    """[quantity] 1 for those of a normal, less for heavier ones"""
    root: Any
    """[quantity, quantity] lower Cholesky factor of the scores' correlations"""
    inverse_root: Any
    """[quantity, quantity]"""

    @classmethod
    def of(cls, z: np.ndarray) -> JointPrior:
        """The density that draws [draw, quantity] come from, about.

        Raises:
            ValueError: when there are fewer than five draws per quantity.
        """
        draws, quantities = z.shape
        if draws < 5 * quantities:
            raise ValueError(
                f"{draws} draws of {quantities} population quantities are too few to become a "
                f"prior: expected at least {5 * quantities}"
            )
        location, scale, skew, tail = np.array([_curve(own) for own in z.T]).T
        one = np.eye(quantities)
        scores = cls(location, scale, skew, tail, one, one).scores(z)
        root = np.linalg.cholesky(np.cov(scores, rowvar=False).reshape(quantities, quantities))
        return cls(location, scale, skew, tail, root, np.linalg.inv(root))

    def scores(self, z: Any) -> Any:
        """[..., quantity] the latents as numbers each of which is standard normal."""
        xp = z.__array_namespace__()
        return xp.sinh(self.tail * xp.asinh((z - self.location) / self.scale) - self.skew)

    def standardised(self, z: Any) -> Any:
        """[..., quantity] the latents as independent standard normal numbers."""
        return self.scores(z) @ self.inverse_root.T

    def log_density(self, z: Any) -> Any:
        """[...] ln density, up to a constant."""
        xp = z.__array_namespace__()
        at = (z - self.location) / self.scale
        slope = xp.log(xp.cosh(self.tail * xp.asinh(at) - self.skew)) - 0.5 * xp.log1p(at**2)
        return slope.sum(axis=-1) - 0.5 * (self.standardised(z) ** 2).sum(axis=-1)

    def draws(self, normal: Any) -> Any:
        """[..., quantity] latents of independent standard normal numbers."""
        xp = normal.__array_namespace__()
        curved = xp.sinh((xp.asinh(normal @ self.root.T) + self.skew) / self.tail)
        return self.location + self.scale * curved

    def misfit(self, z: np.ndarray) -> float:
        """Largest distance between a quantile of the draws and of the density, over all quantities,
        in SDs of the draws.
        """
        curved = np.sinh((np.arcsinh(ndtri(PLACES))[:, None] + self.skew) / self.tail)
        expected = self.location + self.scale * curved
        found = np.quantile(z, PLACES, axis=0)
        return float((np.abs(found - expected) / z.std(axis=0)).max())


def _curve(z: np.ndarray) -> tuple[float, float, float, float]:
    """Location, scale, skewness and tail of the curve that makes draws [draw] normal: of the
    highest likelihood.
    """
    import scipy.optimize  # half a second that one patient's risk does not wait for

    centre, spread = float(np.median(z)), float(z.std())
    if spread == 0:
        raise ValueError("draws of the population do not vary: a point is no prior")
    standard = (z - centre) / spread

    def loss(at: np.ndarray) -> float:
        location, log_scale, skew, log_tail = at
        x = (standard - location) / np.exp(log_scale)
        inner = np.exp(log_tail) * np.arcsinh(x) - skew
        slope = log_tail - log_scale + np.log(np.cosh(inner)) - 0.5 * np.log1p(x**2)
        return float((0.5 * np.sinh(inner) ** 2 - slope).mean())

    bounds = [(-3, 3), (-3, 2), (-LARGEST_SKEW, LARGEST_SKEW), tuple(np.log(TAILS))]
    found = scipy.optimize.minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=bounds).x
    scale = spread * float(np.exp(found[1]))
    location = centre + spread * float(found[0])
    return location, scale, float(found[2]), float(np.exp(found[3]))
