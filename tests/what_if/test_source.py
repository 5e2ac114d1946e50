"""Where the numbers of a what-if come from."""

from pathlib import Path

import numpy as np
import pytest

from lymphokin.commands.source import resolve_source
from lymphokin.literature.posterior import LiteraturePosterior


def test_without_a_run_the_default_model_rests_on_published_cohorts():
    source = resolve_source(None, "myeloid_lymphoid")
    assert source.provenance.source == "literature"
    np.testing.assert_array_equal(source.z, LiteraturePosterior.shipped().population_z())
    assert source.provenance.draws == len(source.z)
    assert source.seen is not None
    assert source.seen["atra_mg"] == (0.0, 0.0)  # nobody in them got ATRA: pulses are outside


def test_a_model_that_is_not_calibrated_rests_on_its_priors():
    source = resolve_source(None, "lymphocyte_feedback")
    assert source.provenance.source == "prior"
    assert source.seen is None


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        resolve_source(tmp_path, "myeloid_lymphoid")
