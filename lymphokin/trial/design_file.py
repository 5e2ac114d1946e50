"""A design file against its schema: what is unknown is refused with the key that was meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lymphokin.io.problems import Findings
from lymphokin.quantities import OBSERVABLES
from lymphokin.trial.design_tables import TABLES, DesignFile

TWO_ARMS = "analysis.n_treated and analysis.n_control"
MEANT: Mapping[str, str] = {
    "arms": f"design.per_arm, or {TWO_ARMS}",
    "n": "design.per_arm",
    "n_per_arm": "design.per_arm",
    "patients": "design.per_arm",
    "sample_size": "design.per_arm",
    "ratio": TWO_ARMS,
    "allocation": TWO_ARMS,
    "allocation_ratio": TWO_ARMS,
    "level": "analysis.alpha",
    "significance_level": "analysis.alpha",
    "control": "assumptions.control_rate",
    "treated": "assumptions.treated_rate",
    "attrition": "design.drop_out_probability",
    "dropout": "design.drop_out_probability",
    "dropout_rate": "design.drop_out_probability",
    "drop_out_rate": "design.drop_out_probability",
}
"""What people write who mean another key."""
OF_SYNTHETIC_TRIALS = (
    "run_in", "alc_weekly_during_radiotherapy", "screening_days",
    "immune_dose_supplied_probability",
    "event_days", "covariate_courses", "lesion_size", "outside_diameter_cm",
)  # fmt: skip
"""Keys of ``[design]`` that synthetic trials have and virtual trials make no use of, beside those
of a quantity."""
_OF_A_QUANTITY = re.compile(r"(?P<sampled>\w+)_(?:days|sample_hours)|lloq_(?P<limit>\w+)")


def quantity_of(key: str) -> str:
    """The quantity that a key of a synthetic trial is about, empty for other keys: its days of
    samples, hours after the first dose, or lower limit of quantification.
    """
    match = _OF_A_QUANTITY.fullmatch(key)
    found = (match["sampled"] or match["limit"]) if match else ""
    return "" if key in OF_SYNTHETIC_TRIALS else found


def read_tables(raw: Mapping[str, Any], findings: Findings) -> DesignFile | None:
    """The tables of a design file; None where it has faults, all of which are noted."""
    try:
        # By way of JSON, whose lists and texts pydantic reads strictly.
        return TypeAdapter(DesignFile).validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        for key, kind in {_key(e["loc"]): e["type"] for e in error.errors()}.items():
            found = _at(raw, key)
            shown, name = None if found is None else str(found), ".".join(key)
            if kind == "unexpected_keyword_argument":
                hint = "unknown key" + _meant(key)
                findings.add(None, name, shown, "a key that design files have", hint)
            else:
                findings.add(None, name, shown, expected_of(*key))
    return None


def _key(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Table and key; what lies below them is shown with them."""
    depth = 2 if location[0] in TABLES else 1
    return tuple(map(str, location[:depth]))


def _at(raw: Mapping[str, Any], key: tuple[str, ...]) -> Any:
    found: Any = raw
    for part in key:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def expected_of(table: str, key: str | None = None) -> str:
    """What a table or one of its keys must be."""
    if key is not None:
        return _description(TypeAdapter(TABLES[table]).json_schema()["properties"][key])
    if table in TABLES:
        return "a table"
    return _description(TypeAdapter(DesignFile).json_schema()["properties"][table])


def _description(schema: Mapping[str, Any]) -> str:
    """The description of a key; that of a key which may be left out lies one level deeper."""
    return schema.get("description") or schema["anyOf"][0]["description"]


def _meant(key: tuple[str, ...]) -> str:
    """The key that was probably meant, as a hint."""
    name = key[-1].lower().replace("-", "_")
    if key[0] == "log_ratio" or (
        key[0] == "design" and (name in OF_SYNTHETIC_TRIALS or quantity_of(name) in OBSERVABLES)
    ):
        return ": synthetic trials have it, virtual trials make no use of it"
    known = {f.name: f"{table}.{f.name}" for table, kind in TABLES.items() for f in fields(kind)}
    known |= {**{f.name: f.name for f in fields(DesignFile)}, **MEANT}
    if key[0] in TABLES:  # first of all the keys of its own table
        known |= {f.name: f"{key[0]}.{f.name}" for f in fields(TABLES[key[0]])}
    close = closest(name, known)
    return f"; did you mean {known[close]}?" if close else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like another one, if any is."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.7)), None)
