"""Markov chains over a cohort's posterior: in parallel, progress shown, interruptible, resumable.

The chains move in the whitened space of :mod:`lymphokin.infer.gaussian`, a few transitions
(:mod:`lymphokin.infer.transition`) at a time. After each such chunk the draws and the complete
state of every chain are on disk, so that a run that was stopped goes on exactly where it was and
ends bit for bit the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lymphokin.infer.checkpoint import Checkpoint
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.enough import FOR_STEPS, LONGEST, SHORTER, arrived, how_to_go_on
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.gaussian import NormalApproximation
from lymphokin.infer.learning import learnt_from
from lymphokin.infer.nested_rhat import starts_of
from lymphokin.infer.risk_draws import risk_ess
from lymphokin.infer.sample import Sample
from lymphokin.infer.sampler import CHUNK, HmcSettings, Sampler
from lymphokin.infer.trajectories import planned
from lymphokin.infer.transition import Chain
from lymphokin.population import CohortArrays
from lymphokin.progress import SamplerProgress

FIRST_STEP = 0.2
"""Step size (in the whitened space) with which the adaptation begins."""
STEP_GAIN = 1.5
"""By how much the logarithm of the step size follows the acceptance rate of a chunk."""
FAR_TOO_SHORT, LONGER = 0.5, 4.0
"""Share of the wanted refusals below which steps are far too short, and by how much they grow at
most (judgement)."""
PILOT_RUNS, MOST_PILOT_RUNS = 3, 6
"""Short runs, each in the map that the draws of the one before gave; more than the first number
only while chains are still on their way. From the mode of 1,000 patients they were for two."""


class Draws(NamedTuple):
    """Posterior draws, [chain, draw, ...]."""

    x: np.ndarray
    """flat latents"""
    diverging: np.ndarray
    n_steps: np.ndarray
    acceptance_rate: np.ndarray
    """mean over the trajectory, under the density that it follows"""
    accepted: np.ndarray
    """whether the accurate density accepted the end of the trajectory"""
    log_density: np.ndarray
    energy: np.ndarray
    """Hamiltonian of the density that the trajectory follows, where the draw is"""
    thinning: int = 1
    """one of this many transitions is kept as a draw"""
    shortened: int = 0
    """how often steps were shortened, as too many transitions diverged"""
    risk_ess: float = np.inf
    """bulk effective draws of the patients' risks, of some of the draws; infinite where nobody
    looked"""

    def sample(self) -> Sample:
        """These draws as of any method."""
        statistics = {name: getattr(self, name) for name in REPORTS}
        about = {name: getattr(self, name) for name in ABOUT}
        return Sample(self.x, statistics, **about)


ABOUT = ("thinning", "shortened", "risk_ess")
"""What is said of all draws together."""
REPORTS = tuple(name for name in Draws._fields if name not in ("x", *ABOUT))
"""What stands beside each draw."""


def sample_hmc(
    density: CohortDensity,
    coarse: CohortDensity,
    sampler: Sampler,
    approximation: NormalApproximation,
    settings: HmcSettings,
    checkpoint: Checkpoint,
    on_progress: Callable[[SamplerProgress], None] = lambda progress: None,
    starts: np.ndarray | None = None,
) -> Draws:
    """Draw from a cohort's posterior.

    Where more effective draws are wanted than the chains gave, they go on for as long again, and
    again, and every second draw is kept: their number stays the same. Where too many transitions
    diverge they go on with shorter steps, and what they drew before is given up.

    Short pilot runs come first: the draws of each give the next one a better map. The map and the
    step size, the same for every chain, are all the adaptation there is; the step size follows the
    acceptance rate of all chains after each chunk that is not kept.

    Args:
        density: what to sample.
        coarse: the same with long steps, for the trajectories.
        sampler: from :func:`compile_sampler`.
        approximation: its map leads from the space in which the first pilot run moves.
        settings: chains, iterations, seed.
        checkpoint: where chunks are kept; an unfinished run found there is continued.
        on_progress: called after every chunk.
        starts: [chain, latent] latents in several modes at which the chains begin; each then goes
            on from run to run where it was. None, or none: every run begins where its map says that
            the posterior is.

    Raises:
        FitError: when no chain can move.
    """
    lengths = [-(-n // CHUNK) for n in (settings.pilot, settings.warmup, settings.draws)]
    total = PILOT_RUNS * lengths[0] + lengths[1] + lengths[2]
    step, arrays = FIRST_STEP, (coarse.arrays, density.arrays)
    divergences, going_on = 0, ""

    places = starts if starts is not None and len(starts) else None

    def begin(map_: NormalApproximation, before: int) -> Chain:
        y = None if places is None else map_.whitened(density, places)
        return _begin(sampler, settings.chains, arrays, map_, (settings.seed, before), y)

    def phase(
        name: str,
        numbers: range,
        map_: NormalApproximation,
        before: int,
        warming: int,
        chains: Chain,
    ) -> tuple[list[dict[str, np.ndarray]], Chain]:
        nonlocal step, places, divergences
        done: list[dict[str, np.ndarray]] = []
        for i in numbers:

            def run(
                chains: Chain = chains, step: float = step, kept: bool = i >= warming, i: int = i
            ) -> dict[str, np.ndarray]:
                trajectories = planned((before + i) * CHUNK, CHUNK, step)
                chains, out = sampler.chunk(chains, trajectories, kept, arrays, map_)
                state = {f"chain_{name}": value for name, value in chains._asdict().items()}
                return out | state

            fresh = not checkpoint.has(f"{name}_{i:05d}")
            done.append(checkpoint.recall(f"{name}_{i:05d}", run))
            chains = Chain(*(done[-1].pop(f"chain_{name}") for name in Chain._fields))
            if i < warming:
                step *= step_correction(done[-1]["acceptance_rate"].mean(), settings.target_accept)
            else:
                divergences += int(done[-1]["diverging"].sum())
            if fresh:
                steps = float(done[-1]["n_steps"].mean())
                at = (before + i + 1) * CHUNK
                end = total * CHUNK
                on_progress(SamplerProgress(at, end, i < warming, divergences, steps, going_on))
        places = None if places is None else done[-1]["x"][:, -1]
        return done, chains

    map_, gradients = approximation, sampler.gradients(density, coarse)
    settled = np.zeros((settings.chains, 0, len(map_.whitening.centre)))
    for i in range(MOST_PILOT_RUNS):
        before = i * lengths[0]
        numbers = range(lengths[0])
        pilot, chains = phase(f"pilot{i}", numbers, map_, before, lengths[0], begin(map_, before))
        _refuse_standing(pilot[-1], chains, step)
        late = np.concatenate([c["x"] for c in pilot[len(pilot) // 3 :]], axis=1)
        # The first pilot run may still be on its way; all later ones count together, from that on
        # in which the chains arrived.
        there = i > 1 and arrived(settled, late, len(map_.whitening.population))
        settled = np.concatenate([settled, late], axis=1) if there else late

        def better(
            map_: NormalApproximation = map_, x: np.ndarray = settled, first: bool = i == 0
        ) -> dict[str, np.ndarray]:
            draws = x.reshape(-1, x.shape[-1])
            return learnt_from(density, gradients, map_, draws, settled=not first).arrays()

        map_ = NormalApproximation.of(checkpoint.recall(f"map_of_pilot{i}", better))
        if there:
            break
        total += lengths[0] if PILOT_RUNS <= i + 1 < MOST_PILOT_RUNS else 0
    before, warming = (i + 1) * lengths[0], lengths[1]

    def drawn(numbers: range, chains: Chain) -> tuple[dict[str, np.ndarray], Chain]:
        chunks, chains = phase("chunk", numbers, map_, before, warming, chains)
        kept = [c for i, c in zip(numbers, chunks, strict=True) if i >= warming]
        return {k: np.concatenate([c[k] for c in kept], axis=1) for k in ("x", *REPORTS)}, chains

    numbers = range(warming + lengths[2])
    kept, chains = drawn(numbers, begin(map_, before))
    thinning, shortened, left, of_risks = 1, 0, LONGEST - 1, np.inf
    while settings.ess:
        x, log_density, diverging = (kept[name] for name in ("x", "log_density", "diverging"))
        names, longer = density.hierarchy.population_names, (thinning, shortened, left)
        going_on, of_risks = how_to_go_on(
            x, log_density, diverging, names, settings.ess, *longer, risk_ess(density)
        )
        if not going_on:
            break
        if going_on == FOR_STEPS:
            step, divergences, thinning, shortened = step * SHORTER, 0, 1, shortened + 1
        numbers = range(numbers.stop, numbers.stop + thinning * lengths[2])
        total, left = total + len(numbers), left - thinning
        more, chains = drawn(numbers, chains)
        if going_on == FOR_STEPS:
            kept = more
        else:
            kept = {name: _together(value, more[name], thinning) for name, value in kept.items()}
            thinning *= 2
    return Draws(**kept, thinning=thinning, shortened=shortened, risk_ess=of_risks)


def step_correction(accepted: float, target: float) -> float:
    """Factor of the step size after a chunk in which a share was accepted.

    Chains that had to cross a narrow place leave it with steps to which following the acceptance
    would give back 16 % a chunk. What is refused grows as the square of the step.
    """
    refused = (1 - accepted) / (1 - target)
    if refused < FAR_TOO_SHORT:
        return float(max(refused, LONGER**-2) ** -0.5)
    return float(np.exp(STEP_GAIN * (accepted - target)))


def _together(kept: np.ndarray, more: np.ndarray, thinning: int) -> np.ndarray:
    """[chain, draw, ...] every second of some draws and of those of as many transitions after them.

    Args:
        thinning: one of this many transitions was kept so far.
    """
    return np.concatenate([kept, more[:, thinning - 1 :: thinning]], axis=1)[:, 1::2]


def _refuse_standing(chunk: dict[str, np.ndarray], chains: Chain, step: float) -> None:
    """Refuse to go on when no chain has moved in a whole chunk: more draws would not help."""
    if np.ptp(chunk["x"], axis=1).any():
        return
    known = np.isfinite(chains.potential)
    why = (
        "the log density is not finite where they stand"
        if not known.all()
        else f"each of their steps, now of {step:.2g} SDs, leads to where it falls by orders of "
        "magnitude or is not finite"
    )
    raise FitError(
        f"the fit could not be sampled: no Markov chain has moved in {CHUNK} transitions, as "
        f"{why}. Try another seed, fewer free parameters (fixed at known values) or narrower "
        "priors; if the model's states drive each other hard, an implicit solver"
    )


def _begin(
    sampler: Sampler,
    count: int,
    arrays: tuple[CohortArrays, CohortArrays],
    map_: NormalApproximation,
    seed: tuple[int, ...],
    y: np.ndarray | None = None,
) -> Chain:
    """Chains that start at ``y`` [chain, latent], else where the map says that the posterior is."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(2**32, size=(count, 2), dtype=np.uint32)  # any is a key of Threefry
    starts = starts_of(count)
    centre = map_.whitening.centre
    drawn = rng.standard_normal((starts, len(centre)), dtype=centre.dtype)
    y = np.repeat(drawn, count // starts, axis=0) if y is None else y
    return sampler.standing(y, arrays, map_)._replace(key=keys)
