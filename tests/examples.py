"""Examples of docstrings, run with the names that they use."""

from __future__ import annotations

import doctest
from typing import Any

import lymphokin as lk


def runs(name: str, **names: Any) -> bool:
    """Whether a public name has an example, and it prints what it says.

    Args:
        name: the public name, or a method as ``Fit.save``.
        names: what the example uses.
    """
    value: Any = lk
    for part in name.split("."):
        value = getattr(value, part)
    found = doctest.DocTestFinder(recurse=False).find(value, name, globs={"lk": lk, **names})
    examples = [test for test in found if test.examples]
    assert examples, f"lk.{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    return all(runner.run(test).failed == 0 for test in examples)
