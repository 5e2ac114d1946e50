"""Interleukin-7 beside ATRA: a second drug on the default model, with a lag of its own.

Long-acting IL-7 (rhIL-7-hyFc) into muscle; it raises the level that lymphocytes recover towards.
Kinetics after Park 2025 (doi:10.2147/DDDT.S564085), reduced to one depot and one compartment. How
strongly it acts is set so that one dose doubles the typical count without radiotherapy, as there.
Four weeks after it the ratio is then 2.1, as against placebo in 22 patients with glioma
(``NTI7_ratio`` of ``data/literature/parameters.csv``, which was not fitted). What it does to counts
after stereotactic radiotherapy nobody has measured.
"""

from lymphokin.model import Block, Dose, Flow, Output, model_file, state

default = model_file("myeloid_lymphoid")


class Il7(Block):
    """A depot in muscle that empties into the blood."""

    clock = "hours"
    takes = {"il7": Dose("mg", "rhIL-7-hyFc", lag="il7_lag")}
    il7_depot = state("mg")
    il7_blood = state("mg")
    shows = {"il7": Output("ng/mL", "interleukin-7 that was given", decimals=2)}

    def flows(self, y, p, u):
        return {
            "il7_depot": Flow(0.0, p.il7_absorption),
            "il7_blood": Flow(p.il7_absorption * y.il7_depot, p.il7_clearance / p.il7_volume),
        }

    def on_dose(self, y, p, dose):
        return {"il7_depot": y.il7_depot + dose.il7}

    def outputs(self, y, p, u):
        return {"il7": 1000 * y.il7_blood / p.il7_volume}  # mg/L to ng/mL


class Il7Signal(Block):
    """What lymphocytes feel; it saturates within minutes of a dose, so it is followed by hours."""

    clock = "hours"
    hands_down = ("il7_signal",)
    il7_signal = state("1", meaning="IL-7 signal, 0 to 1")

    def flows(self, y, p, u):
        occupied = u.il7 / (p.il7_half_effect + u.il7)
        return {"il7_signal": Flow(p.il7_signal_turnover * occupied, p.il7_signal_turnover)}


class LymphoidUnderIl7(default.Lymphoid):
    """Lymphocytes of the default model, which recover towards more under interleukin-7."""

    def set_point(self, y, p, u):
        return (1 + p.il7_max_effect * u.il7_signal) * super().set_point(y, p, u)


blocks = (*default.blocks[:2], Il7(), Il7Signal(), *default.blocks[2:-1], LymphoidUnderIl7())
