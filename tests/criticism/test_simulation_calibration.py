"""Simulation-based calibration: what it says of right and wrong fits, and that it can stop."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.criticism.check import SamplerCheck
from lymphokin.criticism.simulation.simulation_calibration import (
    RANKED,
    SimulatedFits,
    SimulationCalibration,
    _on_nodes_of,
    assess,
    calibrate_by_simulation,
    ranks_of,
)
from lymphokin.criticism.simulation.simulation_verdicts import judge_simulations
from lymphokin.infer import Checkpoint, CohortDensity, HmcSettings
from lymphokin.infer.density import density_of
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.pages.drawing import VERMILLION
from lymphokin.progress import Reporter
from tests.conftest import SHORT
from tests.criticism.test_check_command import Page
from tests.model import test_hazards as hazards

SETTINGS = HmcSettings(**SHORT)
ABOUT = {
    "run": "made up",
    "model": "made_up",
    "data_file": "made_up.csv",
    "synthetic": True,
    "created": "2026-01-01",
    "seed": 0,
    "trials": 100,
}
KINDS = {"slope": "population", "level": "population", "level_of_patient": "individual"}
GOOD_FITS = {"rhat_max": 1.01, "ess_bulk_min": 300.0, "divergences": 0}


def known_posterior(trials: int, narrower: float = 1.0, shifted: float = 0.0) -> pd.DataFrame:
    """Ranks where truth and datum are standard normal, so that the posterior is N(y/2, 1/2).

    The draws are of that posterior, with its SD changed by a factor, or moved by so many SDs.
    """
    rng = np.random.default_rng(1)
    sd = np.sqrt(0.5)

    def ranks() -> np.ndarray:
        truth = rng.standard_normal(trials)
        datum = truth + rng.standard_normal(trials)
        noise = narrower * rng.standard_normal((RANKED, trials)) + shifted
        return (datum / 2 + sd * noise < truth).sum(axis=0)

    return pd.DataFrame({name: ranks() for name in KINDS})


def judged(ranks: pd.DataFrame, **fits: float) -> dict[str, str]:
    table = pd.DataFrame([GOOD_FITS | fits] * len(ranks))
    return {v.subject: v.level for v in judge_simulations(assess(ranks, table, KINDS, 0))}


def test_draws_of_the_posterior_are_not_wrong():
    """One right fit in 20 asks for a look, in each kind of quantity."""
    assert "wrong" not in judged(known_posterior(200)).values()


@pytest.mark.parametrize("fault", [{"narrower": 0.6}, {"narrower": 1.6}, {"shifted": 0.5}])
def test_draws_that_are_too_narrow_too_wide_or_shifted_are_wrong(fault):
    said = judged(known_posterior(200, **fault))
    assert said["population"] == "wrong"
    assert said["individual"] == "wrong"


def test_the_rank_of_a_known_quantity_may_be_any():
    rng = np.random.default_rng(0)
    ranks = np.stack([ranks_of(np.ones(1), np.ones((RANKED, 1)), rng) for _ in range(500)])
    assert ranks.min() < 5
    assert ranks.max() > RANKED - 5
    assert 40 < ranks.mean() < 60


def test_chains_that_do_not_agree_are_reported():
    assert judged(known_posterior(50), rhat_max=1.3)["all fits"] == "wrong"


def test_a_chain_that_never_moved_counts_as_one_that_does_not_agree():
    """It has no R-hat."""
    assert judged(known_posterior(50), rhat_max=np.nan)["all fits"] == "wrong"


@pytest.mark.long
@pytest.mark.parametrize("fault", [{}, {"shifted": 1.0}])
def test_the_page_shows_every_kind_and_a_line_outside_its_band_in_red(fault):
    ranks = known_posterior(100, **fault)
    fits = pd.DataFrame([GOOD_FITS] * len(ranks))
    calibration = assess(ranks, fits, KINDS, 0)
    result = SamplerCheck(ABOUT, calibration)
    sections = {section.name: section for section in result.sections()}
    assert set(sections) == {*KINDS.values(), "chains"}
    for kind in KINDS.values():
        own = sections[kind]
        assert [v.subject for v in own.verdicts] == [kind]
        (drawing,) = own.drawings
        for name in (n for n, k in KINDS.items() if k == kind):
            assert name.removeprefix("individual_").replace("_", " ") in drawing.svg
        assert (VERMILLION.lower() in drawing.svg) == bool(fault)
    page = Page(result.page())
    assert len(page.pictures) == len(set(KINDS.values()))
    assert "SIMULATED" in result.page()
    assert "In 100 simulated trials" in result.page() or fault
    pd.testing.assert_frame_equal(result.details["ranks"][list(KINDS)], ranks)
    assert result.as_dict()["trials"] == 100


@pytest.fixture(scope="module")
def small_posterior(small_table) -> CohortDensity:
    return density_of(load_model("hedos_hcc"), read_events(small_table))


@pytest.mark.slow
def test_a_stopped_calibration_goes_on_and_ends_the_same(small_posterior, tmp_path):
    class StopAfterTwo(Reporter):
        def counting(self, done: int, total: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

    class Counted(Reporter):
        def counting(self, done: int, total: int) -> None:
            done_so_far.append((done, total))

    def calibrated(folder: str, reporter: Reporter) -> SimulationCalibration:
        checkpoint = Checkpoint(tmp_path / folder, {"seed": 4})
        fits = SimulatedFits(small_posterior, 4, SETTINGS)
        return calibrate_by_simulation(fits, 4, checkpoint, reporter)

    whole = calibrated("whole", Reporter())
    with pytest.raises(KeyboardInterrupt):
        calibrated("stopped", StopAfterTwo())
    done_so_far: list[tuple[int, int]] = []
    again = calibrated("stopped", Counted())
    pd.testing.assert_frame_equal(whole.ranks, again.ranks)
    pd.testing.assert_frame_equal(whole.fits, again.fits)
    assert done_so_far == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert whole.ranks.stack().between(0, RANKED).all()
    assert set(small_posterior.hierarchy.population_names) <= set(whole.ranks)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


def test_events_lie_on_the_nodes_of_long_steps_too(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(hazards.TABLE)
    model = hazards.made()
    fine = density_of(model, read_events(path, model=model))
    coarse = fine.with_long_steps()
    assert len(coarse.arrays.timeline.days.node_day) < len(fine.arrays.timeline.days.node_day)
    for name, records in fine.arrays.events.items():
        moved = _on_nodes_of(coarse, fine, records)
        own = np.asarray(records.weight) > 0
        expected = np.asarray(coarse.arrays.events[name].place)
        np.testing.assert_array_equal(np.asarray(moved.place)[own], expected[own])


def test_too_few_trials_and_two_checks_at_once_are_refused(made_up_run):
    assert "at least 20" in str(check(str(made_up_run), "--sbc", "3").exception)
    both = check(str(made_up_run), "--sbc", "30", "--predictive")
    assert "expected one of them" in str(both.exception)
    assert not list(made_up_run.glob("*sbc*"))


@pytest.mark.slow
def test_the_sampler_is_calibrated(made_up_run, tmp_path):
    page = tmp_path / "sbc.html"
    done = check(str(made_up_run), "--sbc", "100", "--out", str(page), "--json")
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert said["level"] != "wrong"
    assert len(pd.read_csv(tmp_path / "sbc_ranks.csv")) == 100
    text = page.read_text(encoding="utf-8")
    assert "SIMULATED" in text
    assert "<script" not in text
    assert not list(tmp_path.glob("*.unfinished"))
