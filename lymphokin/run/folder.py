"""The run folder: which files it holds, and how they are written and read.

This is the only module that knows them. The folder appears complete or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w
import xarray as xr

from lymphokin.arrays import shortened
from lymphokin.csv_text import neutral_frame, restored
from lymphokin.files import AnyPath, write_folder
from lymphokin.io import Cohort, write_events
from lymphokin.io.sites import read_saved
from lymphokin.model import Model
from lymphokin.pages.wording import joined
from lymphokin.report import ReportContents, write_report
from lymphokin.run.provenance import file_sha256
from lymphokin.sites import SiteTable, shipped_sites
from lymphokin.strict_json import json_text

DRAWS_FILE = "posterior.nc"
GROUPS = ("posterior", "unconstrained_posterior", "prior")
"""Groups of the draws without which a run is of an earlier version."""
GROUPS_OF_PATIENTS = ("latents", "log_likelihood")
"""The same of a run that has patients."""
KEPT_BITS = 10
"""Bits of the mantissa that are kept of likelihoods, replicates and patients' parameters: their
relative error of 1/2,000 is a fiftieth of what their Monte Carlo error is at least."""
CONFIG_FILE = "config.toml"
PROVENANCE_FILE = "provenance.json"
SUMMARY_FILE = "summary.csv"
SUMMARY_TEXTS = ("name", "symbol", "unit", "meaning", "learnt", "certainty", "source", "doi")
"""Columns of the summary that are text, empty ones too."""
PATIENTS_FILE = "patients.csv"
REPORT_FILE = "report.html"
CURVES_FILE = "curves.csv"
"""Every patient's fitted curves: median, 50 and 90 % bands of the true values."""
COHORT_FILE = "cohort.csv"
"""The fitted patients, without calendar dates."""
SITES_FILE = "sites.csv"
"""What the site classes of the cohort mean, the shipped ones too."""
NEEDED = (
    DRAWS_FILE,
    SUMMARY_FILE,
    CONFIG_FILE,
    PROVENANCE_FILE,
    COHORT_FILE,
)
MODEL_FOLDER = "model"
"""Holds the file and the table of a model that is not one of lymphokin's own."""


def write_run(
    folder: AnyPath,
    *,
    draws: xr.DataTree,
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
    summary: pd.DataFrame,
    cohort: Cohort,
    model: Model,
    curves: pd.DataFrame | None = None,
    forecasts: tuple[pd.DataFrame, pd.DataFrame, ReportContents] | None = None,
    page: str | None = None,
) -> None:
    """Write a run folder.

    Calendar dates are left out: nothing in a run folder may help to identify a patient.

    Args:
        folder: must not exist.
        draws: the posterior; its hash goes into the provenance.
        config: everything that was chosen.
        provenance: where the fit comes from.
        summary: one row per population quantity.
        cohort: the fitted patients.
        model: its files are kept, unless it is one of lymphokin's own.
        curves: fitted curves of every patient, from
            :func:`lymphokin.predict.trajectories.curves_table`.
        forecasts: of the fitted patients, with their id as index; the contrast of the arms; and the
            contents of the report. None for a model without a lymphocyte count.
        page: the report where there are no such contents.

    Raises:
        FileExistsError: when ``folder`` exists.
    """

    def fill(temporary: Path) -> None:
        content = _compact(draws).to_netcdf(engine="netcdf4")  # HDF5 does not survive a full disk
        (temporary / DRAWS_FILE).write_bytes(content)
        (temporary / CONFIG_FILE).write_text(tomli_w.dumps(dict(config)), encoding="utf-8")
        neutral_frame(summary).to_csv(temporary / SUMMARY_FILE, index=False)
        undated = replace(cohort, patients=cohort.patients.assign(start_date=None))
        write_events(undated, temporary / COHORT_FILE)
        (temporary / SITES_FILE).write_text(cohort.sites.as_text(), encoding="utf-8")
        if model.files:
            (temporary / MODEL_FOLDER).mkdir()
        for name, content in model.files.items():
            (temporary / MODEL_FOLDER / name).write_text(content, encoding="utf-8")
        if curves is not None:
            file = temporary / CURVES_FILE
            neutral_frame(curves).to_csv(file, index=False, float_format="%.4g")
        if forecasts is not None:
            patients, contrast, contents = forecasts
            neutral_frame(patients).to_csv(temporary / PATIENTS_FILE)
            neutral_frame(contrast).to_csv(temporary / "contrast.csv", index=False)
            write_report(contents, temporary / REPORT_FILE)
        if page is not None:
            (temporary / REPORT_FILE).write_text(page, encoding="utf-8")
        files = (CONFIG_FILE, SUMMARY_FILE, COHORT_FILE, SITES_FILE, CURVES_FILE, PATIENTS_FILE)
        hashes = {n: file_sha256(temporary / n) for n in files if (temporary / n).exists()}
        drawn = {"posterior_sha256": file_sha256(temporary / DRAWS_FILE), "files_sha256": hashes}
        text = json_text({**provenance, **drawn}, sort_keys=True)
        (temporary / PROVENANCE_FILE).write_text(text + "\n", encoding="utf-8")

    write_folder(folder, fill)


