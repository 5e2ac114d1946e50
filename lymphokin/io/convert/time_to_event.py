"""Times to events (ADaM ADTTE) into records of a model's events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench, draft, no_records
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.io.convert.treatment_names import listed


def read_times_to_event(bench: Bench, data: Dataset) -> pd.DataFrame:
    """Draft records of events: 1 on the day of an event (CNSR 0), 0 on the day of a censoring.

    Which parameter is which event stands in the mapping, [events].
    """
    bench.account.source(data.file, len(data))
    code = data.text("PARAMCD").str.upper()
    parts, used = [], np.zeros(len(data), bool)
    for name in bench.words.events:
        codes = [str(word).upper() for word in bench.mapping["events"].get(name, [])]
        rows = code.isin(codes).to_numpy()
        used |= rows
        if not rows.any():
            continue
        own = data.select(rows)
        censored = bench.numbers(own, "CNSR")
        bench.flag(own, ~(censored >= 0), "CNSR", "0 (an event), or 1, 2, ... (censored)")
        read = read_dates(own.column("ADT"))
        bench.flag(own, np.isnat(read.when), "ADT", "the complete date of the event or censoring")
        parts.append(draft(own, name, subjects_of(bench, own), when=read.when, clock=read.clock,
                           value=(censored == 0).astype(float).to_numpy(), column="CNSR",
                           cell=own.text("CNSR").to_numpy()))  # fmt: skip
    known = ", ".join(bench.words.events) or "none"
    names = listed(data.text("PARAMCD")[~used])
    why = f"no event of the model ({known}) by [events] of the mapping: {names}"
    bench.account.dropped(data.file, why, data.lines[~used])
    return pd.concat(parts, ignore_index=True) if parts else no_records()
