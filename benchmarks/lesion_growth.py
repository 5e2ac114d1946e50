"""Growth of lesions without radiotherapy: the prior of `models/abscopal_cd8.toml`.

    uv run python benchmarks/lesion_growth.py            # fit, about 8 minutes of processor time
    uv run python benchmarks/lesion_growth.py --table    # the event table of the example alone

Draws lesions of data/literature/lesion_diameters.csv (Laleh 2022), writes them as the event table
docs/examples/lesion_growth.csv, fits docs/examples/lesion_growth.py to it, writes the population to
data/literature/lesion_growth.csv, and forecasts other lesions from their first two diameters
beside two rules that need no model. Every patient had a systemic treatment: the growth is net.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import lymphokin as lk
from lymphokin.jax_setup import prepare_jax
from lymphokin.shipped import data_path

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "lesion_growth.py"
POPULATION = data_path("literature") / "lesion_growth.csv"
OAK = ("Study_4_Arm_1", "Study_4_Arm_2")
PER_ARM, PER_OAK_ARM, HELD_OUT = 25, 60, 300
"""Lesions of an arm that are fitted, and others that are forecast. Thinned because the fit of all
1,461 takes half an hour; the arms of the largest study keep more."""
LIMIT = 5.0
"""mm. RECIST 1.1 (doi:10.1016/j.ejca.2008.10.026) writes 5 for what is too small to measure."""
LONGEST = 365.0
"""Days after the second diameter up to which forecasts are judged."""
HEADER = """\
# Longest diameters of {lesions} lesions without radiotherapy, under atezolizumab or docetaxel.
# Drawn from data/literature/lesion_diameters.csv by benchmarks/lesion_growth.py: Laleh et al. 2022,
# PLOS Comput Biol, doi:10.1371/journal.pcbi.1009822, CC BY 4.0. Day 0 is the first treatment; one
# lesion per identifier; below 5 mm is censored.
"""


def diameters() -> pd.DataFrame:
    """The published diameters; of two on one day the first."""
    table = pd.read_csv(data_path("literature/lesion_diameters.csv"), comment="#")
    return table.drop_duplicates(["lesion", "day"])


def drawn(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Diameters of lesions to fit, and of lesions to forecast."""
    arms = table.drop_duplicates("lesion").set_index("lesion")["study_arm"]
    fitted = [
        own.sample(min(len(own), PER_OAK_ARM if arm in OAK else PER_ARM), random_state=1).index
        for arm, own in arms.groupby(arms)
    ]
    chosen = np.concatenate(fitted)
    rest = arms.drop(chosen).sample(HELD_OUT, random_state=1).index
    return table[table["lesion"].isin(chosen)], table[table["lesion"].isin(rest)]


def as_events(table: pd.DataFrame) -> str:
    """The event table of some lesions."""
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS,ARM"]
    for row in table.itertuples():
        small = row.diameter_mm < LIMIT  # type: ignore[operator]
        value = f"<{LIMIT:g}" if small else f"{row.diameter_mm:g}"
        rows.append(f"L{row.lesion},{row.day},0,,,1,diameter,{value},1,{row.study_arm}")
    return "\n".join(rows) + "\n"


def population_table(fit: Any) -> pd.DataFrame:
    """The population of the fit, and the growth over arms on the scale of its transform."""
    summary = fit.summary[["name", "unit", "q05", "q50", "q95", "rhat", "ess_bulk"]]
    posterior, growth = fit.draws["posterior"], fit.model.table["growth"]
    typical = np.asarray(growth.to_transformed(posterior["growth"].to_numpy())).ravel()
    effects = [v for v in posterior.data_vars if v.startswith("growth_arm_")]
    arms = np.array([0 * typical, *(posterior[v].to_numpy().ravel() for v in effects)]) + typical
    middle = np.asarray(growth.to_natural(arms.mean(axis=0)))
    rows = {"growth_over_arms": middle, "growth_between_arms_sd": arms.std(axis=0, ddof=1)}
    more = [(name, *np.quantile(values, (0.05, 0.5, 0.95))) for name, values in rows.items()]
    return pd.concat([summary, pd.DataFrame(more, columns=["name", "q05", "q50", "q95"])])


