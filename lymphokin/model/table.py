"""Reads a parameter table from its TOML file, and refuses one with anything wrong in it.

``extends`` names another table, beside the file or shipped, from which entries are inherited; an
entry of one's own replaces single keys, ``remove = true`` takes the whole entry out.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from lymphokin.model.correlations import Correlations
from lymphokin.model.covariates import CategoryCovariate, PowerCovariate
from lymphokin.model.entry import Entry
from lymphokin.model.parameters import Parameter, ParameterTable, TableError
from lymphokin.model.residual import CategoryEffect, DelayEffect, Residual
from lymphokin.shipped import models_path

TRANSFORMS = ("log", "logit", "identity", "above", "between")
PRIORS = ("normal", "truncated_normal")
PARAMETRISATIONS = ("non-centred", "centred")
RANDOM_EFFECTS = ("normal", "student_t")
CATEGORIES_OF_RECORDS = ("TUBE", "CENTRE")
"""Columns whose categories may shift what is measured."""
DISTRIBUTIONS = ("student_t", "normal")
ERRORS = ("log_normal", "additive", "proportional", "combined")
COVARIATE_FORMS = ("power", "category")
CERTAINTIES = ("read", "computed", "proposed prior", "fixed")

_SDS = ("population_sd", "between_subject_sd", "between_subject_log_sd", "between_occasion_sd")
_TEXTS = ("symbol", "meaning", "unit", "source", "doi", "acts_as_product_with", "only_without")
_NEEDED = ("symbol", "meaning", "unit", "transform", "median", "certainty", "source")
_TIME = re.compile(
    r"s|sec(onds?)?|min(utes?|s)?|h(ou)?rs?|h|d(ays?)?|w(ee)?ks?|mo(nths?)?|y(ea)?rs?|y",
    re.IGNORECASE,
)


def _check_unit(entry: Entry) -> None:
    """Time stands in a unit as h, d, .../h or .../d: what is converted to model units."""
    unit = entry.raw.get("unit")
    if not isinstance(unit, str) or unit in ("h", "d"):
        return
    times = [word for word in re.findall(r"[A-Za-z]+", unit) if _TIME.fullmatch(word)]
    if times and not (len(times) == 1 and unit.endswith(("/h", "/d"))):
        entry.refuse(f"unit {unit!r} must give time as h or d: alone, or as .../h or .../d")


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


def _covariates(
    where: str, column: str, raw: Any, problems: list[str]
) -> tuple[PowerCovariate | CategoryCovariate, ...]:
    entry = Entry(f"{where}.covariates.{column}", raw, problems)
    entry.choice("form", COVARIATE_FORMS)
    entry.texts("source")
    return (_levels if entry.raw.get("form") == "category" else _power)(entry, column, problems)


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


def _parameter(name: str, raw: Any, problems: list[str]) -> Parameter | None:
    entry = Entry(f"parameters.{name}", raw, problems)
    covariates = tuple(
        covariate
        for column, effect in entry.parts("covariates").items()
        for covariate in _covariates(entry.where, column, effect, problems)
    )
    known = {f.name for f in fields(Parameter)} - {"name", "covariates"}
    entry.keys(known, _NEEDED)
    entry.choice("transform", TRANSFORMS)
    entry.choice("prior", PRIORS)
    entry.choice("random_effect", RANDOM_EFFECTS)
    entry.choice("parametrisation", PARAMETRISATIONS)
    entry.choice("certainty", CERTAINTIES)
    entry.texts(*_TEXTS)
    entry.not_negative(*_SDS)
    _check_unit(entry)
    _check_median(entry)
    _check_random_effect(entry)
    if not entry.sound:
        return None
    return Parameter(name=name, covariates=covariates, **entry.raw)


def _delay(entry: Entry) -> tuple[DelayEffect, ...]:
    words = ("source", "doi", "certainty")
    entry.keys((*words, "per_hour", "per_hour_sd"), ("per_hour",))
    entry.texts(*words)
    entry.number("per_hour")
    entry.not_negative("per_hour_sd")
    if not entry.sound:
        return ()
    raw = entry.raw
    return (DelayEffect(raw["per_hour"], raw.get("per_hour_sd", 0.0), raw.get("source", "")),)


def _record_effects(
    where: str, column: str, raw: Any, problems: list[str]
) -> tuple[CategoryEffect | DelayEffect, ...]:
    entry = Entry(f"{where}.covariates.{column}", raw, problems)
    if column == "DELAY":
        return _delay(entry)
    if column not in CATEGORIES_OF_RECORDS:
        entry.refuse(f"expected DELAY or one of {', '.join(CATEGORIES_OF_RECORDS)}")
        return ()
    words = ("reference", "source", "doi", "certainty")
    numbers = [key for key in entry.raw if key not in words]
    categories = [key for key in numbers if not key.endswith("_sd")]
    sds = [f"{category}_sd" for category in categories]
    entry.keys((*words, *categories, *sds), ("reference",))
    entry.texts(*words)
    for category in categories:
        entry.number(category)
    entry.not_negative(*sds)
    if not categories:
        entry.refuse("no category with its log-ratio to the reference")
    if not entry.sound:
        return ()
    return tuple(
        CategoryEffect(
            column.lower(),
            entry.raw["reference"],
            category,
            entry.raw[category],
            entry.raw.get(f"{category}_sd", 0.0),
            entry.raw.get("source", ""),
        )
        for category in categories
    )


def _residual(quantity: str, raw: Any, problems: list[str]) -> Residual | None:
    entry = Entry(f"residuals.{quantity}", raw, problems)
    effects = tuple(
        effect
        for column, below in entry.parts("covariates").items()
        for effect in _record_effects(entry.where, column, below, problems)
    )
    known = {f.name for f in fields(Residual)} - {"quantity", "effects"}
    entry.keys((*known, "scale"), ("distribution", "sd", "certainty"))
    entry.choice("distribution", DISTRIBUTIONS)
    entry.choice("error", ERRORS)
    _check_scale(entry)
    entry.choice("certainty", CERTAINTIES)
    entry.texts("source", "doi")
    entry.positive("sd", "proportional_sd", "degrees_of_freedom")
    entry.not_negative("sd_log_sd", "proportional_sd_log_sd")
    if entry.raw.get("distribution") == "student_t" and "degrees_of_freedom" not in entry.raw:
        entry.refuse("distribution student_t needs degrees_of_freedom")
    if not entry.sound:
        return None
    entry.raw.pop("scale", None)
    return Residual(quantity=quantity, effects=effects, **entry.raw)


def _check_scale(entry: Entry) -> None:
    """The scale follows from the error; a combined error has two SDs, the others one."""
    error = entry.raw.get("error", "log_normal")
    scale = "log" if error == "log_normal" else "natural"
    if entry.raw.get("scale", scale) != scale:
        entry.refuse(f"scale must be {scale} for error {error}, not {entry.raw['scale']!r}")
    if error == "combined" and "proportional_sd" not in entry.raw:
        entry.refuse("error combined needs proportional_sd")
    for key in ("proportional_sd", "proportional_sd_log_sd"):
        if error != "combined" and key in entry.raw:
            entry.refuse(f"{key} is only for error combined")


def _correlations(
    name: str, raw: Any, rows: Mapping[str, Any], problems: list[str]
) -> Correlations | None:
    entry = Entry(f"correlations.{name}", raw, problems)
    known = {f.name for f in fields(Correlations)} - {"name"}
    entry.keys(known, ("parameters", "source", "certainty"))
    entry.choice("certainty", CERTAINTIES)
    entry.texts("source", "doi")
    entry.positive("lkj")
    if ("lkj" in entry.raw) == ("fixed" in entry.raw):
        entry.refuse("needs either lkj, the shape of its prior, or fixed, the correlations")
    group = entry.raw.get("parameters", [])
    if not isinstance(group, list) or len(group) < 2 or len(set(map(str, group))) < len(group):
        entry.refuse(f"parameters must be a list of two or more names, not {group!r}")
        group = []
    partners = {r.get("acts_as_product_with") for r in rows.values() if isinstance(r, Mapping)}
    for parameter in group:
        row = rows.get(parameter) if isinstance(parameter, str) else None
        if not isinstance(row, Mapping):
            entry.refuse(f"names {parameter!r}, which is not in the table")
            continue
        if not row.get("between_subject_sd"):
            entry.refuse(f"{parameter} needs between_subject_sd")
        if row.get("parametrisation") == "centred":
            entry.refuse(f"{parameter} must be non-centred")
        if row.get("acts_as_product_with") or parameter in partners:
            entry.refuse(f"{parameter} acts as a product with another parameter")
    if not entry.sound:
        return None
    fixed = entry.raw.pop("fixed", None)
    entry.raw["parameters"] = tuple(group)
    found = Correlations(name=name, **entry.raw)
    return found if fixed is None else _with_fixed(entry, found, fixed)


def _with_fixed(entry: Entry, group: Correlations, fixed: Any) -> Correlations | None:
    """The group with correlations that are known, which must make a correlation matrix."""
    values = tuple(fixed) if isinstance(fixed, list) else ()
    if len(values) == len(group.pairs) and all(isinstance(v, int | float) for v in values):
        found = replace(group, fixed=values)
        if np.linalg.eigvalsh(found.matrix).min() > 0:
            return found
    entry.refuse(
        f"fixed must be the {len(group.pairs)} correlation(s) below the diagonal, row by row, of a "
        f"positive definite matrix, not {fixed!r}"
    )
    return None


def _check_groups(groups: Mapping[str, Correlations | None], problems: list[str]) -> None:
    """A parameter is in one group only."""
    counted = Counter(p for group in groups.values() if group for p in group.parameters)
    problems += [
        f"correlations: {name} is in more than one group" for name, n in counted.items() if n > 1
    ]


def _check_products(raw: Mapping[str, Any], problems: list[str]) -> None:
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


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        if isinstance(value, dict) and value.get("remove"):
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TableError(f"{path.name}: {error}") from error


def table_files(path: Path) -> tuple[Path, ...]:
    """The file of a table and those of the tables it extends, its own first.

    Raises:
        TableError: when one cannot be read, or extends itself.
    """
    files = [path.resolve()]
    while parent := _toml(files[-1]).get("extends"):
        if not isinstance(parent, str):
            raise TableError(f"{files[-1].name}: extends must name a table, not {parent!r}")
        beside = files[-1].with_name(f"{parent}.toml")
        table = (beside if beside.is_file() else models_path() / beside.name).resolve()
        if table in files:
            circle = " extends ".join(file.name for file in (*files, table))
            raise TableError(f"{path.name}: a table cannot extend itself: {circle}")
        if not table.is_file():
            raise TableError(
                f"{files[-1].name}: extends {parent!r}, but there is no {table.name} beside it or "
                "among the shipped models"
            )
        files.append(table)
    return tuple(files)


def merged_table(path: Path) -> dict[str, Any]:
    """The entries of a table and of those that it extends, as one table that extends none.

    Raises:
        TableError: when a file cannot be read.
    """
    raw: dict[str, Any] = {}
    for file in reversed(table_files(path)):
        raw = _merge(raw, _toml(file))
    raw.pop("extends", None)
    return raw


def read_table(path: Path) -> ParameterTable:
    """Read a parameter table.

    Raises:
        TableError: with every problem of the file in one message.
    """
    raw = merged_table(path)
    problems: list[str] = []
    top = Entry("table", raw, problems)
    rows, scatter = top.parts("parameters"), top.parts("residuals")
    together = top.parts("correlations")
    top.keys((), ())
    parameters = {name: _parameter(name, entry, problems) for name, entry in rows.items()}
    residuals = {name: _residual(name, entry, problems) for name, entry in scatter.items()}
    correlations = {
        name: _correlations(name, entry, rows, problems) for name, entry in together.items()
    }
    _check_products(rows, problems)
    _check_groups(correlations, problems)
    if problems:
        raise TableError(f"{path.name}: " + "; ".join(problems))
    return ParameterTable(
        {name: parameter for name, parameter in parameters.items() if parameter is not None},
        {name: residual for name, residual in residuals.items() if residual is not None},
        {name: group for name, group in correlations.items() if group is not None},
    )
