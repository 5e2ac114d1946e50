"""Connections that say nothing, or half of something, keep nobody out."""

import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from lymphokin.web import connections

HALVES = (b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")


async def answer(request: Request) -> PlainTextResponse:
    with suppress(ClientDisconnect):
        await request.body()
    time.sleep(float(request.query_params.get("seconds", 0)))
    return PlainTextResponse("here")


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.15)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 8)
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    server = uvicorn.Server(connections.server_config(app))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(64)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        yield bound.getsockname()[1]
        server.should_exit = True
        thread.join(5)


def asked(port: int, query: str = "") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{query}", timeout=5) as found:
        return found.read().decode()


@pytest.mark.parametrize("half", HALVES)
def test_half_open_connections_keep_nobody_out(port: int, half: bytes) -> None:
    opened = []
    for _ in range(8):
        opened.append(socket.create_connection(("127.0.0.1", port)))
        opened[-1].sendall(half)
        time.sleep(0.005)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        asked(port)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            assert asked(port) == "here"
            break
        except urllib.error.HTTPError:
            time.sleep(0.05)
    else:
        pytest.fail("the connections were never closed")
    for each in opened:
        each.close()


def test_a_slow_answer_is_waited_for(port: int) -> None:
    assert asked(port, "?seconds=0.5") == "here"
