"""Who is a patient: one identifier for each, the same in all data sets of a study."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.plausible.identifiers import spelling

SUBJECT = "LYMPHOKIN_SUBJECT"
"""Column that `with_subjects` adds: the patient of each row."""

UNIQUE = "USUBJID"
"""Tells subjects apart over all sites and studies, by the SDTM standard; other names may not."""

_LEVELS = ("STUDYID", "SITEID")
"""Columns that together with a subject's number tell subjects apart."""

_SAME = {"SEX": "sex", "STUDYID": "study", "SITEID": "site", "SUBJID": "number in the study"}
"""Columns with one value per patient."""


def subjects_of(bench: Bench, data: Dataset) -> pd.Series:
    """The patient of every row, '' where the row names none (a problem noted before)."""
    return data.text(SUBJECT)


def id_column(bench: Bench, data: Dataset) -> str:
    """The column of `data` that names its subjects, for messages."""
    names = [str(name).upper() for name in bench.mapping["subject"]["id"]]
    return next((name for name in names if name in data), names[0])


def with_subjects(bench: Bench, sets: dict[str, list[Dataset]]) -> dict[str, list[Dataset]]:
    """`sets` with the column SUBJECT in each data set.

    The identifier is the first column of [subject] id that all data sets have. Where some lack
    it, DM or ADSL translates. A subject's number within a site is joined with site and study
    where it is used twice. What cannot be decided is a problem.
    """
    every = [data for files in sets.values() for data in files]
    names = [str(name).upper() for name in bench.mapping["subject"]["id"]]
    for data in every:
        if not any(name in data for name in names):
            expected = f"a column {names[0]} with the subject"
            bench.found(data.file).add(None, names[0], None, expected)
    bench.raise_if_any()
    common = next((n for n in names if all(n in data for data in every)), None)
    owners = [*sets.get("dm", ()), *sets.get("adsl", ())]
    keys = {id(data): _keys(bench, data, common or names[0], names, owners) for data in every}
    bench.raise_if_any()
    if common is not None and common != UNIQUE:
        keys = _within_site(bench, every, common, keys)
    rename = {str(k): str(v) for k, v in bench.mapping["subject"]["rename"].items()}
    done = {
        name: [_with(data, keys[id(data)].replace(rename)) for data in files]
        for name, files in sets.items()
    }
    every = [data for files in done.values() for data in files]
    _refuse_alike(bench, [(data, subjects_of(bench, data)) for data in every])
    _refuse_two_in_one(bench, every)
    return done


def _with(data: Dataset, key: pd.Series) -> Dataset:
    return replace(data, frame=data.frame.assign(**{SUBJECT: key}))


def _keys(
    bench: Bench, data: Dataset, name: str, names: list[str], owners: list[Dataset]
) -> pd.Series:
    """The identifier `name` of every row, by way of DM or ADSL where `data` lacks it."""
    if name in data:
        key = data.text(name)
        bench.flag(data, key == "", name, "a subject on every record")
        return key
    own = next(n for n in names if n in data)
    both = [o for o in owners if name in o and own in o]
    by = [own, *(level for level in _LEVELS if level in data and all(level in o for o in both))]
    table = pd.concat(
        [pd.DataFrame({n: o.text(n) for n in [*by, name]}) for o in both]
        or [pd.DataFrame(columns=pd.Index([*by, name]))]
    ).drop_duplicates()
    twice = table[table.duplicated(by, keep=False)]
    known = table.drop_duplicates(by, keep=False).set_index(by)[name]
    rows = pd.DataFrame({n: data.text(n) for n in by})
    key = known.reindex(pd.MultiIndex.from_frame(rows) if len(by) > 1 else pd.Index(rows[own]))
    lost = key.isna().to_numpy()
    hint = f"{own} is used more than once: add SITEID or {name}" if len(twice) else ""
    bench.flag(data, lost, own, f"{name}, or a subject whose {name} and {own} DM or ADSL has", hint)
    bench.account.warn(f"{data.file} has no {name}: its subjects are those of DM with the same "
                       f"{' and '.join(by)}")  # fmt: skip
    return pd.Series(key.fillna("").to_numpy(object), index=data.frame.index, dtype=object)


