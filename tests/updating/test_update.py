"""An update is the posterior given the new patients: in closed form, by weights and by sampling."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.criticism.forecasts.cases import cases_of
from lymphokin.criticism.forecasts.looks import forecasts_at_looks, unreliable
from lymphokin.endpoints import read_endpoint
from lymphokin.infer import density_of
from lymphokin.infer.fitting import FitSettings, fit_density
from lymphokin.io import write_events
from lymphokin.literature.new_centre import RESIDUAL_SPREAD, for_new_centre
from lymphokin.population import JointPrior
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import provenance_of
from lymphokin.progress import Reporter
from lymphokin.updating import gains
from lymphokin.updating.gains import gain_in_words, gains_of
from lymphokin.updating.reweigh import hopeless, reliable, reweigh, sample_of
from lymphokin.updating.update import update
from tests import examples
from tests.predict.conftest import BETWEEN, ERROR, LEVEL, UNSURE
from tests.validation.conftest import DAYS, hospital

PRIOR_MEAN, PRIOR_SD = 0.3, 0.5
"""Of the latent of the population's median in the earlier posterior."""


@pytest.fixture(scope="module")
def earlier(level_model) -> PopulationDraws:
    """An earlier posterior of the level's median: normal, known from 4,000 draws."""
    z = PRIOR_MEAN + PRIOR_SD * stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    z = np.random.default_rng(0).permutation(z)[:, None]
    return PopulationDraws(level_model, z, provenance_of(level_model, "prior", "a test"))


def by_hand(cohort) -> stats.rv_continuous:
    """The posterior of the median's latent: counts of a patient scatter around the own level."""
    seen = cohort.observations
    mean = np.log(seen["value"]).groupby(seen["id"]).mean()
    sd = np.hypot(BETWEEN, ERROR / np.sqrt(len(DAYS))) / np.sqrt(len(mean)) / UNSURE
    found = (mean.mean() - np.log(LEVEL)) / UNSURE
    precision = 1 / sd**2 + 1 / PRIOR_SD**2
    return stats.norm((found / sd**2 + PRIOR_MEAN / PRIOR_SD**2) / precision, precision**-0.5)


@pytest.fixture(scope="module")
def few():
    return hospital(11, 8)


class TestThePosteriorInClosedForm:
    def test_by_weighing_the_earlier_draws(self, earlier, few):
        density = density_of(earlier.model, few).with_prior(JointPrior.of(earlier.z))
        proposals, found = reweigh(density, earlier.z, 0)
        assert reliable(found)
        z = sample_of(density, proposals, found, 0).x[0, :, 0]
        expected = by_hand(few)
        assert z.mean() == pytest.approx(expected.mean(), abs=0.15 * expected.std())
        assert z.std() == pytest.approx(expected.std(), rel=0.12)

    def test_under_the_density_that_the_draws_became(self, earlier, few):
        density = density_of(earlier.model, few).with_prior(JointPrior.of(earlier.z))
        fitted = fit_density(density, FitSettings("quick"), {})
        z = fitted.draws["unconstrained_posterior"]["population"].to_numpy().ravel()
        expected = by_hand(few)
        assert z.mean() == pytest.approx(expected.mean(), abs=0.12 * expected.std())
        assert z.std() == pytest.approx(expected.std(), rel=0.12)
        # What the summary calls the prior is the earlier posterior, not the table's.
        low, high = LEVEL * np.exp(UNSURE * (PRIOR_MEAN + PRIOR_SD * stats.norm.ppf([0.05, 0.95])))
        row = fitted.summary.iloc[0]
        assert row["prior_q05"] == pytest.approx(low, rel=0.03)
        assert row["prior_q95"] == pytest.approx(high, rel=0.03)
        assert row["contraction"] == pytest.approx(1 - (z.std() / PRIOR_SD) ** 2, abs=0.02)

    def test_far_too_many_patients_for_the_earlier_draws_are_noticed(self, level_model):
        far = np.random.default_rng(1).normal(4.0, 0.1, (1000, 1))
        density = density_of(level_model, hospital(12, 8))
        assert not reliable(reweigh(density, far, 0)[1])

    def test_a_few_draws_show_whether_weighing_all_can_pay(self, earlier, few, level_model):
        """Wide draws are worth a share of their number that is about the posterior's SD over
        theirs (of normal densities): of 3 SDs many, of 1,000 hopelessly few.
        """
        density = density_of(level_model, few)
        sd = by_hand(few).std()
        at = by_hand(few).mean()
        for width, expected in ((3, False), (1000, True)):
            z = np.random.default_rng(2).normal(at, width * sd, (2000, 1))
            assert hopeless(density, z, 0) is expected


