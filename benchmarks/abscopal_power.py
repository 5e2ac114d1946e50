"""What would a trial see of activated CD8+ cells and lesions outside the field, and when to sample?

    uv run python benchmarks/abscopal_power.py           # about a minute of processor time

Two tables, of `models/abscopal_cd8.py` and nothing but its priors:

- the power of 26 patients per arm for a difference in activated CD8+ cells (fold of those before,
  two and six weeks after 5 x 8 Gy; t test of logarithms, one-sided 0.07 as in the shipped design),
  averaged over draws of the priors, as they are and with the brake gammaE at some strengths;
- how much one sample of activated cells of every patient, beside one before treatment, narrows what
  the second synthetic trial (its counts, MDSC, levels and diameters) says of single parameters:
  from the expected information at the medians of the priors.

Power for grade >= 2 and for progression is that of `lymphokin trial assurance`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lymphokin.jax_setup import prepare_jax

prepare_jax(1)

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import stats  # noqa: E402

import lymphokin as lk  # noqa: E402
from lymphokin.infer.density import density_of, flat  # noqa: E402
from lymphokin.infer.noncentred_density import NoncentredDensity  # noqa: E402
from lymphokin.predict.contrast import NO_EFFECT_Z as GONE  # noqa: E402
from lymphokin.shipped import data_path  # noqa: E402

MODEL, TRIAL = "abscopal_cd8", "synthetic_abscopal_trial"
PER_ARM, LEVEL = 26, 0.07
POPULATIONS, PATIENTS = 120, 40
WEEKS = {"two weeks after": 18.0, "six weeks after": 46.0}
BRAKES = (None, 0.0, 0.5, 1.0)
SAMPLES = (3, 7, 14, 28, 46, 84)
"""Days from the first fraction."""
TAUGHT = ("function_suppression", "suppression", "attack", "active_loss", "half_antigen")
REPLICATES = 4


def power_table(model: lk.Model) -> pd.DataFrame:
    """Assurance and median fold of the arms, by day and strength of the brake."""
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,SITE,N_LESIONS"]
    for patient in range(PATIENTS):
        for arm, pulses in (("A", ()), ("B", (0, 1, 2, 21, 22, 23, 42, 43, 44))):
            own = [(day, 0, "0,,,,alc,1") for day in (0.0, *WEEKS.values())]
            own += [(day, 1, "1,rt,8,1,,") for day in range(5)]
            own += [(day, 2, "1,atra,270,,,") for day in pulses]
            rows += [f"{arm}{patient},{d},{row},lung_peripheral,2" for d, _, row in sorted(own)]
    with TemporaryDirectory() as folder:
        events = Path(folder) / "events.csv"
        events.write_text("\n".join(rows) + "\n", encoding="utf-8")
        density = density_of(model, lk.read_events(events, model=model))
    hierarchy, arrays, layout = density.hierarchy, density.arrays, density.packed.layout
    patients = density.packed.cohort.patients.index
    treated = np.array([name.startswith("B") for name in patients])
    days = np.array([0.0, *WEEKS.values()])
    nodes = np.array([layout.nodes(arrays.timeline, i, days) for i in range(len(patients))])
    brake = hierarchy.population_names.index("function_suppression")
    own, program = model.table["function_suppression"], jax.jit(density.likelihood.solution)
    found: dict[tuple, list] = {}
    for seed in range(POPULATIONS):
        latents = hierarchy.draw_latents(jax.random.key(seed), arrays)
        for strength in BRAKES:
            z = np.array(latents.population)
            if strength is not None:
                z[brake] = np.log(strength / own.median) / own.population_sd if strength else GONE
            population, *_, solution = program(latents._replace(population=z), arrays)
            sd = float(population.residual_sd["cd8"][0])
            cd8 = np.log(np.asarray(solution.outputs["cd8"])[nodes, np.arange(len(nodes))[:, None]])
            for i, label in enumerate(WEEKS, 1):
                of_trial = one_trial(cd8[:, i] - cd8[:, 0], treated, sd)
                found.setdefault((label, strength), []).append(of_trial)
    columns = ["when", "gamma_E", "assurance", "fold, SBRT", "fold, with ATRA"]
    return pd.DataFrame([(*key, *np.mean(v, axis=0)) for key, v in found.items()], columns=columns)


def one_trial(fold: np.ndarray, treated: np.ndarray, sd: float) -> tuple[float, float, float]:
    """Power of a t test between the arms, and the mean fold of each.

    Args:
        fold: [patient] logarithm of the true fold.
        treated: [patient].
        sd: of the laboratory, of ln of one sample.
    """
    own, with_drug = fold[~treated], fold[treated]
    spread = np.sqrt(0.5 * (own.var(ddof=1) + with_drug.var(ddof=1)) + 2 * sd**2)
    shift = (with_drug.mean() - own.mean()) / (spread * np.sqrt(2 / PER_ARM))
    freedom = 2 * PER_ARM - 2
    power = stats.nct.sf(stats.t.isf(LEVEL, freedom), freedom, shift)
    return float(power), float(np.exp(own.mean())), float(np.exp(with_drug.mean()))


def narrowing_table(model: lk.Model) -> pd.DataFrame:
    """SD of each parameter's latent, of a prior SD of 1, without and with one sample."""
    cohort = lk.read_events(data_path(f"{TRIAL}.csv"), model=model)
    seen = cohort.observations
    seen = seen[seen["quantity"].isin(["alc", "mdsc", "atra", "diameter"])]
    seen = seen.assign(value=20.0, lloq=np.nan, censored=False)
    before = seen[seen["quantity"] == "alc"].drop_duplicates("id")
    rows = []
    for day in (None, -3, *SAMPLES):
        samples = [] if day is None else [-3] if day == -3 else [-3, day]
        more = [before.assign(day=float(d), quantity="cd8") for d in samples]
        density = density_of(model, replace(cohort, observations=pd.concat([seen, *more])))
        rows.append((day, *sd_of_latents(density)))
    return pd.DataFrame(rows, columns=["sample on day", *TAUGHT])


def sd_of_latents(density) -> np.ndarray:
    """Of the parameters that are looked at, from the information expected of the records."""
    names, hierarchy = density.hierarchy.population_names, density.hierarchy
    about, total = NoncentredDensity.about(density), 0.0
    for seed in range(REPLICATES):
        drawn = hierarchy.draw_latents(jax.random.key(seed), density.arrays, np.zeros(len(names)))
        u = about.noncentred(np.asarray(flat(drawn))[None])[0]
        root = np.asarray(about.factor(u).population)
        total = total + root.T @ root / REPLICATES
    variances = np.diag(np.linalg.inv(total))
    return np.sqrt([variances[names.index(name)] for name in TAUGHT])


def main() -> None:
    model = lk.load_model(MODEL)
    for table in (power_table(model), narrowing_table(model)):
        print(table.to_string(index=False, float_format=lambda x: f"{x:.3f}"), flush=True)


if __name__ == "__main__":
    main()
