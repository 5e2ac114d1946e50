"""Lesions inside and outside the field, with the activated CD8 cells that they call up.

Each lesion grows and is killed by the dose that it gets itself. The cells that die of it, in all
lesions together, activate T cells, which may attack every lesion. The shape is that of published
models of the abscopal effect (Friedrich, Scholz and Durante 2022, doi:10.1016/j.ijrobp.2022.03.030;
Kosinsky 2018, doi:10.1186/s40425-018-0327-9); lymphocytes are those of ``hedos_hcc``. The numbers
are for the example and no evidence: in people no rate of responses outside the field is known
without a checkpoint inhibitor.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, model_file, state

lymphocytes = model_file("hedos_hcc")
begins = "first record"


class Lesions(Block):
    """Cells of each lesion, living or doomed by the dose, and the T cells activated by all."""

    living = state("cm3", lambda p: p.lesion_volume, per="lesion")
    doomed = state("cm3", per="lesion")
    active = state("cells/uL", lambda p: p.active_baseline, "activated CD8 cells in the blood")
    shows = {
        "diameter": Output("mm", "longest diameter of a lesion", decimals=0),
        "cd8": Output("cells/uL", "activated CD8 cells", decimals=1),
    }

    def flows(self, y, p, u):
        dying = u.sum_over_lesions(y.doomed)
        supply = u.alc / p.lymphocyte_baseline
        priming = p.largest_priming * supply * dying / (p.half_priming_volume + dying)
        return {
            "living": Flow(p.growth * y.living, p.attack * y.active),
            "doomed": Flow(0.0, p.clearing),
            "active": Flow(p.active_loss * p.active_baseline + priming, p.active_loss),
        }

    def on_fraction(self, y, p, fraction):
        dose = fraction.gy
        killed = y.living * (1 - jnp.exp(-p.alpha * (dose + dose**2 / p.alpha_beta_ratio)))
        surviving = jnp.exp(-p.radiosensitivity * p.immune_dose_scale * fraction.immune_dose)
        return {
            "living": y.living - killed,
            "doomed": y.doomed + killed,
            "active": surviving * y.active,
        }

    def outputs(self, y, p, u):
        volume = y.living + y.doomed
        return {"diameter": 10 * jnp.cbrt(6 / jnp.pi * volume), "cd8": y.active}


blocks = (*lymphocytes.blocks, Lesions())
