"""What a cohort says nothing about, which its report and its checks leave out."""

from __future__ import annotations

from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.model.acting import drug_parameters
from lymphokin.population.quantities import Quantity, sampled_quantities


def untouched_parameters(model: Model, cohort: Cohort) -> frozenset[str]:
    """Name the parameters of the drug where nobody got it."""
    return frozenset() if len(cohort.doses) else drug_parameters(model)


def untouched_quantities(model: Model, cohort: Cohort) -> list[str]:
    """Name the quantities of the drug where nobody got it, and of assays without a sample.

    Their posterior is their prior.
    """
    drug = untouched_parameters(model, cohort)
    seen = cohort.observations.loc[cohort.observations["value"].notna(), "quantity"]
    return [q.name for q in sampled_quantities(model) if _is_untouched(q, model, drug, set(seen))]


def _is_untouched(quantity: Quantity, model: Model, drug: frozenset[str], seen: set[str]) -> bool:
    match quantity.kind:
        case "residual_sd" | "proportional_sd":
            return quantity.key not in seen
        case "log_ratio":
            return quantity.key[0] not in seen
        case "correlation":
            group = model.table.correlations[quantity.key[0]].parameters
            return set(group) <= drug
        case "covariate":
            return quantity.key[0] in drug
        case _:
            return quantity.key in drug
