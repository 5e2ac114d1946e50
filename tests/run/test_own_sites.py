"""A run keeps the sites that it was made with: in forecasts, on the page, in what is made of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.io.sites import read_sites
from lymphokin.sites import shipped_sites
from lymphokin.web import safety
from lymphokin.web.app import make_app
from lymphokin.web.language import SPOKEN
from lymphokin.whatif.covariates import CovariateError
from lymphokin.whatif.engine import Engine
from tests.io.test_sites import OWN
from tests.made_up_fit import made_up_fit

pytestmark = pytest.mark.long
HOST = "127.0.0.1:8080"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the hospital's table of sites."""
    folder = tmp_path_factory.mktemp("hospital")
    (folder / "our_sites.csv").write_bytes(OWN.read_bytes())
    return folder


@pytest.fixture(scope="module")
def table(small_trial, hospital: Path) -> Path:
    """Patients of whom one has a site of the hospital's own, and all others one that it changed."""
    cohort, ours = small_trial.cohort, read_sites(hospital / "our_sites.csv")
    sites = ["mediastinal_node", *["liver"] * (len(cohort) - 1)]
    patients = cohort.patients.assign(site=sites, immune_dose_gy=float("nan"))
    path = hospital / "events.csv"
    lk.write_events(replace(cohort, patients=patients, sites=ours), path)
    return path


@pytest.fixture(scope="module")
def run(table: Path, hospital: Path) -> Path:
    """A run that was made with the hospital's sites; its file is another one by now."""
    ours = hospital / "our_sites.csv"
    fit = made_up_fit("hedos_hcc", lk.read_events(table, sites=ours))
    fit.save(hospital / "run", progress=False)
    ours.write_text(ours.read_text(encoding="utf-8").replace("3.05", "4.05"), encoding="utf-8")
    return hospital / "run"


def test_a_run_keeps_its_sites_when_the_file_changes(run, table, hospital):
    fit = lk.open_run(run)
    assert fit.cohort.sites.by_name["liver"].immune_dose_gy == 3.05
    first = pd.read_csv(run / "patients.csv", index_col="id")["alc_q50"]
    again = fit.forecast().patients["alc_q50"]
    assert again.tolist() == pytest.approx(first.tolist(), rel=1e-4)
    new = fit.forecast(table, counts_until=0)  # read with the sites of the run
    of_own = fit.forecast(fit.cohort, counts_until=0)
    assert new.patients["alc_q50"].tolist() == of_own.patients["alc_q50"].tolist()
    assert not new.patients["extrapolation"].str.contains("site").any()
    assert fit.provenance["sites_file"] == "our_sites.csv"
    with pytest.raises(lk.BadInput, match=r"0\.061 Gy per Gy, with which the run was made"):
        fit.forecast(lk.read_events(table, sites=hospital / "our_sites.csv"))
    command = ["predict", str(run), str(table), "--sites", str(hospital / "our_sites.csv")]
    ran = CliRunner().invoke(app, command)
    assert isinstance(ran.exception, lk.BadInput)
    assert "line 4" in str(ran.exception)


