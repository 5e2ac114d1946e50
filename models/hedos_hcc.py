"""One pool of lymphocytes, killed linear-exponentially, that recovers exponentially (HEDOS, liver).

The patient-level model of the HEDOS study of proton therapy for hepatocellular carcinoma (2023,
PMID 36739919), fitted there to weekly counts of 17 patients: S = exp(-alpha * dose) per fraction,
then an exponential return to the baseline. It cannot say anything about ATRA or myeloid cells,
about cells that linger after they were hit, or about a recovery with two speeds. Numbers and
sources in ``hedos_hcc.toml``.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state


class OnePool(Block):
    """Lymphocytes as one pool: hit cells vanish at once, the deficit shrinks at a constant rate."""

    lymphocytes = state("1e9/L", initial=lambda p: p.lymphocyte_baseline)
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}

    def flows(self, y, p, u):
        return {"lymphocytes": Flow(p.recovery_rate * p.lymphocyte_baseline, p.recovery_rate)}

    def survival(self, p, dose):
        """Surviving fraction of cells after an immune dose (Gy): linear-exponential."""
        return jnp.exp(-p.radiosensitivity * dose)

    def on_fraction(self, y, p, fraction):
        surviving = self.survival(p, p.immune_dose_scale * fraction.immune_dose)
        return {"lymphocytes": surviving * y.lymphocytes}

    def outputs(self, y, p, u):
        return {"alc": y.lymphocytes}


blocks = (OnePool(),)
