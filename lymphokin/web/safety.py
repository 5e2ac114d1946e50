"""What keeps the service private: this machine only, one page only, bounded work."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from lymphokin.web.dose_file import LARGEST_TABLE

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

TOKEN_HEADER = "X-Lymphokin-Token"
LARGEST_BODY = 64 * 1024
"""Bytes; the largest question allowed by the limits takes about 10 kB."""
DOSE_PATH = "/api/v1/dose"
"""Takes tables, which are larger than questions."""
MOST_PER_SECOND = 60
"""Questions that may come within a second; a page that is dragged asks some 10."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


def new_token() -> str:
    """A token that only pages served since this start know."""
    return secrets.token_urlsafe(24)


def refusal(status: int, text: str, **headers: str) -> JSONResponse:
    """A refusal in the shape of all errors: ``{"errors": [{"field": "", "text": ...}]}``."""
    return JSONResponse({"errors": [{"field": "", "text": text}]}, status, headers)


class Guard:
    """Middleware: trusted host, own origin, token, size and rate; safe headers on every answer."""

    def __init__(self, app: Asgi, hosts: frozenset[str], token: str) -> None:
        self.app = app
        self.hosts = hosts
        self.token = token
        self._recent: deque[float] = deque()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.lower().encode(), v.encode()) for k, v in HEADERS.items()
                      if k.lower().encode() not in names),
                ]  # fmt: skip
            await send(message)

        refused = self._refuse(scope, Headers(scope=scope))
        if refused is not None:
            await refused(scope, receive, send_safely)
            return
        largest = LARGEST_TABLE if scope["path"] == DOSE_PATH else LARGEST_BODY
        body = await _bounded(receive, largest) if scope["method"] == "POST" else receive
        if body is None:
            too_large = refusal(413, f"a question may have {largest // 1024} kB")
            await too_large(scope, receive, send_safely)
            return
        await self.app(scope, body, send_safely)

    def _refuse(self, scope: Message, headers: Headers) -> JSONResponse | None:
        if headers.get("host", "") not in self.hosts:
            return refusal(400, "this service answers to this machine only (unknown Host)")
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self.hosts:
            return refusal(403, "questions from other pages are refused (Origin)")
        same = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        if not same and not _opens_the_page(scope, headers):
            return refusal(403, "questions from other pages are refused (Sec-Fetch-Site)")
        method = scope["method"]
        if method in ("GET", "HEAD"):
            return None
        if method != "POST":
            return refusal(405, f"{method} is not understood; GET and POST are", Allow="GET, POST")
        given = headers.get(TOKEN_HEADER, "")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return refusal(403, f"the token of this start is missing or wrong ({TOKEN_HEADER}); "
                           "reload the page")  # fmt: skip
        if headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return refusal(415, "a question is JSON (Content-Type: application/json)")
        return self._too_many()

    def _too_many(self) -> JSONResponse | None:
        now = time.monotonic()
        while self._recent and now - self._recent[0] > 1.0:
            self._recent.popleft()
        if len(self._recent) >= MOST_PER_SECOND:
            return refusal(429, f"more than {MOST_PER_SECOND} questions in a second",
                           **{"Retry-After": "1"})  # fmt: skip
        self._recent.append(now)
        return None


def _opens_the_page(scope: Message, headers: Headers) -> bool:
    """Whether somebody follows a link to the page from elsewhere, in a tab of its own.

    It shows what anybody sees who opens the page, and no other page can read it.
    """
    tab = (
        headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )
    return tab and scope["method"] == "GET" and scope["path"] == "/"


async def _bounded(receive: Receive, largest: int) -> Receive | None:
    """The whole body, read ahead; None when it has more than ``largest`` bytes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > largest:
            return None
        if not message.get("more_body", False):
            break
    whole: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again
