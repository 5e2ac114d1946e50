"""Forecasts of counts at a log-normal level, in closed form: every number of a row by itself."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lymphokin.infer.density import CohortDensity, density_of
from lymphokin.io.visits import endpoint_visits
from lymphokin.predict import Forecast, fitted_courses, forecast, seen_ranges
from lymphokin.predict.endpoint_draws import log_likelihood
from tests.predict.conftest import BETWEEN, ERROR, LEVEL, UNSURE, patients

POPULATIONS = 600
UNTIL = 7.0
COUNTS = {
    "A": [(-3.0, 1.05), (14.0, 0.52), (21.0, 0.31), (46.0, 0.42)],
    "B": [(-2.0, 0.75), (7.0, 0.61), (14.0, 1.48), (28.0, 2.5)],
}
CLOSE = 0.012
"""Tolerance of a probability: 12,000 draws of a patient leave a standard error of 0.004."""
CLOSE_ENDS = 0.02
"""Tolerance of the ends of a risk's interval: about 5 % of its width. Were the noise of the 20
draws of the patient behind each draw of the population not taken out, one would be off by 0.026."""


@pytest.fixture(scope="module")
def density(level_model) -> CohortDensity:
    return density_of(level_model, patients(COUNTS))


class ByHand:
    """The normal posterior of ln level of a patient, and of the population's median."""

    def __init__(self, patient: str, prior_sd: float = UNSURE, until: float = UNTIL) -> None:
        logs = np.log([value for day, value in COUNTS[patient] if day <= until])
        of_counts = len(logs) / ERROR**2
        self.prior_weight = 1 / BETWEEN**2 / (1 / BETWEEN**2 + of_counts)
        self.mean_of_counts = logs.mean()
        self.sd_given_median = (1 / BETWEEN**2 + of_counts) ** -0.5
        seen_through = BETWEEN**2 + 1 / of_counts
        precision = 1 / prior_sd**2 + 1 / seen_through
        middle = (np.log(LEVEL) / prior_sd**2 + logs.mean() / seen_through) / precision
        self.median = stats.norm(middle, precision**-0.5)
        centre = self.centre(middle)
        spread = np.hypot(self.sd_given_median, self.prior_weight * precision**-0.5)
        self.true = stats.norm(centre, spread)
        self.measured = stats.norm(centre, np.hypot(spread, ERROR))

    def centre(self, log_median: float) -> float:
        """Mean of ln level given ln of the population's median."""
        return self.prior_weight * log_median + (1 - self.prior_weight) * self.mean_of_counts

    def risk(self, log_median: float) -> float:
        """Probability of grade >= 2 as reported, given ln of the population's median."""
        spread = np.hypot(self.sd_given_median, ERROR)
        return stats.norm.cdf(np.log(0.795), self.centre(log_median), spread)


def even_normal(mean: float, sd: float) -> np.ndarray:
    """[draw, 1] latents at evenly spaced quantiles: draws without noise of their own."""
    return stats.norm.ppf((np.arange(POPULATIONS) + 0.5) / POPULATIONS, mean, sd)[:, None]


def forecast_of(density: CohortDensity, z: np.ndarray, in_fit: bool) -> Forecast:
    cohort = density.packed.cohort
    seen = seen_ranges(cohort, endpoint_visits(cohort))
    return forecast(
        density,
        z,
        in_fit=in_fit,
        seen=seen,
        synthetic=True,
        counts_until=UNTIL,
        populations=POPULATIONS,
    )


@pytest.fixture(scope="module")
def new(density) -> pd.DataFrame:
    return forecast_of(density, even_normal(0.0, 1.0), in_fit=False).patients


@pytest.mark.parametrize("patient", COUNTS)
def test_the_numbers_of_a_new_patient_are_those_of_the_closed_form(new, patient):
    row, hand = new.loc[patient], ByHand(patient)
    for grade, threshold in ((2, 0.795), (3, 0.495), (4, 0.195)):
        expected = hand.measured.cdf(np.log(threshold))
        assert row[f"p_grade{grade}_measured"] == pytest.approx(expected, abs=CLOSE)
    assert row["p_grade2_true"] == pytest.approx(hand.true.cdf(np.log(0.80)), abs=CLOSE)
    for q in (0.05, 0.25, 0.50, 0.75, 0.95):
        expected = np.exp(hand.measured.ppf(q))
        # The standard error of a quantile of 12,000 draws is 1 % in the tails.
        assert row[f"alc_q{round(100 * q):02d}"] == pytest.approx(expected, rel=0.025)
    # The risk falls with the population's median: its 5 % quantile is that of a high median.
    assert row["p_grade2_q05"] == pytest.approx(hand.risk(hand.median.ppf(0.95)), abs=CLOSE_ENDS)
    assert row["p_grade2_q95"] == pytest.approx(hand.risk(hand.median.ppf(0.05)), abs=CLOSE_ENDS)
    assert row["n_counts_used"] == {"A": 1, "B": 2}[patient]


