"""Kosinsky 2018 against its own equations: control, 5 x 2 Gy, and with an antibody, in SciPy."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import lymphokin as lk
from lymphokin.population import CohortLikelihood, Hierarchy, pack

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "kosinsky2018.py"
DAYS = np.array([0.0, 1.0, 3.5, 5.0, 8.0, 14.0, 21.0, 30.0])
FRACTIONS = {"control": (), "rt": range(5), "antibody": (), "both": range(5)}
DOSES = {"antibody": (0.0, 3.0, 6.0), "both": (0.0, 3.0, 6.0)}
GY, NMOL = 2.0, 1.3


@pytest.mark.slow
def test_volumes_are_those_of_the_published_equations(tmp_path):
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV"]
    for mouse, fractions in FRACTIONS.items():
        own = [(0.0, f"{mouse},-7,0,,,1,volume,1")]
        own += [(7.0 + d, f"{mouse},{d},0,,,1,volume,1") for d in DAYS]
        own += [(7.0 + d, f"{mouse},{d},1,rt,{GY},1,,") for d in fractions]
        own += [(7.0 + d, f"{mouse},{d},1,antibody,{NMOL},,,") for d in DOSES.get(mouse, ())]
        rows += [row for _, row in sorted(own, key=lambda pair: pair[0])]
    (tmp_path / "mice.csv").write_text("\n".join(rows) + "\n")
    model = lk.load_model(EXAMPLE)
    packed = pack(model, lk.read_events(tmp_path / "mice.csv", model=model))
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    found = np.exp(likelihood.predictions(latents, packed.arrays)["volume"][0])
    values = {q.name: q.median for q in model.table}
    table = packed.records["volume"][0]
    for mouse, fractions in FRACTIONS.items():
        ours = found[: len(table)][(table["id"] == mouse).to_numpy()][1:]
        exact = published(values, fractions, DOSES.get(mouse, ()))
        np.testing.assert_allclose(ours, exact, rtol=1e-6, err_msg=mouse)


def published(p, fractions, doses):
    """Volumes on ``DAYS``, one smooth piece at a time, from day -7."""
    y = np.array([p["first_size"], 0, 0, 0, 0, 0, 0, 0], float)
    moments = np.unique([-7.0, *DAYS, *fractions, *doses, DAYS[-1] + 1])
    found = {}
    for start, end in pairwise(moments):
        found[start] = y[0] + y[1]
        if start in fractions:
            killed = y[0] * (1 - np.exp(-p["alpha"] * GY))
            y = y + np.array([-killed, killed, p["breaks_per_gy"] * GY, 0, 0, 0, 0, 0])
        if start in doses:
            y = y + np.array([0, 0, 0, 0, 0, 0, NMOL, 0])
        y = solve_from(p, y, start, end)
    return np.array([found[day] for day in DAYS])


def solve_from(p, y, start, end):
    """The equations of the article, with the repair of breaks mended."""

    def slope(_, y):
        tv, tvd, u, n, e, pdl1, depot, blood = y
        lethal = 0.2 * p["alpha"] / (p["repair_time"] * p["breaks_per_gy"] ** 2) * u**2
        loss = p["effector_kill"] * e + p["natural_death"]
        tcd = p["damaged_loss"] * tvd / (tv + tvd) + loss
        ag = (tv + tvd) * tcd**2 / (tcd**2 + p["half_death"] ** 2)
        bound = 1 + blood / p["antibody_volume"] / p["antibody_affinity"]
        iar = (1 - pdl1 / bound) * (1 - ag / (ag + p["half_suppression"]))
        growth = p["growth"] * tv * (1 - tv / p["largest_size"])
        return [
            growth - tv * lethal - loss * tv,
            tv * lethal - p["damaged_loss"] * tvd,
            -u / p["repair_time"],
            p["arrival"] * ag / (ag + p["half_arrival"])
            + (p["proliferation"] - p["differentiation"]) * iar * n
            - p["young_loss"] * n,
            p["differentiation"] * iar * n - p["effector_loss"] * e,
            p["pdl1_turnover"] * (e / (p["half_pdl1"] + e) - pdl1),
            -p["antibody_absorption"] * depot,
            p["antibody_absorption"] * depot - p["antibody_loss"] * blood,
        ]

    return solve_ivp(slope, (start, end), y, "Radau", rtol=1e-10, atol=1e-12).y[:, -1]
