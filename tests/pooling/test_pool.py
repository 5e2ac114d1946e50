"""From a run to a factor, from factors to a run: in closed form, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.files import write_text
from lymphokin.literature import literature_draws
from lymphokin.literature.new_centre import for_new_centre
from lymphokin.pooling.evidence import Evidence, blurred, evidence_of
from lymphokin.pooling.site import SiteFactor, cell, site_factor
from lymphokin.strict_json import json_text
from tests import examples
from tests.pooling.conftest import made_up
from tests.predict.conftest import BETWEEN, ERROR, LEVEL, UNSURE
from tests.validation.conftest import DAYS, hospital


def by_hand(cohort) -> tuple[float, float]:
    """Score and precision of the median's latent: a patient's mean log count scatters around it."""
    seen = cohort.observations
    mean = np.log(seen["value"]).groupby(seen["id"]).mean()
    variance = BETWEEN**2 + ERROR**2 / len(DAYS)
    found = (mean - np.log(LEVEL)).sum() * UNSURE / variance
    return found, len(mean) * UNSURE**2 / variance


def changed(path, **fields) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.fixture(scope="module")
def exported(level_run, tmp_path_factory):
    """The factor of a hospital of 40, by the command, and that of another by hand."""
    run, file = level_run
    folder = tmp_path_factory.mktemp("sites")
    asked = ["site", "export", str(run), "--out", str(folder / "lyon.json"), "--name", "Lyon"]
    done = CliRunner().invoke(app, [*asked, "--model-file", str(file)], catch_exceptions=False)
    assert "40 patients" in " ".join(done.stdout.split())
    score, precision = by_hand(hospital(7))
    model = lk.load_model(file)
    turin = made_up(model, "Turin", np.array([score]), np.array([[precision]]), patients=40)
    write_text(folder / "turin.json", json_text(turin.model_dump()))
    return folder, file


@pytest.fixture
def sites(exported, tmp_path):
    """Files that a test may change."""
    folder, file = exported
    for name in ("lyon.json", "turin.json"):
        shutil.copy(folder / name, tmp_path / name)
    return [tmp_path / "lyon.json", tmp_path / "turin.json"], file


class TestTheFactor:
    def test_is_the_likelihood_of_the_patients_in_closed_form(self, level_run):
        fit = lk.open_run(*level_run)
        found = evidence_of(fit.density, fit.x)
        score, precision = by_hand(hospital(100))
        assert found.score[0] == pytest.approx(score, rel=1e-3)
        assert found.precision[0, 0] == pytest.approx(precision, rel=1e-3)

    def test_is_shared_with_noise_of_half_a_patient(self, exported, level_run):
        """Always the same noise for the same patients; its SD is that of a normal."""
        factor = SiteFactor.model_validate_json((exported[0] / "lyon.json").read_bytes())
        score, precision = by_hand(hospital(100))
        kept = 1 / (1 + 0.5**2 / 40)
        assert factor.precision[0][0] == pytest.approx(kept * precision, rel=1e-3)
        assert factor.learnt["level"] == pytest.approx(1 - 1 / (1 + precision), abs=0.01)
        assert 0 < abs(factor.score[0] / kept - score) < 4 * 0.5 * (precision / 40) ** 0.5
        again = site_factor(lk.open_run(*level_run), "Lyon")
        assert again.score == factor.score
        exact = Evidence(np.array([score]), np.array([[precision]]), 0.0)
        scores = [blurred(exact, 40, seed).score[0] / kept - score for seed in range(2000)]
        assert np.std(scores) == pytest.approx(0.5 * (precision / 40) ** 0.5, rel=0.07)

    def test_holds_no_patient(self, exported):
        text = (exported[0] / "lyon.json").read_text()
        cohort = hospital(100)
        assert not [i for i in cohort.patients.index if i in text]
        factor = json.loads(text)
        low, high = factor["ranges"]["baseline_alc"]
        baselines = cohort.last_baseline("alc")
        assert low < baselines.min()
        assert high > baselines.max()
        assert (2 * low) % 1 == (2 * high) % 1 == 0
        assert factor["outcomes"]["known"] == "20 to 49"

    def test_outcomes_are_counted_in_coarse_cells(self):
        found = [cell(n) for n in (0, 4, 5, 19, 99, 100)]
        assert found == ["fewer than 5", "fewer than 5", "5 to 9", "10 to 19", "50 to 99",
                         "100 or more"]  # fmt: skip

    def test_few_patients_few_draws_and_bad_fits_are_refused(self, level_run):
        fit = lk.open_run(*level_run)
        for field, value, words in (
            ("cohort", hospital(100, 9), "9 patients are too few"),
            ("provenance", fit.provenance | {"convergence": {"level": "bad", "verdict": "No."}},
             "needs a fit that can be used. No"),
        ):  # fmt: skip
            other = lk.open_run(*level_run)
            object.__setattr__(other, field, value)
            with pytest.raises(ValueError, match=words):
                site_factor(other, "Lyon")
        fit.__dict__["x"] = fit.x[:8]
        with pytest.raises(ValueError, match="8 different draws of 1 population quantities"):
            site_factor(fit, "Lyon")
        with pytest.raises(ValueError, match="name of 1 to 60"):
            site_factor(fit, " ")


@pytest.fixture(scope="module")
def together(exported, tmp_path_factory):
    folder, file = exported
    out = tmp_path_factory.mktemp("pooled") / "run"
    asked = ["pool", str(folder / "lyon.json"), str(folder / "turin.json"), "--out", str(out)]
    asked += ["--model-file", str(file), "--json"]
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert json.loads(done.stdout)["patients"] == 80
    return lk.open_run(out, file)


class TestTheRun:
    def test_is_the_product_of_the_factors_and_the_prior(self, together):
        both = [by_hand(hospital(seed)) for seed in (100, 7)]
        precision = 1 + sum(p for _, p in both)
        mean = sum(s for s, _ in both) / precision
        z = together.population_z()[:, 0]
        # Half a patient of 40 moves a site by 0.08 SDs, both together by less.
        assert z.mean() == pytest.approx(mean, abs=0.25 * precision**-0.5)
        assert z.std() == pytest.approx(precision**-0.5, rel=0.06)

    @pytest.mark.long
    def test_forecasts_patients_and_can_be_validated_and_updated(self, together):
        new = hospital(8, 12)
        risks = together.forecast(new, counts_until=0).patients
        assert risks["p_grade2_measured"].between(0, 1).all()
        assert together.population.provenance.patients == 80
        assert "2 sites with 80 patients" in together.population.provenance.title
        updated = lk.update(together, new, looks=[0], method="reweighted", progress=False)
        assert "2 sites with 80 patients" in updated.provenance["update"]["sentence"]
        known = hospital(9, 12)
        object.__setattr__(known, "sha256", "table of Turin")
        with pytest.raises(lk.BadInput, match="this very table before"):
            lk.update(together, known)

    def test_has_a_report_of_its_sites_and_no_patients(self, together, tmp_path):
        page = together.report(tmp_path / "page.html", progress=False).read_text()
        for text in ("Lyon", "Turin", "SYNTHETIC DATA", "20 to 49", "No patient is behind"):
            assert text in page
        assert (together.folder / "report.html").read_text() == page
        for ask in (together.forecast, lambda: together.curves, lambda: together.contrast):
            with pytest.raises(ValueError, match="holds none of their patients"):
                ask()


def test_the_examples_run(sites, level_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = lk.load_model(level_run[1])
    assert examples.runs("export_site", fit=lk.open_run(*level_run))
    assert examples.runs("pool", model=model)
    assert (tmp_path / "runs" / "pooled" / "report.html").is_file()


class TestBadInput:
    def refused(self, files, file, tmp_path, words):
        out = tmp_path / "run"
        asked = ["pool", *map(str, files), "--out", str(out), "--model-file", str(file)]
        done = CliRunner().invoke(app, asked)
        assert isinstance(done.exception, lk.BadInput)
        assert words in str(done.exception)
        assert len(done.exception.problems) == 1
        assert not out.exists()

    def test_a_changed_factor(self, sites, tmp_path):
        files, file = sites
        changed(files[0], patients=400)
        self.refused(files, file, tmp_path, "somebody changed it")

    def test_no_factor(self, sites, tmp_path):
        files, file = sites
        files[0].write_text("patients;400")
        self.refused(files, file, tmp_path, "a site's factor as lymphokin writes it")

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"patients": 9}, "at least 10 patients"),
            ({"model_sha256": "0" * 64}, "export the site again with this version"),
            ({"quantities": ("other",)}, "a fit in which nothing is fixed"),
            ({"precision": ((-1.0,),)}, "without negative eigenvalues"),
            ({"score": (1.0, 2.0)}, "1 numbers and rows"),
            ({"tables_sha256": ("table of Turin",)}, "of the same event table"),
            ({"site": "Turin"}, "a name of its own"),
        ],
    )
    def test_a_factor_that_cannot_be_pooled(self, sites, tmp_path, fields, words):
        files, file = sites
        factor = SiteFactor.model_validate_json(files[0].read_bytes())
        other = factor.model_copy(update=fields).sealed()
        files[0].write_text(json_text(other.model_dump()))
        self.refused(files, file, tmp_path, words)

    def test_one_site_and_a_copy_under_another_name(self, sites, tmp_path, hcc):
        files, file = sites
        self.refused(files[:1], file, tmp_path, "at least 2 sites")
        rng = np.random.default_rng(0)
        precision = np.eye(7) * 20
        score = precision @ rng.standard_normal((4, 7, 1))
        score = [*score[..., 0], score[0, :, 0] + 1e-3]
        copied = []
        for place, own in enumerate(score):
            copied.append(tmp_path / f"{place}.json")
            factor = made_up(hcc, f"Site {place}", own, precision)
            write_text(copied[-1], json_text(factor.model_dump()))
        with pytest.raises(lk.BadInput, match=r"(?s)other patients than those of Site 0.*Site 4"):
            lk.pool(copied, progress=False)

    def test_an_unknown_model_is_not_run(self, sites):
        with pytest.raises(ValueError, match="not one of lymphokin's own"):
            lk.pool(sites[0], progress=False)


@pytest.mark.long
def test_sites_of_a_calibrated_model_start_from_published_cohorts(hcc, tmp_path):
    """Sites that say nothing leave what was known of a centre that is not among those cohorts."""
    files = []
    for place in range(2):
        files.append(tmp_path / f"{place}.json")
        factor = made_up(hcc, f"Site {place}", np.zeros(7), np.zeros((7, 7)))
        write_text(files[-1], json_text(factor.model_dump()))
    nothing = lk.pool(files, progress=False)
    known = nothing.population
    before = for_new_centre(literature_draws("hedos_hcc"))
    z = nothing.population_z()
    np.testing.assert_allclose(
        (z.mean(axis=0) - before.z.mean(axis=0)) / before.z.std(axis=0), 0, atol=0.15
    )
    np.testing.assert_allclose(z.std(axis=0), before.z.std(axis=0), rtol=0.15)
    assert set(known.centre_offsets) == {"baseline", "dose", "residual"}
    again = for_new_centre(known)
    np.testing.assert_array_equal(again.z, known.z)
