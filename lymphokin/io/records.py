"""From the columns of an event table to typed records, each cell checked by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.csv_text import restored
from lymphokin.io.censoring import EXPECTED, UNSURE_WORDS, Limits, limited, read_word
from lymphokin.io.covariates import MOST_LESIONS, read_covariates, read_varying
from lymphokin.io.sheet import LONGEST_DAYS, Sheet, is_blank, plain_number
from lymphokin.io.vocabulary import TUBES
from lymphokin.plausible import CHECKS, LARGEST_ALC
from lymphokin.plausible.words import OF_OBSERVABLES
from lymphokin.quantities import DRUGS, HOURS_PER_DAY, OBSERVABLES, Vocabulary
from lymphokin.sites import SiteTable

MOST_REPEATS = 1000
EVENTS = ("0", "1", "3", "4")
"""Values of EVID: an observation, a dose, a reset, a reset and a dose after it."""
OTHER_EVENTS = {"2": "neither an observation nor a dose: leave the record out"}
"""Values of EVID in other people's tables, and what to do with such records."""

type Mask = NDArray[np.bool_]
type Numbers = NDArray[np.float64]
type Codes = NDArray[np.int8]


@dataclass
class Records:
    """Typed columns of the table, one element per record; -1 or NaN where not usable.

    `words`: what the codes of `compartment` and `quantity` mean, by position. `patient`: position
    in `ids`. `day` or `moment` hold the time, whichever the file uses, until
    `day` is complete. `interval` (II) and `duration` (of an infusion, else 0)
    are in days; `steady` is the interval of doses that have come to a steady state, else 0.
    `value` is NaN where missing, the limit where `censored`; then `lower` and `upper` are the
    limits between which it lies, NaN elsewhere.
    `result`: the cell DV claims a result, readable or not.
    """

    words: Vocabulary
    lines: NDArray[np.int64]
    ids: list[str]
    patient: NDArray[np.int64]
    day: Numbers
    moment: NDArray[np.int64]
    is_dose: Mask
    is_observation: Mask
    is_reset: Mask
    compartment: Codes
    amount: Numbers
    interval: Numbers
    additional: NDArray[np.int64]
    duration: Numbers
    steady: Numbers
    lesion: NDArray[np.int64]
    quantity: Codes
    value: Numbers
    lloq: Numbers
    lln: Numbers
    censored: Mask
    lower: Numbers
    upper: Numbers
    result: Mask
    tube: Codes
    delay: Numbers
    sd: Numbers
    lesion_cm3: Numbers
    covariates: dict[str, NDArray[Any]] = field(default_factory=dict)
    varying: dict[str, Numbers] = field(default_factory=dict)

    @property
    def timed(self) -> Mask:
        return ~np.isnan(self.day)

    @property
    def is_event(self) -> Mask:
        """Records of an event that happens once."""
        return self.is_observation & np.isin(self.quantity, _of_events(self.words))

    @property
    def is_fraction(self) -> Mask:
        return self.is_dose & (self.compartment == self.words.compartments.index("rt"))

    def is_of(self, quantity: str) -> Mask:
        """Observations of a quantity as any event table has it, in its usual unit."""
        if self.words.observable(quantity).unit != OBSERVABLES[quantity].unit:
            return np.zeros(len(self.lines), bool)
        return self.is_observation & (self.quantity == self.words.quantities.index(quantity))

    def is_dose_of(self, drug: str) -> Mask:
        """Doses of a drug as any event table has it, in its usual unit."""
        if self.words.drug(drug).unit != DRUGS[drug].unit:
            return np.zeros(len(self.lines), bool)
        return self.is_dose & (self.compartment == self.words.compartments.index(drug))


