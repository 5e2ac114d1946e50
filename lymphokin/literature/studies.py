"""Published cohorts as calibration reads them: a course, a number of patients, and their counts."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lymphokin.shipped import data_path
from lymphokin.sites import shipped_sites

STUDIES_FILE = "literature/calibration_studies.toml"
MOST_VISITS = 8


@dataclass(frozen=True)
class Counts:
    """What is published of a cohort's counts at one time.

    ``of``: "baseline"; "one visit", each patient seen once, on any of ``days``; or "lowest", the
    minimum over visits on all ``days``. ``days`` are from the last fraction. Either ``share`` of
    the patients below each of ``below`` (10^9/L), or the ``mean``.
    """

    of: Literal["baseline", "one visit", "lowest"]
    days: tuple[float, ...] = ()
    below: tuple[float, ...] = ()
    share: tuple[float, ...] = ()
    mean: float | None = None
    weight: float = 1.0

    @property
    def quantiles(self) -> bool:
        """Whether a median or quartiles are published, and not how many lie below a threshold."""
        return bool(self.share) and set(self.share) <= {0.25, 0.5, 0.75}

    def problems(self) -> list[str]:
        """What is wrong with it, one sentence each."""
        found = []
        if self.of not in ("baseline", "one visit", "lowest"):
            found.append(f'of must be "baseline", "one visit" or "lowest", not {self.of!r}')
        if (self.of == "baseline") == bool(self.days):
            found.append("days are needed, except at baseline, which has none")
        if len(self.days) > MOST_VISITS:
            found.append(f"at most {MOST_VISITS} days, not {len(self.days)}")
        if (self.mean is None) == (not self.below):
            found.append("give either below with share, or mean")
        if len(self.below) != len(self.share):
            found.append(f"below has {len(self.below)} numbers and share {len(self.share)}")
        rising = all(a < b for a, b in zip(self.share, self.share[1:], strict=False))
        if not rising or not all(0 < s < 1 for s in self.share):
            found.append(f"share must rise between 0 and 1, not {list(self.share)}")
        if list(self.below) != sorted(self.below) or not all(b > 0 for b in self.below):
            found.append(f"below must rise above 0, not {list(self.below)}")
        if self.mean is not None and self.mean <= 0:
            found.append(f"mean must be above 0, not {self.mean}")
        if not 0 < self.weight <= 1:
            found.append(f"weight must be above 0 and at most 1, not {self.weight}")
        return found


@dataclass(frozen=True)
class Study:
    """A published cohort; see ``calibration_studies.toml`` for the meaning of each entry."""

    name: str
    source: str
    n: int
    fractions: int
    dose_per_fraction_gy: float
    counts: tuple[Counts, ...]
    site: str = ""
    immune_dose_gy: float | None = None
    extra_log_sd: float = 0.0
    doi: str = ""
    assumed: str = field(default="", repr=False)

    @property
    def course_dose_gy(self) -> float:
        """Reference immune dose of the whole course."""
        if self.immune_dose_gy is not None:
            return self.immune_dose_gy
        site = shipped_sites().by_name[self.site]
        return site.immune_dose_per_gy * self.fractions * self.dose_per_fraction_gy

    def problems(self) -> list[str]:
        """What is wrong with it, one sentence each."""
        found = [f"counts {i + 1}: {p}" for i, c in enumerate(self.counts) for p in c.problems()]
        if not self.counts:
            found.append("no counts")
        if self.immune_dose_gy is None and self.site not in shipped_sites().by_name:
            known = ", ".join(shipped_sites().by_name)
            found.append(f"site {self.site!r} is none of {known}, and there is no immune_dose_gy")
        if self.n < 1 or self.fractions < 1 or self.dose_per_fraction_gy <= 0:
            found.append("n, fractions and dose_per_fraction_gy must be above 0")
        if self.extra_log_sd < 0:
            found.append(f"extra_log_sd must not be negative, but is {self.extra_log_sd}")
        return found


def _counts(raw: dict[str, Any]) -> Counts:
    lists = {k: tuple(map(float, v)) for k, v in raw.items() if k in ("days", "below", "share")}
    return Counts(**{**raw, **lists})


def read_studies(path: Path | None = None) -> tuple[Study, ...]:
    """Studies of a file; by default those that ship with lymphokin.

    Raises:
        ValueError: with everything that is wrong with the file.
    """
    path = path or data_path(STUDIES_FILE)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    studies, problems = [], []
    for i, entry in enumerate(raw.get("study", [])):
        where = f"study {entry.get('name', i + 1)}"
        try:
            counts = tuple(_counts(c) for c in entry.get("counts", []))
            study = Study(**{**entry, "counts": counts})
            problems += [f"{where}: {p}" for p in study.problems()]
            studies.append(study)
        except (TypeError, ValueError) as error:
            problems.append(f"{where}: {str(error).replace('__init__() ', '')}")
    names = [study.name for study in studies]
    problems += [
        f"two studies are called {n}" for n in sorted({n for n in names if names.count(n) > 1})
    ]
    if not studies and not problems:
        problems.append("no [[study]]")
    if problems:
        raise ValueError(f"{path}: " + "; ".join(problems))
    return tuple(studies)
