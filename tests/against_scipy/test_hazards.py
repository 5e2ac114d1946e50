"""The example of a progression against SciPy's Radau at 1e-10: cumulative hazards, and what visits
say of the event.
"""

from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import lymphokin as lk
from lymphokin.dose import reference_immune_dose
from lymphokin.infer.density import density_of

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "progression.py"
TABLE = """ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS
A,-7,0,,,,alc,1.2,2
A,-7,0,,,1,volume,8,2
A,0,1,rt,8,1,,,2
A,0.25,1,rt,8,1,,,2
A,9.5,1,rt,3,2,,,2
A,42,0,,,,progression,0,2
A,84,0,,,,progression,0,2
A,130,0,,,,progression,1,2
B,-3,0,,,,alc,0.9,1
B,0,1,rt,12,1,,,1
B,50,0,,,,progression,0,1
B,70,0,,,,progression,.,1
B,400,0,,,,progression,0,1
C,-1,0,,,,alc,1.1,3
C,0,1,rt,10,,,,3
C,1,1,rt,10,,,,3
C,30,0,,,,progression,1,3
D,-5,0,,,,alc,1.4,1
D,0,1,rt,20,1,,,1
D,90,0,,,,alc,1.1,1
"""


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """The cohort, individual parameters, and what the model says of each record of the event."""
    table = tmp_path_factory.mktemp("hazards") / "events.csv"
    table.write_text(TABLE)
    model = lk.load_model(EXAMPLE)
    density = density_of(model, lk.read_events(table, model=model))
    latents = density.hierarchy.draw_latents(jax.random.key(4), density.arrays)
    likelihood, arrays = density.likelihood, density.arrays

    def run(latents):
        return likelihood.solution(latents, arrays), likelihood.by_patient(latents, arrays)[-1]

    (_, p, _, solution), terms = jax.jit(run)(latents)
    return density.packed, p, solution, terms["progression"]


def test_hazards_add_up_as_radau_has_it_and_visits_have_the_differences_of_survival(solved):
    packed, p, solution, terms = solved
    doses, rows = reference_immune_dose(packed.cohort).fractions, packed.events["progression"]
    assert rows["value"].tolist() == [0, 0, 1, 0, 0, 1]
    for patient, name in enumerate("ABC"):
        lesions = patient + 1 if name == "C" else 2 - patient
        values = {n: np.asarray(getattr(p, n)) for n in p._fields}
        own = {n: v[..., patient] if v.ndim else v for n, v in values.items()}
        seen = rows[rows["id"] == name]
        start = packed.cohort.observations.query("id == @name")["day"].min()
        days = np.concatenate([[start], seen["day"]])
        hazard = by_radau(own, lesions, doses[doses["id"] == name], days)
        nodes = packed.layout.nodes(packed.arrays.timeline, patient, days)
        ours = np.asarray(solution.states["cumulative_progression"])[nodes, patient]
        np.testing.assert_allclose(ours, hazard, rtol=1e-5, err_msg=name)
        kept = np.exp(-np.diff(hazard))
        likelihood = np.where(seen["value"] == 1, 1 - kept, kept)
        found = np.asarray(terms.log_likelihood)[: len(rows)][(rows["id"] == name).to_numpy()]
        np.testing.assert_allclose(found, np.log(likelihood), rtol=1e-4, err_msg=name)
    assert not np.asarray(terms.log_likelihood)[len(rows) :].any()


def by_radau(p, lesions, fractions, days):
    """Cumulative hazard on some days, of which the first is the start."""
    volume, growth = p["lesion_volume"][:lesions], np.broadcast_to(p["growth"], lesions)

    def slope(_, y):
        alc, size = y[0], y[1 : 1 + lesions]
        hazard = p["usual_hazard"] * (size.sum() / 10) ** p["by_size"] * alc ** p["by_count"]
        back = p["recovery_rate"] * (p["lymphocyte_baseline"] - alc)
        return np.concatenate([[back], growth * size, [hazard]])

    y = np.concatenate([[p["lymphocyte_baseline"]], volume, [0.0]])
    found = {}
    for start, end in pairwise([*np.unique([*days, *fractions["day"]]), max(days) + 1]):
        found[start] = y[-1]
        for given in fractions[fractions["day"] == start].itertuples():
            y[0] *= np.exp(-p["radiosensitivity"] * p["immune_dose_scale"] * given.immune_dose_gy)
            hit = (given.lesion == 0) | (np.arange(1, lesions + 1) == given.lesion)
            gy = given.prescribed_gy
            killed = np.exp(-p["alpha"] * (gy + gy**2 / p["alpha_beta_ratio"]))
            y[1 : 1 + lesions] *= np.where(hit, killed, 1.0)
        y = solve_ivp(slope, (start, end), y, "Radau", rtol=1e-10, atol=1e-12).y[:, -1]
    return np.array([found[day] for day in days])
