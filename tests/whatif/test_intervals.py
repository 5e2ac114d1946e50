"""Risks, their intervals and differences where normal distributions give them: nothing is solved.

All spreads are small, so that the limits 0.80 of a true count and 0.795 of a reported one, 0.6 %
apart, lie several hundredths of a risk apart.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lymphokin.model import Residual, load_model
from lymphokin.sites import shipped_sites
from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.intervals import Intervals
from lymphokin.whatif.judging import CHANCE, Scale
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.questions.narrowing import NarrowingRequest, narrowing
from lymphokin.whatif.risk import fan, grade_draws, middle
from lymphokin.whatif.schedule import schedule_of
from lymphokin.whatif.treatment import treatment_of

POPULATION, PATIENT, ERROR = 0.03, 0.02, 0.02
"""SDs of ln count from the population, from the patient, and of a measurement."""
CENTRE = np.log(0.80)
LATER = 0.015
"""How much ln count is higher under B."""
DRAWS = 1000
ROUNDED = 0.0051 + 0.01
"""Tolerance: numbers are rounded to hundredths, and the regression on the latents is penalised."""
GRADES = (("grade2", 0.80), ("grade3", 0.50), ("grade4", 0.20))


def even_normals(seed: int) -> np.ndarray:
    """[draw] standard normal quantiles, evenly spaced, in a random order."""
    even = stats.norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS)
    return np.random.default_rng(seed).permutation(even)


Z, OWN, NOISE = (even_normals(seed) for seed in range(3))
SPREAD = POPULATION * Z + PATIENT * OWN


@pytest.fixture(scope="module")
def conditioned() -> Conditioned:
    """One latent of the population and one of the patient, each moving ln count."""
    lanes = SimpleNamespace(z=Z[None])
    draws = SimpleNamespace(atom=np.arange(DRAWS), noise=NOISE, lanes=lanes)
    return Conditioned(draws, OWN[None], "none")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def intervals(conditioned) -> Intervals:
    residual = Residual("alc", "normal", ERROR, "fixed")
    population = SimpleNamespace(
        model=SimpleNamespace(table=SimpleNamespace(residuals={"alc": residual})),
        residual_sd={"alc": np.full((DRAWS, 1), ERROR)},
    )
    return Intervals(population, conditioned)  # type: ignore[arg-type]


def risk_given(z: np.ndarray | float, limit: float, centre: float, error: float):
    """Probability that a count lies below a limit, given the population's latent."""
    return stats.norm.cdf((np.log(limit) - centre - POPULATION * z) / np.hypot(PATIENT, error))


@pytest.mark.parametrize(("grade", "limit"), GRADES)
def test_a_risk_and_its_90_percent_interval_are_those_of_the_normal(intervals, grade, limit):
    found = getattr(intervals.risk(np.log(limit) + SPREAD), grade)
    for estimate, level, error in ((found.measured, limit - 0.005, ERROR), (found.true, limit, 0)):
        whole = np.sqrt(POPULATION**2 + PATIENT**2 + error**2)
        expected = stats.norm.cdf(np.log(level / limit) / whole)
        low, high = risk_given(stats.norm.ppf([0.95, 0.05]), level, np.log(limit), error)
        found_now = (estimate.p, estimate.low, estimate.high)
        assert found_now == pytest.approx((expected, low, high), abs=ROUNDED)


def test_the_count_to_be_expected_is_the_measured_one(intervals):
    """Where the true count is known, what is measured scatters around it."""
    found = intervals.risk(np.full(DRAWS, np.log(2.0))).alc
    for level in (0.05, 0.25, 0.50, 0.75, 0.95):
        expected = 2.0 * np.exp(ERROR * stats.norm.ppf(level))
        assert getattr(found, f"q{round(100 * level):02d}") == pytest.approx(expected, abs=0.0051)


def test_a_difference_and_its_interval_are_those_of_a_minus_b(intervals):
    """Where the difference bends little over the population: most patients are above the limit."""
    slope, centre = 0.01, np.log(0.795) + 0.03
    count = centre + slope * Z + PATIENT * OWN
    found = intervals.difference(count, count + LATER)
    at = (np.log(0.795) - centre - slope * Z) / np.hypot(PATIENT, ERROR)
    expected = stats.norm.cdf(at) - stats.norm.cdf(at - LATER / np.hypot(PATIENT, ERROR))
    low, high = np.quantile(expected, (0.05, 0.95))
    assert found.p == pytest.approx(expected.mean(), abs=0.0101)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0076)
    assert found.verdict == "b"
    assert found.probability_a_better == 0
    # Of 5 of 100 or more, each rounded to a whole number.
    assert found.probability_b_better == pytest.approx((expected >= 0.045).mean(), abs=0.02)
    turned = intervals.difference(count + LATER, count)
    assert (turned.verdict, turned.probability_b_better) == ("a", 0)
    assert (turned.low, turned.high) == (-found.high, -found.low)


@settings(max_examples=100, deadline=None)
@given(shift=st.floats(-0.6, 0.6), spread=st.floats(0, 0.5))
def test_interval_verdict_and_probability_of_a_difference_never_contradict_each_other(
    intervals, shift, spread
):
    count = np.log(0.9) + SPREAD
    found = intervals.difference(count, count + shift + spread * Z)
    assert found.low <= found.p <= found.high
    assert (found.low > 0) == (found.verdict == "b")
    assert (found.high < 0) == (found.verdict == "a")
    a, b = found.probability_a_better, found.probability_b_better
    for least, better in ((found.low, b), (-found.high, a)):
        assert better >= 0.95 if least >= found.better_by else better <= 0.95
    assert a + b <= 1


