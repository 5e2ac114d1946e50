"""Names of structures: whole words of several languages, and what is no organ."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.dose.organs import share_of
from lymphokin.dose.structure_names import (
    BODY,
    PAIRED,
    Part,
    known_organs,
    match_name,
    organ_of,
    plain,
)
from lymphokin.shipped import data_path

WORDS = pd.read_csv(data_path("organ_words.csv"), keep_default_na=False)


@pytest.mark.parametrize(
    ("name", "organ", "part"),
    [
        ("Lunge links", "lungs", "left"),
        ("Lunge_re", "lungs", "right"),
        ("Linke Lunge", "lungs", "left"),
        ("Lungenflügel links", "lungs", "left"),
        ("Lunge gesamt", "lungs", "whole"),
        ("Lunge ohne Tumor", "lungs", "whole"),
        ("LUNG_LT", "lungs", "left"),
        ("Lung, Left", "lungs", "left"),
        ("Lung (R)", "lungs", "right"),
        ("LungL", "lungs", "left"),
        ("Lungs L+R", "lungs", "whole"),
        ("lungs-IGTV", "lungs", "whole"),
        ("Lungs-GTV1-GTV2", "lungs", "whole"),
        ("Lung_L-PTV", "lungs", "left"),
        ("Poumons-GTV", "lungs", "whole"),
        ("PoumonD", "lungs", "right"),
        ("Pulmón izq", "lungs", "left"),
        ("Pulmon derecho", "lungs", "right"),
        ("Polmone dx", "lungs", "right"),
        ("Polmoni", "lungs", "whole"),
        ("Corazon", "heart", "whole"),
        ("Cuore", "heart", "whole"),
        ("Heart_AI", "heart", "whole"),
        ("Körper", "body", "whole"),
        ("Außenkontur", "body", "whole"),
        ("Niere li", "kidneys", "left"),
        ("Leber-PTV", "liver", "whole"),
        ("Fegato", "liver", "whole"),
        ("Ösophagus", "stomach_oesophagus", "oesophagus"),
        ("Dünndarm", "small_intestine", "whole"),
        ("Vena cava superior", "superior_vena_cava", "whole"),
    ],
)
def test_an_organ_is_known_by_whole_words_of_its_name(name, organ, part):
    assert organ_of(name) == Part(organ, part)


@pytest.mark.parametrize(
    "name",
    [
        *("Lung_PRV", "Heart_PRV5", "Heart_PRV05", "LADartery", "A_LAD", "Chestwall_L"),
        *("lung tumour", "Lung-tumour", "CTV in lung", "GTV Lung", "PTV_Lung_L", "Lung_GTV"),
        *("Liver GTV", "LiverGTV", "ITV Lunge re", "GTV-Lung", "Liver met", "Leber_Met"),
        *("Brain Stem", "Brainstem", "Gall Bladder", "Gallenblase", "Bladder_Wall", "Hirnstamm"),
        *("Heart L", "Left Heart", "Heart_Base", "Herzkranzgefäß", "Lung_Upper_L", "Aorta asc"),
        *("Poumon", "Kidney", "Niere", "Long", "Body-PTV", "Lungs-Heart", "Brain-Brainstem"),
        *("Heart copy", "Lung_L_opt", "zLung", "Lung 1", "ohne Lunge", "Lungs minus", "-", "?"),
    ],
)
def test_a_name_with_a_word_that_is_not_known_is_no_organ(name):
    assert organ_of(name) is None


ORGAN_WORDS = sorted(WORDS.loc[WORDS["role"] == "organ", "word"])


@given(st.sampled_from(ORGAN_WORDS), st.text("abcdefghijklmnopqrstuvwxyz", min_size=4))
def test_another_word_beside_an_organ_makes_it_unknown(word, other):
    known = {w for words in WORDS["word"] for w in words.split()}
    if other in known or organ_of(other) is not None or plain(word + other) in known:
        return
    assert organ_of(f"{word} {other}") is None
    assert organ_of(f"{other}_{word}") is None


@given(st.sampled_from(ORGAN_WORDS), st.data())
def test_case_accents_and_marks_do_not_matter(word, data):
    style = data.draw(st.sampled_from([str.upper, str.title, str.lower]))
    mark = data.draw(st.sampled_from([" ", "_", ".", ", "]))
    assert organ_of(style(word).replace(" ", mark)) == organ_of(word)


def test_every_word_has_one_meaning_and_every_organ_blood():
    assert WORDS["word"].is_unique
    organs = WORDS.loc[WORDS["role"] == "organ", "meaning"].str.partition(":")[0]
    assert set(organs) <= set(known_organs())
    assert all(share_of(organ, None) > 0 for organ in set(organs) - {BODY})
    assert set(WORDS["role"]) == {"organ", "side", "both", "extra", "minus", "target", "tumour"}
    assert set(PAIRED) <= set(organs)


def test_the_standard_name_goes_before_words_and_an_organ_without_its_target_comes_last():
    names = ("Lungs", "Both lungs", "Lunge beide", "Lungs auto", "Lungs-GTV")
    ranks = [match.rank for name in names if (match := match_name(name))]
    assert ranks == sorted(set(ranks))
    assert len(ranks) == 5


def test_a_name_of_ones_own_goes_before_the_tables():
    own = {plain("Herz 2"): Part("heart", "whole"), plain("Heart"): Part("none", "whole")}
    assert organ_of("herz_2", own) == Part("heart", "whole")
    assert organ_of("Heart", own) is None
