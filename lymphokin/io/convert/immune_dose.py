"""Immune doses from a table of their own (as `lymphokin dose` writes it) to the patients."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from lymphokin.csv_text import restored
from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import read_dataset
from lymphokin.io.convert.mapping import stated_format
from lymphokin.plausible import accepted_in
from lymphokin.plausible.identifiers import spelling


def with_immune_dose(
    bench: Bench, subjects: pd.DataFrame, ids: pd.Series, path: str | os.PathLike[str]
) -> pd.DataFrame:
    """`subjects` with IMMUNE_DOSE_GY and IMMUNE_DOSE_SOURCE of the table at `path`.

    `ids`: subjects with records. Rows of the table for others are dropped; they, and subjects
    without a dose, are named. An identifier that is almost one of a subject is a problem.
    """
    data = read_dataset(path, stated=stated_format(bench.mapping))
    bench.account.source(data.file, len(data))
    _keep_accepted(bench, accepted_in(Path(path).read_bytes()))
    found = bench.found(data.file)
    for column in ("ID", "IMMUNE_DOSE_GY"):
        if column not in data:
            found.add(None, column, None, f"a column {column}")
    bench.raise_if_any()
    rename = {str(k): str(v) for k, v in bench.mapping["subject"]["rename"].items()}
    who = data.text("ID").map(restored).replace(rename)
    dose, blank = bench.numbers(data, "IMMUNE_DOSE_GY"), data.text("IMMUNE_DOSE_GY").eq("")
    bench.flag(data, who.duplicated(), "ID", "one row per patient")
    expected = "the immune dose of the course in Gy, 0 or above"
    bench.flag(data, blank | (dose < 0), "IMMUNE_DOSE_GY", expected)
    known = who.isin(set(ids)).to_numpy()
    alike = {spelling(name): name for name in ids.unique()}
    for name, line in zip(who[~known], data.lines[~known], strict=True):
        if spelling(name) in alike:
            other = alike[spelling(name)]
            hint = f'is it {other}? [subject.rename] "{name}" = "{other}" in the mapping'
            found.add(int(line), "ID", name, "an identifier as in the records", hint)
    without = [name for name in ids.unique() if name not in set(who)]
    lost = [
        (without, "subject(s) with records have no dose in it"),
        (who[~known].tolist(), "patient(s) in it have no records"),
    ]
    for names, why in lost:
        if names:
            bench.account.warn(f"{data.file}: {len(names):,} {why}: {bench.named(names)}")
    bench.account.used[data.file] = int(known.sum())
    bench.account.dropped(data.file, "a patient without any record to use", data.lines[~known])
    table = pd.DataFrame(
        {
            "immune_dose_gy": dose.to_numpy(),
            "immune_dose_source": data.text("IMMUNE_DOSE_SOURCE").replace("", None).to_numpy(),
        },
        index=pd.Index(who, name="id"),
    )[known & ~who.duplicated().to_numpy()]
    everyone = subjects.index.union(pd.Index(ids.unique(), dtype=object), sort=False)
    return subjects.reindex(everyone).join(table)


def _keep_accepted(bench: Bench, accepted: dict[str, str]) -> None:
    """What was accepted when the doses were computed stays with the result.

    Checks of the immune dose itself, which the event table asks again, are accepted there too.
    """
    bench.account.accepted |= accepted
    again = {name: why for name, why in accepted.items() if name.startswith("immune_dose")}
    bench.mapping["accept"] = {**again, **bench.mapping["accept"]}
