"""One pool with a linear-quadratic kill and a late, linear recovery (lung SBRT, Colen 2024).

After Colen, Wijesooriya and colleagues 2024: a fraction kills 1 - exp(-n D (a + b D)), counts stay
low until day 25 after the first fraction and then rise in a straight line until day 105. Only the
products n a and n b and the two days were read; the slope was not, and its prior is judgement. D is
taken as the immune dose of one fraction. The corners at both days are rounded over two days so that
the solver need not step on them. It describes single-lesion lung SBRT; it says nothing about ATRA
or myeloid cells, and a second course within the first 105 days is outside of it. Numbers in
``lung_sbrt.toml``.
"""

import jax
import jax.numpy as jnp

from lymphokin.model import Flow, model_file, state

hedos = model_file("hedos_hcc")
CORNER_DAYS = 2.0


class LatePool(hedos.OnePool):
    """One pool that recovers a share of what it lost, evenly between two days."""

    lost = state("1e9/L", meaning="cells killed so far")
    treated = state("1", meaning="0 before the first fraction, 1 after it")
    elapsed = state("d", meaning="days since the first fraction")

    def flows(self, y, p, u):
        began = jax.nn.sigmoid((y.elapsed - p.recovery_start) / CORNER_DAYS)
        ended = jax.nn.sigmoid((y.elapsed - p.recovery_end) / CORNER_DAYS)
        rise = p.recovered_share * y.lost / (p.recovery_end - p.recovery_start)
        return {
            "lymphocytes": Flow(rise * (began - ended), 0.0),
            "lost": Flow(0.0, 0.0),
            "treated": Flow(0.0, 0.0),
            "elapsed": Flow(y.treated, 0.0),
        }

    def survival(self, p, dose):
        return jnp.exp(-p.radiosensitivity * dose * (1 + p.quadratic_over_linear * dose))

    def on_fraction(self, y, p, fraction):
        surviving = self.survival(p, p.immune_dose_scale * fraction.immune_dose)
        return {
            "lymphocytes": surviving * y.lymphocytes,
            "lost": y.lost + (1 - surviving) * y.lymphocytes,
            "treated": jnp.where(fraction.share > 0, 1.0, y.treated),
        }


blocks = (LatePool(),)
