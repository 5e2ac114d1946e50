"""A two-arm design with an exact test: boundary, power and true size, by listing every table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln

from lymphokin.trial.exact.base import ExactTest, tables
from lymphokin.trial.exact.hypergeometric import given_total
from lymphokin.trial.exact.nuisance import binomial, largest
from lymphokin.trial.inputs import Demands


@dataclass(frozen=True)
class Size:
    """The true type I error: the largest probability of rejecting when both rates are equal."""

    value: float
    rate: float
    """the common rate at which it is reached"""

    @classmethod
    def of(cls, error_given_total: NDArray[np.float64]) -> Size:
        """The size of a test, from its [total events] error given the total."""
        found = largest(error_given_total[None])
        return cls(float(found.value[0]), float(found.rate[0]))


@dataclass(frozen=True)
class Design:
    """Two arms of evaluable patients and a test at a nominal one-sided level.

    Raises BadInput when an arm is empty or the level is not between 0 and 1.
    """

    test: ExactTest
    n_treated: int
    n_control: int
    alpha: float

    def __post_init__(self) -> None:
        demands = Demands().want("level", alpha=self.alpha)
        demands.want("patients", n_treated=self.n_treated, n_control=self.n_control).enforce()

    @cached_property
    def rejects(self) -> NDArray[np.bool_]:
        """Tables that reject, [treated events, control events]."""
        return self.test.rejects(self.n_treated, self.n_control, self.alpha)

    def power(self, control: ArrayLike, treated: ArrayLike) -> NDArray[np.float64]:
        """Unconditional exact probability of rejecting at the true rates.

        Args:
            control: event rate of the control arm, any shape.
            treated: event rate of the treated arm, of the same shape.

        Returns:
            the probability, of that shape.
        """
        rates = np.broadcast_arrays(np.asarray(control, float), np.asarray(treated, float))
        for name, rate in zip(("control rate", "treated rate"), rates, strict=True):
            outside = rate[~((rate >= 0) & (rate <= 1))]
            found = outside[0] if outside.size else None
            Demands().that(found is None, name, found, "a rate from 0 to 1").enforce()
        of_control = binomial(self.n_control, rates[0].ravel())
        of_treated = binomial(self.n_treated, rates[1].ravel())
        reached = self.rejects @ of_control
        return (of_treated * reached).sum(axis=0).reshape(rates[0].shape)

    def average_power(self, control: tuple[float, float], treated: tuple[float, float]) -> float:
        """Power averaged over independent Beta priors of both rates (assurance), exactly.

        Args:
            control: parameters of the Beta prior of the control rate.
            treated: those of the treated rate.
        """
        (a, b), (c, d) = control, treated
        demands = Demands()
        demands.want("beta", control_a=a, control_b=b, treated_a=c, treated_b=d).enforce()
        of_control = _beta_binomial(self.n_control, a, b)
        of_treated = _beta_binomial(self.n_treated, c, d)
        return float(of_treated @ self.rejects @ of_control)

    @cached_property
    def error_given_total(self) -> NDArray[np.float64]:
        """[total events] probability of rejecting given that total, when both rates are equal."""
        treated, control = tables(self.n_treated, self.n_control)
        weight = given_total(self.n_treated, self.n_control)
        return np.bincount(
            (treated + control)[self.rejects],
            weight[self.rejects],
            minlength=self.n_treated + self.n_control + 1,
        )

    @cached_property
    def size(self) -> Size:
        """True type I error and where it is reached.

        The tests reject more readily with fewer treated events, so that no pair of rates with
        treated >= control rejects more often than some common rate does.
        """
        return Size.of(self.error_given_total)

    @cached_property
    def boundary(self) -> tuple[int | None, ...]:
        """Per number of control events (from 0), the most treated events that still reject.

        None where no number of treated events does.
        """
        most = self.rejects.sum(axis=0) - 1
        return tuple(int(m) if m >= 0 else None for m in most)


def _beta_binomial(n: int, a: float, b: float) -> NDArray[np.float64]:
    """Probability of 0 ... n events when the rate is Beta(a, b)."""
    events = np.arange(n + 1)
    log_choose = gammaln(n + 1) - gammaln(events + 1) - gammaln(n - events + 1)
    return np.exp(log_choose + betaln(events + a, n - events + b) - betaln(a, b))