def forecast_draws(fit: Any, table: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Later diameters of lesions, and [record, draw] diameters as they would be measured."""
    from lymphokin.infer.density import density_of
    from lymphokin.population import draw_measured
    from lymphokin.predict.endpoint_draws import arrays_used, chosen_draws_of, weighted_draws

    (folder / "held_out.csv").write_text(as_events(table))
    cohort = lk.read_events(folder / "held_out.csv", model=fit.model)
    density = density_of(fit.model, cohort, fit.steps)
    later, second = later_records(table)
    z = chosen_draws_of(fit.population_z(), 150, 1)
    ids = cohort.patients.index
    known, below = density.packed.records["diameter"]
    padded = len(np.asarray(density.arrays.measured["diameter"].quantified.day))
    place = {(r.id, r.day): at for at, r in enumerate(known.itertuples())}
    place |= {(r.id, r.day): padded + at for at, r in enumerate(below.itertuples())}
    days = [later.loc[later["id"] == i, "day"].to_numpy(float) for i in ids]
    most = max(map(len, days))
    at = np.zeros((len(ids), most), int)
    for k, (patient, own) in enumerate(zip(ids, days, strict=True)):
        at[k, : len(own)] = [place[patient, day] for day in own]

    def read(part: Any) -> np.ndarray:
        return np.concatenate(part.predictions["diameter"], axis=1)[:, at]

    found = weighted_draws(
        density,
        z,
        {None: arrays_used(density.packed, second.reindex(ids) + 0.5, None)},
        read,
        in_fit=False,
        seed=1,
    )[None]
    rng = np.random.default_rng(1)
    sd = np.repeat(density.residual_sd(z, "diameter"), found.read.shape[1], axis=0)[:, None]
    draws = []
    for k, own in enumerate(days):
        weights = found.weights[:, :, k].ravel()
        pick = rng.choice(len(weights), 2000, p=weights / weights.sum())
        true = found.read[:, :, k].reshape(len(weights), -1)[pick, : len(own)]
        residual = fit.model.table.residuals["diameter"]
        draws.append(np.exp(draw_measured(residual, rng, true, sd[pick])).T)
    order = later.set_index("id").loc[[i for i in ids if (later["id"] == i).any()]].reset_index()
    return order, np.concatenate(draws)


def later_records(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Records after the second, with what a rule needs of the first two; and the second's day."""
    rows, second = [], {}
    for lesion, own in table.sort_values("day").groupby("lesion"):
        day = own["day"].to_numpy(float)
        size = own["diameter_mm"].clip(lower=LIMIT).to_numpy(float)
        second[f"L{lesion}"] = day[1]
        slope = np.log(size[1] / size[0]) / (day[1] - day[0])
        for at in range(2, len(day)):
            ahead = day[at] - day[1]
            if ahead <= LONGEST:
                rows.append((f"L{lesion}", day[at], ahead, size[1], slope, size[at]))
    columns = ["id", "day", "ahead", "last", "slope", "seen"]
    return pd.DataFrame(rows, columns=columns), pd.Series(second)


def by_rule(later: pd.DataFrame, known: pd.DataFrame, rule: str) -> np.ndarray:
    """[record, draw] forecasts of a rule. How far it errs by the days ahead is from ``known``."""

    def middle(of: pd.DataFrame) -> np.ndarray:
        moved = of["slope"] * of["ahead"] if rule == "log-linear" else 0.0
        return np.log(of["last"]) + moved

    squares = (np.log(known["seen"]) - middle(known)) ** 2
    shape = np.column_stack([np.ones(len(known)), known["ahead"], known["ahead"] ** 2])
    from scipy.optimize import nnls

    part = nnls(shape, squares.to_numpy())[0]
    ahead = later["ahead"].to_numpy()
    sd = np.sqrt(np.column_stack([np.ones(len(later)), ahead, ahead**2]) @ part)
    noise = np.random.default_rng(2).standard_normal((len(later), 2000))
    return np.exp(middle(later).to_numpy()[:, None] + sd[:, None] * noise)


def crps(draws: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of sorted draws [record, draw], per record."""
    n = draws.shape[1]
    spread = (draws * (2 * np.arange(1, n + 1) - n - 1)).sum(axis=1) / n**2
    return np.abs(draws - seen[:, None]).mean(axis=1) - spread


def scores(later: pd.DataFrame, draws: np.ndarray) -> pd.DataFrame:
    """How good each forecast was; a diameter below 5 mm counts as 5 mm, forecast or seen."""
    own, seen = np.sort(np.maximum(draws, LIMIT), axis=1), later["seen"].to_numpy()
    low, middle, high = np.quantile(own, (0.05, 0.5, 0.95), axis=1)
    return later.assign(
        crps_mm=crps(own, seen),
        crps_ln=crps(np.log(own), np.log(seen)),
        error_mm=np.abs(middle - seen),
        inside=(seen >= low) & (seen <= high),
        width_mm=high - low,
    )


def compared(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Means over lesions, each counted once, and how far they differ from the model's (SE)."""
    rows = []
    for what in ("next visit", "within a year"):
        means = {}
        for name, table in found.items():
            judged = table.groupby("id").head(1) if what == "next visit" else table
            columns = ["crps_mm", "crps_ln", "error_mm", "inside", "width_mm"]
            means[name] = judged.groupby("id")[columns].mean()
        for name, own in means.items():
            row: dict[str, Any] = {"judged": what, "forecast": name, "lesions": len(own)}
            for score in ("crps_mm", "crps_ln"):
                gap = own[score] - means["model"][score]
                row |= {score: own[score].mean(), f"{score}_more": gap.mean(), "se": gap.sem()}
                row[f"{score}_se"] = row.pop("se")
            row |= own[["error_mm", "inside", "width_mm"]].mean().to_dict()
            rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--table", action="store_true", help="write the event table and stop")
    parser.add_argument("--run", type=Path, help="score the run in this folder instead of fitting")
    parser.add_argument("--out", type=Path, help="save the fit as a run folder")
    chosen = parser.parse_args()
    prepare_jax(1)
    fitted, rest = drawn(diameters())
    table = EXAMPLE.with_suffix(".csv")
    table.write_text(HEADER.format(lesions=fitted["lesion"].nunique()) + as_events(fitted))
    if chosen.table:
        return
    if chosen.run:
        fit = lk.open_run(chosen.run, model=EXAMPLE)
    else:
        fit = lk.fit(table, EXAMPLE, seed=1, chains=4, pilot=100, warmup=100, draws=750, rtol=1e-2)
        if chosen.out:
            fit.save(chosen.out)
    print(fit.verdict)
    note = (
        "# Written by benchmarks/lesion_growth.py: the population of docs/examples/lesion_growth.py"
    )
    note += ", fitted to the table beside it. Net growth under systemic treatment.\n"
    POPULATION.write_text(note + population_table(fit).to_csv(index=False, float_format="%.4g"))
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        later, draws = forecast_draws(fit, rest, Path(folder))
    known, _ = later_records(fitted)
    found = {"model": scores(later, draws)}
    for rule in ("last value", "log-linear"):
        found[rule] = scores(later, by_rule(later, known, rule))
    print(compared(found).to_string(index=False, float_format=lambda x: f"{x:.3g}"))


if __name__ == "__main__":
    main()
