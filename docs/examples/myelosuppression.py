"""A drug with two compartments acts on a chain of five: neutrophils under chemotherapy.

The chain of Friberg 2002 (doi:10.1200/JCO.2002.02.140): proliferating cells, three steps of
maturation, circulating cells, and a feedback on proliferation. The drug kills proliferating cells
in proportion to its concentration. Within hours it kills most of them, harder than long steps can
follow, so drug and chain share a clock and are solved with steps that adapt.
"""

from lymphokin.model import AdaptiveSolver, Block, Dose, Flow, Output, state


class Drug(Block):
    """Blood and tissue in exchange; the drug leaves from the blood."""

    takes = {"drug": Dose("mg")}
    blood = state("mg")
    tissue = state("mg")
    shows = {"level": Output("mg/L", "plasma concentration")}

    def flows(self, y, p, u):
        out, back = p.exchange / p.volume, p.exchange / p.tissue_volume
        return {
            "blood": Flow(u.rate.drug + back * y.tissue, p.clearance / p.volume + out),
            "tissue": Flow(out * y.blood, back),
        }

    def on_dose(self, y, p, dose):
        return {"blood": y.blood + dose.drug}

    def outputs(self, y, p, u):
        return {"level": y.blood / p.volume}


class Marrow(Block):
    """Proliferating, maturing and circulating neutrophils, in counts of the circulation."""

    proliferating = state("1e9/L", lambda p: p.baseline)
    transit_1 = state("1e9/L", lambda p: p.baseline)
    transit_2 = state("1e9/L", lambda p: p.baseline)
    transit_3 = state("1e9/L", lambda p: p.baseline)
    neutrophils = state("1e9/L", lambda p: p.baseline)
    shows = {"anc": Output("1e9/L", "absolute neutrophil count", label="neutrophils")}

    def flows(self, y, p, u):
        rate = 4 / p.maturation_time
        born = rate * (p.baseline / y.neutrophils) ** p.feedback
        killed = p.killing * u.level
        return {
            "proliferating": Flow(born * y.proliferating, rate + born * killed),
            "transit_1": Flow(rate * y.proliferating, rate),
            "transit_2": Flow(rate * y.transit_1, rate),
            "transit_3": Flow(rate * y.transit_2, rate),
            "neutrophils": Flow(rate * y.transit_3, rate),
        }

    def outputs(self, y, p, u):
        return {"anc": y.neutrophils}


blocks = (Drug(), Marrow())
solver = AdaptiveSolver("kvaerno5", rtol=1e-7, atol=1e-9)
