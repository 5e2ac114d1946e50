"""What draws are worth for the patients' risks."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from lymphokin.infer import density_of
from lymphokin.infer.risk_draws import DRAWS_PER_EFFECTIVE, risk_ess
from lymphokin.io import read_events
from lymphokin.model import load_model


@pytest.fixture(scope="module")
def density(small_table):
    return density_of(load_model("hedos_hcc"), read_events(small_table))


def test_the_patient_whose_count_mixes_worst_counts(density):
    """With all else fixed counts rise with the baseline, and ranks are all that matters."""
    rng, (chains, draws) = np.random.default_rng(1), (4, 100)
    effect = [e.name for e in density.hierarchy.subject_effects].index("lymphocyte_baseline")
    patients = len(density.packed.cohort.patients)
    own = len(density.hierarchy.quantities) + effect * patients + np.arange(patients)
    x = np.broadcast_to(density.centre, (chains, draws, len(density.centre))).copy()
    x[..., own] += 0.1 * rng.standard_normal((chains, draws, patients))
    for i in range(1, draws):
        x[:, i, own[3]] = 0.9 * x[:, i - 1, own[3]] + 0.1 * x[:, i, own[3]]
    alone = [float(array_stats.ess(x[..., place], method="bulk")) for place in own]
    assert np.argmin(alone) == 3
    assert risk_ess(density)(x, 200.0) == pytest.approx(alone[3])
    # Where fewer are wanted, fewer are looked at: here some of each chain.
    few = round(DRAWS_PER_EFFECTIVE * 40 / chains)
    some = x[:, np.linspace(0, draws - 1, few).round().astype(int)]
    alone = [float(array_stats.ess(some[..., place], method="bulk")) for place in own]
    assert risk_ess(density)(x, 40.0) == pytest.approx(min(alone))


def test_without_a_count_there_is_no_risk(density):
    class Other:
        packed = density.packed
        likelihood = type("L", (), {"model": type("M", (), {"counts_lymphocytes": False})})

    assert risk_ess(Other())(np.zeros((4, 100, 3)), 400.0) == np.inf
