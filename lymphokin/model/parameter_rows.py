"""The entry of a parameter in a table: what may stand there, and what goes with what."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lymphokin.model.covariates import CategoryCovariate, PowerCovariate
from lymphokin.model.entry import CERTAINTIES, Entry
from lymphokin.model.parameters import Parameter

TRANSFORMS = ("log", "logit", "identity", "above", "between")
PRIORS = ("normal", "truncated_normal", "half_normal", "half_cauchy", "uniform", "log_uniform")
HALF_NORMAL_MEDIAN = 0.6744897501960817
"""Of a scale of 1: the upper quartile of a normal."""
PARAMETRISATIONS = ("non-centred", "centred")
RANDOM_EFFECTS = ("normal", "student_t")
COVARIATE_FORMS = ("power", "category")

_SDS = (
    "population_sd",
    "between_subject_sd",
    "between_subject_log_sd",
    "between_occasion_sd",
    "between_lesion_sd",
    "between_lesion_log_sd",
    "outside_effect_sd",
)
_TEXTS = ("symbol", "meaning", "unit", "source", "doi", "acts_as_product_with", "only_without")
_NEEDED = ("symbol", "meaning", "unit", "transform", "median", "certainty", "source")
_TIME = re.compile(
    r"s|sec(onds?)?|min(utes?|s)?|h(ou)?rs?|h|d(ays?)?|w(ee)?ks?|mo(nths?)?|y(ea)?rs?|y",
    re.IGNORECASE,
)


def parameter_of(name: str, raw: Any, problems: list[str]) -> Parameter | None:
    """The parameter of an entry; None, with every problem added, when anything is wrong."""
    entry = Entry(f"parameters.{name}", raw, problems)
    covariates = tuple(
        covariate
        for column, effect in entry.parts("covariates").items()
        for covariate in _covariates(entry.where, column, effect, problems)
    )
    known = {f.name for f in fields(Parameter)} - {"name", "covariates"}
    _known_value(entry)
    entry.choice("prior", PRIORS)
    _prior_of_its_own(entry)
    entry.keys(known, _NEEDED)
    entry.choice("transform", TRANSFORMS)
    entry.choice("random_effect", RANDOM_EFFECTS)
    entry.choice("parametrisation", PARAMETRISATIONS)
    entry.choice("lesion_parametrisation", PARAMETRISATIONS)
    entry.choice("certainty", CERTAINTIES)
    entry.texts(*_TEXTS)
    entry.not_negative(*_SDS)
    _check_unit(entry)
    _check_median(entry)
    _check_random_effect(entry)
    _check_lesions(entry)
    if not entry.sound:
        return None
    return Parameter(name=name, covariates=covariates, **entry.raw)


def _known_value(entry: Entry) -> None:
    """A value that is known is simply written: ``value`` stands for median and transform."""
    if "value" not in entry.raw:
        return
    others = ("median", "transform", "prior", "certainty", *_SDS)
    for key in others:
        if key in entry.raw:
            entry.refuse(f"value says that it is known: leave {key} out")
    entry.raw["median"] = entry.number("value")
    entry.raw.pop("value")
    entry.raw |= {"transform": "identity", "certainty": "fixed"}


def _prior_of_its_own(entry: Entry) -> None:
    """Priors that are given by a scale or bounds, from which median and spread follow."""
    prior = entry.raw.get("prior")
    scaled = prior in ("half_normal", "half_cauchy")
    bounded = prior in ("uniform", "log_uniform")
    if "scale" in entry.raw and not scaled:
        entry.refuse("scale is only for prior half_normal or half_cauchy")
        entry.raw.pop("scale")
    if not scaled and not bounded:
        return
    needed = ("scale",) if scaled else ("lower", "upper")
    for key in ("median", "population_sd"):
        if entry.raw.pop(key, None) is not None:
            entry.refuse(f"prior {prior} has no {key}: expected {' and '.join(needed)}")
    allowed = ("log", "identity") if scaled else ("log", "identity", "logit", "between")
    if entry.raw.get("transform") not in (None, *allowed):
        entry.refuse(f"prior {prior} needs transform {' or '.join(allowed)}")
    values = {key: entry.number(key) for key in needed}
    for key, value in values.items():
        if value is None:
            entry.refuse(f"prior {prior} needs {key}")
    entry.raw |= {"median": 1.0, "population_sd": 1.0}
    if None in values.values():
        return
    if scaled:
        scale = float(entry.raw.pop("scale"))
        if scale <= 0:
            entry.refuse(f"scale must be above 0, not {scale}")
        median = scale * (HALF_NORMAL_MEDIAN if prior == "half_normal" else 1.0)
        entry.raw |= {"median": median, "population_sd": scale}
        return
    lower, upper = float(entry.raw["lower"]), float(entry.raw["upper"])
    if lower >= upper or (prior == "log_uniform" and lower <= 0):
        above = " above 0" if prior == "log_uniform" else ""
        entry.refuse(f"prior {prior} needs lower{above} below upper, not {lower} and {upper}")
        return
    middle = math.sqrt(lower * upper) if prior == "log_uniform" else 0.5 * (lower + upper)
    entry.raw |= {"median": middle, "population_sd": (upper - lower) / math.sqrt(12)}


def _check_unit(entry: Entry) -> None:
    """Time stands in a unit as h, d, .../h or .../d: what is converted to model units."""
    unit = entry.raw.get("unit")
    if not isinstance(unit, str) or unit in ("h", "d"):
        return
    times = [word for word in re.findall(r"[A-Za-z]+", unit) if _TIME.fullmatch(word)]
    if times and not (len(times) == 1 and unit.endswith(("/h", "/d"))):
        entry.refuse(f"unit {unit!r} must give time as h or d: alone, or as .../h or .../d")
    else:
        entry.known_unit()


def _check_median(entry: Entry) -> None:
    """The median and the bounds lie where the transform and the prior are defined."""
    median, lower, upper = (entry.number(key) for key in ("median", "lower", "upper"))
    transform = entry.raw.get("transform")
    if transform == "above" and "lower" not in entry.raw:
        entry.refuse("transform above needs lower")
    if transform == "between" and upper is None:
        entry.refuse("transform between needs upper, and lower unless that is 0")
    if median is not None:
        if transform == "log" and median <= 0:
            entry.refuse(f"median must be above 0 for transform log, not {median}")
        if transform == "logit" and not 0 < median < 1:
            entry.refuse(f"median must be between 0 and 1 for transform logit, not {median}")
        if transform == "above" and lower is not None and median <= lower:
            entry.refuse(f"median must be above lower ({lower}), not {median}")
        if transform == "between" and upper is not None and not (lower or 0.0) < median < upper:
            bounds = f"lower ({lower or 0.0}) and upper ({upper})"
            entry.refuse(f"median must be between {bounds}, not {median}")
    if entry.raw.get("prior") == "truncated_normal":
        if not entry.raw.get("population_sd"):
            entry.refuse("prior truncated_normal needs population_sd")
        if transform in ("logit", "between") or (
            transform == "log" and lower is not None and lower < 0
        ):
            entry.refuse("prior truncated_normal reaches beyond what the transform can take")


def _check_random_effect(entry: Entry) -> None:
    """Student's t has an SD, and is bent from a latent of the subject's own."""
    df = entry.number("degrees_of_freedom")
    if entry.raw.get("random_effect") != "student_t":
        if df is not None:
            entry.refuse("degrees_of_freedom is only for random_effect student_t")
        return
    if df is None or df <= 2:
        found = "it is missing" if df is None else f"not {df}"
        entry.refuse(f"random_effect student_t needs degrees_of_freedom above 2, {found}")
    if not entry.raw.get("between_subject_sd"):
        entry.refuse("random_effect student_t needs between_subject_sd")
    if entry.raw.get("parametrisation") == "centred":
        entry.refuse("random_effect student_t must be non-centred")


def _check_lesions(entry: Entry) -> None:
    """A spread between lesions lies on top of the subject's own value, whichever that is."""
    raw = entry.raw
    if raw.get("between_lesion_log_sd") and not raw.get("between_lesion_sd"):
        entry.refuse("between_lesion_log_sd needs between_lesion_sd")
    entry.number("outside_effect")
    for key in ("outside_effect", "outside_effect_sd"):
        if raw.get(key) and not raw.get("between_lesion_sd"):
            entry.refuse(f"{key} needs between_lesion_sd")
    if raw.get("lesion_parametrisation") and not raw.get("between_lesion_sd"):
        entry.refuse("lesion_parametrisation needs between_lesion_sd")
    if raw.get("between_lesion_sd") and raw.get("between_occasion_sd"):
        entry.refuse("between_lesion_sd and between_occasion_sd exclude each other")


