"""What the ranks of the truth in simulated trials say in words."""

from __future__ import annotations

from lymphokin.criticism.data.uniformity import SIMULATIONS
from lymphokin.criticism.simulation.simulation_calibration import SimulationCalibration
from lymphokin.infer.diagnostics import RHAT_BAD
from lymphokin.pages.wording import fixed
from lymphokin.verdict import FINE, LOOK, WRONG, Verdict, in_words, level_of

FEW_FAILED, MANY_FAILED = 0.05, 0.2
"""Shares of trials whose chains disagree: above them a look, and wrong (judgement)."""


def judge_simulations(calibration: SimulationCalibration) -> tuple[Verdict, ...]:
    """One verdict per kind of quantity, all quantities of it counted (Holm), and on the chains."""
    verdicts = []
    for kind in dict.fromkeys(calibration.kinds.values()):
        p = {n: calibration.uniformity[n].p for n, k in calibration.kinds.items() if k == kind}
        worst = min(p, key=lambda name: p[name])
        adjusted = min(1.0, len(p) * p[worst])
        sentence = (
            f"Ranks of the truth in {len(calibration.ranks)} trials: of {len(p)} quantities, "
            f"{worst} is farthest from uniform; with all counted that has probability "
            f"{in_words(adjusted, SIMULATIONS)}."
        )
        numbers = {"p": adjusted, "quantities": len(p), "trials": len(calibration.ranks)}
        verdicts.append(Verdict("ranks of the truth", kind, level_of(adjusted), sentence, numbers))
    share = calibration.failed / len(calibration.fits)
    sentence = (
        f"In {calibration.failed} of {len(calibration.fits)} trials the chains did not agree "
        f"(R-hat above {RHAT_BAD}); all are counted above. Median of the smallest effective sample "
        f"size: {fixed(calibration.fits['ess_bulk_min'].median(), 0)}."
    )
    level = FINE if share <= FEW_FAILED else LOOK if share <= MANY_FAILED else WRONG
    numbers = {"failed": float(calibration.failed), "share": share}
    return (*verdicts, Verdict("chains agree", "all fits", level, sentence, numbers))
