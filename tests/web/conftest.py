"""A running service and a browser, once for all tests of the page."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from lymphokin.model import load_model
from lymphokin.whatif.answers import Difference, Estimate
from lymphokin.whatif.judging import SIX_WEEKS, in_words
from lymphokin.whatif.questions.between_models import BetweenModelsAnswer, Mixture, ModelRisk
from tests.conftest import SavedRun

WARM_UP_S = 600
ANSWER_MS = 60_000
QUESTION = "/api/v1/whatif"
MODELS = "/api/v1/models"


def of_models() -> dict:
    """An answer of three models that do not agree; the real ones take a minute to compile."""

    def of_100(count: int) -> Estimate:
        return Estimate(p=count / 100, low=count / 200, high=count / 100, of_100=count)

    def row(name: str, a: int, b: int, knows: bool) -> ModelRisk:
        apart = Difference(p=(a - b) / 100, low=-0.2, high=0.0, of_100=a - b, verdict="unclear",
                           probability_a_better=0.5, probability_b_better=0.1, better_by=0.05,
                           assumption=None)  # fmt: skip
        return ModelRisk(model=name, description=name, rests_on="published cohorts",
                         knows_drugs_a=True, knows_drugs_b=knows, asked_first=a == 20, a=of_100(a),
                         b=of_100(b), difference=apart, counts_used=1, reliable=knows)  # fmt: skip

    spans = ((2, 31, 20, 42), (1, 44, 44, 44), (1, -24, -24, -24))
    over = [Mixture(models=n, mean=m, lowest=low, highest=high) for n, m, low, high in spans]
    rows = [row("first_model", 20, 44, True), row("other_model", 42, 42, False)]
    endpoint = in_words(SIX_WEEKS, load_model("myeloid_lymphoid"))
    answer = BetweenModelsAnswer(
        models=rows, endpoint=endpoint, a=over[0], b=over[1], difference=over[2]
    )
    return answer.model_dump(mode="json")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `lymphokin serve` with the literature posterior of the default model."""
    with serving(tmp_path_factory.mktemp("serve") / "log") as address:
        yield address


@pytest.fixture(scope="session")
def run_service(hedos_run: SavedRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `lymphokin serve` with a fit of a small model."""
    with serving(tmp_path_factory.mktemp("serve") / "log", hedos_run.folder) as address:
        yield address


@contextmanager
def serving(log: Path, *arguments: object) -> Iterator[str]:
    """Address of `lymphokin serve` while it runs; what it prints goes to a file."""
    command = [sys.executable, "-c", "from lymphokin.cli import main; main()", "serve"]
    command += [str(argument) for argument in arguments]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--port", "0", "--no-open"], stderr=output, stdout=output
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(20)


def _address(process: subprocess.Popen, log: Path) -> str:
    until = time.monotonic() + WARM_UP_S
    while time.monotonic() < until:
        said = "".join(log.read_text().split())
        if process.poll() is not None:
            pytest.fail(f"lymphokin serve ended: {log.read_text()}")
        if "http://" in said:
            address = "http://" + said.split("http://")[1].split("/")[0]
            try:
                with urllib.request.urlopen(f"{address}/api/v1/health") as answer:
                    if b'"ready"' in answer.read():
                        return address
            except OSError:
                pass
        time.sleep(0.2)
    pytest.fail(f"lymphokin serve was not ready after {WARM_UP_S} s: {log.read_text()}")


@dataclass
class Visit:
    """A page, and everything that it asked, was answered and complained about."""

    page: Page
    address: str
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """beginnings of complaints that a test provokes"""

    def open(self, fragment: str = "") -> None:
        """Load the page and wait for its first answer."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/{fragment}")
        self.settled()

    def settled(self) -> None:
        """Wait until an answer to what is entered stands on the page."""
        self.page.wait_for_selector("#board[aria-busy=false] #answer-1", timeout=ANSWER_MS)

    def answer_to(self, act: Any) -> tuple[dict, dict]:
        """Question and answer that stand on the page when `act()` is done.

        The last question counts: each key typed asks one, and what was entered before `act()` may
        be asked only while it acts.
        """
        earlier = self.questions()
        with self.page.expect_request(lambda r: r.url.endswith(QUESTION) and r not in earlier):
            act()
        self.settled()
        last = self.questions()[-1]
        response = last.response()
        assert response is not None, f"{last.url}: {last.failure}"
        assert response.status == 200, response.text()
        return last.post_data_json, response.json()

    def questions(self) -> list[Request]:
        return [request for request in self.requests if request.url.endswith(QUESTION)]

    def number(self, letter: str) -> str:
        return self.page.locator(f'[data-number="{letter}.of_100"]').inner_text()


@contextmanager
def visiting(service: str, browser: Browser, locale: str) -> Iterator[Visit]:
    """A fresh page with its first answer; ends with no complaint and no request elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale)
    context.route(f"**{MODELS}", lambda route: route.fulfill(json=of_models()))
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=service)
    page = context.new_page()
    page.set_default_timeout(ANSWER_MS)
    visit = Visit(page, service)
    page.on("request", lambda request: visit.requests.append(request))
    page.on(
        "console",
        lambda said: visit.complaints.append(said.text) if said.type != "log" else None,
    )
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.open()
    yield visit
    context.close()
    asked = [request.url for request in visit.requests]
    elsewhere = [url for url in asked if not url.startswith((service, "about:", "blob:"))]
    assert elsewhere == []
    assert [c for c in visit.complaints if not c.startswith(visit.expected or ("\0",))] == []


@pytest.fixture
def visit(service: str, browser: Browser) -> Iterator[Visit]:
    """The page in English."""
    with visiting(service, browser, "en-GB") as page:
        yield page


@pytest.fixture
def french(service: str, browser: Browser) -> Iterator[Visit]:
    """The page in a browser that asks for French."""
    with visiting(service, browser, "fr-FR") as page:
        yield page
