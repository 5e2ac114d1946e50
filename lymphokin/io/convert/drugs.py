"""The drugs that are looked for in exposure data sets, with the words of the mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lymphokin.io.convert.bench import DRUG_LABEL, Bench
from lymphokin.io.convert.mapping_defaults import OWN_DRUG
from lymphokin.quantities import DRUG, DRUGS


@dataclass(frozen=True)
class Taken:
    """A drug as exposure data sets name it.

    Attributes:
        name: Its word in CMT.
        label: What messages call it.
        unit: Of its amounts in the event table.
        infused: Whether a dose may be an infusion.
        table: The table of the mapping with its words.
        words: The keys of that table.
    """

    name: str
    label: str
    unit: str
    infused: bool
    table: str
    words: dict[str, Any]


def drugs_taken(bench: Bench) -> list[Taken]:
    """The drugs that only the model takes, then the one of every event table."""
    stated = bench.mapping["drugs"]
    taken = []
    for name, drug in bench.words.drugs.items():
        if name not in DRUGS:
            words = {**OWN_DRUG, **stated.get(name, {})}
            words |= {"names": words["names"] or [name]}
            taken.append(Taken(name, drug.label, drug.unit, drug.infused, f"drugs.{name}", words))
    usual = bench.words.drug(DRUG)
    words = bench.mapping[DRUG]
    return [*taken, Taken(DRUG, DRUG_LABEL, usual.unit, usual.infused, DRUG, words)]
