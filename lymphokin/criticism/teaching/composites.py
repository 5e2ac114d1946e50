"""What the data of a trial can teach: composites of parameters that no parameter shows alone.

One typical patient is followed under three courses. Lymphocyte counts after radiotherapy, MDSC in
the days after a pulse and one drug level tell about combinations of turnover, potency and
exposure only; each composite is computed from draws of the prior and of the posterior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.criticism.data.replicates import typical_and_new
from lymphokin.endpoint import ENDPOINT_DAYS
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.learnt import NOT_MEASURED, PARTLY, PRIOR_ONLY, WELL, learnt_word
from lymphokin.io import Cohort
from lymphokin.pages.wording import joined
from lymphokin.population import CohortLikelihood, pack
from lymphokin.predict.contrast import TYPICAL_BSA_M2
from lymphokin.quantities import DRUG
from lymphokin.schedule import AtraPulses
from lymphokin.verdict import FINE, LOOK, Verdict

FRACTIONS, GY = 5, 8.0
"""The reference course: SBRT of two lesions, every day from day 0."""
SITE, LESIONS = "lung_peripheral", 2
COURSES = {"none": 0, "pulse": 1, "full": AtraPulses().cycles}
"""ATRA pulses of each course."""
COURSE = f"{FRACTIONS} × {GY:g} Gy to two peripheral lung lesions with no, one or four ATRA pulses"
DAYS = np.arange(0.0, 106.0)
LEVEL_HOURS = np.arange(1.0, 73.0)
FIRST_LEVEL_HOURS = 3.0
RECOVERED = 0.9
PULSE_DAYS = 21
INFLAMED_DAYS = 42


@dataclass(frozen=True)
class Composite:
    """A combination of parameters that data of a trial inform, by prior and posterior draws.

    ``learnt``: well, partly or prior only, by ``contraction`` (1 - the squared ratio of the
    posterior's to the prior's 90 % interval); not measured, where the cohort has no record of the
    quantity that it is made of (``measured``).
    """

    name: str
    unit: str
    meaning: str
    prior: np.ndarray
    posterior: np.ndarray
    measured: bool = True

    @property
    def contraction(self) -> float:
        """1 - the squared ratio of the widths of the 90 % intervals."""
        before, after = (np.ptp(np.quantile(v, (0.05, 0.95))) for v in (self.prior, self.posterior))
        return float(1 - (after / before) ** 2) if before > 0 else 0.0

    @property
    def learnt(self) -> str:
        """In words, as for parameters."""
        return learnt_word(self.contraction, self.measured)


def reference_cohort() -> Cohort:
    """A typical patient under SBRT alone, with one pulse of ATRA, and with all of them."""
    patients = pd.DataFrame(
        {"arm": list(COURSES), "site": SITE, "n_lesions": LESIONS, "bsa": TYPICAL_BSA_M2},
        index=list(COURSES),
    )
    fractions = [
        {"id": name, "day": float(day), "prescribed_gy": GY}
        for name in COURSES
        for day in range(FRACTIONS)
    ]
    doses = [
        AtraPulses(cycles=cycles).doses(TYPICAL_BSA_M2).assign(id=name)
        for name, cycles in COURSES.items()
        if cycles
    ]
    levels = pd.DataFrame(
        {"id": "pulse", "day": LEVEL_HOURS / 24, "quantity": "atra", "value": 1.0, "lloq": np.nan}
    )
    return Cohort(
        patients=patients,
        fractions=pd.DataFrame(fractions),
        doses=pd.concat(doses, ignore_index=True),
        observations=levels.assign(tube=None),
    )


def _courses(reference: CohortDensity, z: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Per quantity and course, [draw, day] of typical patients (drug level: [draw, hour])."""
    x, _ = typical_and_new(reference, z, 0)
    packed = reference.packed
    timeline = packed.arrays.timeline
    nodes = [packed.layout.nodes(timeline, i, DAYS) for i in range(len(COURSES))]
    outputs: dict[str, list[np.ndarray]] = {}
    levels = []
    for part in reference.evaluate(x, packed.arrays):
        for name, value in part.outputs.items():
            outputs.setdefault(name, []).append(value)
        if "atra" in part.predictions:
            levels.append(part.predictions["atra"][0][:, : len(LEVEL_HOURS)])
    courses = {
        name: {course: np.concatenate(values)[:, nodes[i], i] for i, course in enumerate(COURSES)}
        for name, values in outputs.items()
    }
    if levels:
        courses["atra"] = {"pulse": np.exp(np.concatenate(levels))}
    return courses


