"""EDIC: the effective dose to immune cells, an empirical formula of organ doses.

Two published versions:

- `xu2020`: 0.12 MLD + 0.08 MHD + 0.15 k MlD + (0.45 + 0.35 k) ITD/62000, with k = 0.85 sqrt(n/45).
  MLD, MHD and MlD are the mean doses to lungs, heart and liver (Gy), ITD the integral dose
  (Gy.cm3) and n the number of fractions. Xu et al., Radiother Oncol 2020;146:180,
  doi:10.1016/j.radonc.2020.02.015 (formula in the abstract).
- `ladbury2019`: 0.12 MLD + 0.08 MHD + (0.45 + 0.35 k) MBD, without the liver and with the mean
  dose to the body MBD. Ladbury et al. 2019, "Impact of Radiation Dose to the Host Immune System
  on Tumor Control and Survival for Stage III Non-Small Cell Lung Cancer Treated with Definitive
  Radiation Therapy", where it is called EDRIC (coefficients as in a hospital's public script for
  that paper; the paper itself was not read).

Both were fitted to conventional courses of 20 to 35 fractions; k for the few fractions of SBRT is
an extrapolation. EDIC is on a scale of its own and not the mean dose to the blood.
"""

from __future__ import annotations

import math

VERSIONS = ("xu2020", "ladbury2019")
LUNG, HEART, LIVER, BODY, SLOW = 0.12, 0.08, 0.15, 0.45, 0.35
LARGEST_EFFECT, REFERENCE_FRACTIONS = 0.85, 45
BODY_CM3 = 62_000.0


def fraction_effect(fractions: int) -> float:
    """How much of the slowly circulating blood is reached in `fractions` fractions."""
    return LARGEST_EFFECT * math.sqrt(fractions / REFERENCE_FRACTIONS)


def edic(
    mean_lung_gy: float,
    mean_heart_gy: float,
    body: float,
    fractions: int,
    mean_liver_gy: float = 0.0,
    version: str = "xu2020",
) -> float:
    """EDIC in Gy.

    `body`: integral dose in Gy.cm3 (`xu2020`), or mean dose to the body in Gy (`ladbury2019`,
    where `mean_liver_gy` plays no part). Raises ValueError for another version, doses below 0 or
    less than one fraction.
    """
    if version not in VERSIONS:
        raise ValueError(f"EDIC version {version!r}: expected one of {', '.join(VERSIONS)}")
    doses = (mean_lung_gy, mean_heart_gy, body, mean_liver_gy)
    if fractions < 1 or not all(0 <= dose < math.inf for dose in doses):
        raise ValueError(f"EDIC of doses {doses} in {fractions} fractions: doses are 0 or more")
    effect = fraction_effect(fractions)
    organs = LUNG * mean_lung_gy + HEART * mean_heart_gy
    if version == "ladbury2019":
        return organs + (BODY + SLOW * effect) * body
    return organs + LIVER * effect * mean_liver_gy + (BODY + SLOW * effect) * body / BODY_CM3
