"""Units as laboratories and CDISC files spell them, and the factor to lymphokin's own unit.

Laboratory spellings of one unit are many (10^9/L, GI/L, G/L, THOU/uL, K/uL, 10*3/mm3, ...). They
are read as a number over a volume, so that the table below is short. `g/L` is refused: grams are
not giga, and only the capital letter tells them apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from lymphokin.quantities import DRUG, OBSERVABLES

_NUMBERS = {
    "": 1,
    "10^3": 10**3,
    "10^6": 10**6,
    "10^9": 10**9,
    **dict.fromkeys(("k", "thou", "thous", "thousand", "th", "tsd"), 10**3),
    **dict.fromkeys(("mi", "mio", "mega", "mill", "million"), 10**6),
    **dict.fromkeys(("g", "gi", "giga", "bil", "billion", "gpt", "mrd"), 10**9),
}
_PER_LITRE = {
    "l": 1,
    "ml": 10**3,
    **dict.fromkeys(("cm3", "cc"), 10**3),
    **dict.fromkeys(("ul", "mm3", "cmm", "cumm", "mcl"), 10**6),
    "nl": 10**9,
}
_CELLS = re.compile(r"(?:cells?|cel|lymphocytes?|lymph|#|1)$")

_LEVELS = {  # to ng/mL
    **dict.fromkeys(("ng/ml", "ug/l", "mcg/l"), Fraction(1)),
    **dict.fromkeys(("ug/ml", "mcg/ml", "mg/l"), Fraction(1000)),
    **dict.fromkeys(("pg/ml", "ng/l"), Fraction(1, 1000)),
}
_MOLES = {"nmol/l": Fraction(1, 1000), "umol/l": Fraction(1)}  # to ng/mL, of a drug of 1 g/mol
_DOSES = {  # to Gy
    **dict.fromkeys(("gy", "gray"), Fraction(1)),
    "cgy": Fraction(1, 100),
    "mgy": Fraction(1, 1000),
    "rad": Fraction(1, 100),
}
_AMOUNTS = {"mg": Fraction(1), "g": Fraction(1000), "ug": Fraction(1, 1000)}  # to mg
_LENGTHS = {"mm": Fraction(1), "cm": Fraction(10)}  # to mm
_VOLUMES = {  # to cm3
    **dict.fromkeys(("cm3", "cm^3", "cc", "ml"), Fraction(1)),
    **dict.fromkeys(("mm3", "mm^3"), Fraction(1, 1000)),
}
_BODY = {
    **dict.fromkeys(("m2", "m^2", "m**2", "sqm"), "surface"),
    **dict.fromkeys(("kg", "kgbw"), "weight"),
}
_A_DAY = ("day", "d", "24h", "24hr")
_PARTS = {**dict.fromkeys(("fraction", "ratio", "1", "fractionof1"), Fraction(1))}
_PARTS |= dict.fromkeys(("%", "percent", "pct"), Fraction(1, 100))


def _plain(unit: str) -> str:
    """`unit` without blanks and variants of one letter, in lower case."""
    for variants, letter in (
        ("µμ", "u"),
        ("³", "3"),
        ("⁶", "^6"),
        ("⁹", "^9"),
        ("²", "2"),
        ("×", "x"),
    ):
        for variant in variants:
            unit = unit.replace(variant, letter)
    return re.sub(r"\s+", "", unit).lower()


def count_factor(unit: str) -> Fraction | None:
    """Factor from a count in `unit` to 1e9/L, None if the unit is not known to be one of counts."""
    if re.sub(r"\s+", "", unit) in ("g/L", "g/l"):
        return None
    number, bar, volume = _plain(unit).partition("/")
    if not bar:
        return None
    number = re.sub(r"^x(?=10|\d)", "", number)
    number = re.sub(r"^(?:10(?:\^|\*\*?|e\+?)?|1e\+?|10exp)0?([369])", r"10^\1", number)
    number = _CELLS.sub("", number) if number not in _NUMBERS else number
    volume = volume.replace("mm^3", "mm3").replace("mm**3", "mm3").replace("mm*3", "mm3")
    if number not in _NUMBERS or volume not in _PER_LITRE:
        return None
    return Fraction(_NUMBERS[number] * _PER_LITRE[volume], 10**9)


def part_factor(unit: str) -> Fraction | None:
    """Factor from a share in `unit` (fraction or per cent) to a fraction of 1."""
    return _PARTS.get(_plain(unit))


def level_factor(unit: str) -> Fraction | None:
    """Factor from a level of the drug in `unit` to ng/mL; moles need its molar mass to be known."""
    plain, molar_mass = _plain(unit), OBSERVABLES[DRUG].molar_mass
    if plain in _MOLES and molar_mass:
        return _MOLES[plain] * Fraction(str(molar_mass))
    return _LEVELS.get(plain)


def radiation_factor(unit: str) -> Fraction | None:
    """Factor from a radiation dose in `unit` to Gy."""
    return _DOSES.get(_plain(unit))


@dataclass(frozen=True)
class DoseUnit:
    """A unit of drug doses.

    Attributes:
        factor: To mg.
        per: `surface` (m2 of the body), `weight` (kg of the body), or empty.
        a_day: Whether the amount is that of a day.
    """

    factor: Fraction
    per: str = ""
    a_day: bool = False


def dose_unit(unit: str) -> DoseUnit | None:
    """A unit such as mg, g, mg/m2, mg/kg/day; None if it is not known to be one of drug doses."""
    amount, *parts = _plain(unit).replace("mcg", "ug").split("/")
    body = [_BODY[part] for part in parts if part in _BODY]
    days = [part for part in parts if part in _A_DAY]
    if (
        amount not in _AMOUNTS
        or len(body) + len(days) < len(parts)
        or max(len(body), len(days)) > 1
    ):
        return None
    return DoseUnit(_AMOUNTS[amount], "".join(body), bool(days))


def unit_factor(stated: str, own: str, molar_mass: float = 0.0) -> Fraction | None:
    """Factor from a value in the unit `stated` to the unit `own`; None where none is known.

    Moles become a mass, and the other way round, where the molar mass (g/mol) is known.
    """
    count, of_own = count_factor(stated), count_factor(own)
    if of_own is not None:  # first, as only capitals tell G/L from g/L
        return None if count is None else count / of_own
    one, other = _plain(stated), _plain(own)
    if one == other:
        return Fraction(1)
    levels = dict(_LEVELS)
    if molar_mass:
        levels |= {unit: of * Fraction(str(molar_mass)) for unit, of in _MOLES.items()}
    for known in (levels, _MOLES, _DOSES, _LENGTHS, _VOLUMES, _PARTS):
        if one in known and other in known:
            return known[one] / known[other]
    dose, its = dose_unit(stated), dose_unit(own)
    if dose is None or its is None or (dose.per, dose.a_day) != (its.per, its.a_day):
        return None
    return dose.factor / its.factor
