"""Rows of equal work, some at a time: all of them, in their order, by several threads."""

import threading

import jax
import numpy as np
import pytest

from lymphokin.infer.devices import by_parts


@pytest.mark.parametrize(("rows", "size"), [(1, 1), (3, 4), (4, 4), (23, 3), (24, 3)])
def test_every_row_is_computed_and_parts_come_in_their_order(rows, size):
    given = {"a": np.arange(rows), "b": np.arange(2 * rows).reshape(rows, 2)}
    found = list(by_parts(lambda part: {"sum": part["a"] + part["b"].sum(axis=1)}, given, size))
    assert all(len(part["sum"]) == size for part in found[:-1])
    joined = np.concatenate([part["sum"] for part in found])
    np.testing.assert_array_equal(joined, np.arange(rows) + given["b"].sum(axis=1))


def test_parts_are_computed_side_by_side():
    if len(jax.local_devices()) < 2:
        pytest.skip("needs two devices")
    both = threading.Barrier(2, timeout=20)

    def meet(part):
        both.wait()
        return part

    assert len(list(by_parts(meet, np.arange(4), 1))) == 4


def test_a_part_that_fails_is_heard_of():
    def fail(part):
        raise ArithmeticError("part 2")

    with pytest.raises(ArithmeticError, match="part 2"):
        list(by_parts(fail, np.arange(4), 1))
