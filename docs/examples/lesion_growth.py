"""How lesions shrink and grow again under a drug, without radiotherapy (Stein 2008).

The cells that the drug reaches fall off at one rate while the others grow at a second one,

    volume(t) = first volume * (exp(-shrinkage * t) + exp(growth * t) - 1)

(doi:10.1634/theoncologist.2008-0075). The growth is that of what the treatment does not hold, not
that of an untreated lesion: every patient of ``lesion_growth.csv`` had a systemic treatment. Time
counts from the lesion's first record, a few weeks before the first treatment.

The growth is solved as the logarithm of what has grown, so that the solver is exact at any rate.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state

begins = "first record"


class Lesions(Block):
    """What is left of each lesion, and what has grown."""

    left = state("1", 1.0, "cells that the drug reaches, of those at first", per="lesion")
    log_grown = state("1", 0.0, "ln of the fold growth of all others", per="lesion")
    shows = {"diameter": Output("mm", "longest diameter of a lesion", decimals=0)}

    def flows(self, y, p, u):
        return {"left": Flow(0.0, p.shrinkage), "log_grown": Flow(p.growth, 0.0)}

    def outputs(self, y, p, u):
        volume = p.lesion_volume * (y.left + jnp.expm1(y.log_grown))
        return {"diameter": 10 * jnp.cbrt(6 / jnp.pi * volume)}


blocks = (Lesions(),)