@pytest.fixture(scope="module")
def draws():
    """Correlated, skew and heavy-tailed."""
    rng = np.random.default_rng(2)
    a = rng.standard_normal((5000, 3))
    b = np.column_stack([a[:, 0], 0.9 * a[:, 0] + np.sqrt(0.19) * a[:, 1], a[:, 2]])
    return np.column_stack([np.expm1(0.4 * b[:, 0]), 2 + 0.3 * b[:, 1], np.sinh(b[:, 2])])


class TestJointPrior:
    def test_keeps_correlations_skewness_and_tails(self, draws):
        prior = JointPrior.of(draws)
        again = prior.draws(np.random.default_rng(3).standard_normal((40_000, 3)))
        assert prior.misfit(draws) < 0.2
        np.testing.assert_allclose(again.mean(axis=0), draws.mean(axis=0), atol=0.05)
        np.testing.assert_allclose(again.std(axis=0)[:2], draws.std(axis=0)[:2], rtol=0.05)
        assert again[:, 2].std() == pytest.approx(draws[:, 2].std(), rel=0.1)  # heavy tails
        np.testing.assert_allclose(
            stats.spearmanr(again).statistic, stats.spearmanr(draws).statistic, atol=0.03
        )
        np.testing.assert_allclose(stats.skew(again)[:2], stats.skew(draws)[:2], atol=0.25)

    def test_is_a_density(self, draws):
        """Independent quantities: its integral is that of three normals, by the map's slope."""
        one = JointPrior.of(draws[:, :1])
        z = np.linspace(-3, 30, 400_001)[:, None]
        integral = np.trapezoid(np.exp(one.log_density(z)), z[:, 0])
        constant = np.sqrt(2 * np.pi) * one.scale / one.tail * one.root[0, 0]
        assert integral == pytest.approx(constant[0], rel=1e-6)

    def test_draws_are_the_inverse_of_the_standard_numbers(self, draws):
        prior = JointPrior.of(draws)
        np.testing.assert_allclose(prior.draws(prior.standardised(draws)), draws, atol=1e-9)

    def test_needs_draws_and_spread(self):
        with pytest.raises(ValueError, match="at least 15"):
            JointPrior.of(np.zeros((10, 3)))
        with pytest.raises(ValueError, match="do not vary"):
            JointPrior.of(np.ones((100, 1)))


class TestANewCentre:
    def test_has_offsets_of_baseline_dose_and_residual(self):
        model = lk.load_model("hedos_hcc")
        prior = PopulationDraws.of_prior(model, 4000)
        there = for_new_centre(prior)
        names, moved = list(there.hierarchy.population_names), there.z - prior.z
        spread = dict(zip(names, moved.std(axis=0), strict=True))
        table = model.table
        log_sd = table.residuals["alc"].sd_log_sd
        assert spread["alc_residual_sd"] == pytest.approx(RESIDUAL_SPREAD / log_sd, rel=0.05)
        for name, between in (("lymphocyte_baseline", 0.15), ("radiosensitivity", 0.3)):
            natural = spread[name] * table[name].population_sd
            assert 0.6 * between < natural < 1.6 * between
        assert spread["recovery_rate"] == 0

    def test_of_the_literature_gets_the_residual_alone(self):
        from lymphokin.literature import literature_draws

        known = literature_draws("hedos_hcc")
        moved = (for_new_centre(known).z - known.z).std(axis=0) > 0
        names = np.array(known.hierarchy.population_names)
        assert list(names[moved]) == ["alc_residual_sd"]


@pytest.fixture(scope="module")
def updated(earlier, few):
    """Learnt from eight patients whose counts after treatment are lower than known before."""
    return update(earlier, few, looks=[0], progress=False)


