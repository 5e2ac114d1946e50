"""ArviZ works on the draws of a run: groups, dimensions, leave-one-out and plots."""

import subprocess
import sys

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import lymphokin as lk

PREDICTIVE = ("log_likelihood", "posterior_predictive", "prior_predictive", "observed_data")


@pytest.fixture(scope="module")
def stored(small_run) -> xr.DataTree:
    """What ArviZ reads from the run folder."""
    return az.from_netcdf(small_run.folder / "posterior.nc", engine="netcdf4")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_groups_have_the_dimensions_that_arviz_expects(stored, small_run):
    for group in ("posterior", "sample_stats", "prior", *PREDICTIVE[:3]):
        own = stored[group]
        assert {"chain", "draw"} <= set(own.coords)
        for name, variable in own.data_vars.items():
            assert variable.dims[:2] == ("chain", "draw"), (group, name)
    assert stored["posterior"].sizes["draw"] == stored["posterior_predictive"].sizes["draw"] == 50
    assert {"energy", "lp", "diverging", "n_steps"} <= set(stored["sample_stats"].data_vars)
    individuals = stored["individuals"]
    assert individuals["radiosensitivity"].dims == ("chain", "draw", "patient")
    assert individuals["draw"].to_numpy().tolist() == stored["latents"]["draw"].to_numpy().tolist()
    counts = small_run.fit.cohort.observations.query("quantity == 'alc'").dropna(subset="value")
    for group in PREDICTIVE:
        assert stored[group]["alc"].dims[-1] == "alc_record"
        assert stored[group]["alc_patient"].to_numpy().tolist() == counts["id"].tolist()
        assert stored[group]["alc_day"].to_numpy().tolist() == counts["day"].tolist()
    assert stored["observed_data"]["alc"].to_numpy().tolist() == counts["value"].tolist()
    assert stored["constant_data"]["fraction_prescribed_gy"].size
    assert "start_date" not in stored["constant_data"]
    assert stored.attrs["inference_library"] == "lymphokin"
    assert stored["posterior"].attrs["model"] == small_run.fit.model.name
    assert {"created_at", "inference_library_version"} <= set(stored.attrs)


def test_the_likelihood_of_a_count_is_that_of_its_residual_by_scipy(small_run):
    fit = small_run.fit
    residual = fit.model.table.residuals["alc"]
    assert residual.distribution == "student_t"
    error = stats.t(residual.degrees_of_freedom)
    kept = fit.draws["log_likelihood"]
    evaluated = [p.predictions["alc"][0] for p in fit.density.evaluate(fit.x, fit.density.arrays)]
    rows = fit.density.packed.records["alc"][0]
    predicted = np.concatenate(evaluated)[:, : len(rows)]
    sd = fit.draws["posterior"]["alc_residual_sd"].to_numpy().reshape(-1, 1)
    expected = error.logpdf((np.log(rows["value"].to_numpy()) - predicted) / sd) - np.log(sd)
    known = kept["alc"].to_numpy().reshape(len(fit.x), -1)
    quantified = ~fit.draws["constant_data"]["alc_censored"].to_numpy()
    np.testing.assert_allclose(known[:, quantified], expected, rtol=1e-5, atol=1e-5)
    by_patient = pd.DataFrame(known.T).groupby(kept["alc_patient"].to_numpy(), sort=False).sum()
    own = kept["of_patient"].to_numpy().reshape(len(fit.x), -1)
    np.testing.assert_allclose(own.T, by_patient.to_numpy(), rtol=1e-4, atol=1e-4)


