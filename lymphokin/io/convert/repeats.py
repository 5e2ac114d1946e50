"""Several records of one subject at one time: which counts, as the mapping says."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.limits import table_of

SAME = 1 / 86_400
"""Days within which records are at the same time."""
_PLACE = ["id", "kind", "moment", "lesion"]
_RESULT = ["value", "below", "above", "lower", "upper"]
_ORDER = {
    "first": (["sequence", "at"], True),
    "last": (["sequence", "at"], False),
    "mean": (["sequence", "at"], True),
    "lowest": (["value", "at"], True),
    "highest": (["value", "at"], False),
}
"""Columns that sort records of one time, the one to keep first, and whether upwards."""


def without_repeats(bench: Bench, records: pd.DataFrame) -> pd.DataFrame:
    """Records without those that say again what another says, or say nothing beside a result.

    Several results at one time become one by `repeats` of [lab] or of the drug in the mapping; what
    no rule decides is a problem.
    """
    again = _keyed(records).duplicated([*_PLACE, *_RESULT]).to_numpy()
    records = drop(bench, records, again, "a repeated record: same subject, time and value")
    keyed = _keyed(records)
    known = keyed["value"].notna()
    beside = known.groupby([keyed[name] for name in _PLACE]).transform("any") & ~known
    why = "no result beside a result at the same time"
    records = drop(bench, records, beside.to_numpy(), why)
    for kind in (n for n in bench.words.quantities if n not in bench.words.events):
        rule = bench.mapping[table_of(kind)]["repeats"]
        if rule:
            records = _by_rule(bench, records, kind, rule)
    _refuse_conflicts(bench, records)
    return records


def drop(bench: Bench, records: pd.DataFrame, rows: np.ndarray, why: str) -> pd.DataFrame:
    """`records` without the marked ones; a source row is dropped when nothing of it is left."""
    kept, gone = records[~rows], records[rows]
    left = set(zip(kept["source"], kept["row"], strict=True))
    for source, group in gone.groupby("source", sort=False):
        lost = [row for row in dict.fromkeys(group["row"]) if (source, row) not in left]
        bench.account.dropped(str(source), why, lost)
    return kept


def _keyed(records: pd.DataFrame) -> pd.DataFrame:
    moment = np.rint(records["day"].fillna(0) / SAME).astype(np.int64)
    return records.assign(moment=moment, value=records["value"].round(9))


def _by_rule(bench: Bench, records: pd.DataFrame, kind: str, rule: str) -> pd.DataFrame:
    """Records with one of each time kept; the first and last are by sequence number, then row."""
    keyed = _keyed(records).assign(at=np.arange(len(records)))
    several = (keyed["kind"] == kind) & keyed.duplicated(_PLACE, keep=False)
    if not several.any():
        return records
    by, ascending = _ORDER[rule]
    order = keyed[several].sort_values(by, ascending=ascending)
    again = np.zeros(len(records), bool)
    again[order["at"].to_numpy()[order.duplicated(_PLACE).to_numpy()]] = True
    if rule == "mean":
        groups = keyed[several].groupby(_PLACE)
        for at in keyed.loc[several, "at"][keyed[several]["below"] | keyed[several]["above"]]:
            _add(bench, records.iloc[at], "a result within its limits, where the mean counts",
                 "a limit has no mean; use another rule")  # fmt: skip
        mean = groups["value"].transform("mean")
        values = records["value"].to_numpy(copy=True)
        values[several.to_numpy()] = mean.to_numpy()
        records = records.assign(value=values)
    kept = records[several.to_numpy() & ~again]
    for source, group in kept.groupby("source", sort=False):
        why = f"several results at one time: the {rule} counts, as the mapping says"
        bench.account.changed(str(source), why, group["row"])
    why = f"another result at the same time; the {rule} counts, as the mapping says"
    return drop(bench, records, again, why)


def _refuse_conflicts(bench: Bench, records: pd.DataFrame) -> None:
    """Two values of one quantity at one time are a problem that the user must solve."""
    keyed = _keyed(records)
    place = [keyed[name] for name in _PLACE]
    first = keyed.groupby(place)[["value", "row", "source"]].transform("first")
    again = keyed.duplicated(_PLACE).to_numpy()
    shown = zip(records[again].itertuples(), first[again].itertuples(index=False), strict=True)
    for record, other in shown:
        beside = f"{record.value:g} beside {other[0]:g} of row {int(other[1]):,}"
        beside += f" of {other[2]}" if other[2] != record.source else ""
        kind = str(record.kind)
        if kind not in bench.words.quantities or kind in bench.words.events:
            hint = "a duplicate? keep one of them"
        else:
            hint = (f'a duplicate visit? keep one of them, or [{table_of(kind)}] repeats '
                    '= "first", "last", "mean", "lowest" or "highest" in the mapping')  # fmt: skip
        _add(bench, record, "one value per subject, time and test", hint, beside)


def _add(bench: Bench, record: object, expected: str, hint: str, value: str = "") -> None:
    row, shown = int(record.row), value or f"{record.value:g}"  # type: ignore[attr-defined]
    bench.found(str(record.source)).add(row, None, shown, expected, hint)  # type: ignore[attr-defined]
