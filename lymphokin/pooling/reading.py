"""Reads the factors of sites, and refuses what is damaged, changed or of another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from lymphokin.files import AnyPath
from lymphokin.io import BadInput
from lymphokin.io.problems import Problem
from lymphokin.model import Model
from lymphokin.pooling.site import FEWEST, SiteFactor
from lymphokin.population.hierarchy import Hierarchy

LEAST_SITES = 2
LEAST_EIGENVALUE = -1e-5
"""Of a precision, over the largest or 1: what lies below is not the rounding to six digits."""


def read_sites(paths: Sequence[AnyPath]) -> dict[str, SiteFactor]:
    """Factors by the name of their file.

    Raises:
        BadInput: with everything that is wrong with any of the files.
        FileNotFoundError: when there is no such file.
    """
    found: dict[str, SiteFactor] = {}
    problems: list[Problem] = []
    for path in map(Path, paths):
        try:
            factor = SiteFactor.model_validate_json(path.read_bytes())
        except pydantic.ValidationError as error:
            problems += [_problem(str(path), e) for e in error.errors()]
            continue
        wrong = _wrong(str(path), factor)
        problems += wrong
        if str(path) in found:
            problems.append(Problem(str(path), None, None, "twice", "each file once"))
        found[str(path)] = factor
    if problems:
        raise BadInput(problems)
    return found


def _problem(file: str, error: Any) -> Problem:
    where = ".".join(map(str, error["loc"])) or None
    value = None if error["type"] in ("missing", "json_invalid") else str(error["input"])
    message = error["msg"][0].lower() + error["msg"][1:]
    expected = f"a site's factor as lymphokin writes it ({message})"
    return Problem(file, None, where, value, expected)


def _wrong(file: str, factor: SiteFactor) -> list[Problem]:
    """What is wrong with a factor that has the right form."""
    if factor.content_sha256() != factor.sha256:
        expected = "the hash of the rest of the file: it is damaged, or somebody changed it"
        return [Problem(file, None, "sha256", factor.sha256, expected)]
    found = []
    if factor.patients < FEWEST:
        expected = f"at least {FEWEST} patients behind a factor"
        found.append(Problem(file, None, "patients", str(factor.patients), expected))
    size = len(factor.quantities)
    lengths = {len(factor.score), len(factor.precision), *map(len, factor.precision)}
    if lengths != {size}:
        expected = f"{size} numbers and rows, one per quantity"
        value = ", ".join(map(str, sorted(lengths)))
        return [*found, Problem(file, None, "score, precision", value, expected)]
    precision = np.asarray(factor.precision)
    if not (np.isfinite(precision).all() and np.isfinite(factor.score).all()):
        expected = "finite numbers"
        return [*found, Problem(file, None, "score, precision", "others", expected)]
    values = np.linalg.eigvalsh(precision)
    least = LEAST_EIGENVALUE * max(float(values[-1]), 1.0)
    if not np.allclose(precision, precision.T) or values[0] < least:
        expected = "a symmetric matrix without negative eigenvalues"
        found.append(Problem(file, None, "precision", f"{values[0]:.3g}", expected))
    return found


def refuse_unfit(sites: Mapping[str, SiteFactor], model: Model) -> None:
    """Refuse factors that are not of a model as it is here, one alone, and the same site twice.

    Args:
        sites: by the name of their file.
        model: the model here.

    Raises:
        BadInput: with everything that is wrong.
    """
    problems = [p for file, factor in sites.items() for p in _of_another(file, factor, model)]
    if len(sites) < LEAST_SITES:
        expected = f"the factors of at least {LEAST_SITES} sites: of one there is nothing to pool"
        problems.append(
            Problem(next(iter(sites), "no file"), None, None, str(len(sites)), expected)
        )
    for (_, first), (file, second) in combinations(sites.items(), 2):
        if set(first.tables_sha256) & set(second.tables_sha256) or first.sha256 == second.sha256:
            expected = f"other patients than those of {first.site}: it is of the same event table"
            problems.append(Problem(file, None, "tables_sha256", second.site, expected))
        elif first.site == second.site:
            expected = "a name of its own for every site"
            problems.append(Problem(file, None, "site", second.site, expected))
    if problems:
        raise BadInput(problems)


def _of_another(file: str, factor: SiteFactor, model: Model) -> list[Problem]:
    if factor.model_sha256 != model.sha256:
        expected = (
            f"a factor of model {model.name} as it is here (hash {model.sha256[:12]}): export the "
            "site again with this version"
        )
        value = f"{factor.model}, hash {factor.model_sha256[:12]}, of {factor.lymphokin_version}"
        return [Problem(file, None, "model_sha256", value, expected)]
    names = Hierarchy(model).population_names
    if factor.quantities != names:
        expected = f"a fit in which nothing is fixed, of {', '.join(names)}"
        return [Problem(file, None, "quantities", ", ".join(factor.quantities), expected)]
    return []
