"""What a page of checks is made of: sections of verdicts, tables and figures with their keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from lymphokin.pages.drawing import inline_svg
from lymphokin.verdict import Verdict, worst


@dataclass(frozen=True)
class Drawing:
    """One figure under its heading, with its key and what a good one looks like."""

    heading: str
    svg: Markup
    caption: str
    width: float
    """inches that the figure was drawn for"""

    @classmethod
    def of(cls, heading: str, figure: Figure, name: str, alternative: str, caption: str) -> Drawing:
        """A figure as it stands on the page; ``name`` is unique there."""
        width = float(figure.get_size_inches()[0])
        return cls(heading, inline_svg(figure, name, alternative), caption, width)


@dataclass(frozen=True)
class Table:
    """Numbers in rows under their names; the first cell of a row names it."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One group of checks."""

    name: str
    heading: str
    text: str
    verdicts: tuple[Verdict, ...]
    drawings: tuple[Drawing, ...]
    terms: tuple[tuple[str, str], ...] = ()
    """words and their meaning, after the text"""
    tables: tuple[Table, ...] = ()

    @property
    def level(self) -> str:
        """The worst of the section's verdicts."""
        return worst(self.verdicts)


def of_checks(verdicts: Iterable[Verdict], *checks: str) -> tuple[Verdict, ...]:
    """The verdicts of checks whose names begin with one of ``checks``."""
    return tuple(v for v in verdicts if v.check.startswith(checks))
