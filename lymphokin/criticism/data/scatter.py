"""Do individual residuals scatter as the residual says: neither wider, nor with more outliers?

A prior that holds the residual too narrow shows as a negative shrinkage: records lie further from
their own predictions than the fitted residual allows. Outliers show as too many far records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lymphokin.pages.wording import number
from lymphokin.verdict import FINE, Verdict, level_of

FAR = 3.0
"""Standard deviations from which a record counts as far: 0.27 % of normal scores (judgement)."""


@dataclass(frozen=True)
class Scatter:
    """Scatter of the individual residuals of one quantity, as standard normal numbers.

    ``sd``: their SD, mean over draws; ``far``: number of records beyond ``FAR``, mean over draws;
    ``expected``: that number if the residual is right; ``records``: how many there are; ``p_sd``,
    ``p_far``: posterior predictive probabilities of an SD at least as far from 1, and of at least
    as many far records.
    """

    quantity: str
    sd: float
    far: float
    expected: float
    records: int
    p_sd: float
    p_far: float

    @property
    def p(self) -> float:
        """Of the two together (Bonferroni)."""
        return min(1.0, 2 * min(self.p_sd, self.p_far))


def scatter_of(quantity: str, residuals: np.ndarray) -> Scatter:
    """Scatter of individual residuals.

    Under each draw the sum of their squares is chi-square, and the number of far ones binomial.

    Args:
        quantity: of which they are.
        residuals: [draw, record] from
            :func:`lymphokin.criticism.data.residuals.individual_residuals`.
    """
    records = residuals.shape[1]
    squares, far = (residuals**2).sum(axis=1), (np.abs(residuals) > FAR).sum(axis=1)
    wider, narrower = (np.asarray(f(squares, records)) for f in (stats.chi2.sf, stats.chi2.cdf))
    as_many = np.asarray(stats.binom.sf(far - 1, records, 2 * stats.norm.sf(FAR)))
    return Scatter(
        quantity,
        float(np.sqrt(squares / records).mean()),
        float(far.mean()),
        records * 2 * float(stats.norm.sf(FAR)),
        records,
        min(1.0, 2 * float(min(wider.mean(), narrower.mean()))),
        float(as_many.mean()),
    )


def judge_scatter(scatter: Scatter) -> Verdict:
    """Do the residuals scatter as the model says?"""
    level = level_of(scatter.p)
    far = f"{scatter.far:.1f} of {scatter.records} lie beyond {FAR:g} SD ({scatter.expected:.1f})"
    sentence = (
        f"Individual residuals have SD {scatter.sd:.2f} (1 if the residual is right), and {far}; "
        f"as far off with probability {number(scatter.p, 2)}."
    )
    if level != FINE and scatter.p_far < scatter.p_sd:
        sentence += " It looks like outliers, or an error with heavier tails."
    elif level != FINE:
        wide = "wider" if scatter.sd > 1 else "narrower"
        sentence += f" Records scatter {wide} than the prior of the residual lets the model say."
    numbers = {"sd": scatter.sd, "far": scatter.far, "expected": scatter.expected, "p": scatter.p}
    return Verdict("scatter of individual residuals", scatter.quantity, level, sentence, numbers)
