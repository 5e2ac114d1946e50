"""The clean phantom, which every case changes."""

import pytest

from tests.dose.dose_cases import only, write_course


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> float:
    """The mean dose to the blood of the clean phantom."""
    folder = tmp_path_factory.mktemp("clean")
    write_course(folder)
    return only(folder).blood_gy