def test_the_true_and_the_measured_count_are_distinguished_by_these_numbers(new):
    """The tolerances above are narrower than what a confusion would make."""
    hand = ByHand("A")
    true, measured = (np.exp(d.ppf(0.05)) for d in (hand.true, hand.measured))
    assert abs(true / measured - 1) > 0.1
    assert hand.risk(hand.median.ppf(0.05)) - hand.risk(hand.median.ppf(0.95)) > 3 * CLOSE_ENDS


@pytest.mark.parametrize("patient", COUNTS)
def test_what_a_patients_later_records_taught_is_taken_out_of_the_fit(density, patient):
    """Draws given all records of the patient, forecast from the early ones alone."""
    everything = ByHand(patient, until=np.inf).median
    z = even_normal((everything.mean() - np.log(LEVEL)) / UNSURE, everything.std() / UNSURE)
    row = forecast_of(density, z, in_fit=True).patients.loc[patient]
    hand = ByHand(patient)
    expected = hand.measured.cdf(np.log(0.795))
    # Weights cost draws: about twice the standard error of a new patient.
    assert row["p_grade2_measured"] == pytest.approx(expected, abs=2 * CLOSE)
    kept = forecast_of(density, z, in_fit=False).patients.loc[patient]
    assert abs(kept["p_grade2_measured"] - expected) > 2 * CLOSE


def test_whoever_lies_outside_what_the_fit_has_seen_is_named_with_the_reason(level_model):
    fitted = patients({"A": [(-3.0, 1.0)], "B": [(-3.0, 1.4)]}, fractions=5)
    seen = seen_ranges(fitted, endpoint_visits(fitted))
    new = patients({"inside": [(-9.0, 3.0), (-1.0, 1.2)], "below": [(-1.0, 0.8)]}, fractions=5)
    more = patients({"more": [(-3.0, 1.2)]}, fractions=8)
    z = np.zeros((20, 1))
    tables = [
        forecast(
            density_of(level_model, c), z, in_fit=False, seen=seen, synthetic=True, populations=20
        ).patients
        for c in (new, more)
    ]
    assert tables[0].loc["inside", "extrapolation"] == ""
    below = tables[0].loc["below", "extrapolation"]
    assert below == "baseline count (1e9/L) 0.8 is outside 1 to 1.4"
    reasons = tables[1].loc["more", "extrapolation"]
    assert "fractions 8 is outside 5 to 5" in reasons
    assert "total prescribed dose (Gy) 80 is outside 50 to 50" in reasons


def test_the_drug_is_compared_by_the_largest_amount_of_a_day():
    """Two doses of 60 mg on a day are more than one of 80 mg, and less than all together."""
    cohort = patients({"A": [(-3.0, 1.0)]}, {"A": [(0.0, 60.0), (0.5, 60.0), (1.0, 80.0)]})
    assert seen_ranges(cohort, endpoint_visits(cohort))["atra_mg"] == [120.0, 120.0]


def test_bands_of_a_curve_are_the_quantiles_of_its_draws_in_order(density):
    """Levels are the draws themselves: a band at a day is a quantile of what was drawn."""
    start = density.centre
    x = start + np.random.default_rng(1).standard_normal((200, len(start)))
    curves, levels = fitted_courses(density, x)
    assert levels is None
    draws = LEVEL * np.exp(UNSURE * x[:, [0]] + BETWEEN * x[:, 1:])
    for q in (0.05, 0.25, 0.50, 0.75, 0.95):
        band = curves[f"alc_q{round(100 * q):02d}"]
        expected = np.exp(np.quantile(np.log(draws), q, axis=0))
        for day in (-14.0, 0.0, 33.0):
            np.testing.assert_allclose(band.sel(day=day), expected, rtol=1e-5)


def test_a_patient_who_is_far_from_the_others_is_found(level_model):
    """Counts 30 SDs between patients below the typical level, as that of a patient without bone
    marrow: the climb to the patient's own level takes more steps than that of the others.
    """
    far = {**COUNTS, "A": [(day, value * np.exp(-30 * BETWEEN)) for day, value in COUNTS["A"]]}
    density = density_of(level_model, patients(far))
    z = np.array([[-1.0], [0.0], [1.0]])
    found = log_likelihood(density, z, density.arrays, 0)
    for place, own in enumerate(far.values()):
        logs = np.log([value for _, value in own])
        covariance = BETWEEN**2 + ERROR**2 * np.eye(len(logs))
        by_hand = [
            stats.multivariate_normal(np.zeros(len(logs)), covariance).logpdf(
                logs - np.log(LEVEL) - UNSURE * at
            )
            for at in z[:, 0]
        ]
        np.testing.assert_allclose(np.diff(found[:, place]), np.diff(by_hand), atol=0.2)
