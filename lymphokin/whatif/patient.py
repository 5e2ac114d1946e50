"""The patient of a what-if: what the model may use, and nothing that says who it is."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_serializer, field_validator, model_validator

from lymphokin.io.vocabulary import IMMUNE_DOSE_SOURCES
from lymphokin.pages.messages import RefusedError
from lymphokin.quantities import LARGEST, OBSERVABLES
from lymphokin.sites import UNKNOWN, SiteTable
from lymphokin.whatif.limits import (
    COUNTED,
    LARGEST_IMMUNE_DOSE_GY,
    LATEST_DAY,
    MOST_COUNTS,
    MOST_LESIONS,
    Strict,
)

SITES = "sites"
"""Key of the table of sites in the context of a validation."""
Name = Annotated[str, Field(max_length=40)]
BELOW = re.compile(r"\s*<\s*(\d+(?:\.\d+)?|\.\d+)\s*")
"""A count as a laboratory writes it that found fewer than it can count."""
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")


class Count(Strict):
    """One measurement so far; in Python also ``(day, value)`` or ``(day, value, quantity)``.

    Example:
        >>> from lymphokin.whatif.patient import Count
        >>> Count(day=14, value="<0.1").below
        True
    """

    day: Annotated[float, Field(ge=-365, le=LATEST_DAY)]
    """days from day 0; a count on the day of a fraction is taken before it"""
    value: Annotated[float, Field(gt=0, le=LARGEST)]
    """in the quantity's unit: 1e9/L for lymphocytes (alc); ``"<0.1"`` where the laboratory says no
    more than that it is below"""
    quantity: Annotated[str, Field(max_length=40)] = COUNTED
    """what the model measures, by its word in the event table"""
    below: Annotated[bool, Field(exclude=True)] = False
    """whether the count is only known to be below ``value``"""

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, count: Any) -> Any:
        if isinstance(count, tuple) and 2 <= len(count) <= 3:
            count = dict(zip(("day", "value", "quantity"), count, strict=False))
        if isinstance(count, dict) and (found := BELOW.fullmatch(str(count.get("value")))):
            return {**count, "value": float(found[1]), "below": True}
        return count

    @field_serializer("value")
    def _as_written(self, value: float) -> float | str:
        return f"<{value!r}" if self.below else value

    @field_validator("value", mode="before")
    @classmethod
    def _is_a_number(cls, value: Any) -> Any:
        """Refuse words such as ``>250``, with what may be written."""
        try:
            float(value if isinstance(value, str) else 0)
        except ValueError:
            raise RefusedError("error.count") from None
        return value

    @field_validator("quantity")
    @classmethod
    def _is_a_word(cls, quantity: str) -> str:
        if not WORD.fullmatch(quantity):
            raise RefusedError("error.quantity", example=COUNTED)
        return quantity

    @model_validator(mode="after")
    def _plausible(self) -> Count:
        known = OBSERVABLES.get(self.quantity)
        if known is not None and self.value > known.at_most:
            raise RefusedError(
                "error.implausible", what=known.label, value=self.value, unit=known.unit
            )
        return self


class Patient(Strict):
    """Everything about a patient that the model may use.

    Example:
        >>> from lymphokin.whatif.patient import Patient
        >>> patient = Patient(site="lung_peripheral", counts=[(-7, 1.2), (-1, 1.1)])
        >>> patient.counts[0].value
        1.2
    """

    site: Annotated[str, Field(max_length=200)] = UNKNOWN
    """site class of all lesions, or one per lesion joined by +"""
    n_lesions: Annotated[int, Field(ge=1, le=MOST_LESIONS)] | None = None
    ptv_cm3: Annotated[float, Field(gt=0, le=5000)] | None = None
    """planning target volume of all lesions"""
    immune_dose_gy: Annotated[float, Field(ge=0, le=LARGEST_IMMUNE_DOSE_GY)] | None = None
    """mean dose to the blood of the whole planned course under the plan (schedule A), unless the
    plan itself states it; estimated if absent"""
    immune_dose_source: Literal["blood", "edic", "organs", "dvh", "dicom"] | None = None
    bsa: Annotated[float, Field(ge=0.5, le=3.5)] = 1.8
    """body surface area, m2: turns a dose per m2 into mg"""
    age: Annotated[float, Field(ge=18, le=110)] | None = None
    sex: Literal["F", "M"] | None = None
    counts: Annotated[tuple[Count, ...], Field(max_length=MOST_COUNTS)] = ()
    """measurements so far; those up to the first fraction are the baseline"""

    covariates: Annotated[tuple[tuple[Name, float | Name], ...], Field(max_length=40)] = ()
    """values now of covariates that change in the model, such as a daily dose of steroids, which a
    what-if holds, and words of constant ones without a field here; in JSON and files a table
    ``{"STEROIDS": 4.0}``, which Python takes too"""

    @field_validator("covariates", mode="before")
    @classmethod
    def _from_table(cls, covariates: Any) -> Any:
        return tuple(covariates.items()) if isinstance(covariates, dict) else covariates

    @field_serializer("covariates")
    def _as_table(self, covariates: tuple[tuple[str, float | str], ...]) -> dict[str, float | str]:
        return dict(covariates)

    @field_validator("site")
    @classmethod
    def _known_sites(cls, site: str, info: ValidationInfo) -> str:
        """Refuse an unknown site at once where it is known what sites there are."""
        sites: SiteTable | None = (info.context or {}).get(SITES)
        if sites is not None and not sites.knows(site):
            raise RefusedError("error.site", known=list(sites.by_name))
        return site

    @model_validator(mode="after")
    def _consistent(self) -> Patient:
        named = self.site.count("+") + 1
        if named > MOST_LESIONS:
            raise RefusedError("error.most_lesions", named=named, most=MOST_LESIONS)
        if named > 1 and self.n_lesions not in (None, named):
            raise RefusedError("error.lesions", named=named, stated=self.n_lesions or 1)
        if self.immune_dose_source and self.immune_dose_gy is None:
            raise RefusedError("error.source_without_dose")
        return self


assert set(IMMUNE_DOSE_SOURCES) == {"blood", "edic", "organs", "dvh", "dicom"}
