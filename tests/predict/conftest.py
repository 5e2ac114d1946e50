"""Models whose forecasts can be done by hand: counts at a level, with and without a drug."""

from pathlib import Path

import pandas as pd
import pytest

from lymphokin.io import Cohort
from lymphokin.model import Model, load_model

LEVEL, BETWEEN, ERROR, UNSURE = 0.9, 0.25, 0.3, 0.4
"""Median level (1e9/L); SDs of its logarithm between patients, of a measurement, and of what is
known about the median."""
ELIMINATION = 6.0
"""Rate at which the drug leaves, 1/d."""
PER_EXPOSURE = 1e-3
"""Effect on ln count of one mg d of the drug, at a suppression of 1."""

COUNTS = '''
"""Counts that stay at the patient's level."""

from lymphokin.model import Block, Flow, Output, state


class Level(Block):
    count = state("1e9/L", lambda p: p.level)
    shows = {"alc": Output("1e9/L", "count")}

    def flows(self, y, p, u):
        return {"count": Flow(p.level, 1.0)}

    def outputs(self, y, p, u):
        return {"alc": y.count}


blocks = (Level(),)
'''
TREATED = f'''
"""Counts at the patient's level, times an effect of all the drug that has been taken."""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state


class Drug(Block):
    clock = "hours"
    hands_down = ("delayed",)
    gut, level, delayed = state("mg"), state("mg"), state("mg")
    shows = {{"atra": Output("mg", "amount")}}

    def flows(self, y, p, u):
        return {{
            "gut": Flow(0.0, p.elimination),
            "level": Flow(p.elimination * y.gut, p.elimination),
            "delayed": Flow(p.elimination * y.level, p.elimination),
        }}

    def on_dose(self, y, p, amount):
        return {{"gut": y.gut + amount}}

    def outputs(self, y, p, u):
        return {{"atra": y.level}}


class Counts(Block):
    count = state("1e9/L", lambda p: p.level)
    exposure = state("mg d")
    shows = {{"alc": Output("1e9/L", "count")}}

    def flows(self, y, p, u):
        return {{"count": Flow(p.level, 1.0), "exposure": Flow(u.delayed, 0.0)}}

    def outputs(self, y, p, u):
        return {{"alc": y.count * jnp.exp({PER_EXPOSURE} * p.suppression * y.exposure)}}


blocks = (Drug(), Counts())
'''
PARAMETER = """
[parameters.{name}]
symbol = "{name}"
meaning = "{name}"
unit = "{unit}"
transform = "log"
median = {median}
population_sd = {population_sd}
between_subject_sd = {between}
source = "a test"
certainty = "fixed"
"""
RESIDUAL = """
[residuals.{quantity}]
distribution = "normal"
error = "log_normal"
sd = {sd}
source = "a test"
certainty = "fixed"
"""


def _loaded(folder: Path, name: str, code: str, table: str) -> Model:
    (folder / f"{name}.py").write_text(code)
    (folder / f"{name}.toml").write_text(table)
    return load_model(str(folder / f"{name}.py"))


@pytest.fixture(scope="session")
def level_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Log-normal levels whose median is known up to a log-normal factor."""
    table = PARAMETER.format(
        name="level", unit="1e9/L", median=LEVEL, population_sd=UNSURE, between=BETWEEN
    )
    table += RESIDUAL.format(quantity="alc", sd=ERROR)
    return _loaded(tmp_path_factory.mktemp("models"), "level", COUNTS, table)


@pytest.fixture(scope="session")
def treated_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same beside a drug, whose effect is the suppression times the exposure."""
    table = "".join(
        PARAMETER.format(name=name, unit=unit, median=median, population_sd=sd, between=between)
        for name, unit, median, sd, between in (
            ("level", "1e9/L", LEVEL, 0.0, BETWEEN),
            ("elimination", "1/d", ELIMINATION, 0.0, 0.0),
            ("suppression", "1", 1.0, 0.5, 0.0),
        )
    )
    table += "".join(RESIDUAL.format(quantity=q, sd=ERROR) for q in ("alc", "atra"))
    return _loaded(tmp_path_factory.mktemp("models"), "treated", TREATED, table)


def patients(
    counts: dict[str, list[tuple[float, float]]],
    doses: dict[str, list[tuple[float, float]]] | None = None,
    fractions: int = 5,
    **columns: object,
) -> Cohort:
    """Patients under daily fractions of 10 Gy.

    Args:
        counts: by patient, days and counts (1e9/L).
        doses: by patient, days and amounts (mg) of the drug.
        fractions: how many, from day 0.
        columns: of the table of patients.
    """
    seen = [(i, d, "alc", value) for i, own in counts.items() for d, value in own]
    taken = [(i, d, "atra", mg) for i, own in (doses or {}).items() for d, mg in own]
    given = [(i, float(d), 10.0) for i in counts for d in range(fractions)]
    return Cohort(
        pd.DataFrame(columns, index=pd.Index(list(counts), name="id")),
        pd.DataFrame(given, columns=["id", "day", "prescribed_gy"]),
        pd.DataFrame(taken, columns=["id", "day", "drug", "amount_mg"]),
        pd.DataFrame(seen, columns=["id", "day", "quantity", "value"]),
    )
