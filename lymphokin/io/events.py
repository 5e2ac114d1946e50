"""The event table: NONMEM-style CSV, one row per record, read into a `Cohort` and written."""

import difflib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd

from lymphokin.csv_text import neutral_frame
from lymphokin.files import write_text
from lymphokin.io import checks
from lymphokin.io.cohort import Cohort
from lymphokin.io.cross_checks import check_plausible
from lymphokin.io.problems import Findings
from lymphokin.io.records import Records, read_records
from lymphokin.io.sheet import NO_MOMENT, Sheet, iso_date
from lymphokin.io.single_events import check_single_events
from lymphokin.io.sites import AnySites, sites_of
from lymphokin.io.stated_units import check_units
from lymphokin.io.text_table import TextColumn, TextTable, read_text_table
from lymphokin.io.vocabulary import (
    ANY_TABLE,
    COLUMNS,
    HOUR_COLUMNS,
    OTHER_NAMES,
    REQUIRED,
    TUBES,
    UNIT_COLUMNS,
)
from lymphokin.plausible import accepted_in
from lymphokin.quantities import Vocabulary
from lymphokin.sites import SiteTable, shipped_sites

SITES_OF = "sites of "
"""Beginning of the comment that names the table of sites."""
_HOURS = ("h", "hr", "hrs", "hour", "hours")


class HasVocabulary(Protocol):
    """A model, as the reader of an event table knows it."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What the table may say was measured and given."""
        ...


def read_events(
    path: str | os.PathLike[str],
    mapping: Mapping[str, Mapping[str, Any]] | None = None,
    accept: Mapping[str, str] | None = None,
    model: HasVocabulary | None = None,
    sites: AnySites = None,
) -> Cohort:
    """Read and check an event table (CSV, UTF-8).

    `mapping` translates codes of CMT and DVID, e.g. `{"CMT": {1: "rt"}, "DVID": {1: "alc"}}`.
    `accept` names checks of plausibility (`lymphokin.plausible`) whose improbable numbers are
    right, with the reason, e.g. `{"fraction_dose": "radiosurgery, checked in the chart"}`; a
    comment line `# accepted fraction_dose: reason` in the file does the same. `model`: a model,
    whose drugs and measured outputs CMT and DVID may name, in the units of the model. `sites`: a
    table of sites of the user's own, or its path: SITE may name its rows beside the shipped ones.

    Columns, in any case: ID, TIME (days from the first fraction, or ISO dates), EVID (0
    observation, 1 dose), CMT (`rt`: AMT in Gy of the fraction; or a drug), AMT, II and ADDL (II in
    the unit of TIME, days with dates), DVID (`alc` in 1e9/L, or what else was measured; the units
    are those of `data/vocabulary.toml`), DV, LLOQ, CENS, LIMIT, LLN (lower limit of normal), MDV,
    LESION, LESION_CM3, TUBE, DELAY (hours), SD (of that measurement, in the unit of DV), and
    covariates constant within a patient: ARM, CENTRE, SITE, AGE, SEX, BSA, N_LESIONS, PTV_CM3,
    IMMUNE_DOSE_GY, IMMUNE_DOSE_SOURCE, START_DATE. CDISC ADPPK names (USUBJID, AFRLT in hours, ...)
    serve where a column is absent.
    Lines before the header that start with `#` are comments; one with the word "synthetic" marks
    the cohort as synthetic.

    Blank, `.`, `NA` or `ND` is missing: such an observation stays as a visit without a value. A
    value below LLOQ, `<x`, `BLQ`, or 0 where LLOQ is given, is censored at the limit; `>x` lies
    above x. CENS and LIMIT mean what they mean in Monolix. RATE (amount per unit of TIME) or DUR
    (in the unit of TIME) make a dose an infusion, where the model knows it. SS 1 with II says that
    a steady state has been reached; EVID 3 and 4 reset a patient to the untreated state.
    The first fraction must lie on day 0 (at any clock time); with dates, day 0 is the moment of the
    first fraction.

    Raises BadInput with every problem found. Questions that span records (order, duplicates,
    baseline, ...) are asked only when the columns they need are there.

    Example:
        >>> cohort = lk.read_events(table)
        >>> len(cohort), cohort.synthetic
        (7, True)
    """
    path = Path(path)
    data = _bytes(path)
    found = Findings(path.name, {**accepted_in(data), **(accept or {})})
    words = None if model is None else model.vocabulary
    return read_table(data, found, mapping, words, sites_of(sites, accept))


