"""What the page asks: generated from the model's covariates, the dose tables and the limits."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from lymphokin.dose.immune import log_sd_by_source
from lymphokin.endpoint import GRADE_BELOW
from lymphokin.model import Dose, Model
from lymphokin.model.residual import CategoryEffect, Residual
from lymphokin.model.roles import contrast_of
from lymphokin.model.units import mg_in
from lymphokin.model.usual import usual_calendars
from lymphokin.pages import wording
from lymphokin.pages.messages import Message, say
from lymphokin.plausible import LARGEST_FRACTION_GY
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import Provenance
from lymphokin.quantities import Observable
from lymphokin.regimens import Regimen, regimens
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.covariates import categories, when_nothing_is_stated
from lymphokin.whatif.judging import JudgedBy, in_words, offered
from lymphokin.whatif.limits import (
    EARLIEST_DAY,
    LATEST_DAY,
    LATEST_FRACTION_DAY,
    MOST_CELLS,
    MOST_COUNTS,
    MOST_FRACTIONS,
    MOST_LESIONS,
    MOST_PULSES,
    PREVIEW_DRAWS,
    SETTLED_DRAWS,
    DrawCount,
)
from lymphokin.whatif.patient import Count, Patient
from lymphokin.whatif.schedule import Pulse, Schedule, fractions_in_words

SOURCE_LABELS = {
    "blood": "calculated dose to the blood",
    "edic": "EDIC formula",
    "organs": "mean organ doses",
    "dvh": "dose-volume histograms",
    "dicom": "DICOM dose and structures",
}


class Choice(BaseModel):
    """One value of a choice field."""

    value: str
    label: str


class FormField(BaseModel):
    """One input of the patient form."""

    name: str
    """key of the patient object"""
    label: str
    kind: Literal["number", "integer", "choice", "choice_per_lesion"]
    unit: str
    help: str
    required: bool
    used: bool
    """whether the model reads it; what it does not read need not be asked"""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    default: float | str | None = None
    choices: list[Choice] = []
    seen: tuple[float, float] | None = None
    """range in the data behind the posterior"""
    note: Message | None = None
    """what else to know at the field"""


class CountField(BaseModel):
    """A quantity of which counts so far may be entered."""

    quantity: str
    label: str
    unit: str
    minimum: float
    maximum: float
    step: float


class EventChoice(BaseModel):
    """An event of the model, which may be judged by a day, as ``progression_by_day180``."""

    name: str
    label: str


class DrugField(BaseModel):
    """A drug that a schedule may give."""

    drug: str
    """its word in the event table, and in a pulse"""
    label: str
    unit: str
    """of an amount"""
    usual: Pulse | None
    """a pulse as it is usually given; None where its dose must be entered"""
    infused: bool
    """whether the model reads its infusions, so that a pulse may state how long each dose lasts"""


class Link(BaseModel):
    """The model's disputed link, without which every number is shown too."""

    assumes: str
    without: str


class Abbreviation(BaseModel):
    """A label in capitals, and what it stands for."""

    short: str
    in_full: str


class Preset(BaseModel):
    """A schedule to start from."""

    name: str
    label: Message
    schedule: Schedule


class GradeBand(BaseModel):
    """CTCAE grade of the count: below ``below`` and not below the next."""

    grade: int
    below: float


class Limits(BaseModel):
    """Largest inputs."""

    earliest_day: int = EARLIEST_DAY
    latest_day: int = LATEST_DAY
    latest_fraction_day: int = LATEST_FRACTION_DAY
    fractions: int = MOST_FRACTIONS
    pulses: int = MOST_PULSES
    counts: int = MOST_COUNTS
    lesions: int = MOST_LESIONS
    gy_per_fraction: float = LARGEST_FRACTION_GY
    cells: int = MOST_CELLS


class Form(BaseModel):
    """Everything the page needs to build itself."""

    fields: list[FormField]
    covariates: list[FormField]
    """what else the model reads of a patient: keys of the patient's ``covariates``"""
    counts: list[CountField]
    """what the model measures over days, of which counts so far may be entered"""
    levels: list[CountField]
    """what else it measures, of which none are asked"""
    drugs: list[DrugField]
    link: Link | None
    abbreviations: list[Abbreviation]
    """of the model's drugs and of what it measures"""
    presets: list[Preset]
    grades: list[GradeBand]
    endpoints: list[JudgedBy]
    """what may be judged; beside them the count on a day, as ``day30``"""
    events: list[EventChoice]
    limits: Limits
    provenance: Provenance
    default: WhatIfRequest
    """a complete question to start from"""
    preview_draws: DrawCount = PREVIEW_DRAWS
    """enough for a first answer at once"""
    settled_draws: DrawCount = SETTLED_DRAWS


