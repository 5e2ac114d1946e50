"""Parameters: the scale on which they are normal, their priors and their units."""

import jax
import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from lymphokin.model import Parameter, TableError, load_model
from lymphokin.model.table import read_table

INSIDE = {
    "log": st.floats(1e-6, 1e6),
    "logit": st.floats(1e-6, 1 - 1e-6),
    "identity": st.floats(-1e6, 1e6),
    "above": st.floats(-0.8 + 1e-6, 1e6),
    "between": st.floats(-0.8 + 1e-6, 2 - 1e-6),
}


def parameter(transform: str, median: float = 0.5, **more) -> Parameter:
    more.setdefault("unit", "1")
    more.setdefault("lower", -0.8)
    more.setdefault("upper", 2.0)
    return Parameter(
        "k", "k", "a rate", transform=transform, median=median, certainty="fixed", **more
    )


@given(st.data(), st.sampled_from(sorted(INSIDE)))
def test_every_transform_has_its_inverse(data, transform):
    value = data.draw(INSIDE[transform])
    p = parameter(transform)
    assert p.to_natural(p.to_transformed(value)) == pytest.approx(value, rel=1e-9, abs=1e-12)


@given(st.floats(-30, 30), st.sampled_from(sorted(INSIDE)))
def test_values_stay_inside_their_bounds_and_keep_their_order(x, transform):
    p = parameter(transform)
    value, larger = float(p.to_natural(x)), float(p.to_natural(x + 0.5))
    top = {"logit": 1.0, "between": 2.0}.get(transform)
    assert value < larger or larger == top or value == pytest.approx(-0.8)
    inside = {"log": value > 0, "logit": 0 < value <= 1, "above": value > -0.8}
    assert inside.get(transform, transform == "identity" or -0.8 <= value <= 2.0)


@given(st.floats(-4, 4), st.sampled_from(sorted(INSIDE)))
def test_a_typical_value_is_normal_on_the_transformed_scale(z, transform):
    p = parameter(transform, median=0.3, population_sd=0.4)
    assert float(p.typical(z)) == pytest.approx(float(p.to_transformed(0.3)) + 0.4 * z)
    assert p.to_natural(p.typical(0.0)) == pytest.approx(0.3)


@given(st.floats(-11, 11), st.floats(-3.0, 2.0), st.floats(0.1, 1.5))
def test_a_truncated_normal_obeys_its_prior_far_into_both_tails(z, cut, sd):
    p = parameter("above", -0.8 - cut * sd, population_sd=sd, prior="truncated_normal")
    # ln of the distance from the cut, in SDs; the tables are read to 1e-9.
    distance = np.exp(float(p.typical(z))) / sd
    if z < 0:
        below = quad(norm.pdf, cut, cut + distance, epsabs=0, epsrel=1e-12)[0]
        assert below == pytest.approx(norm.cdf(z) * norm.sf(cut), rel=1e-8)
    else:
        beyond = norm.logsf(cut + distance) - norm.logsf(cut)
        assert beyond == pytest.approx(norm.logsf(z), abs=1e-8)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("cut", [-300.0, -40.0, -20.0])
