"""Data sets of one study against each other: who is in one and not in the other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import COUNT, DOSE, DRUG_LABEL, FRACTION, Bench, given
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.io.convert.subjects import STARTS
from lymphokin.io.convert.treatment_names import Names, holding
from lymphokin.quantities import DRUG


def check_joins(bench: Bench, records: pd.DataFrame, owners: list[pd.DataFrame]) -> None:
    """Name the patients that one data set has and another one lacks.

    Data sets without a common subject are a problem.
    """
    words = bench.words
    own = words.model and not words.counts_lymphocytes
    measured, what = ([*words.quantities], "result") if own else ([COUNT], "lymphocyte count")
    counted = set(records["id"][records["kind"].isin(measured)])
    treated = records[records["kind"].isin([given(word) for word in words.compartments])]
    for file, of_file in treated.groupby("source", sort=False):
        ids = dict.fromkeys(of_file["id"])
        unknown = [name for name in ids if name not in counted]
        if counted and len(unknown) == len(ids):
            bench.found(str(file)).add(
                None, None, f"subjects such as {unknown[0]}",
                f"subjects with {what}s, such as {min(counted)}",
                "no subject is in both: are the identifiers written otherwise?",
            )  # fmt: skip
        elif unknown:
            bench.account.warn(f"{file}: {len(unknown):,} treated subject(s) without any "
                               f"{what}: {bench.named(unknown)}")  # fmt: skip
    with_fractions = set(records["id"][records["kind"] == FRACTION])
    untreated = [name for name in dict.fromkeys(records["id"]) if name not in with_fractions]
    if with_fractions and untreated and words.irradiated:
        bench.account.warn(f"{len(untreated):,} subject(s) without any fraction, taken as "
                           f"untreated: {bench.named(untreated)}")  # fmt: skip
    if owners:
        known = {name for table in owners for name in table.index}
        strangers = [name for name in dict.fromkeys(records["id"]) if name not in known]
        if strangers:
            bench.account.warn(f"{len(strangers):,} subject(s) with records are not in DM or ADSL: "
                               f"{bench.named(strangers)}")  # fmt: skip
    if not bench.troubled and not own:  # a count that could not be read is reported already
        _need_counts_before(bench, records)


def _need_counts_before(bench: Bench, records: pd.DataFrame) -> None:
    """A subject with fractions needs a count on or before the day of the first."""
    excluded = set(map(str, bench.mapping["subject"]["exclude"]))
    fractions = records[(records["kind"] == FRACTION) & ~records["id"].isin(excluded)]
    first = fractions.sort_values("when").drop_duplicates("id")
    result = (records["kind"] == COUNT) & records["value"].notna()
    earliest = records[result].groupby("id")["when"].min().dt.floor("D")
    late = ~(earliest.reindex(first["id"]).to_numpy() <= first["when"].to_numpy())
    for record in first[late].itertuples():
        bench.found(str(record.source)).add(
            int(record.row), None, f"the first fraction of {record.id}",  # type: ignore[arg-type]
            "a lymphocyte count of the subject before the first fraction, or on its day",
            f'without one: [subject] exclude = ["{record.id}"] in the mapping',
        )  # fmt: skip


def check_arms(bench: Bench, records: pd.DataFrame, subjects: pd.DataFrame) -> None:
    """Name the subjects whose doses of the drug do not fit the name of their arm."""
    names = Names.of(bench.mapping[DRUG])
    arm = subjects["arm"].dropna()
    placebo, drug = holding(arm, names.inert), holding(arm, names.names)
    dosed = set(records["id"][records["kind"] == DOSE])
    wrongly = [name for name in arm.index[placebo & ~drug] if name in dosed]
    rows = records[(records["kind"] == DOSE) & records["id"].isin(wrongly)].drop_duplicates("id")
    for record in rows.itertuples():
        bench.found(str(record.source)).add(
            int(record.row), None, f"a dose of {DRUG_LABEL} of a subject of arm {arm[record.id]}",  # type: ignore[index]
            f"no {DRUG_LABEL} in an arm with placebo",
            f'is it the placebo? [{DRUG}.treatments] "its name" = "placebo" in the mapping; is the '
            'arm only planned? [subject] arm = "actual"',
        )  # fmt: skip
    present = set(records["id"])
    without = [n for n in arm.index[drug & ~placebo] if n not in dosed and n in present]
    if without:
        bench.account.warn(f"{len(without):,} subject(s) of an arm with {DRUG_LABEL} have no "
                           f"dose of it: {bench.named(without)}")  # fmt: skip


def check_starts(
    bench: Bench, records: pd.DataFrame, owners: list[tuple[Dataset, pd.DataFrame]]
) -> None:
    """Compare the start of treatment of DM or ADSL with the subject's nearest other date."""
    for data, table in owners:
        column = next((name for name in STARTS if name in data), "")
        starts = table["start"][~table.index.duplicated()]
        start = starts.reindex(records["id"]).to_numpy("datetime64[s]")
        apart = np.abs((records["when"].to_numpy("datetime64[s]") - start).astype(float)) / 86_400
        known = ~np.isnat(start) & records["when"].notna().to_numpy()
        nearest = pd.Series(apart[known]).groupby(records["id"].to_numpy()[known]).min()
        days = nearest.reindex(subjects_of(bench, data)).to_numpy()
        # The distance is shown, as a date of a patient stays out of the account.
        bench.judge(data, "treatment_start", days, column, "another year?", shown="{:.0f} days")
