"""`lymphokin whatif`, and `lymphokin predict` for one patient: the page's numbers, in words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.options import ENDPOINT_HELP, ModelFile, WithoutRun
from lymphokin.pages.wording import counted, of_100
from lymphokin.sites import SiteTable, shipped_sites
from lymphokin.strict_json import json_text
from lymphokin.whatif.limits import SETTLED_DRAWS

if TYPE_CHECKING:
    from lymphokin.endpoints import Endpoint
    from lymphokin.population.draws import PopulationDraws
    from lymphokin.population.provenance import Provenance
    from lymphokin.whatif.answers import Notice, ScheduleAnswer
    from lymphokin.whatif.judging import JudgedBy
    from lymphokin.whatif.patient import Patient
    from lymphokin.whatif.questions.between_models import BetweenModelsAnswer
    from lymphokin.whatif.questions.narrowing import Narrowing
    from lymphokin.whatif.schedule import Schedule

B_FOR_A = "B instead of A"
STYLES = {"strong": "bold yellow", "caution": "yellow", "note": "dim"}


def whatif(
    patient: Annotated[Path, typer.Option(help="Patient (TOML or JSON).")],
    schedule: Annotated[
        list[Path], typer.Option(help="Schedule (TOML or JSON); give it twice: A, then B.")
    ],
    run: Annotated[
        Path | None, typer.Option(help="Run folder of a fit; default: published cohorts.")
    ] = None,
    model: WithoutRun = None,
    draws: Annotated[
        int, typer.Option(help="Paired draws: 3600, as the page, or 400, as its preview.")
    ] = SETTLED_DRAWS,
    audit_log: Annotated[
        Path | None, typer.Option(help="Append question and answer to this log.")
    ] = None,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="Also ask every calibrated model.")
    ] = False,
    endpoint: Annotated[str | None, typer.Option(help=ENDPOINT_HELP)] = None,
    model_file: ModelFile = [],  # noqa: B006
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare two schedules for one patient, with the numbers of the page.

    Example: lymphokin whatif --patient p.toml --schedule a.toml --schedule b.toml --json

    Example: lymphokin whatif --patient p.toml --schedule a.toml --schedule b.toml --endpoint week15
    """
    from lymphokin.endpoints import DEFAULT
    from lymphokin.whatif.files import read_as
    from lymphokin.whatif.patient import Patient
    from lymphokin.whatif.population import DEFAULT_MODEL
    from lymphokin.whatif.schedule import Schedule
    from lymphokin.whatif.what_if import what_if

    if len(schedule) != 2:
        raise ValueError(f"give --schedule twice, A and then B; got {len(schedule)}")
    a, b = (read_as(Schedule, path) for path in schedule)
    population = population_named(run, model_file, model)
    result = what_if(
        population,
        read_as(Patient, patient, sites_known(population)),
        a,
        b,
        endpoint=endpoint or DEFAULT,
        draws=draws,
        all_models=all_models,
        model=model or DEFAULT_MODEL,
    )
    answer, others = result.answer, result.between_models
    if audit_log is not None:
        from lymphokin.whatif.audit import AuditLog

        AuditLog(audit_log).add("whatif", result.question, answer)
    if json_:
        between = {} if others is None else {"all_models": others.model_dump(mode="json")}
        print(json_text(answer.model_dump(mode="json") | between))
        return
    from lymphokin.whatif.in_words import assumptions_in_words, difference_in_words

    console = _console()
    console.print(
        _risks(
            [answer.a, answer.b],
            [f"{x}: {p.stem}" for x, p in zip("AB", schedule, strict=True)],
            answer.endpoint,
        )
    )
    console.print(difference_in_words(answer.difference, answer.endpoint))
    for text in assumptions_in_words({"A": answer.a, "B": answer.b}):
        console.print(text, style=STYLES["caution"], markup=False)
    if others is not None:
        console.print(_by_model(others))
    used = answer.conditioning
    console.print(f"{used.counts_used} count(s) used: {used.note}.")
    _foot(console, answer.warnings, answer.provenance, place=True)


def predict_one(
    population: PopulationDraws | None,
    model: str | None,
    person: Patient,
    plan: Schedule,
    next_counts: list[int],
    draws: int,
    all_models: bool,
    json_: bool,
    endpoint: str | Endpoint | None = None,
) -> None:
    """Print the risk of one patient under one schedule, and what further counts would teach."""
    from lymphokin.endpoints import DEFAULT
    from lymphokin.whatif.in_words import assumptions_in_words
    from lymphokin.whatif.population import DEFAULT_MODEL
    from lymphokin.whatif.what_if import predict_patient

    risk = predict_patient(
        population,
        person,
        plan,
        next_counts=next_counts or None,
        endpoint=endpoint or DEFAULT,
        draws=draws,
        all_models=all_models,
        model=model or DEFAULT_MODEL,
    )
    others, used = risk.between_models, risk.conditioning
    if json_:
        result = {
            "endpoint": risk.endpoint.model_dump(),
            **risk.answer.model_dump(exclude={"curves"}),
            "conditioning": used.model_dump(),
            "next_counts": [row.model_dump() for row in risk.next_counts],
            "warnings": [w.model_dump() for w in risk.warnings],
            **({} if others is None else {"all_models": _of_one(others)}),
            "provenance": risk.provenance.model_dump(),
        }
        print(json_text(result))
        return
    console = _console()
    console.print(_risks([risk.answer], [""], risk.endpoint))
    for text in assumptions_in_words({"": risk.answer}):
        console.print(text, style=STYLES["caution"], markup=False)
    used_counts = f"{used.counts_used} count(s) used, {used.baseline_counts} of them baseline"
    console.print(f"{used_counts}: {used.note}.")
    if risk.next_counts:
        console.print(_teaching(risk.next_counts, risk.endpoint))
    if others is not None:
        console.print(_by_model(others, one=True))
    _foot(console, risk.warnings, risk.provenance, place=False)


