"""The page of a simulation-based calibration: where the truth lay among the draws of its fit."""

from __future__ import annotations

from matplotlib.figure import Figure

from lymphokin.criticism.data.residual_figures import uniformity_panel
from lymphokin.criticism.sections import Drawing, Section
from lymphokin.criticism.simulation.simulation_calibration import RANKED, SimulationCalibration
from lymphokin.criticism.simulation.simulation_verdicts import judge_simulations
from lymphokin.pages.drawing import styled

COLUMNS = 3
GROUPS = {
    "population": (
        "Population quantities",
        "Typical values, spreads between patients, residual SDs and effects of covariates.",
    ),
    "individual": (
        "Quantities of single patients",
        "Parameters of one patient of each trial, the next patient in the next trial.",
    ),
    "endpoint": (
        "Risk at the endpoint",
        "Probability that the count of that patient is reported below 0.80 × 10⁹/L at the visit 6 "
        "weeks after radiotherapy, given the patient’s true count there.",
    ),
    "data": (
        "Log density of the data",
        "Of all records and all patients, given the population: it sees what no single parameter "
        "shows (Modrák et al. 2023, doi:10.1214/23-BA1404).",
    ),
}


def simulation_sections(calibration: SimulationCalibration) -> list[Section]:
    """All sections of the page, in order."""
    verdicts = judge_simulations(calibration)
    sections = []
    for kind, (heading, text) in GROUPS.items():
        names = [name for name, k in calibration.kinds.items() if k == kind]
        if not names:
            continue
        drawing = Drawing.of(
            "Ranks of the truth",
            rank_figure(calibration, names),
            kind[:1],
            f"Distribution of the ranks of the truth less the uniform one: {heading}",
            f"Black: share of trials whose truth lies below this share of the {RANKED} draws, less "
            "that share; band: where all of the line lies with 95 % probability if the fit is "
            "calibrated. A good one: the line stays in its band. An arch above 0 means that "
            "draws lie too high, one below that they lie too low; an S that rises first means "
            "intervals too narrow, one that falls first intervals too wide. Red: a line outside.",
        )
        of_kind = tuple(v for v in verdicts if v.subject == kind)
        sections.append(Section(kind, heading, text, of_kind, (drawing,)))
    chains = tuple(v for v in verdicts if v.subject not in GROUPS)
    text = "Ranks mean something only where the chains of a trial describe the same posterior."
    return [*sections, Section("chains", "The fits", text, chains, ())]


@styled
def rank_figure(calibration: SimulationCalibration, names: list[str]) -> Figure:
    """Difference of the ranks' distribution from the uniform one, a panel per quantity."""
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(2.5 * columns, 1.5 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, name in zip(grid.flat, names, strict=False):
        uniformity_panel(axes, calibration.uniformity[name])
        title = name.removeprefix("individual_").replace("_", " ")
        axes.set_title(title, loc="left", size=6.5)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    figure.supxlabel("share of draws below", size=8)
    figure.supylabel("share of trials − uniform", size=8)
    return figure
