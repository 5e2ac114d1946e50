"""Numbers and names as a reader sees them: percentages, intervals, symbols, arms."""

import math
from collections.abc import Iterable
from typing import Any

_GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "kappa": "κ",
    "mu": "μ",
    "phi": "φ",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "omega": "ω",
}
NO_ARM = "unstated arm"
NONE = "–"


def absent(value: Any) -> bool:
    """Whether a cell is empty: None or not a number."""
    return value is None or bool(value != value)


def hundredths(share: float) -> int:
    """The nearest whole number of hundredths, halves up."""
    return math.floor(100 * share + 0.5)


def of_100(probability: float) -> str:
    """A probability as a whole number of 100, such as "34".

    Neither 0 nor 100 is ever shown, since what was computed from a model is never certain: "< 1"
    and "> 99" stand for them.
    """
    if absent(probability):
        return NONE
    number = hundredths(probability)
    return "< 1" if number < 1 else "> 99" if number > 99 else f"{number}"


def percent(probability: float) -> str:
    """A probability in whole per cent, such as "34 %", "< 1 %" or "> 99 %"."""
    return NONE if absent(probability) else f"{of_100(probability)} %"


def percent_range(low: float, high: float) -> str:
    """An interval of a probability, such as "< 1 to 34 %"."""
    return NONE if absent(low) or absent(high) else f"{of_100(low)} to {of_100(high)} %"


def counted(share: float) -> str:
    """A share that was counted, in whole per cent: "0 %" says that there was none at all."""
    return f"{100 * share:.0f} %" if share in (0, 1) else percent(share)


def points(difference: float) -> str:
    """A difference of two shares in whole percentage points, with a true minus."""
    return NONE if absent(difference) else f"{hundredths(difference)}".replace("-", "−")


def in_points(difference: float) -> str:
    """A difference of two shares with its unit, such as "1 point" or "−13 points"."""
    number = points(difference)
    return f"{number} point" if number in ("1", "−1") else f"{number} points"


def points_range(low: float, high: float) -> str:
    """An interval of a difference in percentage points, such as "−12 to 3"."""
    return f"{points(low)} to {points(high)}"


def number(value: Any, digits: int = 3) -> str:
    """Three significant digits, no exponent between 0.001 and 1e6."""
    if absent(value):
        return NONE
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e6:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return f"{value:,.{decimals}f}".replace("-", "−").replace(",", " ")


def number_range(low: Any, high: Any) -> str:
    """An interval of a number, such as "0.45 to 1.2"."""
    return NONE if absent(low) or absent(high) else f"{number(low)} to {number(high)}"


def plain(value: float, digits: int = 3) -> str:
    """At most three significant digits, without zeros at the end: what is assumed or typical."""
    return f"{float(f'{value:.{digits}g}'):g}".replace("-", "−")


def fixed(value: Any, decimals: int = 2) -> str:
    """A number with that many decimals and a true minus, but no minus before zero."""
    if absent(value):
        return NONE
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def count(value: float) -> str:
    """A lymphocyte count as the laboratory reports it: two decimals."""
    return NONE if absent(value) else f"{value:.2f}"


def day(value: float) -> str:
    """A day without needless decimals."""
    return NONE if absent(value) else f"{value:.1f}".removesuffix(".0").replace("-", "−")


def stated(value: Any) -> bool:
    """Whether a cell holds something: neither empty nor an empty text."""
    return not absent(value) and value != ""


def symbol(text: Any) -> str:
    """Greek letters for their names: "gamma" becomes γ, "sd_alpha" becomes sd_α."""
    return "_".join(_GREEK.get(part, part) for part in str(text).split("_"))


def arm(value: Any) -> str:
    """The arm's name, or that none is stated."""
    return str(value) if stated(value) else NO_ARM


def patients(n: int) -> str:
    """A number of patients, such as "1 patient"."""
    return f"{n} patient" if n == 1 else f"{n} patients"


def shortened(text: str, length: int = 16) -> str:
    """`text` in at most `length` characters: its beginning and end, which tell ids apart."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[-(length - 1 - head) :]}"


def distinct(texts: list[str]) -> list[str]:
    """The texts shortened alike, as far as they stay as different as they were."""
    for length in (16, 24, 40):
        short = [shortened(text, length) for text in texts]
        if len(set(short)) == len(set(texts)):
            return short
    return texts


def some(names: Iterable[str], most: int = 10) -> str:
    """Join names in a sentence; of more than `most` the first, and how many more there are."""
    listed = list(names)
    return joined(listed if len(listed) <= most else [*listed[:most], f"{len(listed) - most} more"])


def joined(parts: Iterable[str]) -> str:
    """Join names in a sentence, such as "a, b and c"."""
    *head, last = list(parts) or [""]
    return f"{', '.join(head)} and {last}" if head else last
