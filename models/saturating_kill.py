"""The default model with a saturating kill law: no dose kills more than a share of the cells.

Surviving fraction SFmin ** (1 - exp(-mu * dose)), the per-fraction form of the Kildea-lab extension
of HEDOS; numbers and sources in ``saturating_kill.toml``.
"""

import jax.numpy as jnp

from lymphokin.model import model_file

default = model_file("myeloid_lymphoid")


class SaturatingLymphoid(default.Lymphoid):
    """Lymphocytes of the default model under a saturating kill law."""

    def survival(self, p, dose):
        return p.surviving_floor ** (1 - jnp.exp(-p.saturation_rate * dose))


blocks = (*default.blocks[:-1], SaturatingLymphoid())
