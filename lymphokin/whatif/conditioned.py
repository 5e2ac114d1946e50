"""Draws of a patient given the counts so far, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.pages.messages import say
from lymphokin.whatif.answers import ConditioningAnswer
from lymphokin.whatif.draws import PatientDraws
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Conditioned:
    """Equally likely draws of a patient given the counts so far.

    Attributes:
        draws: the draws.
        deviation: [latent, lane] what makes the patient differ, as far as the population and the
            counts do not explain it.
        method: how the draws were found.
        pareto_k: of the tail of the importance weights; None without counts.
        effective_draws: number of equally weighted draws that the weighted ones are worth.
        settled: whether Markov chains, where they were needed, had stopped moving.
    """

    draws: PatientDraws
    deviation: np.ndarray
    method: Literal["none", "importance", "mcmc"]
    pareto_k: float | None = None
    effective_draws: float | None = None
    settled: bool = True

    @property
    def reliable(self) -> bool:
        """Whether the draws can be trusted."""
        if self.method == "mcmc":
            return self.settled
        return self.pareto_k is None or self.pareto_k <= UNRELIABLE_PARETO_K

    def answer(self, patient: Patient, plan: Schedule) -> ConditioningAnswer:
        """How the counts so far were used, in words and numbers."""
        size = self.effective_draws
        return ConditioningAnswer(
            method=self.method,
            counts_used=len(patient.counts),
            baseline_counts=sum(c.day <= plan.first_fraction_day for c in patient.counts),
            pareto_k=None if self.pareto_k is None else round(self.pareto_k, 2),
            effective_draws=None if size is None else round(size),
            reliable=self.reliable,
            note=say(f"counts.used_{self.method}" if self.reliable else "counts.unreliable"),
        )
