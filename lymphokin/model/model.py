"""A model: an ordered list of blocks and the parameter table that belongs to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

import jax.numpy as jnp

from lymphokin.model.block import Block, Dose, Hazard, ModelError, cumulative
from lymphokin.model.declarations import declaration_problems
from lymphokin.model.exposure import Exposure, exposures_of
from lymphokin.model.lesions import Levels, declares_lesions, levels_of
from lymphokin.model.parameters import ParameterTable
from lymphokin.model.rest import AtRest, at_rest
from lymphokin.model.solver import AdaptiveSolver
from lymphokin.model.words import like_a_lesion, words_alike
from lymphokin.quantities import OBSERVABLES, Drug, Observable, Vocabulary, described

REST_TOLERANCE = 1e-8
"""Change per day, over 1 + |state|, below which a state counts as at rest (double precision)."""


BEGINS = ("", "first record")
"""When a patient leaves the initial state."""


@dataclass(frozen=True)
class Model:
    """Blocks in order of flow, with their parameter table.

    ``sha256`` identifies the model and table files and all that they build on, for provenance.
    """

    name: str
    blocks: tuple[Block, ...]
    table: ParameterTable
    description: str = ""
    sha256: str = ""
    about: str = ""
    """the text of the model file: where the model comes from, what it can and cannot do"""
    solver: AdaptiveSolver | None = None
    """what solves it; None for the built-in exponential integrator"""
    begins: str = ""
    """when a patient leaves the initial state: ``"first record"``, or empty where the patient rests
    until the first fraction or dose"""
    files: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """contents of its file and tables by name, of a model that does not come with lymphokin"""

    def on_clock(self, clock: str) -> tuple[Block, ...]:
        """Blocks that are solved on this clock, ``"hours"`` or ``"days"``, in order."""
        return tuple(block for block in self.blocks if block.clock == clock)

    @property
    def observed(self) -> tuple[str, ...]:
        """Quantities that the laboratory measures: those with a residual in the table."""
        return tuple(self.table.residuals)

    @property
    def observables(self) -> dict[str, Observable]:
        """Label, unit and decimals of each measured quantity, by name."""
        outputs = {name: output for block in self.blocks for name, output in block.shows.items()}
        return {
            name: replace(
                described(name, **asdict(outputs[name])), per_lesion=name in self.lesion_outputs
            )
            for name in self.observed
        }

    @property
    def hazards(self) -> dict[str, Hazard]:
        """The events that happen at rates of its blocks, by name."""
        return {name: hazard for block in self.blocks for name, hazard in block.hazards.items()}

    @property
    def events(self) -> dict[str, Observable]:
        """Label of each event that an event table may record, by name."""
        return {
            name: replace(
                described(name, "1", h.meaning, h.label, 0, 1.0),
                event=True,
                ends_records=h.ends_records,
            )
            for name, h in self.hazards.items()
        }

    @property
    def has_lesions(self) -> bool:
        """Whether anything is declared to differ from lesion to lesion of a patient."""
        return declares_lesions(self.blocks, self.table)

    @cached_property
    def levels(self) -> Levels:
        """Which outputs differ from lesion to lesion, and what is wrong with the declarations."""
        return levels_of(self.blocks, self.table)

    @cached_property
    def reads_volumes(self) -> bool:
        """Whether what a fraction does depends on the volume of a lesion."""
        return self.has_lesions and any(block.by_volume for block in self.at_rest().values())

    @property
    def lesion_outputs(self) -> frozenset[str]:
        """Outputs that differ from lesion to lesion."""
        return self.levels.outputs if self.has_lesions else frozenset()

    @property
    def drugs(self) -> dict[str, Dose]:
        """The drugs that its blocks take, by name."""
        return {name: dose for block in self.blocks for name, dose in block.drugs.items()}

    def levels_of(self, drug: str) -> tuple[str, ...]:
        """Measured quantities of the blocks on the hours clock that take a drug."""
        taking = [b for b in self.on_clock("hours") if drug in b.drugs]
        return tuple(n for b in taking for n in b.shows if n in self.observed)

    @property
    def vocabulary(self) -> Vocabulary:
        """What an event table may say was measured and given."""
        drugs = {
            name: Drug(name, dose.unit, dose.label or name, name in self.infused)
            for name, dose in self.drugs.items()
        }
        irradiated = any(type(b).on_fraction is not Block.on_fraction for b in self.blocks)
        return Vocabulary(
            *(self.observables, drugs, self.name, irradiated, self.table.varying, self.events),
            begins_with_first_record=bool(self.begins),
        )

    @property
    def counts_lymphocytes(self) -> bool:
        """Whether a block on the days clock shows a measured lymphocyte count, ``alc``, in the unit
        in which counts are graded.

        One whose SD differs from record to record says nothing about a count to come.
        """
        shown = {n: out.unit for block in self.on_clock("days") for n, out in block.shows.items()}
        return (
            shown.get("alc") == OBSERVABLES["alc"].unit
            and "alc" in self.observed
            and not (self.table.residuals["alc"].sd_column)
        )

    def require_counts(self, purpose: str) -> None:
        """Refuse what needs a lymphocyte count of a model that has none.

        Raises:
            ModelError: naming the purpose.
        """
        if not self.counts_lymphocytes:
            raise ModelError(
                f"{purpose} needs a lymphocyte count, and model {self.name} has none: an output "
                f"'alc' in {OBSERVABLES['alc'].unit} of a block on the days clock, with a residual "
                "in the table (without sd_column)"
            )

    def require_hazard(self, event: str, endpoint: str) -> None:
        """Refuse an event that the model has no hazard of.

        Raises:
            ModelError: naming those that it has.
        """
        if event not in self.hazards:
            has = ", ".join(self.hazards) or "none"
            raise ModelError(
                f"model {self.name} has no hazard of {event!r}, which the endpoint {endpoint} asks "
                f"for; it has: {has}"
            )

    def require_counts_by_schedule(self, purpose: str) -> None:
        """Refuse a model without counts, or whose counts need more than the schedule of a patient
        says: lesions, or covariates that change.

        Raises:
            ModelError: naming the purpose.
        """
        self.require_counts(purpose)
        self.require_stated_covariates(purpose)
        if self.has_lesions:
            raise ModelError(
                f"{purpose} does not know lesions of a patient apart, and model {self.name} "
                "follows each"
            )

    def require_stated_covariates(self, purpose: str) -> None:
        """Refuse a model with covariates that change within a patient.

        Raises:
            ModelError: naming the purpose.
        """
        if self.table.varying:
            raise ModelError(
                f"{purpose} does not know how covariates change within a patient, and model "
                f"{self.name} reads {', '.join(self.table.varying)}"
            )

    def with_fixed(self, **values: float) -> Model:
        """The model with parameters fixed at values in table units, e.g. ``growth=0.0``."""
        return replace(self, table=self.table.fixed(**values)) if values else self

    def at_rest(self) -> dict[str, AtRest]:
        """Every block in an untreated patient at the medians.

        Raises:
            ModelError: when a block asks for what is not there, or does not say all it should.
        """
        medians = {p.name: p.median * p.per_day for p in self.table}
        varying = {name: c.missing for name, c in self.table.varying.items()}
        return at_rest(self.name, self.blocks, medians, varying)

    def reads(self) -> dict[str, frozenset[str]]:
        """Parameters that each block reads, found by running the block once at the medians."""
        return {name: block.reads for name, block in self.at_rest().items()}

    @cached_property
    def exposures(self) -> tuple[Exposure, ...]:
        """Blocks of the hours clock that follow the same doses, together."""
        return exposures_of(self.on_clock("hours"), self.at_rest())

    @cached_property
    def infused(self) -> frozenset[str]:
        """Drugs that may be infused: those whose rate a block reads."""
        return frozenset().union(*(block.infused for block in self.at_rest().values()))

    def taken_on_days(self) -> tuple[str, ...]:
        """Drugs that blocks of the days clock take."""
        return tuple(dict.fromkeys(name for b in self.on_clock("days") for name in b.drugs))

    @cached_property
    def exposure_only(self) -> frozenset[str]:
        """Parameters that only hours blocks read: they say nothing about an untreated patient."""
        reads = self.reads()
        hours = {name for b in self.on_clock("hours") for name in reads[b.name]}
        days = {name for b in self.on_clock("days") for name in reads[b.name]}
        return frozenset(hours - days)


def check_model(model: Model) -> Model:
    """Refuse a model whose parts do not fit together, with every problem in one message."""
    counted = Counter(block.name for block in model.blocks)
    if twice := [name for name, count in counted.items() if count > 1]:
        raise ModelError(f"model {model.name}: more than one block is called {', '.join(twice)}")
    undeclared = [
        f"block {block.name}: {problem}"
        for block in model.blocks
        for problem in declaration_problems(block)
    ]
    for what in ("states", "shows"):
        named = Counter(name for block in model.blocks for name in getattr(block, what))
        undeclared += [
            f"{name!r} is {'a state of' if what == 'states' else 'shown by'} more than one block"
            for name, count in named.items()
            if count > 1
        ]
    undeclared = undeclared or words_alike(model.observed, model.hazards, model.drugs)
    if undeclared:
        raise ModelError(f"model {model.name}: " + "; ".join(undeclared))
    resting = model.at_rest()
    used = frozenset().union(*(block.reads for block in resting.values()))
    problems = [
        f"parameter {p.name} is in the table but no block reads it"
        for p in model.table
        if p.name not in used
    ]
    read = frozenset().union(*(block.varying for block in resting.values()))
    problems += [
        f"covariates.{name} is in the table but no block on the days clock reads it (u.{name})"
        for name in model.table.varying
        if name not in read
    ]
    problems += [
        f"correlations.{name} joins parameters that only the drug's blocks read with others"
        for name, group in model.table.correlations.items()
        if len({parameter in model.exposure_only for parameter in group.parameters}) > 1
    ]
    shown = {name for block in model.blocks for name in block.shows}
    declared = Counter(name for block in model.blocks for name in block.hazards)
    problems += [
        f"hazard {name!r} is declared by more than one block, or is the name of an output"
        for name, count in declared.items()
        if count > 1 or name in shown
    ]
    problems += [
        f"residual {quantity!r} has no block that shows it"
        for quantity in model.observed
        if quantity not in shown
    ]
    problems += [
        f"block {name} shows {quantity} = {value:.4g} at the medians: expected at least 0, as "
        "measurements are compared by their logarithms"
        for name, block in resting.items()
        for quantity, value in block.shown.items()
        if quantity in model.observed and value < 0
    ]
    problems += [
        f"{block.name}.{name} is handed down, so it must rest at zero"
        for block in model.blocks
        for name in block.hands_down
        if block.states[name].initial != 0.0
    ]
    problems += [
        f"{block.name}.{name} is handed down, so it must have a loss: after the drug's last course "
        "it decays with it"
        for block in model.blocks
        for name in block.hands_down
        if not resting[block.name].flows[name].loss > 0
    ]
    problems += _drug_problems(model, resting)
    problems += [
        f"composites.{name}: found quantity {own.quantity!r}, expected one with a residual, on the "
        f"days clock: {', '.join(followed) or 'there is none'}"
        for followed in [
            [q for b in model.on_clock("days") for q in b.shows if q in model.observed]
        ]
        for name, own in model.table.composites.items()
        if own.quantity not in followed
    ]
    problems += model.levels.problems
    problems += like_a_lesion(model.observed, model.lesion_outputs)
    clocks = [block.clock for block in model.blocks]
    if clocks != sorted(clocks, reverse=True):
        problems.append("blocks on the hours clock must come before those on the days clock")
    if model.begins not in BEGINS:
        problems.append(f"begins must be {BEGINS[1]!r} or left out, not {model.begins!r}")
    for block in model.blocks:
        if not model.begins or block.clock == "hours":
            problems += _unrest(block, resting[block.name])
    if problems:
        raise ModelError(f"model {model.name}: " + "; ".join(problems))
    return model


def _drug_problems(model: Model, resting: Mapping[str, AtRest]) -> list[str]:
    """Drugs that blocks do not agree on."""
    problems = [e.problem for e in exposures_of(model.on_clock("hours"), resting) if e.problem]
    known = model.drugs
    problems += [
        f"block {block.name} takes {name} in {dose.unit}, another block in {known[name].unit}"
        for block in model.blocks
        for name, dose in block.drugs.items()
        if dose.unit != known[name].unit
    ]
    contrast = model.table.contrast
    if contrast is not None and contrast.drug not in known:
        takes = ", ".join(known) or "none"
        problems.append(
            f"contrast.drug: found {contrast.drug!r}, expected a drug of a block: {takes}"
        )
    return problems


def _unrest(block: Block, resting: AtRest) -> list[str]:
    """States that drift in an untreated patient at the medians."""
    problems = []
    tolerance = max(REST_TOLERANCE, 100 * float(jnp.finfo(jnp.result_type(float)).eps))
    for name, declared in block.states.items():
        if name in map(cumulative, block.hazards):
            continue  # a hazard adds up in everybody
        value = float(getattr(resting.state, name))
        inflow, loss = (float(part) for part in resting.flows[name])
        drift = inflow - loss * value
        if not abs(drift) <= tolerance * (1 + abs(value)):  # a NaN is not at rest either
            problems.append(
                f"{block.name}.{name} of an untreated patient is not at rest at the medians: from "
                f"{value:.6g} {declared.unit} it changes by {drift:.3g} per day (write begins = "
                f"{BEGINS[1]!r} into the model file if it should)"
            )
    return problems
