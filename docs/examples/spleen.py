"""The default model with a spleen: T cells visit it, and are irradiated there as in the blood."""

from lymphokin.model import Flow, model_file, state

default = model_file("myeloid_lymphoid")


class SpleenLymphoid(default.Lymphoid):
    """Lymphocytes of the default model, their slow pool in exchange with a spleen."""

    spleen = state("1e9/L", lambda p: p.spleen_size * (1 - p.fast_fraction) * p.lymphocyte_baseline)

    def flows(self, y, p, u):
        leave, enter = 1 / p.spleen_stay, p.spleen_size / p.spleen_stay
        flows = super().flows(y, p, u)
        flows["slow"] += Flow(leave * y.spleen, enter)
        flows["spleen"] = Flow(enter * y.slow, leave)
        return flows

    def on_fraction(self, y, p, fraction):
        surviving = self.survival(p, p.immune_dose_scale * fraction.immune_dose)
        return super().on_fraction(y, p, fraction) | {"spleen": surviving * y.spleen}


blocks = (*default.blocks[:-1], SpleenLymphoid())
