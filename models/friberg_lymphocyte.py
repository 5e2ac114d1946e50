"""Proliferating, maturing and circulating lymphocytes with feedback (Friberg type).

The myelosuppression model of Friberg 2002 (doi:10.1200/JCO.2002.02.140) as applied to lymphocytes
after radiotherapy: one transit compartment for T cells, one rate for all steps, feedback
(baseline / count) ** 1 on proliferation, and radiation that hits circulating cells only
(github.com/ptn44/Lymphocyte-kinetic-2024, whose rate of 0.197/d is a starting value, not a result).
It recovers fast and may overshoot; human homeostatic feedback after radiotherapy is weak. It says
nothing about ATRA or myeloid cells. Numbers and sources in ``friberg_lymphocyte.toml``.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state


class FribergLymphocytes(Block):
    """Proliferating, transit and circulating cells, in counts of the circulation."""

    proliferating = state("1e9/L", initial=lambda p: p.lymphocyte_baseline)
    transit = state("1e9/L", initial=lambda p: p.lymphocyte_baseline)
    circulating = state("1e9/L", initial=lambda p: p.lymphocyte_baseline)
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}

    def flows(self, y, p, u):
        rate = p.transit_rate
        feedback = (p.lymphocyte_baseline / y.circulating) ** p.feedback
        return {
            "proliferating": Flow(rate * feedback * y.proliferating, rate),
            "transit": Flow(rate * y.proliferating, rate),
            "circulating": Flow(rate * y.transit, rate),
        }

    def on_fraction(self, y, p, fraction):
        dose = p.immune_dose_scale * fraction.immune_dose
        return {"circulating": jnp.exp(-p.radiosensitivity * dose) * y.circulating}

    def outputs(self, y, p, u):
        return {"alc": y.circulating}


blocks = (FribergLymphocytes(),)
