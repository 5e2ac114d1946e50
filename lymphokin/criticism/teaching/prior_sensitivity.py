"""How far the results hang on the priors: power scaling, and the information in the data.

Power scaling raises the prior (or the likelihood) to a power near 1 and sees how far each result
moves (Kallioinen and others 2024, doi:10.1007/s11222-023-10366-5). Local identifiability looks at
the expected Fisher information of the population quantities, patients integrated out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.psense import psense

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.information import ArrowMatrix
from lymphokin.infer.learnt import NOT_MEASURED, PARTLY, PRIOR_ONLY, WELL
from lymphokin.infer.prior_conflict import Conflict
from lymphokin.pages.wording import joined
from lymphokin.verdict import FINE, LOOK, Verdict, level_of

SENSITIVE = 0.05
"""Sensitivity from which a result counts as moved (Kallioinen 2024)."""
NOISES = 40
"""Unrelated random numbers that show how large a sensitivity by chance alone is."""
_NOISE = "unrelated "
UNINFORMED = 0.1
"""Information of the data over that of the prior below which a direction counts as the prior's."""
NAMED = 3
"""Quantities that are named for a direction."""


def power_scaling(
    results: Mapping[str, np.ndarray], z: np.ndarray, log_prior: np.ndarray
) -> pd.DataFrame:
    """Sensitivity of results to the population's prior and to the data.

    The likelihood of the population, patients integrated out, is read off the posterior in its
    normal approximation (ln posterior - ln prior): that of the records given everybody's parameters
    would drown in the noise of hundreds of unknowns. Unrelated random numbers give the sensitivity
    that noise alone makes.

    Args:
        results: per name, [draw] posterior draws.
        z: [draw, quantity] population latents.
        log_prior: [draw] their ln prior density, up to a constant.

    Returns:
        one row per result: prior, likelihood (sensitivities), threshold (``SENSITIVE``, or what
        noise makes if that is more) and diagnosis: "moved by prior and data", "rests on the prior"
        or "fine" (the prior does not move it).
    """
    rng = np.random.default_rng(0)
    noise = {f"{_NOISE}{i}": rng.standard_normal(len(z)) for i in range(NOISES)}
    density = {k: (("chain", "draw"), v[None]) for k, v in {**results, **noise}.items()}
    away = z - z.mean(axis=0)
    precision = np.linalg.inv(np.atleast_2d(np.cov(z, rowvar=False)))
    distance = np.einsum("di,ij,dj->d", away, precision, away)
    tree = xr.DataTree.from_dict(
        {
            "/posterior": xr.Dataset(density),
            "/log_prior": xr.Dataset({"z": (("chain", "draw"), log_prior[None])}),
            "/log_likelihood": xr.Dataset(
                {"y": (("chain", "draw"), (-0.5 * distance - log_prior)[None])}
            ),
        }
    )
    table = pd.DataFrame({g: _sensitivities(tree, g) for g in ("prior", "likelihood")})
    unrelated = table.index.str.startswith(_NOISE)
    floor = table[unrelated].quantile(0.95)
    table = table[~unrelated].rename_axis("result")
    table["threshold"] = max(SENSITIVE, float(floor["prior"]))
    moved = table["prior"] > table["threshold"]
    informed = table["likelihood"] > max(SENSITIVE, float(floor["likelihood"]))
    words = np.where(informed, "moved by prior and data", "rests on the prior")
    return table.assign(diagnosis=np.where(moved, words, FINE))


def _sensitivities(tree: xr.DataTree, group: str) -> dict[str, float]:
    sensitivity = psense(tree, group=group)
    return {str(name): float(value) for name, value in sensitivity.items()}


def judge_power_scaling(table: pd.DataFrame, of_interest: Sequence[str]) -> Verdict:
    """Do the results that a reader takes away move with the prior?

    Args:
        of_interest: the results; other rows of the table are shown only.
    """
    rows = table.loc[list(of_interest)]
    moved = rows[rows["diagnosis"] != FINE]
    threshold = float(rows["threshold"].iloc[0])
    first = int(rows["prior"].to_numpy().argmax())
    to_prior, to_data = (float(rows[g].iloc[first]) for g in ("prior", "likelihood"))
    sentence = (
        f"Of {len(rows)} results, {len(moved)} move with the prior by more than {threshold:.2g}"
        + (f" ({joined(f'{n}: {d}' for n, d in moved['diagnosis'].items())})" if len(moved) else "")
        + f"; the most sensitive is “{rows.index[first]}” ({to_prior:.3f} to the prior, "
        f"{to_data:.3f} to the data)."
    )
    numbers = {str(name): float(value) for name, value in rows["prior"].items()}
    level = LOOK if len(moved) else FINE
    return Verdict("sensitivity to the prior", "population", level, sentence, numbers)


