"""The page: sections put together by the template, and written in one step."""

import os
from collections.abc import Hashable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from lymphokin.endpoint import measured_threshold
from lymphokin.files import write_text
from lymphokin.infer.learnt import NOT_MEASURED
from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.pages import wording
from lymphokin.pages.drawing import inline_svg
from lymphokin.pages.environment import page_environment
from lymphokin.pages.within_limits import there_are
from lymphokin.predict.composites import REFERENCE
from lymphokin.predict.contrast import DIFFERENCE
from lymphokin.report import overview
from lymphokin.report.arm_contrast import arm_contrast
from lymphokin.report.composites import composite_arms, composite_groups
from lymphokin.report.contents import ReportContents
from lymphokin.report.curves import DRUG_COLOURS
from lymphokin.report.measurements import level_sections, quantity_sections
from lymphokin.report.panels import lymphocyte_panels
from lymphokin.report.prior_posterior import describe, prior_posterior
from lymphokin.report.risk_forest import marks, risk_forest
from lymphokin.report.scatter import chance_below, scatter
from lymphokin.report.survival import survival_figure

_FOREST_ROWS = 45


def write_report(contents: ReportContents, path: str | os.PathLike[str]) -> Path:
    """Write the report to `path`; a killed run leaves the old file or none, never half of one."""
    return write_text(path, render_report(contents))


def render_report(contents: ReportContents) -> str:
    """The report as one HTML text: no script, nothing fetched. Same contents, same text."""
    parameters = contents.parameters.sort_values(
        "contraction", ascending=False, kind="stable", na_position="last"
    )
    quantities, levels = quantity_sections(contents), level_sections(contents)
    measured = [section["observable"].label for section in (*quantities, *levels)]
    return (
        page_environment("lymphokin.report", marks=_marked)
        .get_template("report.html.j2")
        .render(
            c=contents,
            synthetic=contents.synthetic,
            patients=contents.patients.to_dict("records"),
            fitted=overview.what_was_fitted(contents),
            counts_used=overview.counts_used(contents),
            banner=overview.banner(contents),
            cautions=overview.cautions(contents),
            arms=overview.arm_summaries(contents),
            brier=overview.brier(contents.patients),
            differences={
                label: overview.difference(contents, kind)
                for kind, label in overview.links(contents).items()
            },
            forests=_forests(contents),
            contrasts=_contrasts(contents),
            lymphocytes=lymphocyte_panels(contents),
            measurements=wording.joined(measured),
            quantities=quantities,
            levels=levels,
            limits=there_are(contents.results("alc")),
            scatter=_scatter(contents),
            given=list(zip(contents.given.values(), cycle(DRUG_COLOURS), strict=False)),
            disputed=_disputed(contents),
            misread=_misread(contents),
            survivals=[
                {
                    "label": own.label,
                    "svg": inline_svg(
                        survival_figure(own), f"s{i}", f"Share of patients without {own.label}"
                    ),
                }
                for i, own in enumerate(contents.survivals)
            ],
            composites=composite_groups(contents),
            composite_arms=composite_arms(contents),
            reference=REFERENCE,
            asked=contents.asked and contents.asked.shown(""),
            densities=_densities(contents, parameters),
            parameters=parameters.to_dict("records"),
            unmeasured=bool((parameters["learnt"] == NOT_MEASURED).any()),
            withheld=contents.convergence["level"] == "bad",
            seen_through=overview.measured(contents.cohort, contents.observables),
            provenance=_flat(contents.provenance),
            unreliable=UNRELIABLE_PARETO_K,
        )
    )


def _marked(patient: dict[Hashable, Any]) -> str:
    """The marks of a patient's risk in a table, after a space."""
    own = marks(patient)
    return f" {own}" if own else ""


def _forests(contents: ReportContents) -> list[dict[str, Any]]:
    """One figure per arm; a long arm is cut into pieces that fit a printed page."""
    figures = []
    for summary in overview.arm_summaries(contents):
        rows = overview.of_arm(contents.patients, summary.name)
        rows = rows.sort_values("p_grade2_measured", ascending=False, kind="stable")
        in_arm = f" in arm {summary.name}" if contents.several_arms else ""
        for start in range(0, len(rows), _FOREST_ROWS):
            part = rows.iloc[start : start + _FOREST_ROWS]
            text = f"Risk of grade 2 or worse{in_arm}: " + "; ".join(
                f"{p['id']} {wording.percent(p['p_grade2_measured'])}"
                for p in part.to_dict("records")
            )
            svg = inline_svg(risk_forest(part), f"f{len(figures)}", text)
            rest = len(rows) > _FOREST_ROWS
            figures.append(
                {"arm": summary, "start": start, "shown": len(part), "rest": rest, "svg": svg}
            )
    return figures


