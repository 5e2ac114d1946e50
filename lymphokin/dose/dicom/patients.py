"""Whose objects they are.

Objects with one PatientID belong together. An identifier that anonymising leaves behind (`ANON`,
blank, 0) names nobody, so that different frames of reference under it may be different persons.
Different birth dates, sexes, issuers or names under one identifier are different persons, and one
person may stand under two spellings of an identifier. Neither is added up unless the user says
that it is one person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lymphokin.dose.dicom.files import KINDS, Object, items, referenced, text
from lymphokin.io.problems import BadInput, Findings
from lymphokin.plausible.identifiers import names_nobody, spelling

SIGNS = {
    "PatientBirthDate": "birth dates",
    "PatientSex": "sexes",
    "IssuerOfPatientID": "issuers of the identifier",
}
"""Elements of which a person has one."""


@dataclass
class PatientObjects:
    """The objects of one patient. `warnings` and `accepted`: see `Findings`."""

    sex: str | None = None
    doses: list[Object] = field(default_factory=list)
    structures: list[Object] = field(default_factory=list)
    plans: list[Object] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)
    _words: set[str] = field(default_factory=set)

    def shown(self, name: str) -> str:
        """A name of a structure or file, hidden if it holds a word of the patient's name or
        number."""
        words = {w for w in re.split(r"[^0-9a-z]+", name.lower()) if w}
        return "(hidden: names the patient)" if words & self._words else name


def patients_of(
    objects: Sequence[Object], folder: str, accept: Mapping[str, str] | None = None
) -> list[PatientObjects]:
    """The patients that have a dose, in the order of their identifiers.

    Args:
        objects: Every radiotherapy object of the folder.
        folder: Name of the folder, for messages.
        accept: Checks of plausibility to accept, by name with the reason; `patient_identity`
            takes for one patient what looks like several.

    Raises:
        BadInput: when several persons seem to be one patient, or one to be several.
    """
    by_id: dict[str, list[Object]] = {}
    for one in objects:
        by_id.setdefault(text(one.data, "PatientID"), []).append(one)
    patients, problems = [], []
    for group in _linked(by_id):
        own = [o for identifier in group for o in by_id[identifier]]
        if not any(o.kind == "RTDOSE" for o in own):
            continue
        found = Findings(folder, accept)
        _judge_identifiers(group, found)
        for identifier in group:
            _judge_persons(identifier, by_id[identifier], found)
        problems += found.problems
        patients.append(_patient(own, found))
    if problems:
        raise BadInput(dict.fromkeys(problems))
    used = sum(len(p.doses) + len(p.plans) + len(p.structures) for p in patients)
    if used < len(objects):
        for patient in patients:
            patient.warnings.append(
                f"{len(objects) - used} RT Plans or Structure Sets of another patient identifier "
                "have no RT Dose: left out"
            )
    return patients


def _patient(own: Sequence[Object], found: Findings) -> PatientObjects:
    sexes = sorted({sex for o in own if (sex := text(o.data, "PatientSex").upper()) in ("F", "M")})
    words = {word for o in own for word in _identifying(o)}
    doses, structures, plans = ([o for o in own if o.kind == kind] for kind in KINDS)
    sex = sexes[0] if len(sexes) == 1 else None
    return PatientObjects(sex, doses, structures, plans, found.warnings, found.accepted, words)


def _linked(by_id: Mapping[str, Sequence[Object]]) -> list[list[str]]:
    """Identifiers that seem to be one patient's: spelt alike, or of objects that refer to each
    other; in order."""
    home = {o.uid: identifier for identifier, own in by_id.items() for o in own if o.uid}
    groups: list[set[str]] = []
    for identifier in sorted(by_id):
        same = {identifier}
        same |= {other for other in by_id if spelling(other) == spelling(identifier) != ()}
        for one in by_id[identifier]:
            same |= {home[uid] for uid in references(one) if uid in home}
        joined = [g for g in groups if g & same]
        groups = [g for g in groups if not g & same]
        groups.append(same.union(*joined))
    return sorted(sorted(group) for group in groups)


def references(one: Object) -> set[str]:
    """UIDs of the plans and structure sets that an object refers to."""
    plans = referenced(one.data, "ReferencedRTPlanSequence")
    return plans | referenced(one.data, "ReferencedStructureSetSequence")


def _judge_identifiers(group: Sequence[str], found: Findings) -> None:
    found.judge(
        "patient_identity", len(group), None, "PatientID",
        f"{len(group)} identifiers, spelt alike or of linked objects",
        "two patients, or one whose files were pseudonymised twice?",
    )  # fmt: skip


def _judge_persons(identifier: str, own: Sequence[Object], found: Findings) -> None:
    """Persons that seem to stand under one identifier."""
    hint = "several patients? put each one's files in a folder of its own"
    for element, what in SIGNS.items():
        stated = {text(o.data, element).upper() for o in own} - {"", "O", "19000101"}
        found.judge("patient_identity", max(len(stated), 1), None, element,
                    f"{len(stated)} {what} under one PatientID", hint)  # fmt: skip
    names = _people(text(o.data, "PatientName") for o in own)
    found.judge("patient_identity", max(names, 1), None, "PatientName",
                f"{names} names without a word in common under one PatientID", hint)  # fmt: skip
    if names_nobody(identifier):
        places = {o.frame or text(o.data, "StudyInstanceUID") for o in own if o.kind == "RTDOSE"}
        found.judge(
            "patient_identity", len(places), None, "PatientID",
            f"{len(places)} frames of reference under a placeholder", hint,
        )  # fmt: skip


def _people(names: Iterable[str]) -> int:
    """Names that share no word with each other, without those that name nobody."""
    people: list[set[str]] = []
    for name in sorted({n for n in names if not names_nobody(n)}):
        words = {w for w in re.split(r"[\W_]+", name.lower()) if not names_nobody(w)}
        if not words:
            continue
        joined = [p for p in people if p & words]
        people = [p for p in people if not p & words]
        people.append(words.union(*joined))
    return len(people)


def _identifying(one: Object) -> set[str]:
    """Words of names and numbers of the patient, to keep them out of what is shown."""
    words = " ".join(text(one.data, n) for n in ("PatientName", "PatientID", "OtherPatientIDs"))
    others = (text(i, "PatientID") for i in items(one.data, "OtherPatientIDsSequence"))
    every = re.split(r"[^0-9a-z]+", " ".join([words, *others]).lower())
    return {w for w in every if len(w) >= 3}
