"""`lymphokin whatif`, and `lymphokin predict` for one patient: the page's numbers, in words."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.options import ModelFile
from lymphokin.pages.wording import counted, of_100, points_range

if TYPE_CHECKING:
    from lymphokin.whatif.answers import Estimate, ScheduleAnswer, WhatIfAnswer, WhatIfRequest
    from lymphokin.whatif.engine import Engine
    from lymphokin.whatif.patient import Patient
    from lymphokin.whatif.questions.between_models import BetweenModelsAnswer
    from lymphokin.whatif.questions.narrowing import NarrowingAnswer
    from lymphokin.whatif.schedule import Schedule

DRAWS = (400, 2000)
STYLES = {"strong": "bold yellow", "caution": "yellow", "note": "dim"}


def whatif(
    patient: Annotated[Path, typer.Option(help="Patient (TOML or JSON).")],
    schedule: Annotated[
        list[Path], typer.Option(help="Schedule (TOML or JSON); give it twice: A, then B.")
    ],
    run: Annotated[
        Path | None, typer.Option(help="Run folder of a fit; default: published cohorts.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Model used without a run: after published cohorts, if calibrated.")
    ] = "myeloid_lymphoid",
    draws: Annotated[int, typer.Option(help="Paired draws: 400, as the page, or 2000.")] = 400,
    audit_log: Annotated[
        Path | None, typer.Option(help="Append question and answer to this log.")
    ] = None,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="Also ask every calibrated model.")
    ] = False,
    model_file: ModelFile = [],  # noqa: B006
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare two schedules for one patient, with the numbers of the page.

    Example: lymphokin whatif --patient p.toml --schedule a.toml --schedule b.toml --json
    """
    from lymphokin.whatif.answers import WhatIfRequest
    from lymphokin.whatif.files import read_as
    from lymphokin.whatif.patient import Patient
    from lymphokin.whatif.schedule import Schedule

    if len(schedule) != 2:
        raise ValueError(f"give --schedule twice, A and then B; got {len(schedule)}")
    person = read_as(Patient, patient)
    a, b = (read_as(Schedule, path) for path in schedule)
    question = WhatIfRequest(patient=person, a=a, b=b, draws=_draws(draws))
    engine = _engine(run, model, model_file)
    answer = engine.what_if(question)
    others = _between_models(engine, question) if all_models else None
    if audit_log is not None:
        from lymphokin.whatif.audit import AuditLog

        AuditLog(audit_log).add("whatif", question, answer)
    if json_:
        between = {} if others is None else {"all_models": others.model_dump(mode="json")}
        print(json.dumps(answer.model_dump(mode="json") | between, indent=2))
        return
    console = _console()
    console.print(_comparison(answer, [path.stem for path in schedule]))
    d = answer.difference
    console.print(
        f"A - B: {d.of_100:+d} of 100 (90 % interval {points_range(d.low, d.high)}); "
        f"the risk is lower under A in {counted(d.probability_a_lower)} of paired draws, under "
        f"B in {counted(d.probability_b_lower)}."
    )
    if others is not None:
        console.print(_by_model(others))
    _foot(console, answer)


