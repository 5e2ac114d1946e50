"""SDTM and ADaM data sets: which domains there are, and their records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lymphokin.io.convert.adppk import MOMENTS, read_adppk
from lymphokin.io.convert.assemble import subjects_without_records
from lymphokin.io.convert.bench import Bench, no_records
from lymphokin.io.convert.columns import ADAM_LB, SDTM_LB, SDTM_PC, Columns
from lymphokin.io.convert.datasets import FORMATS, Dataset, read_dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.exposure import read_doses
from lymphokin.io.convert.findings import read_measurements
from lymphokin.io.convert.joins import check_arms, check_joins, check_starts
from lymphokin.io.convert.radiotherapy import read_fractions
from lymphokin.io.convert.study_radiotherapy import is_radiotherapy
from lymphokin.io.convert.subject_ids import id_column, subjects_of, with_subjects
from lymphokin.io.convert.subjects import ENDS, FIRST_DAYS, STARTS, read_subjects, together
from lymphokin.io.convert.time_to_event import read_times_to_event
from lymphokin.io.convert.treatment_names import listed
from lymphokin.io.convert.written_dates import with_iso_dates
from lymphokin.io.number_format import StatedFormat
from lymphokin.io.problems import BadInput, Problem
from lymphokin.quantities import DRUGS

_NAMES = {
    "lb": re.compile(r"lb[a-z]{0,2}"),  # LB and its parts, such as LBHE
    "adlb": re.compile(r"adlb[a-z]{0,2}"),
    "pc": re.compile(r"pc"),
    "ex": re.compile(r"ex"),
    "pr": re.compile(r"pr"),
    "dm": re.compile(r"dm"),
    "adsl": re.compile(r"adsl"),
    "adppk": re.compile(r"adppk"),
    "adtte": re.compile(r"adtte"),
}
_SIGNS = {
    "lb": "LBTESTCD",
    "adlb": "PARAMCD",
    "pc": "PCTESTCD",
    "ex": "EXTRT",
    "pr": "PRTRT",
    "adppk": "PARAMCD",
    "adtte": "PARAMCD",
}
DATES = tuple(dict.fromkeys((
    *SDTM_LB.dates, *ADAM_LB.dates, *SDTM_PC.dates, *MOMENTS, *STARTS, *FIRST_DAYS, *ENDS,
    "EXSTDTC", "EXENDTC", "PRSTDTC", "PRENDTC", "ADT",
)))  # fmt: skip
"""Columns with dates that are read."""


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


def find_domains(folder: Path, stated: StatedFormat, with_events: bool = False) -> Domains:
    """The data sets of a folder that are understood, by file name.

    `stated`: how their numbers are written. `with_events`: whether times to events (ADTTE) are
    read, too. Raises BadInput when there is no laboratory data set,
    or both SDTM and ADaM ones.
    """
    domains = Domains()
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in FORMATS or path.name.startswith((".", "~")):
            continue
        stem = path.stem.lower()
        name = next((n for n, rule in _NAMES.items() if rule.fullmatch(stem)), None)
        if name is None or (name == "adtte" and not with_events):
            domains.unread.append(path.name)
        else:
            domains.sets.setdefault(name, []).append(path)  # type: ignore[arg-type]
    files: dict[str, list[str]] = {}
    for paths in domains.sets.values():
        for path in paths:
            files.setdefault(path.stem.lower(), []).append(path.name)  # type: ignore[attr-defined]
    twice = [", ".join(names) for names in files.values() if len(names) > 1]
    if twice:
        expected, hint = "each data set in one file", "the same records would go in twice"
        raise BadInput([Problem(folder.name, None, None, n, expected, hint) for n in twice])
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
                read.append(read_dataset(path, stated=stated))  # type: ignore[arg-type]
            except BadInput as error:
                problems += error.problems
        domains.sets[name] = read
    if problems:
        raise BadInput(problems)
    return domains


def draft_cdisc(bench: Bench, domains: Domains) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draft records and covariates per subject of a study's data sets."""
    _check_words(bench)
    if domains.unread:
        bench.account.warn(f"not read: {', '.join(domains.unread)}")
    for name, column in _SIGNS.items():
        for data in domains.sets.get(name, ()):
            if column not in data:
                bench.found(data.file).add(None, column, None, f"a column {column}")
    bench.raise_if_any()
    bench.columns["ID"] = id_column(
        bench, next(d for files in domains.sets.values() for d in files)
    )
    sets = with_iso_dates(bench, with_subjects(bench, domains.sets), DATES)
    bench.raise_if_any()
    owners = [
        (data, read_subjects(bench, data)) for n in ("dm", "adsl") for data in sets.get(n, ())
    ]
    merged = [(data, read_subjects(bench, data)) for data in sets.get("adlb", ())]
    subjects = together(bench, owners + merged)
    laboratory: list[tuple[Dataset, Columns]] = []
    for name, columns in (("lb", SDTM_LB), ("adlb", ADAM_LB), ("pc", SDTM_PC)):
        laboratory += [(data, columns) for data in sets.get(name, ())]
    subjects = _with_first_days(bench, subjects, laboratory)
    counts = [read_measurements(bench, data, columns, subjects) for data, columns in laboratory]
    treatments, sites = _treatments(bench, sets, subjects)
    with_doses = "ex" not in sets
    levels = [
        read_adppk(bench, data, subjects["start"], with_doses) for data in sets.get("adppk", ())
    ]
    events = [read_times_to_event(bench, data) for data in sets.get("adtte", ())]
    parts = [part for part in counts + treatments + levels + events if len(part)]
    records = pd.concat(parts, ignore_index=True) if parts else no_records()
    sites = sites.reindex(subjects.index)
    subjects = subjects.assign(site=sites, n_lesions=sites.str.count(r"\+") + 1)
    check_joins(bench, records, [table for _, table in owners])
    check_arms(bench, records, subjects)
    check_starts(bench, records, owners)
    seen = set(records["id"])
    for data, table in owners:
        subjects_without_records(bench, data.file, table.index, data.lines, seen)
    return records, subjects.drop(columns=["weight", "first_day", "last_exposure"])


