"""The vocabulary of a model: states, flows, events, and the blocks that own them.

A block is an ordered part of the biology (drug exposure, myeloid cells, lymphocytes). It owns its
states, says how they flow, what a fraction or a dose does to them, and what others may see. Every
flow is written as the compartment modeller says it aloud: what comes in, and at which rate what is
there is lost,

    d(state)/dt = inflow - loss * state.

That form costs the modeller nothing and gives the solver the exact exponential decay of each state.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.quantities import DRUG, DRUGS


class ModelError(ValueError):
    """A model file that cannot be used; the message says what is wrong and where."""


type Initial = float | Callable[[Any], Any]
"""Value of a state in an untreated patient: a number or a function of the parameters."""


class Flow(NamedTuple):
    """Inflow (state unit per day) and loss rate (1/day) of one state. Flows add up."""

    inflow: Any
    loss: Any

    def __add__(self, other: Flow) -> Flow:  # type: ignore[override]
        return Flow(self.inflow + other.inflow, self.loss + other.loss)


class Fraction(NamedTuple):
    """One radiotherapy fraction as a block sees it."""

    immune_dose: Any
    """Reference immune dose of the fraction, Gy (before the patient's own scale)."""
    share: Any
    """Share of the whole course: prescribed dose x irradiated volume, sums to 1 over the course."""
    gy: Any = None
    """Prescribed dose to the lesion, Gy; differs from lesion to lesion, 0 outside the field. None
    where a model does not distinguish lesions."""
    volume_cm3: Any = None
    """Volume of the lesion, cm3; 1 where it is not stated, of a lesion outside the field. None
    where a model does not distinguish lesions."""


@dataclass(frozen=True)
class State:
    """One quantity that a block integrates over time."""

    unit: str
    initial: Initial = 0.0
    meaning: str = ""
    per: str = ""


LESION = "lesion"
"""What a state may be kept per, besides the patient."""


def state(unit: str, initial: Initial = 0.0, meaning: str = "", per: str = "") -> Any:
    """Declare a state of a block.

    Args:
        unit: unit of the state, e.g. ``"1e9/L"``.
        initial: value in an untreated patient, a number or a function of the parameters ``p``.
        meaning: what it is, for tables and diagrams.
        per: ``"lesion"`` for a state that every lesion of a patient has for itself; empty for one
            of the patient.
    """
    return State(unit, initial, meaning, per)


@dataclass(frozen=True)
class Output:
    """A named quantity that a block shows to later blocks and to the laboratory.

    Attributes:
        unit: Unit of its values, such as "1e9/L".
        meaning: What it is, in a few words.
        label: What an axis or a field of a form calls it.
        decimals: Digits after the point to which a laboratory reports it.
        at_most: Largest value that a form accepts, in `unit`.

    What is left out comes from :func:`lymphokin.quantities.described`.
    """

    unit: str
    meaning: str = ""
    label: str = ""
    decimals: int | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Hazard:
    """An event that happens once in a patient's life, at a rate that a block computes.

    Attributes:
        meaning: What happens, in a few words.
        label: What an axis or a table calls it; its meaning where left out.
        exact: Whether a table states the time at which it happened, as of a death. Otherwise a 1
            says that it was seen at a visit, and it happened since the visit before.
        ends_records: Whether nothing is measured of a patient after it, as after a death, so that
            a measurement says that it has not happened yet. What-ifs make use of that.
    """

    meaning: str
    label: str = ""
    exact: bool = False
    ends_records: bool = False


def cumulative(hazard: str) -> str:
    """Name of the state in which a hazard adds up since the patient has been at risk."""
    return f"cumulative_{hazard}"


@dataclass(frozen=True)
class Dose:
    """A drug that a block takes.

    Attributes:
        unit: Unit of its amounts, such as "mg".
        label: What a table or a form calls the drug; its name where left out.
        lag: Name of the parameter by which every dose of it is delayed (hours clock only).
    """

    unit: str
    label: str = ""
    lag: str | None = None


class Block:
    """Base of every block; subclass it, declare states, write ``flows`` and ``outputs``.

    Class attributes:
        clock: ``"days"`` (default) or ``"hours"``. Blocks on the hours clock follow the drug: they
            are solved on fine windows that start with its doses, and between windows they rest.
        takes: the drugs that the block takes, by the word that the event table has for each (CMT).
        lag: name of the parameter by which every dose is delayed, of a block on the hours clock
            that does not say what it takes.
        hands_down: states of an hours block that blocks on the days clock may read.
        shows: the outputs with their units.
        hazards: the events that happen at a rate of the block (days clock), by the word that the
            event table has for each (DVID).
    """

    clock: ClassVar[Literal["days", "hours"]] = "days"
    takes: ClassVar[dict[str, Dose]] = {}
    lag: ClassVar[str | None] = None
    hands_down: ClassVar[tuple[str, ...]] = ()
    shows: ClassVar[dict[str, Output]] = {}
    hazards: ClassVar[dict[str, Hazard]] = {}
    states: ClassVar[dict[str, State]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name: value for name, value in vars(cls).items() if isinstance(value, State)}
        added_up = {
            cumulative(name): State("1", 0.0, f"cumulative hazard of {name}")
            for name in cls.hazards
        }
        cls.states = {**cls.states, **own, **added_up}

    @property
    def name(self) -> str:
        """Name of the block: its class name."""
        return type(self).__name__

    @property
    def drugs(self) -> dict[str, Dose]:
        """The drugs that the block takes; one that only says what a dose does: the usual."""
        if self.takes or type(self).on_dose is Block.on_dose:
            return self.takes
        usual = DRUGS[DRUG]
        return {DRUG: Dose(usual.unit, usual.label, self.lag)}

    @property
    def lags(self) -> set[str]:
        """Names of the parameters that delay its doses."""
        return {lag for lag in (self.lag, *(dose.lag for dose in self.drugs.values())) if lag}

    def flows(self, y: Any, p: Any, u: Any) -> dict[str, Flow]:
        """Flow of every state.

        Args:
            y: states of this block by attribute.
            p: the individual's parameters by attribute, in model units (days, Gy, mg, 1e9/L).
            u: outputs of the blocks above by attribute; ``u.rate.il7`` is the infusion of a drug
                that the block takes, in its unit per day, constant while it runs;
                ``u.sum_over_lesions(x)`` adds what differs from lesion to lesion.
        """
        raise NotImplementedError(f"{self.name} must say how its states flow")

    def hazard_rates(self, y: Any, p: Any, u: Any) -> dict[str, Any]:
        """Rate per day, never negative, at which each event of ``hazards`` happens to a patient to
        whom it has not happened yet; arguments as of :meth:`flows`.
        """
        raise NotImplementedError(f"{self.name} must say at which rates its events happen")

    def every_flow(self, y: Any, p: Any, u: Any) -> dict[str, Flow]:
        """Flows of the states that the block declares, and of the hazards that add up."""
        if not self.hazards:
            return self.flows(y, p, u)
        own = len(self.states) > len(self.hazards)
        rates = self.hazard_rates(y, p, u)
        added_up = {cumulative(name): Flow(rate, 0.0) for name, rate in rates.items()}
        return {**(self.flows(y, p, u) if own else {}), **added_up}

    def outputs(self, y: Any, p: Any, u: Any) -> dict[str, Any]:
        """What later blocks and the laboratory see; nothing by default."""
        return {}

    def on_fraction(self, y: Any, p: Any, fraction: Fraction) -> dict[str, Any]:
        """States that a radiotherapy fraction changes, with their new values; none by default."""
        return {}

    def on_dose(self, y: Any, p: Any, dose: Any) -> dict[str, Any]:
        """States that a dose changes, with their new values; none by default.

        Args:
            y: states of this block by attribute.
            p: the individual's parameters by attribute.
            dose: amounts by attribute, as ``dose.il7``, 0 of what is not given; the amount alone
                in a block that does not say what it takes.
        """
        return {}

    def dosed(self, y: Any, p: Any, amounts: Mapping[str, Any]) -> dict[str, Any]:
        """States that doses change, with their new values.

        Args:
            y: states of this block by attribute.
            p: the individual's parameters by attribute.
            amounts: of each drug, by name.
        """
        if not self.takes:
            return self.on_dose(y, p, amounts[DRUG]) if self.drugs else {}
        given = dose_type(tuple(self.takes))
        return self.on_dose(y, p, given(*(amounts[name] for name in self.takes)))


@lru_cache(maxsize=256)
def dose_type(drugs: tuple[str, ...]) -> Any:
    """Named tuple of amounts of some drugs."""
    return namedtuple("Dose", drugs)


@lru_cache(maxsize=256)
def state_type(block: Block) -> Any:
    """Named tuple of the block's states (a pytree with attribute access)."""
    return namedtuple(f"{block.name}State", list(block.states))


SUM_OVER_LESIONS = "sum_over_lesions"
"""How blocks ask for a sum, and how a traced block calls it."""


@jax.jit
def sum_over_lesions(x: Any) -> Any:
    """Sum over the lesions of a patient who has one: where a model is run on plain numbers."""
    return x


def over_lesions(present: Any) -> Callable[[Any], Any]:
    """What adds up values of lesions, [..., lesion, lane], into [..., 1, lane].

    Args:
        present: [lesion, lane] (of one lane: [lesion]) 1.0 where the patient has such a lesion,
            else 0.0; None where every patient has one.
    """
    if present is None:
        return sum_over_lesions
    axis = -jnp.ndim(present)
    return lambda x: jnp.sum(jnp.where(present > 0, x, 0.0), axis=axis, keepdims=True)


def upstream(
    seen: Mapping[str, Any],
    drugs: Iterable[str],
    rates: Mapping[str, Any] | None = None,
    present: Any = None,
) -> SimpleNamespace:
    """What a block sees of others and of infusions, by attribute.

    Args:
        seen: outputs of blocks above, and states that an earlier clock hands down.
        drugs: whose infusions may be asked for.
        rates: of infusions that are given, per day.
        present: which lesions there are; see :func:`over_lesions`.
    """
    running = SimpleNamespace(**{**dict.fromkeys(drugs, 0.0), **(rates or {})})
    return SimpleNamespace(**seen, rate=running, sum_over_lesions=over_lesions(present))


def initial_state(block: Block, p: Any) -> Any:
    """States of an untreated patient with parameters ``p``."""
    values = [s.initial(p) if callable(s.initial) else s.initial for s in block.states.values()]
    return state_type(block)(*values)
