"""Has the sampler converged, and what did the data teach? Said in numbers and in plain words."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.infer.accuracy import Accuracy
from lymphokin.infer.belief import Belief
from lymphokin.infer.learnt import NOT_MEASURED, learnt_word
from lymphokin.infer.nested_rhat import nested_rhat, starts_of
from lymphokin.pages.wording import fixed
from lymphokin.population import Hierarchy, entry_of

LEVELS = ("good", "caution", "bad")
RHAT_GOOD, RHAT_BAD = 1.02, 1.05
ESS_GOOD, ESS_BAD = 400.0, 100.0
DIVERGENT_SHARE_GOOD, DIVERGENT_SHARE_BAD = 0.005, 0.02
MIXING = ("rhat", "ess_bulk", "ess_tail")
NO_CHAINS = (
    "R-hat and effective sample size compare and count Markov chains; here there are none, so they "
    "are not given."
)


ONE_MODE = (
    "What helps: a model, or priors or fixed values, under which one of these places is left; more "
    "draws do not."
)


@dataclass(frozen=True)
class Convergence:
    """Convergence of a run over its population quantities; without chains only the verdict."""

    rhat_max: float | None
    ess_bulk_min: float | None
    divergences: int | None
    divergence_share: float | None
    chains: int | None
    draws: int
    thinning: int
    """one of this many transitions of a chain is kept as a draw"""
    shortened: int
    """how often steps were shortened before these draws, as too many transitions diverged"""
    risk_ess_min: float | None
    """bulk effective draws of the patient's count at the endpoint that has fewest, of some of the
    draws; None where the model has no counts or nobody asked for effective draws"""
    level: str
    """good | caution | bad"""
    verdict: str
    worst: list[tuple[str, float, float]]
    """name, R-hat and bulk ESS of the five quantities with the lowest ESS"""
    solver: str = ""
    """what must be known of the solver's accuracy; part of the verdict; empty when it is good"""

    def as_dict(self) -> dict[str, Any]:
        """For ``provenance.json`` and the report."""
        return {**vars(self), "worst": [list(row) for row in self.worst]}


def prepare_summary() -> None:
    """Import what judges how chains mixed: it takes 0.4 s, which can pass while XLA compiles."""
    import_module("arviz_stats.base.array")


def mixing(z: np.ndarray) -> dict[str, float]:
    """How well the [chain, draw] draws of one quantity mixed."""
    from arviz_stats.base.array import array_stats  # see prepare_summary

    statistics: Any = array_stats  # its inferred types promise tuples where it gives numbers
    starts = starts_of(len(z))
    values = (
        statistics.rhat(z) if starts == len(z) else nested_rhat(z, starts),
        statistics.ess(z, method="bulk"),
        statistics.ess(z, method="tail", prob=(0.05, 0.95)),
    )
    return {name: float(value) for name, value in zip(MIXING, values, strict=True)}


def effective_draws(values: np.ndarray) -> float:
    """Bulk effective draws of the [chain, draw] values of one quantity."""
    from arviz_stats.base.array import array_stats  # see prepare_summary

    statistics: Any = array_stats
    return float(statistics.ess(values, method="bulk"))


def population_summary(
    hierarchy: Hierarchy,
    z: np.ndarray,
    values: dict[str, np.ndarray],
    prior: dict[str, np.ndarray],
    markov: bool,
    unmeasured: Collection[str] = (),
) -> pd.DataFrame:
    """One row per population quantity: posterior, prior, contraction, diagnostics and provenance.

    Args:
        z: [chain, draw, quantity] standard normal latents.
        values: per quantity, [chain, draw] posterior draws in the table's unit.
        prior: per quantity, [draw] prior draws in the table's unit.
        markov: whether the draws are those of Markov chains, whose mixing can be measured.
        unmeasured: names of the quantities of which no record of their own block speaks.
    """
    table = hierarchy.model.table
    rows = []
    for i, quantity in enumerate(hierarchy.quantities):
        draws, before = values[quantity.name], prior[quantity.name]
        entry = entry_of(table, quantity)
        # The latent's prior is standard normal: its posterior variance is the share that is left.
        # A single point has no variance.
        mixed: dict[str, float] = mixing(z[..., i]) if markov else dict.fromkeys(MIXING, math.nan)
        contraction = 1 - float(z[..., i].var()) if z[..., i].size > 1 else np.nan
        rows.append(
            {
                "name": quantity.name,
                "symbol": table[quantity.key].symbol if quantity.kind == "typical" else "",
                "unit": quantity.unit,
                "meaning": quantity.meaning,
                "mean": draws.mean(),
                "sd": draws.std(),
                **{f"q{q:02d}": np.quantile(draws, q / 100) for q in (5, 25, 50, 75, 95)},
                **{f"prior_q{q:02d}": np.quantile(before, q / 100) for q in (5, 50, 95)},
                "contraction": contraction,
                "learnt": learnt_word(contraction, quantity.name not in unmeasured),
                **mixed,
                "certainty": entry.certainty,
                "source": entry.source,
                "doi": entry.doi,
            }
        )
    return pd.DataFrame(rows)


