"""The page of a check as one HTML text: no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lymphokin.criticism.sections import Section
from lymphokin.pages.environment import page_environment
from lymphokin.quantities import records_of
from lymphokin.verdict import worst

TAGS = {"fine": "good", "look": "caution", "wrong": "bad"}
"""The style sheet's names of the three levels."""


def named_records(about: Mapping[str, Any]) -> Callable[[str], str]:
    """What says how the records of a quantity are called: as the model does, else as any table;
    any other subject of a verdict as it is.

    Args:
        about: as of :func:`render_check`.
    """
    of_model = about.get("records", {})
    return lambda name: of_model.get(name) or records_of(name)


def render_check(
    sections: Sequence[Section],
    about: Mapping[str, Any],
    cautions: Sequence[str],
    template: str,
) -> str:
    """The page; the same contents give the same text.

    Args:
        sections: in order.
        about: run, model, data_file, synthetic, created and seed, and what the template needs
            besides.
        cautions: what must be read first.
        template: of this package.
    """
    environment = page_environment(
        "lymphokin.criticism", tag=TAGS.__getitem__, subject=named_records(about)
    )
    verdicts = [v for section in sections for v in section.verdicts]
    counts = {level: sum(v.level == level for v in verdicts) for level in TAGS}
    return environment.get_template(template).render(
        sections=sections,
        about=about,
        counts=counts,
        level=worst(verdicts),
        cautions=cautions,
        synthetic=about["synthetic"],
    )