def test_a_run_whose_sites_were_changed_is_damaged(run, tmp_path):
    shutil.copytree(run, tmp_path / "copy")
    saved = tmp_path / "copy" / "sites.csv"
    whole = saved.read_text(encoding="utf-8")
    saved.write_text(whole.replace("3.05", "3.06"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"sites\.csv is damaged or was replaced"):
        lk.open_run(tmp_path / "copy")
    saved.unlink()
    with pytest.raises(ValueError, match=r"it has no sites\.csv"):
        lk.open_run(tmp_path / "copy")


def test_the_page_of_a_run_offers_its_sites_in_both_languages(run, monkeypatch):
    monkeypatch.setattr(safety, "MOST_PER_SECOND", 10_000)
    fit = lk.open_run(run)
    made = make_app(lambda: fit.population, frozenset({HOST}), "the-token-of-this-start")
    made.state.desk.engine = engine = Engine(fit.population)
    client = TestClient(made, base_url=f"http://{HOST}")
    known = {safety.TOKEN_HEADER: "the-token-of-this-start"}
    form = client.get("/api/v1/form", headers=known | {SPOKEN: "fr"}).json()
    (site,) = (field for field in form["fields"] if field["name"] == "site")
    labels = {choice["value"]: choice["label"] for choice in site["choices"]}
    assert labels["mediastinal_node"] == "mediastinal lymph node"
    french = form["words"]["labels"]
    assert french[labels["mediastinal_node"]] == "ganglion médiastinal"
    assert french[labels["liver"]] == "foie selon notre technique"
    assert french[labels["spine"]] == "rachis"
    plan = lk.Schedule.model_validate({"fractions": [{"day": 0, "gy": 10.0}]})
    dose = {
        name: engine.treatment(lk.Patient(site=name), plan, plan).immune_dose.sum()
        for name in ("mediastinal_node", "liver", "spine")
    }
    assert dose == pytest.approx({"mediastinal_node": 0.7, "liver": 0.61, "spine": 9.5 / 27})
    with pytest.raises(CovariateError, match=r"patient\.site: expected one of .*mediastinal_node"):
        engine.treatment(lk.Patient(site="toe"), plan, plan)


def test_a_site_that_no_patient_of_the_run_had_is_marked(run, table):
    fit = lk.open_run(run)
    engine = Engine(fit.population)
    plan = lk.Schedule.model_validate({"fractions": [{"day": 0, "gy": 10.0}]})

    def marked(site: str) -> list[str]:
        notices = engine.warnings(lk.Patient(site=site, n_lesions=1), {"a": plan}, plan, 400)
        return [n.text for n in notices if n.field == "patient.site"]

    assert marked("mediastinal_node") == marked("liver") == []  # computed, so no judgement
    assert marked("spine") == ["spine: no patient behind these numbers had this site"]
    assert len(marked("prostate")) == 2  # nobody had it, and its dose is a judgement
    elsewhere = fit.cohort.patients.assign(site="spine")
    moved = fit.forecast(replace(fit.cohort, patients=elsewhere), counts_until=0)
    assert moved.patients["extrapolation"].str.contains("no patient had the site spine").all()


def test_the_whole_way_from_a_file_of_sites_to_the_next_fit(table, tmp_path):
    """Fit and forecast by command; the numbers are those of the hospital's sites."""
    ours = tmp_path / "our_sites.csv"
    ours.write_bytes(OWN.read_bytes())
    run = tmp_path / "run"
    command = ["fit", str(table), "--model", "hedos_hcc", "--method", "quick", "--seed", "1"]
    ran = CliRunner().invoke(app, [*command, "--sites", str(ours), "--out", str(run)])
    assert ran.exit_code == 0, ran.output
    fit = lk.open_run(run)
    assert fit.provenance["sites_file"] == "our_sites.csv"
    assert len(fit.provenance["sites_sha256"]) == 64
    assert fit.provenance["data_warnings"][-1].startswith("liver: 0.061 Gy per Gy")
    assert "our_sites.csv" in (run / "report.html").read_text(encoding="utf-8")
    ours.unlink()
    command = ["predict", str(run), str(table), "--counts-until", "0", "--json"]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    one = ["predict", str(run), "--baseline", "1.2", "--fractions", "5x8", "--draws", "400"]
    done = CliRunner().invoke(app, [*one, "--site", "mediastinal_node", "--json"])
    assert done.exit_code == 0, done.output
    wrong = CliRunner().invoke(app, [*one, "--site", "hilum"])
    assert "mediastinal_node" in str(wrong.exception)
    assert fit.cohort.sites.by_name.keys() > shipped_sites().by_name.keys()


def test_an_update_keeps_the_sites_of_the_run(run, small_trial, tmp_path):
    """The hospital's next patients, read without its table, of a site that it did not change."""

    def later(site: str) -> lk.Cohort:
        patients = small_trial.cohort.patients.assign(site=site, immune_dose_gy=float("nan"))
        path = tmp_path / f"{site}.csv"
        counts = small_trial.cohort.observations
        counts = counts.assign(value=(1.1 * counts["value"]).round(3))  # not those of the run
        lk.write_events(replace(small_trial.cohort, patients=patients, observations=counts), path)
        path.write_text(path.read_text().replace("\nS", "\nN"))
        return lk.read_events(path)

    fit, spine, liver = lk.open_run(run), later("spine"), later("liver")
    for source in (fit, fit.population):
        updated = lk.update(source, spine, method="reweighted", draws=50, progress=False)
        known = updated.cohort.sites
        assert known.by_name["liver"].numbers == fit.cohort.sites.by_name["liver"].numbers
        assert "mediastinal_node" in known.by_name
        assert known.file == "our_sites.csv"
        with pytest.raises(lk.BadInput, match=r"liver: 0\.05 Gy per Gy"):
            lk.validate(source, liver)
