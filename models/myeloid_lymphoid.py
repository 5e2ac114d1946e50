"""Myeloid-lymphoid dynamics under stereotactic radiotherapy and ATRA pulses: the default model.

ATRA exposure drives the myeloid cells; radiation and the myeloid cells drive the lymphocytes. Time
in days, counts in 10^9/L, MDSC in cells/uL, ATRA in mg and ng/mL, immune dose in Gy. The
parameters, their priors and where each number comes from stand in ``myeloid_lymphoid.toml``.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state


class Atra(Block):
    """ATRA pharmacokinetics: well-stirred liver whose CYP26A1 the drug itself induces."""

    clock = "hours"
    lag = "absorption_lag"
    gut = state("mg")
    central = state("mg")
    message = state("1", meaning="CYP26A1 message above baseline, fold")
    enzyme = state("1", initial=1.0, meaning="CYP26A1 activity, fold of baseline")
    shows = {"atra": Output("ng/mL", "ATRA plasma concentration")}

    def flows(self, y, p, u):
        clearance = p.intrinsic_clearance * y.enzyme
        extraction = clearance / (p.hepatic_blood_flow + clearance)
        concentration = self.outputs(y, p, u)["atra"]
        stimulus = concentration / (p.half_induction_concentration + concentration)
        first_pass = p.fraction_absorbed * (1 - extraction)
        return {
            "gut": Flow(0.0, p.absorption_rate),
            "central": Flow(
                first_pass * p.absorption_rate * y.gut,
                p.hepatic_blood_flow * extraction / p.central_volume,
            ),
            "message": Flow(p.message_turnover * p.max_induction * stimulus, p.message_turnover),
            "enzyme": Flow(p.enzyme_turnover * (1 + y.message), p.enzyme_turnover),
        }

    def on_dose(self, y, p, amount):
        return {"gut": y.gut + amount}

    def outputs(self, y, p, u):
        return {"atra": 1000 * jnp.maximum(y.central, 0.0) / p.central_volume}  # mg/L to ng/mL


class Differentiation(Block):
    """The retinoid signal that turns myeloid-derived suppressor cells into mature cells."""

    clock = "hours"
    hands_down = ("signal",)
    signal = state("1", meaning="retinoid differentiation signal, 0 to 1")

    def flows(self, y, p, u):
        # Hill function through its logarithm: exact at 0 and safe to differentiate there.
        log_ratio = jnp.log(jnp.maximum(u.atra, 1e-9) / p.half_effect_concentration)
        occupied = 1 / (1 + jnp.exp(-p.hill_exponent * log_ratio))
        return {"signal": Flow(p.signal_turnover * occupied, p.signal_turnover)}


class Myeloid(Block):
    """Circulating M-MDSC: driven by irradiation (in either direction), matured by ATRA."""

    inflammation = state("1", meaning="inflammatory drive after fractions")
    mdsc = state("cells/uL", initial=lambda p: p.mdsc_baseline)
    shows = {
        "mdsc": Output("cells/uL", "circulating M-MDSC"),
        "mdsc_ratio": Output("1", "circulating M-MDSC, fold of baseline"),
    }

    def flows(self, y, p, u):
        production = p.mdsc_baseline * (1 + p.radiation_drive * y.inflammation)
        maturation = 1 + p.max_differentiation * u.signal
        return {
            "inflammation": Flow(0.0, p.inflammation_decay),
            "mdsc": Flow(p.mdsc_turnover * production, p.mdsc_turnover * maturation),
        }

    def on_fraction(self, y, p, fraction):
        return {"inflammation": y.inflammation + fraction.share}

    def outputs(self, y, p, u):
        return {"mdsc": y.mdsc, "mdsc_ratio": y.mdsc / p.mdsc_baseline}


class Lymphoid(Block):
    """Fast (NK, B) and slow (T) lymphocytes; cells hit by radiation linger before they vanish."""

    fast = state("1e9/L", initial=lambda p: p.fast_fraction * p.lymphocyte_baseline)
    slow = state("1e9/L", initial=lambda p: (1 - p.fast_fraction) * p.lymphocyte_baseline)
    doomed = state("1e9/L", meaning="hit cells that are still counted")
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}

    def flows(self, y, p, u):
        target = p.lymphocyte_baseline * self.set_point(y, p, u)
        fast_rate = jnp.log(2) / p.fast_half_life
        slow_rate = jnp.log(2) / p.slow_half_life
        return {
            "fast": Flow(fast_rate * p.fast_fraction * target, fast_rate),
            "slow": Flow(slow_rate * (1 - p.fast_fraction) * target, slow_rate),
            "doomed": Flow(0.0, jnp.log(2) / p.doomed_half_life),
        }

    def set_point(self, y, p, u):
        """Level the lymphocytes recover towards, as a fold of baseline: myeloid suppression."""
        # A power, written so that its derivative needs no second power and no second logarithm.
        return jnp.exp(-p.suppression * jnp.log(u.mdsc_ratio))

    def survival(self, p, dose):
        """Surviving fraction of cells after an immune dose (Gy): linear-exponential."""
        return jnp.exp(-p.radiosensitivity * dose)

    def on_fraction(self, y, p, fraction):
        surviving = self.survival(p, p.immune_dose_scale * fraction.immune_dose)
        hit = (1 - surviving) * (y.fast + y.slow)
        return {
            "fast": surviving * y.fast,
            "slow": surviving * y.slow,
            "doomed": y.doomed + (1 - p.prompt_loss) * hit,
        }

    def outputs(self, y, p, u):
        return {"alc": y.fast + y.slow + y.doomed}


blocks = (Atra(), Differentiation(), Myeloid(), Lymphoid())
