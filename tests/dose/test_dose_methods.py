"""Blood dose, EDIC and histograms against hand-made sums, and their uncertainty in the model."""

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.dose import immune_dose_log_sd
from lymphokin.dose.blood import blood_dose
from lymphokin.dose.edic import edic
from lymphokin.dose.histogram import from_cumulative, from_differential
from lymphokin.dose.immune import log_sd_by_source
from lymphokin.dose.organs import (
    OrganDose,
    blood_share,
    combine,
    share_of,
)
from lymphokin.dose.structure_names import Part, known_organs, organ_of
from lymphokin.dose.tables import table_doses
from lymphokin.io import BadInput, read_events
from lymphokin.io.vocabulary import IMMUNE_DOSE_SOURCES
from lymphokin.model import load_model
from lymphokin.population import Hierarchy, pack
from lymphokin.shipped import data_path


def test_blood_shares_are_those_of_icrp_89():
    table = pd.read_csv(data_path("literature/icrp89_blood_compartments.csv"))
    for sex in ("F", "M"):
        own = table[table["sex"] == sex].set_index("compartment")["blood_volume_percent_of_total"]
        assert sum(blood_share(sex).values()) == pytest.approx(1)
        assert share_of("lungs", sex) == pytest.approx((own["lung"] + own["bronchial"]) / own.sum())
        assert share_of("liver", sex) == pytest.approx(own["liver"] / own.sum())


@pytest.mark.parametrize("sex", ["F", "M", None])
def test_one_dose_everywhere_is_the_dose_to_the_blood(sex):
    body = {"F": 60_000, "M": 73_000, None: 66_500}[sex]
    organs = {o: OrganDose(3.0, 100.0) for o in known_organs() if o != "body"}
    assert blood_dose(organs, sex, 3.0 * body).gy == pytest.approx(3.0)
    assert blood_dose({}, sex, 3.0 * body).gy == pytest.approx(3.0)


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0, 20))
def test_the_dose_to_the_blood_is_the_weighted_sum(lungs, liver, rest):
    volumes = 3000.0, 1500.0
    integral = lungs * volumes[0] + liver * volumes[1] + rest * (73_000 - sum(volumes))
    organs = {"lungs": OrganDose(lungs, volumes[0]), "liver": OrganDose(liver, volumes[1])}
    by_hand = 0.125 * lungs + 0.10 * liver + (1 - 0.225) * rest
    assert blood_dose(organs, "M", integral).gy == pytest.approx(by_hand, rel=1e-6, abs=1e-9)


def test_without_the_body_the_result_is_a_lower_bound_and_says_so():
    dose = blood_dose({"lungs": OrganDose(4.0)}, "M")
    assert dose.gy == pytest.approx(0.125 * 4)
    assert "88 % of the blood" in dose.remarks[0]
    assert "lower bound" in dose.remarks[0]


def test_great_vessels_do_not_count_twice():
    organs = {"great_vessels": OrganDose(5.0), "aorta": OrganDose(1.0)}
    own = {
        "aorta": 2.7,
        "pulmonary_artery": 0.5,
        "superior_vena_cava": 1.5,
        "inferior_vena_cava": 2.5,
    }
    expected = (1.0 * own["aorta"] + 5.0 * (sum(own.values()) - own["aorta"])) / 100
    assert blood_dose(organs, "M").gy == pytest.approx(expected, rel=1e-3)


def test_edic_by_hand():
    """45 fractions: k = 0.85. Xu 2020 with integral dose, Ladbury 2019 with mean body dose."""
    assert edic(10, 10, 62_000, 45) == pytest.approx(1.2 + 0.8 + 0.45 + 0.35 * 0.85)
    assert edic(10, 10, 62_000, 45, 10) == pytest.approx(2.0 + 1.5 * 0.85 + 0.45 + 0.2975)
    assert edic(0, 0, 62_000, 5) == pytest.approx(0.45 + 0.35 * 0.85 / 3)
    assert edic(18.2, 11.0, 2.5, 30, version="ladbury2019") == pytest.approx(
        0.12 * 18.2 + 0.08 * 11.0 + (0.45 + 0.35 * 0.85 * math.sqrt(30 / 45)) * 2.5
    )
    with pytest.raises(ValueError, match="version"):
        edic(1, 1, 1, 1, version="jin")
    with pytest.raises(ValueError, match="0 or more"):
        edic(-1, 1, 1, 1)


