"""One pool of lymphocytes with a kill that levels off with dose (extension of HEDOS, McGill).

As written in the code of the extension (github.com/ce-gaudet/HEDOS_Extension): on each treatment
day the count is multiplied by the mean over the blood of SF ** (1 - exp(-mu * D)), then the deficit
shrinks by 1 - exp(-0.02) a day. Here the survival is taken at the mean dose instead of averaged
over the blood, because only a mean dose is known. It says nothing about ATRA, myeloid cells or
lingering hit cells. ``saturating_kill`` is this kill law inside the default model. Numbers and
sources in ``hedos_extension.toml``.
"""

import jax.numpy as jnp

from lymphokin.model import model_file

hedos = model_file("hedos_hcc")


class SaturatingPool(hedos.OnePool):
    """One pool under a saturating kill law."""

    def survival(self, p, dose):
        return p.surviving_floor ** (1 - jnp.exp(-p.saturation_rate * dose))


blocks = (SaturatingPool(),)
