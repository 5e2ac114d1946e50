"""The default model with priors moved to what published cohorts say.

Blocks are those of ``myeloid_lymphoid``. The table is generated from the literature posterior, for
a study that is not among the published ones: ``lymphokin calibrate --prior``. Priors of a table are
independent, so what the posterior says of parameters together is lost.
"""

from lymphokin.model import model_file

blocks = model_file("myeloid_lymphoid").blocks
