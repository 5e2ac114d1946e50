"""Assurance and the predicted control arm, from virtual trials that are made up here."""

import numpy as np
import pytest

from lymphokin.shipped import data_path
from lymphokin.trial.assurance import assurance, population_rates
from lymphokin.trial.control_arm import predict_control_arm
from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.virtual import Outcome, TruePopulation, VirtualDesign

DESIGN = VirtualDesign.read(data_path("nct06439888.design.toml"))


class MadeUpTrials:
    """Stands in for the simulator: control patients have more events than treated ones."""

    made: "list[MadeUpTrials]" = []

    def __init__(self, design: VirtualDesign, *_: object, twins: bool = False, **__: object):
        self.sizes, self.twins = (design.n_control, design.n_treated), twins
        self.made.append(self)

    def run(self, seed: int, first: int, count: int) -> Outcome:
        number = np.arange(first, first + count)[:, None]
        events = number % 10 + np.array([10, 1])
        analysed = np.full((count, 2), 20)
        p_measured = (number + np.array([500, 100])) / 1000
        return Outcome(
            events,
            analysed,
            0 * events,
            p_measured,
            0 * p_measured,
            np.ones((count, 2)),
            0 * events,
        )


@pytest.fixture(autouse=True)
def made_up(monkeypatch) -> None:
    MadeUpTrials.made = []
    for room in ("assurance", "control_arm"):
        monkeypatch.setattr(f"lymphokin.trial.{room}.Simulator", MadeUpTrials)


def test_the_assurance_of_one_known_pair_of_rates_is_the_exact_power():
    found = assurance(DESIGN, np.array([[0.5, 0.15]] * 3))
    assert found.power.value == pytest.approx(0.849384, abs=5e-7)
    assert found.power.error == pytest.approx(0, abs=1e-12)


def test_the_assurance_is_the_mean_power_over_the_pairs_of_rates():
    rates = np.array([[0.5, 0.15], [0.6, 0.2], [0.15, 0.5]])  # the last the wrong way round
    found = assurance(DESIGN, rates)
    exact = [float(Design(TESTS["fisher"], 26, 26, 0.07).power(*pair)) for pair in rates]
    assert found.powers == pytest.approx(exact)
    assert found.power.value == pytest.approx(np.mean(exact))
    assert found.power.error == pytest.approx(np.std(exact, ddof=1) / np.sqrt(3))


def test_rates_of_a_population_are_control_first_over_twins():
    rates = population_rates(DESIGN, TruePopulation(DESIGN.truth), {}, 4, 70, 0)
    assert rates == pytest.approx(np.array([[0.5, 0.1], [0.501, 0.101], [0.502, 0.102],
                                            [0.503, 0.103]]))  # fmt: skip
    (simulator,) = MadeUpTrials.made
    assert simulator.sizes == (70, 70)
    assert simulator.twins


def test_the_predicted_control_arm_is_that_of_the_control_patients():
    found = predict_control_arm(DESIGN, trials=101)
    # Shares of 10 to 19 events of 20, equally often; expected shares of 0.500, 0.501 ... 0.600.
    assert (found.low, found.high) == pytest.approx((0.5, 0.95))
    assert found.median == pytest.approx(0.55)
    assert (found.expected_low, found.expected_high) == pytest.approx((0.505, 0.595))