def judge(
    summary: pd.DataFrame,
    diverging: np.ndarray,
    apart: str = "",
    thinning: int = 1,
    shortened: int = 0,
    risk_ess: float = math.inf,
) -> Convergence:
    """Convergence verdict from the summary and the [chain, draw] divergence flags.

    Args:
        summary: from :func:`population_summary`.
        diverging: [chain, draw] flags.
        apart: what separates chains that never met, or empty.
        thinning: one of this many transitions of a chain is kept as a draw.
        shortened: how often steps were shortened before these draws.
        risk_ess: from :func:`lymphokin.infer.risk_draws.risk_ess`.
    """
    chains, draws = diverging.shape
    # A chain that never moved has no R-hat: a number that is missing speaks against the fit.
    rhat = float(summary["rhat"].max(skipna=False))
    ess = float(summary["ess_bulk"].min(skipna=False))
    share = float(diverging.mean())
    least = min(ess, risk_ess)
    bad = not (rhat <= RHAT_BAD and least >= ESS_BAD and share <= DIVERGENT_SHARE_BAD)
    good = rhat <= RHAT_GOOD and least >= ESS_GOOD and share < DIVERGENT_SHARE_GOOD
    starts = starts_of(chains)
    which = "R-hat" if starts == chains else f"nested R-hat of {starts} groups of chains"
    numbers = (
        f"largest {which} {fixed(rhat, 3)}, smallest bulk effective sample size {fixed(ess, 0)}, "
        f"{'' if risk_ess >= ess else f'of a risk {fixed(risk_ess, 0)}, '}"
        f"{int(diverging.sum())} divergences in {chains * draws} draws"
        + (f", one of {thinning} transitions each" if thinning > 1 else "")
        + (", after steps were shortened" if shortened else "")
    )
    if good:
        level, verdict = "good", f"The chains agree and mixed well ({numbers})."
    elif bad:
        level, verdict = "bad", f"Do not use this fit: the chains have not converged ({numbers})."
    else:
        level = "caution"
        verdict = f"Usable for a look, not for reporting ({numbers})."
    worst = summary.nsmallest(5, "ess_bulk")[["name", "rhat", "ess_bulk"]]
    if not good:
        remedy = (
            f"{apart} {ONE_MODE}" if apart else _remedy(summary, draws * thinning, share, risk_ess)
        )
        verdict = f"{verdict} {remedy}"
    return Convergence(
        rhat,
        ess,
        int(diverging.sum()),
        share,
        chains,
        draws,
        thinning,
        shortened,
        risk_ess if math.isfinite(risk_ess) else None,
        level,
        verdict,
        [(str(a), float(b), float(c)) for a, b, c in worst.itertuples(index=False)],
    )


def _remedy(summary: pd.DataFrame, draws: int, divergent: float, risk_ess: float) -> str:
    """Which quantity samples worst, and what helps."""
    unknown = summary[["rhat", "ess_bulk"]].isna().any(axis=1)
    if unknown.any():
        still = summary.loc[unknown, "name"].iloc[0]
        return f"{still} never moved: try another seed, or fewer free parameters."
    apart = bool(summary["rhat"].max() > RHAT_GOOD)
    fewest: Any = summary.iloc[int(summary["ess_bulk"].to_numpy().argmin())]
    row: Any = summary.iloc[int(summary["rhat"].to_numpy().argmax())] if apart else fewest
    of_risk = risk_ess < fewest["ess_bulk"]
    least = risk_ess if of_risk else fewest["ess_bulk"]
    needed = max(ESS_GOOD / least, 2.0 if apart else 1.0)
    steps = []
    if row.get("learnt") == NOT_MEASURED and (apart or not of_risk):
        steps.append(f"fix {row['name']}, of which nothing was measured, at a known value")
    if needed > 1:
        steps.append(f"sample about {100 * math.ceil(draws * needed / 100):,} draws per chain")
    if divergent >= DIVERGENT_SHARE_GOOD:
        steps.append("against divergences, narrower priors or fewer free parameters")
    slowest = "the risk of a patient" if of_risk else fewest["name"]
    numbers = f"R-hat {fixed(row['rhat'], 3)}, bulk effective sample size {row['ess_bulk']:.0f}"
    worst = f"{row['name']} samples worst ({numbers})"
    if not apart and of_risk:
        worst = f"The risk of a patient samples worst (bulk effective sample size {least:.0f})"
    elif least < row["ess_bulk"]:
        worst += f", and {slowest} has the fewest effective draws"
    return f"{worst}. What helps: {'; '.join(steps)}."


def beside_accuracy(convergence: Convergence, accuracy: Accuracy) -> Convergence:
    """Convergence with what must be known of the solver: draws of wrong numbers mix well, too."""
    if not accuracy.verdict:
        return convergence
    return replace(
        convergence,
        level=max(convergence.level, accuracy.level, key=LEVELS.index),
        verdict=f"{accuracy.verdict} {convergence.verdict}",
        solver=accuracy.verdict,
    )


def without_chains(belief: Belief, draws: int) -> Convergence:
    """What stands in the place of convergence for draws that are independent, or a point."""
    verdict = f"{belief.verdict} {NO_CHAINS}"
    return Convergence(None, None, None, None, None, draws, 1, 0, None, belief.level, verdict, [])
