"""How likely a patient's counts so far are under draws of the population and of the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lymphokin.model import Residual
from lymphokin.population.draws import PopulationDraws
from lymphokin.solve.one_treatment import TreatmentArrays
from lymphokin.whatif.draws import conditioned_dimensions, sizes, split_normals
from lymphokin.whatif.lanes import LANES, Fixed, Lanes, LaneSolver
from lymphokin.whatif.limits import COUNTED
from lymphokin.whatif.records import Records, log_density, log_variance
from lymphokin.whatif.risk import below


class Predicted(NamedTuple):
    """What latents of population and patient make of the records, lanes last."""

    log_count: np.ndarray
    """[record, lane] ln counts"""
    log_survival: np.ndarray
    """[lane] ln of the probability that no event has ended the records before the last one"""


@dataclass(frozen=True, eq=False)
class PatientLikelihood:
    """Counts of one patient, measured under one treatment so far."""

    population: PopulationDraws
    solver: LaneSolver
    fixed: Fixed
    records: Records
    arrays: TreatmentArrays

    @property
    def active(self) -> int:
        """Number of the patient's latents that the counts inform, the first ones.

        Without a dose of the drug so far its latents stay as the population has them.
        """
        drug = len(self.arrays.start)
        return conditioned_dimensions(self.population) if drug else sizes(self.population)[0]

    def predicted(self, z: np.ndarray, w: np.ndarray) -> Predicted:
        """What is predicted for latents of population and patient, lanes last."""
        count = z.shape[1]
        fill = -count % LANES
        z, w = (np.pad(v, ((0, 0), (0, fill)), mode="edge") for v in (z, w))
        lanes = Lanes(z, *split_normals(self.population, w))
        days = self.records.padded_days
        solved = self.solver.solve(lanes, self.fixed, self.arrays, days, versions=1)
        n = len(self.records.day)
        predicted = np.asarray(solved.at)[0, :n].copy()
        for quantity, rows in self.records.by_quantity():
            if quantity != COUNTED:
                predicted[rows] = np.asarray(solved.others[quantity])[:n][rows]
        passed = np.zeros(count)
        for event, hazard in self.solver.model.hazards.items():
            if hazard.ends_records:
                passed += np.asarray(solved.hazards[event])[0, n - 1, :count]
        return Predicted(predicted[:, :count], -passed)

    def log_likelihood(self, of_records: Predicted, atom: np.ndarray) -> np.ndarray:
        """[lane] log likelihood of the records, and of that there are any up to the last one.

        Args:
            of_records: what is predicted.
            atom: [lane] draw of the population behind each lane.
        """
        log_value, predicted = self.records.log_value[:, None], of_records.log_count
        total = of_records.log_survival
        for quantity, rows in self.records.by_quantity():
            residual = self.population.model.table.residuals[quantity]
            sd = self.population.residual_sd[quantity][atom]
            counted = rows & ~self.records.below
            if counted.any():
                log = log_density(residual, log_value[counted], predicted[counted], sd)
                total = total + log.sum(axis=0)
            for record in np.flatnonzero(rows & self.records.below).tolist():
                total = total + self._log_below(residual, record, predicted[record], sd)
        return total

    def _log_below(
        self, residual: Residual, record: int, predicted: np.ndarray, sd: np.ndarray
    ) -> np.ndarray:
        """[lane] log probability that a count is below what it is known to be below."""
        limit = float(self.records.log_value[record])
        return np.log(np.maximum(below(residual, limit, predicted, sd), np.finfo(float).tiny))

    def as_counted(self, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[record] ln values, and variances of noise, that say about what the records say.

        Of a count that is only known to be below something it is what turns the mean and the
        variance of the true counts before it is known into those after.

        Args:
            predicted: [record, lane] ln true counts of patients of the population.
        """
        value, variance = self.records.log_value.copy(), self.noise_variance()
        for record in np.flatnonzero(self.records.below).tolist():
            quantity = self.records.quantity[record]
            residual = self.population.model.table.residuals[quantity]
            sd = np.median(self.population.residual_sd[quantity], axis=0)
            there = predicted[record][np.isfinite(predicted[record])]
            log = self._log_below(residual, record, there, sd)
            weight = np.exp(log - log.max())
            before = there.mean(), there.var()
            mean = float(np.average(there, weights=weight))
            spread = float(np.average((there - mean) ** 2, weights=weight))
            # A record never widens; one that says next to nothing keeps a large variance.
            spread = min(max(spread, variance[record]), 0.99 * before[1])
            gained = 1 / spread - 1 / before[1]
            value[record] = (mean / spread - before[0] / before[1]) / gained
            variance[record] = 1 / gained
        return value, variance

    def noise_variance(self) -> np.ndarray:
        """[record] typical variance of measurement noise."""
        out = np.zeros(len(self.records.day))
        for quantity, rows in self.records.by_quantity():
            sd = np.median(self.population.residual_sd[quantity], axis=0)
            residual = self.population.model.table.residuals[quantity]
            out[rows] = log_variance(residual, self.records.log_value[rows], sd)
        return out
