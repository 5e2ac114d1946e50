"""CD8 T cells after an infection: naive, early and late effector, memory (Crauste et al. 2017).

Cells per mouse and a pathogen in units of the inoculum, from day 0 of the infection. Nothing rests
before the first record, and nothing is given. Effector cells drive each other and the pathogen so
hard that the model asks for an implicit solver.
"""

from lymphokin.model import AdaptiveSolver, Block, Flow, Output, state


class Cd8(Block):
    """Cells that an infection activates, and that clear it."""

    naive = state("cells", lambda p: p.naive_cells)
    early = state("cells")
    late = state("cells")
    memory = state("cells")
    pathogen = state("1", 1.0)
    shows = {
        "naive": Output("cells", "naive CD8 T cells", decimals=0),
        "early": Output("cells", "early effector CD8 T cells", decimals=0),
        "late": Output("cells", "late effector CD8 T cells", decimals=0),
        "memory": Output("cells", "memory CD8 T cells", decimals=0),
    }

    def flows(self, y, p, u):
        activated = p.activation * y.naive * y.pathogen
        killing = p.killing_by_early * y.early + p.killing_by_late * y.late
        return {
            "naive": Flow(0.0, p.naive_loss + p.activation * y.pathogen),
            "early": Flow(
                activated + p.proliferation * y.early * y.pathogen,
                p.crowding_early * y.early + p.to_late,
            ),
            "late": Flow(
                p.to_late * y.early,
                p.crowding_late * y.late + p.killing_of_late * y.early + p.to_memory,
            ),
            "memory": Flow(p.to_memory * y.late, 0.0),
            "pathogen": Flow(p.replication * y.pathogen**2, killing + p.pathogen_loss),
        }

    def outputs(self, y, p, u):
        return {"naive": y.naive, "early": y.early, "late": y.late, "memory": y.memory}


blocks = (Cd8(),)
begins = "first record"
solver = AdaptiveSolver("kvaerno5", rtol=1e-6, atol=1e-6)
