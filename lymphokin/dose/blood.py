"""Mean dose to the circulating blood from mean organ doses.

    D_blood = sum over compartments of (share of the blood) x (mean dose to the compartment)

The blood passes every place in proportion to the volume it fills there, so the mean over the
blood does not depend on how fast it flows or the dose is given. Shares are those of ICRP
Publication 89 (doi:10.1016/S0146-6453(03)00002-2). Blood outside the listed organs gets the mean
dose to the rest of the body, from the integral dose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lymphokin.dose.organs import (
    REFERENCE_BODY_CM3,
    OrganDose,
    blood_share,
    compartments,
)
from lymphokin.dose.structure_names import BODY


@dataclass(frozen=True)
class BloodDose:
    """Mean dose to the blood in Gy. `organs`: Gy that each organ contributes; `rest_gy`: mean dose
    to the rest of the body (0 if not known); `rest_share`: share of the blood that is there."""

    gy: float
    organs: dict[str, float]
    rest_gy: float
    rest_share: float
    remarks: tuple[str, ...] = ()


def blood_dose(
    organs: Mapping[str, OrganDose], sex: str | None = None, integral_gy_cm3: float = math.nan
) -> BloodDose:
    """Mean dose to the blood.

    `organs`: mean dose per organ, names of `organs.known_organs()`. `sex`: F, M or None (mean of
    both). `integral_gy_cm3`: integral dose of the whole body (Gy.cm3); without it (NaN) the blood
    outside the listed organs counts with 0 Gy, and the result is a lower bound.

    Raises ValueError for a dose that is negative or no number.
    """
    shares = blood_share(sex)
    taken: dict[str, float] = {}
    order = sorted(organs, key=lambda organ: len(compartments(organ)))
    for organ in (o for o in order if o != BODY):
        dose = organs[organ].mean_gy
        if not 0 <= dose < math.inf:
            raise ValueError(f"{organ}: a mean dose of {dose} Gy")
        for compartment in compartments(organ):
            taken.setdefault(compartment, dose)
    parts: dict[str, float] = {}
    for organ in (o for o in organs if o != BODY):
        own = [c for c in compartments(organ) if taken[c] == organs[organ].mean_gy]
        parts[organ] = sum(shares[c] * taken[c] for c in own)
    listed = sum(shares[c] * dose for c, dose in taken.items())
    rest_share = 1 - sum(shares[c] for c in taken)
    remarks = []
    if math.isnan(integral_gy_cm3):
        rest = 0.0
        remarks.append(
            f"{100 * rest_share:.0f} % of the blood lies outside the listed organs and counts "
            "with 0 Gy, as no dose to the whole body is known: a lower bound"
        )
    else:
        rest = _rest(organs, sex, integral_gy_cm3)
    return BloodDose(listed + rest_share * rest, parts, rest, rest_share, tuple(remarks))


def _rest(organs: Mapping[str, OrganDose], sex: str | None, integral: float) -> float:
    """Mean dose to the body outside the listed organs, over the body of the reference adult."""
    body = REFERENCE_BODY_CM3[sex] if sex is not None else sum(REFERENCE_BODY_CM3.values()) / 2
    listed = [dose for organ, dose in organs.items() if organ != BODY]
    volumes = [0.0 if math.isnan(d.volume_cm3) else d.volume_cm3 for d in listed]
    inside = sum(v * d.mean_gy for v, d in zip(volumes, listed, strict=True))
    return max(integral - inside, 0.0) / max(body - sum(volumes), 1.0)
