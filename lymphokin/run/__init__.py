"""A run as a value: a fit of a cohort, saved as a folder and opened again."""

from lymphokin.run.fit import Fit
from lymphokin.run.fitting import fit
from lymphokin.run.opening import UntrustedModelError, open_run

__all__ = ["Fit", "UntrustedModelError", "fit", "open_run"]
