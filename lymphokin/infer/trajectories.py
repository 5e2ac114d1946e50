"""How far trajectories go, and by which steps: planned before they begin.

In the space that the map whitens the posterior is nearly standard normal, and there the right
length is known: a trajectory swings about the centre with a period of 2 pi. After a quarter of it
nothing is left of where it began; after half it is at the mirror image. So lengths lie between a
quarter and a half. They are spread evenly, as a single one would suit some widths and return
others to where they began (Neal 2011, arXiv:1206.1901, section 3.2), and in the
order of multiples of the golden ratio, of which any few in a row are spread evenly, too (as are
those of Hoffman, Radul and Sountsov 2021, proceedings.mlr.press/v130/hoffman21a.html). All chains
share them, so that chains that are computed together do not wait for one another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SHORTEST, LONGEST = 0.5 * np.pi, np.pi
"""In SDs of the map. What is longer or shorter takes as many gradients per effective draw, or more
(benchmarks/README.md, "What a linear map could do")."""
SHORTER, EVERY = 0.25, 10
"""One transition of ten takes as many steps of a quarter of the length. Where the posterior is
narrower than its bulk, the common step fails at every try; a chain that has come there leaves with
a shorter one."""
MOST_STEPS = 255
"""Where steps must be very short, trajectories are, too."""
GOLDEN_RATIO = 0.5 * (1 + np.sqrt(5))


class Trajectories(NamedTuple):
    """Those of some transitions, one after the other."""

    step: np.ndarray
    """[transition] length of a step"""
    count: np.ndarray
    """[transition] number of steps"""

    @classmethod
    def nowhere(cls, number: int) -> Trajectories:
        """Those that stay where they begin."""
        return cls(np.zeros(number), np.ones(number, int))


def planned(first: int, number: int, step: float) -> Trajectories:
    """The trajectories of some transitions.

    Args:
        first: the first of them, counted from the beginning of the fit.
        number: of transitions.
        step: length of most steps.
    """
    i = np.arange(first, first + number)
    length = SHORTEST + (LONGEST - SHORTEST) * (i * GOLDEN_RATIO % 1.0)
    steps = np.where(i % EVERY == EVERY - 1, SHORTER * step, step)
    return Trajectories(steps, np.clip(np.ceil(length / step), 1, MOST_STEPS).astype(int))
