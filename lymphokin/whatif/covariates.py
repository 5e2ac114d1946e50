"""Covariates that a model declares and that no field of the patient holds.

Some change within a patient: a what-if holds each at one value. Others are words that stay, such as
a centre, which the model has an effect for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lymphokin.model import CategoryCovariate, Model
from lymphokin.pages.messages import Message, say
from lymphokin.quantities import VaryingCovariate
from lymphokin.solve.treatment import Changes
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.refused import FieldError


class CovariateError(FieldError):
    """A site that is not known, or covariates that the model does not read or not so."""


def categories(model: Model) -> dict[str, tuple[str, ...]]:
    """Words of each constant covariate that the patient has no field for; the reference first."""
    found: dict[str, dict[str, None]] = {}
    for effect in (c for p in model.table for c in p.covariates):
        if isinstance(effect, CategoryCovariate) and effect.column not in Patient.model_fields:
            words = found.setdefault(effect.column.upper(), {effect.reference: None})
            words[effect.category] = None
    return {name: tuple(words) for name, words in found.items()}


def when_nothing_is_stated(model: Model) -> tuple[tuple[str, float], ...]:
    """What the model takes each covariate that changes for, until one is stated."""
    return tuple((name, known.missing) for name, known in model.table.varying.items())


def known_to(model: Model, patient: Patient) -> Patient:
    """The patient as far as a model knows the covariates, with what it takes the others for."""
    stated, known = dict(patient.covariates), categories(model)
    words = ((name, stated[name]) for name in known if name in stated)
    held_at = ((name, stated.get(name, missing)) for name, missing in when_nothing_is_stated(model))
    return patient.model_copy(update={"covariates": (*held_at, *words)})


def held(patient: Patient, model: Model) -> dict[str, Changes]:
    """Covariates that change in the model, each held at what is stated of the patient.

    Raises:
        CovariateError: when one is not stated, or not known, or its value cannot be.
    """
    if problems := list(_problems(dict(patient.covariates), model)):
        raise CovariateError(problems)
    none, stated = np.zeros(0), dict(patient.covariates)
    return {name: Changes(none, none, float(stated[name])) for name in model.table.varying}


def _problems(stated: dict[str, float | str], model: Model) -> Iterator[tuple[str, Message]]:
    """What is wrong with the covariates of a patient, with its field."""
    words = categories(model)
    for name, known in model.table.varying.items():
        if problem := _of_number(stated.get(name), known):
            yield f"patient.covariates.{name}", problem
    for name, choices in words.items():
        if name in stated and stated[name] not in choices:
            yield f"patient.covariates.{name}", say("error.category", known=list(choices))
    readable = [*model.table.varying, *words]
    for name in stated.keys() - set(readable):
        known = readable or say("error.no_covariates")
        yield f"patient.covariates.{name}", say("error.covariate", model=model.name, known=known)


def _of_number(value: float | str | None, known: VaryingCovariate) -> Message | None:
    if isinstance(value, float) and known.lowest <= value <= known.highest:
        return None
    found = value if isinstance(value, float) else say("error.no_number")
    limits = {"low": known.lowest, "high": known.highest, "unit": known.unit}
    return say("error.held", found=found, **limits)
