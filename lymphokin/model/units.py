"""Units that a model may write: known factors, joined by ``*``, a space or ``/``."""

from __future__ import annotations

import re

_MG_IN = {"fg": 1e12, "pg": 1e9, "ng": 1e6, "ug": 1e3, "µg": 1e3, "mg": 1.0, "cg": 0.1, "dg": 0.01,
          "g": 1e-3, "kg": 1e-6}  # fmt: skip
_PREFIXES = ("", "f", "p", "n", "u", "µ", "m", "c", "d", "k", "M", "G")
_SCALED = ("g", "L", "l", "m", "mol", "Gy", "Sv", "Bq", "U", "IU", "J", "cal", "N", "Pa", "Hz", "V",
           "K", "Da", "eq", "osm", "kat", "s", "M")  # fmt: skip
_WHOLE = ("cell", "cells", "copy", "copies", "count", "counts", "molecules", "particles", "spots",
          "events", "doses", "fold", "ratio", "fraction", "points", "score", "percent", "%", "ppm",
          "mmHg", "AU", "OD", "MFI", "SUV", "HU", "titre", "titer", "pfu", "PFU", "cfu", "CFU",
          "h", "d")  # fmt: skip
_KNOWN = {prefix + unit for unit in _SCALED for prefix in _PREFIXES} | set(_WHOLE)
_NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+|\^-?\d+)?"
_FACTOR = re.compile(_NUMBER + r"|\{[^{}]+\}|(?P<word>[A-Za-zµ%]+)(?:\^?-?\d)?")


def unknown_unit(unit: str) -> str | None:
    """What is wrong with a unit, in words; None where every factor of it is known.

    A factor is a number such as ``1e9``, a known unit, which may have a power (``cm3``, ``Gy^2``),
    or a word of the writer's own in braces.

    Example:
        >>> from lymphokin.model.units import unknown_unit
        >>> unknown_unit("1e9/L/Gy") is unknown_unit("{spots}/mL") is None
        True
        >>> unknown_unit("bananas/d")
        "unit 'bananas/d' has the unknown 'bananas': ..."
    """
    for factor in re.split(r"[*/ ]", unit):
        match = _FACTOR.fullmatch(factor)
        if match is None or (match["word"] and match["word"] not in _KNOWN):
            return (
                f"unit {unit!r} has the unknown {factor!r}: expected factors such as mg, L, Gy, "
                "cells, 1 or 1e9, joined by * and /, and a word of one's own in braces, as "
                "{spots}/mL"
            )
    return None


def mg_in(unit: str) -> float | None:
    """How many of a unit a milligram is; None where the unit is no mass.

    Example:
        >>> from lymphokin.model.units import mg_in
        >>> mg_in("ug"), mg_in("mg"), mg_in("nmol")
        (1000.0, 1.0, None)
    """
    return _MG_IN.get(unit)
