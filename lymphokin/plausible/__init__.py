"""Named checks of plausibility: which numbers are usual, improbable or impossible, and why.

A number outside the possible range is refused. Outside the plausible range it is refused unless
the user accepts the check by its name with a reason. Outside the usual range it is warned of.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from lymphokin.plausible import (
    measurements,
    organ_doses,
    patients,
    plans,
    times,
    treatment,
    words,
)
from lymphokin.plausible.check import Check, Verdict

__all__ = ["CHECKS", "Check", "Verdict", "accepted_in", "checked_reasons"]

CHECKS: dict[str, Check] = {
    check.name: check
    for kind in (treatment, times, words, measurements, patients, plans, organ_doses)
    for check in kind.CHECKS
}
"""Every check by its name."""

LARGEST_FRACTION_GY = CHECKS["fraction_dose"].possible[1]
"""Largest possible prescribed dose of one fraction in Gy; above it the dose is in cGy."""

LARGEST_ALC = CHECKS["alc_value"].possible[1]
"""Largest possible lymphocyte count in 1e9/L; above it the count is in cells/uL."""


def checked_reasons(accept: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Accepted checks with their reasons, and what is wrong as (found, expected, hint)."""
    reasons, wrong = {}, []
    for name, reason in accept.items():
        if name not in CHECKS:
            close = difflib.get_close_matches(str(name), CHECKS, n=1)
            hint = f"{close[0]}?" if close else ""
            wrong.append((str(name), "the name of a check of plausibility to accept", hint))
        elif not str(reason).strip() or not str(reason).isprintable():
            wrong.append((f"{name} without a reason", "a reason, in one line, for what is accepted",
                          f'such as {name} = "checked in the chart"'))  # fmt: skip
        else:
            reasons[name] = str(reason).strip()
    return reasons, wrong


_ACCEPTED = re.compile(rb"\s*\"?#\s*accepted ([a-z_0-9]+): ([^\r\n]+)")


def accepted_in(data: bytes) -> dict[str, str]:
    """Accepted checks that the comments before the header of a table name, with their reasons."""
    accepted = {}
    for line in data.removeprefix(b"\xef\xbb\xbf").splitlines():
        if line.strip() and not line.lstrip(b' "').startswith(b"#"):
            break
        match = _ACCEPTED.match(line)
        if match and match[1].decode() in CHECKS:
            reason = match[2].decode("utf-8", "replace").strip(' ",;\t')
            accepted[match[1].decode()] = reason or "accepted in the file"
    return accepted