def read_columns(model: Model) -> set[str]:
    """Columns of the patient that the model reads, directly or through the immune dose."""
    columns = {c.column for p in model.table for c in p.covariates}
    columns |= {p.only_without for p in model.table if p.only_without}
    if "ptv_per_lesion_cm3" in columns:
        columns |= {"ptv_cm3", "n_lesions"}
    return columns


def form_of(population: PopulationDraws) -> Form:
    """The form for a posterior: fields, presets, limits, and a question to start from."""
    model = population.model
    presets = _presets(model)
    by_name = {p.name: p.schedule for p in presets}
    measured = {
        name: _count_field(observable, model.table.residuals[name])
        for name, observable in model.observables.items()
    }
    shown = {name for block in model.on_clock("days") for name in block.shows}
    shown -= model.lesion_outputs  # of which of the lesions a count is cannot be said
    link = contrast_of(model)
    start = WhatIfRequest(
        patient=Patient(
            site="lung_peripheral",
            n_lesions=2,
            counts=(Count(day=-1, value=1.2),),
            covariates=when_nothing_is_stated(model),
        ),
        a=by_name["5x10"],
        b=by_name["10x5"],
    )
    return Form(
        fields=_fields(population),
        covariates=_covariates(model),
        counts=[field for name, field in measured.items() if name in shown],
        levels=[field for name, field in measured.items() if name not in shown],
        drugs=[
            _drug_field(name, dose, name in model.infused) for name, dose in model.drugs.items()
        ],
        link=Link(assumes=link.assumes, without=link.without) if link else None,
        abbreviations=[
            Abbreviation(short=observable.label, in_full=observable.in_full)
            for observable in model.observables.values()
            if observable.label.isupper() and observable.in_full
        ],
        presets=presets,
        grades=[GradeBand(grade=g, below=b) for g, b in GRADE_BELOW.items()],
        endpoints=[in_words(endpoint, model) for endpoint in offered(model)],
        events=[EventChoice(name=n, label=event.label) for n, event in model.events.items()],
        limits=Limits(),
        provenance=population.provenance,
        default=start,
    )  # fmt: skip


def _count_field(observable: Observable, residual: Residual) -> CountField:
    """The field of one quantity; it says which tube the model's own values are of."""
    step = 10.0**-observable.decimals
    tubes = {e.reference for e in residual.effects if isinstance(e, CategoryEffect)}
    label = observable.label[0].upper() + observable.label[1:]
    return CountField(
        quantity=observable.name,
        label=f"{label} ({wording.joined(sorted(tubes))} tube)" if tubes else label,
        unit=observable.unit,
        minimum=step,
        maximum=observable.at_most,
        step=step,
    )


def _fields(population: PopulationDraws) -> list[FormField]:
    used = read_columns(population.model) | {"site", "n_lesions"}
    if population.model.drugs:
        used.add("bsa")
    classes = [Choice(value=s.name, label=s.label) for s in population.sites.by_name.values()]
    origins = [
        Choice(value=source, label=SOURCE_LABELS.get(source, source))
        for source in log_sd_by_source()
    ]
    fields = [
        FormField(name="site", label="Site of the lesions", kind="choice_per_lesion", unit="",
                  help="One class for all lesions, or one per lesion joined by +.", required=True,
                  used=True, choices=classes, default="other"),
        FormField(name="n_lesions", label="Number of lesions treated", kind="integer", unit="",
                  help="Every lesion adds to the immune dose.", required=False, used=True,
                  minimum=1, maximum=MOST_LESIONS, step=1),
        FormField(name="ptv_cm3", label="Planning target volume, all lesions", kind="number",
                  unit="cm3", help="Larger volumes irradiate more blood.", required=False,
                  used="ptv_cm3" in used, minimum=0.1, maximum=5000, step=1),
        FormField(name="immune_dose_gy", label="Immune dose of schedule A", kind="number",
                  unit="Gy", help="Mean dose to the blood of the whole course, if calculated "
                  "(lymphokin dose); otherwise estimated from site, lesions and fractions.",
                  required=False, used="immune_dose_gy" in used, minimum=0, maximum=30, step=0.05,
                  seen=_seen(population, "immune_dose_gy")),
        FormField(name="immune_dose_source", label="Where the immune dose comes from",
                  kind="choice", unit="", help="How uncertain it is follows from its source.",
                  required=False, used="immune_dose_gy" in used, choices=origins),
        FormField(name="bsa", label="Body surface area", kind="number", unit="m2",
                  help="Turns a dose per m2 into mg.", required=False, used="bsa" in used,
                  minimum=0.5, maximum=3.5, step=0.01, default=1.8),
        FormField(name="age", label="Age", kind="number", unit="years", help="", required=False,
                  used="age" in used, minimum=18, maximum=110, step=1),
        FormField(name="sex", label="Sex", kind="choice", unit="", help="", required=False,
                  used="sex" in used,
                  choices=[Choice(value="F", label="female"), Choice(value="M", label="male")]),
    ]  # fmt: skip
    return [f if f.used else f.model_copy(update={"help": "This model does not read it."})
            for f in fields]  # fmt: skip


