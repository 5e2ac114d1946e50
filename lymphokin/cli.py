"""The command line: argument parsing and pages only, no science.

Exit codes: 0 fine, 1 failed, 2 bad input. Bad input gets one message and writes nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lymphokin.commands import audit, data
from lymphokin.commands.accept import Accept, accepted
from lymphokin.commands.calibrate import calibrate
from lymphokin.commands.check import check
from lymphokin.commands.compare import compare
from lymphokin.commands.dose import dose
from lymphokin.commands.models import models
from lymphokin.commands.serve import serve
from lymphokin.commands.spread import spread
from lymphokin.commands.trial import app as trial
from lymphokin.commands.what_if import person_of, predict_one, whatif
from lymphokin.jax_setup import choose_precision, prepare_jax

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Lymphocyte kinetics under radiotherapy and ATRA: each patient's risk of lymphopenia. "
    "Research use only.",
)
app.add_typer(data.app, name="data")
app.command()(dose)
app.command()(serve)
app.command()(whatif)
app.add_typer(audit.app, name="audit")
app.command()(calibrate)
app.command()(check)
app.command()(compare)
app.command()(models)
app.command()(spread)
app.add_typer(trial, name="trial")
console = Console(stderr=True)
DEMO_TABLE = "synthetic_sbrt_atra_trial.csv"
DEMO_TRUTH = "synthetic_sbrt_atra_trial.truth.toml"

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers; recorded.")]
Out = Annotated[Path, typer.Option(help="Folder of the run; must not exist yet.")]
Until = Annotated[
    float | None,
    typer.Option(
        help="Use each patient's records up to this day only (0 = baseline); "
        "default: all before the endpoint visit."
    ),
]
Chains = Annotated[
    int,
    typer.Option(help="nuts: independent chains; in parallel on the cores, all together on a GPU."),
]
Warmup = Annotated[int, typer.Option(help="nuts: warm-up iterations per chain.")]
Draws = Annotated[int, typer.Option(help="nuts: draws kept per chain.")]
Method = Annotated[
    str,
    typer.Option(
        help="nuts: Markov chains, for reporting. For a look: quick (a normal approximation, "
        "reweighted), svi (variational), laplace (normal at the mode), map (the mode alone)."
    ),
]


def _fixed(pairs: list[str]) -> dict[str, float]:
    values = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            raise ValueError(f"--fix {pair}: expected NAME=NUMBER, e.g. suppression=0") from None
    return values


@app.command()
def fit(
    table: Annotated[Path, typer.Argument(help="Event table (CSV).")],
    out: Out = Path("runs/fit"),
    model: Annotated[str, typer.Option(help="Shipped model or path of a model file.")] = (
        "myeloid_lymphoid"
    ),
    fix: Annotated[list[str], typer.Option(help="Fix a parameter: NAME=VALUE.")] = [],  # noqa: B006
    counts_until: Until = None,
    chains: Chains = 2,
    warmup: Warmup = 50,
    draws: Draws = 2000,
    seed: Seed = 0,
    json_: Json = False,
    prior: Annotated[
        str, typer.Option(help="table: priors of the model; literature: after published cohorts.")
    ] = "table",
    method: Method = "nuts",
    precision: Annotated[
        str, typer.Option(help="float64, or float32: faster, above all on a GPU.")
    ] = "float64",
    rtol: Annotated[
        float | None,
        typer.Option(help="Relative error of counts allowed to the solver; default about 1e-4."),
    ] = None,
    accept: Accept = [],  # noqa: B006
) -> None:
    """Fit a trial and forecast every patient.

    Run the same command again to continue an interrupted fit. The methods beside nuts are for a
    look: they take seconds, and say how far they can be believed.

    Example: lymphokin fit trial.csv --out runs/trial

    Example: lymphokin fit trial.csv --method quick --out runs/look
    """
    choose_precision(precision)
    from lymphokin.infer import NutsSettings
    from lymphokin.literature.prior import model_with_prior
    from lymphokin.terminal import TerminalReporter, show_run
    from lymphokin.workflow import Job, run_fit

    model = model_with_prior(model, prior)
    settings = NutsSettings(chains, warmup, draws, seed=seed)
    job = Job(model, _fixed(fix), settings, counts_until, method, rtol)
    with TerminalReporter(console) as reporter:
        run = run_fit(table, out, job, reporter, accepted(accept))
    show_run(run, json_)


@app.command()
def demo(
    out: Out = Path("lymphokin-demo"),
    counts_until: Until = 21.0,
    chains: Chains = 2,
    warmup: Warmup = 50,
    draws: Draws = 2000,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """The whole job on the synthetic trial that comes with lymphokin.

    Example: lymphokin demo
    """
    from lymphokin.shipped import data_path

    if not json_:
        console.print(
            "[bold]SYNTHETIC DATA[/]: a simulated trial shaped like NCT06439888, no real patients."
        )
    fit(data_path(DEMO_TABLE), out, "myeloid_lymphoid", [], counts_until, chains, warmup, draws,
        seed, json_)  # fmt: skip


@app.command()
def predict(
    run: Annotated[
        Path | None,
        typer.Argument(help="Run folder of a fit; one patient can do with published cohorts."),
    ] = None,
    table: Annotated[
        Path | None, typer.Argument(help="Event table of new patients; default: the fitted ones.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
    counts_until: Until = None,
    seed: Seed = 0,
    patient: Annotated[Path | None, typer.Option(help="One patient (TOML or JSON).")] = None,
    schedule: Annotated[Path | None, typer.Option(help="Schedule of that patient.")] = None,
    baseline: Annotated[
        list[float],
        typer.Option(help="Count before radiotherapy, 1e9/L; repeat it if there are more."),
    ] = [],  # noqa: B006
    site: Annotated[
        str | None, typer.Option(help="Site of the lesions, e.g. lung_peripheral.")
    ] = None,
    lesions: Annotated[int | None, typer.Option(help="Number of lesions.")] = None,
    bsa: Annotated[float | None, typer.Option(help="Body surface area, m2.")] = None,
    fractions: Annotated[
        str | None, typer.Option(help="E.g. 5x10, or 3x18/2 every other day.")
    ] = None,
    atra: Annotated[
        str | None, typer.Option(help="Pulses x days, e.g. 4x3; in full 4x3@0/21:150.")
    ] = None,
    next_count: Annotated[
        list[int], typer.Option(help="Day of a further count: what would it teach?")
    ] = [],  # noqa: B006
    draws: Annotated[
        int, typer.Option(help="Draws for one patient: 400, as the page, or 2000.")
    ] = 400,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="One patient: also ask every calibrated model.")
    ] = False,
    accept: Accept = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Forecast patients from a fit: those of the trial, new ones, or a single one.

    Example: lymphokin predict runs/trial new_patients.csv --counts-until 14 --json

    Example: lymphokin predict --baseline 1.2 --site lung_peripheral --fractions 5x10 --atra 4x3
    """
    if patient is not None or baseline or fractions or schedule is not None:
        if table is not None or out is not None or counts_until is not None:
            raise ValueError("one patient goes without an event table, --out and --counts-until")
        one = person_of(patient, baseline, site, fractions, atra, bsa, lesions, schedule)
        predict_one(run, "myeloid_lymphoid", *one, next_count, draws, all_models, json_)
        return
    if run is None:
        raise ValueError("give the run folder of a fit, or one patient (--patient or --baseline)")
    from lymphokin.infer import COHORT_FILE, Fit
    from lymphokin.infer.density import density_of
    from lymphokin.io import read_events
    from lymphokin.predict import forecast
    from lymphokin.terminal import show_patients

    if out is not None and out.exists():
        raise FileExistsError(f"{out} exists; choose another --out or move it away")
    fitted = Fit.load(run)
    cohort = read_events(table or run / COHORT_FILE, accept=accepted(accept))
    result = forecast(
        density_of(fitted.model(), cohort, fitted.steps()),
        fitted.population_z(),
        in_fit=table is None,
        seen=fitted.provenance["seen"],
        counts_until=counts_until,
        seed=seed,
    )
    if out is not None:
        result.patients.to_csv(out)
    show_patients(result, cohort.synthetic, json_)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder of a fit.")],
    out: Annotated[
        Path | None, typer.Option(help="HTML file; default: report.html of the run, replaced.")
    ] = None,
    counts_until: Until = None,
    json_: Json = False,
) -> None:
    """Write the report of a fit again, e.g. as it would have looked on another day.

    Example: lymphokin report runs/trial --counts-until 14 --out day14.html
    """
    from lymphokin.infer import COHORT_FILE, Fit
    from lymphokin.infer.density import density_of
    from lymphokin.io import read_events
    from lymphokin.report import write_report
    from lymphokin.terminal import TerminalReporter
    from lymphokin.workflow import describe

    fitted = Fit.load(run)
    density = density_of(fitted.model(), read_events(run / COHORT_FILE), fitted.steps())
    with TerminalReporter(console) as reporter:
        _, _, contents = describe(fitted, density, counts_until, reporter)
    path = out or run / "report.html"
    write_report(contents, path)
    if json_:
        print(json.dumps({"report": str(path)}))
    else:
        console.print(f"Report: {path}", soft_wrap=True)


