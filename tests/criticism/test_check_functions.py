"""Checks and comparisons from Python: results are values that agree with what commands write."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import lymphokin as lk
from tests.criticism.test_check_command import Page


@pytest.fixture(scope="module")
def fit(made_up_run: Path) -> lk.Fit:
    return lk.open_run(made_up_run)


@pytest.fixture(scope="module")
def judged(fit):
    return lk.check_forecasts(fit, seed=3, progress=False)


class Stages(lk.Reporter):
    """Keeps the names of the stages."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def stage(self, text: str) -> None:
        self.names.append(text)


@pytest.fixture(scope="module")
def stages() -> Stages:
    return Stages()


@pytest.fixture(scope="module")
def result(fit, stages):
    return lk.check(fit, progress=stages)


def test_a_check_is_a_value_with_verdicts_a_table_and_a_page(
    result, stages, checked, tmp_path: Path
):
    assert stages.names == ["simulating the trial again, from each posterior draw"]
    written = {name: value for name, value in checked.items() if name != "files"}
    assert json.loads(json.dumps(result.as_dict())) == written
    assert len(result.table) == len(result.verdicts)
    assert list(result.table.columns) == ["level", "check", "subject", "sentence"]
    files = result.save(tmp_path / "page.html")
    assert [f.name for f in files] == ["page.html", "page.json"]
    assert json.loads(files[1].read_text()) == written
    shown = result._repr_html_()
    assert "SYNTHETIC DATA" in shown
    assert "Research use only" in shown
    assert all(v.check in shown for v in result.verdicts)


@pytest.mark.slow  # the examples of both functions run with those of all public names
def test_forecasts_and_comparisons_are_values_too(fit, judged, made_up_run: Path, tmp_path: Path):
    files = judged.save(tmp_path / "forecasts.html")
    assert {f.name for f in files} == {
        "forecasts.html",
        "forecasts.json",
        "forecasts_scores.csv",
        "forecasts_forecasts.csv",
    }
    assert len(pd.read_csv(files[2])) == len(judged.quality.scores)
    assert judged.as_dict()["seed"] == 3
    assert "folds" not in judged.as_dict()
    shutil.copytree(made_up_run, tmp_path / "twin")
    twin = lk.open_run(tmp_path / "twin")
    compared = lk.compare(fit, twin, counts_until=14, progress=False)
    assert list(compared.table["run"]) == ["made_up", "twin"]
    assert (compared.comparison.risks["made_up"] == compared.comparison.risks["twin"]).all()
    saved = compared.save(tmp_path / "compared.html")
    page = Page(saved[0].read_text())
    assert page.pictures
    assert {f.name for f in saved if f.suffix == ".csv"} == {
        f"compared_{name}.csv" for name in ("runs", "patients", "counts", "risks")
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fit: lk.check(fit, draws=100), "draws 100: expected at least 500"),
        (lambda fit: lk.check_forecasts(fit, folds=1), "folds 1: expected 2 to"),
        (lambda fit: lk.check_sampler(fit, trials=3), "trials 3: expected at least 20"),
        (lambda fit: lk.compare(fit, fit), "made_up, made_up: expected a different name"),
        (lambda fit: lk.compare(fit, fit, names=["a"]), "a different name for each of 2 fits"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_the_words_of_python(fit, call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call(fit)
    assert "--" not in str(caught.value)


def test_a_page_is_written_to_an_html_file_or_not_at_all(result, tmp_path: Path):
    for path in (tmp_path / "page.txt", tmp_path / "nowhere" / "page.html"):
        with pytest.raises(ValueError, match="expected a name that ends with"):
            result.save(path)
    assert list(tmp_path.iterdir()) == []
