"""Compare fits of different models to the same data: by what they predict unseen, and by risks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pandas as pd

from lymphokin.criticism.forecasts.comparison import (
    Comparison,
    comparison,
    comparison_verdicts,
)
from lymphokin.criticism.forecasts.comparison_sections import comparison_sections
from lymphokin.criticism.forecasts.held_out import held_out_forecasts
from lymphokin.criticism.forecasts.leave_one_out import counts_left_out, patients_left_out
from lymphokin.criticism.forecasts.looks import unreliable
from lymphokin.criticism.result import CheckResult, name_of
from lymphokin.criticism.sections import Section
from lymphokin.pages.wording import joined
from lymphokin.progress import Reporter, shown
from lymphokin.run import Fit
from lymphokin.verdict import Verdict


@dataclass(frozen=True, eq=False)
class ComparisonResult(CheckResult):
    """Fits of the same data side by side; see :func:`compare`.

    Attributes:
        comparison: scores of left-out patients and counts, weights, and risks.
        unconverged: by fit, the verdict on chains that have not converged well.
        sites: by fit, the SHA-256 of its table of sites.
    """

    comparison: Comparison
    unconverged: Mapping[str, str]
    sites: Mapping[str, str]
    template = "compare.html.j2"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return comparison_verdicts(self.comparison)

    @property
    def read_first(self) -> Sequence[str]:
        twice = self.comparison.identical
        same = [
            f"{joined(names)} are the same fit: their draws are equal, so nothing differs."
            for names in twice
        ]
        same += [
            f"{joined(names)} are the same model, fitted to the same data: what differs between "
            "them is how they were fitted, and chance."
            for names in self.comparison.alike
            if names not in twice
        ]
        if len(set(self.sites.values())) > 1:
            tables = joined(f"{name} ({sha[:12]})" for name, sha in self.sites.items())
            same.append(
                f"{tables} know different tables of sites, and so different immune doses of the "
                "same patients: what differs between them need not be the model."
            )
        return [*same, *(f"{name}: {verdict}" for name, verdict in self.unconverged.items())]

    @property
    def table(self) -> pd.DataFrame:
        """One row per fit; the columns are explained at
        :class:`lymphokin.criticism.forecasts.comparison.Comparison`.
        """
        return self.comparison.runs.reset_index()

    @property
    def details(self) -> dict[str, pd.DataFrame]:
        return {
            "runs": self.table,
            "patients": self.comparison.patients,
            "counts": self.comparison.counts,
            "risks": self.comparison.marked_risks.reset_index(),
        }

    def sections(self) -> list[Section]:
        return comparison_sections(self.comparison, self.about["counts_until"])

    def as_dict(self) -> dict[str, Any]:
        risks = self.comparison.marked_risks.reset_index()
        return {
            **super().as_dict(),
            "read_first": list(self.read_first),
            "same_model": [list(names) for names in self.comparison.alike],
            "same_draws": [list(names) for names in self.comparison.identical],
            "runs": self.table.to_dict("records"),
            "risks": risks.to_dict("records"),
        }


def compare(
    fit: Fit,
    other: Fit,
    *others: Fit,
    names: Sequence[str] = (),
    counts_until: float = 0.0,
    seed: int = 0,
    progress: bool | Reporter | None = None,
) -> ComparisonResult:
    """Compare fits of the same data: left-out patients and counts, weights, and risks.

    Only lymphocyte counts are scored, so that models of different drugs and cells compare.

    Args:
        fit: a fit.
        other: another fit of the same data.
        others: further ones.
        names: what the fits are called, in order; by default the names of their run folders, or of
            their models where they are not saved.
        counts_until: risks are compared from records up to this day.
        seed: of all random numbers.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Raises:
        ValueError: when two fits have the same name, are of different data, or one of them is a
            single point.

    Example:
        >>> fit = lk.open_run(run_folder)
        >>> result = lk.compare(fit, fit, names=["one", "the same"])
        >>> result.table["weight"].round(1)
        0...
    """
    fits = _named([fit, other, *others], names)
    patients, counts, risks = {}, {}, {}
    doubtful: set[str] = set()
    with shown(progress) as reporter:
        for name, one in fits.items():
            reporter.stage(f"leaving out patients and counts of {name}")
            z, density = one.population_z(), one.density
            patients[name] = patients_left_out(density, z, seed)
            counts[name] = counts_left_out(one, seed)
            ids = one.cohort.patients.index
            held_out = held_out_forecasts(density, z, ids, [counts_until], in_fit=True, seed=seed)
            risks[name] = pd.Series(held_out[counts_until].forecasts.risk, ids)
            doubtful |= set(ids[unreliable(held_out[counts_until].pareto_k)])
    provenance = [one.provenance for one in fits.values()]
    about = {
        "run": ", ".join(fits),
        "model": ", ".join(p["model"] for p in provenance),
        "data_file": provenance[0]["data_file"],
        "data_sha256": provenance[0]["data_sha256"],
        "synthetic": provenance[0]["synthetic_data"],
        "created": ", ".join(p["created"] for p in provenance),
        "counts_until": counts_until,
        "seed": seed,
    }
    unconverged = {n: one.verdict for n, one in fits.items() if one.convergence["level"] != "good"}
    same = alike(fits), identical(fits)
    return ComparisonResult(
        about,
        comparison(patients, counts, risks, *same, sorted(doubtful)),
        unconverged,
        {name: one.cohort.sites.sha256 for name, one in fits.items()},
    )


def alike(fits: Mapping[str, Fit]) -> tuple[tuple[str, ...], ...]:
    """Groups of fits of one model with the same parameters fixed, of two fits or more."""
    return _groups(
        {
            name: (
                one.provenance["model_sha256"],
                one.cohort.sites.sha256,
                sorted(dict(one.config.get("fixed") or {}).items()),
                one.config.get("prior"),
            )
            for name, one in fits.items()
        }
    )


def identical(fits: Mapping[str, Fit]) -> tuple[tuple[str, ...], ...]:
    """Groups of fits of one model with the same draws, of two fits or more."""
    return _groups(
        {
            name: (one.model.sha256, sha256(one.population_z().tobytes()).hexdigest())
            for name, one in fits.items()
        }
    )


def _groups(values: Mapping[str, object]) -> tuple[tuple[str, ...], ...]:
    """Names with equal values, of two names or more."""
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        groups.setdefault(repr(value), []).append(name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


def _named(fits: Sequence[Fit], names: Sequence[str]) -> dict[str, Fit]:
    """Fits by name, all of the same data, each with draws of the population."""
    names = list(names) or [name_of(fit) for fit in fits]
    if len(names) != len(fits) or len(set(names)) < len(names):
        raise ValueError(
            f"names {', '.join(names)}: expected a different name for each of {len(fits)} fits"
        )
    named = dict(zip(names, fits, strict=True))
    for name, fit in named.items():
        fit.require_draws(f"comparing {name}")
    data = {name: str(fit.provenance["data_sha256"]) for name, fit in named.items()}
    if len(set(data.values())) > 1:
        hashes = ", ".join(f"{name} ({sha[:12]})" for name, sha in data.items())
        raise ValueError(f"fits of different data cannot be compared: data_sha256 of {hashes}")
    return named
