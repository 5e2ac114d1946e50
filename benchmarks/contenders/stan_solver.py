"""Stan's adaptive solvers and gradients of the same density, run by stanli without a compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import stanli

from contenders.trial import FAR, Trial


class StanSolver:
    """The log posterior density of the trial as a Stan program (``population.stan``)."""

    def __init__(self, trial: Trial, rtol: float, solver: str = "ode_rk45_tol") -> None:
        code = (Path(__file__).parent / "population.stan").read_text().replace("SOLVER", solver)
        self.model = stanli.Model(stan_code=code, data=data_of(trial) | {"rtol": rtol})

    def density_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log posterior density (up to a constant) and its gradient."""
        return self.model.log_prob_grad(x)


def data_of(trial: Trial) -> dict[str, Any]:
    """The program's data, from the trial and the model's parameter table."""
    posterior, stops = trial.density, trial.stops
    table, hierarchy, arrays = (
        posterior.likelihood.model.table,
        posterior.hierarchy,
        posterior.arrays,
    )
    sampled = [p for p in table if p.population_sd > 0]
    drive, dose = table["radiation_drive"], table["immune_dose_scale"]
    alc, mdsc, atra = (table.residuals[q] for q in ("alc", "mdsc", "atra"))
    real = stops.day < FAR
    # The order of the stops is data, for stanli interprets control flow that depends on parameters.
    # It is the same at all draws unless a lag moves a dose past a record.
    lag = np.asarray(trial.individuals(trial.x[0])[1]["absorption_lag"])
    day = np.maximum(stops.day + stops.is_dose * lag[stops.lane], stops.first_day[:, None])
    first = np.argsort(day, axis=1, kind="stable")
    ordered = np.take_along_axis(day, first, axis=1)
    moves = np.diff(ordered, axis=1, prepend=stops.first_day[:, None]) > 0

    def in_order(values: np.ndarray) -> Any:
        return np.take_along_axis(values, first, axis=1).tolist()

    place = np.argsort(first, axis=1)
    rows = []
    for q, name in enumerate(("alc", "mdsc", "atra"), start=1):
        for below, (part, at) in enumerate(
            zip(arrays.measured[name], stops.read_at[name], strict=True)
        ):
            for r in np.flatnonzero(np.asarray(part.weight)):
                i = int(part.patient[r])
                tube = int(part.category[0, r]) if name == "mdsc" else 0
                value = float(part.log_value[r])
                rows.append((q, i + 1, int(place[i, at[r]]) + 1, below, tube, value))
    quantity, patient, stop_of, below, tube, log_value = (list(c) for c in zip(*rows, strict=True))
    (effect,) = mdsc.effects
    (covariate,) = dose.covariates
    missing = dose.only_without
    return {
        "P": arrays.patients,
        "T": arrays.treated,
        "W": len(posterior.packed.layout.lane_windows),
        "S": stops.day.shape[1],
        "treated_of": (np.asarray(arrays.timeline.hours.treated) + 1).tolist(),
        "median": [float(p.to_transformed(p.median)) for p in sampled],
        "population_sd": [p.population_sd for p in sampled],
        "subject_sd": [p.between_subject_sd for p in hierarchy.subject_effects],
        "treated_sd": [p.between_subject_sd for p in hierarchy.treated_effects],
        "occasion_sd": [p.between_occasion_sd for p in hierarchy.occasion_effects],
        "subject_log_sd": [p.between_subject_log_sd for p in table if p.between_subject_log_sd],
        "fixed_values": [
            24 * table["hepatic_blood_flow"].median,
            24 * table["message_turnover"].median,
            table["hill_exponent"].median,
            atra.sd,
        ],
        "drive": [drive.median, drive.population_sd, drive.lower],
        "exponent": [covariate.exponent, covariate.exponent_sd],
        "log_volume": np.asarray(
            arrays.regressors[covariate.regressor] * arrays.without[missing]
        ).tolist(),
        "dose_spread": np.asarray(arrays.sd_ratio[missing]).tolist(),
        "residual": [alc.sd, alc.sd_log_sd, alc.degrees_of_freedom, mdsc.sd, mdsc.sd_log_sd, 0.0],
        "edta": [effect.log_ratio, effect.log_ratio_sd],
        "stops": real.sum(axis=1).tolist(),
        "day": in_order(stops.day),
        "moves": moves.astype(int).tolist(),
        "is_dose": in_order(stops.is_dose.astype(int)),
        "opens": in_order(stops.opens.astype(int)),
        "lane": in_order(stops.lane + 1),
        "amount": in_order(stops.amount),
        "immune_dose": in_order(stops.immune_dose),
        "share": in_order(stops.share),
        "first_day": stops.first_day.tolist(),
        "first_lane": (stops.first_lane + 1).tolist(),
        "R": len(rows),
        "quantity": quantity,
        "patient": patient,
        "stop_of": stop_of,
        "below": below,
        "tube": tube,
        "log_value": log_value,
    }
