"""The page in French, and that every word on it comes from the catalogue."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.web.conftest import Visit
from tests.web.test_page import fits, printed_pages, violations

pytestmark = pytest.mark.browser
NAMES = ("ATRA", "lymphokin", "myeloid_lymphoid", "myeloid lymphoid", "first_model", "first model",
         "other_model", "other model", "Français", "English", "BED", "Gy", "mg/m²", "RT", "NCT",
         " et ", "published cohorts", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi",
         "dimanche")  # fmt: skip
"""What is the same in every language: names, units, a model's own words."""
SHOWN = """() => {
  const said = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) said.push(walk.currentNode.data);
  for (const each of document.querySelectorAll('*'))
    for (const name of ['aria-label', 'title', 'placeholder', 'data-day', 'data-preview'])
      if (each.hasAttribute(name) && !each.matches('td')) said.push(each.getAttribute(name));
  for (const cell of document.querySelectorAll('td[aria-label]'))
    said.push(cell.getAttribute('aria-label'));
  return said;
}"""


def test_every_word_of_the_page_comes_from_the_catalogue(french: Visit) -> None:
    """With each sentence and label of the catalogue in brackets no word stands outside of them."""

    def bracketed(text: str | dict) -> str | dict:
        if isinstance(text, dict):
            return {key: bracketed(each) for key, each in text.items()}
        pieces = re.split(r"(\{\w+\})", text)
        return "".join(p if p.startswith("{") else f"\u27e6{p}\u27e7" for p in pieces)

    def answer(route: Route) -> None:
        found = route.fetch()
        said = found.json()
        words = "words" if "words" in said else "messages"
        route.fulfill(response=found, json=said | {words: bracketed(said[words])})

    page = french.page
    static = page.evaluate("async () => (await (await fetch('/')).text())")
    page.route("**/catalogue/fr.json", answer)
    page.route(re.compile(r"/api/v1/(?!models)"), answer)
    french.open()
    french.answer_to(lambda: page.locator("#preset-b").select_option("5x10_atra"))
    for drawer in page.locator("details").all():
        drawer.evaluate("drawer => { drawer.open = true; }")
    for name in ("scan", "options", "narrowing"):
        page.locator(f"#{name} .ask").click()
        page.locator(f"#{name} table").wait_for()
    outside = []
    for text in page.evaluate(SHOWN):
        rest = text.strip()
        while (plain := re.sub("\u27e6[^\u27e6\u27e7]*\u27e7", " ", rest)) != rest:
            rest = plain  # a sentence may stand within another
        rest = re.sub(r"[0-9a-f]{12}|\d+ \w+ 20\d\d à \d\d:\d\d", "", rest)  # a hash, a date
        for name in NAMES:
            rest = rest.replace(name, "")
        if re.search("[^\\W\\d_]{2,}", rest) and text.strip() not in static:
            outside.append(text)
    assert [text for text in outside if len(text) > 2] == []  # "je", head of a column: jeudi


def test_the_whole_task_in_french_by_keyboard_alone(french: Visit) -> None:
    """From an empty page to a printed comparison."""
    page, key = french.page, french.page.keyboard
    page.evaluate("() => { window.print = () => { window.prints = (window.prints ?? 0) + 1; }; }")

    def tab_to(selector: str) -> None:
        for _ in range(80):
            key.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"Tab does not reach {selector}")

    assert page.locator("html").get_attribute("lang") == "fr"
    tab_to("#counts li button")
    question, _ = french.answer_to(lambda: key.press("Enter"))
    assert question["patient"]["counts"] == []
    page.evaluate("document.body.focus()")
    tab_to("#add-alc")
    key.press("Enter")
    key.type("-1")
    key.press("Tab")
    question, _ = french.answer_to(lambda: key.type("1,15"))
    assert question["patient"]["counts"] == [{"day": -1, "value": 1.15, "quantity": "alc"}]
    tab_to("#preset-a")
    question, _ = french.answer_to(lambda: key.type("10"))
    assert len(question["a"]["fractions"]) == 10
    tab_to("#schedule-0 td[data-day]")
    assert page.locator("td:focus").get_attribute("aria-label") == (
        "lundi de la semaine 1, jour 0\u00a0: fraction de 5 Gy"
    )
    key.press("ArrowDown")
    key.press("ArrowDown")
    question, _ = french.answer_to(lambda: key.press("f"))
    assert question["a"]["fractions"][-1]["day"] == 14
    expect(page.locator("#announcer")).to_contain_text("Fraction ajoutée")
    tab_to("#preset-b")
    question, answer = french.answer_to(lambda: key.type("3"))
    assert [f["gy"] for f in question["b"]["fractions"]] == [18, 18, 18]
    for i, name in enumerate("ab"):
        count = answer[name]["judged"]["planned"]["of_100"]
        assert french.number(name.upper()) == str(count)
        figure = page.locator(f"#answer-{i} svg.people").get_attribute("aria-label")
        assert figure.startswith(f"{count} personnes colorées sur 100")
        assert re.search("sur 100.*au jour", page.locator(f"#answer-{i}").inner_text(), re.DOTALL)
    headline = page.locator("#headline").inner_text()
    assert "au lieu de" in headline
    assert "Intervalle à 90\u202f%" in headline
    assert "Probabilité que" in headline
    assert re.search(r"EQD2 \d+,\d Gy", page.locator("#totals-a").inner_text())
    assert violations(page) == []
    page.locator("body").evaluate("() => document.activeElement.blur()")
    tab_to("#print")
    key.press("Enter")
    assert page.evaluate("window.prints") == 1
    page.emulate_media(media="print")
    assert page.locator("#headline").inner_text().startswith(headline.split("\n")[0])
    assert page.locator("#answer-0 svg.people").is_visible()
    assert [french.number(x) for x in "AB"] == [
        str(answer[x]["judged"]["planned"]["of_100"]) for x in "ab"
    ]
    assert printed_pages(page) == 1


def test_the_language_is_changed_by_hand_and_kept_with_what_was_entered(visit: Visit) -> None:
    page = visit.page
    visit.answer_to(lambda: page.locator("#p-bsa").fill("2.05"))
    number = visit.number("A")
    with page.expect_navigation():
        page.locator("#language").select_option("fr")
    visit.settled()
    assert page.locator("#p-bsa").input_value() == "2,05"
    assert visit.number("A") == number
    assert page.get_by_text("Numérations à ce jour").first.is_visible()
    visit.open()
    assert page.locator("html").get_attribute("lang") == "fr"
    for width in (1280, 768, 390):
        page.set_viewport_size({"width": width, "height": 720})
        assert fits(page)
