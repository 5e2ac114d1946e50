"""Results of which only limits are known: an outcome that they leave open is not known."""

import math

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.endpoints import read_endpoint
from lymphokin.io.summary import summarise
from lymphokin.io.visits import endpoint_visits
from lymphokin.predict.windows import of_values, windows_of

OUTCOMES = {
    "0.7": (0.7, True),
    "0.80": (0.8, False),
    "<0.8": (0.79, True),
    "<0.1": (0.1, True),
    "<0.6": (0.6, True),
    "<1.0": (None, None),
    ">0.5": (None, None),
    ">0.8": (0.8, False),
    ">1.5": (1.5, False),
    "0.5-1.0": (None, None),
    "0.5-0.7": (0.7, True),
    "0.3-0.6": (0.6, True),
}
"""By how the count of the endpoint visit is written: the count and grade >= 2, None where open."""
GRADES = {"1.4": 0, "0.9": 1, ">0.7": None, ">1.0": 0, "<0.8": None, "<0.2": 4, "0.5-0.8": 2}
"""By how the count before treatment is written: the grade."""
HEAD = "ID,TIME,EVID,CMT,AMT,DVID,DV"


def read(tmp_path, patients):
    """A cohort of P0, P1, ..., with what is written on some days of each, {day: count}."""
    lines = [HEAD]
    for number, of_days in enumerate(patients):
        name = f"P{number}"
        rows = [(0.0, f"{name},0,1,rt,8,,")]
        rows += [(day + 0.1, f"{name},{day},0,,,alc,{word}") for day, word in of_days.items()]
        lines += [row for _, row in sorted(rows)]
    path = tmp_path / "counts.csv"
    path.write_text("\n".join(lines) + "\n")
    return lk.read_events(path)


def test_the_endpoint_visit_is_graded_where_its_limits_allow(tmp_path):
    visits = endpoint_visits(read(tmp_path, [{-3: "1.4", 42: word} for word in OUTCOMES]))
    for patient, (word, (count, grade2)) in enumerate(OUTCOMES.items()):
        assert visits["observed_grade2"].iloc[patient] is grade2, word
        expected = math.nan if count is None else count
        found = visits["observed_alc"].iloc[patient]
        assert found == pytest.approx(expected, nan_ok=True), word


def test_the_grade_before_treatment_is_known_where_its_limits_allow(tmp_path):
    cohort = read(tmp_path, [{-9: "2.0", -3: word} for word in GRADES])
    found = endpoint_visits(cohort)["baseline_grade"]
    known = [None if np.isnan(grade) else int(grade) for grade in found]
    assert dict(zip(GRADES, known, strict=True)) == GRADES
    number = dict(zip(GRADES, cohort.patients.index, strict=True))
    mean, last = cohort.mean_baseline("alc"), cohort.last_baseline("alc")
    assert mean[number[">0.7"]] == 2.0
    assert mean[number["0.9"]] == pytest.approx(np.sqrt(2.0 * 0.9))
    assert last[number["0.5-0.8"]] == 2.0


WINDOWS = {
    ("0.7", "0.4"): True,
    ("0.7", "0.5"): False,
    ("0.7", "<0.5"): True,
    ("0.7", "<0.9"): None,
    ("0.7", ">0.4"): None,
    ("0.7", ">0.5"): False,
    ("0.4-0.6", "0.9"): None,
    ("0.2-0.4", ">0.9"): True,
}
"""By the counts of days 7 and 28: whether the lowest one within 30 days is below 0.5."""


@pytest.mark.parametrize("words", WINDOWS, ids=" ".join)
def test_an_endpoint_of_a_window_is_known_where_all_limits_allow(words, tmp_path):
    endpoint = read_endpoint("grade3_lowest").model_copy(update={"until": 30.0})
    days = {-3: "1.4", 7: words[0], 28: words[1]}
    (window,) = windows_of(read(tmp_path, [days]), endpoint).values()
    if WINDOWS[words] is None:
        assert window.observed is None
    else:
        assert window.observed is not None
        assert of_values(endpoint, np.log(window.observed), window)[1] == [WINDOWS[words]]


def test_a_summary_has_no_median_of_what_lies_above_a_limit(tmp_path):
    cohort = read(tmp_path, [{-3: "1.4", 8: ">0.5"}, {-3: "1.2", 8: "0.9"},
                             {-3: "1.3", 9: "<0.8"}])  # fmt: skip
    (week,) = [week for week in summarise(cohort)["weeks"] if week["week"] == 1]
    assert (week["counts"], week["median"], week["grade2_or_worse"]) == (2, 0.85, 1)
