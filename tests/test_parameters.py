"""Parameters: the scale on which they are normal, their priors and their units."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

from lymphokin.model import Parameter

INSIDE = {
    "log": st.floats(1e-6, 1e6),
    "logit": st.floats(1e-6, 1 - 1e-6),
    "identity": st.floats(-1e6, 1e6),
    "above": st.floats(-0.8 + 1e-6, 1e6),
}


def parameter(transform: str, median: float = 0.5, **more) -> Parameter:
    more.setdefault("unit", "1")
    more.setdefault("lower", -0.8)
    return Parameter(
        "k", "k", "a rate", transform=transform, median=median, certainty="fixed", **more
    )


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(INSIDE)))
def test_every_transform_has_its_inverse(data, transform):
    value = data.draw(INSIDE[transform])
    p = parameter(transform)
    assert p.to_natural(p.to_transformed(value)) == pytest.approx(value, rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(st.floats(-30, 30), st.sampled_from(sorted(INSIDE)))
def test_values_stay_inside_their_bounds_and_keep_their_order(x, transform):
    p = parameter(transform)
    value, larger = float(p.to_natural(x)), float(p.to_natural(x + 0.5))
    assert value < larger or (transform == "logit" and larger == 1.0)
    assert {"log": value > 0, "logit": 0 < value <= 1, "above": value > -0.8}.get(transform, True)


@settings(deadline=None)
@given(st.floats(-4, 4), st.sampled_from(["log", "logit", "identity", "above"]))
def test_a_typical_value_is_normal_on_the_transformed_scale(z, transform):
    p = parameter(transform, median=0.3, population_sd=0.4)
    assert float(p.typical(z)) == pytest.approx(float(p.to_transformed(0.3)) + 0.4 * z)
    assert p.to_natural(p.typical(0.0)) == pytest.approx(0.3)


@settings(deadline=None)
@given(st.floats(-4.5, 4.5), st.floats(-0.5, 1.5), st.floats(0.1, 1.5))
def test_a_truncated_normal_obeys_its_prior(z, mean, sd):
    p = parameter("above", mean, population_sd=sd, prior="truncated_normal")
    prior = truncnorm((p.lower - mean) / sd, np.inf, loc=mean, scale=sd)
    expected = prior.ppf(norm.cdf(z)) if z < 0 else prior.isf(norm.sf(z))
    assert float(p.to_natural(p.typical(z))) == pytest.approx(expected, abs=1e-8)


def test_a_truncated_normal_stays_finite_far_in_its_tails():
    p = parameter("above", 0.5, population_sd=0.8, prior="truncated_normal")
    z = np.linspace(-12, 12, 25)
    value, slope = jax.vmap(jax.value_and_grad(p.typical))(z)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    assert (np.diff(p.to_natural(value)) >= 0).all()


@pytest.mark.parametrize(
    ("unit", "value", "per_day"),
    [
        ("1/h", 1.2, 28.8),
        ("L/h", 85.0, 2040.0),
        ("h", 30.0, 1.25),
        ("1/d", 0.35, 0.35),
        ("d", 21.0, 21.0),
        ("1/Gy", 0.45, 0.45),
        ("ng/mL", 150.0, 150.0),
        ("1e9/L", 1.4, 1.4),
    ],
)
def test_hours_become_days_and_all_else_stays(unit, value, per_day):
    p = parameter("log", value, unit=unit)
    assert p.median * p.per_day == pytest.approx(per_day, rel=1e-15)