def _within_site(
    bench: Bench, every: list[Dataset], name: str, keys: dict[int, pd.Series]
) -> dict[int, pd.Series]:
    """Identifiers joined with study and site where one stands for several subjects."""
    needed = []
    for level in _LEVELS:
        pairs = [pd.DataFrame({"key": keys[id(d)], "level": d.text(level)})
                 for d in every if level in d]  # fmt: skip
        table = pd.concat(pairs) if pairs else pd.DataFrame({"key": [], "level": []})
        table = table[(table != "").all(axis=1)].drop_duplicates()
        if table["key"].duplicated().any():
            needed.append((level, set(table["key"][table["key"].duplicated()])))
    if not any(level in data for data in every for level in _LEVELS):
        bench.account.warn(f"{name} alone tells subjects apart: the files have no SITEID or "
                           "STUDYID, so two subjects with one number would be one")  # fmt: skip
    for level, several in needed:
        for data in every:
            if level not in data:
                rows = keys[id(data)].isin(several)
                bench.flag(data, rows, name, f"{level} beside {name}, or {UNIQUE}",
                           f"several subjects have this {name}, in different {level}s")  # fmt: skip
    bench.raise_if_any()
    if not needed:
        return keys
    levels = [level for level, _ in needed]
    bench.account.warn(f"subjects are {' and '.join([*levels, name])} joined by -, as {name} "
                       "alone stands for several")  # fmt: skip
    return {
        id(data): pd.Series(
            ["-".join(parts) for parts in
             zip(*(data.text(level) for level in levels), keys[id(data)], strict=True)],
            index=data.frame.index, dtype=object,
        )
        for data in every
    }  # fmt: skip


def _refuse_alike(bench: Bench, named: Iterable[tuple[Dataset, pd.Series]]) -> None:
    """Two identifiers that differ only in case, zeros, blanks or marks are a problem."""
    first: dict[tuple[str, ...], tuple[str, str, int]] = {}
    reported = set()
    for data, ids in named:
        once = ~ids.duplicated().to_numpy()
        for name, line in zip(ids[once], data.lines[once], strict=True):
            if not name or name in reported:
                continue
            known = first.setdefault(spelling(name), (name, data.file, int(line)))
            if known[0] != name:
                reported.add(name)
                bench.found(data.file).add(
                    int(line), None, f"subject {name} beside {known[0]} of {known[1]}",
                    "identifiers that differ in more than case, zeros, blanks or marks",
                    f'one patient? [subject.rename] "{name}" = "{known[0]}"; two? rename one',
                )  # fmt: skip


def _refuse_two_in_one(bench: Bench, every: list[Dataset]) -> None:
    """Two sexes, sites, studies or numbers under one identifier are a problem."""
    for column, meaning in _SAME.items():
        seen: dict[str, tuple[tuple[str, ...] | str, str, str]] = {}
        for data in (data for data in every if column in data):
            text = data.text(column)
            table = pd.DataFrame({"id": data.text(SUBJECT), "text": text, "line": data.lines})
            table = table[(table["id"] != "") & (table["text"] != "")]
            if column == "SEX":
                table = table[table["text"].str[:1].str.upper().isin(["F", "M"])]
            for who, value, line in table.drop_duplicates(["id", "text"]).itertuples(index=False):
                same = value[:1].upper() if column == "SEX" else spelling(value)
                known = seen.setdefault(who, (same, value, data.file))
                if known[0] != same:
                    bench.found(data.file).add(
                        int(line), column, f"{value} beside {known[1]} of {known[2]}",
                        f"one {meaning} per subject",
                        "two persons under one identifier? name the columns that tell them apart",
                    )  # fmt: skip
