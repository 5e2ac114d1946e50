"""Leaving parts out by weights against closed forms, and `lymphokin compare` as a user meets it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.commands.compare import show
from lymphokin.criticism.compare import ComparisonResult, alike
from lymphokin.criticism.forecasts.comparison import comparison, comparison_verdicts
from lymphokin.criticism.forecasts.comparison_sections import comparison_sections, risk_figure
from lymphokin.criticism.forecasts.leave_one_out import left_out
from lymphokin.io.visits import endpoint_visits
from lymphokin.predict.endpoint_draws import arrays_used, log_likelihood
from lymphokin.run import open_run


def test_left_out_records_of_a_normal_mean_have_the_closed_form():
    """Known SD 1, flat prior: the rest of n records predicts the next with SD sqrt(1 + 1/(n-1))."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=30)
    mean = rng.normal(y.mean(), 1 / np.sqrt(len(y)), 4000)
    found = left_out(stats.norm.logpdf(y, mean[:, None]))
    others = (y.sum() - y) / (len(y) - 1)
    expected = stats.norm.logpdf(y, others, np.sqrt(1 + 1 / (len(y) - 1)))
    np.testing.assert_allclose(found.log_score, expected, atol=0.02)
    assert (found.pareto_k < 0.5).all()


def test_only_part_of_what_is_left_out_can_be_scored():
    """Pairs of records are left out together, and the first of each is scored."""
    rng = np.random.default_rng(2)
    y = rng.normal(size=(20, 2))
    mean = rng.normal(y.mean(), 1 / np.sqrt(y.size), 4000)[:, None]
    both = stats.norm.logpdf(y[:, 0], mean) + stats.norm.logpdf(y[:, 1], mean)
    found = left_out(both, stats.norm.logpdf(y[:, 0], mean))
    n = y.size - 2
    expected = stats.norm.logpdf(y[:, 0], (y.sum() - y.sum(axis=1)) / n, np.sqrt(1 + 1 / n))
    np.testing.assert_allclose(found.log_score, expected, atol=0.03)


def test_a_better_run_has_the_weight_and_unreliable_parts_count_for_nobody():
    rng = np.random.default_rng(3)
    ids = pd.Index([f"P{i}" for i in range(40)], name="id")
    score = rng.normal(-5, 2, 40)
    k = np.full(40, 0.2)
    good = pd.DataFrame({"counts": 5, "log_score": score, "pareto_k": k}, ids)
    worse, lost_k = score - rng.uniform(0.5, 1.5, 40), np.where(ids == "P7", 0.9, 0.2)
    bad = good.assign(log_score=worse, pareto_k=lost_k)
    counts = good[["log_score", "pareto_k"]].reset_index().assign(day=0.0)
    risk = pd.Series(0.5, ids)
    found = comparison(
        {"good": good, "bad": bad}, {"good": counts, "bad": counts}, {"good": risk, "bad": risk}
    )
    assert found.runs.loc["good", "weight"] > 0.99
    assert (found.runs["patients_judged"] == 39).all()
    lost = (bad["log_score"] - good["log_score"]).drop("P7")
    assert found.runs.loc["bad", "patients_difference"] == pytest.approx(lost.sum())
    assert found.runs.loc["bad", "patients_error"] == pytest.approx(lost.std() * np.sqrt(39))
    levels = {(v.check, v.subject): v.level for v in comparison_verdicts(found)}
    assert levels["left-out patients", "good"] == "fine"
    assert levels["left-out patients", "bad"] == "look"
    assert levels["left-out counts", "bad"] == "fine"
    # A patient's risks lie 10, 40 and 5 points apart.
    three = pd.DataFrame({"good": [0.2, 0.5, 0.9], "bad": [0.3, 0.9, 0.85]}, ids[:3])
    _, section = comparison_sections(replace(found, risks=three, doubtful=("P1",)), 14.0)
    assert "‡ unreliable" in section.drawings[0].caption
    labels = risk_figure(three, ["P1"]).axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["P0", "P1 ‡", "P2"]
    assert list(replace(found, doubtful=("P1",)).marked_risks["unreliable"][:3]) == [
        False, True, False,
    ]  # fmt: skip
    assert "differ by 10 percentage points in the median patient and by 40 in P1." in section.text


def test_the_terminal_says_of_runs_that_differ_by_chance_that_they_are_not_told_apart():
    rng = np.random.default_rng(4)
    ids = pd.Index([f"P{i}" for i in range(40)], name="id")
    one = pd.DataFrame({"counts": 5, "log_score": rng.normal(-5, 2, 40), "pareto_k": 0.2}, ids)
    other = one.assign(log_score=one["log_score"] - 0.01 + rng.normal(0, 0.5, 40))
    tables = {"one": one, "other": other}
    counts = {
        name: t[["log_score", "pareto_k"]].reset_index().assign(day=0.0)
        for name, t in tables.items()
    }
    found = comparison(tables, counts, dict.fromkeys(tables, pd.Series(0.5, ids)))
    about = {"synthetic": False, "data_file": "trial.csv", "counts_until": 0.0}
    console = Console(width=140)
    with console.capture() as shown:
        show(console, ComparisonResult(about, found, {}, {}))
    for sentence in (v.sentence for v in comparison_verdicts(found)):
        assert sentence in " ".join(shown.get().split())
    assert "Not told apart from the best over 40 patients" in shown.get()
    # Of one model the same numbers are how it was fitted, and a clear difference a bad fit.
    same = replace(found, alike=(("one", "other"),))
    by_run = {v.subject: v for v in comparison_verdicts(same) if v.check == "left-out patients"}
    best = max(tables, key=lambda name: tables[name]["log_score"].sum())
    (second,) = set(tables) - {best}
    assert by_run[best].sentence.startswith(f"The same model as {second}. Best")
    assert by_run[second].sentence.startswith(f"The same model as {best}. By how it was fitted")
    far = same.runs.assign(patients_difference=[-9.0, 0.0], patients_error=[1.0, 0.0])
    verdict = comparison_verdicts(replace(same, runs=far))[0]
    assert verdict.level == "look"
    assert verdict.sentence.endswith("have not found the same posterior.")


