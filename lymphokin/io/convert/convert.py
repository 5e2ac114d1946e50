"""A source (one file, or a folder of data sets) into an event table and its account."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lymphokin.csv_text import neutral_frame
from lymphokin.files import write_with
from lymphokin.io.checks import WEEKEND
from lymphokin.io.cohort import Cohort
from lymphokin.io.convert.account import Account
from lymphokin.io.convert.assemble import assemble
from lymphokin.io.convert.bench import COUNT, Bench
from lymphokin.io.convert.cdisc import Domains, draft_cdisc, find_domains
from lymphokin.io.convert.datasets import read_dataset
from lymphokin.io.convert.immune_dose import with_immune_dose
from lymphokin.io.convert.mapping import read_mapping, stated_format
from lymphokin.io.convert.mapping_defaults import Mapping, locations
from lymphokin.io.convert.nonmem import draft_nonmem, is_nonmem
from lymphokin.io.convert.privacy import pseudonyms
from lymphokin.io.convert.wide import draft_wide
from lymphokin.io.cross_checks import odd_identifiers
from lymphokin.io.events import HasVocabulary, read_table, write_events
from lymphokin.io.problems import BadInput, Findings, Place, Problem
from lymphokin.io.sites import AnySites, sites_of
from lymphokin.quantities import Vocabulary
from lymphokin.schedule import SATURDAY
from lymphokin.strict_json import json_text


@dataclass(frozen=True)
class Conversion:
    """A cohort made from other files, and the account of every source row."""

    cohort: Cohort
    account: Account

    def write(self, out: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write the event table to `out` and the account beside it, `NAME.conversion.json`.

        Both appear complete or not at all.
        """
        table = Path(out)
        account = table.with_suffix(".conversion.json")

        def write(temporary: Path) -> None:
            temporary.write_text(json_text(self.account.as_dict()), encoding="utf-8")
            model = self.cohort.vocabulary.model
            words = f", with the words of model {model}" if model else ""
            write_events(self.cohort, table, [f"made by lymphokin data convert{words}"])

        write_with(account, write)
        return table, account


def convert(
    source: str | os.PathLike[str],
    mapping: str | os.PathLike[str] | Mapping | None = None,
    key: bytes | None = None,
    immune_dose: str | os.PathLike[str] | None = None,
    accept: dict[str, str] | None = None,
    sites: AnySites = None,
    model: HasVocabulary | None = None,
) -> Conversion:
    """Convert CDISC data sets, a NONMEM data set or a wide spreadsheet.

    `source`: a file, or a folder of data sets named lb, dm, ex, pr, pc (SDTM) or adlb, adsl
    (ADaM) as xpt, Dataset-JSON 1.1, parquet or CSV. `mapping`: how the files name things, see
    `mapping_defaults.DEFAULTS`. `key`: replace subject identifiers by pseudonyms made with it.
    `immune_dose`: table of ID and IMMUNE_DOSE_GY (IMMUNE_DOSE_SOURCE) to add to the patients.
    `accept`: checks of plausibility to accept beside those of the mapping, by name with the reason.
    `sites`: a table of sites of the user's own, or its path, whose rows stand beside the shipped.
    `model`: a model, whose drugs, measured outputs, events and covariates that change the files
    may hold; they become the model's units, and `read_events` reads the table with the same model.

    Counts become 1e9/L at their reported precision, dates days from day 0. Names, dates of birth
    and calendar dates do not reach the result. Raises BadInput with every problem found.

    Example:
        >>> conversion = lk.convert("data.csv", mapping="mapping.toml")
        >>> conversion.cohort.patients.index.tolist()
        ['1', '2']
        >>> table, account = conversion.write("events.csv")
    """
    words = mapping if isinstance(mapping, dict) else read_mapping(mapping)
    source = Path(source)
    Findings(source.name, accept).raise_if_any()
    known = sites_of(sites, accept)
    radiotherapy = words["radiotherapy"]
    named = {**locations(known), **radiotherapy["sites"]}
    words = {**words, "radiotherapy": {**radiotherapy, "sites": named}}
    words = {**words, "accept": {**words["accept"], **(accept or {})}}
    vocabulary = Vocabulary() if model is None else model.vocabulary
    bench = Bench(words, sites=known, key=key, words=vocabulary)
    bench.account.sites = {known.file: known.sha256} if known.file else {}
    records, subjects = _draft(bench, source)
    if immune_dose is not None:
        subjects = with_immune_dose(bench, subjects, records["id"], immune_dose)
    if bench.troubled:
        others = _problems_of_others(bench, records, subjects, source.name, key)
        raise BadInput(dict.fromkeys([*bench.problems, *others]))
    _need_results(bench, records, source.name)
    events, records = assemble(bench, records, subjects)
    bench.close()
    bench.account.balance()
    cohort = _checked(events, records, source.name, bench, key)
    for warning in cohort.warnings:
        if not warning.startswith(WEEKEND):  # names patients and dates
            bench.account.warn(warning)
    _warn_of_weekends(bench, events)
    undated = cohort.patients.assign(start_date=None)
    accepted = bench.account.accepted
    cohort = replace(cohort, patients=undated, warnings=(), accepted=accepted)
    return Conversion(cohort, bench.account)


