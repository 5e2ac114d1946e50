"""An append-only log of questions and answers, each line with its SHA-256 and that of the last.

A byte that is changed, a line that is taken out or moved is found by :func:`verify`. The last
lines can be cut off unseen unless the digest of the last line is kept elsewhere, and nothing keeps
somebody from writing the whole log anew.
"""

from __future__ import annotations

import errno
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

OWNER_ONLY = 0o600
"""Mode of a new log: it holds patients."""
START = "0" * 64
"""What the first line holds in place of a digest."""


def written(entry: dict[str, Any]) -> bytes:
    """An entry as it stands in the log."""
    return json.dumps(entry, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def digest_of(entry: dict[str, Any]) -> str:
    """SHA-256 of an entry without its digest."""
    return hashlib.sha256(written({k: v for k, v in entry.items() if k != "digest"})).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What :func:`verify` found."""

    lines: int
    broken_line: int | None
    """first line that does not fit, from 1"""
    reason: str
    last_digest: str


class AuditLog:
    """Appends to a log; several processes may share it.

    Raises:
        OSError: when the file cannot be written to; it is made if there is none, for its owner's
            eyes only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, OWNER_ONLY))

    def add(self, kind: str, question: BaseModel, answer: BaseModel) -> None:
        """Append one question with its answer, and make sure it is on disk.

        Raises:
            OSError: when the disk is full; the log is then as it was.
        """
        entry: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": kind,
            "version": version("lymphokin"),
            "question": question.model_dump(mode="json"),
            "answer": answer.model_dump(mode="json", exclude={"seconds"}),
        }
        with self._lock, self.path.open("a+b", buffering=0) as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            last = _last_line(file)
            entry["previous"] = _stated_digest(last) if last else START
            entry["digest"] = digest_of(entry)
            ended = b"" if last.endswith(b"\n") or not last else b"\n"
            _append(file, ended + written(entry) + b"\n")


def _append(file: Any, content: bytes) -> None:
    """Append to an unbuffered file, all or nothing."""
    size = file.seek(0, os.SEEK_END)
    try:
        if file.write(content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)
        os.fsync(file.fileno())
    except OSError:
        file.truncate(size)
        raise


def _last_line(file: Any) -> bytes:
    """The last line with its end, if it has one; empty in an empty file."""
    end = file.seek(0, os.SEEK_END)
    size = 1 << 16
    while end:
        start = max(0, end - size)
        file.seek(start)
        tail = file.read(end - start)
        place = tail.rfind(b"\n", 0, -1)
        if place >= 0 or start == 0:
            file.seek(0, os.SEEK_END)
            return tail[place + 1 :]
        size *= 4
    return b""


def _stated_digest(line: bytes) -> str:
    """The digest that stands in a line; of a broken line that of its bytes."""
    try:
        return str(json.loads(line)["digest"])
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(line).hexdigest()


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
            reason = _broken(raw, previous)
            if reason:
                return Verdict(number - 1, number, reason, previous)
            previous = _stated_digest(raw)
    return Verdict(number, None, "", previous)


def _broken(raw: bytes, previous: str) -> str:
    """Why a line is not as it was written after the one before; empty if it is."""
    try:
        entry = json.loads(raw)
    except ValueError:
        return "is not JSON"
    if not isinstance(entry, dict) or "digest" not in entry:
        return "has no digest"
    if entry.get("previous") != previous:
        return "does not follow from the line before: a line was changed, moved or taken out"
    try:
        same = entry["digest"] == digest_of(entry) and raw == written(entry) + b"\n"
    except ValueError:
        same = False
    return "" if same else "was changed"
