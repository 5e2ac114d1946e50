"""The audit log: what is written can be verified, and any change to it is found."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.whatif.answers import Estimate
from lymphokin.whatif.audit import START, AuditLog, verify
from lymphokin.whatif.patient import Count, Patient
from lymphokin.whatif.schedule import Schedule
from tests.test_files import full_disk


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "what-if.jsonl"
    for value in (1.2, 0.9, 0.7):
        AuditLog(path).add("whatif", Patient(counts=(Count(day=0, value=value),)), Schedule())
    return path


def test_a_log_is_intact_as_written_and_grows_over_restarts(log: Path):
    found = verify(log)
    assert (found.lines, found.broken_line) == (3, None)
    AuditLog(log).add("whatif", Patient(), Schedule())
    after = verify(log)
    assert (after.lines, after.broken_line) == (4, None)
    assert after.last_digest != found.last_digest


def test_an_empty_log_is_intact(tmp_path: Path):
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert verify(path).last_digest == START


@settings(max_examples=80)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_any_changed_byte_is_found(log: Path, place: float, flip: int):
    content = bytearray(log.read_bytes())
    content[int(place * len(content))] ^= flip
    changed = log.with_name("changed.jsonl")
    changed.write_bytes(bytes(content))
    assert verify(changed).broken_line is not None


def test_a_changed_number_of_the_answer_is_found_wherever_it_stands(tmp_path: Path):
    """Every digit inside the answer, one at a time; the line stays well-formed JSON."""
    path = tmp_path / "answers.jsonl"
    answer = Estimate(p=0.34, low=0.15, high=0.54, of_100=34)
    AuditLog(path).add("whatif", Patient(), answer)
    line = path.read_bytes()
    begin = line.index(b'"answer":')
    end = line.index(b"}", begin)
    digits = [i for i in range(begin, end) if chr(line[i]).isdigit()]
    assert len(digits) > 8
    for i in digits:
        other = b"1" if line[i : i + 1] != b"1" else b"2"
        path.write_bytes(line[:i] + other + line[i + 1 :])
        assert verify(path).broken_line == 1, line[i - 12 : i + 2]


def test_a_line_taken_out_or_moved_is_found(log: Path):
    one, two, three = log.read_bytes().splitlines(keepends=True)
    for lines, broken in (([one, three], 2), ([two, three], 1), ([one, three, two], 2)):
        log.write_bytes(b"".join(lines))
        assert verify(log).broken_line == broken


def test_a_line_cut_off_by_a_crash_is_found_and_the_next_one_is_whole(log: Path):
    log.write_bytes(log.read_bytes()[:-30])
    assert verify(log).broken_line == 3
    AuditLog(log).add("whatif", Patient(), Schedule())
    assert verify(log).broken_line == 3
    assert len(log.read_bytes().splitlines()) == 4


def test_a_full_disk_leaves_the_log_as_it_was(log: Path):
    before = log.read_bytes()
    for more in (0, 40):
        with full_disk(len(before) + more), pytest.raises(OSError, match=r"large|space"):
            AuditLog(log).add("whatif", Patient(), Schedule())
        assert log.read_bytes() == before
    AuditLog(log).add("whatif", Patient(), Schedule())
    assert verify(log).lines == 4


def test_a_log_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        AuditLog(tmp_path / "file" / "log.jsonl")
