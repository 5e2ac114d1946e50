"""What the page shows of what was learnt: from the data, and from the prior still."""

from __future__ import annotations

from lymphokin.criticism.sections import Drawing, Section, of_checks
from lymphokin.criticism.teaching.composites import Composite
from lymphokin.criticism.teaching.teaching_checks import Teaching
from lymphokin.criticism.teaching.teaching_figures import (
    information_figure,
    sensitivity_figure,
    within_prior_figure,
)


def teaching_sections(teaching: Teaching) -> list[Section]:
    """The sections about what was learnt, in order."""
    return [_taught(teaching), _prior(teaching)]


def _taught(teaching: Teaching) -> Section:
    drawings = (
        Drawing.of(
            "Posterior within the prior",
            within_prior_figure(teaching.draws),
            "w",
            "Posterior intervals of composites and parameters as per cent of their prior draws",
            f"First the {len(teaching.composites)} composites, then the population quantities: "
            "median, 50 % (thick) and 90 % (thin) equal-tailed intervals of the posterior; grey: "
            "where the prior’s own 90 % lies. A good one: short bars inside the grey. A bar as "
            "long as the grey taught nothing; a short bar at an edge is a surprise to the prior.",
        ),
        Drawing.of(
            "Independent directions",
            information_figure(teaching.directions),
            "i",
            "Information of the data about independent directions of the population",
            "Directions of the population’s quantities, each named by those that make it up; right "
            "of the red line the data say more than the prior. A good one has what matters for the "
            "question on the right. A name far left is not learnt, whatever its interval looks "
            "like. Scales of differences between patients may lie too far right.",
        ),
    )
    text = (
        "Composites are combinations of parameters that data of such a trial can inform, here for "
        f"a typical patient under {teaching.courses}:"
        if teaching.composites
        else "The model declares no composites: parameters are shown alone."
    )
    terms = tuple(
        (c.name, f"{c.meaning} ({c.unit}){_learnt(c) if teaching.believed else ''}")
        for c in teaching.composites
    )
    verdicts = of_checks(teaching.verdicts, "identifiable", "prior-to", "prior against", "local")
    return Section("taught", "What the data taught", text, verdicts, drawings, terms)


def _learnt(composite: Composite) -> str:
    if composite.measured:
        return f"; learnt {composite.learnt}"
    return "; not measured here, seen only through other records"


def _prior(teaching: Teaching) -> Section:
    drawing = Drawing.of(
        "Power scaling",
        sensitivity_figure(teaching.sensitivity),
        "p",
        "Sensitivity of composites and parameters to the prior and to the data",
        "Circles: how far each result moves when the prior is made a little stronger or weaker "
        "(filled: beyond the red line); triangles: the same for the data, off the picture where "
        "large. A good one: open circles for the results that matter. A filled circle with its "
        "triangle left of the line rests on the prior alone.",
    )
    text = (
        "How far results hang on the priors, without fitting again (power scaling, Kallioinen "
        "2024). The verdict is about the composites, where there are any; parameters are shown "
        "below them."
    )
    verdicts = of_checks(teaching.verdicts, "sensitivity")
    return Section("prior", "Sensitivity to the priors", text, verdicts, (drawing,))
