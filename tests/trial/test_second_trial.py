"""The second synthetic trial: activated CD8+ cells, every lesion, progression and drop-out."""

import numpy as np
import pandas as pd
import pytest

import lymphokin as lk
from lymphokin.shipped import data_path
from lymphokin.trial.synthetic import Truth

NAME = "synthetic_abscopal_trial"


@pytest.fixture(scope="module")
def cohort():
    return lk.read_events(data_path(f"{NAME}.csv"), model=lk.load_model("abscopal_cd8"))


def test_it_reads_back_as_synthetic_with_its_visits_and_every_lesion(cohort):
    assert cohort.synthetic
    assert len(cohort) == 58
    seen = cohort.observations
    sampled = seen[seen["quantity"] == "cd8"].groupby("id").size()
    assert sampled.max() == 4
    sizes = seen[seen["quantity"] == "diameter"]
    assert set(sizes["day"]) == {-3.0, 42.0, 84.0}
    lesions = sizes.groupby("id")["lesion"].max()
    assert lesions.le(cohort.patients["n_lesions"].reindex(lesions.index)).all()


def test_visits_see_progression_and_drop_out_first_after_they_happened(cohort):
    truth = pd.read_csv(data_path(f"{NAME}.truth.csv"), comment="#", index_col="id")
    seen = cohort.observations
    for event in ("progression", "dropout"):
        happened = seen[(seen["quantity"] == event) & (seen["value"] == 1)]
        assert happened["id"].is_unique
        when = truth.loc[happened["id"], f"{event}_day"].to_numpy()
        assert (when <= happened["day"].to_numpy()).all()
    # Nobody is measured after leaving.
    measured = seen[~seen["quantity"].isin(["progression", "dropout"])]
    assert (measured["day"] < measured["id"].map(truth["dropout_day"])).all()
    # Lesions that are not irradiated are smaller than those that the trial irradiates.
    lesion = cohort.fractions.groupby("id")["lesion"].max()
    volumes = truth.filter(regex="^lesion_volume_").to_numpy()
    for volume, irradiated in zip(volumes, lesion.reindex(truth.index), strict=True):
        own = volume[~np.isnan(volume)]
        outside = own[int(irradiated) :] if irradiated else own[:0]
        assert (outside < np.pi / 6 * 1.5**3 * (1 + 1e-5)).all()


@pytest.mark.slow  # the model is compiled: 15 CPU seconds
def test_its_truth_makes_it_again(tmp_path):
    trial = lk.simulate_trial(data_path(f"{NAME}.truth.toml"))
    shipped = data_path(f"{NAME}.csv").read_text(encoding="utf-8")
    comments = [line[2:] for line in shipped.splitlines() if line.startswith("#")]
    lk.write_events(trial.cohort, tmp_path / "again.csv", comments)
    assert (tmp_path / "again.csv").read_text(encoding="utf-8") == shipped


def test_a_model_without_lesions_has_no_lesions_outside_the_field():
    raw = Truth.read(data_path(f"{NAME}.truth.toml"))
    named = {"typical", "between_subject_sd", "residual_sd", "log_ratio"}
    stated = {k: v for k, v in vars(raw).items() if k not in named}
    keep = {k: v for k, v in raw.design.items() if "diameter" not in k and "cd8" not in k}
    wanted = r"\[design\] has lesion_size, outside_lesions, and model hedos_hcc follows no lesions"
    with pytest.raises(ValueError, match=wanted):
        lk.simulate_trial(
            Truth(**{**stated, **{k: {} for k in named}, "model": "hedos_hcc", "design": keep})
        )
