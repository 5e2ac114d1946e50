"""A model as a picture: blocks as bands, states as boxes, arrows where one drives another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from lymphokin.files import write_text
from lymphokin.model import Model
from lymphokin.model.block import cumulative
from lymphokin.pages.drawing import BLACK, BLUE, GREEN, GREY, PALE, VERMILLION, inline_svg, styled
from lymphokin.pages.equations import equations

BOX = (1.5, 0.5)
COLUMN, ROW = 2.5, 1.0
STANDALONE = '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" class="plot"'


def _mentions(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", text))


@styled
def draw_model(model: Model) -> Figure:
    """Diagram of a model's blocks and states.

    Solid arrows: a state or output enters the flow of another state. Dashed: it enters what an
    event does to another state. Red: what a fraction changes; blue: what a dose or an infusion of a
    drug changes; green: the flow that a covariate enters which changes within a patient.
    """
    rows = max(len(block.states) for block in model.blocks)
    width, height = COLUMN * len(model.blocks) + 0.4, ROW * rows + 1.5
    figure = Figure(figsize=(0.85 * width, 0.85 * height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    place: dict[str, tuple[float, float]] = {}
    owner: dict[str, list[str]] = {}
    for column, block in enumerate(model.blocks):
        left = 0.2 + column * COLUMN
        band = Rectangle((left, 0.15), COLUMN - 0.15, height - 0.3, fc="#f4f4f4", ec=PALE, lw=0.6)
        axes.add_patch(band)
        axes.text(left + 0.12, height - 0.42, block.name, weight="bold", fontsize=9)
        hazards = {cumulative(name): name for name in block.hazards}
        for row, name in enumerate(block.states):
            place[name] = (left + 0.35 + BOX[0] / 2, height - 1.05 - row * ROW)
            event = hazards.get(name)
            unit = block.states[name].unit if event is None else "hazard"
            _state(axes, place[name], event or name, unit)
        owner |= {name: [] for name in block.shows}
        if block.shows:
            text = "shows " + ", ".join(block.shows)
            axes.text(left + 0.12, 0.27, text, color=GREY, fontsize=7)
    _arrows(axes, model, place, owner)
    return figure


def _state(axes: Axes, at: tuple[float, float], name: str, unit: str) -> None:
    corner = (at[0] - BOX[0] / 2, at[1] - BOX[1] / 2)
    style = "round,pad=0,rounding_size=0.12"
    axes.add_patch(FancyBboxPatch(corner, *BOX, boxstyle=style, fc="white", ec=BLACK, lw=0.8))
    label = name.replace("_", " ")
    axes.text(at[0], at[1] + 0.06, label, ha="center", va="center", fontsize=8)
    axes.text(at[0], at[1] - 0.14, unit, ha="center", va="center", fontsize=6, color=GREY)


def _arrows(
    axes: Axes,
    model: Model,
    place: Mapping[str, tuple[float, float]],
    shown_by: dict[str, list[str]],
) -> None:
    """Who drives whom, and what events change."""
    lines = equations(model)
    for line in lines:
        if line.left in shown_by:
            shown_by[line.left] = [name for name in place if name in _mentions(line.right)]
    for line in lines:
        mentioned = _mentions(line.right)
        if line.left.startswith("d "):
            target = line.left[2:].removesuffix("/dt")
            drivers = [name for name in place if name in mentioned and name != target]
            drivers += [n for out, own in shown_by.items() if out in mentioned for n in own]
            for name in dict.fromkeys(drivers):
                if name != target:
                    _arrow(axes, place[name], place[target])
            if changing := [name for name in model.table.varying if name in mentioned]:
                _from_outside(axes, place[target], ", ".join(changing), GREEN, side=1)
            if infused := _drugs(model, line.right, "infusion"):
                _from_outside(axes, place[target], f"{infused}, infused", BLUE, low=True)
        elif " at a " in line.left:
            target, _, event = line.left.partition(" at a ")
            fraction = event == "fraction"
            label = "RT" if fraction else _drugs(model, line.right, "dose") or "drug"
            color = VERMILLION if fraction else BLUE
            _from_outside(axes, place[target], label, color)
            for name in place:
                if name in mentioned and name != target:
                    _arrow(axes, place[name], place[target], color, "--")


def _drugs(model: Model, equation: str, given: str) -> str:
    """Labels of the drugs whose dose or infusion stands in an equation: by name where a model has
    several.
    """
    drugs = model.vocabulary.drugs
    only = next(iter(drugs), "")
    named = re.findall(rf"\b{given}\b(?: of (\w+))?", equation)
    return ", ".join(dict.fromkeys(drugs[name or only].label for name in named if drugs))


def _from_outside(
    axes: Axes,
    at: tuple[float, float],
    label: str,
    color: str,
    side: int = -1,
    low: bool = False,
) -> None:
    """A labelled arrow into the box of a state, on its left (-1) or right side, from above or
    below.
    """
    x, y = at[0] + side * BOX[0] / 2, at[1]
    up = -1 if low else 1
    start, tip = (x + side * 0.22, y + up * 0.30), (x - side * 0.02, y + up * 0.12)
    axes.add_patch(FancyArrowPatch(start, tip, color=color, arrowstyle="-|>", mutation_scale=8))
    axes.text(start[0] - side * 0.02, start[1] + up * 0.05, label, color=color, fontsize=6.5,
              ha="left" if side < 0 else "right", va="bottom" if up > 0 else "top")  # fmt: skip


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str = GREY,
    line: str = "-",
) -> None:
    (x0, y0), (x1, y1) = start, end
    if abs(x0 - x1) < 0.1:
        down = -1 if y1 < y0 else 1
        side = 0.25 * -down
        begin = (x0 + side, y0 + down * BOX[1] / 2)
        finish = (x1 + side, y1 - down * BOX[1] / 2)
        far = abs(y1 - y0) > 1.1 * ROW
        bend = -0.25 if far else 0.0
    else:
        right = 1 if x1 > x0 else -1
        begin, finish = (x0 + right * BOX[0] / 2, y0), (x1 - right * BOX[0] / 2, y1)
        bend = 0.0
    axes.add_patch(
        FancyArrowPatch(
            begin,
            finish,
            arrowstyle="-|>",
            mutation_scale=8,
            color=color,
            ls=line,
            lw=0.8,
            connectionstyle=f"arc3,rad={bend}",
        )
    )


def model_svg(model: Model) -> Markup:
    """The diagram as an SVG element."""
    parts = ["; ".join(f"{b.name}: {', '.join(b.states)}" for b in model.blocks)]
    outside = {
        "Drugs": [drug.label for drug in model.vocabulary.drugs.values()],
        "Covariates that change": list(model.table.varying),
    }
    parts += [f"{what}: {', '.join(names)}" for what, names in outside.items() if names]
    said = ". ".join([f"Blocks and states of {model.name}", *parts])
    return inline_svg(draw_model(model), model.name, said)


def write_diagram(model: Model, path: Path) -> None:
    """Write the diagram as an SVG file."""
    text = str(model_svg(model)).replace('<svg class="plot"', STANDALONE, 1)
    write_text(path, text + "\n")
