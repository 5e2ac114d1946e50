"""Fits a cohort's density by any method: density in, draws and verdict out, nothing on disk.

Only an unfinished run of Markov chains may be kept on disk, where the caller says, so that it can
be continued.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.infer.accuracy import halved, judge_accuracy, solver_error
from lymphokin.infer.assemble import draws_tree, verdicts_of
from lymphokin.infer.belief import FORMER_METHODS, METHODS
from lymphokin.infer.checkpoint import Checkpoint
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.diagnostics import prepare_summary
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.hmc import sample_hmc
from lymphokin.infer.modes import Modes, find_modes
from lymphokin.infer.noncentred_density import prepare_gradients
from lymphokin.infer.sample import Sample
from lymphokin.infer.sampler import CHUNK, HmcSettings, compile_sampler
from lymphokin.progress import Reporter
from lymphokin.solve import StepRule

ERROR_DRAWS = 8
"""Draws at which the solver's error is measured."""
FINEST, COARSEST = 1e-9, 1e-2
"""Relative errors of the solver that can be asked for; a count is measured to 14 %."""


@dataclass(frozen=True)
class FitSettings:
    """How a density is fitted; recorded with every fit.

    Attributes:
        method: one of :data:`lymphokin.infer.METHODS`.
        hmc: settings of the Markov chains; its seed serves every method.
        rtol: relative error of counts that the solver is allowed; None for its default steps.

    Raises:
        ValueError: when the method is unknown or the error cannot be had.
    """

    method: str = "hmc"
    hmc: HmcSettings = field(default_factory=HmcSettings)
    rtol: float | None = None

    def __post_init__(self) -> None:
        if self.method in FORMER_METHODS:
            raise ValueError(
                f"method {self.method!r} is now {FORMER_METHODS[self.method]!r}: Markov chains "
                "whose trajectories have a planned length, no longer trees"
            )
        if self.method not in METHODS:
            raise ValueError(f"method {self.method!r}: expected one of {', '.join(METHODS)}")
        if self.rtol is not None and not FINEST <= self.rtol <= COARSEST:
            raise ValueError(f"rtol {self.rtol:g}: expected {FINEST:g} to {COARSEST:g}")

    @property
    def steps(self) -> StepRule:
        """Step sizes of the solver."""
        return StepRule() if self.rtol is None else StepRule.for_tolerance(self.rtol)

    def as_config(self) -> dict[str, Any]:
        """The settings as they stand in ``config.toml``."""
        return {
            "seed": self.hmc.seed,
            "method": self.method,
            **({"hmc": asdict(self.hmc)} if self.method == "hmc" else {}),
            "precision": str(jnp.result_type(float)),
            **({} if self.rtol is None else {"rtol": self.rtol}),
        }


@dataclass(frozen=True)
class FittedDraws:
    """What a method found.

    Attributes:
        draws: groups ``posterior``, ``sample_stats``, ``latents``, ``prior`` and what the method
            adds.
        summary: one row per population quantity.
        diagnostics: ``convergence``, of an approximation ``approximation``, and
            ``solver_relative_error`` by quantity; of Markov chains ``trajectories_accepted``.
    """

    draws: xr.DataTree
    summary: pd.DataFrame
    diagnostics: dict[str, Any]


