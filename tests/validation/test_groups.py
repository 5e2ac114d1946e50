"""Patients of a validation are shown by centre, site and arm."""

import pandas as pd

from lymphokin.validation.measures import groups_of

PATIENTS = pd.DataFrame(
    {"centre": ["a+b", "", "c"], "site": ["liver+liver", "", "liver+spine"]}, index=["1", "2", "3"]
)


def test_patients_with_lesions_of_several_sites_are_one_group():
    assert groups_of(PATIENTS, "site").to_list() == ["liver", "not stated", "several"]


def test_a_plus_in_the_name_of_a_centre_means_nothing():
    assert groups_of(PATIENTS, "centre").to_list() == ["a+b", "not stated", "c"]
