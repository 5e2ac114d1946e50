"""Spellings of units, partial dates and grades, one by one."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.endpoint import grade_of_count
from lymphokin.io.convert.dates import from_study_day, read_dates
from lymphokin.io.convert.results import Reading, decimals_of
from lymphokin.lab_units import (
    DoseUnit,
    count_factor,
    dose_unit,
    level_factor,
    part_factor,
    radiation_factor,
    unit_factor,
)


@pytest.mark.parametrize(
    "unit",
    ["10^9/L", "GI/L", "G/L", "10*9/L", "10**9/L", "10E9/L", "x10^9/L", "X 10^9/L", "10⁹/L",
     "1e9/L", "×10⁹/L", "THOU/uL", "10^3/uL", "10*3/uL", "K/uL", "K/µL", "x10E3/uL", "10^3/mm3",
     "10*3/mm³", "Th/uL",
     "10^3/mcL", "/nL", "Gpt/L", "Giga/L", "10^6/mL", "thou/mm3", "10e+03/uL"],
)  # fmt: skip
def test_units_of_1e9_per_litre(unit):
    assert count_factor(unit) == 1


@pytest.mark.parametrize(
    "unit", ["/uL", "cells/uL", "cells/mm3", "/mm3", "cells/µL", "1/uL", "cells/cumm", "10^6/L",
             "MI/L", "#/uL", "/mm^3"]
)  # fmt: skip
def test_units_of_one_per_microlitre(unit):
    assert count_factor(unit) == Fraction(1, 1000)


@pytest.mark.parametrize(
    "unit", ["g/L", "g/l", "%", "", "mg/dL", "L", "10^9", "10^4/L", "furlongs"]
)
def test_what_is_no_unit_of_counts(unit):
    assert count_factor(unit) is None


def test_other_units():
    assert level_factor("ug/mL") == 1000
    assert float(level_factor("nmol/L") or 0) == pytest.approx(0.30044)
    assert part_factor("%") == Fraction(1, 100)
    assert part_factor("FRACTION") == 1
    assert radiation_factor("cGy") == Fraction(1, 100)
    assert dose_unit("mg") == DoseUnit(Fraction(1))
    assert dose_unit("mcg") == DoseUnit(Fraction(1, 1000))
    for unit in ("mg/m2", "mg/m^2", "mg/m²", "mg / sqm"):
        assert dose_unit(unit) == DoseUnit(Fraction(1), "surface")
    assert dose_unit("mg/m2/day") == dose_unit("mg/d/m2") == DoseUnit(Fraction(1), "surface", True)
    assert dose_unit("g/kg") == DoseUnit(Fraction(1000), "weight")
    for unit in ("mg/m2/kg", "mg/day/d", "mg/mL", "mL", "", "/day", "mg/m2/week"):
        assert dose_unit(unit) is None


@given(st.text(max_size=12))
def test_any_text_is_a_unit_or_not(unit):
    for read in (count_factor, level_factor, part_factor, radiation_factor):
        assert read(unit) is None or read(unit) > 0  # type: ignore[operator]
    dose = dose_unit(unit)
    assert dose is None or dose.factor > 0


@given(st.integers(1, 9999), st.sampled_from([0, 1, 2, 3]))
def test_collected_text_is_exact(number, decimals):
    text = f"{number / 10**decimals:.{decimals}f}"
    read = Reading(count_factor, {}, "", -1)
    assert read(text, "10^9/L", math.nan, "").value == float(text)
    small = read(text, "/uL", math.nan, "")
    if small.problem:  # `1.450` per microlitre may be 1450: it is asked about
        assert (small.problem, decimals) == ("mark", 3)
    else:
        assert small.value == float(Fraction(text) / 1000)


def test_decimals_of_stored_numbers():
    assert decimals_of(np.array([0.7999999999999999, 1.42, 2])) == 2
    assert decimals_of(np.array([0.8, np.nan])) == 1
    assert decimals_of(np.array([1 / 3])) == -1


@pytest.mark.parametrize(
    ("count", "lower", "grade"),
    [
        (0.7999999999999999, 1.0, 1), (0.80, 0.8, 0), (0.80, math.nan, 0), (0.79, math.nan, 2),
        (0.50, 1.0, 2), (0.49999, 1.0, 2), (0.49, 1.0, 3), (0.20, 1.0, 3), (0.19, 1.0, 4),
        (1.2, 1.5, 1), (1.5, 1.5, 0),
    ],
)  # fmt: skip
def test_grades(count, lower, grade):
    assert grade_of_count(count, lower) == grade


def test_dates_of_every_kind():
    words = ["2026-03-09", "2026-03-09T14:30", "2026-03-09T14:30:05Z", "2026-03", "2026", "--03",
             "09/03/2026", "2026-02-30", "", None, 24174.0, "2026-03-09T-:30", "2026---09",
             "2026-03-09T14:30+02:00", pd.Timestamp("2026-03-09 14:30"), float("nan"),
             1e300]  # fmt: skip
    read = read_dates(pd.Series(words, dtype=object))
    day = np.datetime64("2026-03-09T00:00")
    minute = np.datetime64("2026-03-09T14:30")
    known = {0: day, 1: minute, 2: np.datetime64("2026-03-09T14:30:05"), 11: day,
             13: minute, 14: minute}  # fmt: skip
    for at, when in enumerate(read.when):
        assert np.isnat(when) if at not in known else when == known[at]
    assert np.flatnonzero(read.clock).tolist() == [1, 2, 13, 14]
    assert np.flatnonzero(read.partial).tolist() == [3, 4, 5, 12]
    assert np.flatnonzero(read.bad).tolist() == [6, 7, 10, 16]  # no number among texts


@given(st.text(max_size=25) | st.dates().map(str) | st.datetimes().map(lambda d: d.isoformat()))
def test_any_text_is_a_date_or_not(word):
    read = read_dates(pd.Series([word], dtype=object))
    assert int(read.partial[0]) + int(read.bad[0]) + int(not np.isnat(read.when[0])) <= 1


def test_study_days_have_no_zero():
    start = np.full(4, np.datetime64("2026-03-09", "s"))
    days = from_study_day(start, np.array([1.0, -1.0, 0.0, 15.0]))
    got = [str(d)[:10] for d in days]
    assert got == ["2026-03-09", "2026-03-08", "NaT", "2026-03-23"]


@pytest.mark.parametrize(
    ("stated", "own", "factor"),
    [
        ("10^9/L", "cells/uL", 1000),
        ("cells/mm3", "1e9/L", Fraction(1, 1000)),
        ("ug/mL", "mg/L", 1),
        ("umol/L", "nmol/L", 1000),
        ("cm", "mm", 10),
        ("mL", "cm3", 1),
        ("g", "ug", 10**6),
        ("%", "1", Fraction(1, 100)),
        ("IU", "IU", 1),
        ("g/L", "G/L", None),  # grams are not giga
        ("nmol/L", "mg/L", None),  # without a molar mass
        ("mg/m2", "mg", None),
        ("mm", "cm3", None),
        ("IU", "mg", None),
    ],
)
def test_a_unit_becomes_another_of_its_kind_only(stated, own, factor):
    assert unit_factor(stated, own) == factor


def test_moles_become_a_mass_by_the_molar_mass():
    assert unit_factor("nmol/L", "ng/mL", 300.44) == Fraction("0.30044")
    assert unit_factor("ng/mL", "nmol/L", 250) == 4