def predict_one(
    run: Path | None,
    model: str,
    person: Patient,
    plan: Schedule,
    next_counts: list[int],
    draws: int,
    all_models: bool,
    json_: bool,
    model_files: Sequence[Path] = (),
) -> None:
    """Print the risk of one patient under one schedule, and what further counts would teach."""
    from lymphokin.whatif.answers import WhatIfRequest
    from lymphokin.whatif.questions.narrowing import NarrowingRequest, narrowing

    engine = _engine(run, model, model_files)
    answer = engine.answer(person, plan, plan, _draws(draws))
    days = next_counts or _coming(person, answer.endpoint_day)
    teaches = None
    if days:
        question = NarrowingRequest(
            patient=person, schedule=plan, days=tuple(days), draws=_draws(draws)
        )
        teaches = narrowing(engine, question)
    others = None
    if all_models:
        both = WhatIfRequest(patient=person, a=plan, b=plan, draws=_draws(draws))
        others = _between_models(engine, both)
    cautions = engine.warnings(person, {"schedule": plan}, plan, _draws(draws))
    used = engine.condition(person, plan, _draws(draws)).answer(person, plan)
    if json_:
        result = {
            **answer.model_dump(exclude={"curves"}),
            "conditioning": used.model_dump(),
            "next_counts": [row.model_dump() for row in teaches.rows] if teaches else [],
            "warnings": [w.model_dump() for w in cautions],
            **({} if others is None else {"all_models": _of_one(others)}),
            "provenance": engine.population.provenance.model_dump(),
        }
        print(json.dumps(result, indent=2))
        return
    console = _console()
    console.print(_one(answer))
    counted = f"{used.counts_used} count(s) used, {used.baseline_counts} of them baseline"
    console.print(f"{counted}: {used.note}.")
    if teaches:
        console.print(_teaching(teaches))
    if others is not None:
        console.print(_by_model(others, one=True))
    for w in cautions:
        console.print(
            f"{w.severity.capitalize()}: {w.text}", style=STYLES[w.severity], markup=False
        )
    console.print(engine.population.provenance.research_use)


def person_of(
    file: Path | None,
    baseline: list[float],
    site: str | None,
    fractions: str | None,
    atra: str | None,
    bsa: float | None,
    lesions: int | None,
    schedule: Path | None,
) -> tuple[Patient, Schedule]:
    """Patient and schedule of ``lymphokin predict`` from a file, from options, or from both."""
    from lymphokin.whatif.files import checked, read_as
    from lymphokin.whatif.patient import Patient
    from lymphokin.whatif.schedule import Schedule, fractions_in_words, pulses_in_words

    known = read_as(Patient, file).model_dump(exclude_unset=True) if file else {}
    given = {"site": site, "bsa": bsa, "n_lesions": lesions}
    known |= {name: value for name, value in given.items() if value is not None}
    counts = [{"day": float(i - len(baseline)), "value": v} for i, v in enumerate(baseline)]
    if counts:
        known["counts"] = [*known.get("counts", ()), *counts]
    person = checked(Patient, known, "the patient")
    plan = read_as(Schedule, schedule) if schedule else Schedule()
    if fractions:
        plan = plan.model_copy(update={"fractions": fractions_in_words(fractions).fractions})
    if atra:
        plan = plan.model_copy(update={"atra": pulses_in_words(atra)})
    if not plan.fractions:
        raise ValueError("give --fractions, e.g. 5x10, or a --schedule with fractions")
    return person, plan


def _engine(run: Path | None, model: str, model_files: Sequence[Path]) -> Engine:
    from threadpoolctl import threadpool_limits

    from lymphokin.whatif.engine import Engine
    from lymphokin.whatif.population import population_draws

    threadpool_limits(1, user_api="blas")  # small matrices: threads cost more than they gain
    population = None
    if run is not None:
        from lymphokin.run import open_run

        population = open_run(run, model_files).population
    return Engine(population_draws(population, model))


def _between_models(engine: Engine, question: WhatIfRequest) -> BetweenModelsAnswer:
    from lymphokin.whatif.population import literature_populations
    from lymphokin.whatif.questions.between_models import Panel

    return Panel(engine, literature_populations).ask(question)


def _of_one(answer: BetweenModelsAnswer) -> dict[str, Any]:
    """What the models say of one schedule, asked as both A and B."""
    rows = [row.model_dump(mode="json", exclude={"b", "difference"}) for row in answer.models]
    risks = [{("risk" if k == "a" else k): v for k, v in row.items()} for row in rows]
    return {"models": risks, "risk": answer.a.model_dump(mode="json")}


def _draws(draws: int):
    if draws not in DRAWS:
        raise ValueError(f"--draws must be {DRAWS[0]} or {DRAWS[1]}, not {draws}")
    return draws


def _coming(person: Patient, end: int) -> list[int]:
    """Days of coming visits: weekly after the last count, before the endpoint visit."""
    last = max((c.day for c in person.counts), default=0.0)
    return [day for day in range(7, end, 7) if day > last][:6]


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 110)


