"""The model of lesions and activated CD8+ cells for laboratories that report a share of CD8+ cells.

The DVID cd8_share is the percentage of activated ones among CD8+ T cells, all of which follow the
slow pool. Its numbers stand in ``abscopal_share.toml``.
"""

from lymphokin.model import Output, model_file

abscopal = model_file("abscopal_cd8")
begins = abscopal.begins


class Lesions(abscopal.Lesions):
    """Lesions and activated cells, which also are a share of all CD8+ cells."""

    shows = abscopal.Lesions.shows | {"cd8_share": Output("%", "activated share of CD8+ T cells")}

    def outputs(self, y, p, u):
        every = p.cd8_baseline * u.t_cell_ratio
        return super().outputs(y, p, u) | {"cd8_share": 100 * y.active / every}


blocks = (*abscopal.blocks[:-2], Lesions(), abscopal.blocks[-1])