def test_a_difference_that_is_largest_in_the_middle_has_its_interval_too(intervals):
    found = intervals.difference(CENTRE + SPREAD, CENTRE + LATER + SPREAD)
    a, b = (risk_given(Z, 0.795, centre, ERROR) for centre in (CENTRE, CENTRE + LATER))
    low, high = np.quantile(a - b, (0.05, 0.95))
    assert found.p == pytest.approx((a - b).mean(), abs=2 * ROUNDED)
    # A parabola for a curve with a peak: 0.03 at most.
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)
    assert 0 < low < found.p < high < 1
    assert found.probability_a_better == 0
    assert found.probability_b_better == pytest.approx((a - b >= 0.05).mean(), abs=0.1)


def test_the_share_of_draws_that_an_event_happens_to_has_the_interval_of_its_populations(intervals):
    """A count below the middle of all, as an event, and ln count itself, as a number."""
    found = intervals.mean((SPREAD < 0.0).astype(float), CHANCE)
    low, high = stats.norm.cdf(stats.norm.ppf([0.05, 0.95]) * POPULATION / PATIENT)
    assert (found.p, found.low, found.high) == pytest.approx((0.5, low, high), abs=0.05)
    assert found.of_100 == 50
    scale = Scale(per=1000, largest=2.0, unit="days")
    number = intervals.mean(1.0 + SPREAD, scale)
    apart = POPULATION * stats.norm.ppf(0.95)
    assert (number.p, number.low, number.high) == pytest.approx(
        (1.0, 1.0 - apart, 1.0 + apart), abs=2e-3
    )
    assert number.of_100 is None


def test_a_difference_in_days_has_its_interval_and_is_better_by_a_twentieth(intervals):
    """A has 20 days more, and 5 per SD of the population; better by 4 of 80 days."""
    scale = Scale(per=1, largest=80.0, unit="days")
    a, b = 40.0 + 5.0 * Z + OWN, 20.0 + OWN
    found = intervals.between(a, b, scale, same=False)
    low, high = 20.0 + 5.0 * stats.norm.ppf([0.05, 0.95])
    assert (found.p, found.of_100, found.better_by) == (20.0, None, 4.0)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.7)
    assert (found.verdict, found.probability_b_better) == ("b", 1.0)
    assert intervals.between(a, a, scale, same=True).verdict == "same"


def test_a_further_count_teaches_what_bayes_theorem_says(intervals, conditioned):
    """The true count stays as it is: a count of any day is one more look at that of the visit."""
    at = np.broadcast_to(CENTRE + SPREAD, (1, 400, DRAWS))
    engine = SimpleNamespace(
        population=SimpleNamespace(
            seen=None, seen_patients=None, seen_until=None, model=load_model("hedos_hcc")
        ),
        treatment=lambda *given: treatment_of(*given, shipped_sites()),
        countable=frozenset(),
        condition=lambda *_: conditioned,
        intervals=lambda _: intervals,
        solve=lambda *_: SimpleNamespace(at=at),
        judged_draws=lambda *_: grade_draws(intervals.residual, CENTRE + SPREAD, intervals.sd),
        answer=lambda *_: SimpleNamespace(
            judged=SimpleNamespace(planned=intervals.measured(CENTRE + SPREAD))
        ),
    )
    plan = schedule_of("5x10")
    request = NarrowingRequest(patient=Patient(), schedule=plan, days=(21,))
    (found,) = narrowing(engine, request).rows  # type: ignore[arg-type]
    variance = POPULATION**2 + PATIENT**2
    seen = np.sqrt(variance + ERROR**2)
    left = np.sqrt(variance * ERROR**2 / seen**2 + ERROR**2)

    def risk_after(z: np.ndarray | float):
        """After a count this many SDs from what was expected."""
        mean = CENTRE + variance / seen * z
        return stats.norm.cdf((np.log(0.795) - mean) / left)

    after, now = risk_after(Z), stats.norm.cdf(np.log(0.795 / 0.80) / seen)
    removed = 1 - (after * (1 - after)).mean() / (now * (1 - now))
    assert found.day == 21
    assert found.sd_of_risk_now == pytest.approx(np.sqrt(now * (1 - now)), abs=ROUNDED)
    assert found.sd_of_risk_expected == pytest.approx(
        np.sqrt((after * (1 - after)).mean()), abs=ROUNDED
    )
    assert found.variance_explained == pytest.approx(removed, abs=2 * ROUNDED)
    low, high = (risk_after(stats.norm.ppf(q)) for q in (0.1, 0.9))
    # The risk is a mean over counts around the quantile: of 5 % of them on either side.
    assert (found.risk_if_low, found.risk_if_high) == pytest.approx((low, high), abs=0.03)


def test_a_fan_holds_the_quantiles_in_their_order():
    """One day of ln 100, ln 101 ... ln 200 / 100, one that is half as high."""
    logs = np.log(np.arange(100, 201) / 100)
    found = fan(np.array([logs, logs - np.log(2)]), 2)
    for name, value in zip(
        ("q05", "q25", "q50", "q75", "q95"), (105, 125, 150, 175, 195), strict=True
    ):
        assert getattr(found, name) == pytest.approx([value / 100, value / 200], abs=0.0051)
    assert middle(np.array([logs]), 2) == [1.50]
