"""The page, its figure and its print show the number of the service and of the commands, with a fit
and with published cohorts, in English and in French.
"""

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import lymphokin.run
from lymphokin.whatif.limits import SETTLED_DRAWS
from tests.conftest import SavedRun
from tests.web.conftest import Visit, visiting
from tests.whatif.test_same_number import BEFORE, DEPTH, numbers_of_commands, question_of

pytestmark = pytest.mark.browser
LANGUAGES = ("en-GB", "fr-FR")
PRINTED = """of => {
  const shown = document.querySelector(`[data-number="${of}.of_100"]`);
  return shown.checkVisibility() ? shown.innerText : "";
}"""


def fragment(question: dict) -> str:
    """The question as a link holds it."""
    text = base64.urlsafe_b64encode(json.dumps(question).encode()).decode()
    return f"#s={text.rstrip('=')}"


def shown_as(estimate: dict, locale: str) -> str:
    """A judged number as the page writes it in English or French."""
    if estimate["of_100"] is not None:
        return {0: "< 1", 100: "> 99"}.get(estimate["of_100"], f"{estimate['of_100']}")
    return f"{estimate['p']:g}".replace(".", "," if locale == "fr-FR" else ".")


def answer_on(visit: Visit, question: dict) -> dict[str, dict]:
    """What the service answers, by schedule, when the page is opened with a question."""
    visit.open(fragment(question))
    response = visit.questions()[-1].response()
    assert response is not None
    answer = response.json()
    assert answer["draws"] == SETTLED_DRAWS
    return {key: answer[key]["judged"]["planned"] for key in "ab"}


@pytest.mark.parametrize("source", ["published cohorts", "a run"])
def test_page_figure_print_service_and_commands_show_one_number(
    source: str, browser: Browser, request: pytest.FixtureRequest, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    service, run = request.getfixturevalue("service"), None
    if source == "a run":
        saved: SavedRun = request.getfixturevalue("hedos_run")
        service, run = request.getfixturevalue("run_service"), saved.folder
        fit = lymphokin.run.open_run(run)
        monkeypatch.setattr(lymphokin.run, "open_run", lambda *_: fit)  # so that it compiles once
    questions = [
        question_of([BEFORE], endpoint, SETTLED_DRAWS)
        for endpoint in ("grade2_week6", {"name": "depth", **DEPTH})
    ]
    expected = [numbers_of_commands(question, run, tmp_path) for question in questions]
    for locale in LANGUAGES:
        with visiting(service, browser, locale) as visit:
            page = visit.page
            for question, numbers in zip(questions, expected, strict=True):
                assert answer_on(visit, question) == numbers
                written = {key: shown_as(numbers[key], locale) for key in "ab"}
                for medium in ("screen", "print"):
                    page.emulate_media(media=medium)
                    for i, key in enumerate("ab"):
                        assert page.evaluate(PRINTED, key.upper()) == written[key]
                        people = page.locator(f"#answer-{i} svg.people .person:not(.none)")
                        assert people.count() == (numbers[key]["of_100"] or 0)
