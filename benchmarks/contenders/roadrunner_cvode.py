"""RoadRunner's CVODE, forward only, one patient at a time, the equations compiled by LLVM."""

from __future__ import annotations

from typing import Any

import antimony
import numpy as np
import roadrunner

from contenders.scipy_lsoda import ScipyLsoda
from contenders.trial import Trial

STATES = (
    "gut", "central", "message", "enzyme", "signal",
    "inflammation", "mdsc", "fast", "slow", "doomed",
)  # fmt: skip
CONSTANTS = (
    "ka", "inverse_volume", "clearance", "flow", "absorbed", "induction", "half_induction",
    "message_rate", "enzyme_rate", "signal_rate", "log_half", "hill", "decay", "mdsc_rate",
    "maturation", "baseline", "drive", "alc", "fast_fraction", "fast_rate", "slow_rate",
    "doomed_rate", "suppression",
)  # fmt: skip
"""In the order of :func:`contenders.scipy_lsoda.constants`."""
EQUATIONS = """
    extraction := clearance * enzyme / (flow + clearance * enzyme)
    level := max(1000 * central * inverse_volume, 0)
    occupied := 1 / (1 + exp(-hill * (ln(max(level, 1e-9)) - log_half)))
    target := alc * (mdsc / baseline)^(-suppression)
    gut' = -ka * gut
    central' = absorbed * (1 - extraction) * ka * gut - flow * extraction * inverse_volume * central
    message' = message_rate * (induction * level / (half_induction + level) - message)
    enzyme' = enzyme_rate * (1 + message - enzyme)
    signal' = signal_rate * (occupied - signal)
    inflammation' = -decay * inflammation
    mdsc' = mdsc_rate * (baseline * (1 + drive * inflammation) - (1 + maturation * signal) * mdsc)
    fast' = fast_rate * (fast_fraction * target - fast)
    slow' = slow_rate * ((1 - fast_fraction) * target - slow)
    doomed' = -doomed_rate * doomed
"""
"""The ten equations of ``docs/model.md``, per day, in Antimony."""


class RoadRunnerCvode(ScipyLsoda):
    """Outputs of the whole trial at every stop."""

    def __init__(self, trial: Trial, rtol: float) -> None:
        super().__init__(trial, rtol)
        numbers = "\n".join(f"    {name} = 1" for name in (*STATES, *CONSTANTS))
        text = f"model patient\n{EQUATIONS}\n{numbers}\nend"
        if antimony.loadAntimonyString(text) < 0:
            raise ValueError(antimony.getLastError())
        self.solver = roadrunner.RoadRunner(antimony.getSBMLString("patient"))
        self.solver.integrator.relative_tolerance = rtol
        self.solver.integrator.absolute_tolerance = 1e-3 * rtol
        self.solver.integrator.maximum_num_steps = 100_000
        self.solver.timeCourseSelections = list(STATES)
        names = list(self.solver.model.getGlobalParameterIds())
        self.states = [names.index(name) for name in STATES]
        self.constants = [names.index(name) for name in CONSTANTS]

    def _advance(
        self, y: np.ndarray, now: float, day: float, c: tuple[float, ...], scale: np.ndarray
    ) -> Any:
        self.solver.model.setGlobalParameterValues(self.constants, list(c))
        self.solver.model.setGlobalParameterValues(self.states, y.tolist())
        return np.asarray(self.solver.simulate(float(now), float(day), 2))[-1]
