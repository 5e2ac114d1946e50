"""Whether a model shows what an endpoint is about."""

from __future__ import annotations

from lymphokin.endpoints.declared import Endpoint
from lymphokin.model import Model, ModelError


def followed_by_days(model: Model) -> list[str]:
    """Quantities that a model follows by days and has a residual of."""
    outputs = {name for block in model.on_clock("days") for name in block.shows}
    return [quantity for quantity in model.table.residuals if quantity in outputs]


def require_quantity(model: Model, endpoint: Endpoint) -> None:
    """Refuse an endpoint of a curve, or a fold, whose quantity a model does not follow.

    Only a fold is of lesions, which it adds up.

    Raises:
        ModelError: saying what was found, and what was expected.
    """
    where, name, known = f"endpoint {endpoint.name}", endpoint.quantity, followed_by_days(model)
    if not endpoint.of_fold:
        known = [quantity for quantity in known if quantity not in model.lesion_outputs]
    if name not in known:
        whose = "" if endpoint.of_fold else " of the patient"
        has = f"what model {model.name} shows by days{whose} and has a residual of"
        raise ModelError(
            f"{where}: found quantity {name}, expected {has}: {', '.join(known) or 'nothing'}"
        )
    if endpoint.of_fold and (name in model.lesion_outputs) != (endpoint.lesions is not None):
        lesions = "irradiated or outside" if endpoint.lesions is None else "left out"
        whose = "every lesion" if endpoint.lesions is None else "the patient"
        raise ModelError(f"{where}: expected lesions {lesions}, as {name} is of {whose}")
