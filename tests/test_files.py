"""Files and folders appear whole or not at all."""

import os
from pathlib import Path

import pytest

from lymphokin.files import refuse_existing, write_bytes, write_folder, write_text


def test_a_text_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "old")
    assert write_text(str(path), "grün\n") == path
    assert path.read_bytes() == "grün\n".encode()
    assert os.listdir(tmp_path) == ["page.html"]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    assert write_bytes(tmp_path / "new", b"1").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("error", [OSError("no space left on device"), KeyboardInterrupt()])
def test_whatever_stops_a_folder_from_being_filled_leaves_nothing(tmp_path, error):
    def fill(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise error

    with pytest.raises(type(error)):
        write_folder(tmp_path / "run", fill)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_not_touched(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(FileExistsError, match="run exists"):
        write_folder(tmp_path / "run", lambda folder: None)
    with pytest.raises(FileExistsError, match="run exists"):
        refuse_existing(tmp_path / "other", tmp_path / "run")
