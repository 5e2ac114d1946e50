"""The literature posterior as a parameter table: priors for a fit, moment-matched.

A table holds independent priors, so what the posterior says of parameters together (such as a fast
recovery or a shallow fall) is lost; the priors are then wider than the posterior, not narrower.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from lymphokin.files import write_text
from lymphokin.literature.kinetics import kinetic_studies_of
from lymphokin.literature.studies import STUDIES_FILE
from lymphokin.model import Model, shipped_models
from lymphokin.population import Hierarchy, Quantity
from lymphokin.population.draws import PopulationDraws

MOVED = 0.25
"""A quantity is written when its latent's mean or SD differs from the prior's by more than this."""


def model_with_prior(model: str, prior: str) -> str:
    """Name of the model that has the priors asked for.

    The priors of the literature are a model file of their own, MODEL_literature, so that a run says
    by its model's name, and its report by each parameter's source, where its priors come from.

    Raises:
        ValueError: for another word than "table" or "literature", or a model without such a file.
    """
    if prior == "table":
        return model
    name = f"{model}_literature"
    if prior != "literature":
        raise ValueError(f"prior {prior!r}: expected table or literature")
    if name not in shipped_models():
        raise ValueError(
            f"prior 'literature': model {model} has no priors of the literature; calibrate it to "
            "published cohorts, and write its priors beside a model file "
            "(lymphokin.literature.calibrate, lymphokin.literature.prior.write_prior)"
        )
    return name


def _entry(model: Model, quantity: Quantity, mean: float, sd: float) -> tuple[str, dict[str, Any]]:
    """Section and keys of the table for a quantity whose latent is Normal(mean, sd)."""
    table = model.table
    if quantity.kind == "residual_sd":
        residual = table.residuals[quantity.key]
        centre = residual.sd * float(np.exp(residual.sd_log_sd * mean))
        return "residuals", {"sd": centre, "sd_log_sd": residual.sd_log_sd * sd}
    parameter = table[quantity.key]
    if quantity.kind == "between_subject_sd":
        log_sd = parameter.between_subject_log_sd
        centre = parameter.between_subject_sd * float(np.exp(log_sd * mean))
        return "parameters", {"between_subject_sd": centre, "between_subject_log_sd": log_sd * sd}
    centre = parameter.to_natural(parameter.typical(mean))
    spread = {"median": float(centre), "population_sd": parameter.population_sd * sd}
    return "parameters", {**spread, "source": _source(model), "certainty": "computed"}


def _source(model: Model) -> str:
    published = kinetic_studies_of(model)
    files = [Path(STUDIES_FILE).name, *([published.file] if published else [])]
    return f"Published cohorts ({', '.join(files)}), for a new study"


def prior_table(population: PopulationDraws) -> dict[str, Any]:
    """Parameter table that extends the model's with the posterior's medians and spreads.

    Only what the literature moved is in it. A parameter with a truncated prior keeps that.
    """
    model, z = population.model, population.z
    table: dict[str, Any] = {"extends": model.name}
    for i, quantity in enumerate(Hierarchy(model).quantities):
        mean, sd = float(z[:, i].mean()), float(z[:, i].std())
        truncated = quantity.kind == "typical" and model.table[quantity.key].prior != "normal"
        known = quantity.kind in ("typical", "between_subject_sd", "residual_sd")
        if truncated or not known or (abs(mean) < MOVED and abs(sd - 1) < MOVED):
            continue
        section, keys = _entry(model, quantity, mean, sd)
        rounded = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in keys.items()}
        table.setdefault(section, {}).setdefault(str(quantity.key), {}).update(rounded)
    return table


def write_prior(population: PopulationDraws, path: Path) -> None:
    """Write :func:`prior_table` to a TOML file; one that exists is replaced."""
    model = population.model.name
    head = (
        f"# Priors of {model} moved to what published cohorts say. Generated; do not edit:\n"
        f"# lymphokin calibrate --model {model} --prior {path.name}\n\n"
    )
    write_text(path, head + tomli_w.dumps(prior_table(population)))
