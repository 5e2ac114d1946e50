"""Files and folders that appear whole or not at all, and never hold half of a result."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

type AnyPath = str | os.PathLike[str]
"""What every public function takes where it wants a path."""


def write_with(path: AnyPath, write: Callable[[Path], None]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, then rename it to ``path``.

    A file of that name is replaced. Whatever stops the writing (a full disk, a signal) leaves the
    old file or none, and no temporary one. The new file gets the permissions of any new file.

    Args:
        path: the file to write; its folder must exist.
        write: writes the file that it is given, an empty one with the same ending as ``path``.

    Returns:
        ``path``.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def write_text(path: AnyPath, text: str) -> Path:
    """Write a text file (UTF-8, line ends as in ``text``) whole or not at all."""
    return write_with(path, lambda temporary: _write(temporary, text.encode("utf-8")))


def write_bytes(path: AnyPath, content: bytes) -> Path:
    """Write a binary file whole or not at all."""
    return write_with(path, lambda temporary: _write(temporary, content))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def write_folder(folder: AnyPath, fill: Callable[[Path], None]) -> Path:
    """Let ``fill`` fill a temporary folder beside ``folder``, then rename it to ``folder``.

    Raises:
        FileExistsError: when ``folder`` exists; nothing is written.
    """
    folder = Path(folder)
    refuse_existing(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        fill(temporary)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


def refuse_existing(*paths: AnyPath) -> None:
    """Refuse to write over what is there.

    Raises:
        FileExistsError: naming the first path that exists.
    """
    for path in map(Path, paths):
        if path.exists():
            raise FileExistsError(f"{path} exists: choose another name or move it away")


@contextmanager
def exclusive(path: AnyPath) -> Iterator[None]:
    """Keep a name for this process, so that two do not work on the same result at once.

    Args:
        path: the result; a lock file stands beside it for as long as the work goes on.

    Raises:
        FileExistsError: when another process is at work on it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise FileExistsError(f"{path} is being written by another process: wait for it") from None
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
