"""The page of pooled sites: what each has shown, whether they agree, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lymphokin.pages.environment import page_environment

WORDS = {
    "baseline": "baseline counts",
    "dose": "effect of a dose",
    "residual": "scatter of counts",
}
TAGS = {"fine": "good", "look": "caution", "wrong": "bad"}


def sites_page(provenance: Mapping[str, Any], summary: pd.DataFrame) -> str:
    """The page as one HTML text: no script, nothing fetched.

    Args:
        provenance: of a run that pools sites.
        summary: of its population.
    """
    pool = provenance["pool"]
    parameters = summary.sort_values("contraction", ascending=False, kind="stable")
    return (
        page_environment("lymphokin.report")
        .get_template("sites.html.j2")
        .render(
            pool=pool,
            offsets=[(name, WORDS.get(name, name)) for name in pool["offsets"]],
            tags=TAGS,
            parameters=parameters.to_dict("records"),
            convergence=provenance["convergence"],
            synthetic=provenance["synthetic_data"],
            cautions=[
                f"{site['site']} {site['sentence']}."
                for site in pool["sites"]
                if site["level"] != "fine"
            ],
            about=provenance,
        )
    )
