"""An append-only log of questions and answers; every line holds the SHA-256 of the line before.

A byte that is changed, a line that is taken out or moved is found by :func:`verify`. The last
lines can be cut off unseen unless the digest of the last line is kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

try:
    import fcntl
except ImportError:  # not on Windows, where one process writes at a time
    fcntl = None

START = "0" * 64
"""What the first line holds in place of a digest."""


def digest_of(line: bytes) -> str:
    """SHA-256 of a line without its end."""
    return hashlib.sha256(line).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What :func:`verify` found."""

    lines: int
    broken_line: int | None
    """first line that does not fit, from 1"""
    reason: str
    last_digest: str


class AuditLog:
    """Appends to a log; several processes may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def add(self, kind: str, question: BaseModel, answer: BaseModel) -> None:
        """Append one question with its answer, and make sure it is on disk."""
        entry: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": kind,
            "version": version("lymphokin"),
            "question": question.model_dump(mode="json"),
            "answer": answer.model_dump(mode="json", exclude={"seconds"}),
        }
        with self._lock, self.path.open("a+b") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            last = _last_line(file)
            entry["previous"] = digest_of(last) if last else START
            line = json.dumps(entry, separators=(",", ":"), sort_keys=True, allow_nan=False)
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _last_line(file: Any) -> bytes:
    """The last line without its end; empty in an empty file."""
    end = file.seek(0, os.SEEK_END)
    size = 1 << 16
    while end:
        start = max(0, end - size)
        file.seek(start)
        tail = file.read(end - start).rstrip(b"\n")
        place = tail.rfind(b"\n")
        if place >= 0 or start == 0:
            file.seek(0, os.SEEK_END)
            return tail[place + 1 :]
        size *= 4
    return b""


def verify(path: Path) -> Verdict:
    """Whether a log is as it was written.

    Raises:
        FileNotFoundError: when there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    previous, number = START, 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            line = raw.removesuffix(b"\n")
            reason = _broken(line, raw, previous)
            if reason:
                return Verdict(number - 1, number, reason, previous)
            previous = digest_of(line)
    return Verdict(number, None, "", previous)


def _broken(line: bytes, raw: bytes, previous: str) -> str:
    """Why a line does not follow the one before; empty if it does."""
    try:
        entry = json.loads(line)
    except ValueError:
        return "is not JSON"
    if not isinstance(entry, dict) or entry.get("previous") != previous:
        return "does not follow from the line before: one of the two was changed, moved or removed"
    if not raw.endswith(b"\n"):
        return "is cut off"
    canonical = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
    return "" if canonical == line else "is not as it was written"
