"""Simulated centres: does `validate` find the wrong ones, and does `update` pay?

    uv run python benchmarks/new_centres.py --centres 40

Three kinds of centres. *As forecast*: every patient is of a draw of the literature posterior of the
patient's own, so that the forecasts are right; a verdict other than "holds" is a false alarm.
*Published*: the whole centre is of one draw, as a centre among the published ones is. *Different*:
baselines differ by up to 25 %, the effect of a dose by 0.6 to 1.8, the scatter of counts by 1 to
1.4. Forty patients each, counts to day 400. Each centre is a task of its own with a file of its
own: the same command goes on after a stop, `--cluster slurm` runs them on a cluster. Patients are
simulated with the model itself, so nothing here says that the model is right about people.
Synthetic data.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

import lymphokin as lk
from lymphokin.criticism.forecasts.calibration import calibration
from lymphokin.criticism.forecasts.cases import Cases, cases_of
from lymphokin.criticism.forecasts.later_counts import COVERAGE, count_measures
from lymphokin.criticism.forecasts.looks import Look, forecasts_at_looks
from lymphokin.criticism.forecasts.scores import log_score
from lymphokin.endpoints import read_endpoint
from lymphokin.files import write_text
from lymphokin.infer import CohortDensity, density_of
from lymphokin.infer.approximate import approximate
from lymphokin.io import Cohort
from lymphokin.jax_setup import prepare_jax
from lymphokin.jobs import CLUSTERS, Executor, Task, run_tasks
from lymphokin.literature import literature_draws
from lymphokin.literature.meta_analysis import sensitivity_parameter
from lymphokin.literature.new_centre import for_new_centre
from lymphokin.population import JointPrior, simulate_records
from lymphokin.population.draws import PopulationDraws
from lymphokin.updating.gains import gains_of
from lymphokin.updating.reweigh import reliable, reweigh, sample_of

LOOKS = (0.0, 14.0)
VISITS = (-7.0, 0.0, 7.0, 14.0, 21.0, 28.0, 46.0, 120.0, 400.0)
SITES = ("lung_peripheral", "liver", "spine")
FEW = (5, 10)
OUTCOMES = 200
"""Simulated sets of outcomes behind the slope that right forecasts would have."""
KINDS = AS_FORECAST, PUBLISHED, DIFFERENT = "as forecast", "published", "different"


def planned(patients: int, rng: np.random.Generator) -> Cohort:
    """Patients under 5 x 10 Gy without records' values."""
    ids = [f"N{i:03d}" for i in range(patients)]
    fractions = [(i, float(day), 10.0) for i in ids for day in (0, 2, 4, 7, 9)]
    visits = [(i, day, "alc", 1.0) for i in ids for day in VISITS]
    columns = {"site": rng.choice(SITES, patients), "n_lesions": 1.0, "ptv_cm3": 30.0}
    return Cohort(
        pd.DataFrame(columns, index=pd.Index(ids, name="id")),
        pd.DataFrame(fractions, columns=["id", "day", "prescribed_gy"]),
        pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        pd.DataFrame(visits, columns=["id", "day", "quantity", "value"]),
        source="synthetic centre",
        synthetic=True,
    )


def truth_of(
    population: PopulationDraws, kind: str, patients: int, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, float]]:
    """[patient, quantity] latents of each patient's population, and what multiplies baseline, dose
    and scatter.
    """
    nothing = dict.fromkeys(("baseline", "dose", "residual"), np.nan)
    if kind == AS_FORECAST:
        return population.z[rng.integers(len(population.z), size=patients)], nothing
    z = population.z[rng.integers(len(population.z))].copy()
    if kind == PUBLISHED:
        return np.tile(z, (patients, 1)), nothing
    model, names = population.model, list(population.hierarchy.population_names)
    factors = {
        "baseline": float(rng.uniform(0.75, 1.25)),
        "dose": float(np.exp(rng.uniform(np.log(0.6), np.log(1.8)))),
        "residual": float(rng.uniform(1.0, 1.4)),
    }
    log_sd = model.table.residuals["alc"].sd_log_sd
    places = {
        "baseline": ("lymphocyte_baseline", model.table["lymphocyte_baseline"].population_sd),
        "dose": (sensitivity_parameter(model).name, sensitivity_parameter(model).population_sd),
        "residual": ("alc_residual_sd", log_sd),
    }
    for name, (quantity, per_latent) in places.items():
        place = names.index(quantity)
        z[place] = population.z[:, place].mean() + np.log(factors[name]) / per_latent
    return np.tile(z, (patients, 1)), factors


