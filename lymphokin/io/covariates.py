"""The covariates of an event table's patients: each cell as a number or a known word."""

import difflib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.csv_text import restored
from lymphokin.io.sheet import Sheet, is_blank
from lymphokin.io.vocabulary import (
    IMMUNE_DOSE_SOURCES,
    NUMERIC_COVARIATES,
    SEXES,
    TEXT_COVARIATES,
)
from lymphokin.quantities import VaryingCovariate
from lymphokin.sites import SiteTable

MOST_LESIONS = 100
"""Largest number of lesions of a patient (judgement)."""


def read_covariates(sheet: Sheet, sites: SiteTable) -> dict[str, NDArray[Any]]:
    """Each covariate per record: numbers with NaN, text with None where blank.

    `sites`: what SITE may name.
    """
    read: dict[str, NDArray[Any]] = {}
    for name in NUMERIC_COVARIATES:
        read[name] = sheet.numbers(name)
    sheet.flag(read["PTV_CM3"] <= 0, "PTV_CM3", "a target volume above 0 cm3")
    lesions = read["N_LESIONS"]
    wrong = ~np.isnan(lesions) & ~np.isin(lesions, np.arange(1, MOST_LESIONS + 1))
    sheet.flag(wrong, "N_LESIONS", "a number of lesions, 1, 2, ...")
    for name in TEXT_COVARIATES:
        column = sheet.column(name)
        rule, expected = _site_rule(sites) if name == "SITE" else _TEXTS[name]
        words = np.array([_text(word, rule) for word in column.words], dtype=object)
        read[name] = column.rows(words)
        hint = partial(_site_hint, sites) if name == "SITE" else ""
        sheet.flag(sheet.stated(name) & pd.isna(read[name]), name, expected, hint)
    return read


def read_varying(
    sheet: Sheet, covariates: Iterable[VaryingCovariate]
) -> dict[str, NDArray[np.float64]]:
    """Each covariate that changes within a patient, per record, NaN where it is not stated."""
    read = {}
    for covariate in covariates:
        value = sheet.numbers(covariate.name)
        outside = (value < covariate.lowest) | (value > covariate.highest)
        expected = f"{covariate.lowest:g} to {covariate.highest:g} {covariate.unit}"
        sheet.flag(outside, covariate.name, expected)
        read[covariate.name] = value
    return read


def _text(word: str, rule: Callable[[str], str | None]) -> str | None:
    return None if is_blank(word) else rule(word)


def _site_rule(sites: SiteTable) -> tuple[Callable[[str], str | None], str]:
    known = ", ".join(sites.by_name)
    expected = f"a site class, or one per lesion joined by +: {known}"
    return sites.class_of, expected if sites.file else f"{expected}; or of a table of your own"


def _site_hint(sites: SiteTable, word: str) -> str:
    parts = [part.strip().lower() for part in word.split("+")]
    close = [(difflib.get_close_matches(part, sites.by_name, n=1) or [""])[0] for part in parts]
    return "+".join(close) + "?" if all(close) else ""


def _sex(word: str) -> str | None:
    return word.upper() if word.upper() in SEXES else None


def _source(word: str) -> str | None:
    return word.lower() if word.lower() in IMMUNE_DOSE_SOURCES else None


def _date(word: str) -> str | None:
    try:
        return str(np.datetime64(word, "D")) if len(word) == 10 and word[4] == "-" else None
    except (ValueError, OverflowError):
        return None


def _printable(word: str) -> str | None:
    return restored(word) if word.isprintable() else None


_TEXTS: dict[str, tuple[Callable[[str], str | None], str]] = {
    "ARM": (_printable, "printable text"),
    "CENTRE": (_printable, "printable text"),
    "SEX": (_sex, "F or M"),
    "IMMUNE_DOSE_SOURCE": (_source, "one of " + ", ".join(IMMUNE_DOSE_SOURCES)),
    "START_DATE": (_date, "the date of day 0, such as 2026-03-09"),
}