def read_records(
    sheet: Sheet,
    mapping: Mapping[str, Mapping[str, Any]],
    in_hours: bool,
    words: Vocabulary,
    sites: SiteTable,
) -> Records:
    """Every cell of the contract's columns, typed; cells that break its rules are noted.

    `mapping`: translations of CMT and DVID codes. `in_hours`: TIME and II count hours, not days.
    `words`: what CMT and DVID may say. `sites`: what SITE may say.
    """
    ids, patient = _patients(sheet)
    day, moment = sheet.times("TIME")
    sheet.flag(~sheet.stated("TIME"), "TIME", "a time on every record")
    per_day = HOURS_PER_DAY if in_hours else 1.0  # units of TIME in a day
    column = sheet.column("EVID")
    other = column.rows(np.array([plain_number(w) in OTHER_EVENTS for w in column.words], bool))
    event = sheet.choices("EVID", EVENTS, where=~other)
    sheet.flag(other, "EVID", "one of 0, 1, 3, 4", lambda word: OTHER_EVENTS[plain_number(word)])
    sheet.flag(~sheet.stated("EVID"), "EVID", "0 (observation) or 1 (dose) on every record")
    is_reset = event >= EVENTS.index("3")
    is_dose = (event == EVENTS.index("1")) | (event == EVENTS.index("4"))
    is_observation = event == EVENTS.index("0")
    alone = is_reset & ~is_dose
    for name in ("AMT", "DV"):
        number = sheet.numbers(name) if alone.any() else np.zeros(len(sheet))
        sheet.flag(alone & (np.nan_to_num(number) != 0), name, "a blank on a reset (EVID 3)")
    lesion = _whole(sheet, "LESION", 1, MOST_LESIONS, "the number of a lesion, 1, 2, ...")
    doses = _doses(sheet, mapping, is_dose, is_observation, words, lesion)
    observations = _observations(sheet, mapping, is_dose, is_observation, words, lesion)
    return Records(
        words=words,
        lines=sheet.lines,
        ids=ids,
        patient=patient,
        day=day / per_day,
        moment=moment,
        is_dose=is_dose,
        is_observation=is_observation,
        is_reset=is_reset,
        compartment=doses["compartment"],
        amount=doses["amount"],
        interval=doses["interval"] / per_day,
        additional=doses["additional"],
        duration=doses["duration"] / per_day,
        steady=doses["steady"] / per_day,
        lesion=np.where(is_observation, observations["lesion"], doses["lesion"]),
        quantity=observations["quantity"],
        value=observations["value"],
        lloq=observations["lloq"],
        lln=observations["lln"],
        censored=observations["censored"],
        lower=observations["lower"],
        upper=observations["upper"],
        result=observations["result"],
        tube=observations["tube"],
        delay=observations["delay"],
        sd=observations["sd"],
        lesion_cm3=_volumes(sheet),
        covariates=read_covariates(sheet, sites),
        varying=read_varying(sheet, words.varying.values()),
    )


def _patients(sheet: Sheet) -> tuple[list[str], NDArray[np.int64]]:
    column = sheet.column("ID")
    names = [None if is_blank(word) else restored(word) for word in column.words]
    unprintable = [word is not None and not word.isprintable() for word in names]
    sheet.flag(column.rows(np.array(unprintable, bool)), "ID", "printable text")
    sheet.flag(~sheet.stated("ID"), "ID", "the patient's identifier on every record")
    codes, ids = pd.factorize(np.array(names, dtype=object))
    return list(ids), column.rows(np.asarray(codes, np.int64))


def _whole(sheet: Sheet, name: str, least: int, most: int, expected: str) -> NDArray[np.int64]:
    """A column of whole numbers from `least` to `most`, 0 where blank or not."""
    read = sheet.numbers(name)
    wrong = ~np.isnan(read) & ~((read >= least) & (read <= most) & (read == np.floor(read)))
    sheet.flag(wrong, name, expected)
    return np.where(np.isnan(read) | wrong, 0, read).astype(np.int64)


def _volumes(sheet: Sheet) -> Numbers:
    """Volume of the lesion that a record is about, cm3; NaN where none is stated."""
    volume = sheet.numbers("LESION_CM3")
    sheet.flag(volume <= 0, "LESION_CM3", "a volume above 0 cm3")
    alone = ~np.isnan(volume) & ~sheet.stated("LESION")
    sheet.flag(alone, "LESION_CM3", "a LESION beside it: a volume is of one lesion")
    return np.where((volume > 0) & ~alone, volume, np.nan)


def _doses(
    sheet: Sheet,
    mapping: Mapping[str, Mapping[str, Any]],
    is_dose: Mask,
    seen: Mask,
    words: Vocabulary,
    lesion: NDArray[np.int64],
) -> dict[str, NDArray]:
    targets = words.compartments
    compartment = sheet.choices("CMT", targets, _codes(mapping, "CMT"), is_dose)
    sheet.flag(is_dose & ~sheet.stated("CMT"), "CMT", f"{_or(targets)} on every dose")
    amount = sheet.numbers("AMT")
    given = sheet.stated("AMT")
    sheet.flag(is_dose & ~given, "AMT", "an amount on every dose: Gy of the fraction, or mg")
    sheet.flag(is_dose & (amount <= 0), "AMT", "an amount above 0")
    is_rt = compartment == targets.index("rt")
    gray = np.where(is_dose & is_rt & (amount > 0), amount, np.nan)
    sheet.judge("fraction_dose", gray, "AMT", _fraction_hint)
    sheet.flag(
        seen & given & ~np.isnan(amount) & (amount != 0),
        "AMT",
        "no amount on an observation",
        "EVID should be 1 if this is a dose",
    )
    additional = _whole(sheet, "ADDL", 0, MOST_REPEATS, f"a whole number from 0 to {MOST_REPEATS}")
    interval = sheet.numbers("II")
    repeated = is_dose & (additional > 0)
    usable = (interval > 0) & (interval <= LONGEST_DAYS)
    lacking = repeated & ~usable & ~(sheet.stated("II") & np.isnan(interval))
    sheet.flag(lacking, "ADDL", f"an interval II above 0, at most {LONGEST_DAYS:g}, beside ADDL")
    return {
        "compartment": compartment,
        "amount": amount,
        "interval": interval,
        "additional": np.where(repeated & usable, additional, 0),
        "steady": _steady(sheet, words, is_dose, is_rt, interval),
        "duration": _durations(sheet, words, is_dose, compartment, amount),
        "lesion": np.where(is_rt, lesion, 0),
    }


