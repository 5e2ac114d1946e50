"""What the data of a trial can teach: composites of parameters that no parameter shows alone.

One typical patient is followed under up to three courses, where nobody got a drug under one.
Lymphocyte counts after radiotherapy, other cells in the days after a pulse of the drug and one drug
level tell about combinations of turnover, potency and exposure only; each composite is computed
from draws of the prior and of the posterior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lymphokin.criticism.teaching.reference_courses import (
    FRACTIONS,
    LEVEL_HOURS,
    ReferenceCourses,
)
from lymphokin.endpoint import ENDPOINT_DAYS
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.learnt import (
    NOT_MEASURED,
    PARTLY,
    PRIOR_ONLY,
    UNKNOWN,
    WELL,
    contraction_of,
    learnt_word,
)
from lymphokin.pages.wording import joined
from lymphokin.predict.composites import FITTED, declared_composites
from lymphokin.predict.contrast import ALONE
from lymphokin.quantities import Observable
from lymphokin.verdict import FINE, LOOK, Verdict

FIRST_LEVEL_HOURS = 3.0
RECOVERED = 0.9
PULSE_DAYS = 21
INFLAMED_DAYS = 42
WORDS = (WELL, PARTLY, PRIOR_ONLY, NOT_MEASURED, UNKNOWN)


@dataclass(frozen=True)
class Composite:
    """A combination of parameters that data of a trial inform, by prior and posterior draws.

    ``learnt``: well, partly or prior only, by ``contraction`` (1 - the squared ratio of the
    posterior's to the prior's 90 % interval); not measured, where the cohort has no record of the
    quantity that it is made of (``measured``); unknown, where the model has a solution in no draw.
    """

    name: str
    unit: str
    meaning: str
    prior: np.ndarray
    posterior: np.ndarray
    measured: bool = True

    @property
    def contraction(self) -> float:
        """1 - the squared ratio of the widths of the 90 % intervals; NaN without a draw."""
        return contraction_of(self.prior, self.posterior)

    @property
    def learnt(self) -> str:
        """In words, as for parameters."""
        return learnt_word(self.contraction, self.measured)


@dataclass(frozen=True)
class _Computed:
    """A composite of a quantity, in draws of a population."""

    name: str
    unit: str
    meaning: str
    quantity: str
    values: np.ndarray


def _of_counts(alc: Mapping[str, np.ndarray], drug: str) -> list[_Computed]:
    none = np.log(alc["none"])
    endpoint = FRACTIONS - 1 + int(ENDPOINT_DAYS)
    found = [
        _Computed(
            "fall of the count by day 14", "ln",
            "ln of the count on day 14 over that before SBRT alone", "alc",
            none[:, 14] - none[:, 0],
        ),
        _Computed(
            "recovery from day 21 to 105", "ln",
            "ln of the count on day 105 over day 21, SBRT alone", "alc",
            none[:, 105] - none[:, 21],
        ),
    ]  # fmt: skip
    if "full" in alc:
        effect = np.log(alc["full"])[:, endpoint] - none[:, endpoint]
        meaning = "ln of the count 42 days after radiotherapy, with all pulses over without"
        found.append(_Computed(f"effect of {drug} on the count", "ln", meaning, "alc", effect))
    return found


def _of_quantity(name: str, label: str, values: Mapping[str, np.ndarray]) -> list[_Computed]:
    """What a pulse does to a quantity beside lymphocytes, and what radiotherapy does.

    Nothing of a quantity that is 0 before treatment, as there is no share of that.
    """
    if not values["none"][:, 0].all():
        return []
    alone = values["none"] / values["none"][:, :1]
    after = _Computed(
        f"{label} after radiotherapy", "d",
        f"sum over {INFLAMED_DAYS} days of {label} over baseline, minus 1, SBRT alone", name,
        (alone[:, : INFLAMED_DAYS + 1] - 1).sum(axis=1),
    )  # fmt: skip
    if "pulse" not in values:
        return [after]
    ratio = values["pulse"] / values["none"]
    lost = 1 - ratio
    deepest = lost.argmax(axis=1)
    low = (1 - RECOVERED) * lost.max(axis=1, keepdims=True)
    recovered = (lost <= low) & (np.arange(lost.shape[1]) > deepest[:, None])
    when = np.where(recovered.any(axis=1), recovered.argmax(axis=1), lost.shape[1] - 1)
    return [
        _Computed(
            f"drop of {label} on day 4 of a pulse", "ln",
            f"ln of {label} on day 4 with a pulse over without", name, np.log(ratio[:, 4]),
        ),
        _Computed(
            f"days until {label} are back", "d", "days until 90 % of what a pulse took is back",
            name, when.astype(float),
        ),
        _Computed(
            f"{label} lost in a pulse", "d",
            f"sum over {PULSE_DAYS} days of {label} with a pulse over without, minus 1", name,
            (ratio[:, : PULSE_DAYS + 1] - 1).sum(axis=1),
        ),
        after,
    ]  # fmt: skip


def _of_level(observable: Observable, level: np.ndarray) -> list[_Computed]:
    first = int(np.searchsorted(LEVEL_HOURS, FIRST_LEVEL_HOURS))
    name, label, unit = observable.name, observable.label, observable.unit
    amount, _, volume = unit.partition("/")
    area = f"ln {amount}·h/{volume}" if volume else f"ln {unit}·h"
    return [
        _Computed(
            f"{label} level at 3 h", f"ln {unit}",
            "ln of the level 3 h after the first intake", name, np.log(level[:, first]),
        ),
        _Computed(
            f"{label} exposure in 72 h", area,
            "ln of the area under the level over the first 72 h", name,
            np.log(np.trapezoid(level, LEVEL_HOURS, axis=1)),
        ),
    ]  # fmt: skip


def _computed(
    courses: ReferenceCourses, curves: Mapping[str, dict[str, np.ndarray]]
) -> list[_Computed]:
    found: list[_Computed] = []
    for name, observable in courses.model.observables.items():
        if name not in curves:
            continue  # of lesions, each by itself
        if name == "alc":
            found += _of_counts(curves[name], courses.label)
        elif name in courses.levels:
            found += _of_level(observable, curves[name]["pulse"])
        elif "none" in curves[name]:
            found += _of_quantity(name, observable.label, curves[name])
    return found


def composites(density: CohortDensity, z: np.ndarray, seed: int) -> list[Composite]:
    """The identifiable composites of a fitted model, of those that its quantities allow.

    Args:
        density: the fitted cohort, for its model.
        z: [draw, quantity] population latents of the posterior; as many are drawn from the prior.
    """
    courses = ReferenceCourses.of(density.likelihood.model, density.packed.cohort)
    reference = courses.followed(density.hierarchy)
    before = density.prior_draws(np.random.default_rng(seed), len(z))
    prior, posterior = (
        _computed(courses, courses.curves(reference, draws)) for draws in (before, z)
    )
    records = density.packed.records
    declared = [
        Composite(
            own.declared.name.replace("_", " "),
            own.declared.unit,
            f"{own.declared.meaning}, {own.arm}",
            own.prior,
            own.posterior[FITTED],
            measured=any(map(len, records.get(own.declared.quantity, ()))),
        )
        for own in declared_composites(density, z, seed, links=False)
        if own.arm == ALONE
    ]
    return [
        Composite(
            own.name,
            own.unit,
            own.meaning,
            *(v[np.isfinite(v)] for v in (own.values, after.values)),
            measured=any(map(len, records.get(own.quantity, ()))),
        )
        for own, after in zip(prior, posterior, strict=True)
        # What the drug does not change stays as it is.
        if np.ptp(own.values) > 0
    ] + declared


def judge_composites(composites: list[Composite]) -> Verdict:
    """Which composites did the data teach, and which are the prior still?"""
    named = {word: [c.name for c in composites if c.learnt == word] for word in WORDS}
    lost, unmeasured, unknown = named[PRIOR_ONLY], named[NOT_MEASURED], named[UNKNOWN]
    sentence = (
        f"Of {len(composites)} composites that a trial like this can inform, "
        f"{len(named[WELL])} were learnt well and {len(named[PARTLY])} partly"
        + (f"; not learnt: {joined(lost)}" if lost else "")
        + (f"; not measured here: {joined(unmeasured)}" if unmeasured else "")
        + (f"; without a solution of the model: {joined(unknown)}" if unknown else "")
        + "."
    )
    numbers = {c.name: c.contraction for c in composites}
    level = LOOK if lost or unmeasured or unknown else FINE
    return Verdict("identifiable composites", "population", level, sentence, numbers)
