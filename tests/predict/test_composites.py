"""Declared composites of a lesion that grows at a known rate, against its closed form."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from lymphokin.criticism.teaching.composites import Composite, judge_composites
from lymphokin.infer.density import CohortDensity
from lymphokin.model import ModelError, load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.predict import composites
from lymphokin.predict.composites import (
    FITTED,
    CompositeDraws,
    _Reference,
    _summary,
    composites_table,
    declared_composites,
)
from lymphokin.sites import shipped_sites
from lymphokin.verdict import LOOK

MODEL = '''
"""Lesions that grow and lose a share of themselves at each fraction."""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state

begins = "first record"


class Lesions(Block):
    size = state("cm3", lambda p: p.first_size, per="lesion")
    shows = {"volume": Output("cm3", "volume of a lesion")}

    def flows(self, y, p, u):
        return {"size": Flow(p.growth * y.size, 0.0)}

    def on_fraction(self, y, p, fraction):
        return {"size": jnp.exp(-p.kill * fraction.gy) * y.size}

    def outputs(self, y, p, u):
        return {"volume": y.size}


blocks = (Lesions(),)
'''
PARAMETER = """
[parameters.{name}]
symbol = "{name}"
meaning = "made up for a test"
unit = "{unit}"
transform = "log"
median = {median}
{more}
source = "None"
certainty = "proposed prior"
"""
GROWTH, SPREAD, DAY = 0.01, 0.5, 80.0
COMPOSITE = """
[composites.{name}]
meaning = "made up for a test"
quantity = "volume"
what = "{name}"
from = "first_fraction"
day = 80
{more}
"""
RESIDUAL = """
[residuals.volume]
distribution = "normal"
sd = 0.1
source = "None"
certainty = "proposed prior"
"""


def table(composites: str) -> str:
    rows = [
        ("first_size", "cm3", 5.0, ""),
        ("growth", "1/d", GROWTH, f"population_sd = 0.3\nbetween_lesion_sd = {SPREAD}"),
        ("kill", "1/Gy", 0.05, ""),
    ]
    own = (PARAMETER.format(name=n, unit=u, median=m, more=more) for n, u, m, more in rows)
    return "".join(own) + RESIDUAL + composites


@pytest.fixture
def load(tmp_path):
    def loaded(composites: str):
        (tmp_path / "growing.py").write_text(MODEL)
        (tmp_path / "growing.toml").write_text(table(composites))
        return load_model(tmp_path / "growing.py")

    return loaded


def test_composites_are_those_of_a_lesion_outside_the_field_with_a_link_and_without(load):
    model = load(
        COMPOSITE.format(name="fold", more='without = ["growth"]\nexpected = "Growth."')
        + COMPOSITE.format(name="rate", more="")
        + COMPOSITE.format(name="share", more="above = 3.0")
    )
    reference = _Reference.of(model, shipped_sites())
    density = CohortDensity(
        CohortLikelihood(Hierarchy(model)), pack(model, reference.density.packed.cohort)
    )
    z = np.repeat([[0.0], [1.0], [-1.0]], 100, axis=0)
    own = {c.declared.name: c for c in declared_composites(density, z, 3)}
    rate = GROWTH * np.exp(0.3 * z[:, 0])
    np.testing.assert_allclose(own["fold"].posterior[FITTED], np.exp(rate * DAY), rtol=1e-3)
    np.testing.assert_allclose(own["fold"].posterior["growth"], 1.0, rtol=1e-6)
    # 4,000 new lesions at each rate: standard errors of 0.9 % of the mean and 0.8 % of the shares.
    mean = rate * np.exp(SPREAD**2 / 2)
    share = stats.norm.sf(np.log(np.log(3.0) / DAY / rate) / SPREAD)
    for name, expected, error in (("rate", mean, 0.04 * mean), ("share", share, 0.03)):
        found = own[name].posterior[FITTED].reshape(3, 100).mean(axis=1)
        assert (np.abs(found - expected[::100]) < np.broadcast_to(error, 300)[::100]).all()
    assert set(own["rate"].posterior) == {FITTED}
    shown = composites_table(density, z, 3).set_index(["composite", "version"])
    assert shown.loc[("fold", "fitted"), "q50"] == pytest.approx(np.exp(GROWTH * DAY), rel=1e-3)
    assert shown.loc[("fold", "prior"), "learnt"] == "not measured"
    assert shown.loc[("fold", "growth"), "expected"] == "Growth."


def test_new_patients_without_a_solution_are_left_out_and_lesions_may_vanish(load):
    model = load(
        COMPOSITE.format(name="rate", more="") + COMPOSITE.format(name="share", more="below = 0.7")
    )
    rate, share = model.table.composites.values()
    fold = np.array([[1.0, np.nan, 0.5, 2.0], [1.0, 0.0, 0.0, 0.0], [1.0, np.nan, np.nan, np.nan]])
    np.testing.assert_allclose(_summary(rate, fold), [0.0, np.log(1e-6) / DAY, np.nan], atol=1e-12)
    np.testing.assert_allclose(_summary(share, fold), [0.5, 1.0, np.nan])


def test_a_composite_without_a_solution_in_any_draw_has_no_numbers_and_is_not_learnt(
    load, monkeypatch
):
    own = load(COMPOSITE.format(name="fold", more="")).table.composites["fold"]
    none = CompositeDraws(own, "SBRT", np.array([1.0, 2.0]), {FITTED: np.array([])})
    monkeypatch.setattr(composites, "declared_composites", lambda *_: [none])
    packed = SimpleNamespace(records={"volume": ([1],)})
    shown = composites_table(SimpleNamespace(packed=packed), np.zeros((2, 1)), 1)  # type: ignore[arg-type]
    fitted = shown.set_index("version").loc["fitted"]
    assert fitted[["mean", "q05", "q50", "q95", "contraction"]].isna().all()
    assert fitted["learnt"] == "unknown"
    assert shown["q50"][0] == 1.5
    checked = Composite("fold", "fold", "made up", none.prior, none.posterior[FITTED])
    verdict = judge_composites([checked])
    assert verdict.level == LOOK
    assert verdict.sentence.endswith("; without a solution of the model: fold.")


def test_a_composite_that_cannot_be_is_refused_with_all_that_is_wrong(load):
    bad = COMPOSITE.format(name="fold", more='below = 0.7\nwithout = ["size"]')
    with pytest.raises(ModelError) as refused:
        load(bad + COMPOSITE.format(name="share", more=""))
    message = str(refused.value)
    assert message.count("expected below or above, the factor, where what is share") == 2
    assert "composites.fold: without: found 'size', expected a parameter of the table" in message
    at_once = COMPOSITE.format(name="rate", more="").replace("day = 80", "day = 0")
    with pytest.raises(ModelError, match=r"composites.rate: day must be above 0 for a rate"):
        load(at_once)
    assert (
        load(at_once.replace("first_fraction", "last_fraction")).table.composites["rate"].day == 0
    )
    with pytest.raises(ValueError, match=r"composites.rate: found quantity 'alc', expected one"):
        load(COMPOSITE.format(name="rate", more="").replace('"volume"', '"alc"'))
