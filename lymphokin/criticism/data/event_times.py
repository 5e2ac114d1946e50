"""Are the times of an event as the model expects them, whatever is known of each?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lymphokin.criticism.data.residual_figures import uniformity_figure
from lymphokin.criticism.data.uniformity import Uniformity, uniformity
from lymphokin.criticism.sections import Drawing, Section
from lymphokin.infer import CohortDensity
from lymphokin.infer.predictive import new_patients
from lymphokin.predict.survival import intervals_of, survival_on
from lymphokin.verdict import Verdict, in_words, level_of


@dataclass(frozen=True)
class EventCheck:
    """Where the time of an event lies among the times that new patients would have.

    Attributes:
        label: what the event is called.
        places: [patient] a random number between the probabilities of an event by the two days
            between which it is known to lie: uniform between 0 and 1 if the model is right. The
            further apart the visits, and the more patients without the event, the less it shows.
        seen: in how many patients the event was seen.
        errors: of the places.
        verdict: on them.
    """

    label: str
    places: np.ndarray
    seen: int
    errors: Uniformity
    verdict: Verdict


def check_events(density: CohortDensity, x: np.ndarray, seed: int) -> dict[str, EventCheck]:
    """Check the times of every event of which the cohort has records.

    Args:
        density: the fitted cohort.
        x: [draw, latent] flat posterior draws.
        seed: of the random numbers.
    """
    known = {name for name, rows in density.packed.events.items() if len(rows)}
    if not known:
        return {}
    model = density.likelihood.model
    drawn = new_patients(density, x[:, : len(density.hierarchy.quantities)], seed)
    return {
        name: _checked(density, drawn, name, event.label, seed)
        for name, event in model.events.items()
        if name in known
    }


def _checked(
    density: CohortDensity, drawn: np.ndarray, event: str, label: str, seed: int
) -> EventCheck:
    rows = density.packed.events[event]
    looked = density.packed.cohort.patients.index.isin(rows["id"])
    after, until = intervals_of(density, event, density.packed.cohort.patients.index[looked])
    days = np.unique(np.concatenate([after, until[np.isfinite(until)]]))
    happened = 1 - survival_on(density, drawn, event, days).mean(axis=0)[looked]
    patients = np.arange(len(after))
    low = happened[patients, np.searchsorted(days, after)]
    seen = np.isfinite(until)
    high = np.ones(len(after))
    high[seen] = happened[patients[seen], np.searchsorted(days, until[seen])]
    places = np.random.default_rng([seed, 3]).uniform(low, np.maximum(low, high))
    errors = uniformity(places)
    sentence = (
        f"The places of {len(places)} times ({int(seen.sum())} seen) among those of new patients "
        f"are as far from uniform with probability {in_words(errors.p, 4000)}."
    )
    numbers = {"patients": len(places), "seen": int(seen.sum()), "p": errors.p}
    verdict = Verdict("times of an event", event, level_of(errors.p), sentence, numbers)
    return EventCheck(label, places, int(seen.sum()), errors, verdict)


def event_sections(events: dict[str, EventCheck]) -> list[Section]:
    """The section about events in time; none where there is none."""
    if not events:
        return []
    drawing = Drawing.of(
        "Distribution of the places",
        uniformity_figure({c.label: c.errors for c in events.values()}, "place of the time"),
        "e",
        "Difference of the places' distribution from uniform",
        "Black: share of places below a value, minus that value; band: where the whole line of "
        "independent uniform numbers stays with 95 % probability. A good one: the line stays in "
        "the band. A hill on the left means events sooner than the model expects, a valley later "
        "ones.",
    )
    text = (
        "Where the time of the event lies among the times that the model gives new patients with "
        "the same treatment and covariates. Of a time that is known to lie between two visits, or "
        "after the last one, a random place within is taken, so that few events show little."
    )
    verdicts = tuple(check.verdict for check in events.values())
    return [Section("events", "Events in time", text, verdicts, (drawing,))]
