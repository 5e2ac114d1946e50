"""Gradients that come with other work: from the compiled sampler, and from the evaluation."""

from types import SimpleNamespace

import numpy as np
import pytest

from lymphokin.infer import Checkpoint, CohortDensity, HmcSettings, Whitening, sample_hmc
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.gaussian import NormalApproximation, linear
from lymphokin.infer.hmc import step_correction
from lymphokin.infer.noncentred import Noncentring
from lymphokin.infer.sampler import CHUNK, compile_sampler
from lymphokin.infer.transition import Chain
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.shipped import data_path


@pytest.fixture(scope="module")
def density() -> CohortDensity:
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv")).select(["S001", "S002"])
    model = load_model("hedos_hcc")
    return CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort))


def test_its_gradients_are_those_of_the_posterior(density):
    coarse = density.with_long_steps()
    sampler = compile_sampler(density, coarse, HmcSettings(chains=2))
    points = np.random.default_rng(0).normal(size=(5, len(density.centre)))
    points[3] = np.nan
    value, gradient = sampler.gradients(density, coarse)(points, density.as_written())
    expected, slopes = coarse.gradients(points)
    finite = np.isfinite(expected)
    assert finite.tolist() == [True, True, True, False, True]
    np.testing.assert_array_equal(np.isfinite(value), finite)
    np.testing.assert_allclose(value[finite], expected[finite], rtol=1e-12)
    np.testing.assert_allclose(gradient[finite], slopes[finite], rtol=1e-9, atol=1e-9)


def test_slopes_of_the_patients_are_those_of_the_exact_gradient(density):
    x = np.random.default_rng(1).normal(size=len(density.centre))
    _, slope = density.information_and_slope(x, density.arrays)
    index = density.patient_index
    exact = np.asarray(density.density_and_gradient(x, density.arrays)[1])
    # Differences over 1.5e-8: what a straight line leaves out and rounding are of that size.
    np.testing.assert_allclose(slope[index >= 0], exact[index[index >= 0]], rtol=1e-5, atol=1e-5)
    assert np.abs(slope).max() > 0.1


class Standing:
    """A sampler whose chains stay where they begin; it remembers where that was."""

    def __init__(self):
        self.begun: list[np.ndarray] = []

    def gradients(self, density, coarse):
        """Nobody asks for them here."""

    def standing(self, y, arrays, map_):
        self.begun.append(y)
        return Chain.at(np.zeros((len(y), 2), np.uint32), y)

    def chunk(self, chains, trajectories, correcting, arrays, map_):
        noise = np.random.default_rng(0).standard_normal((len(chains.y), CHUNK, chains.y.shape[1]))
        shape = noise.shape[:2]
        reported = ("diverging", "n_steps", "acceptance_rate", "accepted", "log_density", "energy")
        keys = np.repeat(chains.key[:, None, :1], CHUNK, axis=1)[..., 0]
        return chains, {"x": noise} | dict.fromkeys(reported, np.zeros(shape)) | {"n_steps": keys}


class Stuck(Standing):
    """Chains that cannot leave where they begin."""

    def __init__(self, potential: float):
        super().__init__()
        self.potential = potential

    def chunk(self, chains, trajectories, correcting, arrays, map_):
        chains, found = super().chunk(chains, trajectories, correcting, arrays, map_)
        found["x"] = np.repeat(chains.y[:, None], CHUNK, axis=1)
        return chains._replace(potential=np.full(len(chains.y), self.potential)), found


@pytest.mark.parametrize(
    ("potential", "words"), [(np.inf, "not finite where they stand"), (5.0, "each of their steps")]
)
def test_chains_that_cannot_move_end_the_fit_with_the_reason(tmp_path, potential, words):
    nothing = SimpleNamespace(arrays=None)
    whitening = Whitening.identity(np.zeros(3), 2, np.array([[2]]))
    start = linear(whitening, Noncentring.none((1, 1)))
    checkpoint = Checkpoint(tmp_path / "run", {})
    with pytest.raises(FitError, match=rf"no Markov chain has moved.*{words}.*narrower priors"):
        sample_hmc(nothing, nothing, Stuck(potential), start, HmcSettings(), checkpoint)


@pytest.mark.parametrize(("chains", "points"), [(4, 4), (16, 8), (20, 5)])
def test_many_chains_begin_in_groups_one_after_the_other(tmp_path, monkeypatch, chains, points):
    sampler, nothing = Standing(), SimpleNamespace(arrays=None)
    monkeypatch.setattr("lymphokin.infer.hmc.learnt_from", lambda *known, settled: known[2])
    whitening = Whitening.identity(np.zeros(3), 2, np.array([[2]]))
    start = linear(whitening, Noncentring.none((1, 1)))
    settings = HmcSettings(chains, CHUNK, CHUNK, pilot=CHUNK)
    checkpoint = Checkpoint(tmp_path / "run", {})
    draws = sample_hmc(nothing, nothing, sampler, start, settings, checkpoint)
    for y in sampler.begun:
        grouped = y.reshape(points, -1, 3)
        np.testing.assert_array_equal(grouped, np.broadcast_to(grouped[:, :1], grouped.shape))
        assert len(np.unique(grouped[:, 0, 0])) == points
    # Random numbers of its own for every chain, also within a group.
    assert len(np.unique(draws.n_steps[:, 0])) == chains


def test_chains_in_several_modes_begin_there_and_go_on_where_they_were(tmp_path, monkeypatch):
    sampler, nothing = Standing(), SimpleNamespace(arrays=None)
    monkeypatch.setattr("lymphokin.infer.hmc.learnt_from", lambda *known, settled: known[2])
    monkeypatch.setattr(NormalApproximation, "whitened", lambda map_, density, x: 2 * x)
    whitening = Whitening.identity(np.zeros(3), 2, np.array([[2]]))
    start = linear(whitening, Noncentring.none((1, 1)))
    settings = HmcSettings(4, CHUNK, CHUNK, pilot=CHUNK)
    places = np.arange(12.0).reshape(4, 3)
    sample_hmc(nothing, nothing, sampler, start, settings, Checkpoint(tmp_path / "run", {}),
                starts=places)  # fmt: skip
    np.testing.assert_array_equal(sampler.begun[0], 2 * places)
    last = sampler.chunk(Chain.at(np.zeros((4, 2), np.uint32), places), 0, True, None, None)[1]["x"]
    for begun in sampler.begun[1:]:
        np.testing.assert_array_equal(begun, 2 * last[:, -1])


def test_steps_that_a_narrow_place_left_short_are_right_again_after_a_warm_up():
    """What is refused grows as the square of the step; steps of 0.1 are right here."""
    step, target = 0.01, 0.9
    for _ in range(HmcSettings().warmup // CHUNK):
        step *= step_correction(1 - (1 - target) * (step / 0.1) ** 2, target)
    assert step == pytest.approx(0.1, rel=0.01)


def test_steps_near_the_right_length_hardly_change():
    assert [step_correction(a, 0.9) for a in (0.88, 0.9, 0.92)] == pytest.approx(
        [1, 1, 1], abs=0.05
    )
    assert step_correction(0.3, 0.9) < 0.5
    assert step_correction(1.0, 0.9) == 4
