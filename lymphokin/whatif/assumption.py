"""What a number rests on that nobody has seen in people: it is said where the number stands."""

from __future__ import annotations

from collections.abc import Sequence

from lymphokin.model.roles import Contrast, contrast_of
from lymphokin.pages.messages import Message, say
from lymphokin.pages.wording import of_100
from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.answers import Judged
from lymphokin.whatif.schedule import Schedule


def unseen_link(population: PopulationDraws, schedules: Sequence[Schedule]) -> Contrast | None:
    """The disputed link, where one of the schedules gives its drug and nobody has seen it in
    people.
    """
    link = contrast_of(population.model)
    if link is None or population.provenance.gamma_known_from_people:
        return None
    return link if any(schedule.pulses_of(link.drug) for schedule in schedules) else None


def of_schedule(
    population: PopulationDraws, schedule: Schedule, judged: Judged, unit: str
) -> Message | None:
    """What the number of a schedule rests on, and what it is without its drugs."""
    link = unseen_link(population, [schedule])
    if link is None:
        return None
    bare = judged.no_drug
    shown = of_100(bare.p) if bare.of_100 is not None else ""
    left = bare.shown if not shown or shown.isdigit() else shown
    drugs = sorted({p.drug for p in schedule.pulses})
    labels = [population.model.drugs[drug].label or drug for drug in drugs]
    return say("assumption.number", assumes=link.assumes, drugs=labels, left=left, unit=unit)


def of_many(population: PopulationDraws, schedules: Sequence[Schedule]) -> Message | None:
    """What the numbers of some schedules rest on."""
    link = unseen_link(population, schedules)
    if link is None:
        return None
    drug = population.model.drugs[link.drug].label or link.drug
    return say("assumption.many", drug=drug, assumes=link.assumes)