def _covariates(
    where: str, column: str, raw: Any, problems: list[str]
) -> tuple[PowerCovariate | CategoryCovariate, ...]:
    entry = Entry(f"{where}.covariates.{column}", raw, problems)
    entry.choice("form", COVARIATE_FORMS)
    entry.texts("source")
    of_category = entry.raw.get("form") == "category"
    return (_levels if of_category else _power)(entry, column, problems)


def _power(entry: Entry, column: str, _: list[str]) -> tuple[PowerCovariate, ...]:
    needed = ("reference", "exponent", "exponent_sd")
    entry.keys((*needed, "form", "source"), needed)
    entry.positive("reference")
    entry.number("exponent")
    entry.not_negative("exponent_sd")
    return (PowerCovariate(column.lower(), **entry.raw),) if entry.sound else ()


def _levels(entry: Entry, column: str, problems: list[str]) -> tuple[CategoryCovariate, ...]:
    """The categories of a covariate, each with its effect over the reference."""
    effects = entry.parts("effects")
    entry.keys(("form", "reference", "source"), ("reference",))
    entry.texts("reference")
    reference = entry.raw.get("reference", "")
    if not effects:
        entry.refuse("effects is missing: per category but the reference its median and sd")
    if reference in effects:
        entry.refuse(f"the reference {reference!r} has an effect of its own")
    found = []
    for category, below in effects.items():
        own = Entry(f"{entry.where}.effects.{category}", below, problems)
        own.keys(("median", "sd"), ("median",))
        median = own.number("median")
        own.not_negative("sd")
        if own.sound and median is not None:
            sd, source = own.raw.get("sd", 0.0), entry.raw.get("source", "")
            found.append(CategoryCovariate(column.lower(), reference, category, median, sd, source))
    return tuple(found) if entry.sound else ()


def check_products(raw: Mapping[str, Any], problems: list[str]) -> None:
    """A product is of two different parameters, both on the log scale."""
    for name, entry in raw.items():
        partner = entry.get("acts_as_product_with") if isinstance(entry, Mapping) else None
        if not partner or not isinstance(partner, str):
            continue
        where = f"parameters.{name}: acts_as_product_with"
        if partner == name:
            problems.append(f"{where} names the parameter itself")
        elif partner not in raw:
            problems.append(f"{where} names {partner!r}, which is not in the table")
        else:
            both = [(one, raw[one]) for one in (name, partner) if isinstance(raw[one], Mapping)]
            problems += [
                f"{where} {partner!r} needs transform log of {one}"
                for one, keys in both
                if keys.get("transform") != "log"
            ]
            problems += [
                f"{where} {partner!r} needs a normal random effect of {one}"
                for one, keys in both
                if keys.get("random_effect", "normal") != "normal"
            ]
