"""Forecasts where a model has no solution for some patients: a number or a refusal, never nan."""

import numpy as np
import pytest

from lymphokin.infer.density import density_of
from lymphokin.io import read_events
from lymphokin.io.visits import endpoint_visits
from lymphokin.literature.between_models import between_models
from lymphokin.literature.posterior import calibrated_models, literature_draws
from lymphokin.model import load_model
from lymphokin.population import Hierarchy
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.no_forecast import NoForecastError
from lymphokin.predict import forecast, seen_ranges
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.patient import Count, Patient
from lymphokin.whatif.schedule import PlannedFraction, Pulse, Schedule

LIMITED = '''"""One pool of lymphocytes that has no solution above a radiosensitivity."""

import jax.numpy as jnp

from lymphokin.model import model_file

pool = model_file("hedos_hcc")


class Limited(pool.OnePool):
    def outputs(self, y, p, u):
        return {{"alc": jnp.where(p.radiosensitivity < {limit}, y.lymphocytes, jnp.nan)}}


blocks = (Limited(),)
'''
RISKS = ["p_grade2_measured", "p_grade2_true", "p_grade3_measured", "p_grade4_measured"]
NUMBERS = [*RISKS, "p_grade2_q05", "p_grade2_q95", "alc_q05", "alc_q25", "alc_q50", "alc_q75"]


def limited(folder, limit):
    """The model whose solution ends at a radiosensitivity, 1/Gy."""
    path = folder / f"limited_{limit}.py"
    path.write_text(LIMITED.format(limit=limit))
    path.with_suffix(".toml").write_text('extends = "hedos_hcc"\n')
    return load_model(path)


def patients(folder, rows):
    """Patients with these baselines, fractions (Gy), sites and counts on day 14; 700 cm3 each."""
    lines = ["ID,TIME,EVID,CMT,AMT,DVID,DV,SITE,N_LESIONS,PTV_CM3"]
    for i, (baseline, fractions, site, later) in enumerate(rows):
        lines.append(f"P{i},-3,0,,,alc,{baseline:.2f},{site},1,700")
        lines += [f"P{i},{d},1,rt,{gy},,,{site},1,700" for d, gy in enumerate(fractions)]
        if later:
            lines.append(f"P{i},14,0,,,alc,{later:.2f},{site},1,700")
    path = folder / "patients.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_events(path)


def random_patients(folder, count, seed):
    """Patients as a clinic sees them: ordinary, lymphopenic, under hard and soft courses."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        gray = float(rng.uniform(1.8, 20))
        fractions = [gray] * int(rng.integers(1, min(10, 100 // gray) + 1))
        site = str(rng.choice(["lung_peripheral", "liver", "spine", "brain"]))
        later = float(rng.uniform(0.05, 2.0)) if rng.uniform() < 0.5 else None
        rows.append((float(np.exp(rng.normal(0.2, 0.6))), fractions, site, later))
    return patients(folder, rows)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    """Two patients: a baseline only, and a count that fell by half."""
    rows = [(0.9, [10.0] * 5, "lung_peripheral", None), (1.4, [12.0] * 4, "liver", 0.7)]
    return patients(tmp_path_factory.mktemp("ordinary"), rows)


def numbers_in(value):
    """Every number within nested dicts and lists."""
    if isinstance(value, dict | list | tuple):
        inside = value.values() if isinstance(value, dict) else value
        return [x for part in inside for x in numbers_in(part)]
    return [value] if isinstance(value, float) else []


def forecast_with(model, cohort):
    """Forecast at the population's medians."""
    z = np.zeros((20, len(Hierarchy(model).quantities)))
    seen = seen_ranges(cohort, endpoint_visits(cohort))
    return forecast(density_of(model, cohort), z, in_fit=False, seen=seen, synthetic=True).patients


def test_draws_without_a_number_far_out_in_the_proposal_leave_the_forecast_as_it_is(
    ordinary, tmp_path
):
    """Radiosensitivity has median 0.65 and log-SD 0.4: above 8 lie patients that nobody meets."""
    everywhere = forecast_with(load_model("hedos_hcc"), ordinary)
    found = forecast_with(limited(tmp_path, 8.0), ordinary)
    assert np.isfinite(found[NUMBERS].to_numpy(float)).all()
    np.testing.assert_allclose(found[RISKS], everywhere[RISKS], atol=2e-3)


def test_a_forecast_without_numbers_that_matter_is_refused_with_the_patients(ordinary, tmp_path):
    with pytest.raises(NoForecastError, match=r"limited_0\.7 .*P0.*no finite solution"):
        forecast_with(limited(tmp_path, 0.7), ordinary)


def test_a_what_if_has_numbers_or_is_refused(tmp_path):
    plan = Schedule(fractions=tuple(PlannedFraction(day=d, gy=10.0) for d in range(5)))
    person = Patient(counts=(Count(day=-7, value=0.9), Count(day=5, value=0.6)))
    request = WhatIfRequest(patient=person, a=plan, b=plan)
    refused = Engine(PopulationDraws.of_prior(limited(tmp_path, 0.7), draws=60))
    with pytest.raises(NoForecastError, match=r"limited_0\.7"):
        refused.what_if(request)


@pytest.mark.slow  # compiles every model: minutes
@pytest.mark.parametrize("counts_until", [0.0, None])
def test_every_shipped_model_forecasts_random_patients_in_numbers(tmp_path, counts_until):
    cohort = random_patients(tmp_path, 60, seed=1)
    found = between_models(cohort, counts_until=counts_until)
    assert np.isfinite(found.by_model[[n for n in NUMBERS if n in found.by_model]]).all(axis=None)
    assert found.combined.notna().all(axis=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", calibrated_models())
def test_every_shipped_model_answers_what_if_in_numbers(name):
    engine = Engine(literature_draws(name))
    rng = np.random.default_rng(2)
    for _ in range(4):
        days = range(int(rng.integers(1, 9)))
        fractions = tuple(PlannedFraction(day=d, gy=float(rng.uniform(2, 20))) for d in days)
        plan = Schedule(fractions=fractions, atra=(Pulse(day=0.0), Pulse(day=21.0)))
        counts = tuple(
            Count(day=d, value=round(float(np.exp(rng.normal(0, 0.7))), 2)) for d in (-5, 6)
        )
        answer = engine.what_if(WhatIfRequest(patient=Patient(counts=counts), a=plan, b=plan))
        assert all(np.isfinite(x) for x in numbers_in(answer.model_dump()))


def test_a_patient_of_whom_the_literature_draws_gave_no_number_has_one(tmp_path):
    """Feedback divides by the circulating cells: of a proposed patient none had survived."""
    cohort = patients(tmp_path, [(1.2, [12.0] * 5, "lung_peripheral", None)] * 16)
    found = between_models(cohort, ["friberg_lymphocyte"], counts_until=0.0, seed=1)
    assert found.combined.notna().all(axis=None)
