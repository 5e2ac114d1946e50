"""Where draws of a population come from and how far they can be believed: shown with every risk."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel, computed_field

from lymphokin.model import Model
from lymphokin.model.roles import contrast_of
from lymphokin.pages.messages import Message
from lymphokin.research_use import RESEARCH_USE

OF_THE_DOSE = (
    "An immune dose estimated from site and lesions is an order of magnitude, not dosimetry."
)
OF_OTHER_CAUSES = (
    "Steroids lower lymphocyte counts, and the model does not know of them: starting, changing or "
    "stopping them is in no number. Nor are infection and systemic therapy."
)
BESIDE_COVARIATES = (
    "Infection, steroids and other therapy change counts; of what changes within a patient the "
    "model knows its own covariates alone."
)


class CalibrationGroup(BaseModel):
    """Patients with similar predicted risks, and the share of them who had grade >= 2."""

    patients: int
    risk: float
    """mean predicted risk"""
    happened: float
    low: float
    """of an exact 90 % interval (Clopper and Pearson)"""
    high: float


class RiskCalibration(BaseModel):
    """How well risks came true, as far as is known."""

    message: Message
    groups: list[CalibrationGroup]
    """none where no single patient's outcome is known"""

    @computed_field
    @property
    def text(self) -> str:
        """In English."""
        return self.message.text


class Provenance(BaseModel):
    """Where draws of a population come from."""

    source: Literal["fit", "literature", "prior"]
    title: str
    """in words, e.g. "prior, no data" """
    synthetic: bool
    title_message: Message | None
    """the title as a sentence of the catalogue; None where the title is a text with a label"""
    model: str
    model_sha256: str
    gamma_known_from_people: bool
    patients: int | None
    """behind the posterior"""
    draws: int | None
    created: str | None
    version: str
    commit: str | None
    data_sha256: str | None
    posterior_sha256: str | None
    rhat_max: float | None
    ess_bulk_min: float | None
    divergences: int | None
    verdict: str | None
    calibration: RiskCalibration | None
    limits: list[str]
    """what the model cannot say"""
    research_use: str


UNKNOWN: dict[str, Any] = {"synthetic": False} | dict.fromkeys(
    ("title_message", "patients", "draws", "created", "commit", "data_sha256", "posterior_sha256",
     "rhat_max", "ess_bulk_min", "divergences", "verdict", "calibration")
)  # fmt: skip
"""Facts that stand like this where they are not given."""


def provenance_of(
    model: Model, source: Literal["fit", "literature", "prior"], title: str, **facts: Any
) -> Provenance:
    """The provenance of draws for a model; ``facts`` are its further fields."""
    contrast, composites = contrast_of(model), model.table.composites.values()
    return Provenance(
        source=source,
        title=title,
        model=model.name,
        model_sha256=model.sha256,
        gamma_known_from_people=False,
        version=version("lymphokin"),
        limits=[
            *(contrast.limits if contrast else ()),
            *dict.fromkeys(own.expected for own in composites if own.expected),
            OF_THE_DOSE,
            BESIDE_COVARIATES if model.table.varying else OF_OTHER_CAUSES,
        ],
        research_use=RESEARCH_USE,
        **UNKNOWN | facts,
    )


def rounded(value: float | None, decimals: int) -> float | None:
    """A fact as it is shown; those who show provenance round nothing. None stays None."""
    return None if value is None else round(value, decimals)
