"""An interim look rehearsed: what it would say in many virtual trials, and how these end.

The patients enter at random times. At the look, patients are known up to that day; the posterior
comes from a bank of virtual patients of the prior (:mod:`lymphokin.trial.interim.bank`). The trial
then goes on to its end and is tested. When the trials' populations come from the same prior, the
predictive probabilities must be calibrated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jax
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.model import load_model
from lymphokin.trial.exact.base import at_most
from lymphokin.trial.inputs import Demands
from lymphokin.trial.interim.bank import Bank, arm_so_far, posterior_at
from lymphokin.trial.interim.observed import Observed, Observer
from lymphokin.trial.interim.predictive import predictive
from lymphokin.trial.interim.reading import at_end, at_look, closing_day
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.endpoint import Outcome
from lymphokin.trial.virtual.operating import p_values
from lymphokin.trial.virtual.population import PriorPopulation, VirtualPopulation

DAYS_PER_MONTH = 365.25 / 12
POSTERIOR_DRAWS = 200


@dataclass(frozen=True)
class Rehearsal:
    """What is rehearsed."""

    design: VirtualDesign
    after: int
    """the look is when this many patients have passed the window of their endpoint (visit)"""
    populations: int = 800
    """populations of the bank"""
    repeats: int = 8
    """trials of patients per population of the bank"""
    fixed: Mapping[str, float] = field(default_factory=dict)
    """typical values that the trials (not the bank) have, by parameter"""

    def __post_init__(self) -> None:
        self.design.require_own_drop_out("a rehearsed look")
        self.design.require_no_fold("a rehearsed look")
        everybody = self.design.n_control + self.design.n_treated
        demands = Demands("rehearsal")
        demands.want("many", after=self.after, populations=self.populations, repeats=self.repeats)
        demands.that(self.after <= everybody, "after", self.after,
                     f"at most the {everybody} patients of the design").enforce()  # fmt: skip

    def run(
        self,
        trials: int,
        seed: int,
        population: VirtualPopulation | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> pd.DataFrame:
        """Rehearse ``trials`` trials.

        Args:
            trials: number of trials.
            seed: of all random numbers.
            population: where the trials' populations come from; the model's prior by default.
            progress: called with the numbers of finished and of all trials.

        Returns:
            one row per trial: ``predictive_probability``; ``significant`` at its end;
            ``enrolled``, ``known`` and ``in_follow_up`` patients at the look; ``effective``
            populations of the bank; ``days``, time from the first patient to the look.
        """
        design = self.design
        prior = PriorPopulation(load_model(design.truth.model))
        residual = prior.model.table.residuals["alc"]
        of_prior = Observer(design, prior)
        seen = of_prior.follow(seed + 1, self.populations, self.repeats)
        judged = design.judged
        window = None if judged.on_a_day or judged.of_event else judged
        bank = Bank.of(seen, self.populations, design.n_control, residual, window)
        observer = of_prior if population is None else Observer(design, population)
        found = observer.follow(seed, trials, fixed=self.fixed)
        rng = np.random.default_rng(seed)
        entry = self._entries(trials, rng)
        # What is not known of a patient to come is taken from all.
        to_come = float(evaluable(design, found.planned_day, 0.0).mean())
        significant = at_most(_final_p(found, design), design.analysis.alpha)
        rows = []
        for i in range(trials):
            one = jax.tree.map(lambda part: part[i], found)  # noqa: B023
            rows.append(self._look(one, entry[i], bank, to_come, rng))
            progress(i + 1, trials)
        return pd.DataFrame(rows).assign(significant=significant)

    def _entries(self, trials: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """[trial, patient] days of entry; the arms come in turn, evenly mixed."""
        design = self.design
        sizes = design.n_control, design.n_treated
        gaps = rng.exponential(
            DAYS_PER_MONTH / design.conduct.accrual_per_month, (trials, sum(sizes))
        )
        place = [(np.arange(n) + rng.random((trials, n))) / n for n in sizes]
        order = np.concatenate(place, axis=1).argsort(axis=1).argsort(axis=1)
        return np.take_along_axis(np.cumsum(gaps, axis=1) - gaps[:, :1], order, axis=1)

    def _look(
        self,
        trial: Observed,
        entry: NDArray[np.float64],
        bank: Bank,
        to_come: float,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        design, analysis = self.design, self.design.analysis
        today = np.sort(entry + closing_day(design, trial))[self.after - 1]
        followed = today - entry
        enrolled = followed >= 0
        known = trial.seen & (trial.day <= followed)
        stands = at_look(design, trial, followed)
        endpoint, gone = stands.settled, enrolled & stands.gone
        posterior = posterior_at(
            bank,
            trial.log_measured,
            known,
            design.n_control,
            POSTERIOR_DRAWS,
            rng,
            stands.so_far,
        )
        chance = np.where(enrolled, stands.chance, to_come)
        parts, arms = (slice(0, design.n_control), slice(design.n_control, None)), []
        for part, risk, known_by_end in zip(parts, posterior.risk, posterior.known, strict=True):
            of_event = design.judged.of_event
            own = np.where(gone[part], 0.0, known_by_end if of_event else chance[part])
            arms.append(arm_so_far(stands.event[part], endpoint[part], risk, own))
        said = predictive(
            arms[0], arms[1], analysis.test, analysis.alpha, analysis.missing_endpoint
        )
        return {
            "predictive_probability": min(max(said.probability, 0.0), 1.0),
            "enrolled": int(enrolled.sum()),
            "known": int(endpoint.sum()),
            "in_follow_up": int((enrolled & ~endpoint & ~gone).sum()),
            "effective": posterior.effective,
            "days": float(today),
        }


def _final_p(found: Observed, design: VirtualDesign) -> NDArray[np.float64]:
    """[trial] p-value at the end."""
    event, known = at_end(design, found)
    missing = design.analysis.missing_endpoint
    counted = known if missing == "excluded" else np.ones_like(known)
    event = np.where(known, event, missing == "event") & counted
    n = design.n_control

    def by_arm(values: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.stack([values[:, :n].sum(axis=1), values[:, n:].sum(axis=1)], axis=1)

    unused = np.zeros((len(known), 2))
    outcome = Outcome(by_arm(event), by_arm(counted), *(5 * (unused,)))
    return p_values(design.analysis.test, outcome)
