"""A user's own table of sites: rows beside the shipped ones, or instead of them."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lymphokin.io.problems import BadInput, Findings, Problem
from lymphokin.io.sheet import is_blank
from lymphokin.plausible import accepted_in
from lymphokin.sites import (
    COLUMNS,
    ENGLISH,
    LABEL_IN,
    Site,
    SiteTable,
    plain_word,
    shipped_sites,
    words_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lymphokin.io.cohort import Cohort
    from lymphokin.io.convert.datasets import Dataset

NUMBERS = ("reference_prescribed_gy", "immune_dose_gy", "log_sd")
NEEDED = ("site", "label", "reference_course", *NUMBERS[:2], "source")
"""Columns without which nothing is known of a site, each with a cell in every row."""
LARGEST_LOG_SD = 2.0
"""Judgement: a dose known to a factor of seven, which is to say not known. Above it lie percent."""
RUN = "with which the run was made"
LONGEST = 60
"""Letters of a name or a label."""

_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST - 1}}}")
_LANGUAGE = re.compile(rf"{LABEL_IN.upper()}[A-Z]{{2}}")
_COURSE = re.compile(r"(\d+) ?x ?(\d+(?:[.,]\d+)?) ?Gy", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@")

type AnySites = SiteTable | str | os.PathLike[str] | None
"""A table of sites, or the path of a user's own; None for the one that comes with lymphokin."""


def sites_of(sites: AnySites, accept: Mapping[str, str] | None = None) -> SiteTable:
    """The table of sites that is meant."""
    if isinstance(sites, SiteTable):
        return sites
    return shipped_sites() if sites is None else read_sites(sites, accept=accept)


def read_sites(
    path: str | os.PathLike[str],
    of_run: SiteTable | None = None,
    accept: Mapping[str, str] | None = None,
) -> SiteTable:
    """The shipped table of sites with the rows of a user's file.

    The file (CSV, or a workbook) has the columns of the shipped table: SITE, LABEL,
    REFERENCE_COURSE (such as `5x10 Gy`), REFERENCE_PRESCRIBED_GY, IMMUNE_DOSE_GY and SOURCE, and if
    need be SYNONYMS (between bars), LOG_SD, CERTAINTY and labels in other languages (LABEL_FR). A
    row of a shipped site's name stands in its place, which the table's `notes` say.

    `of_run`: sites of a run instead of the shipped ones. Its sites keep their numbers. `accept`:
    checks of plausibility to accept, by name with the reason, as comments of the file may do.

    Raises BadInput with every problem found.
    """
    from lymphokin.io.convert.datasets import read_dataset  # pandas takes a second

    data = read_dataset(path)
    content = Path(path).read_bytes()
    found = Findings(data.file, {**accepted_in(content), **(accept or {})})
    base = of_run or shipped_sites()
    cells = _cells(data, found)
    rows = _rows(data, cells, found)
    _refuse_words_of_others(cells, base, found)
    if of_run is not None:
        _refuse_other_numbers(rows, of_run, found)
    found.raise_if_any()
    own = {site.name: site for site in rows.values()}
    instead = [
        f"{site.name}: {site.numbers} from {data.file} instead of {earlier.numbers}"
        for site, earlier in SiteTable(own).unlike(base, own)
    ]
    return SiteTable(
        {**base.by_name, **own},
        ", ".join(filter(None, (base.file, data.file))),
        ", ".join(filter(None, (base.sha256, hashlib.sha256(content).hexdigest()))),
        {**base.accepted, **found.accepted},
        (*instead, *data.notes, *found.warnings),
    )


def read_saved(path: Path, file: str, sha256: str) -> SiteTable:
    """A whole table as :meth:`SiteTable.as_text` wrote it, with where its own rows came from."""
    from lymphokin.io.convert.datasets import read_dataset

    data = read_dataset(path)
    found = Findings(data.file, accepted_in(path.read_bytes()))
    rows = _rows(data, _cells(data, found), found)
    found.raise_if_any()
    return SiteTable({s.name: s for s in rows.values()}, file, sha256, dict(found.accepted))


