"""Lymphocytes that traffic between blood and lymphoid tissue, and regrow (Jin type).

After the framework of Jin et al. 2020 (PMID 31794944): lymphocytes move between compartments of the
immune system, each irradiated with a dose of its own, and what survives multiplies;
radiosensitivity and reproductivity are the patient's own. The published model has five compartments
and needs the dose to each; its equations were not available to us. Here all tissue is one reservoir
that sees a share of the immune dose. It says nothing about ATRA, myeloid cells or subsets. Numbers
and sources in ``jin_trafficking.toml``.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state


class Trafficking(Block):
    """Blood and a reservoir of recirculating lymphocytes, with logistic regrowth."""

    blood = state("1e9/L", initial=lambda p: p.lymphocyte_baseline)
    reservoir = state(
        "1e9/L",
        initial=lambda p: p.reservoir_size * p.lymphocyte_baseline,
        meaning="recirculating lymphocytes in tissue, per litre of blood",
    )
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}

    def flows(self, y, p, u):
        leave, enter = 1 / p.blood_stay, 1 / (p.blood_stay * p.reservoir_size)
        whole = (1 + p.reservoir_size) * p.lymphocyte_baseline
        crowding = p.reproductivity * (y.blood + y.reservoir) / whole
        return {
            "blood": Flow(enter * y.reservoir + p.reproductivity * y.blood, leave + crowding),
            "reservoir": Flow(leave * y.blood + p.reproductivity * y.reservoir, enter + crowding),
        }

    def on_fraction(self, y, p, fraction):
        dose = p.immune_dose_scale * fraction.immune_dose
        return {
            "blood": jnp.exp(-p.radiosensitivity * dose) * y.blood,
            "reservoir": jnp.exp(-p.radiosensitivity * p.reservoir_dose * dose) * y.reservoir,
        }

    def outputs(self, y, p, u):
        return {"alc": y.blood}


blocks = (Trafficking(),)
