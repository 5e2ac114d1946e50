"""Differences between patients, the endpoint replicated, and what data and prior say."""

from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.criticism.data.endpoint_check import (
    EndpointCheck,
    endpoint_checks,
    judge_endpoint,
)
from lymphokin.criticism.patients.random_effects import (
    RandomEffects,
    covariate_table,
    judge_covariates,
    judge_shrinkage,
    random_effects,
    residual_shrinkage,
)
from lymphokin.criticism.teaching.composites import Composite
from lymphokin.criticism.teaching.prior_sensitivity import (
    Identifiability,
    judge_identifiability,
    judge_power_scaling,
    of_data,
    power_scaling,
)
from lymphokin.infer.density import density_of, flat
from lymphokin.infer.information import ArrowMatrix
from lymphokin.io import Cohort
from lymphokin.model import load_model

from .conftest import linear_trial

PATIENTS, DRAWS = 60, 400


def effects_of(truth: np.ndarray, noise: float, rng: np.random.Generator) -> RandomEffects:
    """Draws of one random effect that is measured with ``noise``, by conjugate updating."""
    keep = 1 / (1 + noise**2)
    mean = keep * (truth + noise * rng.standard_normal(len(truth)))
    eta = mean + np.sqrt(1 - keep) * rng.standard_normal((DRAWS, 1, len(truth)))
    return RandomEffects(("level",), tuple(map(str, range(len(truth)))), eta)


def patients(rng: np.random.Generator) -> pd.DataFrame:
    columns = dict.fromkeys(("sex", "bsa", "n_lesions", "ptv_cm3", "immune_dose_gy"))
    return pd.DataFrame(
        {
            **columns,
            "age": rng.normal(60, 10, PATIENTS),
            "centre": np.where(np.arange(PATIENTS) % 2, "A", "B").astype(object),
            "site": pd.Series(["liver"] * PATIENTS, dtype=object),
        }
    )


@settings(max_examples=20)
@given(st.floats(0.1, 3.0))
def test_shrinkage_is_that_of_normal_random_effects(noise):
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(4000)
    shrinkage = effects_of(truth, noise, rng).shrinkage()["level"]
    # A normal effect measured with noise: its posterior means have SD 1 / sqrt(1 + noise^2).
    assert shrinkage == pytest.approx(1 - 1 / np.sqrt(1 + noise**2), abs=0.04)


def test_covariates_are_judged_on_draws_not_on_shrunken_means():
    rng = np.random.default_rng(1)
    table = patients(rng)
    slope = (table["age"].to_numpy() - 60) / 10
    related = effects_of(slope, 0.2, rng)
    by_chance = effects_of(rng.standard_normal(PATIENTS), 0.2, rng)
    shrunken = effects_of(slope, 8.0, rng)
    judged = {}
    for name, effects in (("related", related), ("chance", by_chance), ("shrunken", shrunken)):
        found = covariate_table(effects, table)
        assert set(found["covariate"]) == {"age", "centre"}
        assert (found["p_adjusted"] >= found["p"] - 1e-12).all()
        assert found["p_adjusted"].is_monotonic_increasing
        judged[name] = judge_covariates(found, "random effects against covariates")
    assert judged["related"].level == "wrong"
    assert "age" in judged["related"].sentence
    assert judged["chance"].level == judged["shrunken"].level == "fine"


def test_residual_shrinkage_grows_when_the_fit_follows_the_records():
    r = linear_trial(3)
    followed = replace(r, fitted=0.9 * r.log_value + 0.1 * r.fitted)
    assert abs(residual_shrinkage(r)) < 0.15
    assert residual_shrinkage(followed) > 0.8


def test_a_negative_residual_shrinkage_asks_for_a_look():
    """Records half as far again from their predictions; of 20 right trials one or two by chance."""
    nobody = RandomEffects((), (), np.zeros((DRAWS, 0, 0)))
    trials = [linear_trial(seed, draws=2) for seed in range(20)]
    wide = [replace(r, fitted=1.5 * r.fitted - 0.5 * r.log_value) for r in trials]
    for group, expected in ((wide, range(20, 21)), (trials, range(5))):
        verdicts = [judge_shrinkage(nobody, [r])[0] for r in group]
        said = [v for v in verdicts if "It is negative for lymphocyte counts" in v.sentence]
        assert len(said) in expected
        assert all(v.level == "look" for v in said)


