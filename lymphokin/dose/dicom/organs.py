"""Which structure of a set is which organ, by name, type and content.

An empty contour never stands for an organ. Where several contours could be one organ, the name
nearest the standard is taken if they have about one size; otherwise the user is asked. What was
not taken is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lymphokin.dose.contours import drawn_cm3
from lymphokin.dose.dicom.structures import Structure
from lymphokin.dose.structure_names import BODY, OWN, Part, is_target, match_name, plain
from lymphokin.io.problems import Findings

ALIKE = 1.4
"""Largest over smallest volume of contours that may be the same organ (judgement: a target taken
out of a lung makes up to a third)."""
HALF = 0.5
"""Part of its bounding boxes that an outline of the body fills; an ellipse fills 0.79."""
LAST = 9
"""Rank of a body outline that is known by its type or form alone."""
_SKIN = Part("skin", "whole")
_WHOLE_BODY = Part(BODY, "whole")
_TARGETS = ("GTV", "CTV", "PTV")
_ORGAN_KINDS = ("", "ORGAN", "AVOIDANCE", "OTHER", "NONE")
"""Types of a structure that may be an organ (RTROIInterpretedType, DICOM PS3.3 C.8.8.8)."""


@dataclass
class Organs:
    """Structures by organ. `targets`: those that are treated. `unknown`: names without a known
    organ; `not_taken`: names that stand for an organ and were not taken, with the reason."""

    by_part: dict[Part, Structure] = field(default_factory=dict)
    targets: list[Structure] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    not_taken: list[str] = field(default_factory=list)


def choose_organs(
    structures: Sequence[Structure],
    frame: str,
    own_names: Mapping[str, Part],
    shown: Callable[[str], str],
    found: Findings,
    histograms: Collection[int] | None = None,
) -> Organs:
    """The structures of a set by the organ that they are.

    Args:
        structures: Those of the structure set.
        frame: Frame of reference of the dose, '' if not stated.
        own_names: The user's names, see `match_name`.
        shown: Makes a name fit to be shown.
        found: Takes problems.
        histograms: Numbers of structures that have a histogram, where these serve instead of
            contours.
    """
    drawn = histograms is None
    made = Organs()
    candidates: dict[Part, list[tuple[int, Structure]]] = {}
    for structure in structures:
        if frame and structure.frame and structure.frame != frame:
            made.not_taken.append(f"{shown(structure.name)} (on another frame of reference)")
            continue
        full = bool(structure.contours) if drawn else structure.number in histograms
        if full and (structure.kind in _TARGETS or is_target(structure.name)):
            made.targets.append(structure)
        match = match_name(structure.name, own_names)
        outline = match is not None and match.rank > OWN and match.part == _SKIN and (
            structure.kind == "EXTERNAL" or (drawn and _solid(structure)))  # fmt: skip
        if match is not None and match.rank > OWN and structure.kind not in _ORGAN_KINDS:
            match = match if structure.kind == "EXTERNAL" and match.part == _WHOLE_BODY else None
        if match is None and (structure.kind != "EXTERNAL" or plain(structure.name) in own_names):
            made.unknown.append(shown(structure.name))
        elif not full:
            why = "no closed contours" if drawn else "no histogram"
            made.not_taken.append(f"{shown(structure.name)} ({why})")
        elif outline or match is None:
            candidates.setdefault(_WHOLE_BODY, []).append((LAST, structure))
        else:
            candidates.setdefault(match.part, []).append((match.rank, structure))
    for part, named in candidates.items():
        _choose(part, named, made, shown, found, drawn)
    return made


def _choose(
    part: Part, named: Sequence[tuple[int, Structure]], made: Organs, shown: Callable[[str], str],
    found: Findings, drawn: bool,
) -> None:  # fmt: skip
    full = sorted(named, key=lambda pair: pair[0])
    _, best = full[0]
    others = [s for _, s in full[1:]]
    if others and drawn and not _settled(full):
        sizes = [drawn_cm3(s.contours) for _, s in full]
        if max(sizes) > ALIKE * min(sizes):
            names = ", ".join(f"{shown(s.name)} ({size:.3g} cm3)"
                              for (_, s), size in zip(full, sizes, strict=True))  # fmt: skip
            found.add(None, shown(best.name), names, f"one structure that is {_said(part)}",
                      "say which with a table of names, ORGAN none for the others")  # fmt: skip
            return
    made.by_part[part] = best
    for structure in others:
        made.not_taken.append(f"{shown(structure.name)} ({shown(best.name)} is {_said(part)})")


def _settled(full: Sequence[tuple[int, Structure]]) -> bool:
    """Whether the user named the first structure and no other, or it alone has the name of the
    body."""
    first, second = full[0][0], full[1][0]
    return first < second and (first == OWN or second == LAST)


def _said(part: Part) -> str:
    return part.organ if part.part == "whole" else f"{part.organ} ({part.part})"


def _solid(structure: Structure) -> bool:
    """Whether one contour per plane fills its plane: `Skin` is often the outline of the body.

    The skin itself is a shell, of two contours in a plane or of one that encloses little.
    """
    contours = [c for c in structure.contours if len(c) >= 3]
    heights = {round(float(c[:, 2].mean()), 1) for c in contours}
    if not contours or len(heights) < len(contours):
        return False
    corners = [(c.min(axis=0), c.max(axis=0)) for c in contours]
    boxes = [np.array([low, [high[0], low[1], low[2]], high, [low[0], high[1], high[2]]])
             for low, high in corners]  # fmt: skip
    return drawn_cm3(contours) > HALF * drawn_cm3(boxes)
