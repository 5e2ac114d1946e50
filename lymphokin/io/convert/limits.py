"""Results with their limits, read alike from every kind of file, and reported in the account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lymphokin.io.censoring import (
    EXPECTED,
    UNSURE_WORDS,
    Limits,
    Mask,
    Numbers,
    Word,
    limited,
    read_word,
)
from lymphokin.io.convert.account import counted
from lymphokin.io.convert.bench import COUNT, LEVEL, Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.results import EXPECTED as NUMBERS
from lymphokin.io.convert.results import read_number
from lymphokin.io.convert.treatment_names import holds
from lymphokin.quantities import DRUG

FLAGS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("BLQ", "BLOQ", "BQL", "BLLOQ", "BLQFN"), ("1", "0")),
    "BLQFL": ("Y", "N"),
}
"""Columns that flag a result below its limit whose number may be anything, their yes and no."""
LLOQ, ULOQ = ("LLOQ", "ALLOQ"), ("ULOQ", "AULOQ")
"""Columns with limits of quantification, the first that is there counts."""

BLANK = ("", ".", "-")
"""How an empty cell is written."""


def table_of(kind: str) -> str:
    """The table of a mapping that holds what is said of a kind of results."""
    return DRUG if kind == LEVEL else "lab"


def read_words(bench: Bench, texts: Iterable[str], kind: str) -> list[Word]:
    """Results as they are written; the mapping's words say more of what is missing or below.

    `kind`: of all of them.
    """
    texts = list(texts)
    none = bench.mapping["lab"]["missing"]
    below = bench.mapping[table_of(kind)]["below"]
    known = {text: _word(text, none, below) for text in dict.fromkeys(texts)}
    return [known[text] for text in texts]


def _word(text: str, none: list[str], below: list[str]) -> Word:
    if text.strip() and text.strip().upper() in {str(word).upper() for word in below}:
        return Word(side=-1)
    word = read_word(text)
    if word.side == 0 and not re.search(r"\d", text) and holds(text, none):
        return Word(missing=True)
    return word


def read_results(
    bench: Bench,
    data: Dataset,
    column: str,
    kind: str,
    factor: Numbers,
    missing: Mask | None = None,
    limits: dict[str, float] | None = None,
    table: str = "",
) -> Limits:
    """The results of a column with their limits, in the event table's unit.

    Limits stand in the columns of `LLOQ` and `ULOQ`; those of all records in the mapping.

    Args:
        bench: The conversion.
        data: Rows of results of one kind.
        column: Where the results stand.
        kind: What they are.
        factor: From the unit of each row to the event table's.
        missing: Rows whose result does not count, whatever is written.
        limits: `lloq` and `uloq` of all records, in the event table's unit (default: those of the
            mapping).
        table: The table of the mapping that states them, for the message.
    """
    shown = bench.plain(data, column)
    text = shown.where(~missing, "") if missing is not None else shown
    words = read_words(bench, text, kind)
    number = [read_number(word.number) if word.number else None for word in words]
    unread = [bool(w.number) and n is None for w, n in zip(words, number, strict=True)]
    bench.flag(data, np.array(unread, bool), column, NUMBERS["number"])
    exact = zip(number, factor, strict=True)
    value = np.array(
        [np.nan if n is None else float(n * Fraction(repr(float(f)))) for n, f in exact]
    )
    above = [read_number(word.other) for word in words]
    other = np.array([np.nan if n is None else float(n) for n in above]) * factor
    usual = limits or {name: usual_limit(bench, kind, name) for name in ("lloq", "uloq")}
    stated = {"lloq": LLOQ, "uloq": ULOQ}
    lloq, uloq = (limits_in(bench, data, stated[n], factor, usual[n]) for n in ("lloq", "uloq"))
    tell_missing(bench, data, text.tolist(), words, kind)
    side = [word.side for word in words]
    where = [column] * len(data)
    hints = limit_hints(bench, kind, table)
    return with_limits(bench, data, value, side, factor, lloq, uloq, other=other,
                       shown=shown.tolist(), column=where, hints=hints)  # fmt: skip


def read_single_events(
    bench: Bench, data: Dataset, column: str, missing: Mask | None = None
) -> dict[str, Any]:
    """Columns of draft records of an event: 1 where it has happened, 0 where it had not by then."""
    text = bench.plain(data, column)
    text = text.where(~missing, "") if missing is not None else text
    known = {word: _EVENT.get(word.strip()) for word in text.unique()}
    none = [word for word in known if word in BLANK or _word(word, [], []).missing]
    value = text.map({word: np.nan if n is None else n for word, n in known.items()})
    unread = value.isna() & ~text.isin(none)
    expected = "1 (it has happened) or 0 (it had not by then), or a blank"
    bench.flag(data, unread, column, expected)
    for name in ("CENS", "LIMIT"):
        number = bench.numbers(data, name)
        expected = "0 or a blank on a record of an event: a last 0 says that it had not happened"
        bench.flag(data, number.notna() & (number != 0), name, expected)
    return {"value": value.to_numpy(float)}


_EVENT = {"0": 0.0, "0.0": 0.0, "1": 1.0, "1.0": 1.0}


def limit_hints(bench: Bench, kind: str, table: str = "") -> dict[str, str]:
    """What to say of a result without a limit: the keys of the mapping.

    `table`: the one that states limits of every kind of results, if any does.
    """
    key = f"limits of all: [{table or table_of(kind)}] lloq, uloq"
    column = "give limits in the columns LLOQ and ULOQ"
    return {
        **dict.fromkeys(("no limit", "zero"), key if table or _has_limits(bench, kind) else column),
        "negative": "logarithms? [nonmem.logarithms] in the mapping of a NONMEM table",
    }


def flagged_below(bench: Bench, data: Dataset) -> Mask:
    """Results flagged as below their limit, whose number may be anything."""
    flagged = np.zeros(len(data), bool)
    for name, (yes, no) in FLAGS.items():
        stated = data.text(name).str.upper()
        unread = ~stated.isin([yes, no, "", "."]).to_numpy()
        bench.flag(data, unread, name, f"{yes} (below the limit), {no} or a blank")
        flagged |= stated.eq(yes).to_numpy()
    return flagged


def limits_in(
    bench: Bench, data: Dataset, names: tuple[str, ...], factor: Numbers, usual: Numbers | float = 0
) -> Numbers:
    """The first stated of the columns `names` per row in the event table's unit, else `usual`.

    `factor`: from the unit of a row to the event table's. `usual`: 0 where there is none.
    """
    limit = np.full(len(data), np.nan)
    for name in (n for n in names if n in data):
        limit = np.where(np.isnan(limit), bench.numbers(data, name).to_numpy() * factor, limit)
    return np.where(np.isnan(limit) & (np.asarray(usual) > 0), usual, limit)


def usual_limit(bench: Bench, kind: str, name: str) -> float:
    """The limit `lloq` or `uloq` of all records of a kind in the mapping, 0 where there is none."""
    return float(bench.mapping[table_of(kind)][name]) if _has_limits(bench, kind) else 0.0


def _has_limits(bench: Bench, kind: str) -> bool:
    """Whether the mapping may state limits of all records of a kind."""
    return kind in (COUNT, LEVEL) and kind not in bench.own


def with_limits(
    bench: Bench,
    data: Dataset,
    value: Numbers,
    side: Sequence[int] | np.ndarray,
    factor: Numbers,
    lloq: Numbers,
    uloq: Numbers,
    *,
    other: Numbers,
    shown: Sequence[str],
    column: Sequence[str],
    hints: Mapping[str, str],
) -> Limits:
    """Results with what is known of them; those that contradict themselves are problems.

    Flags (BLQ, BLQFL, BLQFN) and CENS with LIMIT are read where `data` has them.

    Args:
        bench: The conversion.
        data: Rows of the results.
        value: Their numbers in the event table's unit, NaN where there is none.
        side: -1 where written as below the number or a limit, 1 above, 0 neither.
        factor: From the unit of a row to the event table's.
        lloq: Lower limits of quantification, in the event table's unit.
        uloq: Upper limits.
        other: What results written as between two numbers lie above, in the event table's unit.
        shown: The results as they are written.
        column: Where each stands.
        hints: What to say beside a problem, by its name in `EXPECTED`.
    """
    found = limited(
        value,
        np.asarray(side, np.int8),
        cens=bench.numbers(data, "CENS").to_numpy(),
        limit=bench.numbers(data, "LIMIT").to_numpy() * factor,
        other=other,
        flagged=flagged_below(bench, data),
        lloq=lloq,
        uloq=uloq,
    )
    problems = bench.found(data.file)
    for at in np.flatnonzero(found.problem != "").tolist():
        name = found.problem[at]
        problems.add(
            int(data.lines[at]), column[at], shown[at], EXPECTED[name], hints.get(name, "")
        )
    _tell(bench, data, np.asarray(shown, object), found)
    return found


def _tell(bench: Bench, data: Dataset, shown: np.ndarray, found: Limits) -> None:
    """How many results were taken as below, above or between limits, and how they are written."""
    above = found.censored & np.isinf(found.upper)
    between = found.censored & ~above & (found.lower > 0)
    kinds: tuple[tuple[str, Mask], ...] = (
        ("below a limit", found.censored & ~above & ~between),
        ("above a limit", above),
        ("between two limits", between),
    )
    for what, rows in kinds:
        why = f"taken as {what}: {counted(shown[rows])}"
        bench.account.changed(data.file, why, data.lines[rows])


def tell_missing(
    bench: Bench, data: Dataset, shown: Sequence[str], words: Sequence[Word], kind: str
) -> None:
    """How many results were taken as missing although a word stands there, and which words."""
    rows = np.array([w.missing and s not in BLANK for w, s in zip(words, shown, strict=True)], bool)
    said = np.asarray(shown, object)[rows]
    bench.account.changed(data.file, f"taken as no result: {counted(said)}", data.lines[rows])
    unsure = [word for word in said if word.lower() in UNSURE_WORDS]
    if unsure:
        table, word = table_of(kind), unsure[0]
        bench.account.warn(
            f"{data.file}: {counted(unsure)} taken as not done; if it means not detected, say so "
            f'in the mapping: [{table}] below = ["{word}"]'
        )


def in_draft(found: Limits) -> dict[str, Any]:
    """Columns of draft records that say what is known of each result."""
    below = found.censored & (found.value == found.upper)
    return {
        "value": found.value,
        "below": below,
        "above": found.censored & ~below,
        "lower": np.where(below, found.lower, np.nan),
        "upper": np.where(below | np.isinf(found.upper), np.nan, found.upper),
        "lloq": found.lloq,
    }
