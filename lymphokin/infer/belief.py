"""How far an approximate posterior can be believed, in numbers and in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lymphokin.infer.importance import Reliability
from lymphokin.infer.weights import UNRELIABLE_PARETO_K

CLOSE_PARETO_K = 0.5
"""Up to it an approximation is close by itself (Yao et al. 2018, arXiv:1802.02538); above 0.7 not
even reweighting mends it."""
NOT_FOR_REPORTING = "Report from a fit by Markov chains."
MOST_NAMED = 8


METHODS = {
    "hmc": "Markov chains by Hamiltonian Monte Carlo; the reference, and for reporting",
    "quick": "normal approximation, its draws reweighted where that is reliable",
    "svi": "normal approximation by NumPyro's variational inference",
    "laplace": "normal approximation with the curvature at the mode",
    "map": "the mode alone, without uncertainty",
}
"""How a posterior is found, and in words."""
FORMER_METHODS = {"nuts": "hmc"}
"""What methods were called before, as folders of earlier runs say."""
REWEIGHTED, POOLED = "reweighted", "pooled"
_HOW = METHODS | {
    REWEIGHTED: "draws of an earlier posterior, weighed by the new patients",
    POOLED: "factors of sites, multiplied with the prior",
}


@dataclass(frozen=True)
class Belief:
    """The verdict on an approximation."""

    method: str
    level: str
    """good | caution | bad, as of Markov chains"""
    verdict: str
    pareto_k_population: float | None = None
    """of the population, patients integrated out; None for a point"""
    pareto_k_joint: float | None = None
    """of all unknowns together"""
    pareto_k_patients_max: float | None = None
    """the largest of a patient's own unknowns, given the population"""
    patients_unreliable: tuple[str, ...] = ()
    effective_draws: float | None = None
    """number of equally weighted draws of the population that the weighted ones are worth"""
    details: dict[str, Any] = field(default_factory=dict)
    """further facts that the method reports about itself"""

    def as_dict(self) -> dict[str, Any]:
        """For ``provenance.json``."""
        facts = {k: v for k, v in vars(self).items() if k != "details"} | self.details
        return facts | {
            "how": _HOW[self.method],
            "patients_unreliable": list(self.patients_unreliable),
        }


def point(log_density: float, slope: float) -> Belief:
    """The verdict on a mode taken as if it were the posterior."""
    return Belief(
        "map",
        "bad",
        "A single point, the mode of the joint density: it knows no uncertainty of the "
        "population. Every risk takes that point for granted, intervals over the population are "
        "empty, and in a hierarchical model the mode can lie far from the mean. "
        f"{NOT_FOR_REPORTING}",
        details={"log_density": log_density, "slope_in_sds": slope},
    )


def judge_approximation(
    method: str,
    found: Reliability,
    patients: Sequence[str],
    *,
    reweighted: bool,
    details: dict[str, Any] | None = None,
) -> Belief:
    """The verdict on a normal approximation.

    Args:
        method: laplace | svi | quick.
        found: of its importance ratios.
        patients: ids.
        reweighted: whether the draws follow the importance weights where these are reliable.
        details: further facts that the method reports about itself.
    """
    k = found.population
    unreliable = tuple(
        str(p) for p, own in zip(patients, found.patients, strict=True) if own > UNRELIABLE_PARETO_K
    )
    level = (
        "bad"
        if k > UNRELIABLE_PARETO_K
        else "caution"
        if unreliable or (k > CLOSE_PARETO_K and not reweighted)
        else "good"
    )
    return Belief(
        method,
        level,
        f"{_of_population(method, found, reweighted)} "
        f"{_of_patients(found, unreliable, reweighted)} {NOT_FOR_REPORTING}",
        k,
        found.joint,
        float(np.max(found.patients)),
        unreliable,
        found.effective_draws,
        details or {},
    )


def _of_population(method: str, found: Reliability, reweighted: bool) -> str:
    k = found.population
    if k > UNRELIABLE_PARETO_K:
        return (
            f"Do not believe the population of this {method} fit: the posterior does not follow "
            f"the normal approximation (Pareto k {k:.2f}, reliable up to {UNRELIABLE_PARETO_K}), "
            "so its means and intervals can be well off."
        )
    if reweighted:
        return (
            f"The population of this {method} fit can be believed: its draws were reweighted to "
            f"the posterior (Pareto k {k:.2f}; worth {found.effective_draws:.0f} independent "
            "draws)."
        )
    if k > CLOSE_PARETO_K:
        return (
            f"The population of this {method} fit is roughly right (Pareto k {k:.2f}; close up to "
            f"{CLOSE_PARETO_K})."
        )
    return f"The population of this {method} fit can be believed (Pareto k {k:.2f})."


def _of_patients(found: Reliability, unreliable: tuple[str, ...], reweighted: bool) -> str:
    given = " given the population" if found.population > UNRELIABLE_PARETO_K else ""
    if not unreliable:
        words = "follow the posterior" if reweighted else "are well approximated"
        return f"Patients {words}{given} (Pareto k at most {np.max(found.patients):.2f})."
    named = ", ".join(unreliable[:MOST_NAMED])
    more = f" and {len(unreliable) - MOST_NAMED} more" if len(unreliable) > MOST_NAMED else ""
    verb = "does" if len(unreliable) == 1 else "do"
    return (
        f"Of {len(found.patients)} patients, {len(unreliable)} {verb} not follow it{given} "
        f"(Pareto k above {UNRELIABLE_PARETO_K}): {named}{more}."
    )
