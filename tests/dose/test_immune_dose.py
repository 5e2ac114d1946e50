"""Reference immune dose from site class, lesions and prescription."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.dose import reference_immune_dose
from lymphokin.dose.immune import immune_dose_log_sd
from lymphokin.io import Cohort
from lymphokin.sites import shipped_sites

SITES = list(shipped_sites().by_name)


def cohort(patients: dict[str, dict], fractions: list[tuple]) -> Cohort:
    return Cohort(
        patients=pd.DataFrame.from_dict(patients, orient="index"),
        fractions=pd.DataFrame(fractions, columns=["id", "day", "prescribed_gy", "lesion"]),
        doses=pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        observations=pd.DataFrame(columns=["id", "day", "quantity", "value"]),
    )


def course(who: str, n: int, gy: float, lesion: int = 0) -> list[tuple]:
    return [(who, float(day), gy, lesion) for day in range(n)]


def total(result, who: str) -> float:
    table = result.fractions
    return table.loc[table["id"] == who, "immune_dose_gy"].sum()


@pytest.mark.parametrize(
    ("site", "n", "gy", "expected"),
    [
        ("lung_peripheral", 5, 10, 1.2),
        ("lung_central", 5, 10, 2.2),
        ("liver", 5, 10, 2.5),
        ("spine", 3, 9, 0.95),
        ("abdominal_node", 5, 7, 1.4),
        ("brain", 1, 20, 0.0),
        ("other", 5, 10, 1.2),
        (None, 5, 10, 1.2),
    ],
)
def test_the_reference_courses_give_their_published_dose(site, n, gy, expected):
    result = reference_immune_dose(cohort({"A": {"site": site}}, course("A", n, gy)))
    assert total(result, "A") == pytest.approx(expected)
    assert not result.supplied["A"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Liver + Prostate gland", "liver+prostate"),
        ("head and neck", "head_and_neck"),
        ("FEMUR", "limb"),
        ("lung_central", "lung_central"),
        ("liver+knee", None),
        ("prostatectomy", None),  # words are whole
    ],
)
def test_a_site_is_known_by_whole_words_that_mean_it(text, expected):
    assert shipped_sites().class_of(text) == expected


def test_no_word_means_two_sites():
    sites = shipped_sites().by_name.values()
    words = [w for s in sites for w in (s.name.replace("_", " "), *s.synonyms)]
    assert all(word == word.lower() for word in words)
    of_others = {w for s in sites for w in s.synonyms} - {s.name.replace("_", " ") for s in sites}
    assert len([w for w in words if w in of_others]) == len(of_others)


def test_the_dose_of_a_site_known_less_well_is_less_certain():
    """0.6 as the table says for a new site; the model's own for the seven that it was made with."""
    patients = {
        "immune_dose_gy": [np.nan, np.nan, np.nan, 1.0],
        "immune_dose_source": [None, None, None, None],
        "site": ["prostate", "liver", "liver+prostate", "prostate"],
    }
    np.testing.assert_array_equal(
        immune_dose_log_sd(patients, shipped_sites()), [0.6, np.nan, 0.6, 0.0]
    )


def test_lesions_add_and_the_dose_is_linear_in_the_prescription():
    result = reference_immune_dose(
        cohort(
            {
                "A": {"site": "liver", "n_lesions": 3},
                "B": {"site": "liver+spine", "n_lesions": 2},
                "C": {"site": "liver+spine", "n_lesions": np.nan},
            },
            course("A", 5, 5)
            + course("B", 3, 9)
            + course("C", 5, 10, lesion=1)
            + course("C", 3, 9, lesion=2),
        )
    )
    assert total(result, "A") == pytest.approx(3 * 2.5 / 2)
    assert total(result, "B") == pytest.approx(27 * 2.5 / 50 + 0.95)
    assert total(result, "C") == pytest.approx(2.5 + 0.95)


def test_a_supplied_course_total_is_split_in_proportion_to_the_estimate():
    result = reference_immune_dose(
        cohort(
            {"A": {"site": "liver+brain", "immune_dose_gy": 3.0}},
            [("A", 0.0, 10.0, 1), ("A", 1.0, 20.0, 1), ("A", 2.0, 30.0, 2)],
        )
    )
    assert result.fractions["immune_dose_gy"].tolist() == pytest.approx([1.0, 2.0, 0.0])
    assert result.supplied["A"]


def test_a_supplied_total_where_the_estimate_is_zero_follows_the_prescription():
    result = reference_immune_dose(
        cohort({"A": {"site": "brain", "immune_dose_gy": 0.3}}, [("A", 0, 10, 0), ("A", 1, 20, 0)])
    )
    assert result.fractions["immune_dose_gy"].tolist() == pytest.approx([0.1, 0.2])


def test_shares_count_prescribed_dose_times_lesions_treated():
    result = reference_immune_dose(
        cohort({"A": {"site": "liver", "n_lesions": 3}}, [("A", 0, 10, 0), ("A", 1, 10, 2)])
    )
    assert result.fractions["share"].tolist() == pytest.approx([0.75, 0.25])


def test_patients_without_fractions_and_empty_cohorts():
    result = reference_immune_dose(cohort({"A": {"site": "liver"}}, []))
    assert len(result.fractions) == 0
    assert list(result.supplied) == [False]


def test_disagreeing_lesions_are_refused():
    with pytest.raises(ValueError, match="patient A"):
        reference_immune_dose(
            cohort({"A": {"site": "liver+spine", "n_lesions": 3}}, course("A", 1, 10))
        )


@given(st.data())
@settings(max_examples=10)
def test_shares_sum_to_one_and_supplied_totals_are_kept(data):
    patients, fractions = {}, []
    for i in range(data.draw(st.integers(1, 20))):
        lesions = data.draw(st.integers(1, 4))
        sites = data.draw(st.lists(st.sampled_from(SITES), min_size=lesions, max_size=lesions))
        supplied = data.draw(st.one_of(st.just(np.nan), st.floats(0, 20)))
        patients[f"P{i}"] = {
            "site": data.draw(st.sampled_from(["+".join(sites), sites[0]])),
            "n_lesions": lesions,
            "immune_dose_gy": supplied,
        }
        for day in range(data.draw(st.integers(1, 6))):
            dose = data.draw(st.floats(0.1, 30))
            fractions.append((f"P{i}", float(day), dose, data.draw(st.integers(0, lesions))))
    result = reference_immune_dose(cohort(patients, fractions))
    sums = result.fractions.groupby("id")[["share", "immune_dose_gy"]].sum()
    assert np.allclose(sums["share"], 1)
    assert (result.fractions["immune_dose_gy"] >= 0).all()
    for who, row in patients.items():
        if not np.isnan(row["immune_dose_gy"]):
            assert sums.loc[who, "immune_dose_gy"] == pytest.approx(row["immune_dose_gy"])
