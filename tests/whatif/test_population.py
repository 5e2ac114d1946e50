"""Where the numbers of a what-if come from."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from lymphokin.literature.posterior import calibrated_models, literature_draws
from lymphokin.predict.risk_calibration import calibration_of_run
from lymphokin.run.provenance import file_sha256
from lymphokin.shipped import data_path
from lymphokin.whatif.caution import warnings_of
from lymphokin.whatif.judging import SIX_WEEKS
from lymphokin.whatif.population import literature_populations, population_draws
from lymphokin.whatif.treatment import treatment_of


def test_without_a_run_the_default_model_rests_on_published_cohorts():
    population = population_draws()
    assert population.provenance.source == "literature"
    assert population.provenance.draws == len(population.z)
    assert population.seen is not None
    assert population.seen["atra_mg"] == (0.0, 0.0)  # nobody in them got ATRA: pulses are outside


def test_a_model_that_is_not_calibrated_rests_on_its_priors():
    population = population_draws(None, "lymphocyte_feedback")
    assert population.provenance.source == "prior"
    assert population.seen is None


def test_the_literature_says_how_many_published_numbers_it_reproduces():
    reported = population_draws().provenance.calibration
    assert reported is not None
    assert re.match(r"\d+ of \d+ published numbers lie inside", reported.text)
    assert "predicted from the others" in reported.text
    assert reported.groups == []


def test_a_run_shows_how_its_own_risks_came_true():
    risk = np.repeat([0.1, 0.4, 0.9], 20)
    happened = np.concatenate([np.arange(20) < n for n in (3, 9, 17)])
    table = pd.DataFrame({"p_grade2_measured": risk, "observed_grade2": happened})
    unknown = pd.DataFrame({"p_grade2_measured": [0.5]})
    reported = calibration_of_run(pd.concat([table, unknown]), 21.0)
    assert reported is not None
    assert "Of the 60 patients" in reported.text
    assert "29 had grade 2 or worse" in reported.text
    assert "add up to 28." in reported.text
    assert "counts up to day 21" in reported.text
    assert [(g.patients, g.risk, g.happened) for g in reported.groups] == [
        (20, 0.1, 0.15),
        (20, 0.4, 0.45),
        (20, 0.9, 0.85),
    ]
    low, high = proportion_confint(9, 20, 0.1, "beta")
    assert (reported.groups[1].low, reported.groups[1].high) == (round(low, 2), round(high, 2))


def test_few_known_outcomes_say_nothing():
    table = pd.DataFrame({"p_grade2_measured": [0.5] * 5, "observed_grade2": [True] * 5})
    assert calibration_of_run(table, None) is None
    assert calibration_of_run(None, None) is None


def test_every_calibrated_model_can_be_asked():
    populations = literature_populations()
    assert tuple(populations) == calibrated_models()
    for population in populations.values():
        assert population.provenance.source == "literature"
        assert population.provenance.calibration is not None


@pytest.mark.parametrize(("site", "named"), [("liver", False), ("liver+prostate", True)])
def test_a_site_whose_dose_is_a_judgement_is_named_beside_it(engine, patient, bare, site, named):
    asked = patient.model_copy(update={"site": site, "n_lesions": 2, "immune_dose_gy": None})
    found = [n for n in engine.warnings(asked, {"a": bare}, bare, 400) if n.field == "patient.site"]
    assert [n.text.startswith("prostate: the dose to the blood is a judgement") for n in found] == (
        [True] if named else []
    )


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("lung_central+liver", ["lung, central: no published cohort had this site"]),
        ("limb", ["limb: the dose to the blood is a judgement, and no published cohort had this"]),
        ("other", []),
    ],
)
def test_a_site_that_no_published_cohort_had_is_marked(patient, bare, site, said):
    published = literature_draws()
    assert published.seen_sites == {
        *("lung_peripheral", "liver", "spine", "brain", "abdominal_node", "other")
    }
    asked = patient.model_copy(update={"site": site, "n_lesions": site.count("+") + 1})
    treatment = treatment_of(asked, bare, bare, published.sites)
    conditioned: Any = SimpleNamespace(reliable=True, method="none")
    schedules = {"a": (bare, treatment)}
    found = warnings_of(published, asked, conditioned, schedules, bare, SIX_WEEKS)
    texts = [n.text for n in found if n.field == "patient.site"]
    assert [text.startswith(start) for text, start in zip(texts, said, strict=True)] == [
        True for _ in said
    ]


def test_the_published_population_names_the_file_it_stands_in():
    path = data_path("literature/posterior/myeloid_lymphoid.nc")
    assert literature_draws().provenance.posterior_sha256 == file_sha256(path)
