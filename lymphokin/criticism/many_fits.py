"""The many fits that a check asks for, each kept when it is done: here, or in other processes.

A fit depends on its number alone, so that the result is the same wherever and in whatever order
fits are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from lymphokin.criticism.forecasts.predict_left_out import FoldFits, to_judge
from lymphokin.criticism.simulation.simulation_calibration import SimulatedFits
from lymphokin.endpoints import DEFAULT, Endpoint, read_endpoint
from lymphokin.files import AnyPath
from lymphokin.infer import Checkpoint
from lymphokin.jax_setup import prepare_jax
from lymphokin.jobs import Executor, Task, run_tasks
from lymphokin.progress import Reporter
from lymphokin.run import Fit, open_run


@dataclass(frozen=True)
class ManyFits:
    """Which fits.

    Attributes:
        seed: of all random numbers.
        folds: number of parts of the patients, each left out by one fit; 0: of trials simulated
            from the prior.
        endpoint: that is judged, whose patients are divided into folds; None: the default one.
    """

    seed: int
    folds: int = 0
    endpoint: AnyPath | Endpoint | None = None

    def of(self, fit: Fit) -> FoldFits | SimulatedFits:
        """The fits, of which none is made yet.

        Raises:
            ValueError: when there are too few patients for the folds.
        """
        if self.folds:
            _, cases = to_judge(fit, endpoint=self.endpoint)
            return FoldFits(fit.density, cases.patients, self.folds, self.seed)
        return SimulatedFits(fit.density, self.seed, rule=fit.steps)

    @contextmanager
    def checkpoint(self, fit: Fit, unfinished: AnyPath | None) -> Iterator[Checkpoint]:
        """Where the finished fits are kept; without a folder, until the check is done."""
        identity = {name: fit.provenance[name] for name in ("model_sha256", "data_sha256")}
        identity["sites_sha256"] = fit.cohort.sites.sha256
        identity |= {name: fit.config.get(name) for name in ("fixed", "rtol")}
        identity |= {"version": version("lymphokin"), "seed": self.seed}
        if self.folds:
            judged = read_endpoint(self.endpoint or DEFAULT).model_dump(mode="json")
            identity |= {"folds": self.folds, "endpoint": judged}
        with TemporaryDirectory() as scratch:
            yield Checkpoint(Path(scratch if unfinished is None else unfinished), identity)

    def elsewhere(
        self,
        fit: Fit,
        count: int,
        unfinished: AnyPath | None,
        executor: Executor,
        reporter: Reporter,
    ) -> None:
        """Make those of the first ``count`` fits that are missing in other processes.

        Args:
            fit: whose run folder they open.
            count: how many fits there are.
            unfinished: where finished ones are kept.
            executor: where they run; each worker takes a share.
            reporter: receives how many shares are done.

        Raises:
            ValueError: when the fit is not saved, or there is no folder for the finished ones.
            ChildProcessError: when a share failed; what is finished is kept.
        """
        if fit.folder is None or unfinished is None:
            raise ValueError(
                "other processes open the run folder and keep what they finish: expected a fit "
                "that is saved, and a folder in `unfinished`"
            )
        fits, folder = self.of(fit), Path(unfinished).resolve()
        with self.checkpoint(fit, folder) as checkpoint:
            missing = [number for number in range(count) if not checkpoint.has(fits.name(number))]
        folder.mkdir(parents=True, exist_ok=True)
        workers = min(executor.workers, len(missing))
        shares = [missing[worker::workers] for worker in range(workers)]
        run = fit.folder.resolve()
        model = run / fit.config["model"] if fit.model.files else None
        tasks = [Task(fit_share, (self, run, model, share, folder), folder) for share in shares]
        run_tasks(tasks, executor, reporter.counting)


def fit_share(
    asked: ManyFits, run: Path, model: Path | None, numbers: Sequence[int], unfinished: Path
) -> None:
    """Make some of the fits; runs in a process of its own.

    Args:
        asked: which fits.
        run: the run folder.
        model: the copy of its model there, where it is not a shipped one.
        numbers: of the fits to make.
        unfinished: where they are kept.
    """
    prepare_jax(1)
    fit = open_run(run, model)
    fits = asked.of(fit)
    with asked.checkpoint(fit, unfinished) as checkpoint:
        for number in numbers:
            checkpoint.recall(fits.name(number), partial(fits.fit, number))
