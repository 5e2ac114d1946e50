"""Files and folders that appear whole or not at all, and never hold half of a result."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

type AnyPath = str | os.PathLike[str]
"""What every public function takes where it wants a path."""


@contextmanager
def whole(path: AnyPath) -> Iterator[Path]:
    """A temporary name beside ``path``; what is made there becomes ``path`` after the block.

    A file that has the name is replaced. Whatever stops the block (a full disk, Ctrl-C) leaves what
    was there before, and nothing beside it: neither the temporary file or folder, nor folders that
    were made to hold it.

    Args:
        path: the file or folder to make; its folder is made if there is none.

    Yields:
        a path with the same ending, where nothing exists yet.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    with parents_of(path):
        try:
            yield temporary
            temporary.replace(path)
        except BaseException as error:
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink(missing_ok=True)
            _name_it(error, temporary, path)
            raise


def _name_it(error: BaseException, hidden: Path, path: Path) -> None:
    """Let an error of the system speak of the path that the caller knows."""
    if isinstance(error, OSError) and error.errno and error.filename in (None, hidden, str(hidden)):
        error.filename = str(path)


@contextmanager
def parents_of(path: Path) -> Iterator[None]:
    """Make the folders that are to hold ``path``; those that are empty after a failure go again."""
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def write_with(path: AnyPath, write: Callable[[Path], object]) -> Path:
    """Let ``write`` write a file whole or not at all, as :func:`whole` does; returns ``path``."""
    with whole(path) as temporary:
        write(temporary)
    return Path(path)


def write_text(path: AnyPath, text: str) -> Path:
    """Write a text file (UTF-8, line ends as in ``text``) whole or not at all."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: AnyPath, content: bytes) -> Path:
    """Write a binary file whole or not at all."""
    return write_with(path, lambda temporary: temporary.write_bytes(content))


def write_texts(contents: Mapping[Path, str]) -> list[Path]:
    """Write text files that belong together: all of them or none."""
    with ExitStack() as stack:
        for path, text in contents.items():
            stack.enter_context(whole(path)).write_bytes(text.encode("utf-8"))
    return list(contents)


def write_folder(folder: AnyPath, fill: Callable[[Path], None]) -> Path:
    """Let ``fill`` fill a folder that appears whole or not at all.

    Raises:
        FileExistsError: when ``folder`` exists; nothing is written.
    """
    folder = Path(folder)
    refuse_existing(folder)
    with whole(folder) as temporary:
        temporary.mkdir()
        fill(temporary)
        refuse_existing(folder)
    return folder


def refuse_existing(*paths: AnyPath) -> None:
    """Refuse to write over what is there.

    Raises:
        FileExistsError: naming the first path that exists.
    """
    for path in map(Path, paths):
        if path.exists():
            raise FileExistsError(f"{path} exists: choose another name or move it away")


def refuse_unwritable(path: AnyPath) -> None:
    """Refuse, before the work and not after it, a place where nothing can be written.

    Raises:
        PermissionError: naming the path and the folder that takes nothing.
        NotADirectoryError: when a file stands where a folder is needed.
    """
    path = Path(path)
    holder = next(f for f in (path, *path.absolute().parents) if f.is_dir() or f.is_file())
    if holder != path and not holder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(holder))
    folder = holder if holder.is_dir() else path.absolute().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"nothing can be written in {folder}", str(path))


@contextmanager
def exclusive(path: AnyPath) -> Iterator[None]:
    """Keep a name for this process, so that two do not work on the same result at once.

    Args:
        path: the result; a lock file stands beside it for as long as the work goes on.

    Raises:
        FileExistsError: when another process is at work on it.
    """
    import portalocker  # here, as it takes as long as the rest of a quick command's start

    path = Path(path)
    name = path.with_name(f".{path.name}.lock")
    lock = portalocker.TemporaryFileLock(str(name), timeout=0, fail_when_locked=True)
    with parents_of(path):
        try:
            lock.acquire()
        except portalocker.AlreadyLocked:
            raise FileExistsError(
                f"{path} is being written by another process: wait for it"
            ) from None
        except OSError as error:
            _name_it(error, name, path)
            raise
        try:
            yield
        finally:
            lock.release()