def _need_results(bench: Bench, records: pd.DataFrame, name: str) -> None:
    """Refuse files without lymphocyte counts, or without anything that the model measures."""
    words = bench.words
    wanted = [*words.observables, *words.events] if words.model else [COUNT]
    if records["kind"].isin(wanted).any():
        return
    names = ", ".join(bench.mapping["lab"]["lymphocytes"])
    if words.model:
        found, expected = f"nothing that model {words.model} measures", ", ".join(wanted)
        hint = "name theirs in the mapping: [nonmem.dvid], [lab.tests] or [wide] quantity"
    else:
        found, expected = "no lymphocyte counts", f"lymphocyte counts (test codes {names})"
        hint = "name theirs in the mapping, [lab] lymphocytes"
    raise BadInput([Problem(name, None, None, found, expected, hint)])


def _problems_of_others(
    bench: Bench, records: pd.DataFrame, subjects: pd.DataFrame, name: str, key: bytes | None
) -> tuple[Problem, ...]:
    """Problems of the patients of whom everything could be read, reported with those of the cells.

    None where a whole file or column has a problem, such as an unknown unit or numbers with two
    readings: then all numbers may be wrong.
    """
    if bench.undecided or not all(problem.row for problem in bench.problems):
        return ()
    wrong = {(problem.file, problem.row) for problem in bench.problems}
    rows = zip(records["source"], records["row"], strict=True)
    partly = set(records["id"][[row in wrong for row in rows]])
    of_others = records[~records["id"].isin(partly)]
    if of_others.empty:
        return ()
    apart = Bench(bench.mapping, sites=bench.sites, key=key, columns=bench.columns,
                  words=bench.words)  # fmt: skip
    try:
        events, drafts = assemble(apart, of_others, subjects)
        apart.raise_if_any()
        _checked(events, drafts, name, apart, key)
    except BadInput as error:
        return error.problems
    return ()


def _draft(bench: Bench, source: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records and covariates by the kind of the source."""
    stated = stated_format(bench.mapping)
    if source.is_dir():
        return draft_cdisc(bench, find_domains(source, stated, bool(bench.words.events)))
    wide = bench.mapping["wide"]
    data = read_dataset(source, wide["sheet"], stated, wide["header_row"])
    if Domains.knows(data):
        return draft_cdisc(bench, Domains.of(data))
    if is_nonmem(bench, data):
        return draft_nonmem(bench, source, data)
    return draft_wide(bench, data)


def _warn_of_weekends(bench: Bench, events: pd.DataFrame) -> None:
    fractions = events[events["CMT"] == "rt"]
    date = pd.to_datetime(fractions["START_DATE"], errors="coerce")
    date = date + pd.to_timedelta(np.floor(fractions["TIME"]), unit="D")
    weekend = int((date.dt.day_of_week >= SATURDAY).sum())
    if weekend:
        bench.account.warn(f"{weekend:,} fraction(s) on a Saturday or Sunday")


def _pseudonymised(events: pd.DataFrame, key: bytes, found: Findings) -> pd.DataFrame:
    """The events under pseudonyms; identifiers that look odd are noted before they are gone."""
    names = pseudonyms(events["ID"], key)
    first = (~events["ID"].duplicated()).to_numpy().nonzero()[0] + 2  # line 1 is the header
    lines = dict(zip(names, first.tolist(), strict=True))
    for check, hints in odd_identifiers(list(names)).items():
        for name in hints:
            found.judge(check, 1.0, lines[name], "ID", names[name])
    return events.assign(ID=events["ID"].map(names))


def _checked(
    events: pd.DataFrame, records: pd.DataFrame, name: str, bench: Bench, key: bytes | None
) -> Cohort:
    """The cohort of an event table in memory, checked as any event table.

    What is found is reported of the files and cells that the `records` come from.
    """
    places = records[["source", "row", "column", "cell"]].to_numpy(object)

    def origin(line: int, column: str | None) -> Place:
        source, row, own, cell = places[min(line - 2, len(places) - 1)]  # line 1 is the header
        is_value = column in ("DV", "AMT")
        theirs = own if is_value else bench.columns.get(str(column), "")
        return Place(str(source), int(row), str(theirs), str(cell) if is_value else "")

    found = Findings(name, bench.mapping["accept"], origin)
    if key is not None:
        events = _pseudonymised(events, key, found)
    table = neutral_frame(events).to_csv(index=False).encode()
    cohort = read_table(table, found, words=bench.words, sites=bench.sites)
    bench.account.accepted |= cohort.accepted
    return cohort