def simulated(population: PopulationDraws, z: np.ndarray, patients: int, seed: int) -> Cohort:
    """The centre's patients with measured counts, each of the own population ``z``."""
    cohort = planned(patients, np.random.default_rng(seed))
    density = density_of(population.model, cohort)

    def one(of_one: jax.Array, key: jax.Array) -> jax.Array:
        latents = density.hierarchy.draw_latents(key, density.arrays, of_one)
        own = jax.random.fold_in(key, 1)
        return simulate_records(density.likelihood, latents, density.packed, own)["alc"]

    keys = jax.random.split(jax.random.key(seed), patients)
    alike = bool((z == z[0]).all())
    every = np.asarray(jax.jit(jax.vmap(one))(z[:1] if alike else z, keys[:1] if alike else keys))
    rows = density.packed.records["alc"][0]
    place = cohort.patients.index.get_indexer(rows["id"])
    values = every[0 if alike else place, np.arange(len(rows))]
    counts = rows.assign(value=np.maximum(np.round(values, 2), 0.01))
    return Cohort(
        cohort.patients,
        cohort.fractions,
        cohort.doses,
        counts[["id", "day", "quantity", "value"]],
        source=cohort.source,
        synthetic=True,
    )


def posterior(density: CohortDensity, z: np.ndarray, seed: int) -> tuple[np.ndarray, str]:
    """Population draws of the update: by weights, else by the reweighted normal approximation."""
    proposals, found = reweigh(density, z, seed)
    n = z.shape[1]
    if reliable(found):
        return sample_of(density, proposals, found, seed).x[0, :, :n], "reweighted"
    sample = approximate("quick", density, density.with_long_steps(), seed)
    assert sample.belief is not None
    return sample.x[0, :, :n], f"quick ({sample.belief.level})"


def slope_and_score(look: Look, cases: Cases) -> tuple[float, float]:
    happened = cases.patients["happened"].to_numpy(bool)
    risk = look.endpoint.forecasts.risk
    return calibration(risk, happened).slope.value, float(log_score(risk, happened).mean())


def slope_if_right(risk: np.ndarray, seed: int) -> float:
    """Mean slope of calibration where outcomes come true at just these risks: what few patients do
    to the slope by themselves.
    """
    rng = np.random.default_rng(seed)
    outcomes = rng.random((OUTCOMES, len(risk))) < risk
    return float(np.nanmean([calibration(risk, happened).slope.value for happened in outcomes]))


def common_slope(rows: pd.DataFrame, name: str, day: float, own_level: bool) -> float:
    """The slope of calibration that all centres share.

    Args:
        rows: one per centre.
        name: whose forecasts.
        day: of the look.
        own_level: whether each centre has an intercept of its own.
    """
    known = rows[rows["happened"].map(lambda h: 0 < sum(h) < len(h))]
    risk = np.concatenate([np.asarray(r) for r in known[f"risk_{name}_{day:g}"]])
    happened = np.concatenate([np.asarray(h, bool) for h in known["happened"]])
    centre = np.repeat(np.arange(len(known)), known["happened"].map(len))
    levels = np.eye(len(known))[centre] if own_level else np.ones((len(risk), 1))
    clipped = np.clip(risk, 1e-6, 1 - 1e-6)
    inputs = np.column_stack([np.log(clipped / (1 - clipped)), levels])

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        linear = inputs @ at
        value = (np.logaddexp(0, linear) - happened * linear).sum()
        return float(value), inputs.T @ (expit(linear) - happened)

    return float(minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="BFGS").x[0])


