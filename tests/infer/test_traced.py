"""Traced programs on disk: found again, never for another model, harmless when damaged."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from lymphokin.infer.density import CohortDensity
from lymphokin.io import read_events
from lymphokin.model import AdaptiveSolver, load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.shipped import data_path
from lymphokin.traced import FOLDER, traced

ARGUMENTS = (np.arange(3.0), {"by": 2.0})


class Counted:
    """A function that knows how often it was traced."""

    def __init__(self):
        self.traces = 0

    def __call__(self, x, how):
        self.traces += 1
        return {"scaled": x * how["by"], "sum": x.sum()}


@pytest.fixture
def kept(tmp_path):
    """Folder of the kept programs."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "compiled"))
    yield tmp_path / "compiled" / FOLDER
    jax.config.update("jax_compilation_cache_dir", before)


def run(function, model="myeloid_lymphoid", name="a", arguments=ARGUMENTS, solver=None, **fixed):
    devices = jax.local_devices()[:2]
    model = replace(load_model(model).with_fixed(**fixed), solver=solver)
    program = traced(function, name, model, devices, arguments)
    return program(*arguments)


def test_a_second_process_does_not_trace_and_gets_the_same(kept):
    first, second = Counted(), Counted()
    for function in (first, second):
        found = run(function)
        np.testing.assert_array_equal(found["scaled"], [0.0, 2.0, 4.0])
        assert found["sum"] == 3.0
    assert (first.traces, second.traces) == (1, 0)
    assert len(list(kept.iterdir())) == 1


def test_whatever_a_program_follows_from_has_its_own(kept):
    run(Counted())
    others = (
        {"model": "lymphocyte_feedback"},
        {"suppression": 0.0},
        {"name": "b"},
        {"arguments": (np.arange(4.0), {"by": 2.0})},
        {"arguments": (np.arange(3.0, dtype="float32"), {"by": 2.0})},
    )
    for n, other in enumerate(others, start=2):
        function = Counted()
        run(function, **other)
        assert function.traces == 1, other
        assert len(list(kept.iterdir())) == n


@pytest.mark.parametrize("damage", ["cut", "one bit", "empty"])
def test_a_damaged_file_is_traced_again(kept, damage):
    run(Counted())
    (file,) = kept.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes({"cut": content[:100], "one bit": content, "empty": b""}[damage])
    function = Counted()
    assert run(function)["sum"] == 3.0
    assert function.traces == 1
    untouched = Counted()
    run(untouched)
    assert untouched.traces == 0


def of_one_patient(model):
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv")).select(["S001"])
    return CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort))


def test_a_later_process_has_the_same_gradient_without_tracing_the_model(kept, monkeypatch):
    density = of_one_patient(load_model("hedos_hcc"))
    x = 0.1 + density.centre
    # As in a process that has compiled nothing yet.
    monkeypatch.setattr("lymphokin.infer.density._programs", {})
    value, gradient = density.density_and_gradient(x, density.arrays)
    monkeypatch.setattr("lymphokin.infer.density._programs", {})
    monkeypatch.setattr("lymphokin.infer.density.log_density_of", None)
    again, found = density.density_and_gradient(x, density.arrays)
    assert np.isfinite(value)
    assert again == value
    np.testing.assert_array_equal(found, gradient)


def test_what_is_prepared_is_what_is_used(kept, monkeypatch):
    density = of_one_patient(load_model("hedos_hcc"))
    monkeypatch.setattr("lymphokin.infer.density._programs", {})
    density.prepare_information()
    prepared = set(kept.iterdir())
    density.information(0.1 + density.centre, density.arrays)
    assert len(prepared) == 2
    assert set(kept.iterdir()) == prepared


def test_a_program_with_a_solver_of_diffrax_is_not_kept(kept):
    """Implicit ones call back into Python."""
    for _ in range(2):
        function = Counted()
        assert run(function, solver=AdaptiveSolver("kvaerno5"))["sum"] == 3.0
        assert function.traces >= 1
    assert not kept.exists()


@pytest.mark.slow
def test_a_model_with_an_implicit_solver_runs_though_its_program_cannot_be_kept(kept):
    density = of_one_patient(replace(load_model("hedos_hcc"), solver=AdaptiveSolver("kvaerno5")))
    value, _ = density.density_and_gradient(0.1 + density.centre, density.arrays)
    assert np.isfinite(value)
    assert not kept.exists()