def refuse_changed(path: Path, expected: str | None) -> None:
    """Refuse a file of a run folder that is not the one that was saved.

    Args:
        path: the file.
        expected: its hash; None where a run of an earlier version did not record it.

    Raises:
        ValueError: naming the file.
    """
    if expected is not None and file_sha256(path) != expected:
        raise ValueError(
            f"{path} is damaged or was replaced: its content does not match the hash in "
            f"{PROVENANCE_FILE}"
        )


def read_sites_of(folder: Path, provenance: Mapping[str, Any]) -> SiteTable:
    """What sites mean in a run; a run of an earlier version knows the shipped ones.

    Raises:
        ValueError: when the file is damaged or not the one that was saved.
    """
    expected = provenance.get("files_sha256", {}).get(SITES_FILE)
    path = folder / SITES_FILE
    if expected is None:
        return shipped_sites()
    if not path.is_file():
        raise ValueError(f"{folder} is damaged: it has no {SITES_FILE}")
    refuse_changed(path, expected)
    return read_saved(path, provenance.get("sites_file", ""), provenance.get("sites_sha256", ""))


def read_summary(folder: Path) -> pd.DataFrame:
    """The summary of a run folder, as it was saved: a text that is empty stays a text."""
    summary = pd.read_csv(folder / SUMMARY_FILE, dtype=dict.fromkeys(SUMMARY_TEXTS, "str"))
    return summary.assign(**{c: summary[c].fillna("").map(restored) for c in SUMMARY_TEXTS})


def read_forecasts(folder: Path, provenance: Mapping[str, Any]) -> pd.DataFrame | None:
    """The forecasts that were saved with a run; None where there are none, or others by now."""
    path = folder / PATIENTS_FILE
    expected = provenance.get("files_sha256", {}).get(PATIENTS_FILE)
    if not path.is_file() or expected not in (None, file_sha256(path)):
        return None
    return pd.read_csv(path)


def read_draws(folder: Path, provenance: Mapping[str, Any]) -> xr.DataTree:
    """The draws of a run folder.

    Raises:
        ValueError: when the file is damaged, is not the one that was saved, or is of an earlier
            version.
    """
    path = folder / DRAWS_FILE
    refuse_changed(path, provenance.get("posterior_sha256"))
    try:
        # From memory: a file that someone else holds open, say ArviZ in a notebook, makes netCDF4
        # end the process when it is opened again.
        with xr.open_datatree(path.read_bytes(), engine="netcdf4") as stored:
            draws = stored.load()
    except Exception as error:  # each layer of the reader has errors of its own
        raise ValueError(f"{path} is damaged: {error}") from None
    needed = GROUPS if "pool" in provenance else GROUPS + GROUPS_OF_PATIENTS
    if missing := [name for name in needed if name not in draws]:
        raise ValueError(
            f"{path} was saved by an earlier version of lymphokin, which did not keep "
            f"{joined(missing)}: fit again"
        )
    return draws


def _compact(draws: xr.DataTree) -> xr.DataTree:
    """The draws, those of single precision shortened to what they can tell and compressed."""
    compact = draws.copy()
    for node in compact.subtree:
        for name, variable in {str(n): v for n, v in node.data_vars.items()}.items():
            if variable.dtype == np.float32 and node.name != "latents":
                node[name] = variable.copy(data=shortened(variable.to_numpy(), KEPT_BITS))
            if variable.ndim:
                node[name].encoding = {"zlib": True, "complevel": 4, "shuffle": True}
    return compact