def judged(centre: int, kind: str, population: PopulationDraws, patients: int) -> dict[str, object]:
    """Everything about one centre."""
    rng, began = np.random.default_rng([7, centre]), time.process_time()
    z, factors = truth_of(population, kind, patients, rng)
    cohort = simulated(population, z, patients, centre)
    row: dict[str, object] = {"centre": centre, "kind": kind, **factors}
    cases = cases_of(cohort, read_endpoint("grade2_week6"), LOOKS[-1])
    if 0 < cases.patients["happened"].sum() < len(cases.patients):
        result = lk.validate(population, cohort, looks=LOOKS, progress=False)
        row["verdict"] = result.conclusion
        for day in LOOKS:
            rule = result.quality.score(day, "log_score", "baseline only").value
            row[f"rule_log_score_{day:g}"] = rule
    there = for_new_centre(population, centre)
    plain = density_of(population.model, cohort)
    density = plain.with_prior(JointPrior.of(there.z))
    looks = {
        "shipped": forecasts_at_looks(plain, population.z, cases, LOOKS, centre),
        "new_centre": forecasts_at_looks(plain, there.z, cases, LOOKS, centre),
    }
    found, row["method_40"] = posterior(density, there.z, centre)
    looks["updated"] = forecasts_at_looks(plain, found, cases, LOOKS, centre, in_fit=True)
    if kind != AS_FORECAST:
        looks["truth"] = forecasts_at_looks(plain, z[:1], cases, LOOKS, centre)
    row["happened"] = cases.patients["happened"].astype(int).tolist()
    for name, of in looks.items():
        for day in LOOKS:
            risk = of[day].endpoint.forecasts.risk
            row[f"risk_{name}_{day:g}"] = risk.round(4).tolist()
            row[f"{name}_slope_if_right_{day:g}"] = slope_if_right(risk, centre)
            measured = count_measures(of[day].counts, centre)
            for probability, measure in COVERAGE.items():
                row[f"{name}_coverage_{probability:.0%}_{day:g}"] = measured[measure].value
            row[f"{name}_slope_{day:g}"], row[f"{name}_log_score_{day:g}"] = slope_and_score(
                of[day], cases
            )
    for gain in gains_of(looks["shipped"], looks["updated"], cases).to_dict("records"):
        row[f"gain_{patients}_{gain['measure']}_{gain['look']:g}"] = gain["difference"]
    ids = list(cohort.patients.index)
    rest = cohort.select(ids[max(FEW) :])
    of_rest = density_of(population.model, rest)
    rest_cases = cases_of(rest, read_endpoint("grade2_week6"), LOOKS[-1])
    before = forecasts_at_looks(of_rest, population.z, rest_cases, LOOKS, centre)
    for few in FEW:
        some = density_of(population.model, cohort.select(ids[:few]))
        found, row[f"method_{few}"] = posterior(
            some.with_prior(JointPrior.of(there.z)), there.z, centre
        )
        after = forecasts_at_looks(of_rest, found, rest_cases, LOOKS, centre)
        for gain in gains_of(before, after, rest_cases).to_dict("records"):
            row[f"gain_{few}_{gain['measure']}_{gain['look']:g}"] = gain["difference"]
    row["cpu_s"] = round(time.process_time() - began, 1)
    return row


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the centres of each kind and of all; of gains also the share that is below 0."""
    numbers = table.select_dtypes("number").drop(columns=["centre"])
    rows = {}
    for name, values in numbers.items():
        rows[name] = dict(values.groupby(table["kind"]).mean()) | {"all": values.mean()}
        rows[name]["median"] = values.median()
        if str(name).startswith("gain"):
            rows[name]["better"] = (values < 0).mean()
    return pd.DataFrame(rows).T


def risks_judged(table: pd.DataFrame) -> pd.DataFrame:
    """Per whose forecasts and look: the slopes, and the share of centres in which the risk's log
    score beats the unchanged model, the rule of the baseline made of the same patients, and both.
    """
    names = [n for n in ("shipped", "new_centre", "updated", "truth") if f"{n}_slope_0" in table]
    found = []
    for name in names:
        rows = table.dropna(subset=[f"{name}_log_score_0"])
        for day in LOOKS:
            score, own = rows[f"{name}_log_score_{day:g}"], rows[f"shipped_log_score_{day:g}"]
            rule = rows.get(f"rule_log_score_{day:g}", score * np.nan)
            slope, right = (rows[f"{name}_slope_{kind}{day:g}"] for kind in ("", "if_right_"))
            found.append(
                {
                    "forecasts": name,
                    "look": day,
                    "mean slope": slope.mean(),
                    "median slope": slope.median(),
                    "mean slope if right": right.mean(),
                    "median slope if right": right.median(),
                    "common slope": common_slope(rows, name, day, own_level=False),
                    "common slope, own levels": common_slope(rows, name, day, own_level=True),
                    "beats unchanged": (score < own).mean(),
                    "beats rule": (score < rule)[rule.notna()].mean(),
                    "beats both": ((score < own) & (score < rule))[rule.notna()].mean(),
                }
            )
    return pd.DataFrame(found)


def keep(centre: int, kind: str, model: str, patients: int, path: Path) -> None:
    """Judge a centre in a process of its own."""
    prepare_jax(1)
    row = judged(centre, kind, literature_draws(model), patients)
    write_text(path, json.dumps(row, default=float))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="hedos_hcc")
    parser.add_argument("--centres", type=int, default=40)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--out", type=Path, default=Path("runs/centres"))
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--cluster", choices=CLUSTERS, default="local")
    asked = parser.parse_args()
    folder, tasks, paths = asked.out.resolve(), list[Task](), list[Path]()
    folder.mkdir(parents=True, exist_ok=True)
    for centre in range(asked.centres):
        kind = asked.kinds[centre % len(asked.kinds)]
        paths.append(folder / f"{asked.model}_{asked.patients}_{kind}_{centre:03d}.json")
        arguments = (centre, kind, asked.model, asked.patients, paths[-1])
        if not paths[-1].exists():
            tasks.append(Task(keep, arguments, folder))
    executor = Executor(asked.cluster, asked.workers, minutes=60)
    run_tasks(tasks, executor, lambda done, total: print(f"{done}/{total}", file=sys.stderr))
    table = pd.DataFrame([json.loads(path.read_text(encoding="utf-8")) for path in paths])
    print(pd.crosstab(table["kind"], table["verdict"].fillna("one class")))
    print(summary(table).round(3).to_string())
    print(risks_judged(table).round(3).to_string())


if __name__ == "__main__":
    main()
