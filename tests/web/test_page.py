"""The what-if page as people use it: in a browser, by mouse, by keyboard, on paper, on a phone."""

import base64
import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from lymphokin.web.language import page_in
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.limits import SETTLED_DRAWS
from tests.web.conftest import MODELS, QUESTION, Visit
from tests.whatif.test_service import LARGEST_PAGE

pytestmark = pytest.mark.browser
STATIC = Path(__file__).parents[2] / "lymphokin" / "web" / "static"
CELL = '#schedule-{plan} td[data-day="{day}"]'


def violations(page: Page) -> list[str]:
    """What axe-core finds, by any of its rules: rule and the elements concerned."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {node['target']}" for v in found for node in v["nodes"]]


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def printed_pages(page: Page) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))


def grade2(answer: dict, key: str) -> dict:
    return answer[key]["fitted"]["planned"]["grade2"]["measured"]


def near(shown: str) -> int:
    """A number of 100 as a map or a list shows it at a first look: of 400 draws, not of 3,600."""
    return {"< 1": 0, "> 99": 100}.get(shown) or int(shown.strip("<> "))


def days(question: dict, key: str) -> list[int]:
    return [f["day"] for f in question[key]["fractions"]]


def cell(visit: Visit, plan: int, day: int):
    return visit.page.locator(CELL.format(plan=plan, day=day))


def drag(visit: Visit, plan: int, start: int, end: int) -> None:
    cells = [cell(visit, plan, day) for day in (start, end)]
    for each in cells:
        each.scroll_into_view_if_needed()
    ends = [each.bounding_box() for each in cells]
    mouse = visit.page.mouse
    for box, act in zip(ends, (mouse.down, mouse.up), strict=True):
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
        act()


def test_numbers_pictures_and_answer_agree_to_the_unit(visit: Visit) -> None:
    page = visit.page
    question, answer = visit.answer_to(lambda: page.locator("#preset-b").select_option("3x18"))
    assert [f["gy"] for f in question["b"]["fractions"]] == [18, 18, 18]
    for i, key in enumerate("ab"):
        risks = answer[key]["fitted"]["planned"]
        shown = page.locator(f"#answer-{i}")
        count = grade2(answer, key)["of_100"]
        assert visit.number(key.upper()) in (str(count), "< 1", "> 99")
        assert shown.locator(".person:not(.none)").count() == count + 2  # two in the key
        worse = risks["grade3"]["measured"]["of_100"]
        assert shown.locator("svg.people .three, svg.people .four").count() == worse
        totals = page.locator(f"#totals-{key}").inner_text()
        assert f"BED {answer[key]['bed10_gy']:g}," in totals
    difference = abs(answer["difference"]["of_100"])
    headline = page.locator("#headline").inner_text()
    a, b = (grade2(answer, key)["of_100"] for key in "ab")
    clear = answer["difference"]["verdict"] != "unclear"
    change = f"{difference} {'more' if a < b else 'fewer'} of 100 patients"
    assert ("less than the 5 that count" in headline) == (clear and difference < 5)
    assert headline.startswith(f"B instead of A: {change if clear else 'no clear difference'}")
    lower = "b" if a > b else "a"
    share = answer["difference"][f"probability_{lower}_better"]
    shown = {0: "<\u00a00.01", 1: ">\u00a00.99"}.get(share, f"{share}")
    better = f"Probability that the risk under {lower.upper()} is lower by 5 of 100 or more"
    assert f"{better}: {shown}." in headline
    assert page.locator("table.risks tbody tr").count() == 8
    doubted = "".join(w["field"][:1] for w in answer["warnings"] if w["severity"] != "note")
    for i, key in enumerate("ab"):
        marked = page.locator(f"#compared-{i} table.outside, #over-{i}.outside").count()
        assert marked == (2 if key in doubted or "p" in doubted else 0)


def test_a_benefit_that_nobody_has_seen_has_no_probability(visit: Visit) -> None:
    headline = visit.page.locator("#headline p:not(.over)")
    assert "ATRA" not in " ".join(headline.all_inner_texts())  # it opens with radiotherapy alone
    _, answer = visit.answer_to(lambda: visit.page.locator("#preset-b").select_option("5x10_atra"))
    shown = " ".join(headline.all_inner_texts())
    assert "assumes that ATRA protects lymphocytes, which nobody has seen in people" in shown
    assert answer["difference_gamma_zero"]["verdict"] == "same"
    assert "if it does not, there is no difference" in shown
    assert "Probability" not in shown
    left = answer["b"]["judged"]["no_drug"]["of_100"]
    expect(visit.page.locator("#answer-1 .warn").first).to_contain_text(
        f"This number assumes that ATRA protects lymphocytes, which nobody has seen in people; "
        f"without ATRA it is {left} of 100."
    )
    assert visit.page.locator("#answer-0 .warn").count() == 0
    _, answer = visit.answer_to(lambda: visit.page.locator("#preset-b").select_option("5x10"))
    assert headline.all_inner_texts() == [
        "A and B: the same risk of grade\u00a0\u2265\u00a02 lymphopenia"
    ]
    text = visit.page.locator("main").inner_text()
    assert not re.search(r"Pareto|γ|gamma|[Tt]rue count", text)


def test_the_page_judges_what_is_chosen(visit: Visit) -> None:
    page, headline = visit.page, visit.page.locator("#headline")
    expect(headline).to_contain_text("A is judged on day 46, B on day 53.")
    visit.answer_to(lambda: page.locator("#preset-b").select_option("trial"))
    _, answer = visit.answer_to(lambda: page.locator("#endpoint").select_option("days_below_0.8"))
    fewer = abs(answer["difference"]["p"])
    assert f"{fewer:g} fewer days below 0.8" in headline.inner_text()
    for i, key in enumerate("ab"):
        planned = answer[key]["judged"]["planned"]
        assert visit.number(key.upper()) == f"{planned['p']:g}"
        shown = page.locator(f"#answer-{i}").inner_text()
        assert f"90 % interval {planned['low']:g} to {planned['high']:g}, over" in shown
        assert "from day 0 to day 105" in shown
    expect(page.locator("#a-notes .warn")).to_contain_text("endpoint day 105 is outside")
    assert page.locator("svg.people").count() == 0
    assert violations(page) == []
    page.locator("#scan-drawer summary").click()
    page.locator("#scan .ask").click()
    page.locator("button.heat").first.wait_for()
    here = int(page.locator("button.heat.here").inner_text())
    assert abs(here - answer["a"]["judged"]["planned"]["p"]) <= 4  # a first look
    page.locator("#endpoint").select_option("day")
    question, answer = visit.answer_to(
        lambda: page.get_by_label("Day of the count that is judged").fill("21")
    )
    assert question["endpoint"] == "day21"
    assert (answer["a"]["endpoint_day"], answer["b"]["endpoint_day"]) == (21, 21)
    assert "judged on day" not in headline.inner_text()
    assert cell(visit, 0, 21).inner_text() == "visit"


def test_the_whole_task_by_keyboard_alone(visit: Visit) -> None:
    page, key = visit.page, visit.page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(80):
            key.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"Tab does not reach {selector}")

    tab_to("#add-alc")
    key.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Day of")
    key.type("14")
    key.press("Tab")
    question, _ = visit.answer_to(lambda: key.type("0.7"))
    assert {"day": 14, "value": 0.7, "quantity": "alc"} in question["patient"]["counts"]

    tab_to("#preset-a")
    question, _ = visit.answer_to(lambda: key.type("3"))
    assert len(question["a"]["fractions"]) == 3
    tab_to("#schedule-0 td[data-day]")
    key.press("ArrowRight")
    question, _ = visit.answer_to(lambda: key.press("f"))
    assert days(question, "a") == [0, 1, 2, 4]
    question, _ = visit.answer_to(lambda: key.press("Shift+ArrowDown"))
    assert days(question, "a") == [0, 2, 4, 8]
    question, _ = visit.answer_to(lambda: key.press("+"))
    assert [f["gy"] for f in question["a"]["fractions"]] == [18, 18, 18, 18.5]
    question, _ = visit.answer_to(lambda: key.press("a"))
    assert [p["day"] for p in question["a"]["pulses"]] == [8]
    question, _ = visit.answer_to(lambda: key.press("Delete"))
    assert days(question, "a") == [0, 2, 4]
    assert "removed" in page.locator("#announcer").inner_text()
    question, _ = visit.answer_to(lambda: key.press("Control+z"))
    assert days(question, "a") == [0, 2, 4, 8]
    question, _ = visit.answer_to(lambda: key.press("Control+y"))
    assert days(question, "a") == [0, 2, 4]
    tab_to("#provenance-drawer summary")
    key.press("Enter")
    assert page.locator("#provenance dl").is_visible()


def test_fractions_and_pulses_are_added_moved_and_removed_by_mouse(visit: Visit) -> None:
    page = visit.page
    visit.answer_to(lambda: page.locator("#preset-b").select_option("5x10_atra"))
    question, _ = visit.answer_to(lambda: cell(visit, 0, 7).click())
    assert days(question, "a") == [0, 1, 2, 3, 4, 7]
    question, _ = visit.answer_to(lambda: drag(visit, 0, 7, 9))
    assert days(question, "a")[-1] == 9
    question, _ = visit.answer_to(lambda: cell(visit, 0, 9).click())
    assert days(question, "a") == [0, 1, 2, 3, 4]
    page.get_by_label("a pulse of ATRA").check()
    question, _ = visit.answer_to(lambda: drag(visit, 1, 22, 29))
    assert [p["day"] for p in question["b"]["pulses"]] == [0, 28, 42, 63]
    question, _ = visit.answer_to(lambda: cell(visit, 1, 44).click())
    assert [p["day"] for p in question["b"]["pulses"]] == [0, 28, 63]
    drag(visit, 1, 28, 1)
    expect(page.locator("#announcer")).to_have_text("Two ATRA pulses would overlap.")
    question, _ = visit.answer_to(lambda: page.locator("#weekday").select_option("3"))
    assert days(question, "a") == [0, 1, 4, 5, 6]
    assert question["b"]["start_weekday"] == 3


def test_a_refused_input_is_reported_where_it_stands_and_leaves_no_number(visit: Visit) -> None:
    visit.expected = ("Failed to load resource",)
    page = visit.page
    page.locator("#p-bsa").fill("<b>9</b>")
    expect(page.locator("#p-bsa-notes .error")).to_be_visible()
    assert page.locator("#p-bsa").get_attribute("aria-invalid") == "true"
    assert page.locator("[data-number], svg.people, svg.chart, table.risks").count() == 0
    assert page.locator("#totals-a").inner_text() == ""
    assert "No answer" in page.locator("#headline").inner_text()
    assert violations(page) == []
    visit.answer_to(lambda: page.locator("#p-bsa").fill("1,9"))
    assert visit.number("A")
    assert page.locator("[aria-invalid=true]").count() == 0


@pytest.mark.parametrize("text", ["1300", "850 /\u00b5L", "850 cells/mm3"])
def test_a_count_per_microlitre_is_converted_with_a_word(visit: Visit, text: str) -> None:
    visit.expected = ("Failed to load resource",)  # refused while it is being typed
    value = visit.page.locator('#counts input[data-name="value"]')

    def enter() -> None:
        value.fill(text)
        value.press("Tab")

    question, _ = visit.answer_to(enter)
    number = float(text.split()[0])
    assert question["patient"]["counts"][0]["value"] == number / 1000
    said = visit.page.locator("#counts .converted")
    expect(said).to_have_text(f"{number:g} per \u00b5L = {number / 1000:g} \u00d7 10\u2079/L")
    assert violations(visit.page) == []


def test_an_answer_to_an_older_question_is_never_shown(visit: Visit) -> None:
    page, held = visit.page, []

    def hold_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route("**/whatif", hold_first)
    with page.expect_request("**/whatif"):
        page.locator("#preset-a").select_option("10x5")
    assert page.locator("#board").get_attribute("aria-busy") == "true"
    _, answer = visit.answer_to(lambda: page.locator("#preset-a").select_option("none"))
    number = visit.number("A")
    held[0].abort()
    page.wait_for_timeout(300)
    assert len(held) == 3  # then the first look and the answer to the next question
    assert visit.number("A") == number
    assert number in (str(grade2(answer, "a")["of_100"]), "< 1")
    visit.expected = ("Failed to load resource",)


def test_the_page_waits_while_the_models_compile(visit: Visit) -> None:
    page, looks = visit.page, []

    def warming(route: Route) -> None:
        looks.append(route)
        state = "warming up" if len(looks) < 3 else "ready"
        route.fulfill(json={"status": state, "detail": "one", "version": "", "source": ""})

    page.route("**/health", warming)
    page.goto("about:blank")
    page.goto(visit.address)
    expect(page.locator("#headline")).to_contain_text("Warming up")
    assert violations(page) == []
    visit.settled()
    assert visit.number("B")


def test_how_far_models_differ_stands_at_the_numbers_and_in_a_table(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#over-0")).to_have_text("Over 2 models: 20 to 42 of 100.")
    expect(page.locator("#over-1")).to_have_text("No other model here can say.")
    visit.answer_to(lambda: page.locator("#preset-b").select_option("5x10_atra"))
    expect(page.locator("#over-1")).to_have_text("No other model here can be given ATRA.")
    expect(page.locator("#over")).to_contain_text("no second opinion: no other model here knows")
    asked = [r.post_data_json for r in visit.requests if r.url.endswith(MODELS)]
    assert WhatIfRequest.model_validate(asked[-1]).draws == 3600
    page.set_viewport_size({"width": 360, "height": 800})
    page.locator("#models-drawer summary").click()
    drawer = page.locator("#models")
    expect(drawer.locator("tbody tr").first).to_contain_text(
        "first model (this page)published cohorts"
    )
    expect(drawer.locator("tbody tr").last).to_contain_text("4221 to 42")
    expect(drawer.locator("tbody tr").last).to_contain_text("unlike what it expects")
    expect(drawer.locator("tbody tr").last).to_contain_text("cannot be given the drugs")
    assert fits(page)
    assert violations(page) == []
    page.route(f"**{MODELS}", lambda route: None)
    visit.answer_to(lambda: page.locator("#preset-a").select_option("none"))
    expect(drawer).to_have_text("Other models are being asked\u2026")
    assert page.locator("#over-0").inner_text() == ""


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_every_width_fits_and_is_accessible(visit: Visit, width: int) -> None:
    page = visit.page
    page.set_viewport_size({"width": width, "height": 800})
    assert fits(page)
    for drawer in page.locator("details").all():
        drawer.evaluate("drawer => { drawer.open = true; }")
    assert fits(page)
    assert violations(page) == []
    assert page.get_by_text("For research use only").first.is_visible()


def test_link_and_file_restore_what_was_entered(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    visit.answer_to(lambda: page.locator("#preset-b").select_option("3x18"))
    question, _ = visit.answer_to(lambda: page.locator("#p-bsa").fill("2.05"))
    number = visit.number("B")
    page.locator("#link").click()
    expect(page.locator("#said")).to_contain_text("Link")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    with page.expect_download() as download:
        page.locator("#save").click()
    saved = tmp_path / "saved.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["request"] == question

    asked = len(visit.requests)
    visit.open(link.removeprefix(f"{visit.address}/"))
    assert visit.number("B") == number
    assert page.locator("#p-bsa").input_value() == "2.05"
    assert not any("s=" in request.url for request in visit.requests[asked:])
    opened = [r.post_data_json for r in visit.requests[asked:] if r.url.endswith(QUESTION)]
    settled = [WhatIfRequest.model_validate(q).draws for q in opened].count(SETTLED_DRAWS)
    assert settled == 1  # which is in the audit log

    visit.answer_to(lambda: page.locator("#preset-b").select_option("none"))
    page.locator("#file").set_input_files(saved)
    expect(page.locator("#said")).to_have_text("Loaded from the file.")
    visit.settled()
    assert visit.number("B") == number

    visit.expected = ("Failed to load resource",)
    saved.write_text('{"patient": {"site": "<img src=x onerror=alert(1)>"}, "a": {}, "b": []}')
    page.locator("#file").set_input_files(saved)
    expect(page.locator("#said.error")).to_contain_text("cannot be loaded")
    assert visit.number("B") == number


def test_a_schedule_of_the_map_or_of_the_list_is_loaded(visit: Visit) -> None:
    page = visit.page
    page.locator("#scan-drawer summary").click()
    page.locator("#scan .ask").click()
    first = page.locator("button.heat").first
    first.wait_for()
    first.focus()
    page.keyboard.press("ArrowRight")
    chosen = page.locator("button.heat:focus")
    number = chosen.inner_text()
    _, answer = visit.answer_to(lambda: page.keyboard.press("Enter"))
    assert abs(grade2(answer, "b")["of_100"] - near(number)) <= 4
    assert violations(page) == []

    page.locator("#options-drawer summary").click()
    page.locator("#options .ask").click()
    row = page.locator("#options tbody tr").first
    row.wait_for()
    number = row.locator("b").inner_text()
    _, answer = visit.answer_to(lambda: row.get_by_text("Load").click())
    assert abs(grade2(answer, "b")["of_100"] - near(number)) <= 4
    assert violations(page) == []
    visit.answer_to(lambda: page.locator("#preset-a").select_option("none"))
    expect(page.locator("#scan")).to_contain_text("ask again")
    assert page.locator("#scan table, #options table").count() == 0


def test_print_is_one_page_with_everything_that_matters(visit: Visit) -> None:
    page = visit.page
    assert printed_pages(page) == 1
    page.emulate_media(media="print")
    for what in (".banner", "#fields", "#headline", "svg.people", ".calendar", "table.risks",
                 "svg.chart", "#source", ".sticker", "#printed", "#limits"):  # fmt: skip
        assert page.locator(what).first.is_visible(), what
    assert not page.locator("#print").is_visible()
    assert re.search(r"posterior [0-9a-f]{12}\.", page.locator("#source").inner_text())
    assert re.search(r"Printed on \d+ \w+ 20\d\d at", page.locator("#printed").inner_text())


def test_print_of_a_crowded_case_is_one_page(visit: Visit) -> None:
    counts = [{"day": d, "value": 0.9, "quantity": "alc"} for d in range(-14, 42, 7)]
    pulses = [{"day": 14 * k, "days": 3, "mg_per_m2_per_day": 150} for k in range(8)]
    fractions = [{"day": d, "gy": 3} for d in range(28) if d % 7 < 5]
    question = {
        "patient": {
            "site": "+".join(["liver", "spine"] * 5),
            "n_lesions": 10,
            "counts": counts,
            "immune_dose_gy": 4.0,
        },
        "a": {"fractions": fractions, "atra": []},
        "b": {"fractions": fractions, "atra": pulses},
    }
    text = base64.urlsafe_b64encode(json.dumps(question).encode()).decode().rstrip("=")
    visit.open(f"#s={text}")
    assert visit.page.locator("#p-site-10").input_value() == "spine"
    assert printed_pages(visit.page) == 1


def test_synthetic_data_are_said(visit: Visit) -> None:
    synthetic = {}

    def as_synthetic(route: Route) -> None:
        answer = route.fetch()
        synthetic.update(answer.json())
        synthetic["provenance"]["synthetic"] = True
        route.fulfill(response=answer, json=synthetic)

    expect(visit.page.locator("#synthetic")).to_be_hidden()
    visit.page.route("**/form", as_synthetic)
    visit.open()
    expect(visit.page.locator("#synthetic")).to_be_visible()


def test_the_page_is_light(french: Visit) -> None:
    weighed = """() => performance.getEntriesByType('navigation')
        .concat(performance.getEntriesByType('resource'))
        .filter(({ name }) => !name.includes('/api/')).map((file) => file.decodedBodySize)"""
    sizes = french.page.evaluate(weighed)
    assert len(sizes) > 20
    assert sum(sizes) <= LARGEST_PAGE


def test_the_page_has_no_inline_script_or_style() -> None:
    html = page_in("en", "token")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html) == []
    for path in STATIC.glob("*.js"):
        assert "innerHTML" not in path.read_text(encoding="utf-8").replace("no innerHTML", "")
