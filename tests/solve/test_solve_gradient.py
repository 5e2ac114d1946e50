"""Gradients of a solution: right, and finite wherever the prior may lead."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lymphokin.model import load_model
from lymphokin.solve import Treatment, build_timeline, hours_output_at, solve

BLOOD_DRAWS = np.array([0.1, 0.4, 1.2])
PATIENTS = 4


def log_outputs(model):
    """Function from z [parameter, patient], in SDs from the median, to the sum of log outputs."""
    days = np.array([0.0, 4.3, 14.0, 28.0, 46.0])
    patient = Treatment(
        np.arange(5.0),
        np.full(5, 0.5),
        np.full(5, 0.2),
        np.array([0.0, 1.0, 2.0, 21.0]),
        np.full(4, 270.0),
        days,
    )
    timeline, layout = build_timeline([patient] * PATIENTS)
    timeline = jax.tree.map(jnp.asarray, timeline)
    at = jnp.asarray([layout.node(timeline, 0, day) for day in days])

    def of(z):
        p = {
            q.name: q.per_day * q.to_natural(q.to_transformed(q.median) + spread(q) * z[i])
            for i, q in enumerate(model.table)
        }
        lanes = SimpleNamespace(**{name: v[timeline.hours.patient] for name, v in p.items()})
        solution = solve(model, SimpleNamespace(**p), lanes, timeline)
        lane = np.zeros(len(BLOOD_DRAWS), dtype=int)
        drug = hours_output_at(model, lanes, timeline.hours, solution.hours, lane, BLOOD_DRAWS)
        total = jnp.log(solution.outputs["alc"][at]).sum()
        total += jnp.log(solution.outputs["mdsc"][at]).sum()
        return total + jnp.log(jnp.maximum(drug["atra"], 1e-9)).sum()

    return jax.jit(jax.value_and_grad(of))


def spread(parameter):
    return np.sqrt(
        parameter.population_sd**2
        + parameter.between_subject_sd**2
        + parameter.between_occasion_sd**2
    )


@pytest.fixture(
    scope="module",
    params=["myeloid_lymphoid", pytest.param("lymphocyte_feedback", marks=pytest.mark.slow)],
)
def gradient(request):
    model = load_model(request.param)
    return log_outputs(model), len(model.table.parameters)


@pytest.mark.long
def test_the_gradient_is_that_of_finite_differences(gradient):
    """To 1e-8 of the sum of its parts' sizes; differences of fourth order, prior tails included."""
    of, parameters = gradient
    size = 3e-4
    for seed in range(6):
        random = np.random.default_rng(seed)
        z = random.uniform(-3.3, 3.3, (parameters, PATIENTS))
        along = random.standard_normal(z.shape)
        parts = np.asarray(of(z)[1]) * along
        one, two = (of(z + k * size * along)[0] - of(z - k * size * along)[0] for k in (1, 2))
        difference = float(8 * one - two) / (12 * size)
        assert abs(difference - parts.sum()) < 1e-8 * np.abs(parts).sum()


@pytest.mark.long
@settings(max_examples=60)
@given(data=st.data())
def test_the_gradient_is_finite_wherever_the_prior_leads(gradient, data):
    of, parameters = gradient
    element = st.floats(-3.3, 3.3) | st.sampled_from([-3.3, 3.3])
    z = data.draw(hnp.arrays(float, (parameters, PATIENTS), elements=element))
    value, slope = of(z)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
