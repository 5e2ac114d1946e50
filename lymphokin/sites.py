"""Anatomical sites of a lesion: rows of a table.

The shipped one is `data/immune_dose_by_site.csv`; a user may have rows beside or instead of its.
Each gives the dose to the immune system of a reference course to one lesion, how well that is
known, its labels and the words that mean it. A table goes with the data that it was read for: a
cohort, a fit, draws of a population.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from lymphokin.shipped import data_path

UNKNOWN = "other"
"""Where the site is not stated."""
COLUMNS = (
    "site",
    "label",
    "synonyms",
    "reference_course",
    "reference_prescribed_gy",
    "immune_dose_gy",
    "log_sd",
    "source",
    "certainty",
)
"""Columns of a table of sites; beside them `label_fr` and so on, labels in other languages."""
LABEL_IN = "label_"
"""What the name of a column of labels in another language than English begins with."""
ENGLISH = "en"
BETWEEN_SYNONYMS = "|"
CERTAIN = ("computed", "measured")
"""Words of `certainty` that make a dose with a width of its own more than a judgement."""


@dataclass(frozen=True)
class Site:
    """An anatomical site class.

    Attributes:
        name: Its word in an event table.
        labels: What a form calls it, by language; English is always there.
        synonyms: Words that mean it, in lower case.
        reference_course: The course that the dose is stated of, such as `5x10 Gy`.
        reference_prescribed_gy: Gy prescribed in that course.
        immune_dose_gy: Gy to the blood of that course to one lesion.
        log_sd: Log-SD of a course's true dose around it; None: that of the model's parameter table.
        source: Where the dose comes from.
        certainty: How sure it is, in a word.
    """

    name: str
    labels: Mapping[str, str]
    synonyms: tuple[str, ...]
    reference_course: str
    reference_prescribed_gy: float
    immune_dose_gy: float
    log_sd: float | None
    source: str
    certainty: str

    @classmethod
    def of_cells(cls, cells: Mapping[str, str]) -> Site:
        """The site of a row, whose numbers are written as Python does."""
        labels = {
            column.removeprefix(LABEL_IN): text
            for column, text in cells.items()
            if column.startswith(LABEL_IN) and text
        }
        return cls(
            cells["site"],
            {ENGLISH: cells["label"], **labels},
            words_in(cells["synonyms"]),
            cells["reference_course"],
            float(cells["reference_prescribed_gy"]),
            float(cells["immune_dose_gy"]),
            float(cells["log_sd"]) if cells["log_sd"] else None,
            cells["source"],
            cells["certainty"],
        )

    def cells(self) -> dict[str, str]:
        """The row of the site."""
        others = {LABEL_IN + name: text for name, text in self.labels.items() if name != ENGLISH}
        return {
            "site": self.name,
            "label": self.label,
            **others,
            "synonyms": BETWEEN_SYNONYMS.join(self.synonyms),
            "reference_course": self.reference_course,
            "reference_prescribed_gy": _shortest(self.reference_prescribed_gy),
            "immune_dose_gy": _shortest(self.immune_dose_gy),
            "log_sd": "" if self.log_sd is None else _shortest(self.log_sd),
            "source": self.source,
            "certainty": self.certainty,
        }

    @property
    def label(self) -> str:
        """What a form calls it in English."""
        return self.labels[ENGLISH]

    @property
    def immune_dose_per_gy(self) -> float:
        """Gy to the blood per prescribed Gy to one lesion."""
        return self.immune_dose_gy / self.reference_prescribed_gy

    @property
    def judged(self) -> bool:
        """Whether its dose is a judgement of its own."""
        return self.log_sd is not None and self.certainty not in CERTAIN

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that means it, in lower case with spaces."""
        return (self.name, self.name.replace("_", " "), *self.synonyms)

    @property
    def numbers(self) -> str:
        """The numbers of the site in words."""
        width = "" if self.log_sd is None else f", log-SD {self.log_sd:g}"
        return f"{self.immune_dose_per_gy:.4g} Gy per Gy{width}"

    def says_as(self, other: Site) -> bool:
        """Whether another site has the same numbers."""
        alike = math.isclose(self.immune_dose_per_gy, other.immune_dose_per_gy, rel_tol=1e-12)
        return alike and self.log_sd == other.log_sd