def with_sites_of(cohort: Cohort, known: SiteTable) -> Cohort:
    """New patients with the sites of a run, and those that only they have.

    Raises:
        BadInput: naming the sites of the patients whose numbers are others than those of the run.
    """
    unlike = cohort.sites.unlike(known, cohort.site_names)
    if unlike:
        file = cohort.source or "the cohort"
        raise BadInput(
            Problem(file, None, "SITE", f"{own.name}: {own.numbers}", f"{fitted.numbers}, {RUN}")
            for own, fitted in unlike
        )
    return replace(cohort, sites=known.joined(cohort.sites))


def _cells(data: Dataset, found: Findings) -> dict[int, dict[str, str]]:
    """The cells of every row by its line and column; what is wrong with columns goes to `found`."""
    _check_columns(data, found)
    languages = [name for name in data.frame.columns if _LANGUAGE.fullmatch(str(name))]
    columns = {name: data.text(name.upper()) for name in (*COLUMNS, *map(str.lower, languages))}
    return {
        int(line): {n: "" if is_blank(c.iloc[at]) else c.iloc[at] for n, c in columns.items()}
        for at, line in enumerate(data.lines)
    }


def _rows(
    data: Dataset, cells_of: Mapping[int, Mapping[str, str]], found: Findings
) -> dict[int, Site]:
    """The sites by their line; what is wrong with a row goes to `found`."""
    rows: dict[int, Site] = {}
    numbers = {name: data.numbers(name.upper()).to_numpy() for name in NUMBERS}
    for place, (line, cells) in enumerate(cells_of.items()):
        values = {name: float(column[place]) for name, column in numbers.items()}
        wrong = [*_wrong_words(cells), *_wrong_numbers(cells, values)]
        for column, expected, hint in wrong:
            found.add(line, column.upper(), cells[column] or None, expected, hint)
        if not wrong:
            per_gy = values["immune_dose_gy"] / values["reference_prescribed_gy"]
            if per_gy > 0:
                shown = f"{cells['immune_dose_gy']} Gy of {cells['reference_prescribed_gy']} Gy"
                check = "immune_dose_per_prescribed_gy"
                found.judge(check, per_gy, line, "IMMUNE_DOSE_GY", shown, "cGy?")
            known = {n: "" if np.isnan(v) else repr(v) for n, v in values.items()}
            rows[line] = Site.of_cells({**cells, **known})
    return rows


def _check_columns(data: Dataset, found: Findings) -> None:
    known = [name.upper() for name in COLUMNS]
    lacking = [name for name in NEEDED if name.upper() not in data]
    for name in lacking:
        found.add(None, name.upper(), None, f"a column {name}")
    for name in map(str, data.frame.columns):
        if name and name not in known and not _LANGUAGE.fullmatch(name):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"{close[0].lower()}?" if close else ""
            expected = f"one of the columns {', '.join(COLUMNS)}, or {LABEL_IN}fr and the like"
            found.add(None, None, name, expected, hint)
    if not len(data):
        found.add(None, None, "no rows below the header", "at least one site")
    for name in NUMBERS:
        form = data.written.get(name.upper())
        if form is not None and form.question:
            expected = "numbers that can be read in one way"
            lacking.append(name)
            found.add(None, name.upper(), form.question, expected, "write decimals with a point")
    if lacking:
        found.raise_if_any()


type Wrong = tuple[str, str, str]
"""Column, what is expected, and the likely remedy."""


