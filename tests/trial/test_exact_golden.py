"""Numbers of the trial's design that three independent implementations agree on."""

import pytest

from lymphokin.trial.exact import TESTS, Design, sample_size

FISHER = TESTS["fisher"]


def power(design: Design, control: float = 0.50, treated: float = 0.15) -> float:
    return float(design.power(control, treated))


@pytest.mark.parametrize(
    ("n_treated", "n_control", "alpha", "expected", "digits"),
    [
        (26, 26, 0.07, 0.849384, 6),
        (27, 27, 0.07, 0.862818, 6),
        (26, 26, 0.05, 0.812208, 6),
        (26, 26, 0.10, 0.890925, 6),
        (24, 24, 0.07, 0.82974, 5),
        (22, 22, 0.07, 0.78971, 5),
        (26, 24, 0.07, 0.81702, 5),
        (24, 26, 0.07, 0.84032, 5),
    ],
)
def test_power_of_fisher(n_treated, n_control, alpha, expected, digits):
    found = power(Design(FISHER, n_treated, n_control, alpha))
    assert found == pytest.approx(expected, abs=0.5000001 * 10.0**-digits)


@pytest.mark.parametrize(
    ("control", "treated", "expected"),
    [
        (0.50, 0.20, 0.7028),
        (0.45, 0.15, 0.7506),
        (0.40, 0.15, 0.6223),
        (0.60, 0.20, 0.8946),
        (0.50, 0.25, 0.5334),
        (0.35, 0.15, 0.4744),
    ],
)
def test_power_of_fisher_at_other_rates(control, treated, expected):
    assert power(Design(FISHER, 26, 26, 0.07), control, treated) == pytest.approx(
        expected, abs=5.0001e-5
    )


def test_size_and_boundary_of_fisher():
    design = Design(FISHER, 26, 26, 0.07)
    assert design.size.value == pytest.approx(0.040348, abs=5e-7)
    assert design.size.rate == pytest.approx(0.263, abs=5e-4)
    assert {events: design.boundary[events] for events in (13, 10, 15)} == {13: 6, 10: 4, 15: 8}
    assert design.boundary[:4] == (None,) * 4
    assert design.boundary[4] is not None


@pytest.mark.parametrize(
    ("test", "expected", "size"),
    [("boschloo", 0.90395, 0.0688), ("barnard", 0.89093, 0.0632), ("bayes", 0.9040, 0.0688)],
)
def test_power_and_size_of_the_other_tests(test, expected, size):
    design = Design(TESTS[test], 26, 26, 0.07)
    assert power(design) == pytest.approx(expected, abs=5.1e-6 if test != "bayes" else 5.1e-5)
    assert design.size.value == pytest.approx(size, abs=5e-5)


@pytest.mark.parametrize(
    ("test", "n", "reached"), [("fisher", 27, 0.862818), ("boschloo", 22, 0.86209)]
)
def test_smallest_trial(test, n, reached):
    found = sample_size(TESTS[test], 0.50, 0.15, 0.07, 0.85)
    assert (found.design.n_treated, found.design.n_control) == (n, n)
    assert found.power == pytest.approx(reached, abs=5.1e-6)


def test_assurance_over_beta_priors():
    average = Design(FISHER, 26, 26, 0.07).average_power((10, 10), (3, 17))
    assert average == pytest.approx(0.769, abs=5e-4)
