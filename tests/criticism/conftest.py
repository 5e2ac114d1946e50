"""Replicates of a model simple enough to know (a level per patient, a slope, and noise, on ln), and
a run folder that is quick to make."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.criticism.data.replicates import Replicates
from lymphokin.io import read_events
from lymphokin.model import Residual
from lymphokin.run.folder import write_run
from tests.made_up_fit import made_up_fit

DAYS = np.array([-7.0, 0.0, 14.0, 28.0, 49.0, 84.0])
RESIDUAL = Residual("alc", "student_t", 0.15, "fixed", degrees_of_freedom=5)
BETWEEN, SLOPE, TRIALS = 0.4, -0.01, 400
LLOQ = 0.3


def linear_trial(
    seed: int, slope: float = SLOPE, patients: int = 40, draws: int = TRIALS
) -> Replicates:
    """A trial measured with a slope (per day), described by a model whose slope is ``SLOPE``."""
    rng = np.random.default_rng(seed)
    day = np.tile(DAYS, patients)
    who = np.repeat(np.arange(patients), len(DAYS))

    def level(n: int) -> np.ndarray:
        return BETWEEN * rng.standard_normal((n, patients))[:, who]

    def noise(n: int) -> np.ndarray:
        return RESIDUAL.sd * rng.standard_t(5, (n, len(day)))

    own = level(1)
    measured = (own + slope * day + noise(1))[0]
    hidden = measured < np.log(LLOQ)
    records = pd.DataFrame(
        {
            "id": [f"P{i:02d}" for i in who],
            "arm": np.where(who % 2, "A", "B"),
            "day": day,
            "value": np.exp(np.where(hidden, np.log(LLOQ), measured)),
            "lloq": LLOQ,
            "censored": hidden,
            "lower": np.nan,
            "upper": np.nan,
        }
    )
    typical = np.broadcast_to(SLOPE * day, (draws, len(day)))
    fitted = typical + own
    return Replicates(
        "alc",
        records,
        RESIDUAL,
        np.full((draws, 1, 1), RESIDUAL.sd),
        typical,
        fitted,
        fitted + noise(draws),
        typical + level(draws) + noise(draws),
        np.zeros((draws, 0)),
        sampled_by_hour=False,
    )


@pytest.fixture(scope="session")
def right() -> Replicates:
    """Measured by the model that describes it."""
    return linear_trial(1)


@pytest.fixture(scope="session")
def wrong() -> Replicates:
    """Falls faster than the model says."""
    return linear_trial(1, slope=2 * SLOPE)


def simulated_as_measured(r: Replicates, draw: int) -> Replicates:
    """The same trial, measured as one of the model's own simulations."""
    hidden = r.new[draw] < r.log_lloq
    value = np.exp(np.where(hidden, r.log_lloq, r.new[draw]))
    return replace(r, records=r.records.assign(value=value, censored=hidden))


CHAINS, DRAWS = 2, 60
MODELS = {"hedos_hcc": {"alc"}, "myeloid_lymphoid": {"alc", "mdsc", "atra"}}
"""What each measures; the second takes a minute to compile."""


@pytest.fixture(
    scope="session", params=["hedos_hcc", pytest.param("myeloid_lymphoid", marks=pytest.mark.slow)]
)
def made_up_run(request, small_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with draws near the prior's centre: complete, and quick to make."""
    fit = made_up_fit(request.param, read_events(small_table), chains=CHAINS, draws=DRAWS)
    folder = tmp_path_factory.mktemp("runs") / "made_up"
    write_run(
        folder,
        draws=fit.draws,
        config=fit.config,
        provenance=fit.provenance,
        summary=fit.summary,
        cohort=fit.cohort,
        model=fit.model,
    )
    return folder


@pytest.fixture(scope="session")
def checked(made_up_run: Path) -> dict:
    before = {p.name: p.read_bytes() for p in made_up_run.iterdir()}
    done = CliRunner().invoke(app, ["check", str(made_up_run), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    after = {p.name: p.read_bytes() for p in made_up_run.iterdir()}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"check.html", "check.json"}
    return json.loads(done.stdout)