def test_the_endpoint_is_counted_as_the_trial_counts_it():
    r = linear_trial(4)
    ids = r.records["id"].unique()
    cohort = Cohort(
        patients=pd.DataFrame({"arm": r.records.groupby("id")["arm"].first()}, index=ids),
        fractions=pd.DataFrame({"id": ids, "day": 0.0, "prescribed_gy": 8.0}),
        doses=pd.DataFrame({"id": [], "day": [], "drug": [], "amount_mg": []}),
        observations=r.records.drop(columns="arm").assign(
            quantity="alc", tube=None, lower=0.0, upper=r.records["lloq"]
        ),
    )
    checks = endpoint_checks(cohort, r)
    at = r.records.query("day == 49").assign(event=lambda t: t["value"].round(2) < 0.80)
    for check in checks:
        assert check.events == at.loc[at["arm"] == check.arm, "event"].sum()
        assert check.patients == (at["arm"] == check.arm).sum()
        assert judge_endpoint(check).level == "fine"
        far = judge_endpoint(replace(check, events=check.patients))
        assert far.numbers["p"] < judge_endpoint(check).numbers["p"]
    low, high = (np.full_like(r.new, np.log(count)) for count in (0.5, 2.0))
    for check in endpoint_checks(cohort, replace(r, same=low, new=high)):
        assert set(check.same) == {check.patients}
        assert set(check.new) == {0}


def test_the_interval_of_replicated_events_is_equal_tailed_and_of_90_per_cent():
    trials = np.arange(101)
    numbers = judge_endpoint(EndpointCheck("A", 100, 50, trials, trials)).numbers
    ends = [numbers[f"replicated_q{q}"] for q in ("05", "50", "95")]
    assert ends == [5.0, 50.0, 95.0]
    assert numbers["p"] == 1.0


def test_random_effects_drawn_from_the_prior_are_standard_normal(small_trial):
    density = density_of(load_model("myeloid_lymphoid"), small_trial.cohort)
    keys = jax.random.split(jax.random.key(0), DRAWS)
    draw = jax.vmap(lambda k: flat(density.hierarchy.draw_latents(k, density.arrays)))
    found = random_effects(density, np.asarray(draw(keys)))
    assert {"lymphocyte_baseline", "radiosensitivity", "intrinsic_clearance"} <= set(found.names)
    sd, mean = np.nanstd(found.eta, axis=(0, 2)), np.nanmean(found.eta, axis=(0, 2))
    np.testing.assert_allclose(sd, 1.0, atol=0.06)
    np.testing.assert_allclose(mean, 0.0, atol=0.08)
    own = found.eta[:, found.names.index("intrinsic_clearance")]
    treated = small_trial.cohort.patients.index.isin(small_trial.cohort.doses["id"])
    np.testing.assert_array_equal(np.isfinite(own).all(axis=0), treated)


def test_power_scaling_tells_the_prior_from_the_data():
    """Normal posteriors whose prior is standard normal: untaught, and taught well."""
    rng = np.random.default_rng(5)
    z = np.column_stack([rng.standard_normal(4000), 0.3 + 0.1 * rng.standard_normal(4000)])
    table = power_scaling({"untaught": z[:, 0], "taught": z[:, 1]}, z, -0.5 * (z**2).sum(axis=1))
    assert table.loc["untaught", "diagnosis"] == "rests on the prior"
    assert table.loc["taught", "diagnosis"] == "fine"
    assert table.loc["taught", "likelihood"] > table.loc["untaught", "likelihood"]
    assert judge_power_scaling(table, ["taught"]).level == "fine"
    assert judge_power_scaling(table, ["taught", "untaught"]).level == "look"


def test_information_of_the_data_is_the_dense_one_without_the_prior():
    rng = np.random.default_rng(6)
    quantities, people, slots = 3, 4, 2
    size = quantities + people * slots
    full = np.eye(size)
    own, coupling = np.zeros((people, slots, slots)), np.zeros((people, slots, quantities))
    for i in range(people):
        here = quantities + slots * i + np.arange(slots)
        derivative = np.zeros((5, size))
        derivative[:, [*range(quantities), *here]] = rng.standard_normal((5, quantities + slots))
        full += derivative.T @ derivative
        own[i], coupling[i] = full[np.ix_(here, here)], full[np.ix_(here, range(quantities))]
    for i in range(people):  # contributions of later patients reach the population block only
        here = quantities + slots * i + np.arange(slots)
        np.testing.assert_allclose(own[i], full[np.ix_(here, here)])
    covariance = np.linalg.inv(full)[:quantities, :quantities]
    found = of_data(ArrowMatrix(full[:quantities, :quantities], own, coupling))
    np.testing.assert_allclose(found, np.linalg.inv(covariance) - np.eye(quantities), atol=1e-9)


def test_directions_are_named_by_what_makes_them_up():
    found = Identifiability(
        np.array([20.0, 0.0]), np.array([[0.6, 0.8], [0.8, -0.6]]), ("kill", "recovery")
    )
    assert found.named(0) == "recovery (64 %) and kill (36 %)"
    verdict = judge_identifiability(found)
    assert verdict.level == "look"
    assert "kill (64 %)" in verdict.sentence


def test_contraction_of_a_composite_is_that_of_its_intervals():
    rng = np.random.default_rng(7)
    prior = rng.standard_normal(20_000)
    composite = Composite("fall", "ln", "a fall", prior, 0.5 * prior)
    assert composite.contraction == pytest.approx(0.75)
    assert composite.learnt == "well"
    assert replace(composite, posterior=prior).learnt == "prior only"
