"""Numbers and names as a reader sees them: percentages, intervals, symbols, arms."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

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


def percent(share: float) -> str:
    """A probability in whole per cent; never a rounded 0 or 100."""
    if pd.isna(share):
        return NONE
    if share < 0.005:
        return "< 1 %"
    return "> 99 %" if share > 0.995 else f"{100 * share:.0f} %"


def percent_range(low: float, high: float) -> str:
    """ "12–34 %"; differences may be negative."""
    if pd.isna(low) or pd.isna(high):
        return NONE
    return f"{signed(low)} to {signed(high)} %"


def signed(share: float) -> str:
    """Whole per cent without the sign %, with a true minus."""
    return f"{100 * share:.0f}".replace("-0", "0").replace("-", "−")


def number(value: Any, digits: int = 3) -> str:
    """Three significant digits, no exponent between 0.001 and 1e6."""
    if value is None or pd.isna(value):
        return NONE
    if not np.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e6:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    decimals = max(0, digits - 1 - int(np.floor(np.log10(size))))
    return f"{value:,.{decimals}f}".replace("-", "−").replace(",", " ")


def fixed(value: Any) -> str:
    """Two decimals with a true minus, and no minus before zero."""
    return NONE if pd.isna(value) else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def count(value: float) -> str:
    """A lymphocyte count as the laboratory reports it: two decimals."""
    return NONE if pd.isna(value) else f"{value:.2f}"


def day(value: float) -> str:
    """A day without needless decimals."""
    return NONE if pd.isna(value) else f"{value:.1f}".removesuffix(".0").replace("-", "−")


def stated(value: Any) -> bool:
    """Whether a cell holds something: not None, NaN or an empty text."""
    return value is not None and not pd.isna(value) and value != ""


def symbol(text: Any) -> str:
    """Greek letters for their names: "gamma" becomes γ, "sd_alpha" becomes sd_α."""
    return "_".join(_GREEK.get(part, part) for part in str(text).split("_"))


def arm(value: Any) -> str:
    """The arm's name, or that none is stated."""
    return str(value) if stated(value) else NO_ARM


def patients(n: int) -> str:
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


def joined(parts: Iterable[str]) -> str:
    """ "a, b and c"."""
    *head, last = list(parts) or [""]
    return f"{', '.join(head)} and {last}" if head else last