def fit_density(
    density: CohortDensity,
    settings: FitSettings,
    identity: dict[str, Any],
    unfinished: Path | None = None,
    reporter: Reporter | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> FittedDraws:
    """Draw from the posterior of a cohort, judge the draws and measure the solver's error.

    Args:
        density: the cohort's density, made with ``settings.steps``.
        settings: method, seed, chains.
        identity: what an unfinished run must share with this one to be continued, JSON values.
        unfinished: folder in which Markov chains are kept until they are done, and continued from;
            None: a run that is stopped is lost.
        reporter: receives the progress.
        meanwhile: called before the draws, to begin to compile what the caller needs after them.

    Raises:
        FitError: when there is no normal approximation to start from, the solver is grossly wrong
            there, or the chains cannot move.
        ValueError: when ``unfinished`` holds a run of another identity.
    """
    reporter = reporter or Reporter()
    coarse = density.with_long_steps()
    if settings.method == "hmc":
        identity = identity | asdict(settings.hmc) | {"chunk": CHUNK}
        with ExitStack() as stack:
            folder = unfinished or Path(stack.enter_context(TemporaryDirectory()))
            checkpoint = Checkpoint(folder, identity)
            sample = _by_markov_chains(density, coarse, settings, checkpoint, reporter, meanwhile)
        extra = {"trajectories_accepted": float(sample.statistics["accepted"].mean())}
    else:
        sample = _by_approximation(density, coarse, settings, reporter, meanwhile)
        extra = {}
    reporter.stage("summarising")
    found = summarised(density, sample, settings)
    return replace(found, diagnostics=found.diagnostics | extra)


def summarised(density: CohortDensity, sample: Sample, settings: FitSettings) -> FittedDraws:
    """Name draws, sum them up and judge them, and measure the solver's error.

    Args:
        density: the cohort's density, made with ``settings.steps``.
        sample: draws of its latents by any method.
        settings: seed and steps.
    """
    x, seed = sample.x.reshape(-1, sample.x.shape[-1]), settings.hmc.seed
    error = solver_error(density, x[:: max(1, len(x) // ERROR_DRAWS)], settings.steps)
    summary, values, prior, verdicts = verdicts_of(density, sample, error, seed)
    tree = draws_tree(density, sample, values, prior, seed)
    return FittedDraws(tree, summary, verdicts | {"solver_relative_error": error})


def _by_markov_chains(
    density: CohortDensity,
    coarse: CohortDensity,
    settings: FitSettings,
    checkpoint: Checkpoint,
    reporter: Reporter,
    meanwhile: Callable[[], None],
) -> Sample:
    reporter.stage("finding where the posterior lies")
    sampler = compile_sampler(density, coarse, settings.hmc)
    density.prepare_information()
    _prepare_summaries(density, settings)
    meanwhile()
    gradients, seed = sampler.gradients(density, coarse), settings.hmc.seed
    chains = settings.hmc.chains
    found = checkpoint.recall("map", lambda: find_modes(density, gradients, seed, chains).arrays())
    modes = Modes.of(found)
    approximation = modes.approximation
    middle = np.zeros_like(approximation.whitening.centre)
    centre, _ = approximation.latents(density, middle[None])
    _refuse_inaccurate(density, centre, settings, checkpoint)
    reporter.stage("sampling")
    draws = sample_hmc(
        density,
        coarse,
        sampler,
        approximation,
        settings.hmc,
        checkpoint,
        reporter.sampling,
        modes.starts,
    )
    return replace(draws.sample(), log_evidence=tuple(modes.log_evidence.tolist()))


def _refuse_inaccurate(
    density: CohortDensity, centre: np.ndarray, settings: FitSettings, checkpoint: Checkpoint
) -> None:
    """Refuse to sample where the solver is grossly wrong: chains would mix around wrong numbers."""
    model = density.likelihood.model
    error = solver_error(density, centre, settings.steps)
    accuracy = judge_accuracy(error, adaptive=model.solver is not None)
    if accuracy.level == "bad":
        shutil.rmtree(checkpoint.folder, ignore_errors=True)
        raise FitError(f"model {model.name} was not fitted. {accuracy.sentence}")


def _by_approximation(
    density: CohortDensity,
    coarse: CohortDensity,
    settings: FitSettings,
    reporter: Reporter,
    meanwhile: Callable[[], None],
) -> Sample:
    from lymphokin.infer.approximate import approximate  # its libraries take long to import

    prepare_gradients(coarse)
    density.prepare_evaluation()
    _prepare_summaries(density, settings)
    meanwhile()
    seed = settings.hmc.seed
    return approximate(settings.method, density, coarse, seed, reporter.stage)


def _prepare_summaries(density: CohortDensity, settings: FitSettings) -> None:
    """Begin to compile, and import, what comes after the draws."""
    density.prepare_natural()
    prepare_summary()
    halved(density, settings.steps).prepare_evaluation()