def _cell(estimate: Estimate) -> str:
    return f"{of_100(estimate.p)} ({of_100(estimate.low)} to {of_100(estimate.high)})"


def _rows(answer: ScheduleAnswer) -> dict[str, str]:
    fitted, zero = answer.fitted, answer.gamma_zero
    rows = {
        "grade >= 2, measured": _cell(fitted.planned.grade2.measured),
        "grade >= 2, true count": _cell(fitted.planned.grade2.true),
        "grade >= 3, measured": _cell(fitted.planned.grade3.measured),
        "grade 4, measured": _cell(fitted.planned.grade4.measured),
        "without ATRA": _cell(fitted.no_atra.grade2.measured),
        "without treatment": _cell(fitted.no_treatment.grade2.measured),
    }
    if zero is not None:
        rows["with gamma = 0"] = _cell(zero.planned.grade2.measured)
    alc = fitted.planned.alc
    rows["count at the visit (90 %)"] = f"{alc.q50:.2f} ({alc.q05:.2f}-{alc.q95:.2f})"
    rows["visit on day"] = str(answer.endpoint_day)
    return rows


def _comparison(answer: WhatIfAnswer, names: list[str]) -> Table:
    table = Table(title="Lymphopenia 6 weeks after radiotherapy, of 100 patients like this one "
                  "(90 % interval)")  # fmt: skip
    table.add_column("")
    for letter, name in zip("AB", names, strict=True):
        table.add_column(f"{letter}: {name}", justify="right")
    a, b = _rows(answer.a), _rows(answer.b)
    for label in a:
        table.add_row(label, a[label], b[label])
    return table


def _one(answer: ScheduleAnswer) -> Table:
    table = Table(title="Lymphopenia 6 weeks after radiotherapy, of 100 patients like this one "
                  "(90 % interval)")  # fmt: skip
    table.add_column("")
    table.add_column("", justify="right")
    for label, value in _rows(answer).items():
        table.add_row(label, value)
    return table


def _by_model(answer: BetweenModelsAnswer, one: bool = False) -> Table:
    """Table of the models; of A alone where B is the same."""
    table = Table(title="Grade >= 2 as measured, by model, of 100 patients like this one (90 %)")
    table.add_column("model")
    for name in ("risk",) if one else ("A", "B", "A - B"):
        table.add_column(name, justify="right")
    table.add_column("knows ATRA")
    table.add_column("rests on")
    for row in answer.models:
        both = (
            (_cell(row.a),) if one else (_cell(row.a), _cell(row.b), f"{row.difference.of_100:+d}")
        )
        doubt = "" if row.reliable else "; the counts are unlike what it expects"
        atra = "yes" if row.knows_atra else "no"
        table.add_row(row.model.replace("_", " "), *both, atra, row.rests_on + doubt)
    over = [("" if one else f"{letter}: ") + f"{m.lowest_of_100} to {m.highest_of_100}, mean "
            f"{m.mean_of_100}" for letter, m in (("A", answer.a), ("B", answer.b))]  # fmt: skip
    table.caption = "Each with the same weight. " + "; ".join(over[: 1 if one else 2])
    return table


def _teaching(answer: NarrowingAnswer) -> Table:
    table = Table(title="What a further count would teach, expected before it is taken")
    for name in ("count on day", "risk if it is low", "risk if it is high", "doubt it removes"):
        table.add_column(name, justify="right")
    for row in answer.rows:
        cells = (of_100(row.risk_if_low), of_100(row.risk_if_high))
        table.add_row(str(row.day), *cells, counted(row.variance_explained))
    table.caption = "low, high: at its 10 % and 90 % quantile"
    return table


def _foot(console: Console, answer: WhatIfAnswer) -> None:
    used = answer.conditioning
    console.print(f"{used.counts_used} count(s) used: {used.note}.")
    for w in answer.warnings:
        place = f" ({w.field})" if w.field else ""
        console.print(
            f"{w.severity.capitalize()}{place}: {w.text}", style=STYLES[w.severity], markup=False
        )
    console.print(answer.provenance.research_use)
