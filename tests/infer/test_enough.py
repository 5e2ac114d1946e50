"""Chains go on for as long as they lack effective draws, and no longer than that helps."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import lfilter

from lymphokin.infer import Checkpoint, HmcSettings, Whitening, sample_hmc
from lymphokin.infer.diagnostics import DIVERGENT_SHARE_GOOD, mixing
from lymphokin.infer.enough import FOR_DRAWS, FOR_STEPS, LONGEST, MOST_SHORTENED, SHORTER
from lymphokin.infer.gaussian import linear
from lymphokin.infer.hmc import FIRST_STEP
from lymphokin.infer.noncentred import Noncentring
from lymphokin.infer.sampler import CHUNK
from lymphokin.infer.transition import Chain

CHAINS, DRAWS = 4, 500
TARGET = HmcSettings().target_accept
DENSITY = SimpleNamespace(
    arrays=None,
    packed=None,
    hierarchy=SimpleNamespace(population_names=("fast", "slow")),
    likelihood=SimpleNamespace(model=SimpleNamespace(counts_lymphocytes=False)),
)


class Autoregressive:
    """Chains whose second latent goes with its value before; latents are standard normal.

    Args:
        correlation: of the second latent with itself, from transition to transition.
        apart: SDs between chains that never meet.
        longest: with longer steps 2 % of the transitions diverge, else 0.1 %.
        way: chunks after which the chains arrive where they stay; before, 10 SDs are left for each.
    """

    def __init__(self, correlation: float, apart: float = 0.0, longest: float = 1.0, way: int = 0):
        self.correlation = np.array([0.0, correlation])
        self.apart = apart
        self.longest = longest
        self.way = way
        self.chunks = 0
        self.steps = []

    def gradients(self, density, coarse):
        """Nobody asks for them here."""

    def standing(self, y, arrays, map_):
        return Chain.at(np.zeros((len(y), 2), np.uint32), y)

    def chunk(self, chains, trajectories, correcting, arrays, map_):
        self.chunks += 1
        step = float(trajectories.step.max())
        self.steps.append(round(step, 4))
        rng = np.random.default_rng(np.asarray(chains.key).ravel())
        noise = rng.standard_normal((len(chains.y), CHUNK, 2)) * np.sqrt(1 - self.correlation**2)
        x = np.stack(
            [
                lfilter([1.0], [1.0, -c], noise[..., i], zi=c * chains.y[:, None, i])[0]
                for i, c in enumerate(self.correlation)
            ],
            axis=-1,
        )
        reported = ("n_steps", "accepted", "log_density", "energy")
        found = dict.fromkeys(reported, np.zeros(x.shape[:2]))
        found["acceptance_rate"] = np.full(x.shape[:2], TARGET)
        found["diverging"] = x[..., 0] > (2 if step > self.longest else 3)
        key = rng.integers(2**32, size=chains.key.shape, dtype=np.uint32)
        place = self.apart * np.arange(len(x))[:, None, None] + 10 * max(0, self.way - self.chunks)
        return chains._replace(y=x[:, -1], key=key), found | {"x": x + place}


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    start = linear(
        Whitening.identity(np.zeros(2), 2, np.zeros((0, 0), int)), Noncentring.none((0, 1))
    )

    def run(
        sampler,
        ess=400.0,
        chains=CHAINS,
        draws=DRAWS,
        on_progress=lambda progress: None,
        learn=lambda *known, settled: known[2],
    ):
        seed = 5
        monkeypatch.setattr("lymphokin.infer.hmc.learnt_from", learn)
        settings = HmcSettings(chains, CHUNK, draws, pilot=CHUNK, seed=seed, ess=ess)
        checkpoint = Checkpoint(tmp_path / "run", {"seed": seed, "ess": ess})
        return sample_hmc(DENSITY, DENSITY, sampler, start, settings, checkpoint, on_progress)

    return run


def test_chains_that_have_enough_end_when_they_were_asked_to(drawn):
    assert drawn(Autoregressive(0.0)).thinning == 1


def test_slow_chains_go_on_until_they_have_enough(drawn):
    """2000 draws with a correlation of 0.85 are worth 2000 (1 - 0.85) / (1 + 0.85) = 162."""
    longer = []
    draws = drawn(Autoregressive(0.85), on_progress=lambda p: longer.append((p.done, p.going_on)))
    assert draws.thinning == 4
    assert draws.x.shape == (CHAINS, DRAWS, 2)
    assert draws.diverging.shape == (CHAINS, DRAWS)
    assert 400 <= mixing(draws.x[..., 1])["ess_bulk"] < 800
    asked = 4 * CHUNK + DRAWS
    assert longer[-1] == (4 * CHUNK + 4 * DRAWS, FOR_DRAWS)
    assert all(how == (FOR_DRAWS if done > asked else "") for done, how in longer)
    # What is kept is spread over the whole run, with what belongs to each draw beside it.
    np.testing.assert_array_equal(draws.diverging, draws.x[..., 0] > 3)
    along = [np.corrcoef(c[:-1], c[1:])[0, 1] for c in draws.x[..., 1]]
    assert np.mean(along) == pytest.approx(0.85**4, abs=0.08)


@pytest.mark.parametrize(("way", "runs", "counted"), [(2, 3, 2), (3, 4, 2), (4, 5, 2), (9, 6, 1)])
def test_chains_that_are_on_their_way_have_further_pilot_runs(
    drawn, monkeypatch, way, runs, counted
):
    """A run is a chunk here. What was drawn on the way does not count for the map."""
    taught = []

    def learn(density, gradients, map_, x, settled):
        taught.append(x)
        return map_

    sampler, seen = Autoregressive(0.0, way=way), []
    drawn(sampler, ess=0.0, learn=learn, on_progress=seen.append)
    assert seen[-1].done == seen[-1].total == (runs + 1) * CHUNK + DRAWS
    assert sampler.chunks == runs + 1 + DRAWS // CHUNK
    assert [len(x) for x in taught][-1] == counted * CHAINS * CHUNK
    assert len(taught) == runs
    assert way > runs or np.abs(taught[-1]).max() < 8


def test_chains_go_on_until_every_risk_has_enough(drawn, monkeypatch):
    looked = []

    def of_risks(x, wanted):
        looked.append(len(x) * x.shape[1])
        return 399.0 if len(looked) == 1 else 400.0

    monkeypatch.setattr("lymphokin.infer.hmc.risk_ess", lambda density: of_risks)
    assert drawn(Autoregressive(0.0)).thinning == 2
    assert looked == [CHAINS * DRAWS] * 2


def test_without_a_wish_they_end_when_they_were_asked_to(drawn):
    assert drawn(Autoregressive(0.85), ess=0.0).thinning == 1


@pytest.mark.parametrize(
    "sampler",
    [Autoregressive(0.9999), Autoregressive(1.0), Autoregressive(0.5, apart=5.0)],
    ids=["hopelessly slow", "a latent that never moves", "in different places"],
)
def test_chains_whom_more_draws_do_not_help_end_at_once(drawn, sampler):
    assert drawn(sampler).thinning == 1


@pytest.mark.parametrize(("chains", "draws"), [(1, 1000), (4, 125)], ids=["one chain", "too few"])
def test_chains_that_could_never_have_enough_end_at_once(drawn, chains, draws):
    """One chain has no R-hat; 500 draws are not worth 400 where any two go together."""
    assert drawn(Autoregressive(0.85), chains=chains, draws=draws).thinning == 1


def test_no_run_is_longer_than_the_longest(drawn):
    sampler = Autoregressive(0.97)
    draws = drawn(sampler)
    assert draws.thinning == LONGEST
    assert sampler.chunks == 4 + LONGEST * DRAWS // CHUNK
    assert mixing(draws.x[..., 1])["ess_bulk"] < 400


def test_where_too_many_transitions_diverge_steps_are_shortened_and_draws_begin_again(drawn):
    sampler, seen = Autoregressive(0.0, longest=0.15), []
    draws = drawn(sampler, on_progress=lambda p: seen.append((p.going_on, p.divergences)))
    first, chunks = FIRST_STEP, DRAWS // CHUNK
    assert sampler.steps == [first] * (4 + chunks) + [round(SHORTER * first, 4)] * chunks
    assert (draws.thinning, draws.shortened) == (1, 1)
    assert draws.x.shape == (CHAINS, DRAWS, 2)
    assert draws.diverging.mean() < DIVERGENT_SHARE_GOOD
    np.testing.assert_array_equal(draws.diverging, draws.x[..., 0] > 3)
    assert seen[-1] == (FOR_STEPS, draws.diverging.sum())


def test_slow_chains_with_shorter_steps_go_on_from_the_draws_since_then(drawn):
    draws = drawn(Autoregressive(0.85, longest=0.15))
    assert (draws.thinning, draws.shortened) == (4, 1)
    np.testing.assert_array_equal(draws.diverging, draws.x[..., 0] > 3)


def test_steps_are_not_shortened_for_ever(drawn):
    sampler = Autoregressive(0.0, longest=0.0)
    draws = drawn(sampler)
    assert (draws.thinning, draws.shortened) == (1, MOST_SHORTENED)
    assert sampler.steps[-1] == round(SHORTER**MOST_SHORTENED * FIRST_STEP, 4)
    assert draws.diverging.mean() >= DIVERGENT_SHARE_GOOD


def test_steps_stay_as_they_are_where_nobody_wants_a_number_of_effective_draws(drawn):
    assert drawn(Autoregressive(0.0, longest=0.0), ess=0.0).shortened == 0


@pytest.mark.parametrize(
    ("sampler", "settings", "after"),
    [
        (lambda: Autoregressive(0.85), {}, 4 * CHUNK + 1.5 * DRAWS),
        (lambda: Autoregressive(0.85, longest=0.15), {}, 4 * CHUNK + 1.5 * DRAWS),
        (lambda: Autoregressive(0.85, longest=0.15), {}, 4 * CHUNK + 2.5 * DRAWS),
        (lambda: Autoregressive(0.0, way=3), {"ess": 0.0}, 3.5 * CHUNK),
    ],
    ids=["for more draws", "with shorter steps", "for more draws since then", "a fourth pilot run"],
)
def test_a_run_that_was_stopped_ends_the_same(drawn, tmp_path, sampler, settings, after):
    class StoppedError(Exception): ...

    def stop(progress):
        if progress.done > after:
            raise StoppedError

    stopped, continued, whole = sampler(), sampler(), sampler()
    with pytest.raises(StoppedError):
        drawn(stopped, on_progress=stop, **settings)
    continued.chunks = stopped.chunks
    again = drawn(continued, **settings)
    for path in (tmp_path / "run").glob("*"):
        path.unlink()
    for found, expected in zip(again, drawn(whole, **settings), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert 0 < stopped.chunks < continued.chunks == whole.chunks
