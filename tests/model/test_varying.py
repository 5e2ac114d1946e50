"""Covariates that change within a patient: declared, read from the table, and read by flows."""

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.model import Block, Flow, ModelError, Output, state
from lymphokin.population import CohortLikelihood, Hierarchy, pack

TURNOVER, EFFECT, BASELINE = 0.1, 0.5, 1.5


class Counts(Block):
    count = state("1e9/L", lambda p: p.baseline)
    shows = {"alc": Output("1e9/L", "lymphocytes")}

    def flows(self, y, p, u):
        loss = p.turnover * (1 + p.effect * u.STEROIDS / 10)
        return {"count": Flow(p.turnover * p.baseline, loss)}

    def outputs(self, y, p, u):
        return {"alc": y.count}


STEROIDS = {
    "varies": True,
    "unit": "mg",
    "meaning": "prednisone equivalent per day",
    "lowest": 0.0,
    "highest": 200.0,
    "missing": 0.0,
}


def made(varying: dict | None = None, block: Block | None = None, **effect):
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    words |= {"transform": "log"}
    parameters = {
        "baseline": {**words, "unit": "1e9/L", "median": BASELINE},
        "turnover": {**words, "unit": "1/d", "median": TURNOVER},
        "effect": {**words, "unit": "1", "median": EFFECT, **effect},
    }
    error = {"distribution": "normal", "sd": 0.1, "source": "none", "certainty": "fixed"}
    table = {"parameters": parameters, "residuals": {"alc": error}}
    table["covariates"] = {"STEROIDS": STEROIDS} if varying is None else varying
    return lk.make_model("steroids", [block or Counts()], table)


TABLE = """ID,TIME,EVID,CMT,AMT,DVID,DV,STEROIDS
P1,0,0,,,alc,1.5,
P1,5,0,,,alc,.,20
P1,12,0,,,alc,1,
P1,15.5,0,,,alc,.,0
P1,40,0,,,alc,1,
P2,-3,0,,,alc,1.5,10
P2,40,0,,,alc,1,
P3,3,0,,,alc,1,
"""


@pytest.fixture
def read(tmp_path):
    def of(text: str, model):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return lk.read_events(path, model=model)

    return of


def after(count: float, days: float, steroids: float) -> float:
    """Count after some days of one dose, in closed form."""
    loss = TURNOVER * (1 + EFFECT * steroids / 10)
    rest = TURNOVER * BASELINE / loss
    return rest + (count - rest) * np.exp(-loss * days)


def test_each_value_holds_until_the_next_one(read, tmp_path):
    model = made()
    cohort = read(TABLE, model)
    packed = pack(model, cohort)
    assert packed.warnings == (
        "STEROIDS is not stated in 1 patient(s), where it counts as 0 mg",
        "STEROIDS is not stated from the first row on in 1 patient(s), where it counts as 0 mg",
    )
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    found = np.exp(likelihood.predictions(latents, packed.arrays)["alc"][0])[:6]
    twelfth = after(BASELINE, 7, 20)
    fortieth = after(after(twelfth, 3.5, 20), 24.5, 0)
    expected = [BASELINE, twelfth, fortieth, BASELINE, after(BASELINE, 43, 10), BASELINE]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    lk.write_events(cohort.until(10), tmp_path / "copy.csv")
    again = lk.read_events(tmp_path / "copy.csv", model=model)
    assert again.varying.equals(cohort.varying)


class Reads(Counts):
    def flows(self, y, p, u):
        return {"count": Flow(p.turnover * p.baseline * p.effect, p.turnover * p.effect)}


class Negative(Counts):
    def flows(self, y, p, u):
        loss = p.turnover * (1 - p.effect * u.STEROIDS / 50)
        return {"count": Flow(p.turnover * p.baseline, loss)}


POWER = {"STEROIDS": {"form": "power", "reference": 1.0, "exponent": 1.0, "exponent_sd": 0.1}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"covariates": POWER},
            "steroids.toml: parameters.effect.covariates.STEROIDS: found a covariate that varies, "
            "expected one that is constant within a patient",
        ),
        ({"block": Reads()}, "covariates.STEROIDS is in the table but no block on the days clock"),
        ({"block": Negative()}, "per day at .* at the highest covariates"),
        (
            {"STEROIDS": {**STEROIDS, "varies": False}},
            "covariates.STEROIDS: expected varies = true",
        ),
        ({"STEROIDS": {**STEROIDS, "missing": -1.0}}, "missing must lie between 0.0 and 200.0"),
        ({"STEROIDS": {**STEROIDS, "highest": 0.0}}, "expected lowest below highest"),
        ({"steroids": STEROIDS}, "covariates.steroids: expected a column name of capitals"),
        ({"STEROIDS": {**STEROIDS, "kind": "number"}}, "covariates.STEROIDS: unknown key 'kind'"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_by_its_key(changed, message):
    entries = {name: entry for name, entry in changed.items() if name.upper() == "STEROIDS"}
    others = {name: value for name, value in changed.items() if name not in entries}
    with pytest.raises(ModelError, match=message):
        made(entries or None, **others)


@pytest.mark.parametrize(
    ("rows", "value", "expected"),
    [
        ("P3,9,0,,,alc,1,300", "300", "0 to 200 mg"),
        ("P3,9,0,,,alc,1,much", "much", "a finite number"),
        ("P3,9,0,,,alc,1,5\nP3,9,0,,,mdsc,9,6", "6", "one value per patient and time"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_place(read, rows, value, expected):
    with pytest.raises(lk.BadInput) as refused:
        read(TABLE + rows + "\n", made())
    (problem,) = refused.value.problems
    assert (problem.column, problem.value) == ("STEROIDS", value)
    assert expected in problem.expected


def test_what_is_not_stated_is_said(read):
    without = "\n".join(line.rpartition(",")[0] for line in TABLE.splitlines()) + "\n"
    cohort = read(without, made())
    assert "there is no column STEROIDS: it counts as 0 mg in every patient" in cohort.warnings