def _check_words(bench: Bench) -> None:
    """What the mapping names by words of a model, the model has."""
    words = bench.words
    known = {
        "lab.tests": (*bench.own, *words.varying),
        "drugs": tuple(name for name in words.drugs if name not in DRUGS),
        "events": tuple(words.events),
    }
    stated = bench.mapping | {"lab.tests": bench.mapping["lab"]["tests"]}
    hint = "" if words.model else "words of a model are known where that model is given"
    for table, allowed in known.items():
        for name in (n for n in stated[table] if n not in allowed):
            expected = f"one of the model's words {', '.join(allowed) or '(none)'} in [{table}]"
            bench.found("the mapping").add(None, None, f"{table}.{name}", expected, hint)


def _treatments(
    bench: Bench, sets: dict[str, list[Dataset]], subjects: pd.DataFrame
) -> tuple[list[pd.DataFrame], pd.Series]:
    """Draft records of fractions and doses, and SITE per subject, of PR and EX."""
    parts: list[pd.DataFrame] = []
    sites, treated = [], {}
    for name in ("pr", "ex"):
        prefix = name.upper()
        for data in sets.get(name, ()):
            bench.account.source(data.file, len(data))
            radiation = is_radiotherapy(bench, data, prefix)
            fractions, of_data = read_fractions(
                bench, data.select(radiation), prefix, subjects["start"]
            )
            treated[data.file] = fractions
            parts.append(fractions)
            sites.append(of_data)
            others = data.select(~radiation)
            if name == "ex":
                parts.append(read_doses(bench, others, subjects))
            else:
                why = f"another procedure than radiotherapy: {listed(others.text('PRTRT'))}"
                bench.account.dropped(data.file, why, others.lines)
    _refuse_twice(bench, treated)
    known = pd.concat([pd.Series(dtype=object), *(table for table in sites if len(table))])
    return parts, known[~known.index.duplicated()]


def _refuse_twice(bench: Bench, treated: dict[str, pd.DataFrame]) -> None:
    """Fractions of one subject in two data sets would go in twice."""
    first: dict[str, str] = {}
    for file, fractions in treated.items():
        for record in fractions.drop_duplicates("id").itertuples():
            other = first.setdefault(str(record.id), file)
            if other != file:
                bench.found(file).add(int(record.row), None, f"radiotherapy, as in {other}",  # type: ignore[arg-type]
                                      "the fractions of a subject in one data set",
                                      "the same fractions would go in twice")  # fmt: skip


def _with_first_days(
    bench: Bench, subjects: pd.DataFrame, laboratory: list[tuple[Dataset, Columns]]
) -> pd.DataFrame:
    """`subjects` with everybody who has laboratory records, and their `start` and `first_day`.

    Study day 1 is the day from which a subject's records with date and study day count; without
    such records, or where they differ, it is the stated one. A start that is not stated is it.
    """
    found = []
    for data, columns in laboratory:
        ids = subjects_of(bench, data)
        name = next((n for n in columns.dates if n in data), "")
        when = read_dates(data.column(name)).when
        day = bench.numbers(data, columns.study_day).to_numpy()
        usable = ~np.isnat(when) & np.isfinite(day) & (day != 0) & (ids != "").to_numpy()
        back = np.where(usable, np.where(day > 0, day - 1, day), 0).astype("timedelta64[D]")
        first = (when.astype("datetime64[D]") - back).astype("datetime64[s]")
        everyone = pd.DataFrame(
            {"id": ids, "first": np.where(usable, first, np.datetime64("NaT", "s"))}
        )
        found.append(everyone[everyone["id"] != ""])
    table = pd.concat(found).drop_duplicates()
    implied = table.dropna().groupby("id")["first"].agg(["first", "nunique"])
    everyone = subjects.index.union(pd.Index(table["id"].unique(), dtype=object), sort=False)
    subjects = subjects.reindex(everyone).rename_axis("id")
    several = implied.index[implied["nunique"] > 1]
    if len(several):
        bench.account.warn(
            f"study days count from several days in {len(several):,} subject(s) "
            f"({bench.named(several)}); their records are placed by their dates"
        )
    one = implied["first"].where(implied["nunique"] == 1).reindex(everyone)
    one = one.astype("datetime64[s]")
    start, first_day = (subjects[n].astype("datetime64[s]") for n in ("start", "first_day"))
    return subjects.assign(
        start=start.where(start.notna(), one), first_day=one.where(one.notna(), first_day)
    )
