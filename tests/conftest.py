"""Shared fixtures: one small synthetic trial and one short fit of it, made once per session.

What they need is imported when they are made: the quick core starts without it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import submitit  # noqa: F401  (early: importing it closes what others log to, pytest's capture too)
import typer.main
import typer.testing
from xdist.scheduler import LoadFileScheduling

import lymphokin as lk
from lymphokin.shipped import data_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from lymphokin.predict import Forecast
    from lymphokin.run import Fit
    from lymphokin.trial.synthetic import SyntheticTrial, Truth

# A busy machine fails nothing, and the examples of one test may share a folder.
hypothesis.settings.register_profile(
    "lymphokin",
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("lymphokin")

SHORT = {"chains": 2, "pilot": 25, "warmup": 25, "draws": 50, "ess": 0, "seed": 3}
"""Far too short to believe; enough to see that everything is there."""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@pytest.fixture(scope="session", autouse=True)
def strict_json() -> None:
    """Every test that reads JSON refuses NaN and Infinity, which Python's reader takes."""
    json._default_decoder = json.JSONDecoder(parse_constant=_refuse)  # type: ignore[attr-defined]


@pytest.fixture(scope="session", autouse=True)
def commands_are_laid_out_once() -> None:
    """Typer lays its commands out at every call, which a process does only once."""
    typer.main.get_command = typer.testing._get_command = cache(typer.main.get_command)


@pytest.fixture(scope="session")
def truth() -> Truth:
    from lymphokin.trial.synthetic import Truth

    shipped = Truth.read(data_path("synthetic_sbrt_atra_trial.truth.toml"))
    return replace(shipped, design={**shipped.design, "run_in": 1, "per_arm": 3})


@pytest.fixture(scope="session")
def small_trial(truth: Truth) -> SyntheticTrial:
    return lk.simulate_trial(truth, seed=5)


@pytest.fixture(scope="session")
def small_table(small_trial: SyntheticTrial, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "synthetic_small.csv"
    lk.write_events(small_trial.cohort, path, ["SYNTHETIC DATA"])
    return path


@dataclass(frozen=True)
class SavedRun:
    """A fit, its run folder, and the forecasts that were saved with it."""

    folder: Path
    fit: Fit
    forecast: Forecast


def fit_and_save(
    table: Path,
    out: Path,
    model: str | Path = "myeloid_lymphoid",
    *,
    counts_until: float | None = None,
    **settings: Any,
) -> SavedRun:
    """What ``lymphokin fit`` does."""
    unfinished = out.with_name(f"{out.name}.unfinished")
    fit = lk.fit(table, model, unfinished=unfinished, progress=False, **settings)
    return SavedRun(out, fit, fit.save(out, counts_until=counts_until, progress=False))


@pytest.fixture(
    scope="session", params=["hedos_hcc", pytest.param("myeloid_lymphoid", marks=pytest.mark.slow)]
)
def small_run(
    request: pytest.FixtureRequest, small_table: Path, tmp_path_factory: pytest.TempPathFactory
) -> SavedRun:
    """Markov chains of a few draws. The default model takes minutes to compile."""
    out = tmp_path_factory.mktemp("runs") / "small"
    return fit_and_save(small_table, out, request.param, counts_until=14.0, **SHORT)


@pytest.fixture(scope="session")
def hedos_run(small_table: Path, tmp_path_factory: pytest.TempPathFactory) -> SavedRun:
    """A quick fit of a small model, saved."""
    out = tmp_path_factory.mktemp("runs") / "hedos"
    return fit_and_save(small_table, out, "hedos_hcc", counts_until=14.0, method="quick", seed=1)


COMPILING = {
    *("against_scipy", "criticism", "infer", "literature", "predict", "rivals", "run", "slow"),
    *("slurm", "solve", "statistical_model", "updating", "validation", "web", "whatif"),
    *("test_virtual", "test_lesions", "test_interim", "test_interim_run", "test_space", "test_cli"),
    *("test_python_door", "test_plot", "test_zero_dose", "test_wheel", "test_start_up"),
    *("test_convert_pilot", "test_events_robustness", "test_unfinished_fit", "test_exact_golden"),
    *("test_interrupt", "test_jax_setup", "test_no_nan"),
}
"""Rooms and files of tests that compile programs or start processes: not of the quick core."""

FITS = {"made_up_run": "made up", "hedos_run": "fitted", "small_run": "fitted"}
"""Fixtures that take seconds to make, and the process that makes them."""


class TogetherByFit(LoadFileScheduling):
    """Tests of one file go to one process, and so do the files whose tests share a fit."""

    def _split_scope(self, nodeid: str) -> str:
        return _fit_of(nodeid.split("::")[0])


@cache
def _fit_of(file: str) -> str:
    text = (Path(__file__).parents[1] / file).read_text(encoding="utf-8")
    return next((where for fit, where in FITS.items() if fit in text), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherByFit:
    return TogetherByFit(config, log)


def _compiles(path: Path) -> bool:
    within = path.relative_to(Path(__file__).parent)
    return bool({*within.parts, path.stem} & COMPILING)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the other files unread when only the core is wanted: most of them import JAX."""
    return True if config.option.markexpr == "core" and _compiles(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick core: what reads, checks and computes without compiling.

    It runs last, in the gaps that the longer files leave at the end of the workers' time; tests of
    a fit, the longest, run first.
    """
    for item in items:
        marks = [mark.name for mark in item.iter_markers()]
        if not _compiles(item.path) and not {"slow", "long"} & {*marks}:
            item.add_marker(pytest.mark.core)
    items.sort(
        key=lambda item: (
            "core" in item.keywords,
            _fit_of(item.nodeid.split("::")[0]) not in FITS.values(),
        )
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once for all tests of pages."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
