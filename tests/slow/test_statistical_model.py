"""All that a parameter table can say about people and measurements, simulated and recovered.

A count falls at a dose and recovers: level, fall and speed differ between patients, go together,
have heavy tails, and depend on sex and body surface, which some lack; the error is combined, and
low counts are censored. Takes minutes:
uv run pytest -m slow -n 0 tests/slow/test_statistical_model.py
"""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
import tomli_w

from lymphokin.criticism.forecasts.refit import Refit
from lymphokin.infer import HmcSettings
from lymphokin.infer.density import CohortDensity
from lymphokin.io import Cohort
from lymphokin.model import Model, load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack, simulate_records

PATIENTS = 120
DAYS = (-3.0, 1.0, 4.0, 8.0, 14.0, 21.0, 35.0, 50.0)
LLOQ = 0.7
MODEL = '''
"""A count that falls at a fraction and recovers."""

from lymphokin.model import Block, Flow, Output, state


class Recovering(Block):
    count = state("1e9/L", lambda p: p.level)
    shows = {"alc": Output("1e9/L", "count")}

    def flows(self, y, p, u):
        return {"count": Flow(p.level * p.speed, p.speed)}

    def on_fraction(self, y, p, fraction):
        return {"count": y.count * p.left**fraction.share}

    def outputs(self, y, p, u):
        return {"alc": y.count}


blocks = (Recovering(),)
'''


def parameter(transform: str, median: float, **more) -> dict:
    fixed = {"symbol": "p", "meaning": "a test", "unit": "1", "source": "a test"}
    return fixed | {
        "certainty": "proposed prior",
        "transform": transform,
        "median": median,
        "population_sd": 0.5,
        "between_subject_log_sd": 0.5,
        **more,
    }


TABLE = {
    "parameters": {
        "level": parameter(
            "log",
            2.0,
            between_subject_sd=0.3,
            covariates={
                "BSA": {"reference": 1.8, "exponent": 0.5, "exponent_sd": 0.7},
                "SEX": {
                    "form": "category",
                    "reference": "M",
                    "effects": {"F": {"median": 0.0, "sd": 0.3}},
                },
            },
        ),
        "left": parameter(
            "logit",
            0.4,
            between_subject_sd=0.5,
            random_effect="student_t",
            degrees_of_freedom=4.0,
        ),
        "speed": parameter("log", 0.06, between_subject_sd=0.3),
    },
    "residuals": {
        "alc": {
            "error": "combined",
            "distribution": "normal",
            "sd": 0.1,
            "sd_log_sd": 0.5,
            "proportional_sd": 0.1,
            "proportional_sd_log_sd": 0.5,
            "certainty": "proposed prior",
        }
    },
    "correlations": {
        "all": {
            "parameters": ["level", "left", "speed"],
            "lkj": 1.5,
            "source": "a test",
            "certainty": "proposed prior",
        }
    },
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder: Path = tmp_path_factory.mktemp("model")
    (folder / "recovering.py").write_text(MODEL)
    (folder / "recovering.toml").write_text(tomli_w.dumps(TABLE))
    return load_model(str(folder / "recovering.py"))


def planned(rng: np.random.Generator) -> Cohort:
    """Patients and visits, nothing measured yet; a fifth lack their body surface."""
    ids = [f"P{i:03d}" for i in range(PATIENTS)]
    area = np.exp(rng.normal(np.log(1.85), 0.15, PATIENTS))
    patients = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], PATIENTS),
            "bsa": np.where(rng.random(PATIENTS) < 0.2, np.nan, area),
            "site": "spine",
            "n_lesions": 1.0,
        },
        index=pd.Index(ids, name="id"),
    )
    visits = pd.DataFrame([(i, d) for i in ids for d in DAYS], columns=["id", "day"])
    return Cohort(
        patients,
        pd.DataFrame({"id": ids, "day": 0.0, "prescribed_gy": 10.0, "lesion": 0}),
        pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        visits.assign(quantity="alc", value=1.0, lloq=LLOQ, lln=np.nan, censored=False, row=0),
    )


def posterior_of(model: Model, cohort: Cohort) -> CohortDensity:
    return CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort))


def simulated(model: Model, z: np.ndarray, seed: int) -> Cohort:
    """A trial of the population at the latents ``z``."""
    cohort = planned(np.random.default_rng(seed))
    density = posterior_of(model, cohort)
    of_people, of_noise = jax.random.split(jax.random.key(seed))
    latents = density.hierarchy.draw_latents(of_people, density.arrays, z)
    values = simulate_records(density.likelihood, latents, density.packed, of_noise)["alc"]
    rows = density.packed.records["alc"][0]
    value = pd.Series(np.asarray(values), rows.index).reindex(cohort.observations.index)
    seen = cohort.observations.assign(censored=value < LLOQ, value=value.clip(lower=LLOQ))
    return replace(cohort, observations=seen)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_truth_is_recovered(model, seed):
    hierarchy = Hierarchy(model)
    z = np.random.default_rng([7, seed]).uniform(-1.0, 1.0, len(hierarchy.quantities))
    density = posterior_of(model, simulated(model, z, seed))
    assert density.start().covariate.size > 10
    assert 0.005 < density.packed.records["alc"][1].shape[0] / (PATIENTS * len(DAYS)) < 0.5
    found = Refit(density, HmcSettings()).without([], seed)
    assert found.rhat_max < 1.05
    assert found.divergences < 8
    mean, sd = found.z.mean(axis=0), found.z.std(axis=0)
    reported = dict(zip(hierarchy.population_names, (mean - z) / sd, strict=True))
    learnt = dict(zip(hierarchy.population_names, 1 - sd**2, strict=True))
    # 14 quantities in 3 trials: one beyond 3.3 SDs has a probability of 4 %.
    assert max(abs(v) for v in reported.values()) < 3.3, reported
    # Squares of independent standard normal errors have mean 1; 14 of them are below 2.1 in 99 %.
    assert np.mean(np.square(list(reported.values()))) < 2.1, reported
    for name in ("level_left_correlation", "alc_proportional_sd", "level_sex_F_effect"):
        assert learnt[name] > 0.5, learnt
