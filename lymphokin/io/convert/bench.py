"""What a conversion works with: the mapping, the account, and the problems of every file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pandas as pd

from lymphokin.io.convert.account import Account, counted
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.mapping_defaults import Mapping
from lymphokin.io.convert.privacy import pseudonyms
from lymphokin.io.number_format import without_flag
from lymphokin.io.problems import BadInput, Findings, Problem
from lymphokin.lab_units import count_factor, unit_factor
from lymphokin.quantities import DRUG, DRUGS, OBSERVABLES, VaryingCovariate, Vocabulary
from lymphokin.sites import SiteTable, shipped_sites


def given(word: str) -> str:
    """The kind of records of doses of a drug, or (rt) of fractions."""
    return f"dose of {word}"


def stated(covariate: str) -> str:
    """The kind of records that state a covariate which changes."""
    return f"value of {covariate}"


COUNT, LEVEL, FRACTION, DOSE, RESET = "alc", DRUG, given("rt"), given(DRUG), "a reset"
OTHERS = tuple(name for name in OBSERVABLES if name not in (COUNT, LEVEL))
"""Kinds of records: lymphocyte counts, levels of the drug of every event table, fractions, its
doses, and resets to the untreated state; and what else is measured, each by a key of its name in
[lab] of the mapping. A kind of a result is its word in DVID."""
DRUG_LABEL = DRUGS[DRUG].label

NAMED = 5
"""Subjects spelt out in a warning."""

DRAFT: dict[str, type | str] = {
    "source": object,
    "row": np.int64,
    "id": object,
    "kind": object,
    "when": "datetime64[s]",
    "clock": np.bool_,
    "day": np.float64,
    "value": np.float64,
    "below": np.bool_,
    "above": np.bool_,
    "lower": np.float64,
    "upper": np.float64,
    "lloq": np.float64,
    "lln": np.float64,
    "steady": np.float64,
    "duration": np.float64,
    "lesion": np.int64,
    "lesion_cm3": np.float64,
    "tube": object,
    "delay": np.float64,
    "sd": np.float64,
    "sequence": np.float64,
    "column": object,
    "cell": object,
}
"""Columns of records on their way to the event table. `when` is a date (NaT where `day`, in days
from day 0, is known instead); `value` is in the event table's unit, NaN without a result, and
the limit where `below` or `above`; `lower` and `upper` are the other limit of such a value,
NaN where there is none. `steady`: days between the doses that have come to a steady state
with this one, NaN of any other. `duration`: days that an infusion lasts, NaN of any other.
`sequence` is the order of a subject's records in their source, NaN where it is that of the
rows. `column` and `cell`: where the value stands in the source and how it is written."""


_DECIDE = 'say which in the mapping, [format] decimal = "." or decimal = ","'


@dataclass
class Bench:
    """Shared by the steps of one conversion.

    `key`: secret key of the pseudonyms, None where subjects keep their identifiers.
    """

    mapping: Mapping
    account: Account = field(default_factory=Account)
    sites: SiteTable = field(default_factory=shipped_sites)
    key: bytes | None = None
    words: Vocabulary = field(default_factory=Vocabulary)
    """What the event table may say was measured and given."""
    columns: dict[str, str] = field(default_factory=dict)
    """Columns of the event table as the source calls them."""
    undecided: bool = False
    """Whether it is not known how a column is to be read, so that its numbers say nothing."""
    _found: dict[str, Findings] = field(default_factory=dict)
    _ambiguous: set[tuple[str, str]] = field(default_factory=set)
    _flagged: set[tuple[str, str]] = field(default_factory=set)
    _unread: set[tuple[str, str, int]] = field(default_factory=set)

    def unit_factor(self, kind: str, unit: str) -> Fraction | None:
        """Factor from a result in `unit` to the event table's unit; None where none is known."""
        mass = 0.0 if kind in self.covariates else self.words.observable(kind).molar_mass
        return unit_factor(unit, self.unit_of(kind), mass)

    def unit_of(self, kind: str) -> str:
        """The unit of a result, or of a covariate that changes, in the event table."""
        covariate = self.covariates.get(kind)
        return self.words.observable(kind).unit if covariate is None else covariate.unit

    @property
    def covariates(self) -> dict[str, VaryingCovariate]:
        """Covariates of the model that change, by the kind of their records."""
        return {stated(name): covariate for name, covariate in self.words.varying.items()}

    @property
    def own(self) -> tuple[str, ...]:
        """Kinds of results that only the model measures, or in another unit than other tables."""
        return tuple(
            name
            for name, observable in self.words.observables.items()
            if name not in OBSERVABLES or OBSERVABLES[name].unit != observable.unit
        )

    @property
    def counts(self) -> tuple[str, ...]:
        """Kinds of results that are counts of blood cells, but for those of every event table."""
        own = [n for n in self.own if count_factor(self.words.observable(n).unit) is not None]
        return (COUNT, *own)

    @property
    def is_of_lymphocytes(self) -> bool:
        """Whether `alc` is in its usual unit, so that it can be compared with what counts are."""
        return self.words.observable(COUNT).unit == OBSERVABLES[COUNT].unit

    def found(self, file: str) -> Findings:
        """Where the problems of a file are noted."""
        return self._found.setdefault(file, Findings(file, self.mapping["accept"]))

    def judge(
        self, data: Dataset, check: str, numbers: np.ndarray | pd.Series, column: str,
        hint: str = "", shown: str = "",
    ) -> None:  # fmt: skip
        """Compare a number per row of `data` (NaN: none) with a check of plausibility.

        `shown`: how to show the number, such as `{:.0f} days` (default: the cell of `column`).
        """
        text = data.text(column)
        for at, number in enumerate(np.asarray(numbers, float)):
            value = shown.format(number) if shown or column not in data else text.iloc[at]
            value = value or f"{number:g}"
            self.found(data.file).judge(check, number, int(data.lines[at]), column, value, hint)

    def close(self) -> None:
        """Raise BadInput if there are problems; else tell the account what was remarkable."""
        self.raise_if_any()
        for found in self._found.values():
            for warning in found.warnings:
                self.account.warn(f"{found.file}: {warning}")
            self.account.accepted |= found.accepted

    def flag(
        self,
        data: Dataset,
        rows: np.ndarray | pd.Series,
        column: str,
        expected: str,
        hint: str = "",
    ) -> None:
        """Note the cells of `column` in the marked rows of `data` as problems.

        A cell that is no number is reported once, as that.
        """
        marked = np.flatnonzero(np.asarray(rows, bool))
        if not len(marked):
            return
        text = data.text(column)
        for at in marked:
            if (data.file, column, int(data.lines[at])) in self._unread:
                continue
            value = text.iloc[at] if column in data else None
            self.found(data.file).add(int(data.lines[at]), column, value, expected, hint)

    def numbers(self, data: Dataset, column: str) -> pd.Series:
        """A column as numbers, NaN where blank or absent; what is no number is a problem."""
        values = data.numbers(column)
        self._tell_flags(data, column)
        if column in data and not self._asked(data, column):
            lost = values.isna() & ~data.text(column).isin(["", "."])
            hint = 'a mark or unit beside it? [format] flags = ["*"] in the mapping'
            self.flag(data, lost, column, "a number, or a blank if missing", hint)
            self._unread |= {(data.file, column, int(line)) for line in data.lines[lost]}
        return values

    def named(self, ids: Iterable[str]) -> str:
        """Subjects as they are called in the account, the first few of them."""
        distinct = list(dict.fromkeys(ids))
        known = distinct if self.key is None else list(pseudonyms(distinct, self.key).values())
        more = f" and {len(known) - NAMED:,} more" if len(known) > NAMED else ""
        return ", ".join(known[:NAMED]) + more

    @property
    def troubled(self) -> bool:
        """Whether there are problems so far."""
        return any(found.problems for found in self._found.values())

    def plain(self, data: Dataset, column: str) -> pd.Series:
        """A column as text with plain numbers; one that can be read in two ways is a problem."""
        self._asked(data, column)
        self._tell_flags(data, column)
        return data.plain(column)

    def _tell_flags(self, data: Dataset, column: str) -> None:
        """Tell the account, once per column, which numbers were read without their flags."""
        form = data.written.get(column)
        if form is None or not form.flags or (data.file, column) in self._flagged:
            return
        self._flagged.add((data.file, column))
        words = data.text(column)
        rows = np.array([without_flag(str(word), form.flags) != word for word in words], bool)
        why = f"flags of {column} left out as the mapping says: {counted(words[rows])}"
        self.account.changed(data.file, why, data.lines[rows])

    def _asked(self, data: Dataset, column: str) -> bool:
        """Whether a column can be read in two ways, which is a problem; mixed ones are reported."""
        form = data.written.get(column)
        if form is not None and form.mixed:
            self.account.warn(
                f"{data.file}: {column} has numbers with decimal points and with decimal commas"
            )
        if form is None or form.readings is None:
            return False
        text = data.text(column)
        stated = np.flatnonzero(~text.isin(["", "."]).to_numpy())
        if not stated.size:
            return False
        if (data.file, column) not in self._ambiguous:
            self._ambiguous.add((data.file, column))
            self.ask(data, column, "numbers", form.readings[0], f"{form.question}: {_DECIDE}")
        return True

    def ask(self, data: Dataset, column: str, what: str, word: str, question: str) -> None:
        """Ask how a column is to be read, at its first cell `word`; nothing can be said of it yet.

        `what`: what stands in the column, in the plural.
        """
        self.undecided = True
        text = data.text(column)
        stated = np.flatnonzero(~text.isin(["", "."]).to_numpy())
        at = next((n for n in stated if text.iloc[n] == word), stated[0])
        expected = f"{what} that can be read in one way"
        self.found(data.file).add(int(data.lines[at]), column, word, expected, question)

    @property
    def problems(self) -> list[Problem]:
        """The problems of all files."""
        return [p for found in self._found.values() for p in found.problems]

    def raise_if_any(self) -> None:
        """Raise BadInput with the problems of all files, if there are any."""
        if self.troubled:
            raise BadInput(self.problems)


def draft(data: Dataset, kind: str, ids: pd.Series, **columns: object) -> pd.DataFrame:
    """Draft records of the rows of `data`; columns that are not given are blank."""
    blank = {"clock": False, "below": False, "lesion": 0, "tube": None, "day": np.nan}
    blank |= {"above": False, "lower": np.nan, "upper": np.nan, "column": "", "cell": ""}
    blank |= {
        "value": np.nan,
        "lloq": np.nan,
        "lln": np.nan,
        "steady": np.nan,
        "duration": np.nan,
        "lesion_cm3": np.nan,
        "delay": np.nan,
        "sd": np.nan,
        "sequence": np.nan,
        "when": np.datetime64("NaT", "s"),
    }
    known = {"source": data.file, "row": data.lines, "kind": kind, "id": ids.to_numpy()}
    table = pd.DataFrame(blank | known | columns, index=range(len(data)), columns=list(DRAFT))
    return table.astype(DRAFT)


def no_records() -> pd.DataFrame:
    """A draft without records."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in DRAFT.items()})
