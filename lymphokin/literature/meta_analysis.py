"""Model-based meta-analysis: the population's parameters given what is published of whole cohorts.

Unknowns: the population quantities that counts inform, and for each study by how
much its baselines and its immune dose (or its patients' sensitivity, which is the same to a count)
differ from the population's, normal with a spread that is estimated. What no count informs, such as
the drug's kinetics, keeps its prior.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.literature.cohorts import Cohorts, build_cohorts
from lymphokin.literature.likelihood import log_likelihood_by_study
from lymphokin.literature.sampler import Density, approximate, sample
from lymphokin.literature.studies import Study
from lymphokin.model import Model, Parameter
from lymphokin.population import Hierarchy

BASELINE_SPREAD = 0.15
"""Median of the spread between studies of ln baseline: that of the six published medians."""
DOSE_SPREAD = 0.30
"""Median of the spread between studies of ln immune dose; a proposed prior."""
SPREAD_LOG_SD = 0.5
"""Log-SD of both spreads; a proposed prior."""
PROBES = 3


class Unknowns(NamedTuple):
    """What one draw says."""

    z: Any
    """[quantity] population latents"""
    log_baseline: Any
    """[study] ln of a study's baselines over the population's"""
    log_dose: Any
    """[study] ln of a study's immune dose over its reference"""
    baseline_spread: Any
    dose_spread: Any


class Draws(NamedTuple):
    """Draws of the meta-analysis, [chain, draw, ...]."""

    unknowns: Unknowns
    x: np.ndarray
    """[chain, draw, unknown] the flat vector that was sampled"""
    acceptance: np.ndarray
    """[chain]"""


@dataclass(frozen=True)
class Settings:
    """How the meta-analysis is sampled; recorded with its result."""

    chains: int = 2
    pilot: int = 80
    warmup: int = 20
    draws: int = 250
    seed: int = 0


def sensitivity_parameter(model: Model) -> Parameter:
    """The parameter that acts as a product with the immune dose: it carries a study's offset.

    Raises:
        ValueError: when the model has none.
    """
    for parameter in model.table:
        if parameter.acts_as_product_with == "immune_dose_scale":
            return parameter
    raise ValueError(
        f"model {model.name} cannot be calibrated: no parameter acts as a product with "
        "immune_dose_scale"
    )


