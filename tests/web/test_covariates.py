"""Covariates that a model declares, on the page: entered, sent, and kept in its links."""

import json

import pytest
from playwright.sync_api import Route, expect

from lymphokin.pages.messages import say, words_of
from lymphokin.web.form import Choice, FormField
from tests.web.conftest import QUESTION, Visit

pytestmark = pytest.mark.browser
DECLARED = (
    FormField(name="STEROIDS", label="Prednisone", kind="number", unit="mg", help="", required=True,
              used=True, minimum=0, maximum=200, default=0,
              note=say("patient.held", low=0, high=200, missing=0)),
    FormField(name="CENTRE", label="Centre", kind="choice", unit="", help="", required=False,
              used=True, choices=[Choice(value=w, label=w) for w in ("North", "South")]),
)  # fmt: skip


def test_covariates_of_the_model_are_entered_sent_and_kept_in_a_link(french: Visit) -> None:
    """The form declares them; the default model behind it, which has none, is not asked of them."""
    page, sent = french.page, []

    def with_covariates(route: Route) -> None:
        form = route.fetch().json()
        form["covariates"] = [field.model_dump(mode="json") for field in DECLARED]
        form["default"]["patient"]["covariates"] = {"STEROIDS": 0}
        route.fulfill(json=form | {"words": words_of("fr", form)})

    def without(route: Route) -> None:
        asked = route.request.post_data_json
        sent.append(asked["patient"].pop("covariates"))
        route.continue_(post_data=json.dumps(asked))

    page.route("**/form", with_covariates)
    page.route(f"**{QUESTION}", without)
    french.open()
    assert sent[-1] == {"STEROIDS": 0}
    expect(page.locator("#p-STEROIDS-hint")).to_contain_text("Maintenu à cette valeur")
    assert page.locator("label[for=p-STEROIDS]").inner_text().split() == ["Prednisone", "mg"]
    french.answer_to(lambda: page.locator("#p-STEROIDS").fill("7,5"))
    french.answer_to(lambda: page.locator("#p-CENTRE").select_option("South"))
    assert sent[-1] == {"STEROIDS": 7.5, "CENTRE": "South"}
    page.locator("#link").click()
    expect(page.locator("#said")).to_contain_text("Lien")
    french.open(page.url.removeprefix(f"{french.address}/"))
    assert page.locator("#p-STEROIDS").input_value() == "7,5"
    assert page.locator("#p-CENTRE").input_value() == "South"
    assert sent[-1] == {"STEROIDS": 7.5, "CENTRE": "South"}
    french.answer_to(lambda: page.locator("#p-STEROIDS").fill(""))
    assert sent[-1] == {"CENTRE": "South"}  # which a model that reads steroids refuses
