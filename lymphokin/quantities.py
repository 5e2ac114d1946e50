"""What is measured, as a reader meets it: name, unit, label and decimals.

A model's outputs say this of themselves (`Model.observables`). A shipped table holds the quantities
that an event table may contain without a model, and fills in what an output leaves out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from tomllib import loads
from typing import Any

from lymphokin.plausible import LARGEST_ALC
from lymphokin.shipped import data_path

HOURS_PER_DAY = 24.0
CELLS_PER_UL = 1000.0
"""Cells/uL in 1e9/L."""
DECIMALS, LARGEST = 2, 1e6
"""Decimals and largest value of a quantity that nothing else is known of (judgement)."""
_TYPOGRAPHY = {"1e9/L": "10⁹/L", "cells/uL": "cells/µL", "m2": "m²", "cm3": "cm³"}


@dataclass(frozen=True)
class Observable:
    """A quantity that a laboratory measures.

    Attributes:
        name: Its word in the event table (DVID) and among a model's outputs.
        unit: Unit of its values, such as "1e9/L".
        label: What an axis or a field of a form calls it, such as "lymphocytes".
        records: What several measurements are called, such as "lymphocyte counts".
        decimals: Digits after the point to which a laboratory reports it.
        at_most: Largest value that a form accepts, in `unit`.
        per_lesion: Whether every lesion of a patient has a value of its own.
        event: Whether it is an event that happens once: a record is 1 (it has happened) or 0.
        ends_records: Whether it is an event after which nothing is measured or given.
        molar_mass: Of a drug whose level it is, in g/mol; 0 where it is not known.
        in_full: The label written out, as a sentence begins with it; empty if it is that already.
    """

    name: str
    unit: str
    label: str
    records: str
    decimals: int = DECIMALS
    at_most: float = LARGEST
    per_lesion: bool = False
    event: bool = False
    ends_records: bool = False
    in_full: str = ""
    molar_mass: float = 0.0

    @property
    def shown_unit(self) -> str:
        """The unit as people write it; empty for a ratio."""
        return shown_unit(self.unit)

    @property
    def axis(self) -> str:
        """Label of an axis, with the unit in brackets."""
        return f"{self.label} ({self.shown_unit})" if self.shown_unit else self.label


def shown_unit(unit: str) -> str:
    """A unit as people write it, such as "10⁹/L" for "1e9/L"; empty for "1"."""
    return "" if unit == "1" else _TYPOGRAPHY.get(unit, unit)


_WORDS: dict[str, Any] = loads(data_path("vocabulary.toml").read_text(encoding="utf-8"))
OBSERVABLES: dict[str, Observable] = {
    name: Observable(name, **({"at_most": LARGEST_ALC} if name == "alc" else {}) | keys)
    for name, keys in _WORDS["observables"].items()
}
"""The quantities of the event table, by name."""


def described(
    name: str,
    unit: str,
    meaning: str = "",
    label: str = "",
    decimals: int | None = None,
    at_most: float | None = None,
) -> Observable:
    """The observable that an output of a model declares.

    What the output leaves out comes from the quantity of the same name and unit in
    :data:`OBSERVABLES`, else from its meaning.
    """
    known = OBSERVABLES.get(name)
    if known is None or known.unit != unit:
        words = label or meaning or name
        known = Observable(name, unit, words, f"records of {words}")
    elif label and label != known.label:
        known = Observable(name, unit, label, f"records of {label}", known.decimals, known.at_most)
    return Observable(
        name,
        unit,
        known.label,
        known.records,
        known.decimals if decimals is None else decimals,
        known.at_most if at_most is None else at_most,
        in_full=known.in_full or meaning[:1].upper() + meaning[1:],
        molar_mass=known.molar_mass,
    )


def records_of(name: str) -> str:
    """What several measurements of a quantity are called; any other name as it is."""
    return OBSERVABLES[name].records if name in OBSERVABLES else name


@dataclass(frozen=True)
class Drug:
    """A drug that is given.

    Attributes:
        name: Its word in the event table (CMT) and in `takes` of a model's block.
        unit: Unit of an amount, such as "mg".
        label: What a table or a form calls it.
        infused: Whether a dose may be an infusion.
    """

    name: str
    unit: str
    label: str
    infused: bool = False


DRUGS: dict[str, Drug] = {name: Drug(name, **keys) for name, keys in _WORDS["drugs"].items()}
"""The drugs of the event table without a model, by name."""
DRUG: str = next(iter(DRUGS))
"""The drug of a block that does not say what it takes."""


@dataclass(frozen=True)
class VaryingCovariate:
    """A covariate whose value changes within a patient, such as a daily dose of steroids.

    Attributes:
        name: Its column in the event table, and what blocks read (`u.STEROIDS`).
        unit: Unit of its values, such as "mg".
        meaning: What it is, in a few words.
        lowest: Smallest value that can be.
        highest: Largest value that can be.
        missing: What counts until a value is stated.
    """

    name: str
    unit: str
    meaning: str
    lowest: float
    highest: float
    missing: float


@dataclass(frozen=True)
class Vocabulary:
    """What an event table may say was measured (DVID) and given (CMT).

    Attributes:
        observables: What the model measures, by name.
        drugs: What the model takes, by name.
        model: Its name; empty without a model.
        irradiated: Whether it knows of radiotherapy.
        varying: Covariates of the model that change within a patient, by name.
        events: Events that happen once, at rates of the model, by name.
        begins_with_first_record: Whether a patient's states have their initial values on the first
            record, and events can happen from then on, not only from the first fraction or dose.
    """

    observables: Mapping[str, Observable] = field(default_factory=lambda: OBSERVABLES)
    drugs: Mapping[str, Drug] = field(default_factory=lambda: DRUGS)
    model: str = ""
    irradiated: bool = True
    varying: Mapping[str, VaryingCovariate] = field(default_factory=dict)
    events: Mapping[str, Observable] = field(default_factory=dict)
    begins_with_first_record: bool = False

    @property
    def quantities(self) -> tuple[str, ...]:
        """Words of DVID: the model's, then those that any event table may hold."""
        return tuple({**self.observables, **self.events, **OBSERVABLES})

    @property
    def compartments(self) -> tuple[str, ...]:
        """Words of CMT: a fraction of radiotherapy, the model's drugs, then any table's."""
        return ("rt", *{**self.drugs, **DRUGS})

    @property
    def counts_lymphocytes(self) -> bool:
        """Whether `alc` is measured, in its usual unit."""
        return self.observables.get("alc") is not None and (
            self.observables["alc"].unit == OBSERVABLES["alc"].unit
        )

    def observable(self, name: str) -> Observable:
        """What a word of DVID means."""
        return {**OBSERVABLES, **self.events, **self.observables}[name]

    def drug(self, name: str) -> Drug:
        """What a word of CMT other than rt means."""
        return self.drugs[name] if name in self.drugs else DRUGS[name]

    def silent_on(self, quantities: Iterable[str], drugs: Iterable[str]) -> list[str]:
        """Sentences on records and doses that the model says nothing about.

        Args:
            quantities: of each record.
            drugs: of each dose, rt of each fraction.
        """
        given = {*self.drugs, *(("rt",) if self.irradiated else ())}
        parts = (
            (quantities, {*self.observables, *self.events}, "record(s)", "measure"),
            (drugs, given, "dose(s)", "take"),
        )
        return [
            f"{count:,} {name} {records} are not used: model {self.model} does not {verb} {name}"
            for words, known, records, verb in parts
            for name, count in Counter(words).items()
            if name not in known
        ]
