"""A posterior with published reference draws, found again through the same sampler as a trial's."""

from pathlib import Path

import pytest

from tests.reference_posteriors.reference import distances, fit_lynx_hare


@pytest.mark.slow
def test_hares_and_lynxes_have_the_reference_posterior(tmp_path: Path) -> None:
    fit = fit_lynx_hare(tmp_path / "run")
    found = distances(fit)
    assert len(found) == 8
    for name, (mean, sd) in found.items():
        assert abs(mean) < 0.1, (name, mean)
        assert abs(sd - 1) < 0.1, (name, sd)
    assert fit.provenance["convergence"]["rhat_max"] < 1.02