def _contrasts(contents: ReportContents) -> list[dict[str, Any]]:
    """Per link: each arm's own patients beside what happened to them, and all patients with the
    drug and without it.
    """
    table, own = contents.contrast, contents.own_shares
    gaps = table.loc[table["arm"] == DIFFERENCE, ["rate_q05", "rate_q95"]].to_numpy(float)
    reach = float(np.nanmax(np.abs(gaps), initial=0.2)) * 1.1
    happened = {s.name: s.share for s in overview.arm_summaries(contents)}
    disputed = _disputed(contents)
    drug = disputed["drug"] if disputed else ""
    figures = []
    for kind, label in overview.links(contents).items():
        everybody = _in_order(contents, table[table["link"] == kind])
        if not len(everybody):
            continue
        of_arms = everybody.iloc[:0] if own is None else own[own["link"] == kind]
        of_arms = _in_order(contents, of_arms)
        drawn, seen = everybody, {}
        if len(of_arms):
            difference = everybody[everybody["arm"] == DIFFERENCE]
            drawn, seen = pd.concat([of_arms, difference]), happened
        records = [row | _in_words(row) for row in drawn.to_dict("records")]
        text = f"Predicted share with grade 2 or worse, {label}: " + "; ".join(
            f"{wording.arm(r['arm'])} {r['median']} ({r['interval']})" for r in records
        )
        svg = inline_svg(arm_contrast(drawn, seen, reach, drug), f"c{len(figures)}", text)
        of_all = [row | _in_words(row) for row in everybody.to_dict("records")]
        own_rows = records[: len(of_arms)]
        figures.append({"label": label, "svg": svg, "own": own_rows, "rows": of_all})
    return figures


def _in_order(contents: ReportContents, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the arms, the others last."""
    order = overview.arm_names(contents)
    names = [wording.arm(name) for name in rows["arm"]]
    places = [order.index(name) if name in order else len(order) for name in names]
    return rows.iloc[np.argsort(places, kind="stable")]


def _in_words(row: Mapping[Hashable, Any]) -> dict[Hashable, str]:
    """Median and interval of an arm in per cent, of the difference in percentage points."""
    low, middle, high = row["rate_q05"], row["rate_q50"], row["rate_q95"]
    if row["arm"] == DIFFERENCE:
        return {
            "median": wording.in_points(middle),
            "interval": f"{wording.points_range(low, high)} points",
        }
    return {"median": wording.percent(middle), "interval": wording.percent_range(low, high)}


def _scatter(contents: ReportContents) -> str:
    """How far a count typically lies from the true one, in words; empty if unknown."""
    residual = contents.residuals.get("alc")
    return "" if residual is None else scatter(residual, contents.observables["alc"].shown_unit)


def _misread(contents: ReportContents) -> str:
    """How often of 100 a true count of 0.90 is reported as grade 2 or worse; empty if unknown."""
    residual = contents.residuals.get("alc")
    if residual is None:
        return ""
    return wording.of_100(chance_below(residual, 0.90, measured_threshold(2)))


def _densities(contents: ReportContents, parameters: pd.DataFrame) -> list[dict[str, Any]]:
    pictures = []
    for row in parameters.to_dict("records"):
        draws = contents.parameter_draws.get(row["name"])
        if draws is None:
            continue
        svg = inline_svg(
            prior_posterior(*draws), f"d{len(pictures)}", describe(row["name"], *draws)
        )
        pictures.append({"row": row, "svg": svg})
    return pictures


def _disputed(contents: ReportContents) -> dict[str, Any] | None:
    """The model's disputed link in words, and what was learnt of its strength; None without one.

    What nobody has shown of a drug is said where somebody got it.
    """
    link = contents.disputed
    if link is None:
        return None
    rows = contents.parameters[contents.parameters["name"] == link.parameter]
    drug = contents.drugs.get(link.drug)
    return {
        "link": link,
        "drug": drug.label if drug else link.drug,
        "given": link.drug in contents.given,
        "symbol": overview.symbol_of_link(contents),
        "strength": rows.iloc[0].to_dict() if len(rows) else None,
    }


def _flat(provenance: Mapping[str, Any]) -> list[tuple[str, str | Markup]]:
    """Label and value as text; a nested table becomes "name value, name value"."""

    def said(value: Any) -> str:
        if isinstance(value, Mapping):
            return ", ".join(f"{name} {said(own)}" for name, own in value.items())
        return wording.plain(value) if isinstance(value, float) else str(value)

    return [
        (label.replace("_", " "), said(value))
        for label, value in provenance.items()
        if wording.stated(value)
    ]
