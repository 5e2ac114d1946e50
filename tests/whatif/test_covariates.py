"""Covariates that the page knows from the model alone: asked, held, and refused at their field."""

import json

import pytest
from starlette.testclient import TestClient

import lymphokin as lk
from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.web import safety
from lymphokin.web.app import make_app
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.covariates import known_to
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.examples import warm_up
from tests.model.test_varying import STEROIDS, Counts

HOST, TOKEN = "127.0.0.1:8080", "of-this-start"
CENTRE = {"form": "category", "reference": "North", "effects": {"South": {"median": 1.0}}}


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Of a model that was made up: steroids double the loss, and counts of a centre are higher."""
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed",
             "transform": "log"}  # fmt: skip
    baseline = {"median": 1.0, "between_subject_sd": 0.3, "covariates": {"CENTRE": CENTRE}}
    table = {
        "parameters": {
            "baseline": {**words, "unit": "1e9/L", **baseline},
            "turnover": {**words, "unit": "1/d", "median": 0.1},
            "effect": {**words, "unit": "1", "median": 1.0},
        },
        "residuals": {
            "alc": {"distribution": "normal", "sd": 0.1, "source": "none", "certainty": "fixed"}
        },
        "covariates": {"STEROIDS": STEROIDS},
    }
    model = lk.make_model("made_up", [Counts()], table)
    made = Engine(PopulationDraws.of_prior(model, draws=60))
    warm_up(made)
    return made


@pytest.fixture(scope="module")
def client(engine) -> TestClient:
    app = make_app(lambda: engine.population, frozenset({HOST}), TOKEN)
    app.state.desk.engine = engine
    return TestClient(app, base_url=f"http://{HOST}")


def test_the_form_has_a_field_for_each_covariate_of_the_model(client):
    form = client.get("/api/v1/form").json()
    held, centre = form["covariates"]
    shown = {key: held[key] for key in ("name", "label", "unit", "minimum", "maximum", "default")}
    assert shown == {
        "name": "STEROIDS", "label": "Prednisone equivalent per day", "unit": "mg",
        "minimum": 0, "maximum": 200, "default": 0,
    }  # fmt: skip
    assert held["note"]["text"].startswith("Held at this value over the whole what-if")
    assert "0 to 200" in held["note"]["text"]
    assert (centre["name"], [c["value"] for c in centre["choices"]]) == (
        "CENTRE", ["North", "South"],
    )  # fmt: skip
    assert form["default"]["patient"]["covariates"] == {"STEROIDS": 0}
    assert any("its own covariates alone" in limit for limit in form["provenance"]["limits"])
    assert "CENTRE" not in {field["name"].upper() for field in form["fields"]}


def test_what_is_stated_is_held_and_what_cannot_be_is_refused_at_its_field(client):
    question = client.get("/api/v1/form").json()["default"] | {"draws": 400}
    headers = {"Content-Type": "application/json", safety.TOKEN_HEADER: TOKEN}

    def asked(**covariates):
        patient = question["patient"] | {"counts": [], "covariates": covariates}
        body = json.dumps(question | {"patient": patient})
        return client.post("/api/v1/whatif", content=body, headers=headers).json()

    def median(**covariates) -> float:
        return asked(**covariates)["a"]["fitted"]["planned"]["alc"]["q50"]

    # At rest a count is the baseline over 1 + dose / 10; South is e times as high as North.
    usual = median(STEROIDS=0)
    assert median(STEROIDS=10) == pytest.approx(usual / 2, rel=0.1)
    assert median(STEROIDS=0, CENTRE="North") == usual
    assert median(STEROIDS=0, CENTRE="South") == pytest.approx(usual * 2.718, rel=0.1)
    wrong = asked(STEROIDS=500, CENTRE="<script>", AGE=3)["errors"]
    assert {row["field"]: row["text"] for row in wrong} == {
        "patient.covariates.STEROIDS": "found 500, expected 0 to 200 mg",
        "patient.covariates.CENTRE": "expected one of North and South",
        "patient.covariates.AGE": "model made_up does not read it; beside the fields of the form "
        "it reads STEROIDS and CENTRE",
    }
    assert [row["text"] for row in asked()["errors"]] == ["found no number, expected 0 to 200 mg"]


def test_a_patient_is_put_to_other_models_with_what_they_know(engine):
    stated = lk.Patient(covariates={"STEROIDS": 40.0, "CENTRE": "South"})
    assert known_to(load_model("hedos_hcc"), stated).covariates == ()
    model = engine.population.model
    assert known_to(model, stated).covariates == stated.covariates
    assert known_to(model, lk.Patient()).covariates == (("STEROIDS", 0.0),)
    request = WhatIfRequest(patient=stated, a=lk.Schedule(), b=lk.Schedule())
    assert request.model_dump(mode="json")["patient"]["covariates"] == dict(stated.covariates)
    assert WhatIfRequest.model_validate(request.model_dump(mode="json")) == request
