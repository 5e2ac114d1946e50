"""Doses that a site may have written twice, or halved: two signs that say little each.

Sites differ in the effect of a dose by nearly as much as a doubled dose makes, and one may treat
with twice the dose of the others. Where its doses are about twice theirs and have about half the
effect, somebody should look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lymphokin.pooling.agreement import MISTAKES, SiteAgreement
from lymphokin.population.draws import DOSE_OFFSET
from lymphokin.verdict import FINE, LOOK

DOSES = "prescribed_gy"
NEAR = 1.25
"""Factor within which doses are about twice or half those of the others (judgement; ranges are
widened to 10 Gy)."""
type Ranges = Mapping[str, tuple[float, float]]


def with_doses(verdicts: Sequence[SiteAgreement], ranges: Sequence[Ranges]) -> list[SiteAgreement]:
    """The verdicts on some sites, with what their doses add.

    Args:
        verdicts: of the sites.
        ranges: of what describes their patients' courses.
    """
    middles = [float(np.sqrt(np.prod(own[DOSES]))) if DOSES in own else np.nan for own in ranges]
    found = []
    for site, verdict in enumerate(verdicts):
        others = [middle for other, middle in enumerate(middles) if other != site]
        known = [middle for middle in others if np.isfinite(middle)]
        ratio = middles[site] / np.median(known) if known else np.nan
        found.append(_with_ratio(verdict, float(ratio)))
    return found


def _with_ratio(verdict: SiteAgreement, ratio: float) -> SiteAgreement:
    """A verdict on a site whose doses are ``ratio`` times those of the others, NaN if unknown."""
    log_effect, _ = verdict.offsets.get(DOSE_OFFSET, (0.0, 0.0))
    for effect, mistake in MISTAKES[DOSE_OFFSET].items():
        written = abs(np.log(ratio * effect)) < np.log(NEAR)
        if written and abs(log_effect - np.log(effect)) < abs(log_effect):
            text = (
                f"total prescribed doses are {ratio:.2g} times those of the other sites and have "
                f"{np.exp(log_effect):.2g} times the effect; look for {mistake}"
            )
            if verdict.level == FINE:
                return replace(
                    verdict, level=LOOK, sentence=f"unusual beside the other sites: {text}"
                )
            return replace(verdict, sentence=f"{verdict.sentence}; {text}")
    return verdict
