"""What is wrong with an input: collected while reading, told at once, in one message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

LISTED = 100
"""Problems kept one by one per kind; the last of them counts the others."""

SHOWN = 5
"""Problems of one kind spelt out in the message."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `row`: line in the file, from 1, comment lines counted (record of a data set, row of a
    workbook); None for the file as a whole.
    `column`: column of the table, None when no single one is at fault. `value`: what was found.
    `expected`: what should stand there. `hint`: the likely remedy, may be empty. `more`: further
    rows with the same problem that are counted here and not listed.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    expected: str
    hint: str = ""
    more: int = 0


class BadInput(Exception):  # noqa: N818  (the user's word for it)
    """The input cannot be used; carries every problem, `str()` is the message to show."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(render(self.problems))


def render(problems: Sequence[Problem]) -> str:
    """One message for all problems, those of the same kind together, in order of appearance."""
    files = dict.fromkeys(p.file for p in problems)
    return "\n".join(_render_file(f, [p for p in problems if p.file == f]) for f in files)


def _render_file(file: str, problems: Sequence[Problem]) -> str:
    kinds: dict[tuple[str | None, str], list[Problem]] = {}
    for problem in sorted(problems, key=lambda p: p.row or 0):
        kinds.setdefault((problem.column, problem.expected), []).append(problem)
    total = sum(1 + p.more for p in problems)
    lines = [f"{file}: {total:,} problem{'s' if total > 1 else ''}"]
    for (column, expected), members in kinds.items():
        lines.append(f"  {column + ': ' if column else ''}expected {expected}")
        lines += [f"    {_found(p)}" for p in members[:SHOWN]]
        rest = sum(1 + p.more for p in members) - min(len(members), SHOWN)
        if rest:
            lines.append(f"    ... and {rest:,} more")
    return "\n".join(lines)


def _found(problem: Problem) -> str:
    where = f"{_row_name(problem.file)} {problem.row:,}: " if problem.row is not None else ""
    what = "found nothing" if problem.value is None else f"found {_quoted(problem.value)}"
    return where + what + (f" ({problem.hint})" if problem.hint else "")


def _row_name(file: str) -> str:
    """What a row is called: text files have lines, workbooks rows, data sets records."""
    ending = file.rpartition(".")[2].lower()
    if ending in ("xlsx", "xlsm"):
        return "row"
    return "record" if ending in ("xpt", "json", "ndjson", "parquet") else "line"


def _quoted(value: str) -> str:
    if not value:
        return "a blank"
    short = value if len(value) <= 60 else value[:57] + "..."
    return short if short.isprintable() else ascii(short)


class Findings:
    """Collects the problems and warnings of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.warnings: list[str] = []
        self._kinds: dict[tuple[str | None, str], list[Problem]] = {}

    def add(
        self,
        row: int | None,
        column: str | None,
        value: str | None,
        expected: str,
        hint: str = "",
        more: int = 0,
    ) -> None:
        """Note a problem (and `more` rows that share it); beyond LISTED per kind only count."""
        kind = self._kinds.setdefault((column, expected), [])
        if len(kind) < LISTED:
            row = None if row is None else int(row)
            kind.append(Problem(self.file, row, column, value, expected, hint, int(more)))
        else:
            kind[-1] = replace(kind[-1], more=kind[-1].more + 1 + int(more))

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, in order of line."""
        every = [p for kind in self._kinds.values() for p in kind]
        return tuple(sorted(every, key=lambda p: p.row or 0))

    def raise_if_any(self) -> None:
        if self._kinds:
            raise BadInput(self.problems)