def _steady(
    sheet: Sheet, words: Vocabulary, is_dose: Mask, is_rt: Mask, interval: Numbers
) -> Numbers:
    """Interval between doses that have come to a steady state, in the unit of TIME; else 0."""
    stated = sheet.numbers("SS")
    asked = ~np.isnan(stated) & (stated != 0)
    expected = "0, or 1 on a dose of a drug that has come to its steady state"
    unlike = asked & ((stated != 1) | ~is_dose | is_rt)
    sheet.flag(unlike, "SS", expected)
    if words.begins_with_first_record:
        begins = f"0 or blank, as model {words.model} begins with each patient's first record"
        sheet.flag(asked & ~unlike, "SS", begins, "state the doses one by one from that day on")
    usable = (interval > 0) & (interval <= LONGEST_DAYS)
    lacking = asked & ~usable
    sheet.flag(lacking, "SS", f"an interval II above 0, at most {LONGEST_DAYS:g}, beside SS")
    return np.where(asked & (stated == 1) & usable, interval, 0.0)


def _durations(
    sheet: Sheet, words: Vocabulary, is_dose: Mask, compartment: Codes, amount: Numbers
) -> Numbers:
    """How long each dose is infused, in the unit of TIME; 0 where it is given at once."""
    stated = {name: np.nan_to_num(sheet.numbers(name)) for name in ("RATE", "DUR")}
    infused = {name: is_dose & (numbers != 0) for name, numbers in stated.items()}
    known = [i for i, n in enumerate(words.compartments[1:], 1) if words.drug(n).infused]
    names = ", ".join(words.compartments[i] for i in known) or "none"
    for name, rows in infused.items():
        given = np.where(rows, stated[name], 1.0)
        sheet.flag(given < 0, name, "a number above 0: those that a model estimates are not known")
        elsewhere = rows & (compartment >= 0) & ~np.isin(compartment, known)
        expected = f"0 or a blank, but for drugs that the model infuses ({names})"
        sheet.flag(elsewhere, name, expected)
    sheet.flag(infused["RATE"] & infused["DUR"], "DUR", "RATE or DUR, not both")
    by_rate = np.where(infused["RATE"], amount / np.where(infused["RATE"], stated["RATE"], 1), 0.0)
    duration = np.where(infused["DUR"], stated["DUR"], np.nan_to_num(by_rate))
    return np.where(duration > 0, duration, 0.0)


def _fraction_hint(word: str) -> str:
    gray = float(word)
    return f"cGy? write {gray / 100:g}" if gray > CHECKS["fraction_dose"].possible[1] else ""