def test_one_patient_who_can_be_judged_gives_a_difference_without_an_error():
    ids = pd.Index(["P0", "P1"], name="id")
    one = pd.DataFrame({"counts": 5, "log_score": [-5.0, -4.0], "pareto_k": [0.2, 0.9]}, ids)
    tables = {"one": one, "other": one.assign(log_score=one["log_score"] - 2)}
    counts = {name: t.reset_index().assign(day=0.0) for name, t in tables.items()}
    found = comparison(tables, counts, dict.fromkeys(tables, pd.Series(0.5, ids)))
    sections = comparison_sections(found, 0.0)
    cells = [cell for s in sections for t in s.tables for row in t.rows for cell in row]
    assert cells.count("−2.0 ± unknown error") == 2
    assert not [cell for cell in cells if "nan" in cell]


def test_without_records_a_patient_is_certain(made_up_run: Path):
    """The likelihood of no record is 1, whatever the number of a patient's parameters."""
    fit = open_run(made_up_run)
    density = fit.density
    cohort = density.packed.cohort
    nothing = arrays_used(density.packed, endpoint_visits(cohort)["endpoint_day"], -1e9)
    likelihood = np.exp(log_likelihood(density, fit.population_z()[:100], nothing, seed=0))
    overall = np.log(likelihood.mean(axis=0))
    np.testing.assert_allclose(overall, 0.0, atol=0.05)


@pytest.mark.long
def test_a_run_beside_itself_is_level(made_up_run: Path, tmp_path: Path):
    twin = tmp_path / "twin"
    shutil.copytree(made_up_run, twin)
    out = tmp_path / "compared.html"
    done = CliRunner().invoke(
        app,
        ["compare", str(made_up_run), str(twin), "--json", "--out", str(out)],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    for run in said["runs"]:
        assert run["patients_difference"] == run["counts_difference"] == 0
        assert run["weight"] == pytest.approx(0.5, abs=0.01)
    assert said["same_model"] == said["same_draws"] == [["made_up", "twin"]]
    assert "the same fit: their draws are equal" in said["read_first"][0]
    for verdict in said["verdicts"]:
        other = {"made_up": "twin", "twin": "made_up"}[verdict["subject"]]
        assert verdict["sentence"].startswith(f"The same draws as {other}. Best, or level with")
    text = out.read_text()
    assert "The same draws as twin" in text
    assert "What hangs on how the model was fitted?" in text
    assert "SYNTHETIC DATA" in text
    assert "A good one" in text or "alike" in text
    risks = pd.read_csv(tmp_path / "compared_risks.csv").set_index("id")
    assert (risks["made_up"] == risks["twin"]).all()


def test_runs_of_different_data_are_refused(made_up_run: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(made_up_run, other)
    provenance = json.loads((other / "provenance.json").read_text())
    (other / "provenance.json").write_text(json.dumps(provenance | {"data_sha256": "0" * 64}))
    with pytest.raises(ValueError, match="different data"):
        CliRunner().invoke(app, ["compare", str(made_up_run), str(other)], catch_exceptions=False)
    with pytest.raises(ValueError, match="at least two"):
        CliRunner().invoke(app, ["compare", str(made_up_run)], catch_exceptions=False)


def test_fits_of_one_model_are_said_to_be_that(made_up_run):
    fit = open_run(made_up_run)

    def like(**changed: Any) -> SimpleNamespace:
        kept = {"provenance": fit.provenance, "config": fit.config, "cohort": fit.cohort}
        return SimpleNamespace(**kept | changed)

    elsewhere = SimpleNamespace(sites=SimpleNamespace(sha256="f" * 64))
    fits: Any = {
        "one": fit,
        "two": fit,
        "other": like(provenance={**fit.provenance, "model_sha256": "another"}),
        "fixed": like(config={**fit.config, "fixed": {"a": 0.0}}),
        "elsewhere": like(cohort=elsewhere),
    }
    assert alike(fits) == (("one", "two"),)
    groups: Any = SimpleNamespace(alike=alike(fits), identical=())
    sites = {name: fits[name].cohort.sites.sha256 for name in ("one", "elsewhere")}
    same, tables = ComparisonResult({}, groups, {}, sites).read_first
    assert same.startswith("one and two are the same model")
    assert "elsewhere (ffffffffffff) know different tables of sites" in tables
    assert len(ComparisonResult({}, groups, {}, {"one": "a", "two": "a"}).read_first) == 1
