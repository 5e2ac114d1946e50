"""Patients and schedules from TOML or JSON files, with every problem in one message."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from lymphokin.io.problems import BadInput, Problem
from lymphokin.sites import SiteTable
from lymphokin.whatif.limits import bad_input
from lymphokin.whatif.patient import SITES


def read_as[T: BaseModel](kind: type[T], path: Path, sites: SiteTable | None = None) -> T:
    """An input from a TOML or JSON file; with ``sites``, of a patient who has one of them.

    Raises:
        FileNotFoundError: when there is no such file.
        BadInput: listing everything that is wrong in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    text = path.read_text(encoding="utf-8")
    try:
        raw: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        kind_of_file = "JSON" if path.suffix == ".json" else "TOML"
        raise BadInput(
            [Problem(str(path), None, None, None, f"{kind_of_file} ({error})")]
        ) from None
    return checked(kind, raw, str(path), sites)


def checked[T: BaseModel](kind: type[T], raw: Any, where: str, sites: SiteTable | None = None) -> T:
    """An input from plain values, as of :func:`read_as`.

    Raises:
        BadInput: naming ``where``, with everything that is wrong.
    """
    try:
        return TypeAdapter(kind).validate_python(raw, context={SITES: sites})
    except ValidationError as error:
        raise bad_input(error, where) from None
