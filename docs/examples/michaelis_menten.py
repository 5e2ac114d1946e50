"""One oral dose of a drug whose elimination saturates (Michaelis-Menten).

The model of posteriordb's `one_comp_mm_elim_abs`: a drug of its own, a level of its own, no
lymphocytes and no radiotherapy.
"""

from lymphokin.model import Block, Dose, Flow, Output, state


class Drug(Block):
    """A gut that empties into the blood, from which a saturable enzyme takes the drug."""

    takes = {"drug": Dose("mg")}
    gut = state("mg")
    level = state("mg/L")
    shows = {"level": Output("mg/L", "plasma concentration")}

    def flows(self, y, p, u):
        return {
            "gut": Flow(0.0, p.k_a),
            "level": Flow(p.k_a * y.gut / p.V, p.V_m / p.V / (p.K_m + y.level)),
        }

    def on_dose(self, y, p, dose):
        return {"gut": y.gut + dose.drug}

    def outputs(self, y, p, u):
        return {"level": y.level}


blocks = (Drug(),)
