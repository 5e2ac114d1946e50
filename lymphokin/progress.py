"""Progress of long work: what it reports, and a bar for terminals and notebooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class SamplerProgress(NamedTuple):
    """Where a sampler stands after a chunk of transitions."""

    done: int
    """transitions of each chain so far"""
    total: int
    """transitions of each chain in all"""
    warming_up: bool
    divergences: int
    """among the draws that are kept"""
    mean_steps: float
    """gradients per transition in the last chunk"""
    going_on: str = ""
    """how the chains go on beyond what was asked: for more effective draws, with shorter steps;
    empty while they do not"""


class Reporter:
    """Receives what long work reports; this base class ignores it.

    Subclass it to show progress elsewhere, and pass an instance as ``progress=``. An exception
    that a method raises stops the work, which can be continued where it was kept.
    """

    def stage(self, text: str) -> None:
        """A new stage begins, described by ``text``."""

    def sampling(self, progress: SamplerProgress) -> None:
        """The sampler has finished a chunk."""

    def counting(self, done: int, total: int) -> None:
        """``done`` of the ``total`` equal jobs of a stage are finished."""


class ProgressBar(Reporter):
    """A progress bar on standard error, or in the output of a notebook's cell.

    Where standard error is neither a terminal nor a notebook, each event is a line of its own.
    """

    def __init__(self, console: Any) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._drawn = console.is_terminal or console.is_jupyter
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            transient=not self._drawn,
        )
        self._console = console
        self._task = self._bar.add_task("starting", total=None, note="")

    def start(self) -> None:
        """Show the bar."""
        self._bar.start()

    def stop(self) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()

    def _line(self, text: str) -> None:
        if not self._drawn:
            self._console.print(text)

    def stage(self, text: str) -> None:
        self._bar.update(self._task, description=text, total=None, note="")
        self._line(text)

    def sampling(self, progress: SamplerProgress) -> None:
        phase = "warm-up" if progress.warming_up else "draws"
        note = (
            f"{phase} {progress.done}/{progress.total}, {progress.mean_steps:.0f} steps each, "
            f"{progress.divergences} divergences"
            f"{f', going on {progress.going_on}' if progress.going_on else ''}"
        )
        self._bar.update(self._task, total=progress.total, completed=progress.done, note=note)
        self._line(f"  {note}")

    def counting(self, done: int, total: int) -> None:
        self._bar.update(self._task, total=total, completed=done, note=f"{done}/{total}")
        self._line(f"  {done}/{total}")


@contextmanager
def shown(progress: bool | Reporter | None) -> Iterator[Reporter]:
    """The reporter that an argument ``progress=`` of a public function asks for.

    Args:
        progress: a reporter of the caller's; True for a bar, False for silence; None for a bar
            where someone looks: in a terminal or in a notebook.
    """
    if isinstance(progress, Reporter):
        yield progress
        return
    in_notebook = "ipykernel" in sys.modules
    if progress is False or (progress is None and not (in_notebook or sys.stderr.isatty())):
        yield Reporter()
        return
    from rich.console import Console

    bar = ProgressBar(Console(stderr=not in_notebook))
    bar.start()
    try:
        yield bar
    finally:
        bar.stop()
