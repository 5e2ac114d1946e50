"""The shipped trial under a model of two drugs, every patient with three lesions."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import tomli_w

from lymphokin.infer import CohortDensity, density_of
from lymphokin.io import read_events
from lymphokin.model import Model, load_model
from lymphokin.model.table_files import merged_table
from lymphokin.shipped import data_path, models_path
from lymphokin.solve import StepRule

HERE = Path(__file__).parent
EXTENDED = (
    HERE.parents[1] / "docs" / "examples" / "il7_atra.py",
    models_path() / "abscopal_cd8.py",
)
LESIONS = 3
IL7_MG = 60.0
"""One dose on day 0: that of the example."""


def two_drugs_three_lesions(rule: StepRule | None = None) -> CohortDensity:
    """Patients, days, counts and levels of the trial; one dose of interleukin-7 more, and each
    fraction given to three lesions.
    """
    with TemporaryDirectory() as folder:
        model = _model(Path(folder))
        table = Path(folder) / "trial.csv"
        _table().to_csv(table, index=False)
        return density_of(model, read_events(table, model=model), rule)


def _model(folder: Path) -> Model:
    """The model, whose parameter table is those of both models together."""
    tables = [merged_table(file.with_suffix(".toml")) for file in EXTENDED]
    both = {key: {**tables[0].get(key, {}), **tables[1].get(key, {})}
            for key in ("parameters", "residuals", "correlations")}  # fmt: skip
    (folder / "il7_lesions.toml").write_text(tomli_w.dumps(both), encoding="utf-8")
    for file in (*EXTENDED, HERE / "il7_lesions.py"):
        shutil.copy(file, folder)
    return load_model(folder / "il7_lesions.py")


def _table() -> pd.DataFrame:
    text = data_path("synthetic_sbrt_atra_trial.csv").read_text(encoding="utf-8")
    rows = pd.read_csv(StringIO(text), comment="#", dtype=str)
    rows = rows.drop(columns="SITE").assign(N_LESIONS=str(LESIONS))
    fractions = rows[rows["CMT"] == "rt"]
    lesions = [fractions.assign(LESION=str(n + 1)) for n in range(LESIONS)]
    first = rows.drop_duplicates("ID")
    doses = first.assign(TIME="0", EVID="1", CMT="il7", AMT=str(IL7_MG), MDV=None)
    doses[["DVID", "DV", "LLOQ", "TUBE"]] = None
    every = pd.concat([rows[rows["CMT"] != "rt"], *lesions, doses])
    return every.sort_values(["ID", "TIME"], key=_in_order, kind="stable")


def _in_order(column: pd.Series) -> pd.Series:
    return column.astype(float) if column.name == "TIME" else column
