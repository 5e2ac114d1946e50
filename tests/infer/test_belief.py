"""How far an approximation is believed, from Pareto k of its population and of its patients."""

import numpy as np
import pytest

from lymphokin.infer.belief import judge_approximation
from lymphokin.infer.importance import Reliability


@pytest.mark.parametrize(
    ("population", "patients", "reweighted", "level"),
    [
        (0.4, [0.2, 0.3], False, "good"),
        (0.6, [0.2, 0.3], False, "caution"),
        (0.6, [0.2, 0.3], True, "good"),
        (0.6, [0.2, 0.8], True, "caution"),
        (0.75, [0.2, 0.3], True, "bad"),
    ],
)
def test_its_level_is_that_of_its_worst_part(population, patients, reweighted, level):
    found = Reliability(1.5, population, np.array(patients), 90.0)
    assert judge_approximation("quick", found, ["a", "b"], reweighted=reweighted).level == level


@pytest.mark.parametrize(
    ("patients", "unreliable", "said"),
    [
        ([0.2, 0.8, 0.3], ("b",), "1 does not follow it (Pareto k above 0.7): b."),
        ([0.9, 0.8, 0.3], ("a", "b"), "2 do not follow it (Pareto k above 0.7): a, b."),
    ],
)
def test_patients_that_do_not_follow_it_are_named(patients, unreliable, said):
    found = Reliability(1.5, 0.4, np.array(patients), 90.0)
    judged = judge_approximation("quick", found, ["a", "b", "c"], reweighted=True)
    assert f"Of 3 patients, {said}" in judged.verdict
    assert judged.patients_unreliable == unreliable