def words_in(text: str) -> tuple[str, ...]:
    """Synonyms in a cell, in lower case with single spaces."""
    return tuple(plain for word in text.split(BETWEEN_SYNONYMS) if (plain := plain_word(word)))


def plain_word(text: str) -> str:
    """A word as it is compared: in lower case with single spaces."""
    return " ".join(text.lower().split())


def _shortest(number: float) -> str:
    return repr(number).removesuffix(".0")


@dataclass(frozen=True, eq=False)
class SiteTable:
    """Site classes by name, and where those that are not shipped come from.

    Attributes:
        by_name: the sites.
        file: names of the user's own files, empty where there is none.
        sha256: of their bytes.
        accepted: checks of plausibility that were accepted, by name with the reason.
        notes: what to know of the user's rows, one sentence each.
    """

    by_name: Mapping[str, Site]
    file: str = ""
    sha256: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def by_word(self) -> Mapping[str, str]:
        """Names by every word that means them, in lower case with spaces."""
        return {word: site.name for site in self.by_name.values() for word in site.words}

    def class_of(self, text: str) -> str | None:
        """The site classes that a text means, one per lesion joined by `+`; None if one is unknown.

        >>> shipped_sites().class_of("Liver + Prostate gland")
        'liver+prostate'
        """
        found = [self.by_word.get(plain_word(part)) for part in text.split("+")]
        return None if None in found else "+".join(str(name) for name in found)

    def knows(self, site: str) -> bool:
        """Whether site classes, one for all lesions or one per lesion joined by `+`, are here."""
        return {*site.split("+")} <= {*self.by_name}

    def of_lesions(self, site: str | None) -> list[Site]:
        """The sites of a patient's lesions, one where all are alike; a blank one is "other".

        Raises:
            ValueError: when one is not in the table.
        """
        names = (site or UNKNOWN).split("+")
        if unknown := sorted({*names} - {*self.by_name}):
            known = ", ".join(self.by_name)
            raise ValueError(f"unknown site class {', '.join(unknown)}; known: {known}")
        return [self.by_name[name] for name in names]

    def labels(self, language: str) -> dict[str, str]:
        """Labels in a language by the English ones, of the sites that have one."""
        return {
            site.label: site.labels[language]
            for site in self.by_name.values()
            if language in site.labels
        }

    def unlike(self, other: SiteTable, names: Iterable[str]) -> list[tuple[Site, Site]]:
        """Of some names, the sites that have other numbers here than in another table."""
        both = [name for name in dict.fromkeys(names) if name in other.by_name]
        pairs = [(self.by_name[n], other.by_name[n]) for n in both if n in self.by_name]
        return [(own, its) for own, its in pairs if not own.says_as(its)]

    def joined(self, other: SiteTable) -> SiteTable:
        """The sites of both tables; a site of both is as it is here."""

        def files(mine: str, its: str) -> str:
            every = [name for text in (mine, its) for name in text.split(", ") if name]
            return ", ".join(dict.fromkeys(every))

        if {*other.by_name} <= {*self.by_name}:
            return self
        return SiteTable(
            {**other.by_name, **self.by_name},
            files(self.file, other.file),
            files(self.sha256, other.sha256),
            {**other.accepted, **self.accepted},
            tuple(dict.fromkeys((*self.notes, *other.notes))),
        )

    def as_text(self) -> str:
        """The table as text, which reads back the same."""
        rows = [site.cells() for site in self.by_name.values()]
        languages = dict.fromkeys(c for row in rows for c in row if c.startswith(LABEL_IN))
        first, *rest = [c for c in COLUMNS if c != "label"]
        text = io.StringIO()
        text.writelines(f"# accepted {name}: {why}\n" for name, why in self.accepted.items())
        writer = csv.DictWriter(text, [first, "label", *languages, *rest], "", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()


@cache
def shipped_sites() -> SiteTable:
    """The table that comes with lymphokin."""
    with data_path("immune_dose_by_site.csv").open(encoding="utf-8", newline="") as file:
        rows = [Site.of_cells(row) for row in csv.DictReader(file)]
    return SiteTable({site.name: site for site in rows})
