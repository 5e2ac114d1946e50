"""Made up for tests: an antibody that is infused, and lymphocytes that it removes."""

from lymphokin.model import Block, Dose, Flow, Output, state


class Antibody(Block):
    """The antibody in blood and tissue."""

    clock = "hours"
    takes = {"mab": Dose("mg", "antibody")}
    hands_down = ("mab_blood",)
    mab_blood = state("mg")
    mab_tissue = state("mg")
    shows = {"mab": Output("mg", "antibody in the blood")}

    def flows(self, y, p, u):
        return {
            "mab_blood": Flow(
                u.rate.mab + p.return_rate * y.mab_tissue, p.clearance + p.uptake_rate
            ),
            "mab_tissue": Flow(p.uptake_rate * y.mab_blood, p.return_rate),
        }

    def on_dose(self, y, p, dose):
        return {"mab_blood": y.mab_blood + dose.mab}

    def outputs(self, y, p, u):
        return {"mab": y.mab_blood}


class Lymphocytes(Block):
    """Counts that recover, and fall with fractions and under the antibody."""

    lymphocytes = state("1e9/L", lambda p: p.baseline)
    shows = {"alc": Output("1e9/L", "lymphocyte count", label="lymphocytes")}

    def flows(self, y, p, u):
        killed = p.kill * u.mab_blood / (p.half_effect + u.mab_blood)
        return {"lymphocytes": Flow(p.turnover * p.baseline, p.turnover + killed)}

    def on_fraction(self, y, p, fraction):
        return {"lymphocytes": y.lymphocytes * (1 - p.radiosensitivity * fraction.immune_dose)}

    def outputs(self, y, p, u):
        return {"alc": y.lymphocytes}


blocks = (Antibody(), Lymphocytes())
