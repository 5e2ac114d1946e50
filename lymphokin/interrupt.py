"""Ctrl-C ends a command cleanly at any moment: while it imports, compiles, computes or writes.

Python turns the signal into a ``KeyboardInterrupt``, which unwinds the work and removes what is
half-written. Other libraries may swallow it or turn it into an error of their own, so it comes
again until the command has ended, and the command knows that it was stopped. Only a program that
the main thread compiles is finished first, which takes seconds.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

STOPPED = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as shells have it."""
PATIENCE = 2.0
"""Seconds that unwinding may take before it is asked for again; it takes a few hundredths."""

_asked = False


def listen() -> None:
    """From now on, Ctrl-C is not lost."""
    signal.signal(signal.SIGINT, _interrupt)
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.signal(signal.SIGALRM, _interrupt)
    sys.unraisablehook = _unraisable
    sys.excepthook = _uncaught


def asked() -> bool:
    """Whether somebody has pressed Ctrl-C."""
    return _asked


def leave() -> None:
    """After Ctrl-C, end the process at once: programs that still compile would hold it up."""
    if not _asked:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(STOPPED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    raise KeyboardInterrupt


def _unraisable(lost: Any) -> None:
    """Say nothing of an interrupt that could not be raised: it comes again."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say nothing of an interrupt of a module in C while it imports another: it comes again."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
