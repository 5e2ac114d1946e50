"""The page in the language of its reader: chosen by hand, else as the browser asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from lymphokin.pages.environment import page_environment
from lymphokin.pages.messages import ENGLISH, languages, says, words_of

COOKIE = "lymphokin_language"
"""Holds the language that was chosen by hand, and nothing else; the page writes it."""

SPOKEN = "x-lymphokin-language"
"""Header by which the page says which language it speaks; without it no words are sent."""
OF_THE_BODY = ("content-length", "content-type")
"""Headers that belong to the answer without words."""


def language_of(request: Request) -> str:
    """Language of the page for a request."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in languages():
        return chosen
    return accepted(request.headers.get("accept-language", ""))


def accepted(header: str) -> str:
    """The language that an Accept-Language header prefers among those there are; else English.

    Example:
        >>> from lymphokin.web.language import accepted
        >>> accepted("de-CH, fr-CH;q=0.9, en;q=0.5")
        'fr'
    """
    wishes = []
    for part in header.split(","):
        name, _, weight = part.strip().lower().partition(";q=")
        try:
            wishes.append((float(weight or 1), name.split("-")[0]))
        except ValueError:
            continue  # no weight at all
    known = [(weight, name) for weight, name in wishes if weight > 0 and name in languages()]
    return max(known, key=lambda wish: wish[0])[1] if known else ENGLISH


def worded(request: Request, response: Response) -> Response:
    """An answer of the service with ``words``, if the page that asks says what it speaks."""
    language = request.headers.get(SPOKEN)
    if language not in languages():
        return response
    answer = json.loads(bytes(response.body))
    kept = {k: v for k, v in response.headers.items() if k not in OF_THE_BODY}
    words = words_of(language, answer, request.app.state.desk.labels(language))
    return JSONResponse(answer | {"words": words}, response.status_code, kept)


class WordedRoute(APIRoute):
    """A route whose answers have words."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Handle a request, and add the words."""
        handle = super().get_route_handler()

        async def handle_and_add(request: Request) -> Response:
            return worded(request, await handle(request))

        return handle_and_add


def page_in(language: str, token: str) -> str:
    """The page as HTML.

    Args:
        language: one that there is a catalogue of.
        token: of this start of the service.
    """
    names = {name: says(name, "page.this_language") for name in languages()}
    template = page_environment("lymphokin.web").get_template("what_if.html.j2")
    return template.render(t=partial(says, language), language=language, names=names, token=token)
