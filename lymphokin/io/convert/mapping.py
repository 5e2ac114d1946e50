"""How a study's files name things: a TOML file over defaults for standard names."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lymphokin.io.convert.mapping_defaults import DEFAULTS, MEASURED, OWN_DRUG, Mapping
from lymphokin.io.number_format import NumberFormat, StatedFormat
from lymphokin.io.problems import Findings
from lymphokin.plausible import checked_reasons
from lymphokin.quantities import DRUG

_FREE = ("rename", "units", "amount_units", "treatments", "sites", "columns", "cmt", "dvid",
         "visits", "lesions", "covariates", "logarithms")  # fmt: skip
"""Keys whose own keys are the study's words."""

_OF_TABLES = {"wide.more": MEASURED}
"""Keys that hold a table for each word of a model, and the keys of these."""

_REPEATS = ("", "first", "last", "mean", "lowest", "highest")
_CHOICES = {
    "subject.arm": ("", "planned", "actual"),
    "lab.repeats": _REPEATS,
    f"{DRUG}.repeats": _REPEATS,
    f"{DRUG}.open_end": ("", "single_day", "last_exposure"),
    f"{DRUG}.same_time": ("", "add", "first"),
    "radiotherapy.row": ("", "fraction", "course"),
    "radiotherapy.same_day": ("", "lesions", "twice_a_day", "first"),
    "format.decimal": ("", ".", ","),
    "format.thousands": ("", ".", ",", " ", "'"),
    "nonmem.interval_unit": ("", "hours", "days"),
    "nonmem.same_id": ("", "one person", "new person"),
}
"""Values of the keys that have only some."""


@dataclass(frozen=True)
class _Kind:
    name: str
    types: tuple[type, ...]


_KINDS = {
    list: _Kind("a list", (list,)),
    dict: _Kind("a table", (dict,)),
    str: _Kind("text", (str,)),
    bool: _Kind("true or false", (bool,)),
    int: _Kind("a whole number", (int,)),
    float: _Kind("a number", (int, float)),
}


def read_mapping(path: str | os.PathLike[str] | None) -> Mapping:
    """The mapping of a TOML file over `DEFAULTS`; the defaults alone for None.

    Raises BadInput with every key that is not known or has the wrong kind of value.
    """
    if path is None:
        return merge({}, Findings(""))
    path = Path(path)
    found = Findings(path.name)
    stated: dict[str, Any] = {}
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        found.add(None, None, "no such file", "a mapping file (TOML)", f"looked for {path}")
    except (OSError, UnicodeDecodeError) as error:
        found.add(None, None, type(error).__name__, "a readable mapping file (TOML, UTF-8)")
    except tomllib.TOMLDecodeError as error:
        found.add(None, None, str(error), "TOML")
    found.raise_if_any()
    mapping = merge(stated, found)
    found.raise_if_any()
    return mapping


