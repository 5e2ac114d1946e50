"""A page of checks in Chromium, as wide as a telephone, a tablet and a computer."""

from pathlib import Path

import pytest

from lymphokin.criticism.data.data_checks import check_data
from lymphokin.criticism.data.data_sections import data_sections
from lymphokin.criticism.page import render_check
from lymphokin.model import load_model

SMALLEST_TEXT = """() => Math.min(
  ...[...document.querySelectorAll("svg[role=img]")].flatMap((svg) => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const size = (text) => scale * parseFloat(getComputedStyle(text).fontSize);
    return [...svg.querySelectorAll("text")].map(size);
  }))"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_of_checks(right, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checked = check_data(right, load_model("hedos_hcc").observables["alc"], 0)
    about = {
        "run": "trial", "model": "linear", "data_file": "trial_with_a_long_name.csv",
        "synthetic": True, "draws": 400, "created": "2026-01-01", "seed": 0,
    }  # fmt: skip
    path = tmp_path_factory.mktemp("page") / "check.html"
    path.write_text(render_check(data_sections([checked]), about, (), "check.html.j2"))
    return path


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_is_read_without_moving_it_sideways(page_of_checks, browser, width):
    """Every verdict in full, no text of a picture below 8 px; only wide pictures move."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(page_of_checks.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    verdicts = page.locator("table.verdicts td.long").all()
    assert len(verdicts) == 8
    for why in verdicts:
        box = why.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate(SMALLEST_TEXT) >= 8
    page.close()
