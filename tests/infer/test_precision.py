"""What single precision costs, and how the accuracy of the solver is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lymphokin.infer.fitting import FitSettings
from lymphokin.jax_setup import choose_precision

MEASURE = """
import sys
from pathlib import Path
import jax.numpy as jnp
import numpy as np
from lymphokin.infer.density import flat
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import probability_below
from lymphokin.io.visits import endpoint_visits
from lymphokin.infer.density import density_of
from lymphokin.endpoint import measured_threshold

cohort, model = read_events(Path(sys.argv[1])), load_model("myeloid_lymphoid")
posterior = density_of(model, cohort)
centre = flat(posterior.start())
x = np.asarray(centre) + 0.4 * np.random.default_rng(0).standard_normal((20, centre.size))
visits = endpoint_visits(cohort)
nodes = posterior.packed.nodes({str(i): float(d) for i, d in visits["endpoint_day"].items()})
parts = list(posterior.evaluate(x.astype(centre.dtype), posterior.arrays))
count = np.concatenate([e.outputs["alc"] for e in parts])[:, nodes, np.arange(len(nodes))]
residual = model.table.residuals["alc"]
sd = jnp.asarray([residual.sd])
risk = probability_below(residual, np.log(measured_threshold(2)), jnp.log(count), sd)
np.savez(
    sys.argv[2],
    kind=str(centre.dtype),
    density=np.concatenate([e.own_log_density for e in parts]).sum(axis=1, dtype=float),
    risk=np.asarray(risk),
)
"""


def measured(table: Path, folder: Path, wide: str) -> dict[str, np.ndarray]:
    out = folder / f"measured_{wide}.npz"
    command = [sys.executable, "-c", MEASURE, str(table), str(out)]
    subprocess.run(command, check=True, env=os.environ | {"JAX_ENABLE_X64": wide})
    with np.load(out) as stored:
        return dict(stored)


def test_single_precision_costs_nothing_that_matters(small_table, tmp_path):
    """Differences of the log density decide what is accepted: 0.001 of one is nothing."""
    single, double = (measured(small_table, tmp_path, wide) for wide in ("0", "1"))
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