def merge(stated: dict[str, Any], found: Findings) -> Mapping:
    """`stated` over the defaults; what does not fit goes to `found`."""
    merged: Mapping = {table: dict(keys) for table, keys in DEFAULTS.items()}
    for table, keys in stated.items():
        if table not in DEFAULTS or not isinstance(keys, dict):
            found.add(None, None, f"[{table}]", "one of the tables " + ", ".join(DEFAULTS),
                      _close(table, list(DEFAULTS)))  # fmt: skip
            continue
        if table == "accept":
            reasons, wrong = checked_reasons(keys)
            merged[table] = dict(reasons)
            for value, expected, hint in wrong:
                found.add(None, None, f"accept.{value}", expected, hint)
            continue
        if table == "drugs":
            merged[table] = _tables(table, keys, OWN_DRUG, found)
            continue
        if table == "events":
            merged[table] = _lists(table, keys, found)
            continue
        for key, value in keys.items():
            name = f"{table}.{key}"
            if key not in DEFAULTS[table]:
                expected = f"one of the keys {', '.join(DEFAULTS[table])} in [{table}]"
                found.add(None, None, name, expected, _close(key, list(DEFAULTS[table])))
                continue
            default = DEFAULTS[table][key]
            kind = _KINDS[type(default)]
            fits = isinstance(value, kind.types) and (
                isinstance(default, bool) or not isinstance(value, bool)
            )
            if not fits:
                found.add(None, None, f"{name} = {value!r}", f"{kind.name} in {name}")
            elif name in _CHOICES and value not in _CHOICES[name]:
                known = ", ".join(filter(None, _CHOICES[name]))
                found.add(None, None, f"{name} = {value!r}", f"one of {known} in {name}")
            elif name == "radiotherapy.days" and not _is_range(value):
                expected = f"a first and a last day in {name}, such as [-28, 90]"
                found.add(None, None, f"{name} = {value!r}", expected)
            elif name == "format.flags" and not _are_flags(value):
                expected = f"marks without digits, signs, points and commas in {name}"
                found.add(None, None, f"{name} = {value!r}", expected)
            elif key == "treatments" and not _are_kinds(value):
                expected = f"yes, no or placebo for every text in {name}"
                found.add(None, None, f"{name} = {value!r}", expected)
            elif name in _OF_TABLES:
                merged[table][key] = _tables(name, value, _OF_TABLES[name], found)
            elif name == "lab.tests":
                merged[table][key] = _lists(name, value, found)
            elif key in _FREE:
                merged[table][key] = {**default, **value}  # type: ignore[reportGeneralTypeIssues]
            else:
                merged[table][key] = value
    return merged


def _tables(
    name: str, stated: Any, defaults: dict[str, Any], found: Findings
) -> dict[str, dict[str, Any]]:
    """Tables of keys, one per word of a model, over their defaults."""
    merged = {}
    for word, keys in stated.items():
        own = f"{name}.{word}"
        if not isinstance(keys, dict):
            found.add(None, None, f"{own} = {keys!r}", f"a table [{own}]")
            continue
        for key, value in keys.items():
            if key not in defaults:
                expected = f"one of the keys {', '.join(defaults)} in [{own}]"
                found.add(None, None, f"{own}.{key}", expected, _close(key, list(defaults)))
            elif not isinstance(value, _KINDS[type(defaults[key])].types):
                kind = _KINDS[type(defaults[key])].name
                found.add(None, None, f"{own}.{key} = {value!r}", f"{kind} in {own}.{key}")
            elif (choices := _CHOICES.get(f"{DRUG}.{key}")) and value not in choices:
                known = ", ".join(filter(None, choices))
                found.add(None, None, f"{own}.{key} = {value!r}", f"one of {known} in {own}.{key}")
            elif key == "treatments" and not _are_kinds(value):
                expected = f"yes, no or placebo for every text in {own}.{key}"
                found.add(None, None, f"{own}.{key} = {value!r}", expected)
        merged[str(word)] = {**defaults, **keys}
    return merged


def _lists(name: str, stated: Any, found: Findings) -> dict[str, list[str]]:
    """Codes of each word of a model."""
    for word, codes in stated.items():
        if not isinstance(codes, list):
            found.add(None, None, f"{name}.{word} = {codes!r}", f"a list in {name}.{word}")
    return dict(stated)


def _are_kinds(value: Any) -> bool:
    return set(value.values()) <= {"yes", "no", "placebo"}


_FLAG = re.compile(r"[^\d\s.,'<>≤≥=+\-]+")


def _are_flags(value: Any) -> bool:
    return all(isinstance(flag, str) and _FLAG.fullmatch(flag) for flag in value)


def _is_range(value: Any) -> bool:
    numbers = [v for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
    return not value or (len(numbers) == len(value) == 2 and numbers[0] < numbers[1])


def stated_format(mapping: Mapping) -> StatedFormat:
    """How the mapping says that numbers are written."""
    chosen = mapping["format"]
    decimal, thousands = chosen["decimal"], chosen["thousands"]
    flags = tuple(chosen["flags"])
    if not decimal and not thousands:
        return StatedFormat(flags=flags)
    decimal = decimal or ("," if thousands == "." else ".")
    return StatedFormat(NumberFormat(decimal, thousands or ("." if decimal == "," else ",")), flags)


def _close(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"{close[0]}?" if close else ""
