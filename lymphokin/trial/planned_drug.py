"""Which of a model's drugs the treated arm of a trial gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lymphokin.model import Model


def planned_drug(model: Model, plan: Mapping[str, Any]) -> str:
    """The drug that a design names, or the only one of its model; empty where it takes none.

    Args:
        model: whose patients are treated.
        plan: the ``[design]`` table.

    Raises:
        ValueError: when the model does not take it, or takes several and none is named.
    """
    known, named = list(model.drugs), plan.get("drug")
    if named is None and len(known) < 2:
        return known[0] if known else ""
    if named not in known:
        takes = ", ".join(known) or "none"
        raise ValueError(
            f"design.drug: found {named or 'nothing'}, expected a drug of model {model.name}: "
            f"{takes}"
        )
    return str(named)
