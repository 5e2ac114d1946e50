"""Forecasts of individuals against brute force: importance sampling from the prior itself."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.endpoint import measured_threshold
from lymphokin.infer import CohortDensity
from lymphokin.infer.density import density_of
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack, probability_below
from lymphokin.predict import forecast, seen_ranges
from lymphokin.predict.endpoint_draws import records_used

pytestmark = pytest.mark.slow  # several compilations: minutes

BRUTE_FORCE_DRAWS = 30_000


def test_risk_of_a_new_patient_agrees_with_brute_force(small_trial):
    """A known population, one untreated and one treated patient, counts up to day 14.

    The brute force draws patients from the population and weighs them by their likelihood. Its
    effective sample is some hundreds, so the two agree to a few percentage points.
    """
    model = load_model("myeloid_lymphoid")
    arms = small_trial.cohort.patients["arm"]
    chosen = [arms.index[arms == "SBRT"][0], arms.index[arms == "SBRT+ATRA"][0]]
    cohort = small_trial.cohort.select(chosen)
    visits = endpoint_visits(cohort)
    hierarchy = Hierarchy(model)
    z = np.zeros((1, len(hierarchy.quantities)))
    result = forecast(
        density_of(model, cohort),
        z,
        in_fit=False,
        seen=seen_ranges(cohort, visits),
        synthetic=True,
        counts_until=14.0,
    ).patients

    used = records_used(cohort.observations, visits["endpoint_day"], 14.0)
    packed = pack(
        model,
        replace(cohort, observations=cohort.observations[used]),
        {p: [day] for p, day in visits["endpoint_day"].items()},
    )
    density = CohortDensity(CohortLikelihood(hierarchy), packed)
    nodes = jnp.asarray(packed.nodes(visits["endpoint_day"].to_dict()))

    def one(key):
        latents = hierarchy.draw_latents(key, packed.arrays, jnp.zeros(z.shape[1]))
        log_weight, outputs, *_ = density.likelihood.by_patient(latents, packed.arrays)
        return log_weight, jnp.log(outputs["alc"][nodes, jnp.arange(2)])

    keys = jax.random.split(jax.random.key(1), BRUTE_FORCE_DRAWS)
    log_weight, log_count = jax.jit(lambda k: jax.lax.map(one, k, batch_size=50))(keys)
    weight = np.exp(log_weight - log_weight.max(axis=0))
    weight /= weight.sum(axis=0)
    sd = hierarchy.population(jnp.zeros(z.shape[1])).residual_sd["alc"]
    below = probability_below(
        model.table.residuals["alc"], np.log(measured_threshold(2)), log_count, sd
    )
    expected = (weight * np.asarray(below)).sum(axis=0)
    effective = 1 / (weight**2).sum(axis=0)
    assert (effective > 100).all()
    np.testing.assert_allclose(result["p_grade2_measured"], expected, atol=0.06)


def test_records_after_the_chosen_day_do_not_change_a_new_patients_forecast(small_trial):
    model = load_model("myeloid_lymphoid")
    cohort = small_trial.cohort.select(small_trial.cohort.patients.index[:2])
    visits = endpoint_visits(cohort)
    z = np.zeros((2, len(Hierarchy(model).quantities)))
    later = cohort.observations["day"].between(15, visits["endpoint_day"].min() - 1)
    changed = replace(
        cohort,
        observations=cohort.observations.assign(
            value=cohort.observations["value"].where(~later, 3.0 * cohort.observations["value"])
        ),
    )
    tables = [
        forecast(
            density_of(model, c),
            z,
            in_fit=False,
            seen=seen_ranges(c, visits),
            synthetic=True,
            counts_until=14.0,
        ).patients
        for c in (cohort, changed)
    ]
    np.testing.assert_array_equal(tables[0]["alc_q50"], tables[1]["alc_q50"])
