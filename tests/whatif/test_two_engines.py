"""The page's engine and the one for whole cohorts, on the same patients."""

import numpy as np
import pytest

from lymphokin.infer.density import density_of
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.predict.endpoint_draws import endpoint_draws
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import schedule_of

SITE, GY, DRAWS = "lung_peripheral", 10.0, 2000
BASELINES = (0.9, 1.4)
LATER = {14: 0.7}
"""Days and counts after the baseline, of the second patient."""


@pytest.fixture(scope="module")
def population() -> PopulationDraws:
    """A small model, with every population quantity at its median."""
    draws = PopulationDraws.of_prior(load_model("hedos_hcc"), draws=60)
    return PopulationDraws(draws.model, np.zeros_like(draws.z), draws.provenance)


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    first, second = ([(-3, baseline)] for baseline in BASELINES)
    return [
        Patient(site=SITE, n_lesions=1, ptv_cm3=60, counts=counts)
        for counts in (first, [*second, *LATER.items()])
    ]


@pytest.fixture(scope="module")
def of_cohort(population, tmp_path_factory):
    """Weighted draws of both patients from the engine for cohorts."""
    rows = ["ID,TIME,EVID,CMT,AMT,DVID,DV,SITE,N_LESIONS,PTV_CM3"]
    for name, baseline, later in zip("PQ", BASELINES, ({}, LATER), strict=True):
        known = f"{SITE},1,60"
        rows.append(f"{name},-3,0,,,alc,{baseline},{known}")
        rows += [f"{name},{day},1,rt,{GY},,,{known}" for day in range(5)]
        rows += [f"{name},{day},0,,,alc,{value},{known}" for day, value in later.items()]
    path = tmp_path_factory.mktemp("two") / "patients.csv"
    path.write_text("\n".join(rows) + "\n")
    density = density_of(population.model, read_events(path))
    return endpoint_draws(density, population.z, [None], in_fit=False, seed=3)[None]


@pytest.mark.parametrize("who", [0, 1])
def test_both_engines_give_a_patient_the_same_risk(population, patients, of_cohort, who):
    """Within 4 standard errors, from the variance of the draws' risks and their effective number.

    The page's number is rounded to 0.01 besides.
    """
    plan = schedule_of("5x10")
    engine = Engine(population)
    risk = engine.risk_of(patients[who], plan, plan, DRAWS).p
    effective = engine.condition(patients[who], plan, DRAWS).effective_draws
    weights = of_cohort.weights[:, :, who]
    by_draw = of_cohort.reported_as(2)[:, :, who]
    other = float((weights * by_draw).sum())
    variance = float((weights * (by_draw - other) ** 2).sum())
    error = np.sqrt(variance * ((weights**2).sum() + 1 / effective))
    assert error < 0.02  # else the test could not fail
    assert risk == pytest.approx(other, abs=4 * error + 0.005)