def _wrong_words(cells: Mapping[str, str]) -> Iterator[Wrong]:
    name = cells["site"]
    if not _NAME.fullmatch(name):
        likely = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        hint = f"{likely}?" if _NAME.fullmatch(likely) else ""
        letters = "lower-case letters, digits and underscores, with a letter first"
        yield "site", f"a name of {letters}", hint
    for column, text in cells.items():
        if column == "label" and not text:
            yield column, "a label of the site", ""
        elif column.startswith("label") and not _is_plain(text, LONGEST):
            yield column, f"at most {LONGEST} printable letters, no formula", ""
    for column in ("source", "certainty"):
        if not _is_plain(cells[column], 1000):
            yield column, "printable text, no formula", ""
    if not cells["source"]:
        yield "source", "where the dose comes from, or that it is a judgement", ""
    if "+" in cells["synonyms"] or not _is_plain(cells["synonyms"], 1000):
        yield "synonyms", "words between bars, such as vertebra|vertebral column, without a +", ""


def _is_plain(text: str, longest: int) -> bool:
    return text.isprintable() and len(text) <= longest and not text.startswith(_FORMULA)


def _wrong_numbers(cells: Mapping[str, str], values: Mapping[str, float]) -> Iterator[Wrong]:
    prescribed, dose, log_sd = (values[name] for name in NUMBERS)
    course = _COURSE.fullmatch(cells["reference_course"])
    total = int(course[1]) * float(course[2].replace(",", ".")) if course else np.nan
    if course is None:
        yield "reference_course", "fractions x Gy, such as 5x10 Gy", ""
    if not prescribed > 0:
        yield "reference_prescribed_gy", "the Gy prescribed in the reference course, above 0", ""
    elif course and not np.isclose(total, prescribed, rtol=1e-6):
        expected = f"the Gy of the reference course: {total:g} of {cells['reference_course']}"
        yield "reference_prescribed_gy", expected, ""
    if not dose >= 0:
        yield "immune_dose_gy", "the Gy to the blood of the reference course, 0 or above", ""
    if cells["log_sd"] and not 0 < log_sd <= LARGEST_LOG_SD:
        expected = f"a log-SD above 0, at most {LARGEST_LOG_SD:g}; blank for the model's own"
        yield "log_sd", expected, "percent?" if log_sd > LARGEST_LOG_SD else ""


def _refuse_words_of_others(
    cells_of: Mapping[int, Mapping[str, str]], base: SiteTable, found: Findings
) -> None:
    """Refuse a word or a label of two sites: of two rows, or of a row and a site beside them."""
    own = {cells["site"] for cells in cells_of.values()}
    others = [site for site in base.by_name.values() if site.name not in own]
    taken = {word: f"that of {site.name}" for site in others for word in site.words}
    labels = {
        ("label" if language == ENGLISH else LABEL_IN + language, plain_word(label)): site.name
        for site in others
        for language, label in site.labels.items()
    }
    for line, cells in cells_of.items():
        names = dict.fromkeys((cells["site"], cells["site"].replace("_", " ")))
        words = {word: "SITE" for word in names if word}
        words |= {w: "SYNONYMS" for w in words_in(cells["synonyms"]) if w not in words}
        for word, column in words.items():
            if word in taken:
                found.add(line, column, word, "words that mean no other site", taken[word])
        taken |= dict.fromkeys(words, f"that of line {line}")
        for column in (name for name in cells if name.startswith("label") and cells[name]):
            key = column, plain_word(cells[column])
            if key in labels:
                hint = f"that of {labels[key]}"
                found.add(line, column.upper(), cells[column], "a label of no other site", hint)
            labels[key] = f"line {line}"


def _refuse_other_numbers(rows: Mapping[int, Site], run: SiteTable, found: Findings) -> None:
    """Refuse other numbers of a site than those that a run was made with."""
    lines = {site.name: line for line, site in rows.items()}
    own = SiteTable({site.name: site for site in rows.values()})
    for site, fitted in own.unlike(run, own.by_name):
        column = "IMMUNE_DOSE_GY"
        if site.immune_dose_per_gy == fitted.immune_dose_per_gy:
            column = "LOG_SD"
        expected = f"{fitted.numbers}, {RUN}"
        found.add(lines[site.name], column, site.numbers, expected, site.name)
