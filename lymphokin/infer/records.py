"""Records of a cohort by patient and day, and what draws of the latents say of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.infer.density import CohortDensity
from lymphokin.population.data import limit_of


def of_records(density: CohortDensity, x: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Per quantity ln predictions and log likelihoods of its records, both [draw, record].

    Per event ln of the cumulative hazard that has passed since the record before stands in the
    place of predictions.

    Quantified records come first, without padding; :func:`in_order` gives the places of the others.

    Args:
        density: the cohort.
        x: [draw, latent] flat latents.
    """
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for part in density.evaluate(x, density.arrays):
        for quantity, rows in density.packed.records.items():
            both = [
                np.concatenate(
                    [v[:, : len(r)] for v, r in zip(of[quantity], rows, strict=True)], axis=1
                )
                for of in (part.predictions, part.log_likelihood)
            ]
            parts.setdefault(quantity, []).append((both[0], both[1]))
        for event, rows in density.packed.events.items():
            terms = part.events[event]
            found = terms.log_passed[:, : len(rows)], terms.log_likelihood[:, : len(rows)]
            parts.setdefault(event, []).append(found)
    return {
        quantity: (np.concatenate([p for p, _ in found]), np.concatenate([v for _, v in found]))
        for quantity, found in parts.items()
    }


def log_predictions(density: CohortDensity, x: np.ndarray) -> dict[str, np.ndarray]:
    """[draw, record] ln predictions per quantity, as of :func:`of_records`."""
    return {quantity: predicted for quantity, (predicted, _) in of_records(density, x).items()}


def in_order(
    density: CohortDensity, quantified: pd.DataFrame, below: pd.DataFrame
) -> tuple[pd.DataFrame, np.ndarray]:
    """Records of one quantity by patient and day, and the place of each among the predictions."""
    patients = density.packed.cohort.patients
    table = pd.concat([quantified, below])
    columns = ["id", "day", "value", "lloq", "censored", "lower", "upper", "sd", "lesion"]
    table = table.assign(value=limit_of(table))[columns]
    bounded = (table["lower"] > 0).to_numpy()  # others are below one limit, or have a value
    table["lower"] = table["lower"].where(bounded)
    table["upper"] = table["upper"].where(bounded)
    table = table.assign(arm=table["id"].map(patients["arm"]))
    position = patients.index.get_indexer(table["id"].to_numpy())
    order = np.lexsort((table["lesion"], table["day"], position))
    return table.iloc[order].reset_index(drop=True), order
