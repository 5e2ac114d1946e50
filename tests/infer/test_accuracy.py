"""A solver that is wrong says so beside R-hat, however well the chains mixed."""

import numpy as np
import pandas as pd
import pytest

import lymphokin as lk
from lymphokin.infer.accuracy import judge_accuracy, solver_error
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.diagnostics import beside_accuracy, judge
from lymphokin.infer.fit_error import FitError
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.solve import StepRule
from lymphokin.terminal import show_fit
from tests.conftest import SHORT as SHORT_RUN
from tests.made_up_fit import made_up_fit
from tests.solve.test_adaptive_solvers import STIFF, TABLE

SHORT = """ID,TIME,EVID,CMT,AMT,DVID,DV,IMMUNE_DOSE_GY
P1,-3,0,,,alc,1.0,1.5
P1,0,1,rt,10,,,1.5
P1,1,1,rt,10,,,1.5
P1,9,0,,,alc,0.7,1.5
P1,30,0,,,alc,0.9,1.5
"""


BUILT_IN = STIFF.replace('solver = AdaptiveSolver("NAME", rtol=1e-8, max_steps=STEPS)', "")


def files(folder, text, exchange=1000.0):
    """A model file whose states exchange at a rate (1/day), and an event table."""
    path, events = folder / "stiff.py", folder / "events.csv"
    path.write_text(text)
    table = TABLE.replace("median = 1000.0", f"median = {exchange}")
    path.with_suffix(".toml").write_text(
        table.replace("population_sd = 0.5", "population_sd = 0.01")
    )
    events.write_text(SHORT)
    return path, events


def error_of(folder, text):
    """Worst relative errors of a model at the prior's centre."""
    path, events = files(folder, text)
    model = load_model(path)
    packed = pack(model, read_events(events))
    density = CohortDensity(CohortLikelihood(Hierarchy(model)), packed)
    return solver_error(density, density.centre[None], StepRule())


def mixed():
    """Convergence of chains that mixed well."""
    summary = pd.DataFrame({"name": ["a"], "rhat": [1.001], "ess_bulk": [2000.0]})
    return judge(summary, np.zeros((4, 500), bool))


def test_states_that_the_built_in_solver_does_not_follow_are_named_beside_r_hat(tmp_path):
    found = beside_accuracy(mixed(), judge_accuracy(error_of(tmp_path, BUILT_IN)))
    assert found.level == "bad"
    assert found.verdict.startswith("Do not use this fit. The equations are not solved accurately")
    assert "predictions of alc" in found.verdict
    assert "AdaptiveSolver(" in found.verdict
    assert "largest R-hat 1.001" in found.verdict


@pytest.mark.parametrize(
    ("errors", "level", "words"),
    [
        ({}, "good", ""),
        ({"alc": 1e-4, "mdsc": 0.0099}, "good", ""),
        ({"alc": 1e-4, "mdsc": 0.02}, "caution", "predictions of mdsc change by 2 %"),
        ({"alc": 0.70, "mdsc": 0.02}, "bad", "predictions of alc change by 70 %"),
        ({"alc": np.inf}, "bad", "by 100 % or more"),
    ],
)
def test_more_than_one_per_cent_is_said(errors, level, words):
    found = beside_accuracy(mixed(), judge_accuracy(errors))
    assert found.level == level
    assert words in found.verdict
    assert (found.verdict == mixed().verdict) == (level == "good")


def test_a_model_with_an_adaptive_solver_is_reported_to_make_it_finer():
    assert "smaller rtol" in judge_accuracy({"alc": 0.02}, adaptive=True).verdict


@pytest.mark.slow  # compiles Markov chains
def test_a_fit_is_not_sampled_where_the_solver_is_grossly_wrong(tmp_path):
    path, events = files(tmp_path, BUILT_IN, exchange=2.0)
    with pytest.raises(FitError, match=r"was not fitted. The equations are not solved.*Adaptive"):
        lk.fit(events, path, unfinished=tmp_path / "run.unfinished", progress=False, **SHORT_RUN)
    assert not list(tmp_path.glob("run*"))


@pytest.mark.long
def test_a_fit_whose_solver_errs_says_so_in_terminal_report_and_verdict(
    small_table, tmp_path, capsys
):
    fit = made_up_fit("hedos_hcc", read_events(small_table), errors={"alc": 0.02})
    words = "with halved steps predictions of alc change by 2 %"
    saved = fit.save(tmp_path / "run", progress=False)
    show_fit(fit, saved, tmp_path / "run", as_json=False)
    opened = lk.open_run(tmp_path / "run")
    places = {
        "terminal": " ".join(capsys.readouterr().out.split()),
        "report": (tmp_path / "run" / "report.html").read_text(),
        "verdict": fit.verdict,
        "verdict of the saved run": opened.verdict,
    }
    assert {place for place, text in places.items() if words in text} == set(places)
