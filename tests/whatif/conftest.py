"""One engine for all what-if tests: a population that is known, so that truths can be computed."""

import numpy as np
import pytest

from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.patient import Count, Patient
from lymphokin.whatif.schedule import PlannedFraction, Pulse, Schedule

COUNTS = (Count(day=-7, value=1.30), Count(day=-1, value=1.05))


@pytest.fixture(scope="session")
def population() -> PopulationDraws:
    """The default model with every population quantity at its median."""
    priors = PopulationDraws.of_prior(load_model("myeloid_lymphoid"), draws=60)
    return PopulationDraws(priors.model, np.zeros_like(priors.z), priors.provenance)


@pytest.fixture(scope="session")
def engine(population) -> Engine:
    return Engine(population)


@pytest.fixture(scope="session")
def bare() -> Schedule:
    return Schedule(fractions=tuple(PlannedFraction(day=d, gy=10.0) for d in range(5)))


@pytest.fixture(scope="session")
def pulsed(bare) -> Schedule:
    return bare.model_copy(update={"pulses": tuple(Pulse(day=21.0 * k) for k in range(3))})


@pytest.fixture(scope="session")
def patient() -> Patient:
    return Patient(site="lung_peripheral", n_lesions=2, counts=COUNTS)
