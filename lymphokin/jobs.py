"""Independent pieces of work in processes of their own: on this machine, or on a SLURM cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import submitit

POLL_SECONDS = 0.2
CLUSTERS = ("local", "slurm")


@dataclass(frozen=True)
class Executor:
    """Where tasks are computed.

    Attributes:
        cluster: local or slurm.
        workers: tasks computed at a time.
        minutes: after which a task is stopped.
        partition: of SLURM; the cluster's default where it is empty.
    """

    cluster: str = "local"
    workers: int = 1
    minutes: int = 60
    partition: str = ""


class Task(NamedTuple):
    """A function that keeps its own result in a file, whole or not at all."""

    function: Callable[..., None]
    arguments: tuple[Any, ...]
    folder: Path
    """where its messages are kept; seen by every machine"""


def run_tasks(
    tasks: Sequence[Task], executor: Executor, progress: Callable[[int, int], None]
) -> None:
    """Run some tasks, as many at a time as there are workers.

    Args:
        tasks: in the order in which they begin.
        executor: where.
        progress: called with the numbers of finished and of all tasks.

    Raises:
        ChildProcessError: when a task failed; the others that run are stopped.
    """
    waiting, running = list(tasks), list[submitit.Job[None]]()
    progress(0, len(tasks))
    try:
        while waiting or running:
            while waiting and len(running) < executor.workers:
                running.append(_submit(executor, waiting.pop(0)))
            for job in [job for job in running if job.done()]:
                running.remove(job)
                _check(job)
                progress(len(tasks) - len(waiting) - len(running), len(tasks))
            if running:
                time.sleep(POLL_SECONDS)
    finally:
        for job in running:
            job.cancel()


def _check(job: submitit.Job[None]) -> None:
    try:
        job.result()
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ChildProcessError(
            f"task {job.job_id} failed ({reason[-1]}); {job.paths.stderr} says more"
        ) from error


def _submit(executor: Executor, task: Task) -> submitit.Job[None]:
    auto = submitit.AutoExecutor(folder=str(task.folder / "tasks"), cluster=executor.cluster)
    auto.update_parameters(timeout_min=executor.minutes, name="lymphokin")
    if executor.cluster == "slurm":
        auto.update_parameters(cpus_per_task=1)
        if executor.partition:
            auto.update_parameters(slurm_partition=executor.partition)
    with _errors_to(task.folder / "tasks.log"):
        return auto.submit(task.function, *task.arguments)


@contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """Let processes that start meanwhile write their standard error to a file.

    The one that submitit starts beside a local task would show a traceback after Ctrl-C.
    """
    own = os.dup(2)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(own, 2)
            os.close(own)