@dataclass(frozen=True)
class Identifiability:
    """Directions of the population latents, those of which the data say most first.

    ``information``: [direction] information of the data over that of the prior (posterior variance
    about 1 / (1 + information)); ``loading``: [quantity, direction] unit vectors; ``names``: the
    quantities.
    """

    information: np.ndarray
    loading: np.ndarray
    names: tuple[str, ...]

    def named(self, direction: int) -> str:
        """The quantities that make up most of a direction, with their shares."""
        share = self.loading[:, direction] ** 2
        order = np.argsort(share)[::-1][:NAMED]
        return joined(f"{self.names[i]} ({100 * share[i]:.0f} %)" for i in order if share[i] > 0.1)


def of_data(information: ArrowMatrix) -> np.ndarray:
    """[quantity, quantity] information of the data about the population, patients eliminated.

    The prior of the population latents (standard normal, so the identity) is taken out. Scales of
    differences between patients count as if every patient's own value were known exactly where it
    is sampled centred: an upper bound there.
    """
    population, own, coupling = (np.asarray(part) for part in information)
    eliminated = np.einsum("psq,psr->qr", coupling, np.linalg.solve(own, coupling))
    information_of_data = population - eliminated - np.eye(len(population))
    return 0.5 * (information_of_data + information_of_data.T)


def identifiability(
    density: CohortDensity, x: np.ndarray, left_out: Collection[str] = ()
) -> Identifiability:
    """Directions of the population and what the data say of them, at the mean of draws ``x``.

    Args:
        density: the fitted cohort.
        x: [draw, latent] flat posterior draws.
        left_out: quantities that the data do not touch, and so share no direction with others.
    """
    density = density.with_prior(None)
    information = density.information(jnp.asarray(x.mean(axis=0)), density.arrays)
    every = density.hierarchy.population_names
    kept = [i for i, name in enumerate(every) if name not in left_out]
    values, vectors = np.linalg.eigh(of_data(information)[np.ix_(kept, kept)])
    order = np.argsort(values)[::-1]
    names = tuple(every[i] for i in kept)
    return Identifiability(np.maximum(values[order], 0.0), vectors[:, order], names)


def judge_identifiability(directions: Identifiability) -> Verdict:
    """How many independent directions of the population do the data inform?"""
    more = int((directions.information >= 1).sum())
    none = np.flatnonzero(directions.information < UNINFORMED)
    sentence = (
        f"The data say more than the prior about {more} of {len(directions.information)} directions"
        + (
            f", and nearly nothing about {len(none)}, the least about "
            f"{directions.named(int(none[-1]))}."
            if len(none)
            else "."
        )
    )
    numbers = {
        "directions": len(directions.information),
        "more_than_the_prior": more,
        "nearly_nothing": len(none),
        "least_information": float(directions.information[-1]),
    }
    level = LOOK if len(none) else FINE
    return Verdict("local identifiability", "population", level, sentence, numbers)


def judge_contraction(summary: pd.DataFrame) -> Verdict:
    """Which parameters did the data teach? From the run's summary, one row per quantity."""
    named = {word: list(rows["name"]) for word, rows in summary.groupby("learnt", sort=False)}
    lost, unmeasured = named.get(PRIOR_ONLY, []), named.get(NOT_MEASURED, [])
    sentence = (
        f"Of {len(summary)} population quantities {len(named.get(WELL, []))} were learnt well and "
        f"{len(named.get(PARTLY, []))} partly"
        + (f"; the posterior of {joined(lost)} is the prior" if lost else "")
        + (f"; {joined(unmeasured)} were not measured here" if unmeasured else "")
        + "."
    )
    numbers = {
        str(n): float(c) for n, c in zip(summary["name"], summary["contraction"], strict=True)
    }
    level = LOOK if lost or unmeasured else FINE
    return Verdict("prior-to-posterior contraction", "population", level, sentence, numbers)


def judge_conflict(sentence: str, conflicts: Sequence[Conflict]) -> Verdict:
    """Do prior and data agree about every quantity?

    Args:
        sentence: what the conflicts mean, or empty.
        conflicts: from :func:`lymphokin.infer.prior_conflict.prior_conflicts`.
    """
    numbers = {c.name: c.distance for c in conflicts}
    level = level_of(min((c.p for c in conflicts), default=1.0))
    said = sentence or "No posterior lies in the tail of its prior."
    return Verdict("prior against data", "population", level, said, numbers)


def withheld(verdict: Verdict) -> Verdict:
    """A verdict on what was learnt, of draws that are not to be believed."""
    sentence = "The draws are not to be believed, so they do not say what was learnt."
    return replace(verdict, level=LOOK, sentence=sentence)
