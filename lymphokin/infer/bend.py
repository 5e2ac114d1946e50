"""How patients follow the population beyond a straight line.

With the population fixed, each patient's posterior has a centre and a width. Both change when the
population moves: the centre along a curve, the width by a factor. What a linear map leaves of that
is small in each patient, but it adds up over patients to a force on the population that no linear
map takes away. So in a few directions of the population the centres follow a quadratic and the
logarithms of the widths a line.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

DIRECTIONS = 3
"""More remove little more (measured on trials of 40 and 200 patients)."""


class Bend(NamedTuple):
    """Map of whitened points to themselves, which leaves the population where it is.

    Its methods compute with NumPy or JAX, whichever their arguments are of.
    """

    directions: Any
    """[quantity, direction] of the whitened population"""
    curve: Any
    """[patient, slot, pair] by how much centres move with products of two directions"""
    stretch: Any
    """[patient, slot, direction] by how much the logarithms of widths do with directions"""

    @classmethod
    def none(cls, quantities: int, patients: int, slots: int) -> Bend:
        """The map that changes nothing."""
        directions = min(DIRECTIONS, quantities)
        return cls(
            np.zeros((quantities, directions)),
            np.zeros((patients, slots, directions * (directions + 1) // 2)),
            np.zeros((patients, slots, directions)),
        )

    def bent(self, population: Any, own: Any) -> tuple[Any, Any]:
        """Where patients go, [..., patient, slot], and the log of the volume that each is given,
        [..., patient].

        Args:
            population: [..., quantity] of a whitened point.
            own: [..., patient, slot] the patients' part.
        """
        xp = population.__array_namespace__()
        centre, log_width = self._at(population)
        return centre + xp.exp(log_width) * own, log_width.sum(axis=-1)

    def straight(self, population: Any, bent: Any) -> Any:
        """The patients' part of the point that goes to ``bent``; arguments as of :meth:`bent`."""
        xp = population.__array_namespace__()
        centre, log_width = self._at(population)
        return (bent - centre) * xp.exp(-log_width)

    def _at(self, population: Any) -> tuple[Any, Any]:
        xp = population.__array_namespace__()
        along = population @ self.directions
        centre = xp.einsum("psf,...f->...ps", self.curve, products(along), optimize=True)
        return centre, xp.einsum("psd,...d->...ps", self.stretch, along, optimize=True)


def products(along: Any) -> Any:
    """[..., pair] products of the directions [..., direction], less their means under a standard
    normal.
    """
    first, second = np.triu_indices(along.shape[-1])
    return along[..., first] * along[..., second] - (first == second)
