"""Lesions of one to five per patient, under odd schedules, against SciPy's Radau."""

from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import lymphokin as lk
from lymphokin.dose import reference_immune_dose
from lymphokin.infer.density import density_of

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "lesions_cd8.py"
FRACTIONS = {
    "P1": [(0, 8, ""), (1, 8, ""), (2, 8, "")],  # every lesion at once
    "P2": [(0, 10, 1), (0.25, 4, 1), (9.5, 6, 1)],  # the second lies outside the field
    "P3": [(0, 12, 2), (0, 5, 3), (3.1, 5, 3), (40, 8, 1)],  # one after the other
    "P4": [(0.4, 20, 4)],
    "P5": [(day, 3, "") for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)],
}
DAYS = (-5.0, 0.0, 2.0, 9.5, 20.0, 63.0, 90.0)


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """The cohort, the individual parameters and the model's curves at some latents."""
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS"]
    for lesions, (name, fractions) in enumerate(FRACTIONS.items(), 1):
        own = [(day, f"{name},{day},0,,,,alc,1.2,{lesions}") for day in DAYS]
        own += [
            (day, f"{name},{day},1,rt,{gy},{lesion},,,{lesions}") for day, gy, lesion in fractions
        ]
        rows += [row for _, row in sorted(own, key=lambda pair: pair[0])]
    table = tmp_path_factory.mktemp("lesions") / "events.csv"
    table.write_text("\n".join(rows) + "\n")
    model = lk.load_model(EXAMPLE)
    density = density_of(model, lk.read_events(table, model=model))
    latents = density.hierarchy.draw_latents(jax.random.key(3), density.arrays)
    _, p, _, solution = jax.jit(density.likelihood.solution)(latents, density.arrays)
    return density.packed, p, solution


@pytest.mark.long
def test_lesions_counts_and_activated_cells_are_those_of_radau(solved):
    packed, p, solution = solved
    doses = reference_immune_dose(packed.cohort).fractions
    for patient, name in enumerate(FRACTIONS):
        values = {n: np.asarray(getattr(p, n)) for n in p._fields}
        own = {n: v[..., patient] if v.ndim else v for n, v in values.items()}
        fractions = doses[doses["id"] == name]
        exact = by_radau(own, patient + 1, fractions, np.array(DAYS))
        nodes = packed.layout.nodes(packed.arrays.timeline, patient, np.array(DAYS))
        alc, cd8 = (np.asarray(solution.outputs[n])[nodes, patient] for n in ("alc", "cd8"))
        diameter = np.asarray(solution.outputs["diameter"])[nodes, : patient + 1, patient]
        np.testing.assert_allclose(alc, exact["alc"], rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(cd8, exact["cd8"], rtol=1e-5, err_msg=name)
        volume, exact_volume = diameter**3, exact["diameter"] ** 3
        np.testing.assert_allclose(volume, exact_volume, rtol=1e-4, err_msg=name)


def by_radau(p, lesions, fractions, days):
    """The equations of the example typed out once more, one smooth piece at a time."""
    growth, volume = p["growth"][:lesions], p["lesion_volume"][:lesions]

    def slope(_, y):
        alc, active, living, doomed = y[0], y[1], y[2 : 2 + lesions], y[2 + lesions :]
        dying = doomed.sum()
        priming = p["largest_priming"] * alc / p["lymphocyte_baseline"]
        priming *= dying / (p["half_priming_volume"] + dying)
        return np.concatenate(
            [
                [p["recovery_rate"] * (p["lymphocyte_baseline"] - alc)],
                [p["active_loss"] * (p["active_baseline"] - active) + priming],
                growth * living - p["attack"] * active * living,
                -p["clearing"] * doomed,
            ]
        )

    y = np.concatenate([[p["lymphocyte_baseline"], p["active_baseline"]], volume, 0 * volume])
    moments = np.unique([*days, *fractions["day"]])
    found = {}
    for start, end in pairwise([*moments, moments[-1] + 1]):
        found[start] = y
        given = fractions[fractions["day"] == start]
        if len(given):
            surviving = np.exp(
                -p["radiosensitivity"] * p["immune_dose_scale"] * given["immune_dose_gy"].sum()
            )
            gy = np.zeros(lesions)
            for row in given.itertuples():
                gy[slice(None) if row.lesion == 0 else row.lesion - 1] += row.prescribed_gy
            killed = y[2 : 2 + lesions] * (1 - np.exp(-p["alpha"] * (gy + gy**2 / 10)))
            y = np.concatenate(
                [surviving * y[:2], y[2 : 2 + lesions] - killed, y[2 + lesions :] + killed]
            )
        y = solve_ivp(slope, (start, end), y, "Radau", rtol=1e-10, atol=1e-12).y[:, -1]
    at = np.array([found[day] for day in days])
    size = at[:, 2 : 2 + lesions] + at[:, 2 + lesions :]
    return {"alc": at[:, 0], "cd8": at[:, 1], "diameter": 10 * np.cbrt(6 * size / np.pi)}
