"""SDTM and ADaM data sets: which domains there are, and their records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lymphokin.io.convert.adppk import read_adppk
from lymphokin.io.convert.assemble import subjects_without_records
from lymphokin.io.convert.bench import Bench, no_records
from lymphokin.io.convert.datasets import FORMATS, Dataset, read_dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.findings import (
    ADAM_LB,
    SDTM_LB,
    SDTM_PC,
    Columns,
    read_measurements,
    subjects_of,
)
from lymphokin.io.convert.interventions import read_doses, read_fractions, read_sites
from lymphokin.io.convert.subjects import no_subjects, read_subjects
from lymphokin.io.problems import BadInput, Problem

_NAMES = {
    "lb": re.compile(r"lb[a-z]{0,2}"),  # LB and its parts, such as LBHE
    "adlb": re.compile(r"adlb[a-z]{0,2}"),
    "pc": re.compile(r"pc"),
    "ex": re.compile(r"ex"),
    "pr": re.compile(r"pr"),
    "dm": re.compile(r"dm"),
    "adsl": re.compile(r"adsl"),
    "adppk": re.compile(r"adppk"),
}
_SIGNS = {
    "lb": "LBTESTCD",
    "adlb": "PARAMCD",
    "pc": "PCTESTCD",
    "ex": "EXTRT",
    "pr": "PRTRT",
    "adppk": "PARAMCD",
}


@dataclass
class Domains:
    """The data sets of a study, by domain; a domain may be split over several files."""

    sets: dict[str, list[Dataset]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    @staticmethod
    def knows(data: Dataset) -> bool:
        """Whether a single data set is one of CDISC laboratory records."""
        return "LBTESTCD" in data or ("PARAMCD" in data and "AVAL" in data and "EVID" not in data)

    @staticmethod
    def of(data: Dataset) -> Domains:
        """A single data set of laboratory records."""
        return Domains({"lb" if "PARAMCD" not in data else "adlb": [data]})


def find_domains(folder: Path) -> Domains:
    """The data sets of a folder that are understood, by file name.

    Raises BadInput when there is no laboratory data set, or both SDTM and ADaM ones.
    """
    domains = Domains()
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in FORMATS or path.name.startswith((".", "~")):
            continue
        stem = path.stem.lower()
        name = next((n for n, rule in _NAMES.items() if rule.fullmatch(stem)), None)
        if name is None:
            domains.unread.append(path.name)
        else:
            domains.sets.setdefault(name, []).append(path)  # type: ignore[arg-type]
    both = [name for name in ("lb", "adlb") if name in domains.sets]
    if len(both) != 1:
        found = " and ".join(n.upper() for n in both) or "neither LB nor ADLB"
        expected = "either LB (SDTM) or ADLB (ADaM), such as lb.xpt"
        known = "files are known by their names: " + ", ".join(_NAMES)
        hint = "the same counts would go in twice" if both else known
        raise BadInput([Problem(folder.name, None, None, found, expected, hint)])
    problems: list[Problem] = []
    for name, paths in domains.sets.items():
        read = []
        for path in paths:
            try:
                read.append(read_dataset(path))  # type: ignore[arg-type]
            except BadInput as error:
                problems += error.problems
        domains.sets[name] = read
    if problems:
        raise BadInput(problems)
    return domains


def draft_cdisc(bench: Bench, domains: Domains) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draft records and covariates per subject of a study's data sets."""
    sets = domains.sets
    if domains.unread:
        bench.account.warn(f"not read: {', '.join(domains.unread)}")
    for name, column in _SIGNS.items():
        for data in sets.get(name, ()):
            if column not in data:
                bench.found(data.file).add(None, column, None, f"a column {column}")
    bench.raise_if_any()
    owners = [
        (data, read_subjects(bench, data)) for n in ("dm", "adsl") for data in sets.get(n, ())
    ]
    merged = [read_subjects(bench, data) for data in sets.get("adlb", ())]
    subjects = no_subjects()
    for table in [t for _, t in owners] + merged:
        table = table[~table.index.duplicated()]
        subjects = table if subjects.empty else subjects.combine_first(table)
    laboratory: list[tuple[Dataset, Columns]] = []
    for name, columns in (("lb", SDTM_LB), ("adlb", ADAM_LB), ("pc", SDTM_PC)):
        laboratory += [(data, columns) for data in sets.get(name, ())]
    start = _starts(bench, subjects, laboratory)
    subjects = subjects.reindex(start.index).assign(start=start)
    parts = [read_measurements(bench, data, columns, start) for data, columns in laboratory]
    parts += [read_doses(bench, data, subjects["bsa"]) for data in sets.get("ex", ())]
    parts += [read_fractions(bench, data) for data in sets.get("pr", ())]
    with_doses = "ex" not in sets
    parts += [read_adppk(bench, data, start, with_doses) for data in sets.get("adppk", ())]
    parts = [part for part in parts if len(part)]
    records = pd.concat(parts, ignore_index=True) if parts else no_records()
    for data in sets.get("pr", ()):
        sites = read_sites(bench, data).reindex(subjects.index)
        subjects = subjects.assign(site=sites, n_lesions=sites.str.count(r"\+") + 1)
    bench.raise_if_any()
    seen = set(records["id"])
    for data, table in owners:
        subjects_without_records(bench, data.file, table.index, data.lines, seen)
    return records, subjects


def _starts(
    bench: Bench, subjects: pd.DataFrame, laboratory: list[tuple[Dataset, Columns]]
) -> pd.Series:
    """Date of study day 1 per subject: as stated, else of a record with date and study day."""
    start = subjects["start"].astype("datetime64[s]")
    for data, columns in laboratory:
        ids = subjects_of(bench, data)
        name = next((n for n in columns.dates if n in data), None)
        when = (
            read_dates(data.frame[name]).when
            if name
            else np.full(len(data), "NaT", "datetime64[s]")
        )
        day = bench.numbers(data, columns.study_day).to_numpy()
        usable = ~np.isnat(when) & np.isfinite(day) & (day != 0)
        back = np.where(usable, np.where(day > 0, day - 1, day), 0).astype("timedelta64[D]")
        first = (when.astype("datetime64[D]") - back).astype("datetime64[s]")
        table = pd.Series(first[usable], index=ids[usable].to_numpy(), dtype="datetime64[s]")
        table = table[~table.index.duplicated()]
        everyone = start.index.union(pd.Index(ids[ids != ""].unique(), dtype=object), sort=False)
        start = start.reindex(everyone)
        start = start.where(start.notna(), table.reindex(everyone))
    return start.rename_axis("id")
