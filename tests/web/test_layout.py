"""Where things stand on the page, what moves and what does not, and days as dates."""

import json
import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Visit
from tests.web.test_page import cell, fits, violations

pytestmark = pytest.mark.browser
DAY_0 = "2026-03-02"
"""A Monday."""


def place(page: Page, selector: str) -> tuple[float, float]:
    """Top and bottom of an element on the page, px."""
    box = page.locator(selector).bounding_box()
    assert box is not None, selector
    return box["y"], box["y"] + box["height"]


@pytest.mark.parametrize("width", [390, 768])
def test_the_answer_comes_first_where_there_is_one_column(visit: Visit, width: int) -> None:
    page = visit.page
    page.set_viewport_size({"width": width, "height": 844})
    parts = ("#headline", "#warnings", "#answer-1", "#patient", "#tool", "#course", "#limits")
    ends = [place(page, part) for part in parts]
    assert all(above[1] <= below[0] for above, below in pairwise(ends))
    assert ends[0][0] < 400


def test_the_result_with_its_caveats_fits_one_screen_in_both_languages(french: Visit) -> None:
    page = french.page
    french.answer_to(lambda: page.locator("#preset-b").select_option("5x10_atra"))
    expect(page.locator("#over-1")).not_to_be_empty()
    for language in ("fr", "en"):
        if language == "en":
            with page.expect_navigation():
                page.locator("#language").select_option("en")
            french.settled()
        assert page.locator("#headline .warn").is_visible()
        for part in ("#headline", "#warnings", "#answer-0", "#answer-1"):
            assert place(page, part)[1] <= 720, (language, part)


def test_axes_stay_while_a_curve_moves(visit: Visit) -> None:
    page = visit.page
    axes = page.locator("#course svg.chart").first.locator("text.axis")
    curve = page.locator("#course svg.chart").first.locator(".a .median")
    before, drawn = axes.all_inner_texts(), curve.get_attribute("d")
    assert page.locator("#course svg.chart").first.locator(".median").count() == 2
    visit.answer_to(lambda: page.locator("#dose-a").fill("9.5"))
    assert axes.all_inner_texts() == before
    assert curve.get_attribute("d") != drawn


def test_what_is_being_computed_is_said(visit: Visit) -> None:
    page = visit.page
    noted = "getComputedStyle(document.querySelector('#headline'), '::after').content"

    def look(route: Route) -> None:
        assert "computing" in page.evaluate(noted)
        route.continue_()

    page.route("**/api/v1/whatif", look, times=1)
    visit.answer_to(lambda: page.locator("#preset-a").select_option("none"))
    assert page.evaluate(noted) == "none"


def test_days_are_dates_once_day_0_has_one_and_the_service_hears_of_days(visit: Visit) -> None:
    page, headline = visit.page, visit.page.locator("#headline")

    def enter() -> None:
        page.locator("#day-zero").fill(DAY_0)
        page.locator("#day-zero").press("Tab")

    visit.answer_to(enter)
    expect(headline).to_contain_text("A is judged on 17 Apr 2026, B on 24 Apr 2026.")
    assert "on 17 Apr 2026" in page.locator("#answer-0").inner_text()
    name = cell(visit, 0, 2).get_attribute("aria-label")
    assert name == "Wednesday of week 1, 4 Mar 2026: fraction of 10 Gy"
    count = page.locator('#counts input[data-name="day"]')
    assert count.input_value() == "2026-03-01"
    question, _ = visit.answer_to(lambda: count.fill("2026-02-23"))
    assert question["patient"]["counts"][0]["day"] == -7
    assert "2026" not in json.dumps(question)
    assert page.locator("#course svg.chart text", has_text="16 Mar").count() == 2
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 720})
    assert fits(page)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.locator("#link").click()
    expect(page.locator("#said")).to_contain_text("Link")
    visit.open(page.url.removeprefix(f"{visit.address}/"))
    assert page.locator("#day-zero").input_value() == DAY_0
    visit.answer_to(lambda: page.locator("#weekday").select_option("3"))
    assert page.locator("#day-zero").input_value() == ""  # it was no Thursday
    assert re.search("on day \\d+", page.locator("#answer-0").inner_text())
    assert page.locator('#counts input[data-name="day"]').input_value() == "\u22127"
    sent = [request.post_data or "" for request in visit.requests]
    assert not any("2026" in text for text in sent)


