"""Patients with few lymphocytes leave a trial: drop-out as a hazard that depends on the true count.

Counts are those of ``hedos_hcc``. A patient who has left is not counted again, so that the counts
that are there are those of patients who kept more; the hazard, d0 ALC^(-k), takes part in the
likelihood and knows it. The numbers are for the example and no evidence.
"""

from lymphokin.model import Block, Hazard, model_file

lymphocytes = model_file("hedos_hcc")


class DropOut(Block):
    """Who leaves: the visit that is missed first says 1."""

    hazards = {"dropout": Hazard("drop-out", "drop-out")}

    def hazard_rates(self, y, p, u):
        return {"dropout": p.usual_dropout * u.alc**-p.by_count}


blocks = (*lymphocytes.blocks, DropOut())
