"""The cohort: patients, their treatment and their measurements, as four plain tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from lymphokin.io.known import has_number
from lymphokin.io.vocabulary import COLUMNS, COVARIATES, NUMERIC_COVARIATES, SELDOM
from lymphokin.quantities import Vocabulary
from lymphokin.sites import UNKNOWN, SiteTable, shipped_sites

type Types = dict[str, type[np.generic]]

_NUMBER, _WHOLE, _FLAG, _TEXT = np.float64, np.int64, np.bool_, np.object_

PATIENTS: Types = {c.lower(): _NUMBER if c in NUMERIC_COVARIATES else _TEXT for c in COVARIATES}
FRACTIONS: Types = {"id": _TEXT, "day": _NUMBER, "prescribed_gy": _NUMBER, "lesion": _WHOLE}
DOSES: Types = {
    "id": _TEXT,
    "day": _NUMBER,
    "drug": _TEXT,
    "amount_mg": _NUMBER,
    "duration": _NUMBER,
    "steady": _NUMBER,
}
OBSERVATIONS: Types = {
    "id": _TEXT,
    "day": _NUMBER,
    "quantity": _TEXT,
    "value": _NUMBER,
    "lloq": _NUMBER,
    "lln": _NUMBER,
    "censored": _FLAG,
    "lower": _NUMBER,
    "upper": _NUMBER,
    "tube": _TEXT,
    "delay": _NUMBER,
    "sd": _NUMBER,
    "lesion": _WHOLE,
    "row": _WHOLE,
}
LESIONS: Types = {"id": _TEXT, "lesion": _WHOLE, "volume_cm3": _NUMBER}
RESETS: Types = {"id": _TEXT, "day": _NUMBER}
VARYING: Types = {"id": _TEXT, "day": _NUMBER, "covariate": _TEXT, "value": _NUMBER}
_BEFORE_DOSES = 0.5
"""EVID of a reset while records are put in order: after what was measured, before what is given."""
_OPTIONAL = ("lloq", "lln", "lower", "upper", "tube", "delay", "sd")
_DEFAULTS = {"lesion": 0, "censored": False, "row": 0, "duration": 0.0, "steady": 0.0}


@dataclass(frozen=True, eq=False)
class Cohort:
    """A trial's patients; times are days from each patient's first fraction.

    The tables are brought to the columns, types and order below when the cohort is made
    (ValueError if a needed column or patient is missing); treat them as read-only.

    `patients`: index `id` (str, in file order); arm, centre, site, age (years), sex (F or M),
        bsa (m2), n_lesions, ptv_cm3, immune_dose_gy (whole course), immune_dose_source
        (where that dose comes from), start_date (ISO date of day 0). None or NaN where not stated.
    `fractions`: id, day, prescribed_gy (of that fraction), lesion (0 = every lesion).
    `doses`: id, day, drug (a word of CMT), amount_mg (in the drug's unit),
        duration (days that an infusion lasts, 0 where all is given at once), steady (days between
        doses that have come to a steady state with this one, else 0).
    `observations`: id, day, quantity (a word of DVID such as "alc", in 1e9/L, or what a model
        measures, in the model's unit),
        value (NaN: visit without a result; the limit itself when censored), lloq (NaN if none),
        lln (the laboratory's lower limit of normal, NaN if not stated), censored (known only to
        lie between two limits), lower and upper (those limits, NaN where not censored: 0 and the
        value below a limit, which they are where nothing else is stated, the value and infinity
        above one),
        tube ("heparin", "edta" or None), delay (hours from drawing to processing the sample, NaN
        if not stated), sd (the measurement's own SD, NaN if not stated), lesion (1, 2, ..., 0 of
        what is not measured per lesion), row (line in the file, 0 if none). An observation at the
        time of a fraction or dose is taken before it.
    All but `patients` are sorted by patient (file order) and day.
    `source`: file name, `sha256`: of the file's bytes, `synthetic`: whether it says so.
    `accepted`: checks of plausibility that were accepted, by name with the reason.
    `varying`: values stated of covariates that change within a patient: id, day, covariate (its
        column), value. Each holds until the next one.
    `lesions`: volumes stated of lesions: id, lesion, volume_cm3.
    `resets`: id and day on which a patient is set back to the untreated state, before any dose of
        that day and time.
    `vocabulary`: what its quantities and drugs mean: a model's words, or those of any table.
    `sites`: what its site classes mean: the shipped table, or one with rows of the user's.
    """

    patients: pd.DataFrame
    fractions: pd.DataFrame
    doses: pd.DataFrame
    observations: pd.DataFrame
    source: str = ""
    sha256: str = ""
    synthetic: bool = False
    warnings: tuple[str, ...] = ()
    accepted: Mapping[str, str] = field(default_factory=dict)
    varying: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(VARYING)))
    lesions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(LESIONS)))
    resets: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(RESETS)))
    vocabulary: Vocabulary = field(default_factory=Vocabulary, repr=False)
    sites: SiteTable = field(default_factory=shipped_sites, repr=False)

    def __post_init__(self) -> None:
        patients = _conform(self.patients, PATIENTS, "patients", optional=True)
        patients.index = patients.index.astype(object).rename("id")
        if not patients.index.is_unique:
            raise ValueError("each patient stands once in `patients`")
        object.__setattr__(self, "patients", patients)
        tables = {"fractions": FRACTIONS, "doses": DOSES, "observations": OBSERVATIONS}
        tables |= {"varying": VARYING, "resets": RESETS}
        for name, columns in tables.items():
            table = _conform(getattr(self, name), columns, name)
            table = _with_limits(table) if name == "observations" else table
            object.__setattr__(self, name, _in_order(table, patients.index, name))
        object.__setattr__(self, "lesions", _conform(self.lesions, LESIONS, "lesions"))
        _refuse_unknown("quantity", self.observations["quantity"], self.vocabulary.quantities)
        _refuse_unknown("drug", self.doses["drug"], self.vocabulary.compartments[1:])

    def __len__(self) -> int:
        return len(self.patients)

    def __repr__(self) -> str:
        return (
            f"Cohort({self.source or 'not from a file'}: {len(self)} patients, "
            f"{len(self.fractions)} fractions, {len(self.doses)} doses, "
            f"{len(self.observations)} observations{', synthetic' if self.synthetic else ''})"
        )

    @classmethod
    def of_nobody(cls, synthetic: bool = False) -> "Cohort":
        """A cohort without patients, as behind a run that pools what sites have shared."""
        nobody = pd.DataFrame(index=pd.Index([], name="id", dtype=object))
        fractions, doses, seen = (
            pd.DataFrame(columns=list(c)) for c in (FRACTIONS, DOSES, OBSERVATIONS)
        )
        return cls(nobody, fractions, doses, seen, synthetic=synthetic)

    def select(self, ids: Iterable[str]) -> "Cohort":
        """The cohort of the given patients, in the given order. ValueError if one is unknown."""
        wanted = list(ids)
        unknown = [i for i in wanted if i not in self.patients.index]
        if unknown:
            raise ValueError(f"no such patient: {', '.join(map(str, unknown))}")
        return replace(
            self,
            patients=self.patients.loc[wanted],
            fractions=self.fractions[self.fractions["id"].isin(wanted)],
            doses=self.doses[self.doses["id"].isin(wanted)],
            observations=self.observations[self.observations["id"].isin(wanted)],
            varying=self.varying[self.varying["id"].isin(wanted)],
            lesions=self.lesions[self.lesions["id"].isin(wanted)],
            resets=self.resets[self.resets["id"].isin(wanted)],
        )

    def until(self, day: float) -> "Cohort":
        """What is known on `day`: later observations are dropped, treatment stays as planned."""
        return replace(self, observations=self.observations[self.observations["day"] <= day])

    def _with_varying(self, events: pd.DataFrame) -> pd.DataFrame:
        """Records with the covariates that are stated on their day, each in a column."""
        if self.varying.empty:
            return events
        wide = self.varying.pivot(index=["id", "day"], columns="covariate", values="value")
        wide = wide.rename_axis(columns=None).reset_index()
        joined = events.merge(wide.rename(columns={"id": "ID", "day": "TIME"}), "outer")
        alone = joined["EVID"].isna()
        words = self.vocabulary
        blank = next(n for n in words.quantities if not words.observable(n).per_lesion)
        visit = {"EVID": 0, "DVID": blank, "MDV": 1}
        for column, value in visit.items():
            joined.loc[alone, column] = value
        return joined

    @property
    def site_names(self) -> list[str]:
        """Site classes of the patients' lesions, each once; "other" where none is stated."""
        stated = self.patients["site"].fillna(UNKNOWN)
        return sorted({name for site in stated for name in str(site).split("+")})

    def doses_of(self, drug: str) -> pd.DataFrame:
        """The rows of `doses` of one drug."""
        return self.doses[self.doses["drug"] == drug]

    def last_baseline(self, quantity: str) -> pd.Series:
        """Each patient's last value up to day 0, in the unit of `quantity`; NaN if there is none.

        It tells whether a patient lies outside a fitted cohort. A value that is only known to lie
        above a limit, or between two, is none.
        """
        before = self.before_treatment(quantity)
        before = before[has_number(before)]
        return before.groupby("id")["value"].last().reindex(self.patients.index)

    def mean_baseline(self, quantity: str) -> pd.Series:
        """Geometric mean of each patient's values up to day 0, in the unit of `quantity`.

        NaN if there is none. Regressions take it: one count is noisier than the mean of several.
        Values as of :meth:`last_baseline`.
        """
        before = self.before_treatment(quantity)
        before = before[has_number(before)]
        logs = before["value"].map(np.log).groupby(before["id"]).mean()
        return logs.reindex(self.patients.index).map(np.exp)

    def before_treatment(self, quantity: str) -> pd.DataFrame:
        """Records of a quantity up to the first fraction that have a value."""
        of = self.observations
        return of[(of["quantity"] == quantity) & (of["day"] <= 0)].dropna(subset=["value"])

    def to_events(self) -> pd.DataFrame:
        """The event table: one row per record, contract columns, by patient and day.

        Covariates that change stand on the records of their day, or on a visit without a result.
        Blank cells are None or NaN. An observation below its limit has DV 0 and its LLOQ; where
        others are censored in another way, CENS and LIMIT say how. A patient without any record
        has no row.
        """
        fractions = pd.DataFrame(
            {
                "ID": self.fractions["id"],
                "TIME": self.fractions["day"],
                "EVID": 1,
                "CMT": "rt",
                "AMT": self.fractions["prescribed_gy"],
                "LESION": self.fractions["lesion"].where(self.fractions["lesion"] > 0),
            }
        )
        doses = pd.DataFrame(
            {
                "ID": self.doses["id"],
                "TIME": self.doses["day"],
                "EVID": 1,
                "CMT": self.doses["drug"],
                "AMT": self.doses["amount_mg"],
                "DUR": self.doses["duration"].where(self.doses["duration"] > 0),
                "SS": np.where(self.doses["steady"] > 0, 1.0, np.nan),
                "II": self.doses["steady"].where(self.doses["steady"] > 0),
            }
        )
        seen = self.observations
        below = seen["censored"] & (seen["lower"] == 0)
        above = seen["censored"] & (seen["value"] == seen["lower"])
        between = seen["censored"] & ~below & ~above
        cens = np.select([below, above, between], [1.0, -1.0, 1.0], 0.0)
        other = np.select([above, between], [seen["upper"], seen["lower"]], np.nan)
        stated = bool((above | between).any())
        observations = pd.DataFrame(
            {
                "ID": seen["id"],
                "TIME": seen["day"],
                "EVID": 0,
                "DVID": seen["quantity"],
                "DV": seen["value"].mask(below, 0.0),
                "LLOQ": seen["lloq"],
                "CENS": cens if stated else np.nan,
                "LIMIT": np.where(np.isfinite(other), other, np.nan),
                "LLN": seen["lln"],
                "MDV": seen["value"].isna().astype(np.int64),
                "TUBE": seen["tube"],
                "DELAY": seen["delay"],
                "SD": seen["sd"],
                "LESION": seen["lesion"].where(seen["lesion"] > 0),
            }
        )
        resets = pd.DataFrame(
            {"ID": self.resets["id"], "TIME": self.resets["day"], "EVID": _BEFORE_DOSES}
        )
        records = [table for table in (observations, fractions, doses, resets) if len(table)]
        events = self._with_varying(pd.concat(records or [observations], ignore_index=True))
        order = self.patients.index.get_indexer(events["ID"].to_numpy())
        events = events.iloc[np.lexsort((events["EVID"], events["TIME"], order))]
        events["EVID"] = events["EVID"].replace(_BEFORE_DOSES, 3).astype(np.int64)
        volume = self.lesions.set_index(["id", "lesion"])["volume_cm3"]
        own = pd.MultiIndex.from_arrays([events["ID"], events["LESION"].fillna(0).astype(int)])
        events["LESION_CM3"] = volume.reindex(own).to_numpy()
        covariates = self.patients.rename(columns=str.upper).reindex(events["ID"])
        for name in COVARIATES:
            events[name] = covariates[name].to_numpy()
        silent = [c for c in SELDOM if c not in events or events[c].isna().all()]
        columns = [c for c in COLUMNS if c not in ("ADDL", *silent)]
        columns += list(self.vocabulary.varying)
        return events.reindex(columns=columns).reset_index(drop=True)


def _conform(
    table: pd.DataFrame, columns: dict[str, type], name: str, optional: bool = False
) -> pd.DataFrame:
    """`table` with exactly `columns`, in that order and of those types."""
    absent = [c for c in columns if c not in table.columns]
    needed = [c for c in absent if not optional and c not in (*_DEFAULTS, *_OPTIONAL)]
    if needed:
        raise ValueError(f"`{name}` lacks the column(s) {', '.join(needed)}")
    ready = {}
    for column, kind in columns.items():
        if column in absent:
            default = _DEFAULTS.get(column, None if kind is _TEXT else np.nan)
            values = np.full(len(table), default, dtype=kind)
        else:
            values = table[column].to_numpy()
        if kind is _NUMBER and column in _DEFAULTS:
            values = np.nan_to_num(values.astype(kind), nan=_DEFAULTS[column])
        if kind is _TEXT:
            values = values.astype(object)
            values[pd.isna(values)] = None
        ready[column] = pd.Series(values.astype(kind), index=table.index, dtype=kind)
    return pd.DataFrame(ready, index=table.index)


def _with_limits(seen: pd.DataFrame) -> pd.DataFrame:
    """Observations with limits where censored, and only there."""
    censored = seen["censored"].to_numpy()
    unstated = censored & (seen["lower"].isna() & seen["upper"].isna()).to_numpy()
    lower = np.where(unstated, 0.0, seen["lower"].to_numpy())
    stated = seen["upper"].to_numpy()
    upper = np.where(unstated, seen["lloq"].fillna(seen["value"]).to_numpy(), stated)
    lower, upper = np.where(censored, lower, np.nan), np.where(censored, upper, np.nan)
    if (censored & ~((lower >= 0) & (lower < upper))).any():
        raise ValueError("a censored observation lies between two limits, from 0 to infinity")
    return seen.assign(lower=lower, upper=upper)


def _in_order(table: pd.DataFrame, ids: pd.Index, name: str) -> pd.DataFrame:
    position = ids.get_indexer(table["id"].to_numpy())
    if (position < 0).any():
        raise ValueError(f"`{name}` names a patient who is not in `patients`")
    lesion = (table["lesion"],) if "lesion" in table else ()
    keys = (*lesion, table["day"], position)
    return table.iloc[np.lexsort(keys)].reset_index(drop=True)


def _refuse_unknown(what: str, words: pd.Series, known: Sequence[str]) -> None:
    """Refuse words that the cohort's vocabulary does not have."""
    unknown = sorted({str(word) for word in words.unique()} - set(known))
    if unknown:
        raise ValueError(f"unknown {what} {unknown}: expected one of {', '.join(known)}")
