"""Files and folders appear whole or not at all, whatever stops the writing."""

import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from lymphokin.arrays import read_arrays, write_arrays
from lymphokin.files import (
    exclusive,
    refuse_existing,
    write_bytes,
    write_folder,
    write_text,
    write_texts,
)


@contextmanager
def full_disk(size: int = 1000):
    """The system refuses to make any file larger than this, as a disk without room does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_text_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "old")
    assert write_text(str(path), "grün\n") == path
    assert path.read_bytes() == "grün\n".encode()
    assert os.listdir(tmp_path) == ["page.html"]


def test_new_files_and_folders_have_the_permissions_of_any(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    assert write_bytes(tmp_path / "new", b"1").stat().st_mode == plain.stat().st_mode
    (tmp_path / "folder").mkdir()
    made = write_folder(tmp_path / "run", lambda folder: None)
    assert made.stat().st_mode == (tmp_path / "folder").stat().st_mode


def fill(folder: Path) -> None:
    (folder / "small").write_text("x")
    (folder / "large").write_text("x" * 5000)


LARGE = {
    "a text": lambda path: write_text(path, "x" * 5000),
    "several texts": lambda path: write_texts({path.with_name("small"): "x", path: "x" * 5000}),
    "arrays": lambda path: write_arrays(path.with_suffix(".npz"), {"a": np.arange(5000.0)}),
    "a folder": lambda path: write_folder(path, fill),
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_full_disk_leaves_nothing_not_even_folders_that_were_made(tmp_path, kind):
    (tmp_path / "results").mkdir()
    with full_disk(), pytest.raises(OSError) as caught:  # noqa: PT011
        LARGE[kind](tmp_path / "results" / "new" / "deep" / "run")
    assert caught.value.errno == errno.EFBIG
    assert "/deep/run" in caught.value.filename
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["results"]


def test_what_was_there_survives_a_full_disk(tmp_path):
    path = write_text(tmp_path / "page.html", "old")
    with full_disk(), pytest.raises(OSError):  # noqa: PT011
        write_texts({tmp_path / "first.csv": "new", path: "x" * 5000})
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["page.html"]


def test_ctrl_c_while_a_folder_is_filled_leaves_nothing(tmp_path):
    def fill(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "runs" / "run", fill)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_not_touched(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(FileExistsError, match="run exists"):
        write_folder(tmp_path / "run", lambda folder: None)
    with pytest.raises(FileExistsError, match="run exists"):
        refuse_existing(tmp_path / "other", tmp_path / "run")
    with pytest.raises(FileExistsError, match="run2 exists"):
        write_folder(tmp_path / "run2", lambda folder: (tmp_path / "run2").mkdir())
    assert sorted(os.listdir(tmp_path)) == ["run", "run2"]


def test_a_name_is_kept_for_one_and_its_folder_goes_with_it(tmp_path):
    with exclusive(tmp_path / "runs" / "a"), pytest.raises(FileExistsError, match="by another"):  # noqa: SIM117
        with exclusive(tmp_path / "runs" / "a"):
            pass
    assert not list((tmp_path / "runs").iterdir())
    with pytest.raises(KeyboardInterrupt), exclusive(tmp_path / "other" / "a"):
        raise KeyboardInterrupt
    assert not (tmp_path / "other").exists()


def damaged(content: bytes) -> dict[str, bytes]:
    """A file of arrays as trouble may leave it."""
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return {"empty": b"", "cut": content[:middle], "one bit": flipped, "text": b"hello\n" * 50}


@pytest.mark.parametrize("how", damaged(bytes(10)))
def test_damaged_arrays_count_as_none_and_are_removed(tmp_path, how):
    path = tmp_path / "a.npz"
    write_arrays(path, {"x": np.arange(100.0)})
    found = read_arrays(path)
    assert found is not None
    np.testing.assert_array_equal(found["x"], np.arange(100.0))
    path.write_bytes(damaged(path.read_bytes())[how])
    assert read_arrays(path) is None
    assert not path.exists()
    assert read_arrays(path) is None
