"""Write the generated parts of docs/evidence.md and its figure again, from the files they rest on.

Run from the repository root: uv run python docs/make_evidence.py
To write only some parts again, name them: cohorts, checks, atra, parameters, rivals, lesions,
figure.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from lymphokin.jax_setup import prepare_jax

prepare_jax(1)

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from lymphokin.literature import calibrated_models, coverage, literature_draws, read_studies  # noqa: E402
from lymphokin.literature.checks import expected_counts, standard_courses  # noqa: E402
from lymphokin.literature.kinetics import shipped_kinetic_studies  # noqa: E402
from lymphokin.literature.posterior import shipped_details  # noqa: E402
from lymphokin.model import Model, load_model, shipped_models  # noqa: E402
from lymphokin.model.parameters import Parameter  # noqa: E402
from lymphokin.model.residual import Residual  # noqa: E402
from lymphokin.pages.drawing import save_figure  # noqa: E402
from lymphokin.population import Hierarchy  # noqa: E402
from lymphokin.report.cohort_reproduction import draw_reproduction  # noqa: E402
from lymphokin.shipped import data_path  # noqa: E402
from lymphokin.trial.control_arm import predict_control_arm  # noqa: E402
from lymphokin.trial.virtual import VirtualDesign  # noqa: E402

DOCS = Path(__file__).parent
DEFAULT = "myeloid_lymphoid"
FOLDER = "literature/posterior"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def interval(low: float, middle: float, high: float) -> str:
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def stored(kind: str, model: str = DEFAULT) -> pd.DataFrame:
    return pd.read_csv(data_path(f"{FOLDER}/{model}.{kind}.csv"))


def cohorts() -> str:
    details = shipped_details()
    fitted, left = stored("reproduction"), stored("left_out")
    rows = []
    for study in read_studies():
        offset = details["studies"][study.name]
        own, alone = fitted[fitted.study == study.name], left[left.study == study.name]
        inside = own.observed.between(own.q05, own.q95)
        forenotes = alone.observed.between(alone.q05, alone.q95)
        source = study.source + (f", doi:{study.doi}" if study.doi else "")
        followed = any(c.days for c in study.counts)
        rows.append(
            [
                source,
                str(study.n),
                f"{study.course_dose_gy:.2g}" if followed else "baseline only",
                f"{inside.sum()} of {len(own)}",
                f"{forenotes.sum()} of {len(alone)}",
                interval(*offset["baseline_ratio"]),
                interval(*offset["dose_ratio"]) if followed else "",
            ]
        )
    inside = ("published numbers inside 90 %", "predicted from the others")
    header = ["cohort", "n", "immune dose, Gy", *inside, "baselines", "dose over estimate"]
    convergence = details["convergence"]
    notes = (
        f"Fitted, {coverage(fitted):.0%} of {len(fitted)} published numbers lie inside their "
        f"90 % interval; predicted from the other studies alone, {coverage(left):.0%}. Sampling: "
        f"{convergence['level']} (R-hat at most {convergence['rhat_max']:.3f}, smallest bulk "
        f"effective sample size {convergence['ess_bulk_min']})."
    )
    outside = fitted[~fitted.observed.between(fitted.q05, fitted.q95)]
    for row in outside.itertuples():
        notes += (
            f" Outside: {row.study}, {row.statistic} ({row.of}), published {row.observed:g}, "
            f"predicted {row.q05:.3g} to {row.q95:.3g}."
        )
    return table(header, rows) + "\n\n" + notes


def checks() -> str:
    counts = expected_counts(literature_draws(), standard_courses())
    rows = []
    for course, own in counts.groupby("course", sort=False):
        rows.append([str(course), *(interval(r.q05, r.q50, r.q95) for r in own.itertuples())])
    days = [f"day {d:g} after" for d in counts["day"].unique()]
    design = VirtualDesign.read(data_path("nct06439888.design.toml"))
    text = "Typical count over the baseline, median and 90 % interval over new studies:\n\n"
    text += table(["course", *days], rows) + "\n\n"
    text += (
        "**The trial's control arm.** Share with a count reported as grade >= 2 six weeks after "
        "SBRT, predicted for a trial shaped like NCT06439888 (26 patients, 2-5 lesions; sites and "
        "courses assumed) as a new study. Its design assumes 50 %; nothing was fitted to that.\n\n"
    )
    lines = []
    for model in calibrated_models():
        arm = predict_control_arm(design, model)
        expected = f"{arm.median:.0%} ({arm.expected_low:.0%} to {arm.expected_high:.0%})"
        lines.append([f"`{model}`", expected, f"{arm.low:.0%} to {arm.high:.0%}"])
    lines.append(["design assumption", "50 %", ""])
    return text + table(["model", "expected share (90 %)", "observed in one arm (90 %)"], lines)


def atra() -> str:
    rows = []
    names = {study.name: study for study in shipped_kinetic_studies()["atra"].studies}
    for row in stored("atra").itertuples():
        study = names[row.study]
        published = "" if np.isnan(row.observed) else f"{row.observed:g}"
        error = "" if np.isnan(row.relative_se) else f" ± {row.relative_se:.0%}"
        role = "fitted" if row.role == "calibration" else "check"
        rows.append([study.source, role, f"{row.day + 1}", row.what, published + error,
                     interval(row.q05, row.q50, row.q95)])  # fmt: skip
    header = ["study", "role", "day", "mean over patients", "published", "model (90 %)"]
    return table(header, rows)


def parameters() -> str:
    model = load_model(DEFAULT)
    prior, after, reads = prior_of(model), literature_draws().natural(), model.reads()
    rows = []
    for p in model.table:
        drives = ", ".join(block for block, names in reads.items() if p.name in names)
        now = middle_of(after[p.name]) if p.name in prior else ""
        rows.append([p.symbol, f"`{p.name}`", p.unit, before(p, prior), now, between(p),
                     p.certainty, drives, sourced(p)])  # fmt: skip
    header = ["", "name", "unit", "prior (90 %)", "calibrated (90 %)", "SD between patients",
              "certainty", "drives", "source"]  # fmt: skip
    return table(header, rows)


def lesions() -> str:
    """What abscopal_cd8 adds to the default model: parameters, then errors of measurements."""
    model, default = load_model("abscopal_cd8"), load_model(DEFAULT)
    prior, rows = prior_of(model), []
    units = {quantity.name: quantity.unit for quantity in Hierarchy(model).quantities}
    for p in model.table:
        if p.name in {own.name for own in default.table}:
            continue
        rows.append([p.symbol, f"`{p.name}`", p.unit, before(p, prior), between(p),
                     f"{p.between_lesion_sd:g}" if p.between_lesion_sd else "", p.certainty,
                     sourced(p)])  # fmt: skip
        if p.outside_effect:
            effect = middle_of(prior[f"{p.name}_outside_effect"])
            rows.append(["", f"`{p.name}_outside_effect`", "1", effect, "", "", p.certainty,
                         sourced(p)])  # fmt: skip
    for quantity, residual in model.table.residuals.items():
        if quantity in default.table.residuals:
            continue
        name = f"{quantity}_residual_sd"
        known = f" and {residual.proportional_sd:.0%}" if residual.proportional_sd else ""
        rows.append(["", f"`{name}`", units[name], middle_of(prior[name]) + known, "", "",
                     residual.certainty, sourced(residual)])  # fmt: skip
    header = ["", "name", "unit", "prior (90 %)", "SD between patients", "SD between lesions",
              "certainty", "source"]  # fmt: skip
    return table(header, rows)


def prior_of(model: Model) -> dict[str, np.ndarray]:
    hierarchy = Hierarchy(model)
    z = np.random.default_rng(0).standard_normal((4000, len(hierarchy.quantities)))
    return {k: np.asarray(v) for k, v in jax.vmap(hierarchy.natural)(z).items()}


def middle_of(draws: np.ndarray) -> str:
    return interval(*np.quantile(draws, (0.05, 0.5, 0.95)))


def before(p: Parameter, prior: dict[str, np.ndarray]) -> str:
    return middle_of(prior[p.name]) if p.name in prior else f"{p.median:.3g}"


def between(p: Parameter) -> str:
    return f"{p.between_subject_sd:g}" if p.between_subject_sd else ""


def sourced(p: Parameter | Residual) -> str:
    return p.source + (f" (doi:{p.doi})" if p.doi else "")


def rivals() -> str:
    rows = []
    for name in shipped_models():
        model = load_model(name)
        states = sum(len(block.states) for block in model.blocks)
        measured = ", ".join(model.observed)
        calibrated = "yes" if name in calibrated_models() else ""
        rows.append([f"`{name}`", model.description, str(states), measured, calibrated])
    return table(["model", "what it is", "states", "fits", "calibrated"], rows)


PARTS = {
    "cohorts": cohorts,
    "checks": checks,
    "atra": atra,
    "parameters": parameters,
    "rivals": rivals,
    "lesions": lesions,
}


def main(names: list[str]) -> None:
    path = DOCS / "evidence.md"
    text = path.read_text(encoding="utf-8")
    for name in names or PARTS:
        if name == "figure":
            continue
        pattern = rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)"
        content = PARTS[name]()
        text = re.sub(pattern, lambda m, c=content: f"{m[1]}\n{c}\n\n{m[2]}", text, flags=re.S)
    path.write_text(text, encoding="utf-8")
    if not names or "figure" in names:
        figure = draw_reproduction(stored("reproduction"), stored("left_out"))
        save_figure(figure, DOCS / "images" / "evidence_cohorts.png")


if __name__ == "__main__":
    main(sys.argv[1:])