def _observations(
    sheet: Sheet,
    mapping: Mapping[str, Mapping[str, Any]],
    is_dose: Mask,
    seen: Mask,
    words: Vocabulary,
    lesion: NDArray[np.int64],
) -> dict[str, NDArray]:
    quantities = words.quantities
    quantity = sheet.choices("DVID", quantities, _codes(mapping, "DVID"), seen)
    sheet.flag(seen & ~sheet.stated("DVID"), "DVID", f"{_or(quantities)} on every observation")
    per_lesion = [i for i, name in enumerate(quantities) if words.observable(name).per_lesion]
    of_lesion = seen & np.isin(quantity, per_lesion)
    stated = sheet.stated("LESION")
    beside = "the number of the lesion that was measured, 1, 2, ..."
    sheet.flag(of_lesion & ~stated, "LESION", beside)
    if not sheet.has("LESION"):
        sheet.flag(of_lesion, "DVID", f"a column LESION beside it, with {beside}")
    of_patient = seen & (quantity >= 0) & ~of_lesion
    names = [quantities[i] for i in per_lesion]
    only = f"; {_or(names)} is measured per lesion" if names else ""
    sheet.flag(of_patient & stated, "LESION", f"a blank: the quantity is of the patient{only}")
    value, side, other = sheet.results("DV")
    _warn_of_unsure_words(sheet, seen)
    of_event = seen & np.isin(quantity, _of_events(words))
    expected = "1 (it has happened) or 0 (it had not by then), or a blank"
    wrong = of_event & ((side != 0) | ~(np.isnan(value) | np.isin(value, (0.0, 1.0))))
    sheet.flag(wrong, "DV", expected)
    stated = {name: sheet.numbers(name) for name in ("CENS", "LIMIT")}
    for name, number in stated.items():
        expected = "0 or a blank on a record of an event: a last 0 says that it had not happened"
        sheet.flag(of_event & ~np.isnan(number) & (number != 0), name, expected)
    lloq = sheet.numbers("LLOQ")
    sheet.flag(lloq <= 0, "LLOQ", "a limit above 0")
    lloq = np.where(lloq > 0, lloq, np.nan)
    delay = sheet.numbers("DELAY")
    sheet.judge("processing_delay", delay, "DELAY", lambda word: f"minutes? {float(word) / 60:.3g}")
    missing = sheet.choices("MDV", ("0", "1")) == 1
    value, side = np.where(missing, np.nan, value), np.where(missing, 0, side)
    sheet.flag(
        is_dose & (value != 0) & ~np.isnan(value),
        "DV",
        "no value on a dose",
        "EVID should be 0 if this is an observation",
    )
    counted = seen & ~of_event
    cens = np.where(counted & ~missing, stated["CENS"], np.nan)
    read = limited(
        np.where(counted, value, np.nan),
        np.where(counted, side, 0),
        cens=cens,
        limit=np.where(counted & ~missing, stated["LIMIT"], np.nan),
        other=other,
        lloq=lloq,
    )
    for name, expected in EXPECTED.items():
        column = {"flag": "CENS", "no flag": "LIMIT", "order": "LIMIT"}.get(name, "DV")
        hint = "leave the cell blank if it is missing" if name == "zero" else ""
        sheet.flag(read.problem == name, column, expected, hint)
    _judge_values(sheet, quantity, read, words)
    sd = sheet.numbers("SD")
    sheet.flag(seen & (sd <= 0), "SD", "an SD above 0, or a blank")
    return {
        "quantity": quantity,
        "value": np.where(of_event & ~wrong, value, read.value),
        "lloq": np.where(of_event, np.nan, read.lloq),
        "lln": sheet.numbers("LLN"),
        "censored": read.censored,
        "lower": read.lower,
        "upper": read.upper,
        "result": sheet.stated("DV") & ~missing,
        "tube": sheet.choices("TUBE", TUBES),
        "delay": delay,
        "sd": np.where(sd > 0, sd, np.nan),
        "lesion": np.where(of_lesion, lesion, 0),
    }


def _of_events(words: Vocabulary) -> list[int]:
    """Codes of the events that happen once."""
    return [i for i, name in enumerate(words.quantities) if words.observable(name).event]


def _or(words: Sequence[str]) -> str:
    """Words as alternatives, such as `a, b or c`."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _warn_of_unsure_words(sheet: Sheet, seen: Mask) -> None:
    column = sheet.column("DV")
    unsure = column.rows(np.array([word.lower() in UNSURE_WORDS for word in column.words], bool))
    count = int((unsure & seen).sum())
    if count:
        word = column.word(int(np.argmax(unsure & seen)))
        sheet.found.warn(f"DV: {count:,} x {word} taken as not done; write BLQ for not detected")


def _judge_values(sheet: Sheet, quantity: Codes, read: Limits, words: Vocabulary) -> None:
    """Compare values and limits of quantification with the ranges of their quantity."""
    for name, own in OF_OBSERVABLES.items():
        if words.observable(name).unit != OBSERVABLES[name].unit:
            continue
        check, of_kind = own["value"].name, quantity == words.quantities.index(name)
        hint = _count_hint if name == "alc" else ""
        sheet.judge(check, np.where(of_kind & ~read.censored, read.value, np.nan), "DV", hint)
        limited = of_kind & read.censored & (read.lower > 0)
        between = limited & np.isfinite(read.upper)
        sheet.judge(check, np.where(limited, read.lower, np.nan), "DV", hint)
        sheet.judge(check, np.where(between, read.upper, np.nan), "DV", hint)
        column = "LLOQ" if sheet.stated("LLOQ").any() else "DV"
        lloq = np.where(of_kind & ~between, read.lloq, np.nan)
        sheet.judge(own["limit"].name, lloq, column)


def _count_hint(word: str) -> str:
    number = float(read_word(word).number)
    if number > LARGEST_ALC:
        return f"cells/uL? write {number / 1000:g}"
    return "divided by 1000 once too often?" if number < CHECKS["alc_value"].plausible[0] else ""


def _codes(mapping: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, str]:
    return {plain_number(str(code)): str(word) for code, word in mapping.get(name, {}).items()}