def test_replicates_scatter_as_the_residual_says(hedos_run):
    """Their mean, draw by draw, is the prediction: z of the mean below 5 of its own errors."""
    fit = hedos_run.fit
    replicated = np.log(fit.draws["posterior_predictive"]["alc"].to_numpy()[0])
    lloq = fit.draws["constant_data"]["alc_lloq"].to_numpy()
    assert (replicated >= np.log(lloq) - 1e-6).all()
    predicted = np.concatenate(
        [p.predictions["alc"][0] for p in fit.density.evaluate(fit.x, fit.density.arrays)]
    )
    quantified = ~fit.draws["constant_data"]["alc_censored"].to_numpy()
    replicated = replicated[:, quantified]
    sd = fit.draws["posterior"]["alc_residual_sd"].to_numpy()[0][:, None]
    errors = (replicated - predicted[:, : replicated.shape[1]]) / sd
    assert abs(errors.mean()) < 5 * errors.std() / np.sqrt(errors.size)
    assert np.median(np.abs(errors)) == pytest.approx(stats.t(5).ppf(0.75), rel=0.03)


def test_arvizs_summary_is_that_of_the_run(stored, small_run):
    """Of draws in units, where the run looks at latents: ranks are the same, and so are effective
    draws; R-hat also compares distances from the median, which a transform changes a little.
    """
    found = az.summary(stored, round_to="none")
    own = small_run.fit.summary.set_index("name").loc[found.index]
    np.testing.assert_allclose(found["mean"].astype(float), own["mean"], rtol=1e-5)
    np.testing.assert_allclose(found["r_hat"].astype(float), own["rhat"], atol=0.02)
    np.testing.assert_allclose(found["ess_bulk"].astype(float), own["ess_bulk"], rtol=1e-3)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_leave_one_out_and_comparison_work(stored):
    loo = az.loo(stored, var_name="alc")
    assert np.isfinite(loo.elpd)
    assert loo.n_data_points == stored["observed_data"]["alc"].size
    table = az.compare({"one": stored, "the same": stored}, var_name="alc")
    assert np.ptp(table["elpd"]) == 0


def test_plots_draw(stored):
    names = ["radiosensitivity"]
    for made in (
        az.plot_trace(stored, var_names=names, backend="matplotlib"),
        az.plot_energy(stored, backend="matplotlib"),
        az.plot_ppc_dist(stored, var_names=["alc"], num_samples=20, backend="matplotlib"),
        az.plot_prior_posterior(stored, var_names=names, backend="matplotlib"),
    ):
        figure = np.ravel(made.viz["figure"].item())[0]
        assert any(axes.lines or axes.collections or axes.patches for axes in figure.axes)


def test_every_patients_curves_are_a_file_with_units_in_its_names(hedos_run):
    table = pd.read_csv(hedos_run.folder / "curves.csv", dtype={"id": str})
    columns = [f"alc_1e9_per_L_q{q}" for q in ("05", "25", "50", "75", "95")]
    assert list(table.columns) == ["id", "day", *columns]
    assert list(table["id"].unique()) == list(hedos_run.fit.cohort.patients.index)
    assert (np.diff(table[columns], axis=1) >= 0).all()
    bands = hedos_run.fit.curves[0]["alc_q50"].to_series().dropna()
    np.testing.assert_allclose(table["alc_1e9_per_L_q50"], bands, rtol=1e-3)
    last = lk.open_run(hedos_run.folder).cohort.observations.groupby("id")["day"].max()
    ends = table.groupby("id")["day"].max()
    assert (ends <= np.ceil(np.maximum(last, 56))).all()


@pytest.mark.long
def test_a_run_is_read_again_and_again_while_arviz_holds_its_file(hedos_run):
    """NetCDF-C ends the process when a file with texts that is held open is opened once more."""
    path = hedos_run.folder / "posterior.nc"
    opening = (
        f"fit = lk.open_run({str(hedos_run.folder)!r}); print(fit.draws['prior'].sizes['draw'])"
    )
    script = [
        "import arviz as az, lymphokin as lk",
        f"held = az.from_netcdf({str(path)!r}, engine='netcdf4')",
        *[opening] * 3,
        "print(float(held['posterior']['radiosensitivity'].mean()))",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 4
