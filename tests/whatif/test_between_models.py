"""One patient through several models: each with what it knows of, all with the same weight."""

import pytest

from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.patient import Count
from lymphokin.whatif.questions.between_models import Panel


@pytest.fixture(scope="module")
def without_drug():
    """A model with one pool of lymphocytes, and neither ATRA nor MDSC."""
    return PopulationDraws.of_prior(load_model("hedos_hcc"), draws=60)


@pytest.fixture(scope="module")
def answer(engine, without_drug, patient, pulsed, bare):
    measured = (*patient.counts, Count(day=0, quantity="mdsc", value=18.0))
    question = WhatIfRequest(
        patient=patient.model_copy(update={"counts": measured}), a=pulsed, b=bare
    )
    return Panel(engine, lambda: {"hedos_hcc": without_drug}).ask(question), question


def test_the_first_model_says_what_it_says_everywhere_else(engine, answer):
    found, question = answer
    first = found.models[0]
    alone = engine.what_if(question)
    assert first.asked_first
    assert first.a == alone.a.fitted.planned.grade2.measured
    assert first.b == alone.b.fitted.planned.grade2.measured
    assert first.difference == alone.difference
    assert first.counts_used == 3


def test_a_model_without_the_drug_uses_the_counts_it_knows_and_sees_no_pulses(
    answer, without_drug, patient, bare
):
    found, _ = answer
    other = found.models[1]
    assert (other.model, other.asked_first) == ("hedos_hcc", False)
    assert (other.knows_drugs_a, other.knows_drugs_b) == (False, True)
    assert other.counts_used == 2
    assert other.a == other.b
    assert other.difference.of_100 == 0
    alone = Engine(without_drug).what_if(WhatIfRequest(patient=patient, a=bare, b=bare))
    assert other.b == alone.b.fitted.planned.grade2.measured


def test_every_model_that_knows_the_drugs_has_the_same_weight(answer):
    """A has pulses, which the other model does not know: it says nothing of A, nor of A minus B."""
    found, _ = answer
    first, _ = found.models
    numbers = [row.b.of_100 for row in found.models]
    assert (found.b.models, found.b.lowest, found.b.highest) == (2, min(numbers), max(numbers))
    assert abs(found.b.mean - sum(numbers) / 2) <= 0.5
    assert (found.a.models, found.a.lowest, found.a.highest) == (1, *[first.a.of_100] * 2)
    assert (found.difference.models, found.difference.mean) == (1, first.difference.of_100)


def test_a_question_that_nobody_waits_for_is_asked_no_further(engine, without_drug, patient, bare):
    asked = WhatIfRequest(patient=patient, a=bare, b=bare, draws=400)
    looks = iter([False, True])
    with pytest.raises(ValueError, match="no longer asked"):
        Panel(engine, lambda: {"hedos_hcc": without_drug}).ask(asked, lambda: next(looks))


def test_a_model_fitted_to_data_is_not_asked_again_as_published(engine, population):
    assert list(Panel(engine, lambda: {"myeloid_lymphoid": population}).engines) == [
        "myeloid_lymphoid"
    ]
