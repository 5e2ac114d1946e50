"""A mouse tumour under radiotherapy and an antibody against PD-L1 (Kosinsky 2018), as published.

J Immunother Cancer 6:17, doi:10.1186/s40425-018-0327-9 (CT26 tumours; BioModels 863). A tumour that
is damaged shows antigen; effector T cells follow and kill; PD-L1 rises with them and stops their
differentiation, which the antibody undoes.

Erratum: the curated SBML writes the repair of double-strand breaks as tau * U, which taken
literally means an alpha/beta of 0.004 Gy; here it is U / tau, with which exp(-alpha * D - 0.1 *
alpha * D^2) of the tumour survives a fraction, an alpha/beta of 10 Gy. The curators reproduced the
control alone.

It describes mice with one tumour. It says nothing about lymphocytes in the blood, a lesion outside
the field or people; of several lesions each sees the T cells that all have called up.
"""

import jax.numpy as jnp

from lymphokin.model import AdaptiveSolver, Block, Dose, Flow, Output, state

begins = "first record"
solver = AdaptiveSolver("kvaerno5", rtol=1e-8, atol=1e-9)


class Antibody(Block):
    """The antibody against PD-L1: absorbed and lost at first order."""

    takes = {"antibody": Dose("nmol", "antibody against PD-L1")}
    depot, blood = state("nmol"), state("nmol")
    shows = {"antibody": Output("nmol/L", "antibody in the blood")}

    def flows(self, y, p, u):
        return {
            "depot": Flow(0.0, p.antibody_absorption),
            "blood": Flow(p.antibody_absorption * y.depot, p.antibody_loss),
        }

    def on_dose(self, y, p, dose):
        return {"depot": y.depot + dose.antibody}

    def outputs(self, y, p, u):
        return {"antibody": y.blood / p.antibody_volume}


class Tumour(Block):
    """Proliferating and damaged tumour, and the T cells and PD-L1 that it calls up."""

    living = state("uL", lambda p: p.first_size, "proliferating tumour (TV)", per="lesion")
    damaged = state("uL", 0.0, "damaged tumour (TVd)", per="lesion")
    breaks = state("1", 0.0, "double-strand breaks (U)", per="lesion")
    young = state("1", 0.0, "effector T cells before differentiation (n)")
    effector = state("1", 0.0, "differentiated effector T cells (e)")
    pdl1 = state("1", 0.0, "PD-L1, of its largest level (P)")
    shows = {"volume": Output("uL", "tumour volume", decimals=0)}

    def flows(self, y, p, u):
        loss = p.effector_kill * y.effector + p.natural_death
        lethal = 0.2 * p.alpha / (p.repair_time * p.breaks_per_gy**2) * y.breaks**2
        size = y.living + y.damaged
        share = y.damaged / (size + 1e-12)  # none where there is no tumour
        death = p.damaged_loss * share + loss
        antigen = u.sum_over_lesions(size * death**2 / (death**2 + p.half_death**2))
        blocked = y.pdl1 / (1 + u.antibody / p.antibody_affinity)
        active = (1 - blocked) * (1 - antigen / (antigen + p.half_suppression))
        arriving = p.arrival * antigen / (antigen + p.half_arrival)
        return {
            "living": Flow(
                p.growth * y.living, p.growth * y.living / p.largest_size + lethal + loss
            ),
            "damaged": Flow(lethal * y.living, p.damaged_loss),
            "breaks": Flow(0.0, 1 / p.repair_time),
            "young": Flow(
                arriving + p.proliferation * active * y.young,
                p.differentiation * active + p.young_loss,
            ),
            "effector": Flow(p.differentiation * active * y.young, p.effector_loss),
            "pdl1": Flow(
                p.pdl1_turnover * y.effector / (p.half_pdl1 + y.effector), p.pdl1_turnover
            ),
        }

    def on_fraction(self, y, p, fraction):
        killed = y.living * -jnp.expm1(-p.alpha * fraction.gy)
        return {
            "living": y.living - killed,
            "damaged": y.damaged + killed,
            "breaks": y.breaks + p.breaks_per_gy * fraction.gy,
        }

    def outputs(self, y, p, u):
        return {"volume": y.living + y.damaged}


blocks = (Antibody(), Tumour())