def _covariates(model: Model) -> list[FormField]:
    """Fields of the covariates that the model declares; those that change are held."""
    changing = [
        FormField(
            name=name,
            label=known.meaning[0].upper() + known.meaning[1:],
            kind="number",
            unit="" if known.unit == "1" else known.unit,
            help="",
            required=True,
            used=True,
            minimum=known.lowest,
            maximum=known.highest,
            default=known.missing,
            note=say("patient.held", low=known.lowest, high=known.highest, missing=known.missing),
        )
        for name, known in model.table.varying.items()
    ]
    constant = [
        FormField(
            name=name,
            label=name.capitalize(),
            kind="choice",
            unit="",
            help="",
            required=False,
            used=True,
            choices=[Choice(value=word, label=word) for word in words],
            note=say("patient.reference", reference=words[0]),
        )
        for name, words in categories(model).items()
    ]
    return changing + constant


def _seen(population: PopulationDraws, name: str) -> tuple[float, float] | None:
    """Range seen, to three significant digits as people read it."""
    seen = (population.seen or {}).get(name)
    return None if seen is None else (float(f"{seen[0]:.3g}"), float(f"{seen[1]:.3g}"))


def _drug_field(name: str, dose: Dose, infused: bool) -> DrugField:
    known = name in regimens() and mg_in(dose.unit) is not None
    usual = Pulse(drug=name, day=0.0) if known else None
    label = dose.label or name
    return DrugField(drug=name, label=label, unit=dose.unit, usual=usual, infused=infused)


def _presets(model: Model) -> list[Preset]:
    def daily(name: str, count: int, gy: float) -> Preset:
        label = say("preset.daily", count=count, gy=gy)
        return Preset(name=name, label=label, schedule=fractions_in_words(name))

    every_other = fractions_in_words("3x18/2")
    presets = [
        daily("5x10", 5, 10),
        Preset(name="3x18", label=say("preset.every_other", count=3, gy=18), schedule=every_other),
        daily("10x5", 10, 5),
    ]
    for drug in usual_calendars(model):
        presets += _with_drug(drug, model.drugs[drug].label or drug, regimens()[drug])
    return [*presets, Preset(name="none", label=say("preset.none"), schedule=Schedule())]


def _with_drug(drug: str, label: str, usual: Regimen) -> list[Preset]:
    """The trial that a drug's usual regimen comes from, both its arms, and another dose with it."""
    pulses = tuple(
        Pulse(drug=drug, day=usual.every * k, doses_per_day=usual.doses_per_day)
        for k in range(usual.pulses)
    )
    alone, other = fractions_in_words(usual.fractions), fractions_in_words("5x10")
    in_trial = {"trial": usual.trial, "count": len(alone.fractions), "gy": alone.fractions[0].gy}
    given = {
        "drug": label,
        "dose": usual.mg_per_m2_per_day,
        "days_each": usual.days,
        "every": usual.every,
    }
    return [
        Preset(name="trial", label=say("preset.trial", **in_trial), schedule=alone),
        Preset(
            name=f"trial_{drug}",
            label=say("preset.trial_drug", **in_trial, **given),
            schedule=alone.with_pulses(pulses, drug),
        ),
        Preset(
            name=f"5x10_{drug}",
            label=say("preset.with_drug", count=5, gy=10, **given),
            schedule=other.with_pulses(pulses, drug),
        ),
    ]