def test_a_normal_cut_where_it_has_no_mass_is_a_normal(cut):
    p = parameter("identity", 3.0, population_sd=0.5, prior="truncated_normal", lower=3 + 0.5 * cut)
    z = np.linspace(-7, 7, 29)
    np.testing.assert_allclose(p.typical(z), 3 + 0.5 * z, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("error")
def test_a_normal_cut_far_above_its_mean_is_an_exponential():
    p = parameter("above", -20.8, population_sd=0.5, prior="truncated_normal")
    z = np.linspace(-6, 6, 25)
    # With 40 SDs to the cut its rate is 40 but for a share of 1 / 40 ** 2 and its square.
    expected = -norm.logsf(z) / 40 * 0.5
    np.testing.assert_allclose(np.exp(p.typical(z)), expected, rtol=1e-2)


def test_a_truncated_normal_is_smooth_and_keeps_its_order_beyond_its_table():
    p = parameter("above", 0.5, population_sd=0.8, prior="truncated_normal")
    z = np.linspace(-14, 14, 561)
    value, slope = jax.vmap(jax.value_and_grad(p.typical))(z)
    assert np.isfinite(value).all()
    assert (np.diff(value) > 0).all()
    assert (np.diff(p.to_natural(value)) >= 0).all()
    np.testing.assert_allclose(slope[1:-1], (value[2:] - value[:-2]) / 0.1, rtol=2e-2)


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


# A table in its file

RATE = {
    "symbol": "k",
    "meaning": "a rate",
    "unit": "1/d",
    "transform": "log",
    "median": 0.5,
    "source": "judgement",
    "certainty": "proposed prior",
}
SCATTER = {"distribution": "normal", "sd": 0.3, "certainty": "fixed"}
POWER = {"reference": 26.5, "exponent": 0.67, "exponent_sd": 0.33}


@pytest.fixture
def read(tmp_path):
    """Write a table and read it."""

    def read_content(content: dict, name: str = "own.toml"):
        (tmp_path / name).write_text(tomli_w.dumps(content))
        return read_table(tmp_path / name)

    return read_content


def refused(read, content: dict) -> str:
    with pytest.raises(TableError) as caught:
        read(content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"median": "1"}, "median must be a finite number, not '1'"),
        ({"median": True}, "median must be a finite number, not True"),
        ({"median": float("nan")}, "median must be a finite number, not nan"),
        ({"median": 0.0}, "median must be above 0 for transform log, not 0.0"),
        ({"transform": "logit", "median": 1.0}, "median must be between 0 and 1"),
        ({"transform": "above", "lower": 0.5}, "median must be above lower (0.5), not 0.5"),
        ({"transform": "above"}, "transform above needs lower"),
        ({"transform": "between"}, "transform between needs upper"),
        ({"transform": "between", "upper": 0.4}, "lower (0.0) and upper (0.4), not 0.5"),
        ({"population_sd": -0.1}, "population_sd must not be negative, but is -0.1"),
        ({"between_subject_sd": -1}, "between_subject_sd must not be negative"),
        (
            {"prior": "cauchy"},
            "prior must be normal, truncated_normal, half_normal, half_cauchy, uniform or "
            "log_uniform, not 'cauchy'",
        ),
        ({"prior": "truncated_normal"}, "prior truncated_normal needs population_sd"),
        ({"parametrisation": "mixed"}, "parametrisation must be non-centred or centred"),
        ({"certainty": "sure"}, "certainty must be read, computed, proposed prior or fixed"),
        ({"symbol": 3}, "symbol must be text, not 3"),
        ({"acts_as_product_with": "nothing"}, "names 'nothing', which is not in the table"),
        ({"acts_as_product_with": "rate"}, "acts_as_product_with names the parameter itself"),
        ({"acts_as_product_with": "share"}, "'share' needs transform log of share"),
        ({"covariates": {"AGE": {"reference": 60.0, "exponent_sd": 1.0}}}, "exponent is missing"),
        ({"covariates": {"AGE": POWER | {"slope": 1.0}}}, "AGE: unknown key 'slope'"),
        ({"covariates": {"AGE": POWER | {"reference": 0}}}, "AGE: reference must be above 0"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(read, changes, problem):
    share = RATE | {"transform": "logit"}
    message = refused(read, {"parameters": {"rate": RATE | changes, "share": share}})
    assert message.startswith("own.toml: parameters.rate")
    assert problem in message


@pytest.mark.parametrize("unit", ["1/week", "week", "1/day", "mL/min", "ng*h/mL", "L/h/m2"])
def test_time_in_a_unit_is_hours_or_days(read, unit):
    assert f"unit '{unit}' must give time" in refused(
        read, {"parameters": {"rate": RATE | {"unit": unit}}}
    )


@pytest.mark.parametrize("unit", ["h", "d", "1/h", "L/h", "mg/kg/d", "1e9/L", "uL", "Gy", "1"])
def test_units_without_time_or_with_hours_or_days_are_taken(read, unit):
    assert read({"parameters": {"rate": RATE | {"unit": unit}}})["rate"].unit == unit


@pytest.mark.parametrize(
    ("residual", "problem"),
    [
        ({"distribution": "normal", "certainty": "fixed"}, "sd is missing"),
        (SCATTER | {"sd": 0}, "sd must be above 0, not 0"),
        (SCATTER | {"ds": 0.2}, "unknown key 'ds'"),
        (SCATTER | {"distribution": "laplace"}, "distribution must be student_t or normal"),
        (SCATTER | {"distribution": "student_t"}, "student_t needs degrees_of_freedom"),
        (
            SCATTER | {"error": "linear"},
            "error must be log_normal, additive, proportional or combined, not 'linear'",
        ),
        (SCATTER | {"error": "combined"}, "error combined needs proportional_sd"),
        (SCATTER | {"proportional_sd": 0.2}, "proportional_sd is only for error combined"),
        (
            SCATTER | {"error": "additive", "scale": "log"},
            "scale must be natural for error additive",
        ),
        (
            SCATTER | {"error": "combined", "proportional_sd": 0.2, "proportional_sd_log_sd": -1},
            "proportional_sd_log_sd must not be negative",
        ),
        (SCATTER | {"covariates": {"TUBE": {"edta": 0.5}}}, "TUBE: reference is missing"),
        (
            SCATTER | {"covariates": {"TUBE": {"reference": "heparin", "edat_sd": 0.5}}},
            "TUBE: unknown key 'edat_sd'",
        ),
        (0.3, "must be a table of keys, not 0.3"),
    ],
)
def test_a_residual_that_makes_no_sense_is_refused(read, residual, problem):
    message = refused(read, {"residuals": {"alc": residual}})
    assert message.startswith("own.toml: residuals.alc")
    assert problem in message


def test_a_residual_without_an_error_is_log_normal(read):
    rate = {"parameters": {"rate": RATE}}
    for more in ({}, {"scale": "log"}, {"error": "log_normal"}):
        assert read(rate | {"residuals": {"alc": SCATTER | more}}).residuals["alc"].sds == {
            "residual_sd": (0.3, 0.0)
        }
    both = {"error": "combined", "proportional_sd": 0.2, "proportional_sd_log_sd": 0.1}
    found = read(rate | {"residuals": {"alc": SCATTER | both}}).residuals["alc"]
    assert found.sds == {"residual_sd": (0.3, 0.0), "proportional_sd": (0.2, 0.1)}


def test_every_problem_of_a_table_is_in_one_message(read):
    message = refused(
        read,
        {
            "parameters": {
                "rate": RATE | {"median": -1, "unit": "1/week", "sd": 1},
                "other": RATE | {"prior": "flat", "covariates": {"AGE": {"form": "linear"}}},
            },
            "residuals": {"alc": {"distribution": "student_t"}},
            "paramters": {},
        },
    )
    for part in ("median", "unit", "'sd'", "prior", "form", "exponent", "student_t", "'paramters'"):
        assert part in message
    assert message.count("own.toml") == 1


def test_a_table_extends_one_that_is_there_and_not_itself(read):
    assert "own.toml extends own.toml" in refused(read, {"extends": "own"})
    assert "extends 'gone', but there is no gone.toml" in refused(read, {"extends": "gone"})
    read({"parameters": {"rate": RATE}}, "base.toml")
    own = read({"extends": "base", "parameters": {"rate": {"median": 2.0}}})
    assert (own["rate"].median, own["rate"].unit) == (2.0, "1/d")


def test_a_truth_that_a_parameter_cannot_have_is_refused_with_all_that_is_wrong():
    table = load_model("myeloid_lymphoid").table
    stated = {"radiosensitivity": -1.0, "fast_fraction": 1.2}, {"lymphocyte_baseline": -0.1}
    with pytest.raises(TableError) as refused:
        table.without_uncertainty(*stated, {"alc": -1.0}, {})
    assert str(refused.value).split("; ") == [
        "typical.radiosensitivity = -1: expected more than 0",
        "typical.fast_fraction = 1.2: expected more than 0 and less than 1",
        "between_subject_sd.lymphocyte_baseline = -0.1: expected 0 or more",
        "residual_sd.alc = -1: expected 0 or more",
    ]
    assert table.without_uncertainty({"radiosensitivity": 0.2}, {}, {"alc": 0.0}, {})
