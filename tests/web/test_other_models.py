"""`lymphokin serve` with models of one's own: their drugs, what they measure, and their events."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web.conftest import Visit, serving, visiting

pytestmark = pytest.mark.browser
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SHOWN = {
    "il7_atra": (["ATRA", "rhIL-7-hyFc"], ["lymphocytes", "MDSC"]),
    "lesions_cd8": ([], ["lymphocytes", "activated CD8 cells"]),
    "progression": ([], ["lymphocytes"]),
}
"""What pages show of the drugs and measurements that the model files declare."""


@pytest.fixture(scope="module", params=SHOWN)
def named(request, tmp_path_factory, browser: Browser) -> Iterator[tuple[str, Visit]]:
    log = tmp_path_factory.mktemp("serve") / "log"
    with (
        serving(log, "--model", EXAMPLES / f"{request.param}.py") as address,
        visiting(address, browser, "en-GB") as visit,
    ):
        yield request.param, visit


def test_the_page_shows_what_the_model_declares(named):
    model, visit = named
    drugs, counted = SHOWN[model]
    page = visit.page
    for label in drugs:
        expect(page.locator("#calendar-a, body").first).to_contain_text(label)
    offered = page.locator("[id^=add-]").all_inner_texts()
    assert len(offered) == len(counted)
    for label, button in zip(counted, offered, strict=True):
        assert label.lower() in button.lower()
    form = page.evaluate("fetch('/api/v1/form').then((answer) => answer.json())")
    assert [drug["label"] for drug in form["drugs"]] == drugs
    _, answer = visit.answer_to(lambda: page.locator("#preset-b").select_option(index=1))
    assert 0 <= answer["a"]["judged"]["planned"]["p"] <= 1


def test_an_event_of_the_model_is_judged_by_a_day(named):
    model, visit = named
    page = visit.page
    offered = page.locator("#endpoint option").evaluate_all("list => list.map((o) => o.value)")
    if model != "progression":
        assert not [value for value in offered if value.endswith("_by_day")]
        return
    assert offered[-1] == "progression_by_day"
    question, later = visit.answer_to(
        lambda: page.locator("#endpoint").select_option("progression_by_day")
    )
    assert question["endpoint"] == "progression_by_day180"
    question, answer = visit.answer_to(
        lambda: page.get_by_label("Day of the count that is judged").fill("90")
    )
    assert question["endpoint"] == "progression_by_day90"
    assert answer["a"]["judged"]["planned"]["p"] < later["a"]["judged"]["planned"]["p"]
    planned = answer["a"]["judged"]["planned"]
    assert 0 < planned["p"] < 1
    assert visit.number("A") == str(planned["of_100"])
    expect(page.locator("#answer-0")).to_contain_text("progression")
    expect(page.locator("svg.people").first).to_be_visible()
