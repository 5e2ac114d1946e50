"""Fits of different models to the same data, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.literature.between_models import stacking_weights
from lymphokin.pages.wording import fixed, joined
from lymphokin.verdict import FINE, LOOK, Verdict

SEVERAL_ERRORS = 2.0
"""Standard errors of a difference beyond which one model predicts better (judgement)."""


@dataclass(frozen=True)
class Comparison:
    """What left-out patients and counts say of several runs.

    ``runs``: index run; sums over patients and counts that can be left out under every run:
    ``patients_log_score``, ``counts_log_score`` (ln density, higher is better), each with
    ``_difference`` from the best run, ``_error`` (standard error of the difference) and
    ``_unreliable`` (how many parts have Pareto k above 0.7 under this run); ``weight`` from
    stacking over patients. ``patients``: one row per run and patient; ``counts``: per run and
    count; ``risks``: index id, one column per run. ``alike``: groups of runs of one and the same
    model; ``identical``: groups of runs with the same draws; ``doubtful``: ids whose risks rest on
    unreliable weights under some run.
    """

    runs: pd.DataFrame
    patients: pd.DataFrame
    counts: pd.DataFrame
    risks: pd.DataFrame
    alike: tuple[tuple[str, ...], ...] = ()
    identical: tuple[tuple[str, ...], ...] = ()
    doubtful: tuple[str, ...] = ()

    @property
    def marked_risks(self) -> pd.DataFrame:
        """The risks, with a column that says whose are unreliable."""
        return self.risks.assign(unreliable=self.risks.index.isin(self.doubtful))

    @property
    def one_model(self) -> bool:
        """Whether all runs are of one model."""
        return any(len(names) == len(self.runs) for names in self.alike)

    def others(self, run: str, groups: tuple[tuple[str, ...], ...]) -> list[str]:
        """The other runs of the group of a run; none where it is in no group."""
        return [name for names in groups if run in names for name in names if name != run]


def comparison(
    patients: Mapping[str, pd.DataFrame],
    counts: Mapping[str, pd.DataFrame],
    risks: Mapping[str, pd.Series],
    alike: tuple[tuple[str, ...], ...] = (),
    identical: tuple[tuple[str, ...], ...] = (),
    doubtful: Iterable[str] = (),
) -> Comparison:
    """Compare runs of the same data.

    Args:
        patients: per run, of :func:`lymphokin.criticism.forecasts.leave_one_out.patients_left_out`.
        counts: per run, of :func:`lymphokin.criticism.forecasts.leave_one_out.counts_left_out`.
        risks: per run, risk of grade >= 2 by id.
        alike: groups of runs of one and the same model.
        identical: groups of runs with the same draws.
        doubtful: ids whose risks rest on unreliable weights under some run.
    """
    runs = pd.DataFrame(index=pd.Index(patients, name="run"))
    by_count = {run: table.set_index(["id", "day"]) for run, table in counts.items()}
    for name, tables in (("patients", patients), ("counts", by_count)):
        score = np.column_stack([t["log_score"].to_numpy() for t in tables.values()])
        k = np.column_stack([t["pareto_k"].to_numpy() for t in tables.values()])
        kept = (k <= UNRELIABLE_PARETO_K).all(axis=1)
        total = score[kept].sum(axis=0)
        difference = score[kept] - score[kept][:, [int(np.argmax(total))]]
        n = int(kept.sum())
        runs[f"{name}_judged"] = n
        runs[f"{name}_log_score"] = total
        runs[f"{name}_difference"] = difference.sum(axis=0)
        spread = difference.std(axis=0, ddof=1) if n > 1 else np.full(len(tables), np.nan)
        runs[f"{name}_error"] = np.sqrt(n) * spread
        runs[f"{name}_unreliable"] = (k > UNRELIABLE_PARETO_K).sum(axis=0)
        if name == "patients":
            highest = score[kept].max(axis=1, keepdims=True)
            runs["weight"] = stacking_weights(np.exp(score[kept] - highest))
    return Comparison(
        runs,
        pd.concat(patients, names=["run", "id"]).reset_index(),
        pd.concat(counts, names=["run"]).reset_index("run").reset_index(drop=True),
        pd.DataFrame(dict(risks)),
        alike,
        identical,
        tuple(doubtful),
    )


def with_error(difference: float, error: float) -> str:
    """A difference with its standard error, which one patient or count alone does not have."""
    unknown = "unknown error" if np.isnan(error) else f"{error:.1f}"
    return f"{fixed(difference, 1)} ± {unknown}"


def comparison_verdicts(compared: Comparison) -> tuple[Verdict, ...]:
    """Per run, whether it predicts left-out patients and counts as well as the best."""
    return tuple(
        _verdict(compared, str(run), part)
        for part in ("patients", "counts")
        for run in compared.runs.index
    )


def _verdict(compared: Comparison, run: str, part: str) -> Verdict:
    row = {str(name): float(v) for name, v in compared.runs.loc[run].items()}  # type: ignore[arg-type]
    difference, error = row[f"{part}_difference"], row[f"{part}_error"]
    judged, unreliable = int(row[f"{part}_judged"]), int(row[f"{part}_unreliable"])
    level = FINE
    best = str(compared.runs[f"{part}_difference"].idxmax())
    same, twice = (compared.others(run, g) for g in (compared.alike, compared.identical))
    if difference == 0:
        sentence = f"Best, or level with the best, over {judged} {part}"
    elif -difference < SEVERAL_ERRORS * error or np.isnan(error):
        sentence = (
            f"By how it was fitted, or chance, {with_error(difference, error)} nats from {best} "
            f"over {judged} {part}"
            if best in same
            else f"Not told apart from the best over {judged} {part}: "
            f"{with_error(difference, error)} nats"
        )
    else:
        level = LOOK
        sentence = (
            f"Predicts {judged} {part} worse than the best: {with_error(difference, error)} nats"
        )
        if best in same:
            sentence += ". Two fits of one model have not found the same posterior"
    if same:
        rest = [name for name in same if name not in twice]
        of = [("draws", twice), ("model", rest)]
        said = joined(f"the same {what} as {joined(names)}" for what, names in of if names)
        sentence = f"{said[0].upper()}{said[1:]}. {sentence}"
    if unreliable:
        level = LOOK
        verb = "is" if unreliable == 1 else "are"
        sentence += f"; {unreliable} cannot be left out reliably and {verb} left out for every run"
    numbers = {"difference": difference, "error": error, "unreliable": unreliable}
    finite = {k: float(v) for k, v in numbers.items() if np.isfinite(v)}
    return Verdict(f"left-out {part}", run, level, f"{sentence}.", finite)
