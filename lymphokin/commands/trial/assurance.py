"""Assurance: power averaged over what is known about the rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from lymphokin.commands.options import fixed_values
from lymphokin.commands.trial.design_file import (
    DesignFile,
    EndpointName,
    Fixed,
    PopulationName,
    Seed,
    no_evidence,
    read_design,
    seed_of,
)
from lymphokin.commands.trial.options import (
    Json,
    app,
    known_test,
    numbers,
    output,
    show_warnings,
    swapped,
)
from lymphokin.strict_json import json_text
from lymphokin.trial.digits import probability

if TYPE_CHECKING:
    from lymphokin.trial.inputs import Demands
    from lymphokin.trial.virtual import VirtualDesign

GAMMA, DRAWS, PATIENTS = ("0", "0.5", "1", "1.5"), 400, 200
"""Strengths of the mechanism, draws and patients where none are given."""


@app.command("assurance")
def assurance_command(
    control_beta: Annotated[
        str, typer.Option(help="Beta prior of the control rate, a,b: no model is used then.")
    ] = "",
    treated_beta: Annotated[str, typer.Option(help="Beta prior of the treated rate, a,b.")] = "",
    n: Annotated[int | None, typer.Option("--n", help="Patients per arm.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Nominal one-sided level.")] = None,
    test: Annotated[str | None, typer.Option("--test", help="As in power.")] = None,
    design: DesignFile = None,
    endpoint: EndpointName = None,
    population: PopulationName | None = None,
    gamma: Annotated[
        str | None,
        typer.Option(
            help="Strengths of the mechanism to condition on.", show_default=",".join(GAMMA)
        ),
    ] = None,
    draws: Annotated[
        int | None, typer.Option(help="Draws of the population.", show_default=str(DRAWS))
    ] = None,
    patients: Annotated[
        int | None,
        typer.Option(help="Virtual patients per arm and draw.", show_default=str(PATIENTS)),
    ] = None,
    fix: Fixed = [],  # noqa: B006
    seed: Seed = None,
    json_: Json = False,
) -> None:
    """Power averaged over what is known about both rates: Beta priors, or the model.

    Without Beta priors the patients come from the literature, unless --population says otherwise.

    Example: lymphokin trial assurance --control-beta 10,10 --treated-beta 3,17 --n 26
    """
    from dataclasses import replace

    from lymphokin.trial.inputs import Demands

    demands = Demands("lymphokin trial assurance")
    if test is not None:
        known_test(test, demands)
    demands.want("level", **{"--alpha": alpha}).want(
        "patients", **{"--n": n, "--patients": patients}
    )
    demands.want("many", **{"--draws": draws}).want("count", **{"--seed": seed})
    strengths = numbers(gamma or ",".join(GAMMA), "--gamma", float, demands)
    for value in strengths:
        demands.that(value >= 0, "--gamma", value, "strengths of 0 or more")
    betas = [
        beta_pair(text, name, demands)
        for text, name in ((control_beta, "--control-beta"), (treated_beta, "--treated-beta"))
        if control_beta or treated_beta
    ]
    of_the_model = {
        "--endpoint": endpoint,
        "--population": population,
        "--gamma": gamma,
        "--draws": draws,
        "--patients": patients,
        "--fix": ", ".join(fix) or None,
        "--seed": seed,
    }
    fixed = fixed_values(fix, demands)
    for name, value in of_the_model.items():
        expected = "nothing beside --control-beta and --treated-beta, which need no model"
        demands.that(not betas or value is None, name, value, expected)
    demands.enforce()
    plan = read_design(design, endpoint)
    changes = {"n_treated": n, "n_control": n, "alpha": alpha, "test": test}
    given = {key: value for key, value in changes.items() if value is not None}
    plan = replace(plan, analysis=replace(plan.analysis, **given))
    disputed = plan.truth.true_model().table.contrast
    known = disputed is not None and disputed.parameter in fixed
    demands.that(not (gamma and known), "--gamma", gamma, "nothing beside --fix of the same link")
    demands.enforce()
    result = (
        _beta_assurance(plan, betas[0], betas[1])
        if betas
        else _model_assurance(
            plan,
            population or "literature",
            strengths,
            draws or DRAWS,
            patients or PATIENTS,
            seed_of(seed, plan),
            fixed,
        )
    )
    if json_:
        print(json_text(result))
    else:
        _show_assurance(result, no_evidence(plan))


def beta_pair(text: str, name: str, demands: Demands) -> tuple[float, float]:
    """A pair a,b of parameters of a Beta distribution."""
    found = numbers(text, name, float, demands)
    good = len(found) == 2 and all(0 < x <= 1e6 for x in found)
    demands.that(good, name, text, "two positive numbers a,b (give both priors)")
    return (found[0], found[1]) if good else (1.0, 1.0)


def _about(design: VirtualDesign) -> dict[str, Any]:
    analysis = design.analysis
    return {
        "test": analysis.test,
        "alpha": analysis.alpha,
        "n_treated": design.n_treated,
        "n_control": design.n_control,
    }


def _beta_assurance(
    design: VirtualDesign, control: tuple[float, float], treated: tuple[float, float]
) -> dict[str, Any]:
    from lymphokin.trial.exact import TESTS, Design

    analysis = design.analysis
    exact = Design(TESTS[analysis.test], design.n_treated, design.n_control, analysis.alpha)
    means = [a / (a + b) for a, b in (control, treated)]
    return _about(design) | {
        "control_beta": list(control),
        "treated_beta": list(treated),
        "assurance": exact.average_power(control, treated),
        "power_at_the_means": float(exact.power(*means)),
        "warnings": swapped(*means),
    }


def _model_assurance(
    design: VirtualDesign,
    population: str,
    gamma: list[float],
    draws: int,
    patients: int,
    seed: int,
    fixed: dict[str, float],
) -> dict[str, Any]:
    import numpy as np

    from lymphokin.model.roles import contrast_of
    from lymphokin.trial.assurance import assurance, population_rates
    from lymphokin.trial.virtual.sweep import population_named

    source = population_named(population, design.truth)
    cases: list[tuple[str, dict[str, float]]] = [("as in the population", {})]
    disputed = contrast_of(source.model)
    if disputed is not None and disputed.parameter not in fixed:
        strength = disputed.parameter
        symbol = source.model.table[strength].symbol
        cases += [(f"{symbol} = {value:g}", {strength: value}) for value in gamma]
    rows = []
    for label, own in cases:
        values = fixed | own
        found = assurance(design, population_rates(design, source, values, draws, patients, seed))
        quantiles = np.quantile(found.rates, (0.05, 0.5, 0.95), axis=0)
        rows.append(
            {
                "mechanism": label,
                "assurance": found.power.value,
                "monte_carlo_error": found.power.error,
                "control_rate_q05_q50_q95": quantiles[:, 0].tolist(),
                "treated_rate_q05_q50_q95": quantiles[:, 1].tolist(),
            }
        )
    made = {"population": source.name, "draws": draws, "patients": patients, "seed": seed}
    made |= {"fixed": fixed}
    return _about(design) | made | {"by_mechanism": rows}


def _show_assurance(result: dict[str, Any], evidence: str) -> None:
    console = output()
    title = (
        f"{result['test']}, one-sided {result['alpha']:g}, {result['n_treated']} treated and "
        f"{result['n_control']} control patients with an endpoint"
    )
    if "by_mechanism" not in result:
        console.print(title)
        show_warnings(result["warnings"])
        mean, at_means = (probability(result[k]) for k in ("assurance", "power_at_the_means"))
        console.print(f"assurance {mean}; {at_means} if both rates were known to be their means")
        return
    held = "".join(f", {name} = {value:g}" for name, value in result["fixed"].items())
    made = f"population: {result['population']}{held}, {result['draws']} draws"
    table = Table(title=f"{title}; {made}")
    for name in ("mechanism", "assurance", "control rate (90 %)", "treated rate (90 %)"):
        table.add_column(name, justify="left" if name == "mechanism" else "right")
    for row in result["by_mechanism"]:
        cells = []
        for arm in ("control", "treated"):
            low, middle, high = row[f"{arm}_rate_q05_q50_q95"]
            cells.append(f"{middle:.2f} ({low:.2f}-{high:.2f})")
        mean = f"{row['assurance']:.3f} ± {row['monte_carlo_error']:.3f}"
        table.add_row(row["mechanism"], mean, *cells)
    console.print(table)
    console.print(f"{evidence}Equal-tailed intervals. Research use only.")
