"""Which laboratory records are of blood, and of the test that is asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import COUNT, LEVEL, Bench
from lymphokin.io.convert.columns import Columns
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.treatment_names import holding, listed
from lymphokin.quantities import DRUG


def of_the_right_specimen(bench: Bench, data: Dataset, columns: Columns, kind: str) -> Dataset:
    """Records of blood (levels: of plasma or serum), by specimen, location, category and name.

    Records of another known specimen are left out. A specimen that is neither is a problem.
    """
    lab = bench.mapping["lab"]
    wanted = bench.mapping[DRUG if kind == LEVEL else "lab"]["specimens"]
    if kind in bench.own or kind in bench.covariates:
        wanted = [*wanted, *bench.mapping[DRUG]["specimens"]]
    other = np.zeros(len(data), bool)
    said: list[str] = []
    for name in columns.described:
        found = holding(data.text(name), lab["other_specimens"])
        other |= found
        said += data.text(name)[found].tolist()
    why = f"not a specimen of {'plasma' if kind == LEVEL else 'blood'}: {listed(said)}"
    bench.account.dropped(data.file, why, data.lines[other])
    data = data.select(~other)
    specimen = data.text(columns.specimen)
    stated = (specimen != "").to_numpy()
    right = holding(specimen, wanted)
    table = DRUG if kind == LEVEL else "lab"
    hint = f"add it to [{table}] specimens, or to [lab] other_specimens to leave it out"
    expected = f"one of {', '.join(map(str, wanted))}"
    bench.flag(data, stated & ~right, columns.specimen, expected, hint)
    if columns.specimen in data:
        why = f"no specimen ({columns.specimen}): taken as {wanted[0]}"
        bench.account.assumed(data.file, why, data.lines[~stated])
    return data


def of_the_right_test(bench: Bench, data: Dataset, columns: Columns, kind: str) -> Dataset:
    """Records of the whole lymphocytes, by the methods that the mapping names.

    Several methods or names of one test are reported.
    """
    if kind == COUNT and kind not in bench.own:
        part = np.zeros(len(data), bool)
        said: list[str] = []
        for name in columns.named:
            found = holding(data.text(name), bench.mapping["lab"]["parts"])
            part |= found
            said += data.text(name)[found].tolist()
        why = f"a part of the lymphocytes: {listed(said)}"
        bench.account.dropped(data.file, why, data.lines[part])
        data = data.select(~part)
    method = data.text(columns.method)
    usual = kind != LEVEL and kind not in bench.own and kind not in bench.covariates
    asked = bench.mapping["lab"]["methods"] if usual else []
    if asked:
        known = method.str.upper().isin([str(m).upper() for m in asked]).to_numpy()
        why = f"another method than the mapping names: {listed(method[~known])}"
        bench.account.dropped(data.file, why, data.lines[~known])
        return data.select(known)
    counts = method[method != ""].value_counts()
    if len(counts) > 1:
        reported = ", ".join(f"{name} ({count:,})" for name, count in counts.items())
        key = "; to keep some only: [lab] methods" if usual else ""
        bench.account.warn(f"{data.file}: several methods of one test: {reported}{key}")
    return data


def check_status(bench: Bench, data: Dataset, columns: Columns) -> None:
    """A result beside the status NOT DONE is a problem."""
    not_done = data.text(columns.status).str.upper().eq("NOT DONE").to_numpy()
    result = ~data.numbers(columns.number).isna().to_numpy()
    result |= ~pd.to_numeric(data.text(columns.text), errors="coerce").isna().to_numpy()
    bench.flag(data, not_done & result, columns.status, "no result where the test is NOT DONE")