def test_counts_are_read_as_laboratories_write_them(french: Visit) -> None:
    page = french.page
    count = page.locator('#counts input[data-name="value"]')
    said = page.locator("#counts .converted")

    def enter(text: str) -> None:
        count.fill(text)
        count.press("Tab")

    for text, shown, value, words in (
        ("1 350/mm3", "1,35", 1.35, "1350 par µL = 1,35 × 10⁹/L"),
        ("1,250 /µL", "1,25", 1.25, "1250 par µL = 1,25 × 10⁹/L"),
        ("1150", "1,15", 1.15, "1150 par µL = 1,15 × 10⁹/L"),
        ("1,05 G/L", "1,05", 1.05, ""),
        ("< 0,9", "<0,9", "<0.9", ""),
        ("<800/µL", "<0,8", "<0.8", "<800 par µL = <0,8 × 10⁹/L"),
    ):
        question, _ = french.answer_to(lambda text=text: enter(text))
        assert question["patient"]["counts"][0]["value"] == value
        assert count.input_value() == shown
        assert said.inner_text() == words
    assert page.locator("#course path.measured").count() == 1  # not a dot: below it
    french.expected = ("Failed to load resource",)


def test_plans_differ_in_start_immune_dose_and_lesions(visit: Visit) -> None:
    page = visit.page

    def begin() -> None:
        page.locator("#begins-b").fill("10")
        page.locator("#begins-b").press("Tab")

    question, _ = visit.answer_to(begin)
    days = [f["day"] for f in question["b"]["fractions"]]
    assert days == [10, 11, 14, 15, 16, 17, 18, 21, 22, 23]  # none on a weekend
    assert question["a"]["fractions"][0]["day"] == 0
    question, answer = visit.answer_to(lambda: page.locator("#immune-b").fill("0.6"))
    assert question["b"]["immune_dose_gy"] == answer["b"]["immune_dose_gy"] == 0.6
    assert answer["a"]["immune_dose_gy"] > 2
    estimate = page.locator("#immune-a").get_attribute("placeholder")
    assert estimate == f"\u2248 {answer['a']['immune_dose_gy']:g}"
    question, answer = visit.answer_to(
        lambda: page.get_by_role("group", name="Lesions treated under schedule A").get_by_label(
            "2"
        ).uncheck()
    )  # fmt: skip
    assert {f["lesion"] for f in question["a"]["fractions"]} == {1}
    assert answer["a"]["immune_dose_gy"] < 1.5
    expect(page.locator("#name-0")).to_contain_text("5 \u00d7 10 Gy, lesion 1")
    question, _ = visit.answer_to(lambda: cell(visit, 0, 7).click())
    assert question["a"]["fractions"][-1] == {"day": 7, "gy": 10, "lesion": 1}
    assert violations(page) == []
    table = {"name": "doses.csv", "mimeType": "text/csv"}
    rows = b"ID,IMMUNE_DOSE_GY,IMMUNE_DOSE_SOURCE\nP,1.5,dicom\n"
    question, _ = visit.answer_to(
        lambda: page.locator("#dose-file-a").set_input_files({**table, "buffer": rows})
    )
    assert question["patient"]["immune_dose_gy"] == 1.5
    assert question["patient"]["immune_dose_source"] == "dicom"
    assert page.locator("#immune-a").input_value() == "1.5"
    visit.expected = ("Failed to load resource",)
    page.locator("#dose-file-b").set_input_files({**table, "buffer": rows + b"Q,2,dvh\n"})
    expect(page.locator("#schedule-1 .plan [role=status]")).to_contain_text("this one has 2")
    assert violations(page) == []
    page.locator("#scan-drawer summary").click()
    page.locator("#scan select").first.select_option("b")
    with page.expect_request("**/scan") as asked:
        page.locator("#scan .ask").click()
    assert asked.value.post_data_json["schedule"]["immune_dose_gy"] == 0.6
