"""JAX's compiled programs on disk: damaged ones are removed and made again, without a word."""

import subprocess
import sys

import pytest

from lymphokin.jax_setup import remove_damaged

PROGRAM = """
import resource, sys
from lymphokin.jax_setup import prepare_jax
prepare_jax(1)
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
import jax
print(jax.jit(lambda x: x * 2 + 1)(3.0))
"""


@pytest.fixture
def compute(tmp_path):
    """Compile and run a small program in a process of its own; returns what it says."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={"PATH": "", "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "7.0\n"
        return done.stderr

    return run


@pytest.mark.long
def test_a_damaged_program_is_made_again_in_silence(compute, tmp_path):
    assert compute() == ""
    (entry,) = (tmp_path / "compiled").glob("jit__lambda*")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:60])
    assert compute() == ""
    assert len(entry.read_bytes()) > 0.9 * len(whole)


@pytest.mark.long
def test_a_full_disk_is_said_once_and_leaves_no_damaged_program(compute, tmp_path):
    said = compute("on a full disk")
    assert said.count("\n") == 1
    assert f"cannot be kept in {tmp_path / 'compiled'} (OSError" in said
    assert not list((tmp_path / "compiled").iterdir())


def test_only_damaged_entries_of_the_program_are_removed(tmp_path):
    import zlib

    good, other = tmp_path / "jit_f-1-cache", tmp_path / "jit_g-1-cache"
    bad = tmp_path / "jit_f-2-cache"
    good.write_bytes(zlib.compress(b"program"))
    bad.write_bytes(zlib.compress(b"program")[:-1])
    other.write_bytes(b"")
    remove_damaged(tmp_path, "jit_f")
    assert [p.exists() for p in (good, bad, other)] == [True, False, True]
    remove_damaged(tmp_path, "jit_f")
    assert not good.exists()
