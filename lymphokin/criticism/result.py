"""The result of a check as a value: verdicts as a table, as a page, and as files."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from lymphokin.criticism.page import named_records, render_check
from lymphokin.criticism.sections import Section
from lymphokin.csv_text import neutral_frame
from lymphokin.files import AnyPath, write_texts
from lymphokin.research_use import RESEARCH_USE
from lymphokin.run import Fit
from lymphokin.strict_json import json_text
from lymphokin.verdict import Verdict, worst


@dataclass(frozen=True, eq=False)
class CheckResult(ABC):
    """The result of checking one fit, or several.

    Attributes:
        about: run, model, data file, seed and whatever else the check rests on.
    """

    about: Mapping[str, Any]

    template: ClassVar[str]
    """Template of the page, among those of this package."""

    @property
    @abstractmethod
    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict per check."""

    @abstractmethod
    def sections(self) -> list[Section]:
        """Sections of the page, in order."""

    @property
    def read_first(self) -> Sequence[str]:
        """Sentences that must be read before any number."""
        return ()

    @property
    def cautions(self) -> Sequence[str]:
        """As :attr:`read_first`; that the fit has not converged comes before them."""
        convergence = self.about.get("convergence")
        if not convergence or convergence["level"] == "good":
            return self.read_first
        worth = "No check is worth more than the draws that it rests on."
        return [f"{convergence['verdict']} {worth}", *self.read_first]

    @property
    def details(self) -> dict[str, pd.DataFrame]:
        """Tables behind the verdicts, by the name that :meth:`save` gives their files."""
        return {}

    @property
    def level(self) -> str:
        """The worst of the verdicts: fine, look or wrong."""
        return worst(self.verdicts)

    @property
    def table(self) -> pd.DataFrame:
        """One row per verdict: ``level``, ``check``, ``subject``, ``sentence``."""
        named = named_records(self.about)
        rows = [(v.level, v.check, named(v.subject), v.sentence) for v in self.verdicts]
        return pd.DataFrame(rows, columns=["level", "check", "subject", "sentence"])

    def as_dict(self) -> dict[str, Any]:
        """Everything that :meth:`save` writes as JSON."""
        return {
            **self.about,
            "level": self.level,
            "verdicts": [verdict.as_dict() for verdict in self.verdicts],
        }

    def page(self) -> str:
        """The page as one HTML text, which needs no network."""
        return render_check(self.sections(), self.about, self.cautions, self.template)

    def save(self, path: AnyPath) -> list[Path]:
        """Write the page, the verdicts as JSON and the tables as CSV beside it.

        Args:
            path: the page, ending with ``.html``; files that exist are replaced.

        Returns:
            the files, the page first; each appears whole or not at all.

        Raises:
            ValueError: when the path does not end with ``.html`` or its folder does not exist.
        """
        path = page_path(path)
        contents = {
            path: self.page(),
            path.with_suffix(".json"): json_text(self.as_dict()) + "\n",
        }
        for name, table in self.details.items():
            # Infinite scores, of forecasts that were certain and wrong, are blank as in the JSON.
            finite = table.replace([np.inf, -np.inf], np.nan)
            text = neutral_frame(finite).to_csv(index=False)
            contents[path.with_name(f"{path.stem}_{name}.csv")] = text
        return write_texts(contents)

    def _repr_html_(self) -> str:
        notes = [*self.cautions, RESEARCH_USE]
        if self.about["synthetic"]:
            notes.insert(0, "SYNTHETIC DATA.")
        lines = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
        return f"{lines}{self.table.to_html(index=False, float_format='{:.3g}'.format)}"


def page_path(path: AnyPath) -> Path:
    """A path that a page can be written to.

    Raises:
        ValueError: when it does not end with ``.html`` or its folder does not exist.
    """
    path = Path(path)
    if path.suffix != ".html" or not path.parent.is_dir():
        raise ValueError(f"{path}: expected a name that ends with .html in an existing folder")
    return path


def name_of(fit: Fit) -> str:
    """The name of a fit's run folder, or of its model before it is saved."""
    return fit.model.name if fit.folder is None else fit.folder.resolve().name


def about_fit(fit: Fit, seed: int) -> dict[str, Any]:
    """What the page and the JSON file say of a fit."""
    return {
        "run": name_of(fit),
        "model": fit.provenance["model"],
        "data_file": fit.provenance["data_file"],
        "synthetic": fit.provenance["synthetic_data"],
        "records": {n: o.records for n, o in (fit.model.observables | fit.model.events).items()},
        "created": fit.provenance["created"],
        "convergence": {name: fit.convergence[name] for name in ("level", "verdict")},
        "seed": seed,
    }
