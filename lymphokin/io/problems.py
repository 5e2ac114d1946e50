"""What is wrong with an input: collected while reading, reported at once, in one message."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lymphokin.plausible import CHECKS, Verdict, checked_reasons

LISTED = 100
"""Problems kept one by one per kind; the last of them counts the others."""

SHOWN = 5
"""Problems of one kind spelt out in the message."""

WARNED = 3
"""Places named in a warning."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `row`: line in the file, from 1, comment lines counted (record of a data set, row of a
    workbook); None for the file as a whole.
    `column`: column of the table, None when no single one is at fault. `value`: what was found.
    `expected`: what should stand there. `hint`: the likely remedy, may be empty. `more`: further
    rows with the same problem that are counted here and not listed. `check`: name of the check of
    plausibility that may be accepted, empty for what cannot be.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    expected: str
    hint: str = ""
    more: int = 0
    check: str = ""


class BadInput(Exception):  # noqa: N818  (the user's word for it)
    """The input cannot be used; carries every problem, `str()` is the message to show."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
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


def _same(one: str, other: str) -> bool:
    """Whether two cells say the same, as text or as numbers."""
    try:
        return one == other or float(one) == float(other)
    except ValueError:
        return False


def _quoted(value: str) -> str:
    if not value:
        return "a blank"
    short = value if len(value) <= 60 else value[:57] + "..."
    return short if short.isprintable() else ascii(short)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell of a table that was made of other files stands in those.

    `column`: empty where the column is not known there. `cell`: the cell as it is written, empty
    where it is not known.
    """

    file: str
    row: int
    column: str = ""
    cell: str = ""


class Findings:
    """Collects the problems and warnings of one file.

    `origin`: where a row and column come from, for a table that was made of other files; what is
    found is then reported of those. `accept`: checks of plausibility that the user accepts, by name
    with the reason; `accepted` holds those that were needed.
    """

    def __init__(
        self,
        file: str,
        accept: Mapping[str, str] | None = None,
        origin: Callable[[int, str | None], Place] | None = None,
    ) -> None:
        self.file = file
        self._origin = origin
        self._seen: set[Problem] = set()
        self.accepted: dict[str, str] = {}
        self._kinds: dict[tuple[str | None, str], list[Problem]] = {}
        self._warnings: list[str] = []
        self._remarkable: dict[str, list[str]] = {}
        self._reasons, wrong = checked_reasons(accept or {})
        for value, expected, hint in wrong:
            self.add(None, None, value, expected, hint)

    def add(
        self,
        row: int | None,
        column: str | None,
        value: str | None,
        expected: str,
        hint: str = "",
        more: int = 0,
        check: str = "",
    ) -> None:
        """Note a problem (and `more` rows that share it); beyond LISTED per kind only count."""
        row = None if row is None else int(row)
        problem = Problem(self.file, row, column, value, expected, hint, int(more), check)
        if self._origin is not None and row is not None:
            problem = self._at_origin(problem)
            if problem in self._seen:  # several records come from one cell
                return
            self._seen.add(problem)
        kind = self._kinds.setdefault((problem.column, expected), [])
        if len(kind) < LISTED:
            kind.append(problem)
        else:
            kind[-1] = replace(kind[-1], more=kind[-1].more + 1 + int(more))

    def _at_origin(self, problem: Problem) -> Problem:
        assert self._origin is not None
        assert problem.row is not None
        place = self._origin(problem.row, problem.column)
        value = problem.value
        if place.cell and value is not None:
            value = place.cell if _same(value, place.cell) else f"{value}, from {place.cell}"
        column = place.column or problem.column
        return replace(problem, file=place.file, row=place.row, column=column, value=value)

    def judge(
        self, name: str, number: float, row: int | None, column: str | None, value: str | None,
        hint: str = "",
    ) -> bool:  # fmt: skip
        """Compare `number` with the ranges of a check of plausibility; whether it is refused.

        An impossible number is a problem. An improbable one is a problem unless the check is
        accepted; then it is a warning that quotes the reason. An unusual one is a warning.

        Args:
            name: The check, a key of `lymphokin.plausible.CHECKS`.
            number: What is compared, in the check's unit; NaN is passed over.
            row: Row at fault, None for the file as a whole.
            column: Column at fault, None when no single one is.
            value: What to show as found.
            hint: The likely mistake, may be empty.
        """
        check = CHECKS[name]
        verdict = check.verdict(number)
        if verdict is Verdict.IMPOSSIBLE:
            self.add(row, column, value, check.expected(check.possible), hint)
        elif verdict is Verdict.IMPROBABLE and name not in self._reasons:
            expected = check.expected(check.plausible)
            way_on = f"accept it as `{name}` with a reason, if it is right"
            mark = " " if hint.endswith("?") else "; "
            hint = f"{hint}{mark}{way_on}" if hint else way_on
            self.add(row, column, value, expected, hint, check=name)
        elif verdict is not Verdict.USUAL:
            if verdict is Verdict.IMPROBABLE:
                self.accepted[name] = self._reasons[name]
                said = f"accepted as {name}: {self._reasons[name]}"
            else:
                said = f"usual: {check.range_text(check.usual)}"
            self._remark(f"{check.compared} ({said})", row, column, value)
            return False
        return verdict is not Verdict.USUAL

    def _remark(self, what: str, row: int | None, column: str | None, value: str | None) -> None:
        at = Problem(self.file, row, column, value, "")
        if self._origin is not None and row is not None:
            at = self._at_origin(at)
        where = "" if at.row is None else f"{_row_name(at.file)} {int(at.row):,}"
        where = f"{at.file} {where}" if at.file != self.file else where
        shown = "" if at.value is None else _quoted(at.value)
        place = " ".join(filter(None, (where, at.column, shown)))
        places = self._remarkable.setdefault(what, [])
        if place not in places:
            places.append(place)

    def warn(self, message: str) -> None:
        """Note something that does not stop the reading."""
        self._warnings.append(message)

    @property
    def warnings(self) -> list[str]:
        """All warnings; remarkable numbers of one check are one warning."""
        grouped = []
        for what, places in self._remarkable.items():
            more = f" and {len(places) - WARNED:,} more" if len(places) > WARNED else ""
            named = "; ".join(filter(None, places[:WARNED]))
            grouped.append(f"{what}: {named}{more}" if named else what)
        return self._warnings + grouped

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, in order of line."""
        every = [p for kind in self._kinds.values() for p in kind]
        return tuple(sorted(every, key=lambda p: p.row or 0))

    def raise_if_any(self) -> None:
        """Raise BadInput with the problems, if there are any."""
        if self._kinds:
            raise BadInput(self.problems)
