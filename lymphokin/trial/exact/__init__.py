"""Exact small-sample design of a two-arm trial with a yes-or-no endpoint."""

from lymphokin.trial.exact.attrition import Attrition
from lymphokin.trial.exact.barnard import Barnard
from lymphokin.trial.exact.base import ExactTest
from lymphokin.trial.exact.bayes import Bayes
from lymphokin.trial.exact.boschloo import Boschloo
from lymphokin.trial.exact.comparison import Compared, compare
from lymphokin.trial.exact.design import Design, Size
from lymphokin.trial.exact.fisher import Fisher, MidP
from lymphokin.trial.exact.sample_size import SampleSize, sample_size

TESTS: dict[str, ExactTest] = {
    test.name: test for test in (Fisher(), MidP(), Boschloo(), Barnard(), Bayes())
}
"""The tests by name."""

__all__ = [
    "TESTS",
    "Attrition",
    "Barnard",
    "Bayes",
    "Boschloo",
    "Compared",
    "Design",
    "ExactTest",
    "Fisher",
    "MidP",
    "SampleSize",
    "Size",
    "compare",
    "sample_size",
]