@app.command()
def simulate(
    truth: Annotated[
        Path | None, typer.Option(help="Truth file (TOML); default: that of the demo's trial.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Event table to write.")] = Path("synthetic_trial.csv"),
    seed: Annotated[int | None, typer.Option(help="Overrides the truth's own seed.")] = None,
    json_: Json = False,
) -> None:
    """Simulate a synthetic trial from a stated truth; the truth per patient goes beside it.

    Example: lymphokin simulate --out synthetic_trial.csv
    """
    from lymphokin.shipped import data_path
    from lymphokin.trial.synthetic import Truth, simulate_trial, write_trial

    source = truth or data_path(DEMO_TRUTH)
    trial = simulate_trial(Truth.read(source), seed)
    written = write_trial(trial, out, source.name)
    if json_:
        print(json.dumps({"files": [str(p) for p in written], "patients": len(trial.cohort)}))
    else:
        console.print(
            f"SYNTHETIC: {len(trial.cohort)} patients in {out}, the truth in {written[1]}"
        )


def main() -> None:
    """Entry point: runs a command and turns what went wrong into one message and an exit code."""
    prepare_jax()
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Exit as done:
        sys.exit(done.exit_code)
    except Exception as error:
        sys.exit(_explain(error))
    except KeyboardInterrupt:
        console.print("\nStopped. Run the same command again to go on.")
        sys.exit(1)


def _explain(error: Exception) -> int:
    """Print an error and return the exit code: 2 for what the user can mend, 1 otherwise."""
    if isinstance(error, typer.Abort):
        return 1
    if hasattr(error, "format_message"):
        console.print(error.format_message(), style="red", markup=False)  # type: ignore[attr-defined]
        return 2
    from lymphokin.io import BadInput

    if isinstance(error, BadInput | ValueError | FileNotFoundError | FileExistsError):
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        if isinstance(error, BadInput) and any(p.check for p in error.problems):
            name = next(p.check for p in error.problems if p.check)
            console.print(f'To accept what is right: --accept {name}="why it is right"',
                          style="red", markup=False, soft_wrap=True)  # fmt: skip
        return 2
    console.print_exception()
    return 1
