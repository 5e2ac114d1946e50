"""What tests of the report share."""

import pytest
from markupsafe import Markup


@pytest.fixture
def unwritten_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are drawn but not written, which takes most of a page's time."""

    def inline_svg(_: object, name: str, alternative: str) -> Markup:
        return Markup('<svg id="{}" role="img" aria-label="{}"></svg>').format(name, alternative)

    for place in ("page", "panels", "measurements"):
        monkeypatch.setattr(f"lymphokin.report.{place}.inline_svg", inline_svg)
