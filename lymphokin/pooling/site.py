"""A site's factor: what its patients say about the population, as a readable file without them."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Literal

import numpy as np
import pydantic

from lymphokin.endpoints import DEFAULT
from lymphokin.files import AnyPath, refuse_existing, write_text
from lymphokin.io.visits import endpoint_visits
from lymphokin.pooling.evidence import blurred, evidence_of
from lymphokin.population.seen import DAILY_DOSE, NAMES
from lymphokin.run import Fit
from lymphokin.strict_json import json_text

KIND = "lymphokin site factor"
FORMAT = 1
FEWEST = 10
"""Patients below which no factor is made (judgement): of fewer it is close to a list of them."""
CELLS = (0, 5, 10, 20, 50, 100)
"""Where the cells begin in which outcomes are counted."""
STEPS = {
    "fractions": 5.0,
    "prescribed_gy": 10.0,
    "immune_dose_gy": 0.5,
    "baseline_alc": 0.5,
    "endpoint_day": 10.0,
    DAILY_DOSE: 50.0,
}
"""To multiples of these a range is widened: its ends are single patients."""


class SiteFactor(pydantic.BaseModel, frozen=True, extra="forbid", strict=True):
    """What the patients of one site say about the population of a model.

    The log likelihood of their records is, up to a constant, ``score`` z - z ``precision`` z / 2 in
    the population's latents z; a latent is a quantity on the scale of the parameter table, 0 at its
    median, in units of its SD there. No prior and no patient is in it; noise of half a patient's
    score is added.
    """

    kind: Literal["lymphokin site factor"]
    format: Literal[1]
    site: str = pydantic.Field(min_length=1, max_length=60)
    patients: int
    outcomes: dict[str, str]
    """of the default endpoint, patients in coarse cells: ``known`` and ``with_event``"""
    ranges: dict[str, tuple[float, float]]
    """of what describes a patient's course, widened to coarse steps"""
    learnt: dict[str, float]
    """per quantity the share of its variance in the parameter table that these patients remove"""
    quantities: tuple[str, ...]
    score: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    monte_carlo_error: float
    model: str
    model_sha256: str
    lymphokin_version: str
    created: str
    """day"""
    synthetic: bool
    tables_sha256: tuple[str, ...]
    """of the event tables behind it, which tell copies apart"""
    sha256: str
    """of all the rest"""

    def content_sha256(self) -> str:
        """What :attr:`sha256` is where nobody changed the file."""
        content = json_text(self.model_dump(exclude={"sha256"}), sort_keys=True)
        return hashlib.sha256(content.encode("utf-8")).hexdigest()

    def sealed(self) -> SiteFactor:
        """The same with the hash of its content."""
        return self.model_copy(update={"sha256": self.content_sha256()})


def site_factor(fit: Fit, site: str) -> SiteFactor:
    """The factor of the patients of a fit; see :func:`export_site`."""
    name = site.strip()
    if not name or len(name) > 60 or not name.isprintable():
        raise ValueError(f"site {site!r}: expected a name of 1 to 60 letters that can be printed")
    _refuse(fit)
    evidence = blurred(evidence_of(fit.density, fit.x), len(fit.cohort), _secret(fit))
    left = np.diag(np.linalg.inv(np.eye(len(evidence.score)) + evidence.precision))
    names = fit.density.hierarchy.population_names
    visits = endpoint_visits(fit.cohort)
    happened = visits["observed_grade2"].dropna().astype(bool)
    seen = {key: _widened(key, *fit.provenance["seen"][key]) for key in NAMES}
    factor = SiteFactor(
        kind=KIND,
        format=FORMAT,
        site=name,
        patients=len(fit.cohort),
        outcomes={
            "endpoint": DEFAULT,
            "known": cell(len(happened)),
            "with_event": cell(int(happened.sum())),
        },
        ranges={key: ends for key, ends in seen.items() if ends is not None},
        learnt={key: round(float(1 - share), 2) for key, share in zip(names, left, strict=True)},
        quantities=names,
        score=tuple(_digits(evidence.score)),
        precision=tuple(tuple(_digits(row)) for row in evidence.precision),
        monte_carlo_error=round(evidence.monte_carlo_error, 3),
        model=fit.model.name,
        model_sha256=fit.model.sha256,
        lymphokin_version=version("lymphokin"),
        created=datetime.now(UTC).date().isoformat(),
        synthetic=bool(fit.provenance["synthetic_data"]),
        tables_sha256=(fit.cohort.sha256,) if fit.cohort.sha256 else (),
        sha256="",
    )
    return factor.sealed()


def export_site(fit: Fit, path: AnyPath, *, site: str) -> SiteFactor:
    """Write what the patients of a fit say about the population, without the patients.

    Args:
        fit: of the site's patients: an update, or a fit of them alone.
        path: the JSON file; it must not exist.
        site: what to call the site.

    Returns:
        what was written.

    Raises:
        FileExistsError: when the file exists.
        ValueError: when the fit is of too few patients, not to be used, a single point, or has too
            few draws.

    Example:
        >>> lk.export_site(fit, "site.json", site="Lyon").patients
        40
    """
    refuse_existing(path)
    factor = site_factor(fit, site)
    write_text(path, json_text(factor.model_dump()) + "\n")
    return factor


def _refuse(fit: Fit) -> None:
    if len(fit.cohort) < FEWEST:
        raise ValueError(
            f"{len(fit.cohort)} patients are too few to share what they say: expected at least "
            f"{FEWEST}, of fewer a factor is close to a list of them"
        )
    fit.require_draws("a site's factor")
    if fit.convergence["level"] == "bad":
        raise ValueError(f"a site's factor needs a fit that can be used. {fit.verdict}")


def _secret(fit: Fit) -> int:
    """Seed of the noise: the same for the same patients, so that nobody can average it away by
    asking again, and known to nobody who has not their records.
    """
    records = fit.cohort.observations[["id", "day", "quantity", "value"]]
    text = fit.model.sha256 + repr(records.to_numpy().tolist())
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8])


def cell(count: int) -> str:
    """A number of patients in coarse words."""
    last = max(i for i, low in enumerate(CELLS) if count >= low)
    if last == 0:
        return f"fewer than {CELLS[1]}"
    if last == len(CELLS) - 1:
        return f"{CELLS[last]} or more"
    return f"{CELLS[last]} to {CELLS[last + 1] - 1}"


def _widened(name: str, low: float, high: float) -> tuple[float, float] | None:
    """A range with its ends moved outwards to coarse steps; None where there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    step = STEPS[name]
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _digits(values: np.ndarray) -> list[float]:
    """Numbers to six digits: what lies beyond is noise of the draws."""
    return [float(f"{value:.6g}") for value in values]
