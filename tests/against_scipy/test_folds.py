"""Folds of the value before treatment in the model with lesions, against SciPy."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from test_abscopal import DAYS, MG, by_scipy

import lymphokin as lk
from lymphokin.dose import reference_immune_dose
from lymphokin.endpoints import Endpoint
from lymphokin.infer.density import density_of
from lymphokin.predict.path_forecast import curve_reader
from lymphokin.predict.windows import windows_of
from lymphokin.solve import StepRule

LESIONS = 4
FRACTIONS = [(day, 8, lesion) for day in (0, 2) for lesion in (1, 3)]
DRUG = {"early": (-5, -4, -3), "late": (0, 1, 2)}


@pytest.mark.long
def test_true_folds_are_those_of_scipy(tmp_path):
    """Two lesions in the field and two outside; before treatment is before a drug that comes
    first. Tolerances are those of the model's own curves."""
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS"]
    for name, days in DRUG.items():
        own = [(day, f"0,,,,alc,1.2,{LESIONS}") for day in DAYS]
        own += [(day, f"1,rt,{gy},{lesion},,,{LESIONS}") for day, gy, lesion in FRACTIONS]
        own += [(day, f"1,atra,{MG},,,,{LESIONS}") for day in days]
        rows += [f"{name},{day},{row}" for day, row in sorted(own)]
    table = tmp_path / "events.csv"
    table.write_text("\n".join(rows) + "\n")
    model = lk.load_model("abscopal_cd8")
    cohort = lk.read_events(table, model=model)
    density = density_of(model, cohort, StepRule.for_tolerance(2e-7))
    hierarchy, arrays = density.hierarchy, density.arrays
    latents = hierarchy.draw_latents(jax.random.key(4), arrays)
    latents = latents._replace(treated=0 * latents.treated, occasion=0 * latents.occasion)
    total, outputs, *_ = jax.jit(density.likelihood.by_patient)(latents, arrays)
    part = SimpleNamespace(
        own_log_density=np.asarray(total)[None],
        outputs={name: np.asarray(curve)[None] for name, curve in outputs.items()},
    )
    p = density.likelihood.solution(latents, arrays)[1]
    typical = {q.name: q.median for q in model.table}
    typical |= {n: float(v) for n, v in hierarchy.natural(latents.population).items()}
    exact, doses = {}, reference_immune_dose(cohort).fractions
    for patient, name in enumerate(DRUG):
        values = dict(typical)
        for q in model.table:
            if hasattr(p, q.name) and q.name not in model.exposure_only:
                value = np.asarray(getattr(p, q.name)) / q.per_day
                values[q.name] = value[..., patient] if value.ndim else float(value)
        own = doses[doses["id"] == name]
        exact[name] = by_scipy(values, LESIONS, own, DRUG[name], "Radau", 1e-10)
    before, after = {"early": DAYS == -5, "late": DAYS == 0}, DAYS == 63
    for quantity, lesions, places in (
        ("cd8", None, None),
        ("diameter", "irradiated", [0, 2]),
        ("diameter", "outside", [1, 3]),
    ):
        declared = {"name": "x", "meaning": "x", "quantity": quantity, "what": "fold", "day": 61}
        declared |= {"from": "last_fraction", "lesions": lesions}
        endpoint = Endpoint.model_validate(declared)
        windows = windows_of(cohort, endpoint)
        found = curve_reader(density.packed, endpoint, list(windows.values()))(part)[0, :, 0]
        for fold, name in zip(found, DRUG, strict=True):
            curve = exact[name][quantity]
            curve = curve if places is None else curve[:, places].sum(axis=1)
            expected = float((curve[after] / curve[before[name]]).item())
            assert abs(np.log(expected)) > 1e-3
            assert fold == pytest.approx(expected, rel=1e-4)