class TestTheRun:
    def test_says_whose_patients_are_behind_it(self, updated, few):
        facts = updated.provenance["update"]
        assert facts["method"] == "reweighted"
        assert "a test" in facts["sentence"]
        assert "8 patients" in facts["sentence"]
        assert updated.population.provenance.title.startswith("a test, updated by a")
        assert {row["measure"] for row in facts["gains"]} >= {"count_log_score", "count_crps"}

    @pytest.mark.long
    def test_is_a_run_like_any_other(self, updated, few, tmp_path):
        (tmp_path / "m").mkdir()
        for name, content in updated.model.files.items():
            (tmp_path / "m" / name).write_text(content)
        updated.save(tmp_path / "run", progress=False)
        again = lk.open_run(tmp_path / "run", tmp_path / "m" / "level.py")
        prior = again.density.arrays.prior
        assert prior is not None
        np.testing.assert_allclose(prior.location, updated.density.arrays.prior.location)
        assert "updated by a" in again.population.provenance.title
        risks = again.forecast(counts_until=0).patients
        assert risks["p_grade2_measured"].between(0, 1).all()
        page = (tmp_path / "run" / "report.html").read_text()
        assert "for whose centre the update is made" in page


@pytest.mark.long
def test_its_example_runs(earlier, few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_events(replace(few, synthetic=True), tmp_path / "our_patients.csv", ["SYNTHETIC DATA"])
    assert examples.runs("update", fit=earlier)
    assert (tmp_path / "runs" / "here" / "report.html").is_file()


def test_patients_without_an_outcome_can_be_learnt_from(earlier, few):
    found = update(earlier, few.until(21.0), looks=[0], method="reweighted", progress=False)
    measures = {row["measure"] for row in found.provenance["update"]["gains"]}
    assert measures == {"count_log_score", "count_crps", "count_coverage_90"}


class TestGains:
    def test_are_paired_differences_in_closed_form(self, known, few):
        """Forecasts of the same patients from two populations whose medians differ."""
        density, cases = (
            density_of(known.model, few),
            cases_of(few, read_endpoint("grade2_week6"), 0),
        )
        both = [
            forecasts_at_looks(density, known.z + shift, cases, [0.0], 0) for shift in (1.0, 0.0)
        ]
        gains = gains_of(*both, cases).set_index("measure")
        sd = np.hypot(ERROR, (1 / BETWEEN**2 + 2 / ERROR**2) ** -0.5)
        seen = few.observations.assign(log=np.log(few.observations["value"]))
        mean = seen[seen["day"] <= 0].groupby("id")["log"].mean()
        weight = BETWEEN**2 / (BETWEEN**2 + ERROR**2 / 2)
        scores = []
        for shift in (1.0, 0.0):
            middle = np.log(LEVEL) + UNSURE * shift
            centre = middle + weight * (mean - middle)
            later = seen[seen["day"] > 0]
            own = -stats.norm(centre.loc[later["id"]].to_numpy(), sd).logpdf(later["log"])
            scores.append(own.groupby(later["id"]).mean() if hasattr(own, "groupby") else
                          later.assign(s=own).groupby("id")["s"].mean())  # fmt: skip
        difference = (scores[1] - scores[0]).mean()
        assert gains.loc["count_log_score", "difference"] == pytest.approx(difference, abs=0.03)
        for side, own in zip(("before", "after"), scores, strict=True):
            assert gains.loc["count_log_score", side] == pytest.approx(own.mean(), abs=0.03)
        assert gains.loc["count_log_score", "q95"] < 0
        assert "better" in gain_in_words(gains.reset_index())
        back = gains_of(both[1], both[0], cases)
        assert "is worse" in gain_in_words(back)
        assert "No gain" in gain_in_words(gains_of(both[0], both[0], cases).assign(q05=-1, q95=1))


class TestBadInput:
    def test_few_patients_another_method_and_patients_of_the_fit(self, earlier, level_run):
        with pytest.raises(lk.BadInput, match=r"(?s)at least 5 patients.*3"):
            update(earlier, hospital(13, 3), progress=False)
        with pytest.raises(ValueError, match="expected one of auto"):
            update(earlier, hospital(13, 8), method="nutz", progress=False)
        fit = lk.open_run(*level_run)
        with pytest.raises(lk.BadInput, match="not seen"):
            update(fit, hospital(100).select(["H000", "H001", "H002", "H003", "H004"]))
        again = replace(hospital(13, 8), sha256=fit.provenance["data_sha256"] or "abc")
        known = replace(fit, provenance=fit.provenance | {"data_sha256": again.sha256})
        with pytest.raises(lk.BadInput, match="this very table before"):
            update(known, again)
        with pytest.raises(TypeError, match="open_run"):
            update("runs/trial", hospital(13, 8))  # type: ignore[arg-type]


@pytest.mark.long
def test_the_command_writes_a_run_and_says_what_was_gained(level_run, tmp_path):
    run, file = level_run
    table, out = tmp_path / "ours.csv", tmp_path / "here"
    write_events(replace(hospital(14, 8), synthetic=True), table, ["SYNTHETIC DATA"])
    asked = ["update", str(run), str(table), "--out", str(out), "--look", "0", "--json"]
    asked += ["--model-file", str(file), "--method", "reweighted"]
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    printed = json.loads(done.stdout)
    assert printed["method"] == "reweighted"
    assert printed["patients"] == 40
    assert (out / "report.html").is_file()
    refused = CliRunner().invoke(app, asked)
    assert isinstance(refused.exception, FileExistsError)


class FitsAgain:
    """Stands for the fits without some patients: remembers whom, and gives known draws."""

    Z = np.full((200, 1), 1.5)
    asked: list[tuple[list[str], int]] = []

    def __init__(self, density, settings):
        FitsAgain.asked.clear()

    def without(self, ids, seed):
        FitsAgain.asked.append((list(ids), seed))
        return SimpleNamespace(z=FitsAgain.Z)


@pytest.mark.long
def test_patients_whom_weights_cannot_leave_out_are_forecast_by_fits_without_them(
    earlier, monkeypatch
):
    """Of five patients the counts after treatment leave the level before it, so that weights cannot
    take them out again. The others' forecasts stay those of the weights; theirs are those of the
    fits.
    """
    cohort = hospital(15, 12)
    rows = cohort.observations
    odd = rows["id"].isin(cohort.patients.index[:5]) & (rows["day"] > 0)
    moved = rows["value"].where(~odd, rows["value"] * np.exp(1.5))
    cohort = replace(cohort, observations=rows.assign(value=moved))
    density = density_of(earlier.model, cohort)
    cases = cases_of(cohort, read_endpoint("grade2_week6"), 0)
    z = np.random.default_rng(0).normal(by_hand(hospital(15, 12)).mean(), 0.4, (1000, 1))
    by_weights = forecasts_at_looks(density, z, cases, [0.0], 3, in_fit=True)[0.0]
    failed = set(by_weights.counts.loc[unreliable(by_weights.counts["pareto_k"].to_numpy()), "id"])
    failed |= set(cases.patients.index[unreliable(by_weights.endpoint.pareto_k)])
    assert set(cohort.patients.index[:5]) <= failed
    assert len(failed) < 12
    monkeypatch.setattr(gains, "Refit", FitsAgain)
    looks, again = gains.left_out_looks(density, z, cases, [0.0], 3, Reporter())
    assert set(again) == failed
    assert [i for ids, _ in FitsAgain.asked for i in ids] == again
    assert len(FitsAgain.asked) == gains.MOST_REFITS
    assert len({seed for _, seed in FitsAgain.asked}) == gains.MOST_REFITS
    by_fits = forecasts_at_looks(density, FitsAgain.Z, cases, [0.0], 3)[0.0]
    for patient, own in looks[0.0].counts.groupby("id"):
        from_ = by_fits if patient in failed else by_weights
        expected = from_.counts[from_.counts["id"] == patient]
        pd.testing.assert_frame_equal(own, expected, check_like=True)
    theirs = cases.patients.index.isin(again)
    risk = np.where(theirs, by_fits.endpoint.forecasts.risk, by_weights.endpoint.forecasts.risk)
    np.testing.assert_array_equal(looks[0.0].endpoint.forecasts.risk, risk)
