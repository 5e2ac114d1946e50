"""Does the disputed link make up for something else? The trial fitted with the link and without it.

A block that nothing was measured of can bend curves in any way that the counts ask for. So counts
are left out of a fit with the link from that block and of one without it: where the first is
clearly better although nothing behind the link was measured, the link may stand for what the
lymphocytes' own block misses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.comparison import with_error
from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.verdict import FINE, LOOK, Verdict

SEVERAL_ERRORS = 2.0
"""Standard errors of a difference beyond which one fit predicts better (judgement)."""


@dataclass(frozen=True)
class LinkContrast:
    """Left-out counts under fits with and without the link.

    ``difference``: ln density of the counts with the link less that without, summed; ``error``: its
    standard error over counts; ``counts``: how many were judged; ``unreliable``: how many cannot be
    left out of both fits; ``measured``: whether there are records at both ends of the link;
    ``residual_sd``: posterior median of the residual with the link, and without it.
    """

    difference: float
    error: float
    counts: int
    unreliable: int
    measured: bool
    residual_sd: tuple[float, float]


def link_contrast(
    counts: tuple[pd.DataFrame, pd.DataFrame],
    residual_sd: tuple[float, float],
    measured: bool,
) -> LinkContrast:
    """Compare the fits.

    Args:
        counts: with and without the link, of
            :func:`lymphokin.criticism.forecasts.leave_one_out.counts_left_out`.
        residual_sd: posterior medians with and without the link.
        measured: whether there are records at both ends of the link.
    """
    score, k = (np.column_stack([t[c] for t in counts]) for c in ("log_score", "pareto_k"))
    kept = (k <= UNRELIABLE_PARETO_K).all(axis=1)
    difference = score[kept, 0] - score[kept, 1]
    n = len(difference)
    error = np.sqrt(n) * difference.std(ddof=1) if n > 1 else np.nan
    total = float(difference.sum())
    return LinkContrast(total, float(error), n, int((~kept).sum()), measured, residual_sd)


def judge_link(contrast: LinkContrast) -> Verdict:
    """Do the counts ask for the link, and may it be believed when they do?"""
    c = contrast
    size = f"{with_error(c.difference, c.error)} nats over {c.counts} left-out counts"
    level = FINE
    if not c.difference > SEVERAL_ERRORS * c.error:
        sentence = f"Counts do not need the link: with it less without it, {size}."
    elif c.measured:
        sentence = f"Counts ask for the link, by {size}, and both its ends were measured."
    else:
        level = LOOK
        sentence = (
            f"Counts are described better with the link, by {size}, and nothing behind it was "
            "measured: it may make up for something that the lymphocytes' own block misses. "
            "Believe neither its size nor what follows from it, and compare another model."
        )
    numbers = {
        "difference": c.difference,
        "error": c.error,
        "unreliable": c.unreliable,
        "residual_sd_with": c.residual_sd[0],
        "residual_sd_without": c.residual_sd[1],
    }
    finite = {name: float(v) for name, v in numbers.items() if np.isfinite(v)}
    return Verdict("the link, with and without", "alc", level, sentence, finite)
