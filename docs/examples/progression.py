"""Progression as an event: its hazard follows the tumour and the lymphocyte count.

Lymphocytes are those of ``hedos_hcc``. Lesions grow, and are killed by the dose that each gets. A
progression is looked for at visits, so its time is known only to lie between two. Its hazard is
h0 (V/10 cm3)^b (ALC/1)^c, with V the volume of all lesions together. The numbers are for the
example and no evidence: that few lymphocytes hasten a progression is a prior here, not a finding.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Hazard, Output, model_file, state

lymphocytes = model_file("hedos_hcc")
begins = "first record"


class Lesions(Block):
    """The volume of each lesion."""

    size = state("cm3", lambda p: p.lesion_volume, per="lesion")
    shows = {
        "volume": Output("cm3", "volume of a lesion", decimals=1),
        "burden": Output("cm3", "volume of all lesions"),
    }

    def flows(self, y, p, u):
        return {"size": Flow(p.growth * y.size, 0.0)}

    def on_fraction(self, y, p, fraction):
        dose = fraction.gy
        return {"size": jnp.exp(-p.alpha * (dose + dose**2 / p.alpha_beta_ratio)) * y.size}

    def outputs(self, y, p, u):
        return {"volume": y.size, "burden": u.sum_over_lesions(y.size)}


class Progression(Block):
    """The event, whose hazard reads what the blocks above show."""

    hazards = {"progression": Hazard("progression of the disease", "progression")}

    def hazard_rates(self, y, p, u):
        by_size = p.by_size * jnp.log(u.burden / 10.0)
        by_count = p.by_count * jnp.log(u.alc)
        return {"progression": p.usual_hazard * jnp.exp(by_size + by_count)}


blocks = (*lymphocytes.blocks, Lesions(), Progression())
