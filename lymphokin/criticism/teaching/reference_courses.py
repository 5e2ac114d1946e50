"""The courses of a typical patient under which composites are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lymphokin.criticism.data.replicates import typical_and_new
from lymphokin.infer.density import CohortDensity
from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.model.usual import usual_calendars
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.predict.contrast import TYPICAL_BSA_M2
from lymphokin.sites import SiteTable

FRACTIONS, GY = 5, 8.0
"""The reference course: SBRT of two lesions, every day from day 0."""
SITE, LESIONS = "lung_peripheral", 2
DAYS = np.arange(0.0, 106.0)
LEVEL_HOURS = np.arange(1.0, 73.0)
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


@dataclass(frozen=True)
class ReferenceCourses:
    """Radiotherapy alone and, of the first of the model's drugs with a usual regimen, with one
    pulse and with all of them where somebody in the trial got it.

    Attributes:
        model: the model.
        drug: the drug's word in the event table; empty where no regimen is known of any, or nobody
            got it.
        sites: what the site of the course means.
    """

    model: Model
    drug: str
    sites: SiteTable

    @classmethod
    def of(cls, model: Model, cohort: Cohort) -> ReferenceCourses:
        """The courses of a model fitted to a cohort."""
        drug = next(iter(usual_calendars(model)), "")
        return cls(model, drug if len(cohort.doses_of(drug)) else "", cohort.sites)

    @property
    def label(self) -> str:
        """What people call the drug."""
        return self.model.vocabulary.drug(self.drug).label if self.drug else ""

    @property
    def pulses(self) -> dict[str, int]:
        """Pulses of the drug in each course."""
        if not self.drug:
            return {"none": 0}
        return {"none": 0, "pulse": 1, "full": usual_calendars(self.model)[self.drug].cycles}

    @property
    def levels(self) -> tuple[str, ...]:
        """Measured quantities of the blocks that take the drug."""
        return self.model.levels_of(self.drug) if self.drug else ()

    def __str__(self) -> str:
        course = f"{FRACTIONS} × {GY:g} Gy to two peripheral lung lesions"
        if not self.drug:
            return course
        most = self.pulses["full"]
        return f"{course} with no, one or {NUMBERS.get(most, most)} {self.label} pulses"

    def cohort(self) -> Cohort:
        """A typical patient under each course."""
        names = list(self.pulses)
        patients = pd.DataFrame(
            {"arm": names, "site": SITE, "n_lesions": LESIONS, "bsa": TYPICAL_BSA_M2}, index=names
        )
        fractions = [
            {"id": name, "day": float(day), "prescribed_gy": GY}
            for name in names
            for day in range(FRACTIONS)
        ]
        doses = [pd.DataFrame({"id": [], "day": [], "drug": [], "amount_mg": []})] + [
            replace(usual_calendars(self.model)[self.drug], cycles=cycles)
            .doses(TYPICAL_BSA_M2)
            .assign(id=name)
            for name, cycles in self.pulses.items()
            if cycles
        ]
        levels = [
            pd.DataFrame({"id": "pulse", "day": LEVEL_HOURS / 24, "quantity": name, "value": 1.0})
            for name in self.levels
        ]
        columns = ["id", "day", "quantity", "value", "lloq", "tube"]
        observations = pd.concat(levels) if levels else pd.DataFrame(columns=columns)
        return Cohort(
            patients=patients,
            fractions=pd.DataFrame(fractions),
            doses=pd.concat(doses[-len(names) + 1 :] if self.drug else doses, ignore_index=True),
            observations=observations.assign(lloq=np.nan, tube=None).reset_index(drop=True),
            sites=self.sites,
        )

    def followed(self, hierarchy: Hierarchy) -> CohortDensity:
        """The patients of the courses, ready to be solved on DAYS."""
        days = dict.fromkeys(self.pulses, DAYS.tolist())
        packed = pack(self.model, self.cohort(), days)
        return CohortDensity(CohortLikelihood(hierarchy), packed)

    def curves(
        self, reference: CohortDensity, z: np.ndarray
    ) -> Mapping[str, dict[str, np.ndarray]]:
        """Per quantity and course, [draw, day] of typical patients (levels: [draw, hour]).

        Args:
            reference: of :meth:`followed`.
            z: [draw, quantity] population latents.
        """
        x, _ = typical_and_new(reference, z, 0)
        packed = reference.packed
        timeline = packed.arrays.timeline
        nodes = [packed.layout.nodes(timeline, i, DAYS) for i in range(len(self.pulses))]
        outputs: dict[str, list[np.ndarray]] = {}
        levels: dict[str, list[np.ndarray]] = {}
        for part in reference.evaluate(x, packed.arrays):
            for name, value in part.outputs.items():
                outputs.setdefault(name, []).append(value)
            for name in self.levels:
                levels.setdefault(name, []).append(part.predictions[name][0][:, : len(LEVEL_HOURS)])
        found = {
            name: {c: np.concatenate(values)[:, nodes[i], i] for i, c in enumerate(self.pulses)}
            for name, values in outputs.items()
        }
        own = {n: {"pulse": np.exp(np.concatenate(values))} for n, values in levels.items()}
        return found | own
