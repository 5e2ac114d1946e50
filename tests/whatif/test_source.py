"""Where the numbers of a what-if come from."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from lymphokin.commands.source import literature_sources, resolve_source
from lymphokin.literature.posterior import LiteraturePosterior, calibrated_models
from lymphokin.whatif.calibration import calibration_of_run


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


def test_the_literature_says_how_many_published_numbers_it_reproduces():
    told = resolve_source(None, "myeloid_lymphoid").provenance.calibration
    assert told is not None
    assert re.match(r"\d+ of \d+ published numbers lie inside", told.text)
    assert "predicted from the others" in told.text
    assert told.groups == []


def test_a_run_shows_how_its_own_risks_came_true(tmp_path: Path):
    risk = np.repeat([0.1, 0.4, 0.9], 20)
    happened = np.concatenate([np.arange(20) < n for n in (2, 8, 18)])
    table = pd.DataFrame({"p_grade2_measured": risk, "observed_grade2": happened})
    pd.concat([table, pd.DataFrame({"p_grade2_measured": [0.5]})]).to_csv(
        tmp_path / "patients.csv", index=False
    )
    told = calibration_of_run(tmp_path, 21.0)
    assert told is not None
    assert "Of the 60 patients" in told.text
    assert "28 had grade 2 or worse" in told.text
    assert "counts up to day 21" in told.text
    assert [(g.patients, g.risk, g.happened) for g in told.groups] == [
        (20, 0.1, 0.1),
        (20, 0.4, 0.4),
        (20, 0.9, 0.9),
    ]
    low, high = proportion_confint(8, 20, 0.1, "wilson")
    assert (told.groups[1].low, told.groups[1].high) == (round(low, 2), round(high, 2))


def test_few_known_outcomes_say_nothing(tmp_path: Path):
    table = pd.DataFrame({"p_grade2_measured": [0.5] * 5, "observed_grade2": [True] * 5})
    table.to_csv(tmp_path / "patients.csv", index=False)
    assert calibration_of_run(tmp_path, None) is None
    assert calibration_of_run(tmp_path / "nowhere", None) is None


def test_every_calibrated_model_can_be_asked():
    sources = literature_sources()
    assert tuple(sources) == calibrated_models()
    for source in sources.values():
        assert source.provenance.source == "literature"
        assert source.provenance.calibration is not None