@pytest.mark.parametrize(
    ("name", "organ", "part"),
    [
        ("Lungs", "lungs", "whole"),
        ("LUNG_L", "lungs", "left"),
        ("poumon droit", "lungs", "right"),
        ("Cœur", "heart", "whole"),
        ("Kidney_R", "kidneys", "right"),
        ("V_Venacava_S", "superior_vena_cava", "whole"),
        ("External", "body", "whole"),
        ("Foie", "liver", "whole"),
    ],
)
def test_names_of_structures(name, organ, part):
    assert organ_of(name) == Part(organ, part)


@pytest.mark.parametrize("name", ["PTV", "GTV_lung", "Heart_PRV", "zRing", "", "Lung_L_minus"])
def test_other_structures_are_not_organs(name):
    assert organ_of(name) is None


def test_one_lung_is_not_both():
    organs, remarks = combine({Part("lungs", "left"): OrganDose(5, 1000)})
    assert organs == {}
    assert "only the left" in remarks[0]


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 100)), min_size=2, max_size=30))
def test_cumulative_and_differential_histograms_have_the_same_mean(bins):
    width = bins[0][0]
    volume = np.array([v for _, v in bins]) + 0.01
    edges = np.arange(len(volume) + 1) * width
    mean = ((edges[1:] + edges[:-1]) / 2) @ volume / volume.sum()
    cumulative = np.append(volume[::-1].cumsum()[::-1], 0)
    assert from_cumulative(edges, cumulative).mean_gy == pytest.approx(mean)
    middle = (edges[1:] + edges[:-1]) / 2
    assert from_differential(middle, volume).mean_gy == pytest.approx(mean)
    assert from_cumulative(edges, cumulative).total == pytest.approx(volume.sum())


def test_a_table_of_organ_doses(tmp_path):
    path = tmp_path / "organs.csv"
    path.write_text(
        "ID,SEX,FRACTIONS,ORGAN,MEAN_DOSE_GY,VOLUME_CM3\n"
        "P1,M,5,Lung_L,6,1500\nP1,M,5,Lung_R,3,1500\nP1,M,5,Heart,2,700\n"
        "P1,M,5,Body,1,20000\nP1,M,5,PTV,50,40\nP2,,,Foie,10,\n"
    )
    first, second = table_doses(path)
    assert first.organs["lungs"].mean_gy == pytest.approx(4.5)
    rest = (1 * 20_000 - 4.5 * 3000 - 2 * 700) / (73_000 - 3700)
    assert first.blood_gy == pytest.approx(0.125 * 4.5 + 0.1 * 2 + (1 - 0.225) * rest)
    assert first.edic_gy == pytest.approx(edic(4.5, 2, 20_000, 5))
    assert (first.source, first.unknown) == ("organs", ["PTV"])
    assert second.blood_gy == pytest.approx(0.1 * 10, rel=1e-3)
    json.dumps(first.as_dict())


def test_a_table_of_histograms(tmp_path):
    path = tmp_path / "dvh.csv"
    path.write_text(
        "STRUCTURE;DOSE_CGY;VOLUME_CM3;KIND\n"
        "Heart;0;500;cumulative\nHeart;200;250;cumulative\nHeart;400;0;cumulative\n"
        "Liver;100;10;differential\nLiver;300;30;differential\n"
    )
    (result,) = table_doses(path)
    assert result.source == "dvh"
    assert result.organs["heart"].mean_gy == pytest.approx(2)
    assert result.organs["liver"].mean_gy == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("ORGAN,MEAN_DOSE_GY\nPTV,5\n", "at least one known organ"),
        ("ORGAN,MEAN_DOSE_GY\nHeart,-5\n", "0 or more"),
        ("ORGAN,MEAN_DOSE_GY\nHeart,5\nHeart,6\n", "once per patient"),
        ("ORGAN,DOSE_GY,VOLUME_CM3\nHeart,0,5\nHeart,1,9\n", "does not rise"),
        ("ORGAN,DOSE_GY,VOLUME_CM3,KIND\nHeart,0,5,wild\n", "cumulative or differential"),
        ("A,B\n1,2\n", "a column ORGAN"),
        ("ORGAN,MEAN_DOSE_GY,SEX\nHeart,5,X\n", "F or M"),
    ],
)
def test_what_is_wrong_in_a_table_is_reported(text, reported, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(BadInput, match=reported):
        table_doses(tmp_path / "t.csv")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Heart", "Lung_L", "Lung_R", "Body", "PTV", "", "\u2028"]),
            st.sampled_from(["0", "1", "5.5", "-1", "", "x", "nan", "1e400"]),
            st.sampled_from(["0", "10", "5", "", "x", "1e-300"]),
        ),
        max_size=12,
    ),
    st.sampled_from(["MEAN_DOSE_GY", "DOSE_GY", "DOSE_CGY"]),
)
@settings(max_examples=25)
def test_whatever_the_table_it_is_read_or_refused(rows, column):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        lines = [f"ORGAN,{column},VOLUME_CM3", *(",".join(row) for row in rows)]
        path.write_text("\n".join(lines))
        try:
            (result,) = table_doses(path)
        except BadInput:
            return
        assert result.blood_gy >= 0


