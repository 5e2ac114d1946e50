"""All checks of one fit against its own data and its prior, from its posterior draws."""

from __future__ import annotations

from dataclasses import dataclass, field

from lymphokin.criticism.data.data_checks import DataChecks, check_data
from lymphokin.criticism.data.event_times import EventCheck, check_events
from lymphokin.criticism.data.replicates import replicate
from lymphokin.criticism.patients.patient_checks import PatientChecks, check_patients
from lymphokin.criticism.teaching.teaching_checks import Teaching, check_teaching
from lymphokin.predict import chosen_draws
from lymphokin.run import Fit
from lymphokin.verdict import Verdict


@dataclass(frozen=True)
class Criticism:
    """All checks of a fit, and their verdicts in the order of the page."""

    data: dict[str, DataChecks]
    patients: PatientChecks
    teaching: Teaching
    draws: int
    events: dict[str, EventCheck] = field(default_factory=dict)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every verdict."""
        of_data = tuple(v for checks in self.data.values() for v in checks.verdicts)
        of_data += tuple(check.verdict for check in self.events.values())
        return of_data + self.patients.verdicts + self.teaching.verdicts


def criticise(fit: Fit, draws: int, seed: int) -> Criticism:
    """Check a fit against its own data and its prior.

    Args:
        fit: the fit.
        draws: posterior draws, each a simulated trial.
        seed: of the random numbers.
    """
    x = chosen_draws(fit.x, draws, seed)
    replicated = replicate(fit.density, x, seed)
    observables = fit.model.observables
    return Criticism(
        {name: check_data(r, observables[name], seed) for name, r in replicated.items()},
        check_patients(fit.density, x, replicated),
        check_teaching(fit, seed),
        len(x),
        check_events(fit.density, x, seed),
    )
