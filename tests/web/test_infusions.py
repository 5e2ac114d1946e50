"""Infusions on the page: asked of drugs whose infusion the model reads, sent, said, and kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web.conftest import Visit, serving, visiting

pytestmark = pytest.mark.browser
MODEL = Path(__file__).parents[1] / "infused" / "antibody.py"


@pytest.fixture(scope="module")
def infusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `lymphokin serve` with a model of one's own, whose drug is infused."""
    with serving(tmp_path_factory.mktemp("serve") / "log", "--model", MODEL) as address:
        yield address


@pytest.fixture
def page_of(infusing: str, browser: Browser) -> Iterator[Visit]:
    with visiting(infusing, browser, "fr-FR") as page:
        yield page


def test_an_infusion_is_entered_sent_said_and_kept_in_a_link(page_of: Visit) -> None:
    page = page_of.page
    hours = page.locator("#infusion-mab-b")
    expect(hours).to_be_disabled()  # nothing says yet how much is infused
    page.locator("#amount-mab-b").fill("84")
    expect(hours).to_be_enabled()
    assert hours.get_attribute("placeholder") == "en une fois"
    hours.fill("1,5")
    page.locator("input[name=tool][value=mab]").check()
    asked, _ = page_of.answer_to(lambda: page.locator("#schedule-1 td[data-day='6']").click())
    (pulse,) = asked["b"]["pulses"]
    assert (pulse["amount_per_day"], pulse["infusion_hours"]) == (84, 1.5)
    asked, answer = page_of.answer_to(lambda: hours.fill("36"))
    assert asked["b"]["pulses"][0]["infusion_hours"] == 36
    assert [w for w in answer["warnings"] if "infus" in w["text"]] == []
    expect(page.locator("#answer-1")).to_contain_text("1 cure antibody en 36 h")
    page.locator("#link").click()
    expect(page.locator("#said")).to_contain_text("Lien")
    page_of.open(page.url.removeprefix(f"{page_of.address}/"))
    assert hours.input_value() == "36"
    expect(page.locator("#answer-1")).to_contain_text("1 cure antibody en 36 h")
    asked, _ = page_of.answer_to(lambda: hours.fill(""))
    assert asked["b"]["pulses"][0]["infusion_hours"] == 0
    expect(page.locator("#name-1")).not_to_contain_text("36 h")


def test_an_impossible_length_is_refused_at_the_plan(page_of: Visit) -> None:
    page, page_of.expected = page_of.page, ("Failed to load resource",)
    page.locator("#amount-mab-b").fill("84")
    page.locator("input[name=tool][value=mab]").check()
    page_of.answer_to(lambda: page.locator("#schedule-1 td[data-day='6']").click())
    page.locator("#infusion-mab-b").fill("900")
    expect(page.locator("#headline")).to_contain_text("au plus 672")


def test_drugs_that_are_swallowed_have_no_such_field(visit: Visit) -> None:
    assert visit.page.locator("[id^=amount-]").count() == 2
    assert visit.page.locator("[id^=infusion-]").count() == 0
