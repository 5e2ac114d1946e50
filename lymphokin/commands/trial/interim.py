"""Interim look: is the trial likely to end significant?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from lymphokin.commands.options import ModelFile
from lymphokin.commands.trial.design_file import (
    DesignFile,
    EndpointName,
    Seed,
    no_evidence,
    read_design,
    seed_of,
)
from lymphokin.commands.trial.options import Json, app, output
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.run import Fit
    from lymphokin.trial.interim import Look
    from lymphokin.trial.virtual import VirtualDesign

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@app.command()
def interim(
    run: Annotated[Path, typer.Argument(help="Run folder of a fit of the data so far.")],
    design: DesignFile = None,
    endpoint: EndpointName = None,
    gamma_zero: Annotated[
        Path | None,
        typer.Option(
            help="Run folder of the same data fitted with the disputed link (gamma) fixed at 0."
        ),
    ] = None,
    lost: Annotated[
        str, typer.Option(help="Patients who will have no endpoint: their IDs, with commas.")
    ] = "",
    leave_out: Annotated[
        str,
        typer.Option(help="Patients outside the comparison (the run-in's): IDs, with commas."),
    ] = "",
    draws: Annotated[int, typer.Option(help="Posterior draws to use at most.")] = 1000,
    seed: Seed = None,
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Probability that the trial ends significant, given the data so far.

    Patients in follow-up are forecast from their own counts, patients to come are simulated.
    The fit must have seen the data of the look and nothing later.

    Example: lymphokin trial interim runs/look1 --leave-out S001,S002 --gamma-zero runs/look1-null
    """
    from lymphokin.run import open_run
    from lymphokin.trial.interim import look_at

    plan = read_design(design, endpoint)
    looks = {}
    for label, folder in (("as fitted", run), ("gamma = 0", gamma_zero)):
        if folder is not None:
            fit = open_run(folder, model_file)
            fit.require_draws(f"an interim look at {folder}")
            if label == "gamma = 0":
                _check_gamma(fit, folder)
            looks[label] = look_at(
                fit,
                fit.cohort,
                plan,
                lost=_ids(lost),
                left_out=_ids(leave_out),
                draws=draws,
                seed=seed_of(seed, plan),
            )
    if json_:
        print(json_text({key: _as_json(look, plan) for key, look in looks.items()}))
    else:
        _show(looks, plan)


def _ids(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _check_gamma(fit: Fit, folder: Path) -> None:
    from lymphokin.model.roles import contrast_of

    disputed = contrast_of(fit.model)
    if disputed is None:
        raise ValueError(f"--gamma-zero {folder}: model {fit.model.name} has no disputed link")
    if fit.config["fixed"].get(disputed.parameter) != 0:
        expected = f"a run fitted with --fix {disputed.parameter}=0"
        raise ValueError(f"--gamma-zero {folder}: expected {expected}")


def _spread(values: Any, chances: Any) -> list[float]:
    """Equal-tailed quantiles of a discrete distribution."""
    import numpy as np

    reached = np.searchsorted(np.cumsum(chances), np.asarray(QUANTILES) - 1e-12)
    return [float(values[min(i, len(values) - 1)]) for i in reached]


def _as_json(look: Look, design: VirtualDesign) -> dict[str, Any]:
    import numpy as np

    from lymphokin.trial.interim import ARMS

    found, patients = look.predictive, look.patients
    arms = {}
    for i, arm in enumerate(ARMS):
        counts = patients.loc[patients["arm"] == arm, "status"].value_counts()
        arms[arm] = {
            "events": int(counts.get("event", 0)),
            "no_events": int(counts.get("no event", 0)),
            "in_follow_up": int(counts.get("in follow-up", 0)),
            "missing": int(counts.get("missing", 0)),
            "to_come": look.to_come[i],
            "final_rate_q05_q25_q50_q75_q95": _spread(*found.final_rates(i)),
            "expected_rate_q05_q25_q50_q75_q95": np.quantile(found.rates[:, i], QUANTILES).tolist(),
            "final_events": found.final_events[i].tolist(),
        }
    analysis = design.analysis
    judged = {} if design.endpoint is None else {"endpoint": design.endpoint.name}
    return judged | {
        "predictive_probability": found.probability,
        "monte_carlo_error": look.error,
        "by_draw_q05_q25_q50_q75_q95": np.quantile(found.success, QUANTILES).tolist(),
        "test": analysis.test,
        "alpha": analysis.alpha,
        "arms": arms,
        "patients": patients.reset_index().to_dict("records"),
    }


def _show(looks: dict[str, Look], design: VirtualDesign) -> None:
    from lymphokin.model.roles import contrast_of

    console, analysis = output(), design.analysis
    for label, look in looks.items():
        shown = _as_json(look, design)
        console.print(
            f"{label}: predictive probability that {analysis.test} at a one-sided "
            f"{analysis.alpha:g} is significant at the end: "
            f"[bold]{shown['predictive_probability']:.3f}[/] ± {shown['monte_carlo_error']:.3f}"
            + ("" if design.endpoint is None else f". {design.endpoint.meaning}")
        )
        table = Table()
        names = ("arm", "events", "no events", "in follow-up", "missing", "to come",
                 "rate at the end, median (90 %)")  # fmt: skip
        for name in names:
            table.add_column(name, justify="left" if name == "arm" else "right")
        for arm, row in shown["arms"].items():
            low, _, middle, _, high = row["final_rate_q05_q25_q50_q75_q95"]
            keys = ("events", "no_events", "in_follow_up", "missing", "to_come")
            cells = [str(row[key]) for key in keys]
            table.add_row(arm, *cells, f"{middle:.2f} ({low:.2f}-{high:.2f})")
        console.print(table)
    _show_waiting(next(iter(looks.values())))
    if "gamma = 0" not in looks:
        disputed = contrast_of(design.truth.true_model())
        if disputed is not None:
            fix = f"--fix {disputed.parameter}=0"
            console.print(f"Beside it belongs gamma = 0: fit with {fix}, --gamma-zero.")
    console.print(f"{no_evidence(design)}Equal-tailed intervals. Research use only.")


def _show_waiting(look: Look) -> None:
    waiting = look.patients[look.patients["status"] == "in follow-up"]
    if waiting.empty:
        return
    table = Table(title="In follow-up: forecast from their counts so far")
    window = "p_true" in waiting
    risks = ["visits show it (90 %)", "true curve"] if window else ["risk (90 %)"]
    for name in ("patient", "arm", "last record", "endpoint due", *risks, "has an endpoint"):
        table.add_column(name, justify="left" if name in ("patient", "arm") else "right")
    for row in waiting.itertuples():
        risk = [f"{row.risk:.2f} ({row.risk_q05:.2f}-{row.risk_q95:.2f})"]
        risk += [f"{row.p_true:.2f}"] if window else []
        days = (f"day {row.followed:g}", f"day {row.planned_day:g}")
        table.add_row(str(row.Index), str(row.arm), *days, *risk, f"{row.evaluable:.2f}")
    output().print(table)