class MetaAnalysis:
    """The posterior of a model's population given published cohorts."""

    def __init__(self, model: Model, studies: Sequence[Study]) -> None:
        sensitivity_parameter(model)
        self.model = model
        self.hierarchy: Hierarchy = Hierarchy(model)
        self.cohorts: Cohorts = build_cohorts(self.hierarchy, studies)
        self._extra = jnp.asarray([study.extra_log_sd for study in studies])
        self._baseline = self.hierarchy.population_names.index("lymphocyte_baseline")
        self._compiled = jax.jit(jax.value_and_grad(self._log_density))
        self._counts = jax.jit(
            lambda z, baseline, dose: jax.lax.map(
                lambda one: self.cohorts.log_counts(*one), (z, baseline, dose)
            )
        )

    @property
    def studies(self) -> tuple[Study, ...]:
        """The studies, in order."""
        return self.cohorts.studies

    @cached_property
    def informed(self) -> np.ndarray:
        """[quantity] whether the published counts depend on it."""
        count, size = len(self.hierarchy.quantities), self._size(len(self.hierarchy.quantities))
        rng = np.random.default_rng(0)
        every = np.ones(len(self.studies))
        probes = [
            self._compiled(jnp.asarray(0.3 * rng.standard_normal(size)), every, np.ones(count))[1]
            for _ in range(PROBES)
        ]
        # Without the counts the gradient is the prior's alone.
        rng = np.random.default_rng(0)
        priors = [
            self._compiled(jnp.asarray(0.3 * rng.standard_normal(size)), 0 * every, np.ones(count))[
                1
            ]
            for _ in range(PROBES)
        ]
        moved = [np.abs(np.asarray(a) - np.asarray(b)) for a, b in zip(probes, priors, strict=True)]
        informed = np.max(moved, axis=0)[:count] > 1e-8
        informed[self._baseline] = True  # through the studies' baselines, which are sampled
        return informed

    def _size(self, quantities: int) -> int:
        return quantities + 2 * len(self.studies) + 2

    def unknowns(self, x: Any) -> Unknowns:
        """Meaning of the flat vector [quantities, two numbers per study, two spreads].

        A study's baselines are sampled as such (they are well known), its immune dose as a standard
        normal offset (it is not).
        """
        quantities, studies = len(self.hierarchy.quantities), len(self.studies)
        z, of_baseline, of_dose, spreads = jnp.split(
            jnp.asarray(x), np.cumsum([quantities, studies, studies])
        )
        baseline = BASELINE_SPREAD * jnp.exp(SPREAD_LOG_SD * spreads[0])
        dose = DOSE_SPREAD * jnp.exp(SPREAD_LOG_SD * spreads[1])
        log_dose = jnp.hypot(dose, self._extra) * of_dose
        log_baseline = BASELINE_SPREAD * of_baseline - self._typical_baseline(z)
        return Unknowns(z, log_baseline, log_dose, baseline, dose)

    def _typical_baseline(self, z: Any) -> Any:
        """ln of the population's baseline over the table's median."""
        return self.model.table["lymphocyte_baseline"].population_sd * z[self._baseline]

    def _log_prior(self, x: Any, unknown: Unknowns) -> Any:
        """Standard normal, but for the studies' baselines: normal around the population's."""
        quantities, studies = len(self.hierarchy.quantities), len(self.studies)
        of_baseline = slice(quantities, quantities + studies)
        offset = unknown.log_baseline / unknown.baseline_spread
        around = -0.5 * offset**2 - jnp.log(unknown.baseline_spread)
        return jnp.sum(around) - 0.5 * (jnp.sum(x**2) - jnp.sum(x[of_baseline] ** 2))

    def _log_density(self, x: Any, weights: Any, free: Any) -> Any:
        """Log posterior density; quantities that are not ``free`` stay at their prior's centre."""
        x = x.at[: len(free)].multiply(free)
        unknown = self.unknowns(x)
        log_true, sd = self.cohorts.log_counts(unknown.z, unknown.log_baseline, unknown.log_dose)
        likelihood = log_likelihood_by_study(self.cohorts, log_true, sd)
        return jnp.sum(weights * likelihood) + self._log_prior(x, unknown)

    @cached_property
    def _sampled(self) -> np.ndarray:
        """Places of the flat vector that are sampled; the others keep their prior."""
        return np.flatnonzero(np.concatenate([self.informed, np.ones(self._size(0), dtype=bool)]))

    def _density(self, left_out: str | None) -> Density:
        """Density of the sampled part of the flat vector, optionally without one study."""
        weights = np.asarray([float(study.name != left_out) for study in self.studies])
        free = self.informed.astype(float)

        def density(part: np.ndarray) -> tuple[float, np.ndarray]:
            x = np.zeros(self._size(len(free)))
            x[self._sampled] = part
            value, gradient = self._compiled(jnp.asarray(x), weights, free)
            return float(value), np.asarray(gradient)[self._sampled]

        return density

    def _full(self, part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """[draw, unknown] flat vectors: the sampled part, and draws of the prior for the rest."""
        x = rng.standard_normal((len(part), self._size(len(self.informed))))
        x[:, self._sampled] = part
        return x

    def sample(
        self,
        settings: Settings,
        on_progress: Callable[[int, int], Any] = lambda done, total: None,
    ) -> Draws:
        """Draws of the posterior."""
        density = self._density(None)
        found = approximate(density, np.zeros(len(self._sampled)))
        chains, acceptance = [], []
        for chain in range(settings.chains):
            rng = np.random.default_rng([settings.seed, chain])
            drawn = sample(
                density,
                found,
                settings.pilot,
                settings.warmup,
                settings.draws,
                rng,
                partial(_of_chain, on_progress, chain, settings.chains),
            )
            chains.append(self._full(drawn.x, rng))
            acceptance.append(drawn.acceptance)
        x = np.stack(chains)
        unknowns = jax.vmap(jax.vmap(self.unknowns))(x)
        return Draws(jax.tree.map(np.asarray, unknowns), x, np.asarray(acceptance))

    def sample_without(self, study: str, draws: int, rng: np.random.Generator) -> Unknowns:
        """Draws of the normal approximation of the posterior without one study, [draw, ...].

        The mode and its curvature cost seconds where sampling costs minutes; good enough to see
        whether the other studies predict this one.
        """
        found = approximate(self._density(study), np.zeros(len(self._sampled)))
        y = rng.standard_normal((draws, len(self._sampled)))
        unknowns = jax.vmap(self.unknowns)(self._full(found.centre + y @ found.root.T, rng))
        return jax.tree.map(np.asarray, unknowns)

    def true_counts(self, unknowns: Unknowns) -> tuple[np.ndarray, np.ndarray]:
        """True counts of the virtual cohorts, ln: [draw, node, patient]; residual SD [draw,
        component]."""
        log_true, sd = self._counts(unknowns.z, unknowns.log_baseline, unknowns.log_dose)
        return np.asarray(log_true), np.asarray(sd)

    def new_study(self, unknowns: Unknowns, rng: np.random.Generator) -> np.ndarray:
        """[draw, quantity] population latents of a study that is not among the published ones.

        Its baselines and its sensitivity differ from the population's as those of studies do.

        Args:
            unknowns: draws, each entry [draw, ...].
        """
        z = np.array(unknowns.z)
        table = self.model.table
        for parameter, spread in (
            (table["lymphocyte_baseline"], unknowns.baseline_spread),
            (sensitivity_parameter(self.model), unknowns.dose_spread),
        ):
            slot = self.hierarchy.population_names.index(parameter.name)
            z[:, slot] += spread * rng.standard_normal(len(z)) / parameter.population_sd
        return z


def _of_chain(
    on_progress: Callable[[int, int], Any], chain: int, chains: int, done: int, total: int
) -> None:
    on_progress(chain * total + done, chains * total)
