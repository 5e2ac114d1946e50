"""p-values of every table of two arms of 26, against SciPy's tests.

SciPy compares Barnard's statistic as floating-point numbers, so that rounding tells some equally
extreme tables apart (a table and its mirror image, for one); its p-value is then that of a smaller
set. Those tables are found here with whole numbers, and our p-value may only be the larger one.
"""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lymphokin.trial.exact import TESTS
from lymphokin.trial.exact.hypergeometric import as_few_treated, given_total

N = 26
EVERY = list(itertools.product(range(N + 1), repeat=2))
SOME = EVERY[:: len(EVERY) // 40]


def scipy_p(test: str, treated: int, control: int, n_treated: int = N, n_control: int = N) -> float:
    table = [[treated, control], [n_treated - treated, n_control - control]]
    if test == "fisher":
        return float(stats.fisher_exact(table, alternative="less").pvalue)
    if test == "boschloo":
        return float(stats.boschloo_exact(table, alternative="less").pvalue)
    return float(stats.barnard_exact(table, alternative="less", pooled=True).pvalue)


def differences(test: str, tables: list[tuple[int, int]]) -> dict[tuple[int, int], float]:
    ours = TESTS[test].p_values(N, N)
    return {table: float(ours[table]) - scipy_p(test, *table) for table in tables}


def test_fisher_on_all_tables():
    assert max(map(abs, differences("fisher", EVERY).values())) < 1e-12


def torn_by_rounding() -> set[tuple[int, int]]:
    """Tables whose set of equally or more extreme ones SciPy gets wrong."""
    treated, control = np.meshgrid(np.arange(N + 1), np.arange(N + 1), indexing="ij")
    total = treated + control
    with np.errstate(divide="ignore", invalid="ignore"):
        share = total / (2 * N)
        z = (treated / N - control / N) / np.sqrt(share * (1 - share) * (1 / N + 1 / N))
    z[treated == control] = 0
    difference, spread = treated - control, np.maximum(total * (2 * N - total), 1)
    torn = set()
    for table in EVERY:
        # sign(d) d^2 / spread, compared by cross-multiplication of whole numbers
        own = int(np.sign(difference[table]) * difference[table] ** 2)
        every = np.sign(difference) * difference**2
        exact = every * int(spread[table]) <= own * spread
        if (exact != (z <= z[table])).any():
            torn.add(table)
    return torn


def check_unconditional(test: str, tables: list[tuple[int, int]]) -> None:
    torn = torn_by_rounding() if test == "barnard" else set()
    for table, difference in differences(test, tables).items():
        assert difference > -1e-6, table
        assert difference < 1e-6 or table in torn, table


@pytest.mark.parametrize("test", ["boschloo", "barnard"])
def test_unconditional_on_some_tables(test):
    check_unconditional(test, SOME)


@pytest.mark.slow
@pytest.mark.parametrize("test", ["boschloo", "barnard"])
def test_unconditional_on_all_tables(test):
    check_unconditional(test, EVERY)


@pytest.mark.parametrize("table", [(8, 16), (9, 16), (11, 17), (12, 16), (7, 18)])
def test_barnard_where_rounding_misleads_scipy(table):
    assert table in torn_by_rounding()
    treated, control = np.meshgrid(np.arange(N + 1), np.arange(N + 1), indexing="ij")
    difference = treated - control
    spread = np.maximum((treated + control) * (2 * N - treated - control), 1)
    signed = np.sign(difference) * difference**2
    extreme = signed * int(spread[table]) <= int(signed[table]) * spread
    probability = stats.binom.pmf(np.arange(N + 1)[:, None], N, np.linspace(0, 1, 5001))
    brute = np.einsum("ir,ij,jr->r", probability, extreme.astype(float), probability).max()
    assert TESTS["barnard"].p_values(N, N)[table] == pytest.approx(brute, abs=1e-6)


@pytest.mark.parametrize(("n_treated", "n_control"), [(9, 14), (14, 9)])
@pytest.mark.parametrize("test", ["fisher", "boschloo", "barnard"])
def test_unequal_arms(test, n_treated, n_control):
    ours = TESTS[test].p_values(n_treated, n_control)
    for table in [(0, 4), (2, 8), (5, 5), (1, 2), (9, 9)]:
        expected = scipy_p(test, *table, n_treated, n_control)
        assert ours[table] == pytest.approx(expected, abs=1e-6), table


def test_bayes_against_quadrature():
    p = TESTS["bayes"].p_values(7, 5)
    x = np.linspace(0, 1, 20001)
    for treated, control in [(0, 0), (1, 4), (7, 5), (3, 2)]:
        density = stats.beta.pdf(x, 1 + control, 1 + 5 - control)
        below = stats.beta.cdf(x, 1 + treated, 1 + 7 - treated)
        reference = 1 - np.trapezoid(density * below, x)
        assert p[treated, control] == pytest.approx(reference, abs=1e-7)


@given(n_treated=st.integers(1, 60), n_control=st.integers(1, 60))
@settings(max_examples=30)
def test_tables_given_their_total_are_hypergeometric(n_treated, n_control):
    """To 1e-13: SciPy's own values are that far from the exact fractions."""
    treated, control = np.meshgrid(
        np.arange(n_treated + 1), np.arange(n_control + 1), indexing="ij"
    )
    margins = (n_treated + n_control, n_treated, treated + control)
    found = given_total(n_treated, n_control)
    assert found == pytest.approx(stats.hypergeom.pmf(treated, *margins), rel=1e-13, abs=1e-300)
    found = as_few_treated(n_treated, n_control)
    assert found == pytest.approx(stats.hypergeom.cdf(treated, *margins), rel=1e-13, abs=1e-300)


def test_tables_of_the_largest_arms_neither_overflow_nor_cancel():
    """400 + 400 patients, where a binomial coefficient of all has 240 digits, against fractions."""
    n, found = 400, as_few_treated(400, 400)
    for treated, control in ((0, 400), (120, 200), (200, 200), (399, 3)):
        total = treated + control
        ways = sum(comb(n, t) * comb(n, total - t) for t in range(max(0, total - n), treated + 1))
        expected = float(Fraction(ways, comb(2 * n, total)))
        assert found[treated, control] == pytest.approx(expected, rel=1e-13)
