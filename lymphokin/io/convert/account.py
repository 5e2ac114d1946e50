"""The account of a conversion: what became of every source row. Totals add up, or it is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 5
"""Row numbers kept with an entry, and words spelt out with their numbers."""


def counted(words: Iterable[str]) -> str:
    """Words with how often each stands there, the most frequent first: `NA (3), ND (1)`."""
    common = Counter(words).most_common()
    more = sum(count for _, count in common[EXAMPLES:])
    reported = [f"{word} ({count:,})" for word, count in common[:EXAMPLES]]
    return ", ".join([*reported, *([f"others ({more:,})"] if more else [])])


@dataclass(frozen=True)
class Entry:
    """`count` rows of a source that were dropped, changed or read by an assumption, and why.

    `rows`: numbers of the first of them (lines of a text file, else records from 1).
    """

    source: str
    what: str
    why: str
    count: int
    rows: tuple[int, ...] = ()


@dataclass
class Account:
    """Filled while converting; names files and rows, and patients only where a join loses them.

    `rows`: rows of each source; `used`: rows that became records; `made`: records of the event
    table by kind; `entries`: dropped, changed and assumed rows; `warnings`: what a reader should
    check; `accepted`: improbable numbers that the user accepts, by the check's name with the
    reason; `sites`: the user's own tables of sites, by file with the hash of its bytes.
    """

    rows: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)

    def source(self, name: str, rows: int) -> None:
        """A file that is read, and how many rows it has."""
        self.rows[name] = self.rows.get(name, 0) + rows

    def dropped(self, source: str, why: str, rows: Iterable[int]) -> None:
        """Rows that do not reach the event table."""
        self._note(source, "dropped", why, rows)

    def changed(self, source: str, why: str, rows: Iterable[int]) -> None:
        """Rows that reach it in another form."""
        self._note(source, "changed", why, rows)

    def assumed(self, source: str, why: str, rows: Iterable[int]) -> None:
        """Rows that were read in one of several ways, as nothing in them says which."""
        self._note(source, "assumed", why, rows)

    def warn(self, text: str) -> None:
        """Something a reader should check."""
        if text not in self.warnings:
            self.warnings.append(text)

    def _note(self, source: str, what: str, why: str, rows: Iterable[int]) -> None:
        numbers = sorted(int(row) for row in rows)
        if numbers:
            first = tuple(numbers[:EXAMPLES])
            self.entries.append(Entry(source, what, why, len(numbers), first))

    def dropped_of(self, source: str) -> int:
        """How many rows of a source were dropped."""
        return sum(e.count for e in self.entries if e.source == source and e.what == "dropped")

    def balance(self) -> None:
        """Check that each source's rows are used or dropped, no more and no less.

        Raises RuntimeError if not: then rows went missing without a word, which is our mistake.
        """
        for name, rows in self.rows.items():
            reported = self.used.get(name, 0) + self.dropped_of(name)
            if reported != rows:
                raise RuntimeError(f"{name}: {rows} rows, but {reported} used or dropped")

    def as_dict(self) -> dict[str, Any]:
        """The account as plain values, for JSON."""
        return {
            "sources": [
                {
                    "file": name,
                    "rows": rows,
                    "used": self.used.get(name, 0),
                    "dropped": self.dropped_of(name),
                }
                for name, rows in self.rows.items()
            ],
            "entries": [
                {"file": e.source, "what": e.what, "count": e.count, "why": e.why, "rows": e.rows}
                for e in self.entries
            ],
            "event_table": {**self.made, "records": sum(self.made.values())},
            "warnings": self.warnings,
            "accepted": self.accepted,
            "sites": self.sites,
        }

    def lines(self) -> list[str]:
        """The account as lines of text."""
        reported = []
        for name, rows in self.rows.items():
            used, dropped = self.used.get(name, 0), self.dropped_of(name)
            reported.append(f"{name}: {rows:,} rows = {used:,} used + {dropped:,} dropped")
            for entry in (e for e in self.entries if e.source == name):
                where = ", ".join(f"{row:,}" for row in entry.rows)
                more = ", ..." if entry.count > len(entry.rows) else ""
                reported.append(f"  {entry.what} {entry.count:,}: {entry.why} (rows {where}{more})")
        parts = " + ".join(f"{count:,} {kind}" for kind, count in self.made.items() if count)
        reported.append(f"event table: {sum(self.made.values()):,} records = {parts or 'nothing'}")
        reported += [f"accepted {name}: {reason}" for name, reason in self.accepted.items()]
        return reported + [f"Warning: {text}" for text in self.warnings]
