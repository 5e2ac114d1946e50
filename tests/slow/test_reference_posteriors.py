"""A posterior with published reference draws, found again as a user would fit it."""

from pathlib import Path

import pytest

import lymphokin as lk
from tests.reference_posteriors.reference import FOLDER, distances


@pytest.mark.slow
def test_hares_and_lynxes_have_the_reference_posterior(tmp_path: Path) -> None:
    """Means within a tenth of a reference SD, SDs within a tenth: several times what 2,000
    effective draws leave open."""
    fit = lk.fit(
        FOLDER / "hudson_lynx_hare.csv",
        FOLDER / "lotka_volterra.py",
        chains=4,
        draws=1000,
        rtol=1e-6,
    )
    found = distances(fit)
    assert len(found) == 8
    for name, (mean, sd) in found.items():
        assert abs(mean) < 0.1, (name, mean)
        assert abs(sd - 1) < 0.1, (name, sd)
    assert fit.provenance["convergence"]["rhat_max"] < 1.02
