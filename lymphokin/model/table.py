"""Reads a parameter table from its TOML file, and refuses one with anything wrong in it.

``extends`` names another table, beside the file or shipped, from which entries are inherited; an
entry of one's own replaces single keys, ``remove = true`` takes the whole entry out.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lymphokin.model.parameters import (
    CategoryEffect,
    Parameter,
    ParameterTable,
    PowerCovariate,
    Residual,
    TableError,
)
from lymphokin.shipped import models_path

TRANSFORMS = ("log", "logit", "identity", "above", "between")
PRIORS = ("normal", "truncated_normal")
PARAMETRISATIONS = ("non-centred", "centred")
DISTRIBUTIONS = ("student_t", "normal")
ERRORS = ("log_normal", "additive", "proportional", "combined")
CERTAINTIES = ("read", "computed", "proposed prior", "fixed")

_SDS = ("population_sd", "between_subject_sd", "between_subject_log_sd", "between_occasion_sd")
_TEXTS = ("symbol", "meaning", "unit", "source", "doi", "acts_as_product_with", "only_without")
_NEEDED = ("symbol", "meaning", "unit", "transform", "median", "certainty", "source")
_TIME = re.compile(
    r"s|sec(onds?)?|min(utes?|s)?|h(ou)?rs?|h|d(ays?)?|w(ee)?ks?|mo(nths?)?|y(ea)?rs?|y",
    re.IGNORECASE,
)


class _Entry:
    """One entry of the table; every check that fails adds to the problems of the file."""

    def __init__(self, where: str, raw: Any, problems: list[str]) -> None:
        self.where = where
        self.raw: dict[str, Any] = dict(raw) if isinstance(raw, Mapping) else {}
        self._all = problems
        self._before = len(problems)
        if not isinstance(raw, Mapping):
            self.refuse(f"must be a table of keys, not {raw!r}")

    @property
    def sound(self) -> bool:
        """Whether nothing was wrong so far."""
        return len(self._all) == self._before

    def refuse(self, problem: str) -> None:
        self._all.append(f"{self.where}: {problem}")

    def parts(self, key: str) -> dict[str, Any]:
        """Take out the entries below ``key``."""
        below = self.raw.pop(key, {})
        if isinstance(below, Mapping):
            return dict(below)
        self.refuse(f"{key} must be a table of keys, not {below!r}")
        return {}

    def keys(self, known: Collection[str], needed: Collection[str]) -> None:
        for key in sorted(set(self.raw) - set(known)):
            self.refuse(f"unknown key {key!r}")
        for key in needed:
            if key not in self.raw:
                self.refuse(f"{key} is missing")

    def choice(self, key: str, allowed: tuple[str, ...]) -> None:
        if key in self.raw and self.raw[key] not in allowed:
            names = f"{', '.join(allowed[:-1])} or {allowed[-1]}" if allowed[1:] else allowed[0]
            self.refuse(f"{key} must be {names}, not {self.raw[key]!r}")

    def texts(self, *keys: str) -> None:
        for key in keys:
            if not isinstance(self.raw.get(key, ""), str):
                self.refuse(f"{key} must be text, not {self.raw[key]!r}")

    def number(self, key: str) -> float | None:
        """The finite number at ``key``; None if there is none, which is refused if it is else."""
        value = self.raw.get(key)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            self.refuse(f"{key} must be a finite number, not {value!r}")
            return None
        return value

    def positive(self, *keys: str) -> None:
        for key in keys:
            if (value := self.number(key)) is not None and value <= 0:
                self.refuse(f"{key} must be above 0, not {value}")

    def not_negative(self, *keys: str) -> None:
        for key in keys:
            if (value := self.number(key)) is not None and value < 0:
                self.refuse(f"{key} must not be negative, but is {value}")


def _check_unit(entry: _Entry) -> None:
    """Time stands in a unit as h, d, .../h or .../d: what is converted to model units."""
    unit = entry.raw.get("unit")
    if not isinstance(unit, str) or unit in ("h", "d"):
        return
    times = [word for word in re.findall(r"[A-Za-z]+", unit) if _TIME.fullmatch(word)]
    if times and not (len(times) == 1 and unit.endswith(("/h", "/d"))):
        entry.refuse(f"unit {unit!r} must give time as h or d: alone, or as .../h or .../d")


def _check_median(entry: _Entry) -> None:
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


def _power(where: str, column: str, raw: Any, problems: list[str]) -> PowerCovariate | None:
    entry = _Entry(f"{where}.covariates.{column}", raw, problems)
    needed = ("reference", "exponent", "exponent_sd")
    entry.keys((*needed, "form", "source"), needed)
    entry.choice("form", ("power",))
    entry.texts("source")
    entry.positive("reference")
    entry.number("exponent")
    entry.not_negative("exponent_sd")
    return PowerCovariate(column.lower(), **entry.raw) if entry.sound else None


def _parameter(name: str, raw: Any, problems: list[str]) -> Parameter | None:
    entry = _Entry(f"parameters.{name}", raw, problems)
    covariates = [
        _power(entry.where, column, effect, problems)
        for column, effect in entry.parts("covariates").items()
    ]
    known = {f.name for f in fields(Parameter)} - {"name", "covariates"}
    entry.keys(known, _NEEDED)
    entry.choice("transform", TRANSFORMS)
    entry.choice("prior", PRIORS)
    entry.choice("parametrisation", PARAMETRISATIONS)
    entry.choice("certainty", CERTAINTIES)
    entry.texts(*_TEXTS)
    entry.not_negative(*_SDS)
    _check_unit(entry)
    _check_median(entry)
    if not entry.sound:
        return None
    sound = tuple(effect for effect in covariates if effect is not None)
    return Parameter(name=name, covariates=sound, **entry.raw)


def _categories(
    where: str, column: str, raw: Any, problems: list[str]
) -> tuple[CategoryEffect, ...]:
    entry = _Entry(f"{where}.covariates.{column}", raw, problems)
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
    entry = _Entry(f"residuals.{quantity}", raw, problems)
    effects = tuple(
        effect
        for column, below in entry.parts("covariates").items()
        for effect in _categories(entry.where, column, below, problems)
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


def _check_scale(entry: _Entry) -> None:
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
            problems += [
                f"{where} {partner!r} needs transform log of {one}"
                for one in (name, partner)
                if isinstance(raw[one], Mapping) and raw[one].get("transform") != "log"
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


def read_table(path: Path) -> ParameterTable:
    """Read a parameter table.

    Raises:
        TableError: with every problem of the file in one message.
    """
    raw: dict[str, Any] = {}
    for file in reversed(table_files(path)):
        raw = _merge(raw, _toml(file))
    raw.pop("extends", None)
    problems: list[str] = []
    top = _Entry("table", raw, problems)
    rows, scatter = top.parts("parameters"), top.parts("residuals")
    top.keys((), ())
    parameters = {name: _parameter(name, entry, problems) for name, entry in rows.items()}
    residuals = {name: _residual(name, entry, problems) for name, entry in scatter.items()}
    _check_products(rows, problems)
    if problems:
        raise TableError(f"{path.name}: " + "; ".join(problems))
    return ParameterTable(
        {name: parameter for name, parameter in parameters.items() if parameter is not None},
        {name: residual for name, residual in residuals.items() if residual is not None},
    )
