"""Files to fill in: an empty event table, and a mapping with every key."""

from __future__ import annotations

import json
from typing import Any

from lymphokin.io.convert.mapping_defaults import DEFAULTS
from lymphokin.quantities import DRUG, DRUGS, OBSERVABLES, Vocabulary
from lymphokin.sites import shipped_sites

_DRUG = DRUGS[DRUG]

_COLUMNS = {
    "ID": "the patient, any text; no names or other identifiers",
    "TIME": "days from the first fraction (day 0); screening is negative",
    "EVID": "0 observation, 1 dose",
    "CMT": f"of a dose: rt (radiotherapy fraction) or {' or '.join(DRUGS)}",
    "AMT": f"of a dose: Gy of that fraction, or {_DRUG.unit}",
    "II": "days between repeated doses",
    "ADDL": "how many more doses follow",
    "DVID": "of an observation: " + ", ".join(f"{o.name} ({o.unit})" for o in OBSERVABLES.values()),
    "DV": "the value; blank if missing; <0.1 if below the limit",
    "LLOQ": "limit of quantification, in the unit of DV",
    "LLN": "the laboratory's lower limit of normal of alc (decides grade 1 only)",
    "ARM": "treatment arm",
    "SITE": ", ".join(shipped_sites().by_name),
    "N_LESIONS": "irradiated lesions",
    "IMMUNE_DOSE_GY": "mean dose to the blood over the course, if known (lymphokin dose)",
    "IMMUNE_DOSE_SOURCE": "blood, edic, organs, dvh or dicom",
}
_EXAMPLE = (
    {"ID": "P01", "TIME": "-3", "EVID": "0", "DVID": "alc", "DV": "1.42", "LLN": "1.0"},
    {"ID": "P01", "TIME": "0", "EVID": "1", "CMT": "rt", "AMT": "8", "II": "1", "ADDL": "4"},
    {"ID": "P01", "TIME": "0", "EVID": "1", "CMT": DRUG, "AMT": "270", "II": "1", "ADDL": "2"},
    {"ID": "P01", "TIME": "42", "EVID": "0", "DVID": "alc", "DV": "0.78", "LLN": "1.0"},
)


def event_table_template(words: Vocabulary | None = None) -> str:
    """An event table without records: comments that say what goes where, and the header.

    `words`: those of a model, whose drugs, outputs and events the table is for.
    """
    lines = ["# Event table: one row per record. Lines with # before the header are comments."]
    if words is not None:
        columns = _columns_of(words)
        lines += [f"# {name}: {meaning}" for name, meaning in columns.items()]
        return "\n".join([*lines, ",".join(columns), ""])
    lines += [f"# {name}: {meaning}" for name, meaning in _COLUMNS.items()]
    lines.append(f"# Example of one patient, 5 fractions of 8 Gy and one pulse of {_DRUG.label}:")
    lines.append("# " + ",".join(_COLUMNS))
    lines += ["# " + ",".join(row.get(name, "") for name in _COLUMNS) for row in _EXAMPLE]
    return "\n".join([*lines, ",".join(_COLUMNS), ""])


def _columns_of(words: Vocabulary) -> dict[str, str]:
    """Columns of a table with the words of a model, and what goes into each."""
    observables = words.observables.values()
    targets = [*(["rt (radiotherapy fraction)"] if words.irradiated else []), *words.drugs]
    amounts = ["Gy of that fraction"] if words.irradiated else []
    amounts += [f"{drug.unit} of {name}" for name, drug in words.drugs.items()]
    measured = [f"{o.name} ({o.unit}{', per lesion' if o.per_lesion else ''})" for o in observables]
    measured += [f"{name} (1: it has happened, 0: not by then)" for name in words.events]
    columns = _COLUMNS | {
        "CMT": "of a dose: " + " or ".join(targets),
        "AMT": "of a dose: " + ", ".join(amounts),
        "DVID": "of an observation: " + ", ".join(measured),
    }
    infused = [name for name, drug in words.drugs.items() if drug.infused]
    if infused:
        columns["DUR"] = f"days that an infusion lasts ({', '.join(infused)}); blank if at once"
    if any(o.per_lesion for o in observables):
        columns["LESION"] = "number of the lesion that was measured, 1, 2, ..."
    for name, covariate in words.varying.items():
        columns[name] = f"{covariate.meaning} ({covariate.unit}); it holds until the next value"
    return columns


_TABLES = {
    "subject": "Who: columns with the subject, best first; subjects to leave out or to rename",
    "lab": "Test codes; `unit` where none is stated; `units` = { theirs = ours }; `lloq` in 1e9/L; "
    "words of specimens; `repeats` = first, last, mean, lowest or highest",
    DRUG: f"Words for {_DRUG.label} in treatments (EXTRT), test codes of its level, and how rows "
    "are read",
    "drugs": "Of a model: a table [drugs.NAME] for each of its words in CMT, with `names`, ...",
    "events": "Of a model: a list of PARAMCDs (ADTTE) for each of its words in DVID",
    "radiotherapy": "Words for radiotherapy; site classes; unit if not stated; what a row is",
    "format": "How numbers and dates are written where a column can be read in two ways",
    "nonmem": "NONMEM, nlmixr2 and Monolix tables: what codes mean, unit of TIME and of values",
    "accept": "Improbable numbers that are right: name of the check and the reason",
    "wide": "Sheets with a row per patient and a column per visit",
}


def mapping_template() -> str:
    """Every key of a mapping with its default, as comments in a TOML file."""
    lines = [
        "# How a study's files name things. Every line shows the default: take away the # of what",
        "# differs in your files, and the # of the table it stands in.",
    ]
    for table, keys in DEFAULTS.items():
        lines += ["", f"# {_TABLES[table]}", f"# [{table}]"]
        lines += [f"# {key} = {_toml(value)}" for key, value in keys.items()]
    return "\n".join([*lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)