def person_of(
    file: Path | None,
    baseline: list[float],
    site: str | None,
    fractions: str | None,
    pulses: str | None,
    bsa: float | None,
    lesions: int | None,
    schedule: Path | None,
    sites: SiteTable,
) -> tuple[Patient, Schedule]:
    """Patient and schedule of ``lymphokin predict`` from a file, from options, or from both."""
    from lymphokin.whatif.files import checked, read_as
    from lymphokin.whatif.patient import Patient
    from lymphokin.whatif.schedule import Schedule, fractions_in_words, pulses_in_words

    known = read_as(Patient, file, sites).model_dump(exclude_unset=True) if file else {}
    given = {"site": site, "bsa": bsa, "n_lesions": lesions}
    known |= {name: value for name, value in given.items() if value is not None}
    counts = [{"day": float(i - len(baseline)), "value": v} for i, v in enumerate(baseline)]
    if counts:
        known["counts"] = [*known.get("counts", ()), *counts]
    person = checked(Patient, known, "the patient", sites)
    plan = read_as(Schedule, schedule) if schedule else Schedule()
    if fractions:
        plan = plan.model_copy(update={"fractions": fractions_in_words(fractions).fractions})
    if pulses:
        given = pulses_in_words(pulses)
        plan = plan.with_pulses(given, given[0].drug)
    if not plan.fractions:
        raise ValueError("give --fractions, e.g. 5x10, or a --schedule with fractions")
    return person, plan


def population_named(
    run: Path | None, model_files: Sequence[Path], model: str | None
) -> PopulationDraws | None:
    """Draws of a run's population; None without a run, which alone lets a model be named."""
    if run is None:
        return None
    if model is not None:
        raise ValueError("--model goes without a run, which has its own (--model-file: its file)")
    from lymphokin.run import open_run

    return open_run(run, model_files).population


def sites_known(population: PopulationDraws | None) -> SiteTable:
    """What the sites of a patient mean."""
    return shipped_sites() if population is None else population.sites


def _of_one(answer: BetweenModelsAnswer) -> dict[str, Any]:
    """What the models say of one schedule, asked as both A and B."""
    rows = [row.model_dump(mode="json", exclude={"b", "difference"}) for row in answer.models]
    risks = [{("risk" if k == "a" else k): v for k, v in row.items()} for row in rows]
    return {"models": risks, "risk": answer.a and answer.a.model_dump(mode="json")}


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 110)


def _risks(answers: Sequence[ScheduleAnswer], names: Sequence[str], endpoint: JudgedBy) -> Table:
    """What the model says about some schedules, side by side."""
    from lymphokin.whatif.in_words import risk_rows, title

    table = Table(title=title(endpoint))
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    columns = [risk_rows(answer, endpoint) for answer in answers]
    for label in columns[0]:
        table.add_row(label, *(column[label] for column in columns))
    return table


def _by_model(answer: BetweenModelsAnswer, one: bool = False) -> Table:
    """Table of the models; of A alone where B is the same."""
    from lymphokin.whatif.in_words import change_in_words, title
    from lymphokin.whatif.in_words import estimate_in_words as cell

    table = Table(title=f"By model: {title(answer.endpoint)}")
    table.add_column("model")
    for name in ("risk",) if one else ("A", "B", B_FOR_A):
        table.add_column(name, justify="right")
    table.add_column("knows the drugs")
    table.add_column("rests on")
    for row in answer.models:
        change = change_in_words(row.difference.shown)
        both = (cell(row.a),) if one else (cell(row.a), cell(row.b), change)
        doubt = "" if row.reliable else "; the counts are unlike what it expects"
        knows = "yes" if row.knows_drugs_a and row.knows_drugs_b else "no"
        table.add_row(row.model.replace("_", " "), *both, knows, row.rests_on + doubt)
    over = [("A", answer.a), ("B", answer.b), (B_FOR_A, answer.difference)]
    said = []
    for name, m in over[: 1 if one else 3]:
        if m is not None:
            shown = change_in_words if name == B_FOR_A else "{:g}".format
            low, high, mean = map(shown, (m.lowest, m.highest, m.mean))
            where = "" if one else f"{name}: "
            said.append(f"{where}{low} to {high}, mean {mean}, of {m.models} model(s)")
    table.caption = "Models that know the drugs, each with the same weight. " + "; ".join(said)
    return table


def _teaching(rows: Sequence[Narrowing], endpoint: JudgedBy) -> Table:
    shown = of_100 if endpoint.unit == "of 100" else "{:g}".format
    table = Table(title="What a further count would teach, expected before it is taken")
    for name in ("count on day", "risk if it is low", "risk if it is high", "doubt it removes"):
        table.add_column(name, justify="right")
    for row in rows:
        cells = (shown(row.risk_if_low), shown(row.risk_if_high))
        table.add_row(str(row.day), *cells, counted(row.variance_explained))
    table.caption = "low, high: at its 10 % and 90 % quantile"
    return table


def _foot(
    console: Console, warnings: Sequence[Notice], provenance: Provenance, *, place: bool
) -> None:
    """Warnings, with the input that each is about if wanted, and the sentence below all results."""
    from lymphokin.whatif.in_words import notice_in_words

    for notice in warnings:
        text = notice_in_words(notice, place=place)
        console.print(text, style=STYLES[notice.severity], markup=False)
    console.print(provenance.research_use)
