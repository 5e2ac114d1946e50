"""What a model declares that a trial can teach, in draws of its prior and of a fit.

Every composite is of the same reference treatment, without the model's drug and with it, and is
shown with the disputed links as fitted and without each. New patients are the same in all of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.infer.density import CohortDensity, flat
from lymphokin.infer.learnt import contraction_of, learnt_word
from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.model.composites import FOLD, RATE, DeclaredComposite
from lymphokin.model.usual import usual_calendars
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.predict.contrast import ALONE, NO_EFFECT_Z, TYPICAL_BSA_M2
from lymphokin.sites import SiteTable

FRACTIONS, GY, SITE, IRRADIATED = 5, 8.0, "lung_peripheral", 2
"""The reference course: SBRT of two lesions, every day from day 0."""
REFERENCE = f"{FRACTIONS} × {GY:g} Gy to two peripheral lung lesions"
NEW_PATIENTS = 40
"""New patients behind each rate and share, besides the typical one: a share of 1 % in 200 draws of
the population then rests on 80 patients."""
GONE = 1e-6
"""Share of its size at which a lesion is as good as gone: a rate of its logarithm ends there."""
PRIOR, FITTED = "prior", "fitted"
"""Versions of a composite: before the data, and with the links as fitted."""
COLUMNS = (
    *("composite", "what", "meaning", "unit", "expected", "arm", "version"),
    *("mean", "q05", "q50", "q95", "contraction", "learnt"),
)


@dataclass(frozen=True)
class CompositeDraws:
    """A composite in draws of the prior and of a fit.

    Attributes:
        declared: what it is.
        arm: the treatment.
        prior: [draw], with every link.
        posterior: [draw], by link that is left out; :data:`FITTED` with every link.
    """

    declared: DeclaredComposite
    arm: str
    prior: np.ndarray
    posterior: Mapping[str, np.ndarray]

    @property
    def contraction(self) -> float:
        """1 - the squared ratio of the widths of the 90 % intervals; NaN without a draw."""
        return contraction_of(self.prior, self.posterior[FITTED])


def declared_composites(
    density: CohortDensity, z: np.ndarray, seed: int, links: bool = True
) -> list[CompositeDraws]:
    """The composites that the model of a fit declares; none where it declares none.

    Args:
        density: the fitted cohort, for its model and prior.
        z: [draw, quantity] population latents of the posterior; as many are drawn of the prior.
        seed: of the prior's draws and of the new patients.
        links: whether each is given without the links that it names, too.
    """
    model = density.likelihood.model
    wanted = model.table.composites
    if not wanted:
        return []
    reference = _Reference.of(model, density.packed.cohort.sites)
    before = density.prior_draws(np.random.default_rng(seed), len(z))
    prior = reference.values(before, seed)
    named = dict.fromkeys(link for own in wanted.values() for link in own.without)
    names = density.hierarchy.population_names
    posterior = {}
    for link in (FITTED, *(named if links else ())):
        draws = z.copy()
        if link != FITTED:
            if link not in names:
                continue  # fixed by the user
            draws[:, names.index(link)] = NO_EFFECT_Z
        posterior[link] = reference.values(draws, seed)
    return [
        CompositeDraws(
            own,
            arm,
            _finite(prior[name, arm]),
            {
                link: _finite(values[name, arm])
                for link, values in posterior.items()
                if link in (FITTED, *own.without)
            },
        )
        for name, own in wanted.items()
        for arm in reference.arms
    ]


def composites_table(
    density: CohortDensity, z: np.ndarray, seed: int, believed: bool = True
) -> pd.DataFrame:
    """Means, medians and 90 % equal-tailed intervals of :func:`declared_composites`: one row per
    composite, arm and version ("prior", "fitted" and links that are left out). NaN where the
    model has a solution in no draw.

    Args:
        density, z, seed: as of :func:`declared_composites`.
        believed: whether the fit converged; if not, nothing is said of what was learnt.
    """
    records, rows = density.packed.records, []
    for own in declared_composites(density, z, seed):
        versions = {PRIOR: own.prior, **own.posterior}
        measured = any(map(len, records.get(own.declared.quantity, ())))
        word = learnt_word(own.contraction if believed else np.nan, measured)
        for version, values in versions.items():
            shown = values if len(values) else np.array([np.nan])
            low, middle, high = np.quantile(shown, (0.05, 0.5, 0.95))
            rows.append(
                {
                    "composite": own.declared.name,
                    "what": own.declared.what,
                    "meaning": own.declared.meaning,
                    "unit": own.declared.unit,
                    "expected": own.declared.expected,
                    "arm": own.arm,
                    "version": version,
                    "mean": float(shown.mean()),
                    "q05": low,
                    "q50": middle,
                    "q95": high,
                    "contraction": own.contraction,
                    "learnt": word,
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Reference:
    """A typical patient and new ones under the reference course, in each arm."""

    density: CohortDensity
    arms: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, sites: SiteTable) -> _Reference:
        usual = usual_calendars(model)
        drug = next(iter(usual), "")
        label = model.vocabulary.drug(drug).label if drug else ""
        arms = (ALONE, f"{ALONE}+{label}") if drug else (ALONE,)
        ids = [f"{arm} {i}" for arm in arms for i in range(1 + NEW_PATIENTS)]
        count = IRRADIATED + 1 if model.has_lesions else IRRADIATED
        patients = pd.DataFrame({"site": SITE, "n_lesions": count, "bsa": TYPICAL_BSA_M2}, ids)
        lesions = range(1, IRRADIATED + 1) if model.has_lesions else (0,)
        fractions = [
            {"id": name, "day": float(day), "prescribed_gy": GY, "lesion": lesion}
            for name in ids
            for day in range(FRACTIONS)
            for lesion in lesions
        ]
        given = [pd.DataFrame({"id": [], "day": [], "drug": [], "amount_mg": []})]
        if drug:
            own = usual[drug].doses(TYPICAL_BSA_M2)
            given += [own.assign(id=name) for name in ids[len(ids) // 2 :]]
        columns = ["id", "day", "quantity", "value", "lloq", "tube", "lesion"]
        cohort = Cohort(
            patients=patients.rename_axis("id"),
            fractions=pd.DataFrame(fractions),
            doses=pd.concat(given[1:] or given, ignore_index=True),
            observations=pd.DataFrame(columns=columns),
            vocabulary=model.vocabulary,
            sites=sites,
        )
        days = {0.0, *map(_day_of, model.table.composites.values())}
        packed = pack(model, cohort, {name: sorted(days) for name in ids})
        return cls(CohortDensity(CohortLikelihood(Hierarchy(model)), packed), arms)

    def values(self, z: np.ndarray, seed: int) -> dict[tuple[str, str], np.ndarray]:
        """[draw] of each composite and arm.

        Args:
            z: [draw, quantity] population latents.
            seed: of the new patients.
        """
        wanted = self.density.likelihood.model.table.composites
        x = self._patients(z, seed)
        packed, patients = self.density.packed, np.arange(len(self.density.packed.cohort))
        ids = packed.cohort.patients.index
        start = packed.nodes(dict.fromkeys(ids, 0.0))
        nodes = {n: packed.nodes(dict.fromkeys(ids, _day_of(own))) for n, own in wanted.items()}
        folds: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
        for part in self.density.evaluate(x, packed.arrays):
            for name, own in wanted.items():
                outside = f"{own.quantity}_{IRRADIATED + 1}"
                curve = part.outputs[outside if outside in part.outputs else own.quantity]
                folds[name].append(curve[:, nodes[name], patients] / curve[:, start, patients])
        size = 1 + NEW_PATIENTS
        return {
            (name, arm): _summary(own, np.concatenate(folds[name])[:, size * i : size * (i + 1)])
            for name, own in wanted.items()
            for i, arm in enumerate(self.arms)
        }

    def _patients(self, z: np.ndarray, seed: int) -> np.ndarray:
        """[draw, latent] a typical patient and new ones, the same in all arms."""
        hierarchy, arrays, arms = self.density.hierarchy, self.density.arrays, len(self.arms)

        def as_in_the_first(values: jax.Array) -> jax.Array:
            """[effect, patient] or [effect, lesion], the typical patient's differences being 0."""
            each = values.shape[1] // (arms * (1 + NEW_PATIENTS))
            own = values.reshape(len(values), arms, 1 + NEW_PATIENTS, each)[:, :1]
            own = own.at[:, :, 0].set(0.0)
            return jnp.tile(own, (1, arms, 1, 1)).reshape(values.shape)

        def one(z: jax.Array, key: jax.Array) -> jax.Array:
            drawn = hierarchy.draw_latents(key, arrays, z)
            mean, _ = hierarchy.subject_prior(hierarchy.population(z), arrays)
            treated, windows = drawn.treated, drawn.occasion
            if arrays.timeline.hours is not None:
                first = NEW_PATIENTS + 1
                treated = treated.at[:, np.asarray(arrays.treated_patient) == first].set(0.0)
                windows = windows.at[:, np.asarray(arrays.timeline.hours.patient) == first].set(0.0)
            return flat(
                drawn._replace(
                    subject=mean + as_in_the_first(drawn.subject - mean),
                    lesion=as_in_the_first(jnp.asarray(drawn.lesion))
                    if drawn.lesion.size
                    else drawn.lesion,
                    treated=treated,
                    occasion=windows,
                )
            )

        keys = jax.random.split(jax.random.key(seed), len(z))
        return np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(z), keys))


def _finite(values: np.ndarray) -> np.ndarray:
    """Without the draws for which the model has no solution, as in the far tail of wide priors."""
    return values[np.isfinite(values)]


def _day_of(own: DeclaredComposite) -> float:
    """From the first fraction."""
    return own.day + (FRACTIONS - 1 if own.reference == "last_fraction" else 0)


def _summary(own: DeclaredComposite, fold: np.ndarray) -> np.ndarray:
    """[draw] of the changes [draw, patient] of the typical patient, who comes first, and of new
    ones; nan where the model has no solution. New patients without one are left out.
    """
    if own.what == FOLD:
        return fold[:, 0]
    known = np.isfinite(fold[:, 1:])
    new = np.where(known, fold[:, 1:], 1.0)
    if own.what == RATE:
        of_each = np.log(np.maximum(new, GONE)) / _day_of(own)
    else:
        of_each = new < own.below if own.below is not None else new > (own.above or np.inf)
    with np.errstate(invalid="ignore"):
        return np.where(known, of_each, 0.0).sum(axis=1) / known.sum(axis=1)
