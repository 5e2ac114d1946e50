"""Synthetic trials whose patients take courses of a drug that is a covariate."""

import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import lymphokin as lk
from lymphokin.io import write_events
from lymphokin.model import Block, Flow, Output, make_model, state
from lymphokin.shipped import data_path
from lymphokin.trial import synthetic
from lymphokin.trial.synthetic import Truth, simulate_trial
from lymphokin.trial.synthetic_covariates import drawn_covariates

COURSES = {"probability": 0.5, "values": [4.0, 40.0], "starts": [5, 5], "lasts": [7, 14]}
STEROIDS = {"varies": True, "unit": "mg", "meaning": "prednisone", "lowest": 0.0,
            "highest": 100.0, "missing": 0.0}  # fmt: skip


class Cells(Block):
    """Cells that steroids keep from coming back."""

    cells = state("1e9/L", initial=lambda p: p.lymphocyte_baseline)
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}

    def flows(self, y, p, u):
        rate = p.recovery_rate
        return {"cells": Flow(rate * p.lymphocyte_baseline, rate * (1 + u.STEROIDS))}

    def on_fraction(self, y, p, fraction):
        kill = p.radiosensitivity * p.immune_dose_scale * fraction.immune_dose
        return {"cells": (1 - kill + kill**2 / 2) * y.cells}

    def outputs(self, y, p, u):
        return {"alc": y.cells}


@pytest.fixture(scope="module")
def trial_with():
    """Makes trials of eight patients, whose design has some keys more."""
    table = {"extends": "hedos_hcc", "covariates": {"STEROIDS": STEROIDS}}
    model = make_model("steroids", [Cells()], table)
    raw = tomllib.loads(data_path(synthetic.DEMO_TRUTH).read_text(encoding="utf-8"))
    for key in ("mdsc_days", "atra_sample_hours", "lloq_mdsc", "lloq_atra"):
        raw["design"].pop(key, None)
    raw |= {"typical": {}, "between_subject_sd": {}, "residual_sd": {}, "log_ratio": {}}
    raw.pop("correlation", None)
    truth = Truth(**raw | {"design": raw["design"] | {"per_arm": 4, "run_in": 0}})

    def of(**design):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(synthetic, "load_model", lambda _: model)
            return simulate_trial(replace(truth, design={**truth.design, **design}))

    of.model = model
    return of


def test_courses_are_in_the_table_and_in_the_counts(trial_with, tmp_path):
    some, none = (
        trial_with(covariate_courses={"STEROIDS": COURSES | {"probability": p}}) for p in (0.5, 0.0)
    )
    varying = some.cohort.varying
    began = varying[varying["day"] == 5]
    assert 0 < len(began) < 8
    assert set(began["value"]) <= {4.0, 40.0}
    after = varying[(varying["day"] > 5) & varying["id"].isin(began["id"])]
    assert after["value"].tolist() == [0.0] * len(began)
    assert after["day"].between(12, 19).all()
    # The same patients have the same cells until the course, and fewer after it.
    counts = [t.cohort.observations.set_index(["id", "day"])["value"] for t in (some, none)]
    taking = counts[0].index.get_level_values("id").isin(began["id"])
    early = counts[0].index.get_level_values("day") <= 5
    same = np.isclose(counts[0], counts[1], equal_nan=True)
    assert same[early | ~taking].all()
    true = [t.truth["true_alc_at_endpoint"] for t in (some, none)]
    assert (true[0][began["id"]] < true[1][began["id"]]).all()
    write_events(some.cohort, tmp_path / "table.csv", ["SYNTHETIC DATA"])
    again = lk.read_events(tmp_path / "table.csv", model=trial_with.model).varying
    key = ["id", "day"]
    first = some.cohort.observations.groupby("id")["day"].min()
    assert varying.groupby("id")["day"].min().to_dict() == first.to_dict()
    pd.testing.assert_frame_equal(
        again.sort_values(key, ignore_index=True)[[*key, "value"]],
        varying.sort_values(key, ignore_index=True)[[*key, "value"]],
        check_dtype=False,
    )


def test_everybody_is_held_at_what_the_design_says(trial_with):
    model = trial_with.model
    design = {"covariates": {"STEROIDS": 10.0}}
    held = drawn_covariates(model, design, {"S1": -7.0, "S2": 0.0}, np.random.default_rng(0))
    assert held.to_numpy().tolist() == [["S1", -7.0, "STEROIDS", 10], ["S2", 0.0, "STEROIDS", 10]]


def test_a_course_from_the_first_record_on_is_its_value_and_none_starts_before(trial_with):
    design = {"covariate_courses": {"STEROIDS": COURSES | {"probability": 1, "values": [4.0]}}}
    found = drawn_covariates(trial_with.model, design, {"S1": 5.0}, np.random.default_rng(0))
    assert found[["day", "value"]].iloc[0].tolist() == [5.0, 4.0]
    assert found["value"].tolist() == [4.0, 0.0]
    assert found["day"].is_unique
    with pytest.raises(ValueError, match=r"starts: found \[5, 5\], expected .* from 6 on"):
        drawn_covariates(trial_with.model, design, {"S1": 5.0, "S2": 6.0}, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("courses", "reported"),
    [
        ({"WEIGHT": COURSES}, "covariate_courses.WEIGHT: expected a covariate that changes: STER"),
        ({"STEROIDS": {"values": [4.0]}}, r"found \['values'\], expected the keys probability"),
        ({"STEROIDS": COURSES | {"values": [400.0]}}, "expected a list of 0 to 100 mg"),
        ({"STEROIDS": COURSES | {"probability": 2}}, "probability: found 2, expected 0 to 1"),
        ({"STEROIDS": COURSES | {"starts": [9, 5]}}, "starts: found .*two whole days in order"),
        ({"STEROIDS": COURSES | {"lasts": [0, 5]}}, "lasts: found .* from 1 on"),
    ],
)
def test_courses_that_cannot_be_are_refused(trial_with, courses, reported):
    with pytest.raises(ValueError, match=reported):
        trial_with(covariate_courses=courses)
