"""The same patient and schedules through several models: how much hangs on the choice of the model.

Each model conditions its own draws on the counts that it knows of. No model has been shown to be
better for a patient of whom nothing more is known, so their mean gives every model the same weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from pydantic import BaseModel

from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.answers import Difference, Estimate, WhatIfRequest
from lymphokin.whatif.covariates import known_to
from lymphokin.whatif.differences import differences
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.judging import JudgedBy, has, in_words
from lymphokin.whatif.limits import COUNTED
from lymphokin.whatif.outside import refuse_too_far
from lymphokin.whatif.refused import takes_all
from lymphokin.whatif.usable import require_usable

KEPT = 2
"""Results of each kind that another model keeps: those of both schedules of a settled question."""


class ModelRisk(BaseModel):
    """What one model says of both schedules."""

    model: str
    description: str
    rests_on: str
    """what its numbers rest on, e.g. "published cohorts, no trial data" """
    knows_drugs_a: bool
    """whether it takes every drug of A, and as an infusion what is infused; where not, those pulses
    change nothing in it"""
    knows_drugs_b: bool
    asked_first: bool
    """whether it is the model whose numbers stand everywhere else"""
    a: Estimate
    b: Estimate
    difference: Difference
    counts_used: int
    reliable: bool
    """whether the counts so far are such as the model expects"""


class Mixture(BaseModel):
    """One schedule, or A minus B, over the models that can speak of it, of 100 patients or in the
    endpoint's unit.
    """

    models: int
    """how many are counted: those that know every drug of it, and of which the counts so far are
    such as they expect"""
    mean: float
    """each model with the same weight"""
    lowest: float
    highest: float


class BetweenModelsAnswer(BaseModel):
    """One row per model, the one asked first at the top."""

    models: list[ModelRisk]
    endpoint: JudgedBy
    a: Mixture | None
    """None where no model can speak of it"""
    b: Mixture | None
    difference: Mixture | None
    """A minus B over the models that know the drugs of both"""


class Panel:
    """The models that a patient can be put to; compiled when they are first asked.

    Args:
        first: engine of the model whose numbers stand everywhere else.
        load: gives the sources of the other models by name; called once, when first needed.
    """

    def __init__(self, first: Engine, load: Callable[[], Mapping[str, PopulationDraws]]) -> None:
        self._first = first
        self._load = load

    @cached_property
    def engines(self) -> dict[str, Engine]:
        """By model, the first one first; a model fitted to data is not asked again as published."""
        name = self._first.population.model.name
        sites = self._first.population.sites
        others = {
            model: Engine(replace(draws, sites=sites), kept=KEPT)
            for model, draws in self._load().items()
            if model != name
        }
        return {name: self._first} | others

    def ask(
        self, request: WhatIfRequest, stopped: Callable[[], bool] = lambda: False
    ) -> BetweenModelsAnswer:
        """Put the patient to every model.

        Args:
            request: the question.
            stopped: whether the answer is no longer wanted; looked at before each model.

        Raises:
            ValueError: when a schedule does not fit the patient, is too long or gives a drug that
                the first model does not take, or nobody wants the answer any more.
        """
        both = {"a": request.a, "b": request.b}
        require_usable(self._first, request.patient, both, request.a, request.endpoint)
        refuse_too_far(self._first, request.patient, both, request.a, request.endpoint)
        rows = []
        for engine in self.engines.values():
            if not has(engine.population.model, request.endpoint):
                continue
            if stopped():
                raise ValueError("other models are no longer asked")
            rows.append(_row(engine, request, engine is self._first))
        return BetweenModelsAnswer(
            models=rows,
            endpoint=in_words(request.endpoint, self._first.population.model),
            a=_mixture([row.a for row in rows if row.reliable and row.knows_drugs_a]),
            b=_mixture([row.b for row in rows if row.reliable and row.knows_drugs_b]),
            difference=_mixture(
                [
                    row.difference
                    for row in rows
                    if row.reliable and row.knows_drugs_a and row.knows_drugs_b
                ]
            ),
        )


def _row(engine: Engine, request: WhatIfRequest, first: bool) -> ModelRisk:
    model = engine.population.model
    measurable = {COUNTED, *engine.solver.others}
    counts = tuple(c for c in request.patient.counts if c.quantity in measurable)
    patient = known_to(model, request.patient.model_copy(update={"counts": counts}))
    plan, draws = request.a, request.draws
    conditioned = engine.condition(patient, plan, draws)
    a, b = (
        engine.answer(patient, s, plan, draws, request.endpoint).judged.planned
        for s in (request.a, request.b)
    )
    return ModelRisk(
        model=model.name,
        description=model.description,
        rests_on=engine.population.provenance.title,
        knows_drugs_a=takes_all(model, request.a),
        knows_drugs_b=takes_all(model, request.b),
        asked_first=first,
        a=a,
        b=b,
        difference=differences(engine, request.model_copy(update={"patient": patient}))[0],
        counts_used=len(counts),
        reliable=conditioned.reliable,
    )


def _mixture(estimates: Sequence[Estimate | Difference]) -> Mixture | None:
    numbers = [e.shown for e in estimates]
    if not numbers:
        return None
    mean = round(sum(numbers) / len(numbers))
    return Mixture(models=len(numbers), mean=mean, lowest=min(numbers), highest=max(numbers))
