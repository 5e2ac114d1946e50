"""What a patient's covariates do to a parameter, on its transformed scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class PowerCovariate:
    """Effect (value / reference) ** exponent of a patient's covariate on a parameter."""

    column: str
    reference: float
    exponent: float
    exponent_sd: float
    source: str = ""
    form: Literal["power"] = "power"

    @property
    def regressor(self) -> str:
        """Name of ln(value / reference), which other parameters may share."""
        return f"{self.column}/{self.reference:g}"

    @property
    def coefficient(self) -> float:
        """What the regressor is multiplied with."""
        return self.exponent

    @property
    def coefficient_sd(self) -> float:
        """Our uncertainty about it."""
        return self.exponent_sd

    @property
    def label(self) -> str:
        """Of the coefficient, after the parameter's name."""
        return f"{self.column}_exponent"

    def meaning(self, parameter: str) -> str:
        """Of the coefficient."""
        return f"exponent of {self.column} on {parameter}"

    def without_uncertainty(self) -> PowerCovariate:
        """The covariate without uncertainty about its coefficient."""
        return replace(self, exponent_sd=0.0)


@dataclass(frozen=True)
class CategoryCovariate:
    """By how much patients of a category differ from the reference, on the transformed scale."""

    column: str
    reference: str
    category: str
    coefficient: float
    coefficient_sd: float
    source: str = ""

    @property
    def regressor(self) -> str:
        """Name of the indicator of the category."""
        return f"{self.column}={self.category}"

    @property
    def label(self) -> str:
        """Of the coefficient, after the parameter's name."""
        return f"{self.column}_{self.category}_effect"

    def meaning(self, parameter: str) -> str:
        """Of the coefficient."""
        return f"effect of {self.column} {self.category} over {self.reference} on {parameter}"

    def without_uncertainty(self) -> CategoryCovariate:
        """The covariate without uncertainty about its coefficient."""
        return replace(self, coefficient_sd=0.0)
