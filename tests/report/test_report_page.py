"""The report in Chromium: no table is cut in print, nothing wider than a telephone."""

from pathlib import Path

import pytest

from lymphokin.report import render_report

from .made_up import made_up

A4_TEXT = 703
"""CSS pixels between the margins of a printed A4 page, 186 mm."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_of_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ids = [f"P{i:02d}" for i in range(1, 13)]
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(made_up(ids, ["SBRT", "SBRT+ATRA"] * 6)))
    return path


def test_every_table_fits_a_printed_page(page_of_report, browser):
    page = browser.new_page(viewport={"width": A4_TEXT, "height": 1000})
    page.emulate_media(media="print")
    page.goto(page_of_report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    rights = page.evaluate(
        "[...document.querySelectorAll('table')].map((t) => t.getBoundingClientRect().right)"
    )
    assert len(rights) >= 4
    assert max(rights) <= A4_TEXT + 1
    page.close()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_is_read_without_moving_it_sideways(page_of_report, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(page_of_report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
