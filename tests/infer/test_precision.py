"""What single precision costs, and how the accuracy of the solver is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.endpoint import measured_threshold
from lymphokin.infer.density import density_of
from lymphokin.infer.fitting import FitSettings
from lymphokin.io import read_events
from lymphokin.io.visits import endpoint_visits
from lymphokin.jax_setup import choose_precision
from lymphokin.model import load_model
from lymphokin.population import probability_below

IN_SINGLE = """
import sys
from pathlib import Path
import numpy as np
from tests.infer.test_precision import measure

np.savez(sys.argv[2], **measure(Path(sys.argv[1])))
"""
REPOSITORY = Path(__file__).parents[2]


def measure(table: Path) -> dict[str, np.ndarray]:
    """Log densities and risks of a few draws near the centre, in the precision of this process."""
    cohort, model = read_events(table), load_model("myeloid_lymphoid")
    posterior = density_of(model, cohort)
    centre = posterior.centre
    x = np.asarray(centre) + 0.4 * np.random.default_rng(0).standard_normal((20, centre.size))
    visits = endpoint_visits(cohort)
    nodes = posterior.packed.nodes({str(i): float(d) for i, d in visits["endpoint_day"].items()})
    parts = list(posterior.evaluate(x.astype(centre.dtype), posterior.arrays))
    count = np.concatenate([e.outputs["alc"] for e in parts])[:, nodes, np.arange(len(nodes))]
    residual = model.table.residuals["alc"]
    sd = jnp.asarray([residual.sd])
    risk = probability_below(residual, np.log(measured_threshold(2)), jnp.log(count), sd)
    density = np.concatenate([e.own_log_density for e in parts]).sum(axis=1, dtype=float)
    return {"kind": np.asarray(str(centre.dtype)), "density": density, "risk": np.asarray(risk)}


def measured_in_single(table: Path, out: Path) -> dict[str, np.ndarray]:
    """The same from a process of its own: a process has one precision."""
    command = [sys.executable, "-c", IN_SINGLE, str(table), str(out)]
    narrow = os.environ | {"JAX_ENABLE_X64": "0"}
    subprocess.run(command, check=True, cwd=REPOSITORY, env=narrow)
    with np.load(out) as stored:
        return dict(stored)


@pytest.mark.slow  # compiles the default model twice
def test_single_precision_costs_nothing_that_matters(small_table, tmp_path):
    """Differences of the log density decide what is accepted: 0.001 of one is nothing."""
    single = measured_in_single(small_table, tmp_path / "single.npz")
    double = measure(small_table)
    assert (str(single["kind"]), str(double["kind"])) == ("float32", "float64")
    error = single["density"] - double["density"]
    assert 0 < np.abs(error).max() < 1e-2
    assert np.std(error) < 1e-3
    assert np.abs(single["risk"] - double["risk"]).max() < 1e-4


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="expected float64 or float32"):
        choose_precision("float16")


def test_an_accuracy_that_cannot_be_had_is_refused():
    for rtol in (1e-12, 0.5, float("nan")):
        with pytest.raises(ValueError, match="expected 1e-09 to 0"):
            FitSettings(rtol=rtol)


def test_finer_steps_for_a_smaller_error():
    coarse, default, fine = (FitSettings(rtol=rtol).steps for rtol in (1e-3, None, 1e-6))
    assert coarse.step_days(2, 2) > default.step_days(2, 2) > 2 * fine.step_days(2, 2)
    assert coarse.tail_days == default.tail_days < fine.tail_days
    assert coarse.step_hours(1) > default.step_hours(1) > 2 * fine.step_hours(1)