def read_table(
    data: bytes,
    found: Findings,
    mapping: Mapping[str, Mapping[str, Any]] | None = None,
    words: Vocabulary | None = None,
    sites: SiteTable | None = None,
) -> Cohort:
    """Read and check the bytes of an event table; see `read_events`.

    Raises BadInput with every problem of `found`.
    """
    words, sites = words or Vocabulary(), sites or shipped_sites()
    mapping = _checked_mapping(mapping or {}, found, words)
    table = read_text_table(data, found)
    if table is None:
        found.raise_if_any()
        raise AssertionError("a table that cannot be read leaves a problem")
    columns, in_hours = _contract_columns(table, found, words)
    sheet = Sheet(columns, found)
    _check_sites(table.comments, sites, found)
    records = read_records(sheet, mapping, in_hours, words, sites)
    check_units(records, sheet)
    start = checks.count_from_first_fraction(records, sheet)
    doses = checks.unfold_doses(records)
    patients = checks.read_patients(records, sheet)
    lesions = checks.lesion_volumes(records, sheet)
    present = set(columns.columns)
    if {"ID", "TIME"} <= present:
        checks.check_order(records, sheet)
    if {"ID", "TIME", "EVID", "CMT"} <= present:
        checks.check_day_zero(records, sheet)
        checks.check_calendar(records, doses, start, sheet)
        checks.check_lesions(records, patients, sheet)
    if set(REQUIRED) <= present:
        checks.check_duplicates(records, doses, sheet)
        checks.check_varying(records, sheet)
        checks.check_steady_states(records, doses, sheet)
        checks.check_resets(records, doses, sheet)
        checks.check_baseline(records, sheet)
        check_single_events(records, sheet)
        check_plausible(records, doses, patients, sheet)
    found.raise_if_any()
    patients["start_date"] = [None if m == NO_MOMENT else iso_date(m) for m in start]
    _warn_of_unused(records, doses, words, found)
    return _cohort(
        records,
        doses,
        patients,
        source=found.file,
        sha256=hashlib.sha256(data).hexdigest(),
        synthetic=any("synthetic" in comment.lower() for comment in table.comments),
        warnings=(*found.warnings, *sites.notes),
        accepted=found.accepted,
        varying=checks.stated_values(records),
        lesions=lesions,
        resets=checks.resets_of(records),
        vocabulary=words,
        sites=sites,
    )


def _check_sites(comments: Sequence[str], sites: SiteTable, found: Findings) -> None:
    """Ask for the table of sites that an event table names in a comment."""
    for comment in comments:
        named, mark = comment.removeprefix(SITES_OF), ", sha256 "
        if named == comment or mark not in named:
            continue
        file, _, sha256 = named.partition(mark)
        if not sites.file:
            expected = f"the table of sites {file}, with which the event table was made"
            hint = "without the comment, the sites are those that come with lymphokin"
            found.add(None, "SITE", "none", expected, hint)
        elif not {*sha256.split(", ")} <= {*sites.sha256.split(", ")}:
            found.warn(f"the table was made with another {file} than the sites that are used here")


def _bytes(path: Path) -> bytes:
    found = Findings(path.name)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        found.add(None, None, "no such file", "a file", f"looked for {path}")
    except IsADirectoryError:
        found.add(None, None, "a folder", "a file")
    except OSError as error:
        found.add(None, None, error.strerror or str(error), "a file that can be read")
    found.raise_if_any()
    raise AssertionError("a file that cannot be read leaves a problem")


def _checked_mapping(
    mapping: Mapping[str, Mapping[str, Any]], found: Findings, words: Vocabulary
) -> dict[str, Mapping[str, Any]]:
    checked = {}
    of_column = {"CMT": words.compartments, "DVID": words.quantities}
    for name, codes in mapping.items():
        allowed = of_column.get(str(name).upper())
        if allowed is None:
            found.add(None, None, f"a mapping of {name}", "mappings of CMT and DVID only")
            continue
        for code, word in codes.items():
            if str(word).lower() not in [name.lower() for name in allowed]:
                expected = f"codes mapped to {', '.join(allowed)}"
                found.add(None, str(name).upper(), f"{code} -> {word}", expected)
        checked[str(name).upper()] = codes
    return checked


def _contract_columns(
    table: TextTable, found: Findings, words: Vocabulary
) -> tuple[TextTable, bool]:
    """The table under the contract's column names, and whether its times are in hours.

    A column keeps the name it has in the file, for messages.
    """
    chosen: dict[str, TextColumn] = {}
    in_hours = False
    for name in COLUMNS:
        for alias in (name, *OTHER_NAMES.get(name, ())):
            if alias in table.columns:
                if name in chosen:
                    _second_name(table, chosen[name], table.columns[alias], name == "ID", found)
                    continue
                chosen[name] = table.columns[alias]
                in_hours = in_hours or alias in HOUR_COLUMNS
    chosen |= {name: table.columns[name] for name in UNIT_COLUMNS if name in table.columns}
    known = {*ANY_TABLE}
    for name, covariate in words.varying.items():
        if name in table.columns:
            chosen[name] = table.columns[name]
        else:
            counts = f"{covariate.missing:g} {covariate.unit}"
            found.warn(f"there is no column {name}: it counts as {counts} in every patient")
    known |= set(words.varying)
    unknown = [name for name in table.columns if name not in known]
    missing = [name for name in REQUIRED if name not in chosen]
    for name in missing:
        close = difflib.get_close_matches(name, unknown, n=1, cutoff=0.6)
        hint = f"is it {close[0]}?" if close else f"there are {', '.join(table.columns)}"[:200]
        found.add(table.header_line, name, None, f"a column {name}", hint)
    for name in unknown:
        close = difflib.get_close_matches(name, [c for c in COLUMNS if c not in chosen], n=1)
        found.warn(
            f"column {name} is not part of the event table and is ignored"
            + (f" (is it {close[0]}?)" if close else "")
        )
    if not len(table):
        found.add(None, None, "no records below the header", "at least one record")
    read = TextTable(chosen, table.lines, table.comments, table.header_line)
    if in_hours and "FRLTU" in table.columns:
        unit = table.columns["FRLTU"]
        other = unit.rows(np.array([w.lower() not in ("", ".", *_HOURS) for w in unit.words], bool))
        Sheet(table, found).flag(other, "FRLTU", "hours, the unit of AFRLT and NFRLT")
    return read, in_hours


