"""The worked models of `docs/examples`, each one file and table, against what others computed."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

import lymphokin as lk
from lymphokin.population import CohortLikelihood, Hierarchy, pack

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def predicted(name: str, table: str | None = None, rule=None):
    """Per quantity, the records of an example and what the medians predict of them."""
    model = lk.load_model(EXAMPLES / f"{name}.py")
    cohort = lk.read_events(EXAMPLES / (table or f"{name}.csv"), model=model)
    assert not cohort.warnings
    packed = pack(model, cohort, rule=rule)
    assert not any("not used" in warning for warning in packed.warnings)
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    found = likelihood.predictions(latents, packed.arrays)
    return model, {
        quantity: (rows, np.exp(np.asarray(found[quantity][0]))[: len(rows)])
        for quantity, (rows, _) in packed.records.items()
    }


@pytest.mark.long
def test_crauste_has_the_log_likelihood_of_the_benchmark_collection():
    _, found = predicted("crauste2017")
    assert sum(len(rows) for rows, _ in found.values()) == 21
    total = sum(stats.norm.logpdf(rows["value"], f, rows["sd"]).sum() for rows, f in found.values())
    assert total == pytest.approx(-190.9652, abs=2e-3)


def test_michaelis_menten_is_the_curve_of_scipy():
    model, found = predicted("michaelis_menten")
    k_a, v_m, k_m, volume = (model.table[n].median for n in ("k_a", "V_m", "K_m", "V"))

    def slope(_, y):
        return -k_a * y[0], k_a * y[0] / volume - v_m / volume * y[1] / (k_m + y[1])

    rows, ours = found["level"]
    exact = solve_ivp(slope, (0, 10), (30.0, 0.0), "Radau", rows["day"], rtol=1e-10, atol=1e-12).y[
        1
    ]
    np.testing.assert_allclose(ours, exact, rtol=2e-3)


def test_activated_cells_are_a_share_of_the_cells_that_are_left():
    model = lk.load_model(EXAMPLES / "abscopal_share.py")
    assert model.vocabulary.observable("cd8_share").unit == "%"
    assert model.begins == "first record"
    block = next(b for b in model.blocks if "cd8_share" in b.shows)
    p = SimpleNamespace(cd8_baseline=model.table["cd8_baseline"].median)
    one = np.ones(1)
    y = SimpleNamespace(log_living=one, dying=one, in_field=one, spared=0.0, active=30.0)
    for left, expected in ((1.0, 10.0), (0.25, 40.0)):
        u = SimpleNamespace(sum_over_lesions=np.sum, t_cell_ratio=left)
        assert block.outputs(y, p, u)["cd8_share"] == pytest.approx(expected)


@pytest.mark.slow
def test_the_nadir_under_a_drug_of_two_compartments_is_that_of_scipy(tmp_path):
    """Two infusions of an hour, three weeks apart, and counts twice a day."""
    days = np.arange(1.0, 42.0, 0.5)
    rows = [(0.0, "0,1,drug,180,0.041666666666666664,21,1,,")]
    rows += [(day, f"{day},0,,,,,,anc,1") for day in days]
    table = tmp_path / "counts.csv"
    lines = [f"P1,{row}" for _, row in sorted(rows)]
    table.write_text("\n".join(["ID,TIME,EVID,CMT,AMT,DUR,II,ADDL,DVID,DV", *lines]) + "\n")
    model, found = predicted("myelosuppression", str(table))
    p = {q.name: q.median * q.per_day for q in model.table}
    p["maturation_time"] = model.table["maturation_time"].median / 24

    def slope(rate):
        out, back = p["exchange"] / p["volume"], p["exchange"] / p["tissue_volume"]

        def flows(_, y):
            blood, tissue, born, *transit, count = y
            k = 4 / p["maturation_time"]
            effect = 1 - p["killing"] * blood / p["volume"]
            birth = k * (p["baseline"] / count) ** p["feedback"] * effect
            chain = [born, *transit, count]
            return [
                rate + back * tissue - (p["clearance"] / p["volume"] + out) * blood,
                out * blood - back * tissue,
                (birth - k) * born,
                *(k * (before - after) for before, after in pairwise(chain)),
            ]

        return flows

    y, curve, hour = np.array([0.0, 0.0, *[p["baseline"]] * 5]), [], 1 / 24
    for start, end, rate in ((0, hour, 180 * 24), (hour, 21, 0), (21, 21 + hour, 180 * 24),
                             (21 + hour, 42, 0)):  # fmt: skip
        own = days[(days > start) & (days <= end)]
        grid = np.unique([*own, end])
        solved = solve_ivp(slope(rate), (start, end), y, "Radau", grid, rtol=1e-10, atol=1e-12)
        y = solved.y[:, -1]
        curve += solved.y[-1, : len(own)].tolist()
    _, ours = found["anc"]
    exact = np.asarray(curve)
    assert exact.min() < 0.25
    assert ours.min() == pytest.approx(exact.min(), rel=1e-4)
    np.testing.assert_allclose(ours, exact, rtol=1e-4)


def test_the_posterior_of_michaelis_menten_is_that_of_the_reference():
    """Up to a constant, at points of the prior: normal ln errors, and standard normal latents."""
    model, found = predicted("michaelis_menten")
    rows, _ = found["level"]
    hierarchy = Hierarchy(model)
    packed = pack(model, lk.read_events(EXAMPLES / "michaelis_menten.csv", model=model))
    likelihood = CohortLikelihood(hierarchy)
    latents = hierarchy.typical_latents(packed.arrays)
    for z in np.random.default_rng(3).uniform(-0.8, 0.8, (3, 4)):
        share = dict(zip(hierarchy.population_names, stats.norm.cdf(z), strict=True))
        at = {name: stats.halfcauchy.ppf(value) for name, value in share.items()}

        def slope(_, y, at=at):
            saturable = at["V_m"] / 2 * y[1] / (at["K_m"] + y[1])
            return -at["k_a"] * y[0], at["k_a"] * y[0] / 2 - saturable

        level = solve_ivp(
            slope, (0, 10), (30.0, 0.0), "Radau", rows["day"], rtol=1e-8, atol=1e-10
        ).y[1]
        sd = at["level_residual_sd"]
        expected = stats.norm.logpdf(np.log(rows["value"]), np.log(level), sd).sum()
        ours = likelihood.total(latents._replace(population=z), packed.arrays)
        assert float(ours) == pytest.approx(expected, rel=1e-3)
