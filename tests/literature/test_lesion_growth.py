"""Growth of lesions without radiotherapy: the model, its data, and the prior that they give."""

import tomllib
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

import lymphokin as lk
from lymphokin.infer.density import density_of
from lymphokin.shipped import data_path, models_path

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LIMIT = 5.0


def test_the_table_of_the_example_is_of_the_published_diameters():
    ours = pd.read_csv(EXAMPLES / "lesion_growth.csv", comment="#", dtype={"DV": str})
    table = pd.read_csv(data_path("literature/lesion_diameters.csv"), comment="#")
    table = table.drop_duplicates(["lesion", "day"])
    table["ID"] = "L" + table["lesion"].astype(str)
    both = ours.merge(table, left_on=["ID", "TIME"], right_on=["ID", "day"], how="left")
    assert len(both) == len(ours)
    assert (both["ARM"] == both["study_arm"]).all()
    small = both["diameter_mm"] < LIMIT
    assert (both.loc[small, "DV"] == "<5").all()
    np.testing.assert_allclose(
        both.loc[~small, "DV"].astype(float), both.loc[~small, "diameter_mm"]
    )
    # Whole lesions, of every arm.
    assert ours.groupby("ID").size().sum() == table["ID"].isin(ours["ID"]).sum()
    assert set(ours["ARM"]) == set(table["study_arm"])
    assert ours["ID"].nunique() == 393


def test_lesions_shrink_and_grow_as_in_the_closed_form_at_any_rate(tmp_path):
    model = lk.load_model(EXAMPLES / "lesion_growth.py")
    days = [-20, 0, 30, 120, 700]
    rows = [f"L{i},{day},0,,,1,diameter,10,1,Study_4_Arm_1" for i in range(40) for day in days]
    header = "ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS,ARM"
    (tmp_path / "events.csv").write_text("\n".join([header, *rows]) + "\n")
    cohort = lk.read_events(tmp_path / "events.csv", model=model)
    density = density_of(model, cohort)
    latents = density.hierarchy.draw_latents(jax.random.key(1), density.arrays)
    _, p, _, solution = jax.jit(density.likelihood.solution)(latents, density.arrays)
    since = np.array(days)[:, None] - days[0]
    growth, shrinkage, first = (
        np.asarray(getattr(p, n)).reshape(-1) for n in ("growth", "shrinkage", "lesion_volume")
    )
    assert growth.max() > 0.02
    assert shrinkage.max() > 0.05
    volume = first * (np.exp(-shrinkage * since) + np.exp(growth * since) - 1)
    layout, arrays = density.packed.layout, density.arrays
    nodes = np.array([layout.nodes(arrays.timeline, i, np.array(days)) for i in range(40)])
    ours = np.asarray(solution.outputs["diameter"])[nodes, 0, np.arange(40)[:, None]].T
    np.testing.assert_allclose(ours, 10 * np.cbrt(6 / np.pi * volume), rtol=1e-9)


def growth_at(lower, upper, median, sd):
    """What a tenth of lesions exceed, of a logit-normal between bounds."""
    middle = logit((median - lower) / (upper - lower))
    return lower + (upper - lower) * expit(middle + norm.ppf(0.9) * sd)


def test_the_prior_of_the_abscopal_model_is_the_fitted_population():
    found = pd.read_csv(data_path("literature/lesion_growth.csv"), comment="#").set_index("name")
    table = tomllib.loads((models_path() / "abscopal_cd8.toml").read_text(encoding="utf-8"))
    own = table["parameters"]["growth"]
    fitted = tomllib.loads((EXAMPLES / "lesion_growth.toml").read_text(encoding="utf-8"))
    assert own["upper"] == fitted["parameters"]["growth"]["upper"]
    assert own["median"] == pytest.approx(found.loc["growth_over_arms", "q50"], rel=0.05)
    # The highest tenth is as fast as fitted, on a scale that ends where a typical lesion shrinks.
    assert own["lower"] == pytest.approx(-found.loc["shrinkage", "q50"], rel=0.05)
    spread = np.hypot(own["between_subject_sd"], own["between_lesion_sd"])
    fast = growth_at(own["lower"], own["upper"], own["median"], spread)
    fitted_spread = found.loc["growth_between_lesion_sd", "q50"]
    as_fitted = growth_at(0.0, own["upper"], found.loc["growth_over_arms", "q50"], fitted_spread)
    assert fast == pytest.approx(as_fitted, rel=0.05)
    # Wider than the arms differ, for there the lesions were treated.
    typical = growth_at(own["lower"], own["upper"], own["median"], own["population_sd"])
    between_arms = found.loc["growth_between_arms_sd", "q95"]
    assert typical > 5 * growth_at(0.0, own["upper"], own["median"], between_arms)
    assert found["rhat"].max() < 1.02