EVENTS = """ID,TIME,EVID,CMT,AMT,DVID,DV,PTV_CM3,N_LESIONS,IMMUNE_DOSE_GY,IMMUNE_DOSE_SOURCE
A,0,0,,,alc,1.4,80,1,,
A,0,1,rt,10,,,80,1,,
B,0,0,,,alc,1.4,80,1,1.2,
B,0,1,rt,10,,,80,1,1.2,
C,0,0,,,alc,1.4,80,1,1.2,dicom
C,0,1,rt,10,,,80,1,1.2,dicom
D,0,0,,,alc,1.4,80,1,1.2,EDIC
D,0,1,rt,10,,,80,1,1.2,EDIC
"""


def test_the_size_of_the_uncertainty_depends_on_the_source(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(EVENTS)
    cohort = read_events(path)
    sizes = log_sd_by_source()
    assert set(sizes) == set(IMMUNE_DOSE_SOURCES)
    log_sd = immune_dose_log_sd(cohort.patients, cohort.sites)
    np.testing.assert_array_equal(log_sd, [np.nan, 0, sizes["dicom"], sizes["edic"]])
    assert 0 < sizes["blood"] < sizes["dicom"] < sizes["dvh"] < sizes["organs"] < sizes["edic"]


def test_it_goes_into_the_model_as_a_latent_quantity(tmp_path):
    """SD over the prior of each patient's true immune dose over the given one."""
    import jax

    path = tmp_path / "events.csv"
    path.write_text(EVENTS)
    model = load_model("myeloid_lymphoid")
    arrays = pack(model, read_events(path)).arrays
    hierarchy = Hierarchy(model)

    centre = np.zeros(len(hierarchy.quantities))

    def scale(key):
        latents = hierarchy.draw_latents(key, arrays, centre)
        p, _ = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
        return p.immune_dose_scale

    drawn = np.log(np.asarray(jax.jit(jax.vmap(scale))(jax.random.split(jax.random.key(1), 4000))))
    sizes = log_sd_by_source()
    np.testing.assert_allclose(
        drawn.std(axis=0)[1:], [0, sizes["dicom"], sizes["edic"]], rtol=0.08, atol=1e-6
    )
    assert drawn.std(axis=0)[0] == pytest.approx(0.5, rel=0.08)
    np.testing.assert_allclose(drawn.mean(axis=0)[1:], 0, atol=0.03)


def test_the_basis_of_the_sizes_is_what_two_weightings_of_organs_differ_by():
    """EDIC in 5 fractions over the dose to the blood, per organ and for random contributions."""
    names, weights = ("lungs", "heart", "liver"), []
    for name in names:
        doses = {n: float(n == name) for n in names}
        weights.append(edic(doses["lungs"], doses["heart"], 0, 5, doses["liver"]))
    weights.append(edic(0, 0, 62_000, 5))
    shares = np.array([share_of(name, "M") for name in names])
    ratio = np.array(weights) / np.append(shares, 1 - shares.sum())
    np.testing.assert_allclose(ratio, [0.96, 0.80, 0.42, 0.81], atol=0.01)
    assert np.log(ratio).std(ddof=1) == pytest.approx(0.36, abs=0.005)
    mixed = np.log(np.random.default_rng(0).dirichlet(np.ones(4), 50_000) @ ratio)
    assert mixed.std() == pytest.approx(0.125, abs=0.002)
    assert mixed.mean() == pytest.approx(-0.30, abs=0.005)