def _of_counts(alc: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    none, full = np.log(alc["none"]), np.log(alc["full"])
    endpoint = FRACTIONS - 1 + int(ENDPOINT_DAYS)
    return {
        "fall of the count by day 14": none[:, 14] - none[:, 0],
        "recovery from day 21 to 105": none[:, 105] - none[:, 21],
        "effect of ATRA on the count": full[:, endpoint] - none[:, endpoint],
    }


def _of_mdsc(mdsc: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    ratio = mdsc["pulse"] / mdsc["none"]
    lost = 1 - ratio
    deepest = lost.argmax(axis=1)
    low = (1 - RECOVERED) * lost.max(axis=1, keepdims=True)
    recovered = (lost <= low) & (np.arange(lost.shape[1]) > deepest[:, None])
    when = np.where(recovered.any(axis=1), recovered.argmax(axis=1), lost.shape[1] - 1)
    alone = mdsc["none"] / mdsc["none"][:, :1]
    return {
        "drop of MDSC on day 4 of a pulse": np.log(ratio[:, 4]),
        "days until MDSC are back": when.astype(float),
        "MDSC lost in a pulse": (ratio[:, : PULSE_DAYS + 1] - 1).sum(axis=1),
        "MDSC after radiotherapy": (alone[:, : INFLAMED_DAYS + 1] - 1).sum(axis=1),
    }


def _of_levels(atra: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    level = atra["pulse"]
    first = int(np.searchsorted(LEVEL_HOURS, FIRST_LEVEL_HOURS))
    return {
        "ATRA level at 3 h": np.log(level[:, first]),
        "ATRA exposure in 72 h": np.log(np.trapezoid(level, LEVEL_HOURS, axis=1)),
    }


WORDS = (WELL, PARTLY, PRIOR_ONLY, NOT_MEASURED)
MEANINGS = {
    "fall of the count by day 14": ("ln", "ln of the count on day 14 over that before SBRT alone"),
    "recovery from day 21 to 105": (
        "ln",
        "ln of the count on day 105 over day 21, SBRT alone",
    ),
    "effect of ATRA on the count": (
        "ln",
        "ln of the count 42 days after radiotherapy, with all pulses over without",
    ),
    "drop of MDSC on day 4 of a pulse": ("ln", "ln of MDSC on day 4 with a pulse over without"),
    "days until MDSC are back": ("d", "days until 90 % of what a pulse took is back"),
    "MDSC lost in a pulse": ("d", "sum over 21 days of MDSC with a pulse over without, minus 1"),
    "MDSC after radiotherapy": ("d", "sum over 42 days of MDSC over baseline, minus 1, SBRT alone"),
    "ATRA level at 3 h": ("ln ng/mL", "ln of the level 3 h after the first intake"),
    "ATRA exposure in 72 h": ("ln ng·h/mL", "ln of the area under the level over the first 72 h"),
}


OF_THE_DRUG = (
    "effect of ATRA on the count",
    "drop of MDSC on day 4 of a pulse",
    "days until MDSC are back",
    "MDSC lost in a pulse",
    "ATRA level at 3 h",
    "ATRA exposure in 72 h",
)
"""Composites that say nothing of a trial in which nobody gets the drug."""


def composites(density: CohortDensity, z: np.ndarray, seed: int) -> list[Composite]:
    """The identifiable composites of a fitted model, of those that its quantities allow.

    Args:
        density: the fitted cohort, for its model.
        z: [draw, quantity] population latents of the posterior; as many are drawn from the prior.
    """
    model = density.likelihood.model
    packed = pack(model, reference_cohort(), dict.fromkeys(COURSES, DAYS.tolist()))
    reference = CohortDensity(CohortLikelihood(density.hierarchy), packed)
    before = density.prior_draws(np.random.default_rng(seed), len(z))
    computed, quantity_of = [], {}
    for draws in (before, z):
        courses = _courses(reference, draws)
        values: dict[str, np.ndarray] = {}
        for quantity, compute in (("alc", _of_counts), ("mdsc", _of_mdsc), ("atra", _of_levels)):
            if quantity in courses:
                own = compute(courses[quantity])
                values |= own
                quantity_of |= dict.fromkeys(own, quantity)
        computed.append(values)
    cohort, records = density.packed.cohort, density.packed.records
    left_out = () if len(cohort.doses_of(DRUG)) else OF_THE_DRUG
    return [
        Composite(
            name,
            *MEANINGS[name],
            *(v[name][np.isfinite(v[name])] for v in computed),
            measured=any(map(len, records.get(quantity_of[name], ()))),
        )
        for name, before in computed[0].items()
        if name not in left_out and np.ptp(before) > 0  # a model without ATRA stays as it is
    ]


def judge_composites(composites: list[Composite]) -> Verdict:
    """Which composites did the data teach, and which are the prior still?"""
    named = {word: [c.name for c in composites if c.learnt == word] for word in WORDS}
    lost, unmeasured = named[PRIOR_ONLY], named[NOT_MEASURED]
    sentence = (
        f"Of {len(composites)} composites that a trial like this can inform, "
        f"{len(named[WELL])} were learnt well and {len(named[PARTLY])} partly"
        + (f"; not learnt: {joined(lost)}" if lost else "")
        + (f"; not measured here: {joined(unmeasured)}" if unmeasured else "")
        + "."
    )
    numbers = {c.name: c.contraction for c in composites}
    level = LOOK if lost or unmeasured else FINE
    return Verdict("identifiable composites", "population", level, sentence, numbers)
