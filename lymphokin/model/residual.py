"""How measurements scatter, as the table says it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp

from lymphokin.model.deviate import log_above, log_half_cauchy

LOG_SDS = {"half_normal": math.pi / math.sqrt(8), "half_cauchy": math.pi / 2}
"""SD of the logarithm of such a deviate."""


@dataclass(frozen=True)
class CategoryEffect:
    """Log-ratio by which a category of a record (e.g. the blood tube) shifts the observation."""

    column: str
    reference: str
    category: str
    log_ratio: float
    log_ratio_sd: float
    source: str = ""

    def meaning(self, quantity: str) -> str:
        """Of the log-ratio."""
        return f"ln ratio of {quantity} in {self.column} {self.category} over {self.reference}"


@dataclass(frozen=True)
class DelayEffect:
    """Log-ratio by which every hour from drawing to processing a sample shifts the observation."""

    log_ratio: float
    log_ratio_sd: float
    source: str = ""
    column: Literal["delay"] = "delay"
    category: Literal["delay"] = "delay"

    def meaning(self, quantity: str) -> str:
        """Of the log-ratio."""
        return f"ln ratio of {quantity} per hour from drawing to processing the sample"


@dataclass(frozen=True)
class Residual:
    """How a measured value y scatters around the individual's true value f.

    ``error`` log_normal: ln y = ln f + sd e; additive: y = f + sd e; proportional:
    y = f (1 + sd e); combined: y = f + sqrt(sd^2 + (proportional_sd f)^2) e. e is standard normal
    or Student's t with ``degrees_of_freedom`` (whose scale, not SD, is 1).
    """

    quantity: str
    distribution: Literal["student_t", "normal"]
    sd: float
    """in the quantity's unit where the error is additive or combined; what a record's own SD is
    multiplied with, where there is one"""
    certainty: str
    sd_log_sd: float = 0.0
    sd_prior: Literal["log_normal", "half_normal", "half_cauchy"] = "log_normal"
    """of ``sd``: log-normal around it, or of that scale"""
    degrees_of_freedom: float = 0.0
    error: Literal["log_normal", "additive", "proportional", "combined"] = "log_normal"
    sd_column: str = ""
    """column of the event table with each record's own SD; empty where all share one"""
    proportional_sd: float = 0.0
    """of a combined error, as a share of the true value"""
    proportional_sd_log_sd: float = 0.0
    source: str = ""
    doi: str = ""
    effects: tuple[CategoryEffect | DelayEffect, ...] = ()

    @property
    def sds(self) -> dict[str, tuple[float, float]]:
        """Per component of the error, its SD and our uncertainty about it (SD of its logarithm)."""
        of_error = {"residual_sd": (self.sd, LOG_SDS.get(self.sd_prior, self.sd_log_sd))}
        if self.error == "combined":
            of_error["proportional_sd"] = (self.proportional_sd, self.proportional_sd_log_sd)
        return of_error

    def sd_at(self, component: str, z: Any) -> Any:
        """SD of a component of the error from a standard normal ``z`` (its prior)."""
        sd, log_sd = self.sds[component]
        if component == "proportional_sd" or self.sd_prior == "log_normal":
            return sd * jnp.exp(log_sd * z)
        return sd * jnp.exp(
            log_half_cauchy(z) if self.sd_prior == "half_cauchy" else log_above(z, 0.0)
        )
