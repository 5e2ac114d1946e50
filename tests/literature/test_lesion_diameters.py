"""What the published diameters say of growth without radiotherapy: behind a prior of an example."""

import numpy as np
import pandas as pd
import pytest

from lymphokin.shipped import data_path

DAYS = 130
"""After the first diameter of a lesion."""


def test_lesions_under_drugs_hardly_grew_and_the_fastest_as_the_prior_allows():
    table = pd.read_csv(data_path("literature/lesion_diameters.csv"), comment="#")
    after = table["day"] - table.groupby("lesion")["day"].transform("min")
    seen = table.assign(after=after)[(after <= DAYS) & (table["diameter_mm"] > 0)]
    log_volume = 3 * np.log(seen["diameter_mm"])
    mean = pd.DataFrame({"x": seen["after"], "y": log_volume}).groupby(seen["lesion"])
    x = seen["after"] - mean["x"].transform("mean")
    y = log_volume - mean["y"].transform("mean")
    squares = (x**2).groupby(seen["lesion"]).sum()
    slope = ((x * y).groupby(seen["lesion"]).sum() / squares)[squares > 0]
    assert table["lesion"].nunique() == 1461
    assert len(slope) == 1444
    assert slope.median() == pytest.approx(0.0, abs=5e-4)
    assert slope.quantile(0.95) == pytest.approx(0.016, abs=5e-4)