def _warn_of_unused(
    records: Records, doses: checks.Doses, words: Vocabulary, found: Findings
) -> None:
    """Warn of records and doses that the model says nothing about."""
    values = records.is_observation & ~np.isnan(records.value)
    for sentence in words.silent_on(
        _words(words.quantities, records.quantity[values]),
        _words(words.compartments, records.compartment[doses.record]),
    ):
        found.warn(sentence)


def _second_name(
    table: TextTable, read: TextColumn, other: TextColumn, is_id: bool, found: Findings
) -> None:
    """Tell of a column that means what another means, and refuse two persons under one ID."""
    if not is_id:
        found.warn(f"column {other.name} is not read, as {read.name} is there")
        return
    pairs = pd.DataFrame({"own": read.rows(read.words), "other": other.rows(other.words)})
    stated = pairs[~pairs["other"].isin(["", "."])].drop_duplicates()
    for row in stated.index[stated["own"].duplicated()]:
        expected = f"one {other.name} under an {read.name}"
        hint = f"two persons? name them by {other.name} alone"
        found.add(int(table.lines[row]), other.name, other.word(row), expected, hint)


def _words(names: Sequence[str], codes: np.ndarray) -> np.ndarray:
    """The name of each code, None for -1."""
    return np.array([*names, None], dtype=object)[codes]


def _cohort(records: Records, doses: checks.Doses, patients: pd.DataFrame, **about) -> Cohort:
    ids = np.array(records.ids, dtype=object)
    table = pd.DataFrame(
        {
            "id": ids[records.patient[doses.record]],
            "day": doses.day,
            "prescribed_gy": records.amount[doses.record],
            "amount_mg": records.amount[doses.record],
            "duration": records.duration[doses.record],
            "steady": np.where(doses.is_first, records.steady[doses.record], 0.0),
            "drug": _words(records.words.compartments, records.compartment[doses.record]),
            "lesion": records.lesion[doses.record],
        }
    )
    fraction = records.is_fraction[doses.record]
    seen = records.is_observation
    observations = pd.DataFrame(
        {
            "id": ids[records.patient[seen]],
            "day": records.day[seen],
            "quantity": _words(records.words.quantities, records.quantity[seen]),
            "value": records.value[seen],
            "lloq": records.lloq[seen],
            "lln": records.lln[seen],
            "censored": records.censored[seen],
            "lower": records.lower[seen],
            "upper": records.upper[seen],
            "tube": _words(TUBES, records.tube[seen]),
            "delay": records.delay[seen],
            "sd": records.sd[seen],
            "lesion": records.lesion[seen],
            "row": records.lines[seen],
        }
    )
    return Cohort(patients, table.loc[fraction], table.loc[~fraction], observations, **about)


def write_events(
    cohort: Cohort, path: str | os.PathLike[str], header_comments: Sequence[str] = ()
) -> None:
    """Write the event table of `cohort`, after `header_comments` as `#` lines.

    A synthetic cohort says so in a comment of its own when none of the given ones does, and each
    accepted check of plausibility stands in a comment with its reason, as does the file of the
    user's own sites, without which the table is not read again. Numbers are written in full, so
    that `read_events` gives the same cohort back (but for `row`, `source`, `sha256` and
    `warnings`). The file appears complete or not at all.

    Example:
        >>> lk.write_events(lk.read_events(table), "copy.csv")
        >>> len(lk.read_events("copy.csv"))
        7
    """
    comments = [line for comment in header_comments for line in comment.splitlines() or [""]]
    if cohort.synthetic and not any("synthetic" in line.lower() for line in comments):
        comments.insert(0, "synthetic data: no real patients")
    comments += [f"accepted {name}: {reason}" for name, reason in cohort.accepted.items()]
    if cohort.sites.file:
        comments.append(f"{SITES_OF}{cohort.sites.file}, sha256 {cohort.sites.sha256}")
    table = neutral_frame(cohort.to_events()).to_csv(
        index=False,
        lineterminator="\n",
        float_format=lambda number: repr(float(cast(float, number))).removesuffix(".0"),
    )
    write_text(path, "".join(f"# {line}".rstrip() + "\n" for line in comments) + table)
